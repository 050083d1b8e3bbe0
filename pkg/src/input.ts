/** Bytes, in whatever JavaScript keeps them, as the one kind that the modules read. */
import { invalid } from "./error.ts";

/** A buffer or any view of one, of whatever realm. */
export type Buffered = ArrayBufferLike | ArrayBufferView;
/** The same, or a text, which stands for its UTF-8. */
export type Bytes = Buffered | string;

const encoder = new TextEncoder();

/**
 * The bytes, not copied; `what` names them in the error. What keeps its bytes elsewhere (a stream, a blob, a promise, a parsed object) would count as
 * none, so it is an error, and so is a buffer whose bytes are gone. Nothing asks for a constructor, since buffers come from other realms, too.
 * @throws PortcullisError `input_invalid`
 */
export function bytesOf(given: unknown, what: string): Uint8Array {
  // A subclass may tell another length than it has.
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
    // A `DataView` is made of a buffer only, and only of one that was not transferred.
    const view = ArrayBuffer.isView(given) ? given : new DataView(given as ArrayBuffer);
    // Where its buffer has shrunk, a typed array says that it is empty. Its methods throw.
    if ("length" in view) Uint8Array.prototype.keys.call(view as Uint8Array);
    return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  } catch (cause) {
    throw invalid(`${what}: neither bytes nor a text, or bytes that are gone`, cause);
  }
}
