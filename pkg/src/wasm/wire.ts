/**
 * The line formats and numbers of the boundary to the edge module. No other file knows them.
 *
 * The facts of a request cross as one text, one value a line:
 *
 * ```text
 * method; nothing: what may be used is asked
 * URL; with no method the id of an operation, or nothing for any operation
 * number of the autonomous system, or nothing
 * address, or nothing
 * network kinds, separated by commas
 * `stale`, or nothing
 * country SP region, one line for each candidate place; at least one line
 * an empty line and header lines, if a rule depends on the operation
 * ```
 *
 * Header lines cross as `name: SP value`, each with a line feed. No value may hold a line feed,
 * since it would begin another value.
 *
 * The values of an account may hold anything, so each crosses as a field: its length in UTF-8, a
 * colon and the value. The account's subject is first, then each fact in the order of `info.facts`:
 *
 * ```text
 * nothing                   no such value
 * t                         true
 * f                         false
 * # high SP low             a number: two halves of its 64 bits
 * " text                    a text
 * [ fields                  a list of texts, one field each
 * ?                         a value of a type that no fact has
 * ```
 *
 * The Rust side reads these formats in the binding of the edge module; `pkg/test/wire.test.mjs`
 * holds examples of them and compares the numbers.
 */
import { invalid } from "../error.ts";
import { bytesOf, isList, isMissing, record, whole } from "../input.ts";
import type { Facts } from "../types.ts";

// Bits that `Edge.access` returns. Without READ the request passes unread.
export const READ = 1;
export const GUARDED = 4;
export const LICENSED = 16;
export const INVALID = 32;
export const NO_OPERATION = 64;

// Numbers of reasons, as `Edge.reason` takes them.
export const NO_RESTRICTION = 0;
export const UNGUARDED = 1;

// Results of `Edge.bearing`: what a header can bear on.
/** On nothing. */
export const BEARS_NOTHING = 0;
/** As 1, on how the request is read, if its value begins with `AWS4-`; else on nothing. */
export const BEARS_IF_SIGNED = 2;
/** Its value bears on nothing, its presence may. */
export const BEARS_PRESENCE = 3;

/** No number of a head, no decision yet, no single mention: the largest number of 32 bits. */
export const NO_NUMBER = 0xffff_ffff;

// Argument of `Edge.decide`: which piece of the body is on the stage.
export const PIECE_WHOLE = 0;
export const PIECE_FIRST = 1;
export const PIECE_FURTHER = 2;
export const PIECE_LAST = 3;

/**
 * The bits of a decision (`Edge.decide`, `Reader.finish`) that hold its kind and its check. All are
 * 0 if the request passes and its response needs no check.
 */
export const UNCHECKED_PASS = 31;

/**
 * Whether a decision passes or defers, by the two bits of its kind: 0, 1 deny, 2 refuse, 3. An open
 * verdict does neither.
 */
export function goesOn(decision: number): boolean {
  return decision !== NO_NUMBER && ((decision + 1) & 2) === 0;
}

/** How the response must be checked, by the bits of a decision: a `CHECK_` number. */
export function checkOf(decision: number): number {
  return (decision >> 2) & 7;
}

// How the origin's response must be checked.
/** The response goes through unread. */
export const CHECK_NOTHING = 0;
/** The response lists models; denied ones are left out. */
export const CHECK_FILTER = 1;
// 2: the response must not name a denied model. 3: it must name an allowed model. The module
// applies both.
/** The response names no model, so only an acknowledgement by the origin will do. */
export const CHECK_ACKNOWLEDGED = 4;

// Arguments of `Reader.withhold`: why a response does not go to the client.
/** The response itself was found to name a denied model, or to be unreadable. */
export const WITHHELD_CUT = 0;
/** Nothing shows which model ran. */
export const WITHHELD_UNPROVEN = 1;
/** The stream reached its time limit. */
export const WITHHELD_OUTLIVED = 2;
/** A memory bound is reached. */
export const WITHHELD_EXHAUSTED = 3;

// Results of `Reader.feedOrigin`.
/** The origin's messages must be held. */
export const RELEASE_HOLD = 0;
/** The origin's messages may go to the client. */
export const RELEASE_PASS = 1;

/**
 * Argument of `Reader.decoded`: the body's codings are undone. A larger number is the decoder's
 * reason for failure.
 */
export const DECODED = 0;

/** Bytes of a model id that are judged (`MODEL_ID_BYTES` of the crate's limits). */
export const MODEL_ID_BYTES = 2_048;
/** Heads that the module keeps (`HEADS_REMEMBERED` of the crate's limits). */
export const HEADS_KEPT = 64;
/** Characters of the headers of a head that is remembered (`REMEMBERED_HEADER_CHARACTERS`). */
export const HEADER_CHARACTERS_KEPT = 16_384;
/** Credentials of one request that are looked up (`CANDIDATES` of the crate's limits). */
export const CANDIDATES = 8;

const bits = new DataView(new ArrayBuffer(8));

/**
 * Writes the facts in the format above. The module checks which numbers, addresses and words are
 * valid.
 */
export function factsLines({
  place,
  network,
  asn,
  ip,
  stale,
}: Omit<Facts, "now" | "account">): string {
  if (!isMissing(asn) && typeof asn !== "number") throw invalid("`asn` is no number");
  if (!isMissing(stale) && typeof stale !== "boolean") throw invalid("`stale` is no boolean");
  let text = `${asn ?? ""}\n${optional(ip, "ip")}\n`;
  if (!isMissing(network)) {
    if (!isList(network)) throw invalid("`network` is no list");
    text += network.map((kind) => word(kind, "network")).join(",");
  }
  text += stale === true ? "\nstale" : "\n";
  const places = isMissing(place) ? [] : isList(place) ? place : [place];
  for (const one of places) text += placeLine(one);
  return places.length === 0 ? `${text}\n ` : text;
}

function placeLine(place: unknown): string {
  const { country, region } = record(place, "`place`");
  return `\n${optional(country, "country")} ${optional(region, "region")}`;
}

/** Returns a string without line feeds; empty if the value is missing. */
export function optional(value: unknown, what: string): string {
  return isMissing(value) ? "" : whole(value, what);
}

function word(value: unknown, what: string): string {
  const text = whole(value, what);
  if (text === "" || text.includes(",")) throw invalid(`\`${text}\` is no word of \`${what}\``);
  return text;
}

/** Writes header lines in the format above. */
export function headerText(headers: Iterable<readonly [string, string]>): string {
  let text = "";
  for (const [name, value] of headers) text += `${name}: ${whole(value, name)}\n`;
  return text;
}

/** Returns an own member: a record is data, so `__proto__` and `constructor` are no claims. */
export function member(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null && Object.hasOwn(of, name)
    ? (of as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

/** Returns the value at an RFC 6901 pointer. */
export function valueAt(record: unknown, pointer: string): unknown {
  const tokens = pointer.split("/").slice(1);
  return tokens.reduce(
    (value, token) => member(value, token.replaceAll("~1", "/").replaceAll("~0", "~")),
    record,
  );
}

/** Writes the values of an account in the format above. */
export function accountText(values: readonly unknown[]): string {
  return values.map((value) => field(typed(value))).join("");
}

function typed(value: unknown): string {
  switch (typeof value) {
    case "undefined":
      return "";
    case "boolean":
      return value ? "t" : "f";
    case "number":
      bits.setFloat64(0, value);
      return `#${bits.getUint32(0)} ${bits.getUint32(4)}`;
    case "string":
      return `"${value}`;
  }
  // A list with holes has no type either. A spread makes them visible.
  const texts: readonly unknown[] = isList(value) ? [...value] : [undefined];
  return texts.every((one) => typeof one === "string") ? `[${texts.map(field).join("")}` : "?";
}

function field(text: string): string {
  return `${bytesOf(text, "a value").length}:${text}`;
}
