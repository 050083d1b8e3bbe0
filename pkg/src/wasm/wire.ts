import { invalid } from "../error.ts";
import type { Account } from "../gate.ts";
import { instant } from "../instant.ts";

/** Where a caller is seen, in the platform's own spelling: `{ country: "US", region: "TX" }`. Absent or empty: unknown. */
export interface Place {
  /** ISO 3166-1 alpha-2, or what the platform has instead: `T1`, `XX`, `US-PR`. */
  readonly country?: string | null | undefined;
  /** The ISO 3166-2 part after the country, `TX`, or the whole, `UA-43`. */
  readonly region?: string | null | undefined;
}

/**
 * What is known of a caller before the body is read. All that is left out, or null, is unknown; what is of another kind than said here is an
 * error, `input_invalid`.
 */
export interface Facts {
  /** One place; several where trusted sources differ, each then a candidate. */
  readonly place?: Place | readonly Place[] | null | undefined;
  /** Any of `tor`, `vpn`, `proxy`, `hosting`, `relay`, `satellite`. */
  readonly network?: readonly string[] | null | undefined;
  /** Number of the autonomous system, 13335. */
  readonly asn?: number | null | undefined;
  /** Address of the caller, IPv4 or IPv6, without port and zone. */
  readonly ip?: string | null | undefined;
  /** One account for each credential in the request; none means a caller of whom nothing is known. */
  readonly account?: Account | readonly Account[] | null | undefined;
  /** The bundle or the switches are past their freshness: nothing opens, and what rests on proof closes. */
  readonly stale?: boolean | null | undefined;
  /** Milliseconds since the epoch, from 2020 on; the clock's time if left out. */
  readonly now?: number | null | undefined;
}

/** Facts of one instant: what is asked later about the same request is answered for the same time. */
export type Settled = Facts & { readonly now: number };

/** @throws PortcullisError `input_invalid` */
export function settled(facts: Facts): Settled {
  // By name and once: a class may keep them as getters of its prototype, and what is read twice may differ.
  const { place, network, asn, ip, account, stale, now } = record(facts, "the facts") as Facts;
  return { place, network, asn, ip, account, stale, now: instant(now) };
}

/**
 * The facts as the line that the edge module's `reach` reads, behind method and address: one value a line, so no value may hold a line feed. What a number, an
 * address or a word may be is the module's to say.
 */
export function factsLine({ place, network, asn, ip, stale }: Facts): string {
  if (!isMissing(asn) && typeof asn !== "number") throw invalid("`asn` is no number");
  if (!isMissing(stale) && typeof stale !== "boolean")
    throw invalid("`stale` is neither true nor false");
  let text = `${asn ?? ""}\n${optional(ip, "ip")}\n`;
  if (!isMissing(network)) {
    if (!isList(network)) throw invalid("`network` is no list");
    text += network.map((kind) => word(kind, "network")).join(",");
  }
  text += stale === true ? "\nstale" : "\n";
  if (isMissing(place)) return `${text}\n `;
  if (!isList(place)) return text + placeLine(place);
  for (const one of place) text += placeLine(one);
  return place.length === 0 ? `${text}\n ` : text;
}

function placeLine(place: unknown): string {
  const { country, region } = record(place, "`place`");
  return `\n${optional(country, "country")} ${optional(region, "region")}`;
}

/** An object, of whatever realm, and no list, map or promise: of such a thing every member would be left out. */
export function record(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (Object.prototype.toString.call(value) === "[object Object]")
    return value as Readonly<Record<string, unknown>>;
  throw invalid(`${what}: no object`);
}

/** A text that no line feed ends. */
export function whole(value: unknown, what: string): string {
  if (typeof value !== "string" || value.includes("\n"))
    throw invalid(`\`${what}\` is no text, or holds a line feed`);
  return value;
}

function optional(value: unknown, what: string): string {
  return isMissing(value) ? "" : whole(value, what);
}

function word(value: unknown, what: string): string {
  const text = whole(value, what);
  if (text === "" || text.includes(",")) throw invalid(`\`${text}\` is no word of \`${what}\``);
  return text;
}

export function isMissing(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

export function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
