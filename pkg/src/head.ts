/** Reads method, target and headers from calling code, and checks that HTTP can carry them. */
import { invalid } from "./error.ts";
import { isMissing, record, whole } from "./input.ts";
import type { Head } from "./types.ts";

type Pairs = Iterable<readonly [string, string]>;

/** A checked head. Its headers can be read more than once. */
export interface CheckedHead extends Head {
  readonly headers: Pairs;
}

// RFC 9110 section 5.6.2.
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;
/** A token, or a pseudo-header of HTTP/2 such as `:path` (RFC 9113 section 8.3). */
const NAME = /^:?[!#$%&'*+.^_`|~\w-]+$/;
/**
 * A target by RFC 9112 section 3.2: a path, an absolute URL, `*`, or host and port for `CONNECT`.
 */
const TARGET = /^(?:\/|[a-zA-Z][a-zA-Z\d+.-]*:|\*$|[^/?#\s]+:\d+$)/;

/** The last method and the last target that were found to be valid. Most requests repeat them. */
let lastMethod = "";
let lastTarget = "";

/** @throws PortcullisError `input_invalid` */
export function headOf(head: Head): CheckedHead {
  if (typeof head !== "object" || head === null) throw invalid("the request is no object");
  const { method, url, headers } = head;
  if (method !== lastMethod || method === "") {
    if (!TOKEN.test(whole(method, "method"))) throw invalid(`\`${method}\` is no method`);
    lastMethod = method;
  }
  if (url !== lastTarget || url === "") {
    if (!TARGET.test(whole(url, "url"))) throw invalid("`url` is neither an address nor a path");
    lastTarget = url;
  }
  return { method, url, headers: pairs(headers) };
}

/**
 * Returns header lines as pairs that can be read more than once.
 *
 * @throws PortcullisError `input_invalid`
 */
export function pairs(headers: Head["headers"]): Pairs {
  if (isMissing(headers)) return [];
  // The runtime has checked its own class. Copying it would cost as much as a decision.
  if (Object.prototype.toString.call(headers) === "[object Headers]") return headers as Pairs;
  // Another iterable may work only once, or change later, so it is copied.
  const read: [string, string][] = [];
  const put = (name: unknown, value: unknown): void => {
    if (typeof name !== "string" || !NAME.test(name)) throw invalid("a header's name is no token");
    if (typeof value !== "string" || /[\0\r\n]/.test(value))
      throw invalid(`the header \`${name}\` is no string, or holds an end of line`);
    read.push([name, value]);
  };
  if (typeof headers === "object" && Symbol.iterator in headers) {
    for (const pair of headers as Iterable<unknown>) {
      if (!Array.isArray(pair) || pair.length !== 2) throw invalid("`headers` are no pairs");
      put(pair[0], pair[1]);
    }
    return read;
  }
  // An instance of some other class, or an async iterable, would seem to have no headers.
  const prototype: unknown = Object.getPrototypeOf(record(headers, "`headers`"));
  if (
    (prototype !== null && Object.getPrototypeOf(prototype) !== null) ||
    Symbol.asyncIterator in headers
  )
    throw invalid("`headers` are neither pairs nor a plain object");
  for (const [name, value] of Object.entries(headers)) {
    // Node's headers hold `undefined` for absent ones.
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) put(name, one);
  }
  return read;
}
