import { PortcullisError } from "./error.ts";
import type { Account } from "./gate.ts";

/** Where a caller is seen, in the platform's own spelling: `{ country: "US", region: "TX" }`. Absent or empty: unknown. */
export interface Place {
  /** ISO 3166-1 alpha-2, or what the platform has instead: `T1`, `XX`, `US-PR`. */
  readonly country?: string | undefined;
  /** The ISO 3166-2 part after the country, `TX`, or the whole, `UA-43`. */
  readonly region?: string | undefined;
}

/** What is known of a caller before the body is read. All that is left out is unknown. */
export interface Facts {
  /** One place; several where trusted sources differ, each then a candidate. */
  readonly place?: Place | readonly Place[] | undefined;
  /** Any of `tor`, `vpn`, `proxy`, `hosting`, `relay`, `satellite`. */
  readonly network?: readonly string[] | undefined;
  /** Number of the autonomous system, 13335. */
  readonly asn?: number | undefined;
  /** Address of the caller, IPv4 or IPv6. */
  readonly ip?: string | undefined;
  /** One account for each credential in the request; none means a caller of whom nothing is known. */
  readonly account?: Account | readonly Account[] | undefined;
  /** The bundle or the switches are past their freshness: nothing opens, and what rests on proof closes. */
  readonly stale?: boolean | undefined;
  /** Milliseconds since the epoch; the clock's time if left out. */
  readonly now?: number | undefined;
}

/** Method and target of a request, as they arrived. */
export interface Head {
  readonly method: string;
  /** Absolute, or a path with its query. */
  readonly url: string;
  /** Pairs, so that lines that came twice stay two; a `Headers` is fine. */
  readonly headers?: Iterable<readonly [string, string]> | undefined;
}

/** The line format of the edge module's `reach`: one value a line, so no value may hold a line feed. `byOperation`: rules differ by operation. */
export function line(head: Pick<Head, "method" | "url" | "headers">, facts: Facts, byOperation = false): string {
  const { place, network } = facts;
  let text = `${whole(byOperation ? methods(head) : head.method)}\n${whole(head.url)}\n${facts.asn ?? ""}\n${whole(facts.ip)}\n`;
  if (network !== undefined) text += whole(network.join(","));
  text += facts.stale === true ? "\nstale" : "\n";
  if (place === undefined) return `${text}\n `;
  if (!isList(place)) return `${text}\n${whole(place.country)} ${whole(place.region)}`;
  for (const one of place) text += `\n${whole(one.country)} ${whole(one.region)}`;
  return place.length === 0 ? `${text}\n ` : text;
}

/** The method, and those that a header asks for in its place: the request may be taken for any of them. */
function methods({ method, headers }: Pick<Head, "method" | "headers">): string {
  let all = method;
  if (headers !== undefined) {
    for (const [name, value] of headers) if (/^x[-_](?:http[-_])?method(?:[-_]override)?$/i.test(name)) all += `,${value}`;
  }
  return all;
}

/** Header lines as the edge module reads them; a line feed in a value would be a header of its own. */
export function headerLines(headers: Head["headers"]): string {
  let text = "";
  if (headers !== undefined) for (const [name, value] of headers) text += `${whole(name)}: ${whole(value)}\n`;
  return text;
}

function whole(value: string | undefined): string {
  if (value === undefined) return "";
  if (value.includes("\n")) throw new PortcullisError("input_invalid", `a line feed in \`${value}\``);
  return value;
}

export function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
