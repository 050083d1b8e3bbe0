/**
 * Checks a request body on its way to the origin.
 *
 * The rule: the scan accepts a body before the origin can take the bytes sent so far for a whole
 * request, and the origin's response is withheld until then.
 *
 * ```text
 * up to 1 MB, declared         read in one piece, judged, sent
 * ends within the bound        held while it is read, judged, sent
 * longer                       the held part is sent while more is read; the last read is always
 *                              held back
 * need not be read, undeclared sent as it arrives
 * content coding               decoded, and sent decoded in the same way
 * content coding and signed    held whole, judged decoded, sent coded
 * denied, unreadable, broken   the upstream request is aborted, so that it never ends as a whole
 *                              request
 * ```
 *
 * Only `AbortController` aborts an upstream request. `pipeTo`, `pipeThrough`, `writer.abort()` and
 * a stream that errors end a chunked request as if it were complete (measured in workerd
 * 1.20260426). The runtime itself does the same where it forwards a body of undeclared length whose
 * client is gone (1.20260730, with `enable_request_signal`).
 */
import { PortcullisError, brokenOff } from "../error.ts";
import { type Budget, READ_BYTES } from "../operate/budget.ts";
import type { Screening } from "../screening.ts";
import { passes } from "../verdict.ts";
import type { Platform } from "./platform.ts";
import { source } from "./stream.ts";

/**
 * Bytes of a body of declared length that are held before any is sent. A body up to this size is
 * judged first.
 */
const DECLARED_HELD_BYTES = 1024 * 1024;
/**
 * Bytes of any other body that are held before any is sent. Nearly all chat requests are smaller.
 */
const HELD_BYTES = 256 * 1024;
/**
 * Milliseconds that an origin which has responded may leave a write waiting. Then the rest is read
 * but not sent.
 */
const STALLED_MS = 5_000;

/** What is sent upstream in place of the request's own body. */
export interface Sent {
  readonly body: BodyInit | null;
  /** Aborts the request upstream. */
  readonly signal: AbortSignal;
  /** The body no longer has the content codings that the headers name. */
  readonly decoded?: boolean;
}

/** How a request is sent, and what bounds it. */
export interface Sending {
  readonly request: Request;
  readonly send: (sent: Sent) => Promise<Response>;
  readonly budget: Budget;
  readonly pipe: Platform["pipe"];
}

/**
 * Reads a body of declared length that is short enough to be counted in no budget; undefined if the
 * request has another body, or none.
 *
 * @throws PortcullisError `body_unusable`, `body_slow`
 */
export function shortBody(
  request: Request,
  { wait }: Budget,
): Promise<Uint8Array<ArrayBuffer>> | undefined {
  const declared = declaredLength(request) ?? 0;
  return declared === 0 || declared > READ_BYTES ? undefined : wholeBody(request, wait);
}

/**
 * Judges a request while its body is read, and sends it if it passes. The screening has the
 * verdict.
 *
 * @param short The body, if it is read already
 * @returns The origin's response; undefined if the request does not pass
 * @throws PortcullisError `body_unusable`, `body_slow`, `exhausted`, `trapped`, `replaced`
 */
export async function checkBody(
  screening: Screening,
  sending: Sending,
  short?: Uint8Array<ArrayBuffer>,
): Promise<Response | undefined> {
  const { request, send, budget } = sending;
  if (short !== undefined) return checkWhole(short, screening, sending);
  const { body } = request;
  if (body === null || !(screening.isBrief || screening.wantsBody)) {
    if (!passes(screening.finish())) return undefined;
    return isUndeclared(request)
      ? forwardUnread(request.body, sending).response
      : send({ body, signal: request.signal });
  }
  if (!screening.isBrief && screening.coded) {
    const read = reads(body, budget);
    return screening.signed
      ? checkSigned(read, screening, sending)
      : checkStream(decoded(read, screening, budget), undefined, HELD_BYTES, screening, {
          ...sending,
          send: (sent) => send({ ...sent, decoded: true }),
        });
  }
  const declared = declaredLength(request);
  const isShort = declared !== undefined && declared <= DECLARED_HELD_BYTES;
  if (isShort && budget.promise(declared))
    try {
      const wait = budget.wait * Math.ceil(declared / READ_BYTES);
      return await checkWhole(await wholeBody(request, wait), screening, sending);
    } finally {
      budget.promised(declared);
    }
  const bound = isShort ? DECLARED_HELD_BYTES : HELD_BYTES;
  return checkStream(reads(body, budget), declared, bound, screening, sending);
}

/** Judges a body that is at hand. */
async function checkWhole(
  body: Uint8Array<ArrayBuffer>,
  screening: Screening,
  { request, send }: Sending,
): Promise<Response | undefined> {
  if (!screening.passesBriefly(body)) {
    if (screening.wantsBody) screening.feed(body);
    if (!passes(screening.finish())) return undefined;
  }
  return send({ body, signal: request.signal });
}

/** Reads a body in one piece. */
async function wholeBody(request: Request, wait: number): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await timely(request.arrayBuffer(), wait));
}

/**
 * Whether a request has a body of undeclared length, so that only its end shows that it is whole.
 */
export function isUndeclared(
  request: Request,
): request is Request & { readonly body: ReadableStream<Uint8Array> } {
  return (
    request.body !== null &&
    !/^(?:GET|HEAD)$/.test(request.method) &&
    declaredLength(request) === undefined
  );
}

/**
 * Sends a body as it arrives, unread. If it breaks off, the upstream request is aborted.
 *
 * The response may come before the body has ended. `sent` resolves when all of it is sent, or no
 * more will be.
 */
export function forwardUnread(
  body: ReadableStream<Uint8Array>,
  { request, send, budget, pipe }: Sending,
): { readonly response: Promise<Response>; readonly sent: Promise<void> } {
  const { readable, writable } = pipe(undefined);
  const abort = abortOf(request);
  const response = send({ body: readable, signal: abort.signal });
  const pump = async () => {
    const { read } = source(body, () => budget.view());
    const writer = writable.getWriter();
    writer.closed.catch(() => undefined);
    for (;;) {
      const chunk = await read().catch(() => null);
      if (chunk === null) return abort.abort();
      if (chunk === undefined) return writer.close();
      await writer.write(chunk);
      budget.recycle([chunk]);
    }
  };
  // A write fails if the origin reads no more: it has responded, or `response` carries its failure.
  return { response, sent: pump().catch(() => undefined) };
}

/**
 * Makes a controller that aborts the upstream request. It also aborts it when the client leaves,
 * since the body is incomplete then.
 */
function abortOf({ signal }: Request): AbortController {
  const abort = new AbortController();
  signal.addEventListener("abort", () => abort.abort());
  return abort;
}

/** Returns the next bytes of a body; undefined at its end. */
type Read = () => Promise<Uint8Array | undefined>;

async function checkStream(
  read: Read,
  declared: number | undefined,
  bound: number,
  screening: Screening,
  sending: Sending,
): Promise<Response | undefined> {
  const { request, send, budget } = sending;
  // INVARIANT: no other code uses the chunks in this list.
  const held: Uint8Array[] = [];
  // The short way judges the body once it is at hand.
  const { isBrief } = screening;
  let bytes = 0;
  const release = () => {
    budget.give(bytes);
    bytes = 0;
  };
  try {
    for (;;) {
      const chunk = await read();
      if (chunk !== undefined) {
        held.push(chunk);
        if (!isBrief && screening.scan(chunk)) return refused(screening);
        if (bytes + READ_BYTES > bound || !budget.take(chunk.length)) break;
        bytes += chunk.length;
      }
      if (chunk === undefined || bytes === declared) {
        const whole = join(held, bytes);
        budget.recycle(held);
        if (isBrief) return await checkWhole(whole, screening, sending);
        if (!passes(screening.finish())) return undefined;
        return await send({ body: whole, signal: request.signal });
      }
    }
    if (isBrief) for (const chunk of held) if (screening.scan(chunk)) return refused(screening);
    return await sendWhileReading(read, held, declared, screening, sending, release);
  } finally {
    budget.recycle(held);
    release();
  }
}

/**
 * Sends the held chunks, then each read one read later. Calls `release` once the budget no longer
 * counts held chunks.
 */
async function sendWhileReading(
  read: Read,
  held: Uint8Array[],
  declared: number | undefined,
  screening: Screening,
  { request, send, budget, pipe }: Sending,
  release: () => void,
): Promise<Response | undefined> {
  // A stream of fixed length keeps `Content-Length`; any other stream makes the request chunked.
  const { readable, writable } = pipe(declared);
  const writer = writable.getWriter();
  writer.closed.catch(() => undefined);
  let responded = false;
  let failed: { cause: unknown } | undefined;
  // Tells the write under way that the origin has responded. A handler for each write would pile up
  // on the promise.
  let notify: (() => void) | undefined;
  const abort = abortOf(request);
  const response = send({ body: readable, signal: abort.signal });
  response.then(
    () => {
      responded = true;
      notify?.();
    },
    (cause: unknown) => {
      failed = { cause };
      notify?.();
    },
  );
  let sending = true;

  /**
   * False: the origin has responded and reads no more, as it may. The buffer is reused only once it
   * was read.
   */
  const write = async (chunk: Uint8Array): Promise<boolean> => {
    const written = writer.write(chunk).then(() => {
      budget.recycle([chunk]);
      return true;
    });
    written.catch(() => undefined);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stalled = new Promise<boolean>((resolve, reject) => {
      notify = () => {
        if (failed !== undefined) reject(failed.cause);
        else if (responded) timer = setTimeout(resolve, STALLED_MS, false);
      };
      notify();
    });
    try {
      return await Promise.race([written, stalled]);
    } catch (cause) {
      if (responded) return false;
      throw cause;
    } finally {
      notify = undefined;
      clearTimeout(timer);
    }
  };

  let accepted = false;
  try {
    for (;;) {
      while (sending && held.length > 1) sending = await write(held.shift() as Uint8Array);
      if (!sending) budget.recycle(held);
      release();
      const chunk = await read();
      if (chunk === undefined) break;
      held.push(chunk);
      if (screening.scan(chunk)) return refused(screening);
    }
    accepted = passes(screening.finish());
    if (!accepted) return undefined;
    const last = held.pop();
    if (sending && last !== undefined) sending = await write(last);
    if (sending)
      await writer
        .close()
        .catch((cause: unknown) => (responded ? undefined : Promise.reject(cause)));
    return await response;
  } finally {
    if (!accepted) abort.abort();
  }
}

/** Holds a coded body whole and judges it decoded. The decoder bounds its length. */
async function checkSigned(
  read: Read,
  screening: Screening,
  { request, send, budget }: Sending,
): Promise<Response | undefined> {
  const held: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (;;) {
      const chunk = await read();
      if (chunk === undefined) {
        if (!passes(screening.finish())) return undefined;
        return await send({ body: join(held, bytes), signal: request.signal });
      }
      if (!budget.take(chunk.length))
        throw new PortcullisError("exhausted", "too many bodies are held");
      bytes += chunk.length;
      held.push(chunk);
      if (screening.feed(chunk)) return refused(screening);
    }
  } finally {
    budget.recycle(held);
    budget.give(bytes);
  }
}

/** Reads a body decoded. If it cannot be decoded it ends, and the screening has the reason. */
function decoded(read: Read, screening: Screening, budget: Budget): Read {
  let pieces: Generator<Uint8Array, boolean> | undefined;
  let bytes: Uint8Array | undefined;
  return async () => {
    for (;;) {
      const next = pieces?.next();
      if (next?.done === false) return next.value;
      if (bytes !== undefined) budget.recycle([bytes]);
      if (next?.value === true) return undefined;
      bytes = await read();
      pieces = screening.decode(bytes);
    }
  };
}

/** Reads a body in full buffers. */
function reads(body: ReadableStream<Uint8Array>, budget: Budget): Read {
  const { read } = source(body, () => budget.view(), READ_BYTES);
  return () => timely(read(), budget.wait);
}

/** Waits for a read, at most `wait` milliseconds. */
function timely<T>(read: Promise<T>, wait: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new PortcullisError("body_slow", "the body arrives too slowly")),
      wait,
    );
    read.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (cause: unknown) => {
        clearTimeout(timer);
        reject(brokenOff(cause));
      },
    );
  });
}

/**
 * Ends a screening that wants no more bytes. Unread bytes must not be sent, so its verdict cannot
 * be a pass.
 */
function refused(screening: Screening): undefined {
  if (passes(screening.finish())) throw new Error("a pass before the end of the body");
}

function declaredLength({ headers }: Request): number | undefined {
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
