/** Reads byte streams. */

/** A stream of bytes that is being read. */
export interface Source {
  /** Returns the next bytes; undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** Stops reading. */
  cancel(reason?: unknown): void;
}

/**
 * Reads a stream. Each read fills the view that `view` makes with at least `min` bytes, unless the stream ends.
 *
 * A stream that is no byte stream is read in the chunks that it has. They are copied, because their buffers may belong to
 * other code.
 */
export function source(
  body: ReadableStream<Uint8Array>,
  view: () => Uint8Array<ArrayBuffer>,
  min = 1,
): Source {
  type Byob = ReadableStreamBYOBReader & {
    // The Workers runtime's name for `read(view, { min })`, which it does not support on request bodies.
    readAtLeast?(min: number, view: Uint8Array): Promise<ReadableStreamReadResult<Uint8Array>>;
  };
  let byob: Byob | undefined;
  try {
    byob = body.getReader({ mode: "byob" });
  } catch {
    // Not a byte stream.
  }
  const reader = byob ?? body.getReader();
  return {
    async read() {
      if (byob === undefined)
        return (await (reader as ReadableStreamDefaultReader<Uint8Array>).read()).value?.slice();
      const into = view();
      const { value } = await (byob.readAtLeast?.(min, into) ?? byob.read(into, { min }));
      // The last bytes may come together with the end (Streams, "ReadableStreamBYOBReader.read" with `min`).
      return value?.length ? value : undefined;
    },
    cancel: (reason) => void reader.cancel(reason).catch(() => undefined),
  };
}

/** Cancels the body of a response that is not used. */
export function discard({ body }: Response): void {
  void body?.cancel().catch(() => undefined);
}
