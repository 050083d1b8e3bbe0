/** What an isolate may hold in memory, and how long a stream may last. */

/**
 * Milliseconds after which a stream to a restricted caller is cut, because its denied set may have
 * changed.
 */
export const STREAM_LIFE_MS = 60 * 60 * 1000;
/**
 * Bytes held in one isolate at a time: bodies, responses and WebSocket messages, counted as they
 * arrive. A body beyond it is streamed at once. Until the origin responds a held body is in memory
 * twice, as read and as sent, so this is 32 MB of a Worker's 128 MB.
 */
const HELD_BYTES_IN_ALL = 16 * 1024 * 1024;
/**
 * Bytes of bodies that are read in one piece, by their declared lengths. They are counted apart, so
 * that a body which never comes takes nothing from those that have come.
 */
const PROMISED_BYTES_IN_ALL = 8 * 1024 * 1024;
/**
 * Bytes of one read. Reads of 4 KB, the runtime's own chunks, cost up to four fifths of the
 * throughput.
 */
export const READ_BYTES = 64 * 1024;
/**
 * Milliseconds in which one read of a judged body must be full: 64 KB in 30 seconds is 2 KB a
 * second.
 */
const READ_MS = 30_000;
/** Read buffers that an isolate keeps for later reads: 4 MB. */
const KEPT_BUFFERS = 64;

/** Counts the bytes held in all requests of an isolate, and keeps read buffers. */
export class Budget {
  /** Milliseconds in which one read must be full. */
  readonly wait: number;
  #left = HELD_BYTES_IN_ALL;
  #unpromised = PROMISED_BYTES_IN_ALL;
  readonly #spare: ArrayBuffer[] = [];

  constructor(wait = READ_MS) {
    this.wait = wait;
  }

  /** Takes bytes from the budget; false if too few are left. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  /** Returns bytes to the budget. */
  give(bytes: number): void {
    this.#left += bytes;
  }

  /** Takes the declared length of a body that is read in one piece; false if too few are left. */
  promise(bytes: number): boolean {
    if (bytes > this.#unpromised) return false;
    this.#unpromised -= bytes;
    return true;
  }

  /** Returns a declared length. */
  promised(bytes: number): void {
    this.#unpromised += bytes;
  }

  /** Returns a view to read into. */
  view(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#spare.pop() ?? new ArrayBuffer(READ_BYTES));
  }

  /**
   * Empties the list and keeps the buffers of its reads, which no code uses any more. With a new
   * buffer for each read, V8 lets garbage grow to 120 MB (measured), and an isolate has 128 MB.
   */
  recycle(chunks: Uint8Array[]): void {
    for (const { buffer } of chunks.splice(0)) {
      if (buffer.byteLength === READ_BYTES && this.#spare.length < KEPT_BUFFERS)
        this.#spare.push(buffer as ArrayBuffer);
    }
  }
}
