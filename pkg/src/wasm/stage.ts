/** The place in the module's memory where bodies are put, a piece at a time. */
import { type Edge, instanceMemory } from "../../wasm/edge.js";
import { NO_NUMBER, PIECE_FIRST, PIECE_FURTHER, PIECE_LAST, PIECE_WHOLE } from "./wire.ts";

/** Bytes of a piece. They are still in the processor's cache when the module reads them. */
const BYTES = 64 * 1024;

/** The stage of one loaded bundle. */
export class Stage {
  readonly #memory = instanceMemory();
  readonly #at: number;
  #view = new Uint8Array(0);

  constructor(edge: Edge) {
    this.#at = edge.stage(BYTES);
  }

  /**
   * Judges a body under a head and a denied set, which the module knows by number. Returns the
   * decision as `Edge.decide` does.
   */
  judge(edge: Edge, head: number, denied: number, body: Uint8Array | undefined): number {
    const length = body === undefined ? 0 : body.length;
    if (length <= BYTES) {
      if (body !== undefined) this.#put(body);
      return edge.decide(head, denied, length, PIECE_WHOLE);
    }
    for (let at = 0, piece = PIECE_FIRST; ; at += BYTES, piece = PIECE_FURTHER) {
      const bytes = (body as Uint8Array).subarray(at, at + BYTES);
      this.#put(bytes);
      const last = at + BYTES >= length;
      const decision = edge.decide(head, denied, bytes.length, last ? PIECE_LAST : piece);
      if (decision !== NO_NUMBER) return decision;
    }
  }

  #put(bytes: Uint8Array): void {
    // The memory gets another buffer when it grows.
    if (this.#view.length === 0) this.#view = new Uint8Array(this.#memory.buffer, this.#at, BYTES);
    this.#view.set(bytes);
  }
}
