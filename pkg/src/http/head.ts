/** Method, address and headers as they arrived, held to what an HTTP message can carry. */
import { invalid } from "../error.ts";
import { isMissing, record, whole } from "../wasm/wire.ts";

/** Pairs, so that lines that came twice stay two; a `Headers`; or an object, as Node has it. */
export type HeaderLines =
  | Iterable<readonly [string, string]>
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/** Method and target of a request, as they arrived. */
export interface Head {
  readonly method: string;
  /** Absolute, or a path with its query. */
  readonly url: string;
  readonly headers?: HeaderLines | null | undefined;
}

type Pairs = Iterable<readonly [string, string]>;

/** A head that may be read more than once. */
export interface ReadHead extends Head {
  readonly headers: Pairs;
}

// RFC 9110 section 5.6.2.
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;
/** The same, and the names that HTTP/2 has among the headers (RFC 9113 section 8.3): `:path`. */
const NAME = /^:?[!#$%&'*+.^_`|~\w-]+$/;
/** What RFC 9112 section 3.2 has as a target: a path, an address, `*` or, for `CONNECT`, a host and a port. */
const TARGET = /^(?:\/|[a-z][a-z\d+.-]*:|\*$|[^/?#\s]+:\d+$)/i;

/** @throws PortcullisError `input_invalid` */
export function headOf(head: Pick<Head, "method" | "url" | "headers">): ReadHead {
  if (typeof head !== "object" || head === null) throw invalid("the request is no object");
  const { method, url, headers } = head;
  if (!TOKEN.test(whole(method, "method"))) throw invalid(`\`${method}\` is no method`);
  if (!TARGET.test(whole(url, "url"))) throw invalid("`url` is neither an address nor a path");
  return { method, url, headers: pairs(headers) };
}

/** The method, and those that a header asks for in its place: the request may be taken for any of them. */
export function methods({ method, headers }: ReadHead): string {
  let all = method;
  for (const [name, value] of headers)
    if (/^x[-_](?:http[-_])?method(?:[-_]override)?$/i.test(name)) all += `,${whole(value, name)}`;
  return all;
}

/** Header lines as the edge module reads them; a line feed in a value would be a header of its own. */
export function headerLines(headers: Pairs): string {
  let text = "";
  for (const [name, value] of headers) text += `${name}: ${whole(value, name)}\n`;
  return text;
}

/** @throws PortcullisError `input_invalid` */
export function pairs(headers: Head["headers"]): Pairs {
  if (isMissing(headers)) return [];
  // The runtime has looked at these, and to ask it for them costs as much as a decision.
  if (Object.prototype.toString.call(headers) === "[object Headers]") return headers as Pairs;
  // Others may be read once only, or be changed.
  const read: [string, string][] = [];
  const put = (name: unknown, value: unknown): void => {
    if (typeof name !== "string" || !NAME.test(name)) throw invalid("a name of a header is none");
    if (typeof value !== "string" || /[\0\r\n]/.test(value))
      throw invalid(`the header \`${name}\` is no text, or holds an end of line`);
    read.push([name, value]);
  };
  if (typeof headers === "object" && Symbol.iterator in headers) {
    for (const pair of headers as Iterable<unknown>) {
      if (!Array.isArray(pair) || pair.length !== 2) throw invalid("`headers` are no pairs");
      put(pair[0], pair[1]);
    }
    return read;
  }
  // Of another class's object, and of what comes bit by bit, the members would be none.
  const above: unknown = Object.getPrototypeOf(record(headers, "`headers`"));
  if ((above !== null && Object.getPrototypeOf(above) !== null) || Symbol.asyncIterator in headers)
    throw invalid("`headers` are neither pairs nor a plain object");
  for (const [name, value] of Object.entries(headers)) {
    // Node has such members for what did not come.
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) put(name, one);
  }
  return read;
}

/** Whether an answer has such a status; another would count as one of those that nobody need read. */
export function isStatus(status: unknown): status is number {
  return Number.isInteger(status) && (status as number) >= 100 && (status as number) < 600;
}
