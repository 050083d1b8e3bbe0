/**
 * Undoes the content codings gzip, deflate, br and zstd, also stacked ones.
 *
 * A gate or a Worker takes a `Decoder` as an option. Its module starts with the first coded body
 * that must be read. All codings go through it, also those that a platform could undo itself, so
 * that every platform refuses the same bodies under the same bounds.
 */
import {
  type Decoder as Handle,
  Decoders,
  __wbg_reset_state as reset,
  initSync,
} from "../../wasm/decode.js";
import { PortcullisError, invalid } from "../error.ts";
import { type Buffered, type Bytes, bytesOf } from "../input.ts";
import type { CompiledModule } from "./instance.ts";
import { TrapGuard } from "./trap-guard.ts";

const guard = new TrapGuard("decoding", reset);
let decoders: { readonly all: Decoders; readonly since: number } | undefined;

/**
 * Undoes content codings. All decoders of an isolate share one instance and its memory.
 *
 * @example
 * ```js
 * import { Decoder } from "portcullis/decode";
 * import decode from "portcullis/decode.wasm";
 *
 * export default worker({ module, bundle, decoder: new Decoder(decode) });
 * ```
 */
export class Decoder {
  readonly #module: CompiledModule | Buffered;

  /** @param module `portcullis/decode.wasm`, compiled or as bytes */
  constructor(module: CompiledModule | Buffered) {
    this.#module = module;
  }

  /**
   * Begins to decode a body.
   *
   * @param codings Names of codings separated by commas, in the order in which they were applied
   * @param signed The body is forwarded coded, so only input that every decoder reads alike is
   *   accepted.
   * @throws PortcullisError `module_unusable`, `input_invalid`
   */
  open(codings: string, signed: boolean): Decoding {
    if (typeof codings !== "string" || typeof signed !== "boolean")
      throw invalid("`codings` is no string, or `signed` no boolean");
    try {
      initSync({ module: this.#module as WebAssembly.Module });
    } catch (cause) {
      throw new PortcullisError(
        "module_unusable",
        `the decoding module does not start: ${String(cause)}`,
        { cause },
      );
    }
    const since = guard.generation;
    return guard.enter(since, () => {
      if (decoders?.since !== since) decoders = { all: new Decoders(), since };
      return new Decoding(decoders.all.open(codings, signed), since);
    });
  }
}

/** A body that is being decoded. */
export class Decoding {
  readonly #handle: Handle;
  readonly #since: number;

  /** @internal Made by {@link Decoder.open}. */
  constructor(handle: Handle, since: number) {
    this.#handle = handle;
    this.#since = since;
  }

  /** Takes coded bytes; `undefined` ends them. First take all pieces that `next` returns. */
  feed(coded: Bytes | undefined): void {
    const bytes = coded === undefined ? undefined : bytesOf(coded, "a piece of the body");
    guard.enter(this.#since, () =>
      bytes === undefined ? this.#handle.end() : this.#handle.feed(bytes),
    );
  }

  /**
   * Returns the next decoded piece; undefined if more coded bytes are needed, the body has ended,
   * or it failed.
   */
  next(): Uint8Array | undefined {
    return guard.enter(this.#since, () => this.#handle.next());
  }

  /** Why decoding failed, as a number for the edge module; 0: it did not fail. */
  get failure(): number {
    return guard.enter(this.#since, () => this.#handle.trouble());
  }

  /** Returns the wasm memory. */
  free(): void {
    if (this.#since === guard.generation) this.#handle.free();
  }
}
