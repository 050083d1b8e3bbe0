/**
 * Reads a body past the gate and sends it on. The rule: no byte sequence that an origin could take for a whole request
 * leaves before the scan has accepted it, and the origin's answer is withheld until then.
 *
 * ```text
 * of 64 KB or less, declared   taken in one piece, judged, sent
 * ends within the bound        held as it comes, judged, sent
 * longer                       what is held is sent while more is read; the last read is always held back
 * not to be read, undeclared   sent as it comes
 * under a content coding       decoded, and what is decoded is sent in the same way
 * the same, and signed         held whole, judged by what is decoded, sent as it came
 * denied, unreadable, cut off  the upstream request is aborted, so that it never ends as if it were whole
 * ```
 *
 * Only `AbortController` breaks an upstream request off. `pipeTo`, `pipeThrough`, `writer.abort()` and a stream that errors
 * all end a chunked request as if it were complete (measured in workerd 1.20260426), and so does the runtime itself where it passes a body of
 * undeclared length on whose client is gone (1.20260730, with `enable_request_signal`).
 */
import { PortcullisError } from "../error.ts";
import { type Judgement, type Reading, passes } from "../gate.ts";

// The platform's byte streams (Workers runtime API, "TransformStream").
declare const IdentityTransformStream: new () => TransformStream<Uint8Array, Uint8Array>;
declare const FixedLengthStream: new (bytes: number) => TransformStream<Uint8Array, Uint8Array>;

/** Bytes of a body of declared length that are held before anything is sent: so long a one is judged before the origin hears of it. */
export const PIECE_BYTES = 1024 * 1024;
/** Bytes of any other body that are held before anything is sent. Nearly every chat request is smaller. */
export const HELD_BYTES = 256 * 1024;
/**
 * Bytes of all bodies, held answers and held messages of sockets in one isolate, counted as they come and not as they are declared; bodies beyond
 * this are streamed at once. One that is held stands twice until the origin answers, as it was read and as it is sent, so this is 32 MB of the 128
 * that a Worker has.
 */
export const HELD_BYTES_IN_ALL = 16 * 1024 * 1024;
/** Bytes of one read. Reads of the runtime's own 4 KB chunks cost up to four fifths of the throughput. */
export const READ_BYTES = 64 * 1024;
/** Milliseconds that a read of a body that is judged may take, of 64 KB or what is left of it: 2 KB a second. A body that comes slower is given up. */
export const READ_MS = 30_000;
/** Buffers of reads that one isolate keeps for the next ones: 4 MB. */
const KEPT_BUFFERS = 64;
/** Milliseconds that an origin which has answered may leave a write waiting before the rest is read, but no longer sent. */
export const STALLED_MS = 5_000;

/** What is held now, in all requests of the isolate, and what bodies are read into. */
export class Budget {
  /** Milliseconds that a read may take. */
  readonly wait: number;
  #left = HELD_BYTES_IN_ALL;
  readonly #spare: ArrayBuffer[] = [];

  constructor(wait = READ_MS) {
    this.wait = wait;
  }

  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }

  /** Where to read into. */
  buffer(): ArrayBuffer {
    return this.#spare.pop() ?? new ArrayBuffer(READ_BYTES);
  }

  /**
   * Nobody looks at these reads any more, so that their buffers can take others; takes them out of the list. A new buffer for each read is
   * garbage that V8 lets grow to 120 MB (measured), and 128 is all that an isolate may have.
   */
  again(chunks: Uint8Array[]): void {
    for (const { buffer } of chunks.splice(0)) {
      if (buffer.byteLength === READ_BYTES && this.#spare.length < KEPT_BUFFERS)
        this.#spare.push(buffer as ArrayBuffer);
    }
  }
}

/** Sends the request upstream with this body. A body of undefined: none. `decoded`: it is no longer under the content codings that the headers name. */
export type Send = (
  judgement: Judgement | undefined,
  body: BodyInit | undefined,
  decoded?: boolean,
) => Promise<Response>;

/** The judgement and, if the request goes on, the origin's answer. */
export interface Screened {
  readonly judgement: Judgement;
  readonly answer: Response | undefined;
}

/** Judges `request` while it is read, and sends it if it passes; `abort` breaks off what `send` has begun. */
export async function screen(
  request: Request,
  reading: Reading,
  send: Send,
  budget: Budget,
  abort: AbortController,
): Promise<Screened> {
  if (request.body === null || !reading.wantsBody) {
    const judgement = reading.finish();
    if (!passes(judgement)) return { judgement, answer: undefined };
    if (!isUndeclared(request))
      return { judgement, answer: await send(judgement, request.body ?? undefined) };
    return {
      judgement,
      answer: await passOn(request.body, (body) => send(judgement, body), budget, abort).answer,
    };
  }
  const { body } = request;
  if (reading.coded) {
    const read = reads(body, budget);
    if (reading.signed) return whole(read, reading, send, budget);
    return stream(
      decoded(read, reading, budget),
      undefined,
      HELD_BYTES,
      reading,
      (judgement, body) => send(judgement, body, true),
      budget,
      abort,
    );
  }
  const declared = declaredLength(request.headers);
  if (declared === undefined || declared > READ_BYTES) {
    const bound = declared !== undefined && declared <= PIECE_BYTES ? PIECE_BYTES : HELD_BYTES;
    return stream(reads(body, budget), declared, bound, reading, send, budget, abort);
  }
  const bytes = new Uint8Array(await timely(request.arrayBuffer(), budget));
  // It is here already: where there is no room for it, it is judged and sent all the same.
  const held = budget.take(bytes.length) ? bytes.length : 0;
  try {
    reading.feed(bytes);
    const judgement = reading.finish();
    return { judgement, answer: passes(judgement) ? await send(judgement, bytes) : undefined };
  } finally {
    budget.give(held);
  }
}

/** A request whose body has no length, so that only its end tells that it is whole. */
export function isUndeclared(
  request: Request,
): request is Request & { readonly body: ReadableStream<Uint8Array> } {
  return (
    request.body !== null &&
    !/^(?:GET|HEAD)$/.test(request.method) &&
    declaredLength(request.headers) === undefined
  );
}

/**
 * Sends a body on as it comes, unread. Where it breaks off, `abort` ends the request upstream. The answer may come before the body has ended;
 * `sent` is there when all of it was taken, or no more will be.
 */
export function passOn(
  body: ReadableStream<Uint8Array>,
  send: (body: ReadableStream<Uint8Array>) => Promise<Response>,
  budget: Budget,
  abort: AbortController,
): { readonly answer: Promise<Response>; readonly sent: Promise<void> } {
  const { readable, writable } = new IdentityTransformStream();
  const answer = send(readable);
  const pump = async () => {
    const reader = body.getReader({ mode: "byob" });
    const writer = writable.getWriter();
    writer.closed.catch(() => undefined);
    for (;;) {
      const read = await reader.read(new Uint8Array(budget.buffer())).catch(() => undefined);
      if (read === undefined) return abort.abort();
      const { value } = read;
      if (read.done || value === undefined || value.length === 0) return writer.close();
      await writer.write(value);
      budget.again([value]);
    }
  };
  // An origin that takes no more has answered, or its failure is the answer's.
  return { answer, sent: pump().catch(() => undefined) };
}

/** The next bytes of a body; undefined at its end. */
type Read = () => Promise<Uint8Array | undefined>;

async function stream(
  read: Read,
  declared: number | undefined,
  bound: number,
  reading: Reading,
  send: Send,
  budget: Budget,
  abort: AbortController,
): Promise<Screened> {
  // INVARIANT: what is in here nobody else has.
  const held: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (;;) {
      const chunk = await read();
      if (chunk === undefined) {
        const judgement = reading.finish();
        if (!passes(judgement)) return { judgement, answer: undefined };
        const whole = join(held, bytes);
        budget.again(held);
        return { judgement, answer: await send(judgement, whole) };
      }
      held.push(chunk);
      if (reading.scan(chunk)) return { judgement: settled(reading), answer: undefined };
      if (bytes + READ_BYTES > bound || !budget.take(chunk.length)) break;
      bytes += chunk.length;
    }
    return await forward(read, held, declared, reading, send, budget, abort, () => {
      budget.give(bytes);
      bytes = 0;
    });
  } finally {
    budget.again(held);
    budget.give(bytes);
  }
}

/** Sends what is held, then the rest as it is read, always one read behind; `sent` hears that no more than that is held. */
async function forward(
  read: Read,
  held: Uint8Array[],
  declared: number | undefined,
  reading: Reading,
  send: Send,
  budget: Budget,
  abort: AbortController,
  sent: () => void,
): Promise<Screened> {
  // A fixed length keeps `Content-Length`, any other stream turns the request into a chunked one.
  const { readable, writable } =
    declared === undefined ? new IdentityTransformStream() : new FixedLengthStream(declared);
  const writer = writable.getWriter();
  writer.closed.catch(() => undefined);
  let answered = false;
  let failed: { cause: unknown } | undefined;
  // What an answer means for the write under way. One at a time: handlers on the answer, one for each write, would pile up.
  let heed: (() => void) | undefined;
  const answer = send(undefined, readable);
  answer.then(
    () => {
      answered = true;
      heed?.();
    },
    (cause: unknown) => {
      failed = { cause };
      heed?.();
    },
  );
  let sending = true;

  /** False: the origin has answered and takes no more, which is its right. A buffer can be had again only once it was taken. */
  const write = async (chunk: Uint8Array): Promise<boolean> => {
    const written = writer.write(chunk).then(() => {
      budget.again([chunk]);
      return true;
    });
    written.catch(() => undefined);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stalled = new Promise<boolean>((resolve, reject) => {
      heed = () => {
        if (failed !== undefined) reject(failed.cause);
        else if (answered) timer = setTimeout(resolve, STALLED_MS, false);
      };
      heed();
    });
    try {
      return await Promise.race([written, stalled]);
    } catch (cause) {
      if (answered) return false;
      throw cause;
    } finally {
      heed = undefined;
      clearTimeout(timer);
    }
  };

  let judged = false;
  try {
    for (;;) {
      while (sending && held.length > 1) sending = await write(held.shift() as Uint8Array);
      if (!sending) budget.again(held);
      sent();
      const chunk = await read();
      if (chunk === undefined) break;
      held.push(chunk);
      if (reading.scan(chunk)) return { judgement: settled(reading), answer: undefined };
    }
    const judgement = reading.finish();
    judged = passes(judgement);
    if (!judged) return { judgement, answer: undefined };
    const last = held.pop();
    if (sending && last !== undefined) sending = await write(last);
    if (sending)
      await writer
        .close()
        .catch((cause: unknown) => (answered ? undefined : Promise.reject(cause)));
    return { judgement, answer: await answer };
  } finally {
    if (!judged) abort.abort();
  }
}

/** Holds a coded body whole, as it came, while what it decodes to is judged. The decoder bounds its length. */
async function whole(read: Read, reading: Reading, send: Send, budget: Budget): Promise<Screened> {
  const held: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (;;) {
      const chunk = await read();
      if (chunk === undefined) {
        const judgement = reading.finish();
        return {
          judgement,
          answer: passes(judgement) ? await send(judgement, join(held, bytes)) : undefined,
        };
      }
      if (!budget.take(chunk.length))
        throw new PortcullisError("exhausted", "too many bodies are held");
      bytes += chunk.length;
      held.push(chunk);
      if (reading.feed(chunk)) return { judgement: settled(reading), answer: undefined };
    }
  } finally {
    budget.again(held);
    budget.give(bytes);
  }
}

/** What the codings of a body leave of it. Where it cannot be decoded, it ends, and the reading knows why. */
function decoded(read: Read, reading: Reading, budget: Budget): Read {
  let pieces: Generator<Uint8Array, boolean> | undefined;
  let bytes: Uint8Array | undefined;
  return async () => {
    for (;;) {
      const next = pieces?.next();
      if (next?.done === false) return next.value;
      if (bytes !== undefined) budget.again([bytes]);
      if (next?.value === true) return undefined;
      bytes = await read();
      pieces = reading.decode(bytes);
    }
  };
}

/** The next read of a body, at least `READ_BYTES` unless it ends before; undefined at its end. */
function reads(body: ReadableStream<Uint8Array>, budget: Budget): Read {
  const reader = body.getReader({ mode: "byob" }) as ReadableStreamBYOBReader & {
    // The platform's own name for the standard's `read(view, { min })`, which it does not know on request bodies.
    readAtLeast?(min: number, view: Uint8Array): Promise<ReadableStreamReadResult<Uint8Array>>;
  };
  return async () => {
    const view = new Uint8Array(budget.buffer());
    const { value } = await timely(
      reader.readAtLeast?.(READ_BYTES, view) ?? reader.read(view, { min: READ_BYTES }),
      budget,
    );
    // The last bytes may come with the word that it was all (Streams, "ReadableStreamBYOBReader.read" with `min`).
    return value === undefined || value.length === 0 ? undefined : value;
  };
}

/** What is read, if it comes in time. */
async function timely<T>(read: Promise<T>, { wait }: Budget): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new PortcullisError("body_slow", "the body comes too slowly")),
      wait,
    );
  });
  try {
    return await Promise.race([read.catch(broken), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The client is gone, or its body is not framed as HTTP has it. */
function broken(cause: unknown): never {
  throw new PortcullisError("body_unusable", "the body broke off", { cause });
}

/** The judgement of a reading that wants no more bytes; what was not read must not be sent, so it cannot be a pass. */
function settled(reading: Reading): Judgement {
  const judgement = reading.finish();
  if (passes(judgement)) throw new Error("a pass before the end of the body");
  return judgement;
}

function declaredLength(headers: Headers): number | undefined {
  const text = headers.get("content-length");
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function join(chunks: Uint8Array[], bytes: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
