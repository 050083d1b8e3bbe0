/**
 * Checks the origin's response on its way to a restricted caller: lists lose the denied models, a
 * deferred response goes once it has named an allowed model, and every stream has a time limit.
 *
 * ```text
 * no check         unchanged; a stream up to its time limit
 * list             denied entries left out while it streams; not for any cache
 * checked, held    nothing, not even the head, until the gate frees some bytes; until then a
 *                  refusal is possible
 * checked, begun   the bytes that the gate frees; where it is cut, the API's own error event, then
 *                  the end
 * ```
 *
 * `fetch` undoes the content codings that it knows. The gate asks for none. If an origin uses
 * another one all the same, the gate cannot read the response and withholds it. When the client
 * leaves, the origin's response is cancelled.
 */
import { type Budget, STREAM_LIFE_MS } from "../operate/budget.ts";
import type { Screening } from "../screening.ts";
import type { Refusal } from "../types.ts";
import {
  CHECK_ACKNOWLEDGED,
  CHECK_FILTER,
  CHECK_NOTHING,
  WITHHELD_CUT,
  WITHHELD_EXHAUSTED,
  WITHHELD_OUTLIVED,
  WITHHELD_UNPROVEN,
} from "../wasm/wire.ts";
import type { Platform } from "./platform.ts";
import { type Source, discard, source } from "./stream.ts";

/** List pages that are requested in place of one that has no entry left. */
const PAGES = 32;
/** Bytes of one read. */
const READ_BYTES = 16 * 1024;

/** Headers that ask for a part of a response. That part might be the one that names no model. */
const PARTS = ["if-range", "range", "a-im"];
/** Headers that ask for a list only if it has changed. They refer to the unfiltered list. */
const CONDITIONS = ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"];
/** Headers that describe the bytes that the origin sent. */
const OF_BYTES = [
  "content-length",
  "content-encoding",
  "content-range",
  "accept-ranges",
  "etag",
  "content-md5",
  "digest",
  "content-digest",
  "repr-digest",
];
/** Milliseconds in which an event or line that has begun may end after the time limit. */
const ENDING_MS = 5_000;
/** Match the last characters of a stream at the end of an event or of a line. */
const EVENT = /^$|\n\r?\n$|\r\r\n?$/;
const LINE = /^$|\n$/;
const TAIL = 3;
const encoder = new TextEncoder();
const STREAMS =
  /^\s*(?:text\/event-stream|application\/(?:x-ndjson|vnd\.amazon\.eventstream|stream\+json|jsonl))\s*(?:;|$)/i;

/** A response to check, with what the check needs. */
export interface ResponseCheck {
  readonly request: Request;
  readonly screening: Screening;
  readonly budget: Budget;
  readonly pipe: Platform["pipe"];
  /** The origin states that it has enforced the denied set for this response. */
  readonly acknowledged: boolean;
  /** Makes the response for a refusal. */
  readonly refuse: (refusal: Refusal | undefined) => Response;
  /** Called if the response does not reach its end. The screening's verdict has the reason. */
  readonly withheld: () => void;
  /** Requests another page of the same list. */
  readonly again: (url: string) => Promise<Response>;
  /** By default {@link STREAM_LIFE_MS}. */
  readonly life?: number | undefined;
}

/**
 * Changes request headers so that the response can be checked. `check` is null before the verdict.
 */
export function prepareHeaders(headers: Headers, check: number | null): void {
  if (check === CHECK_NOTHING) return;
  headers.set("accept-encoding", "identity");
  for (const name of PARTS) headers.delete(name);
  if (check === null || check === CHECK_FILTER) for (const name of CONDITIONS) headers.delete(name);
}

/** Makes the client's response from the origin's. */
export async function checkResponse(response: Response, context: ResponseCheck): Promise<Response> {
  const { screening, acknowledged, request, refuse } = context;
  const check = screening.check ?? CHECK_NOTHING;
  const list = check === CHECK_FILTER;
  const free = check === CHECK_NOTHING || !response.ok || (acknowledged && !list);
  if (!free && check === CHECK_ACKNOWLEDGED) {
    discard(response);
    const refusal = screening.withhold(WITHHELD_UNPROVEN);
    context.withheld();
    return refuse(refusal);
  }
  const { body, headers, status } = response;
  if (
    body === null ||
    request.method === "HEAD" ||
    (free && !STREAMS.test(headers.get("content-type") ?? ""))
  ) {
    if (free && body !== null && !headers.has("content-length")) return limited(response, context);
    // Only the head remains. Of a list it describes the unfiltered entries.
    return list ? new Response(body, { status, headers: headersOf(response, true) }) : response;
  }
  return list ? page(response, context) : new ResponseReader(response, context, free).respond();
}

/**
 * Limits the life of a response that may be a stream although its type is no stream's, such as a
 * growing JSON array. The runtime forwards it. It ends without an error event, and clients reject
 * the incomplete JSON.
 */
function limited(response: Response, { pipe, life = STREAM_LIFE_MS }: ResponseCheck): Response {
  const { readable, writable } = pipe(undefined);
  const ended = (response.body as ReadableStream<Uint8Array>).pipeTo(writable, {
    signal: AbortSignal.timeout(life),
    preventAbort: true,
  });
  // The client's stream ends in any case, as it does when the origin's stream breaks off.
  ended.catch(() => writable.close()).catch(() => undefined);
  return new Response(readable, response);
}

/**
 * Sends a list page. If it has no entry left, the next page is requested, because its cursor names
 * a denied model.
 */
async function page(first: Response, context: ResponseCheck): Promise<Response> {
  const { screening, request } = context;
  let response = first;
  for (let pages = 1; ; pages += 1) {
    const reader = new ResponseReader(response, context, false);
    const made = await reader.respond();
    const url = new URL(request.url);
    const name = url.searchParams.has("before_id") ? "before_id" : "after_id";
    const cursor = reader.failed || pages === PAGES ? "" : reader.cursor(name === "after_id");
    if (cursor === "") return made;
    reader.leave();
    url.searchParams.set(name, cursor);
    try {
      response = await context.again(url.href);
    } catch (cause) {
      screening.release();
      throw cause;
    }
    if (response.ok && response.body !== null) continue;
    screening.release();
    return response;
  }
}

function headersOf({ headers }: Response, list: boolean): Headers {
  const made = new Headers(headers);
  for (const name of OF_BYTES) made.delete(name);
  if (list) {
    for (const name of ["last-modified", "expires", "age"]) made.delete(name);
    made.set("cache-control", "private, no-store");
    made.append("vary", "*");
  }
  return made;
}

/** A response that is being read. */
class ResponseReader {
  failed = false;
  readonly #response: Response;
  readonly #context: ResponseCheck;
  readonly #unread: boolean;
  readonly #list: boolean;
  readonly #source: Source;
  readonly #held: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #begun = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #outlived = false;
  #cursors: readonly string[] = [];
  /** The client's stream ends with an error event. */
  #told = false;
  /**
   * The last characters of an unread stream, and the pattern that they match at the end of an event
   * or line.
   */
  #tail = "";
  readonly #whole: RegExp | undefined;

  constructor(response: Response, context: ResponseCheck, unread: boolean) {
    this.#response = response;
    this.#context = context;
    this.#unread = unread;
    const type = response.headers.get("content-type") ?? "";
    if (unread && !/amazon/i.test(type)) this.#whole = /event-stream/i.test(type) ? EVENT : LINE;
    this.#list = context.screening.check === CHECK_FILTER;
    this.#source = source(
      response.body as ReadableStream<Uint8Array>,
      () => new Uint8Array(READ_BYTES),
    );
    context.screening.beginResponse(response, unread);
  }

  /** Returns the client's response, once some bytes may go. */
  async respond(): Promise<Response> {
    const { screening, life = STREAM_LIFE_MS, refuse } = this.#context;
    screening.keep();
    const cancel = () => this.#source.cancel();
    this.#timer = setTimeout(() => {
      this.#outlived = true;
      if (this.#isWhole()) cancel();
      else this.#timer = setTimeout(cancel, Math.min(4 * life, ENDING_MS));
    }, life);
    let first: Uint8Array[];
    try {
      first = this.#unread ? [] : await this.#next();
    } catch (cause) {
      this.#end(cause);
      throw cause;
    }
    if (this.failed && !this.#begun) {
      const refusal = screening.refusal;
      this.#end();
      return refuse(refusal);
    }
    const reader = this;
    const stream = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          try {
            if (first.length === 0 && !reader.#ended) first = await reader.#next();
            for (const chunk of first) controller.enqueue(chunk);
            first = [];
            if (!reader.#ended) return;
            reader.#end();
            // Without an error event the stream can only break off. (workerd ends it all the same.)
            if (reader.failed && !reader.#told) controller.error(new Error("cut"));
            else controller.close();
          } catch (cause) {
            reader.#end(cause);
            controller.error(cause);
          }
        },
        cancel: (reason) => this.#end(reason ?? "cancelled"),
      },
      { highWaterMark: 0 },
    );
    const { status, statusText } = this.#response;
    return new Response(stream, {
      status,
      statusText,
      headers: headersOf(this.#response, this.#list),
    });
  }

  /**
   * Returns the cursor of a page that has no entry left; empty for the last page and for other
   * pages.
   */
  cursor(forward: boolean): string {
    return this.#cursors[forward ? 1 : 0] ?? "";
  }

  /** Ends this response. The screening goes on with another. */
  leave(): void {
    clearTimeout(this.#timer);
  }

  /** Reads until some bytes may go, or the response has ended. */
  async #next(): Promise<Uint8Array[]> {
    const { screening, budget } = this.#context;
    for (;;) {
      // A read that is cancelled fails in workerd, and returns nothing elsewhere.
      const chunk = await this.#source
        .read()
        .catch((cause: unknown) => (this.#outlived ? undefined : Promise.reject(cause)));
      if (this.#outlived && (chunk === undefined || this.#isWhole()))
        return this.#cut(WITHHELD_OUTLIVED);
      if (this.#unread) {
        if (chunk !== undefined) return this.#pass(chunk);
        this.#ended = true;
        return [];
      }
      if (chunk !== undefined && !this.#list) {
        if (!budget.take(chunk.length)) return this.#cut(WITHHELD_EXHAUSTED);
        this.#bytes += chunk.length;
        // A held chunk must not keep a whole buffer for each event of a stream.
        this.#held.push(chunk.length * 2 < READ_BYTES ? chunk.slice() : chunk);
      }
      const { bytes, isCut, list } = screening.feedResponse(chunk);
      const out = this.#list ? (list.length > 0 ? [list] : []) : this.#take(bytes);
      if (isCut) return [...out, ...this.#cut(WITHHELD_CUT)];
      this.#ended = chunk === undefined;
      if (this.#ended && this.#list) this.#cursors = screening.cursors();
      if (out.length > 0 || this.#ended) {
        this.#begun = true;
        return out;
      }
    }
  }

  /** Takes the first `count` held bytes. */
  #take(count: number): Uint8Array[] {
    const out: Uint8Array[] = [];
    let left = count;
    while (left > 0) {
      const chunk = this.#held.shift();
      if (chunk === undefined) break;
      const part = chunk.length > left ? chunk.subarray(0, left) : chunk;
      if (part !== chunk) this.#held.unshift(chunk.subarray(left));
      left -= part.length;
      out.push(part);
    }
    if (out.length > 0) this.#begun = true;
    this.#bytes -= count - left;
    this.#context.budget.give(count - left);
    return out;
  }

  /**
   * Passes an unread chunk. After the time limit it passes up to the end of the event or line that
   * has begun.
   */
  #pass(chunk: Uint8Array): Uint8Array[] {
    for (
      let at = this.#outlived ? 0 : Math.max(0, chunk.length - TAIL);
      at < chunk.length;
      at += 1
    ) {
      this.#tail = (this.#tail + String.fromCharCode(chunk[at] as number)).slice(-TAIL);
      if (this.#outlived && this.#isWhole())
        return [chunk.subarray(0, at + 1), ...this.#cut(WITHHELD_OUTLIVED)];
    }
    return [chunk];
  }

  #isWhole(): boolean {
    return this.#whole?.test(this.#tail) ?? true;
  }

  #cut(why: number): Uint8Array[] {
    const { screening, withheld } = this.#context;
    this.failed = true;
    this.#ended = true;
    screening.withhold(why);
    withheld();
    this.#source.cancel();
    if (!this.#begun && !this.#unread) return [];
    const words =
      this.#whole === LINE
        ? encoder.encode(`${screening.refusal?.body}\n`)
        : screening.closingError();
    this.#told = words.length > 0;
    if (!this.#told) return [];
    // Clients report half an event as an error, and a plain end as success.
    return this.#isWhole() ? [words] : [encoder.encode("\n\n"), words];
  }

  #end(reason?: unknown): void {
    clearTimeout(this.#timer);
    this.#ended = true;
    this.#context.budget.give(this.#bytes);
    this.#bytes = 0;
    this.#held.length = 0;
    this.#context.screening.release();
    if (reason !== undefined) this.#source.cancel(reason);
  }
}
