/**
 * What the origin answers, on its way to a caller who may not use everything: a list goes without the models that are
 * closed, a deferred answer goes once it has named a model that is not, and no stream lasts for ever.
 *
 * ```text
 * unchecked            as it came; a stream up to its longest life
 * list                 rows left out while it streams; not for any cache
 * checked, held        no byte and no head before the gate frees some; a refusal until then
 * checked, begun       what the gate frees; the API's own error event where it is cut, then the end
 * ```
 *
 * `fetch` undoes the codings that it knows. Where an origin uses another, although it was asked for none, the gate cannot read the
 * answer and withholds it. A client that goes away takes the origin's answer with it.
 */
import type { Budget } from "./request-body.ts";
import { CHECK, type Reading, type Refusal, WITHHELD } from "../gate.ts";

declare const IdentityTransformStream: new () => TransformStream<Uint8Array, Uint8Array>;

/** Milliseconds after which a stream is cut, of a caller who may not use everything: what that is may have changed since. */
export const STREAM_LIFE_MS = 60 * 60 * 1000;
/** Pages of a list that are asked for in place of one of which nothing is left. */
export const PAGES = 32;
/** Bytes of one read. */
const READ_BYTES = 16 * 1024;

/** Headers that ask for a part: of an answer that is read, it may be the one that names no model. */
const PARTS = ["if-range", "range", "a-im"];
/** Headers that ask for a list only if it has changed: they speak of the list with all its rows. */
const CONDITIONS = ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"];
/** Headers that speak of the bytes as the origin sent them. */
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
/** Milliseconds that an event or a line which has begun by then has for its end. */
const ENDING_MS = 5_000;
/** What has ended whole, as its last characters tell. */
const EVENT = /^$|\n\r?\n$|\r\r\n?$/;
const LINE = /^$|\n$/;
const TAIL = 3;
const encoder = new TextEncoder();
const STREAMS =
  /^\s*(?:text\/event-stream|application\/(?:x-ndjson|vnd\.amazon\.eventstream|stream\+json|jsonl))\s*(?:;|$)/i;

/** What an adapter lends for it. */
export interface Vetting {
  readonly request: Request;
  readonly reading: Reading;
  readonly budget: Budget;
  /** The origin says of this answer that it has enforced the reach. */
  readonly acknowledged: boolean;
  /** Words a refusal. */
  readonly refuse: (refusal: Refusal | undefined) => Response;
  /** Hears that the answer does not go, or not to its end; the reading's judgement says why. */
  readonly withheld: () => void;
  /** Asks the origin for another page of the same list. */
  readonly again: (url: string) => Promise<Response>;
  /** {@link STREAM_LIFE_MS} if left out. */
  readonly life?: number | undefined;
}

/** Makes a request ready for an answer that must be read. Before the judgement is known it may be any. */
export function prepare(headers: Headers, check: number | undefined): void {
  if (check === CHECK.nothing) return;
  headers.set("accept-encoding", "identity");
  for (const name of PARTS) headers.delete(name);
  if (check !== undefined && check !== CHECK.filter) return;
  for (const name of CONDITIONS) headers.delete(name);
}

/** What the client gets for the origin's answer. */
export async function vet(response: Response, vetting: Vetting): Promise<Response> {
  const { reading, acknowledged, request, refuse } = vetting;
  const check = reading.check ?? CHECK.nothing;
  const list = check === CHECK.filter;
  const free = check === CHECK.nothing || !response.ok || (acknowledged && !list);
  if (!free && check === CHECK.acknowledged) {
    await drop(response);
    const refusal = reading.withhold(WITHHELD.unproven);
    vetting.withheld();
    return refuse(refusal);
  }
  if (
    response.body === null ||
    request.method === "HEAD" ||
    (free && !STREAMS.test(response.headers.get("content-type") ?? ""))
  ) {
    if (free && response.body !== null && !response.headers.has("content-length"))
      return mortal(response, vetting.life);
    // An answer without a body has nothing to show for itself but its head, which for a list says too much.
    return list
      ? new Response(response.body, { status: response.status, headers: headersOf(response, true) })
      : response;
  }
  return list ? page(response, vetting) : new Flow(response, vetting, free).answer();
}

/**
 * What may be a stream although its type does not say so (an array of JSON that grows): the runtime passes it on, for as long as a stream may
 * last. It has no words for its end; cut JSON is no JSON to anybody.
 */
function mortal(response: Response, life = STREAM_LIFE_MS): Response {
  const { readable, writable } = new IdentityTransformStream();
  const ended = (response.body as ReadableStream<Uint8Array>).pipeTo(writable, {
    signal: AbortSignal.timeout(life),
    preventAbort: true,
  });
  // The client's stream ends in any case, as it would if the origin's broke off.
  ended.catch(() => writable.close()).catch(() => undefined);
  return new Response(readable, response);
}

/** A list. Where no row is left and the origin has more, the next page is asked for: its cursor is not for the caller to see. */
async function page(first: Response, vetting: Vetting): Promise<Response> {
  let response = first;
  for (let pages = 1; ; pages += 1) {
    const flow = new Flow(response, vetting, false);
    const answer = await flow.answer();
    const url = new URL(vetting.request.url);
    const name = url.searchParams.has("before_id") ? "before_id" : "after_id";
    const cursor = flow.failed || pages === PAGES ? "" : flow.cursor(name === "after_id");
    if (cursor === "") return answer;
    flow.discard();
    url.searchParams.set(name, cursor);
    try {
      response = await vetting.again(url.href);
    } catch (cause) {
      vetting.reading.release();
      throw cause;
    }
    if (response.ok && response.body !== null) continue;
    vetting.reading.release();
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

/** One answer while it is read. */
class Flow {
  failed = false;
  readonly #response: Response;
  readonly #vetting: Vetting;
  readonly #unread: boolean;
  readonly #list: boolean;
  readonly #read: () => Promise<Uint8Array | undefined>;
  readonly #cancel: (reason?: unknown) => Promise<void>;
  readonly #held: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #begun = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #outlived = false;
  #cursors: readonly string[] = [];
  /** The answer itself tells the client that it was cut. */
  #told = false;
  /** The last characters of what went unread, and how they look where an event or a line has ended. */
  #tail = "";
  readonly #whole: RegExp | undefined;

  constructor(response: Response, vetting: Vetting, unread: boolean) {
    this.#response = response;
    this.#vetting = vetting;
    this.#unread = unread;
    const type = response.headers.get("content-type") ?? "";
    if (unread && !/amazon/i.test(type)) this.#whole = /event-stream/i.test(type) ? EVENT : LINE;
    this.#list = vetting.reading.check === CHECK.filter;
    const { read, cancel } = source(response.body as ReadableStream<Uint8Array>);
    this.#read = read;
    this.#cancel = cancel;
    vetting.reading.beginAnswer(response, unread);
  }

  /** The response to the client, once it is known that some of the answer may go. */
  async answer(): Promise<Response> {
    const { reading, life = STREAM_LIFE_MS, refuse } = this.#vetting;
    reading.keep();
    this.#timer = setTimeout(() => {
      this.#outlived = true;
      if (this.#isWhole()) void this.#cancel();
      else this.#timer = setTimeout(() => void this.#cancel(), Math.min(4 * life, ENDING_MS));
    }, life);
    let first: Uint8Array[];
    try {
      first = this.#unread ? [] : await this.#next();
    } catch (cause) {
      this.#end(cause);
      throw cause;
    }
    if (this.failed && !this.#begun) {
      const refusal = reading.refusal;
      this.#end();
      return refuse(refusal);
    }
    const flow = this;
    const stream = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          try {
            if (first.length === 0 && !flow.#ended) first = await flow.#next();
            for (const chunk of first) controller.enqueue(chunk);
            first = [];
            if (!flow.#ended) return;
            flow.#end();
            // Without words of its own the answer can only be broken off. (workerd then ends it all the same.)
            if (flow.failed && !flow.#told) controller.error(new Error("cut"));
            else controller.close();
          } catch (cause) {
            flow.#end(cause);
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

  /** The cursor of a page of which nothing is left; empty: something is, or it is the last. */
  cursor(forward: boolean): string {
    return this.#cursors[forward ? 1 : 0] ?? "";
  }

  /** The answer is not wanted; the reading goes on with another. */
  discard(): void {
    clearTimeout(this.#timer);
  }

  /** Reads until something may go, or nothing more can. */
  async #next(): Promise<Uint8Array[]> {
    const { reading, budget } = this.#vetting;
    for (;;) {
      // A read that is under way when it is broken off fails in workerd, and gives nothing elsewhere.
      const chunk = await this.#read().catch((cause: unknown) =>
        this.#outlived ? undefined : Promise.reject(cause),
      );
      if (this.#outlived && (chunk === undefined || this.#isWhole()))
        return this.#cut(WITHHELD.outlived);
      if (this.#unread) {
        if (chunk !== undefined) return this.#pass(chunk);
        this.#ended = true;
        return [];
      }
      if (chunk !== undefined && !this.#list) {
        if (!budget.take(chunk.length)) return this.#cut(WITHHELD.exhausted);
        this.#bytes += chunk.length;
        this.#held.push(chunk);
      }
      const { free, cut, rows } =
        chunk === undefined ? reading.endAnswer() : reading.feedAnswer(chunk);
      const out = this.#list ? (rows.length > 0 ? [rows] : []) : this.#take(free);
      if (cut) return [...out, ...this.#cut(WITHHELD.cut)];
      this.#ended = chunk === undefined;
      if (this.#ended && this.#list) this.#cursors = reading.cursors();
      if (out.length > 0 || this.#ended) {
        this.#begun = true;
        return out;
      }
    }
  }

  /** The first `free` bytes that are held. */
  #take(free: number): Uint8Array[] {
    const out: Uint8Array[] = [];
    let left = free;
    while (left > 0) {
      const chunk = this.#held.shift();
      if (chunk === undefined) break;
      const part = chunk.length > left ? chunk.subarray(0, left) : chunk;
      if (part !== chunk) this.#held.unshift(chunk.subarray(left));
      left -= part.length;
      out.push(part);
    }
    if (out.length > 0) this.#begun = true;
    this.#bytes -= free - left;
    this.#vetting.budget.give(free - left);
    return out;
  }

  /** What goes unread; behind the end of its life, up to the end of the event or line that has begun. */
  #pass(chunk: Uint8Array): Uint8Array[] {
    for (
      let at = this.#outlived ? 0 : Math.max(0, chunk.length - TAIL);
      at < chunk.length;
      at += 1
    ) {
      this.#tail = (this.#tail + String.fromCharCode(chunk[at] as number)).slice(-TAIL);
      if (this.#outlived && this.#isWhole())
        return [chunk.subarray(0, at + 1), ...this.#cut(WITHHELD.outlived)];
    }
    return [chunk];
  }

  #isWhole(): boolean {
    return this.#whole?.test(this.#tail) ?? true;
  }

  #cut(why: number): Uint8Array[] {
    const { reading } = this.#vetting;
    this.failed = true;
    this.#ended = true;
    reading.withhold(why);
    this.#vetting.withheld();
    void this.#cancel();
    if (!this.#begun && !this.#unread) return [];
    const words =
      this.#whole === LINE ? encoder.encode(`${reading.refusal?.body}\n`) : reading.lastWords();
    this.#told = words.length > 0;
    if (!this.#told) return [];
    // Half an event is a fault that clients tell, which an end is not.
    return this.#isWhole() ? [words] : [encoder.encode("\n\n"), words];
  }

  #end(reason?: unknown): void {
    clearTimeout(this.#timer);
    this.#ended = true;
    this.#vetting.budget.give(this.#bytes);
    this.#bytes = 0;
    this.#held.length = 0;
    this.#vetting.reading.release();
    if (reason !== undefined) void this.#cancel(reason);
  }
}

/** Reads of a body, and what breaks it off. */
function source(body: ReadableStream<Uint8Array>): {
  read: () => Promise<Uint8Array | undefined>;
  cancel: (reason?: unknown) => Promise<void>;
} {
  const cancel = (reader: { cancel(reason?: unknown): Promise<void> }) => (reason?: unknown) =>
    reader.cancel(reason).catch(() => undefined);
  try {
    const reader = body.getReader({ mode: "byob" });
    return {
      read: async () => {
        const { done, value } = await reader.read(new Uint8Array(READ_BYTES));
        if (done || value === undefined) return undefined;
        // What is held must not hold a whole buffer for each event of a stream.
        return value.length * 2 < READ_BYTES ? value.slice() : value;
      },
      cancel: cancel(reader),
    };
  } catch {
    const reader = body.getReader();
    return { read: async () => (await reader.read()).value, cancel: cancel(reader) };
  }
}

/** Lets go of an answer that nobody reads. */
export function drop({ body }: Response): Promise<void> | undefined {
  return body?.cancel().catch(() => undefined);
}
