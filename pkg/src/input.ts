/**
 * Checks of the values that calling code passes in.
 *
 * A value of the wrong kind throws `input_invalid`. It never counts as absent, because an absent
 * fact or body can make a verdict milder. No check asks for a constructor, because values come from
 * other realms and other packages too.
 */
import { invalid } from "./error.ts";

/** A buffer, or any view of one, of any realm. */
export type Buffered = ArrayBufferLike | ArrayBufferView;
/** Bytes. A string means its UTF-8. */
export type Bytes = Buffered | string;

const encoder = new TextEncoder();

/**
 * Returns the bytes of a value without copying them.
 *
 * @param what Names the value in the error.
 * @throws PortcullisError `input_invalid` for streams, blobs, promises and parsed objects, and for
 *   detached buffers
 */
export function bytesOf(given: unknown, what: string): Uint8Array {
  // A subclass may report another length than it has, so only a plain `Uint8Array` takes the short
  // way.
  if (
    typeof given === "object" &&
    given !== null &&
    Object.getPrototypeOf(given) === Uint8Array.prototype &&
    ArrayBuffer.isView(given) &&
    (given as Uint8Array).length > 0
  )
    return given as Uint8Array;
  if (typeof given === "string") return encoder.encode(given);
  try {
    // `DataView` accepts only a buffer, and only one that was not transferred.
    const view = ArrayBuffer.isView(given) ? given : new DataView(given as ArrayBuffer);
    // A typed array beyond the end of its shrunk buffer reports length 0, but its methods throw.
    if ("length" in view) Uint8Array.prototype.keys.call(view as Uint8Array);
    return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  } catch (cause) {
    throw invalid(`${what}: neither bytes nor a string, or bytes that are gone`, cause);
  }
}

// 2020-01-01 and 3000-01-01. A value outside counts seconds or microseconds.
const EARLIEST_MS = 1_577_836_800_000;
const LATEST_MS = 32_503_680_000_000;

/**
 * Returns `now` in milliseconds since the epoch, by default the clock's time.
 *
 * @throws PortcullisError `input_invalid` for another unit or type: dates of rules would be missed
 */
export function instant(now: unknown): number {
  const ms = now ?? Date.now();
  // NaN fails both comparisons.
  if (typeof ms === "number" && ms >= EARLIEST_MS && ms < LATEST_MS) return ms;
  throw invalid("`now` is not in milliseconds since the epoch");
}

/**
 * Returns a plain object, of any realm.
 *
 * @throws PortcullisError `input_invalid` for lists, maps and promises, whose members would all
 *   count as absent
 */
export function record(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (isPlain(value) || Object.prototype.toString.call(value) === "[object Object]")
    return value as Readonly<Record<string, unknown>>;
  throw invalid(`${what}: no object`);
}

/** Whether a value is an object of this realm without a class. */
export function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
  );
}

/** Returns a string without line feeds, because the edge module reads values line by line. */
export function whole(value: unknown, what: string): string {
  if (typeof value !== "string" || value.includes("\n"))
    throw invalid(`\`${what}\` is no string, or holds a line feed`);
  return value;
}

/** Whether a value is the number of an autonomous system: 32 bits (RFC 6793). */
export function isAsn(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32;
}

/** Whether a value is `null` or `undefined`. */
export function isMissing(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** `Array.isArray`, typed for read-only lists. */
export function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

/** Whether a number is a status code that a response can have (RFC 9110 section 15). */
export function isStatus(status: unknown): status is number {
  return Number.isInteger(status) && (status as number) >= 100 && (status as number) < 600;
}
