/** Reads byte streams. */

/** A stream of bytes that is being read. */
export interface Source {
  /** Returns the next bytes; undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** Stops reading. */
  cancel(reason?: unknown): void;
}

type Byob = ReadableStreamBYOBReader & {
  // The Workers runtime's extension. The standard's `read(view, { min })` fails in Node if less
  // than `min` is left, and in workerd on request bodies.
  readAtLeast?(min: number, view: Uint8Array): Promise<ReadableStreamReadResult<Uint8Array>>;
};

/**
 * Reads a stream. Where the runtime has `readAtLeast`, each read fills the view that `view` makes
 * with at least `min` bytes, unless the stream ends.
 *
 * Elsewhere a read returns one of the stream's own chunks. It is copied, because its buffer may
 * belong to other code.
 */
export function source(
  body: ReadableStream<Uint8Array>,
  view: () => Uint8Array<ArrayBuffer>,
  min = 1,
): Source {
  let byob: Byob | undefined;
  try {
    byob = body.getReader({ mode: "byob" });
    if (byob.readAtLeast === undefined) {
      byob.releaseLock();
      byob = undefined;
    }
  } catch {
    // Not a byte stream.
  }
  const reader = byob ?? body.getReader();
  return {
    async read() {
      const { value } = byob?.readAtLeast
        ? await byob.readAtLeast(min, view())
        : await (reader as ReadableStreamDefaultReader<Uint8Array>).read();
      // The last bytes may come together with the end (Streams, "ReadableStreamBYOBReader.read").
      return value?.length ? (byob === undefined ? value.slice() : value) : undefined;
    },
    cancel: (reason) => void reader.cancel(reason).catch(() => undefined),
  };
}

/** Cancels the body of a response that is not used. */
export function discard({ body }: Response): void {
  void body?.cancel().catch(() => undefined);
}
