/**
 * Undoes content codings: gzip, deflate, br, zstd, stacked ones. What it is made of is handed to a gate or a worker as its `decoder`; its
 * module is started with the first coded body that must be read. All codings go through it, those too that a platform
 * has of its own, so that every platform refuses the same bodies under the same bounds.
 */
import {
  type Decoder as Handle,
  Decoders,
  __wbg_reset_state as reset,
  initSync,
} from "../../wasm/decode.js";
import { type Buffered, type Bytes, bytesOf } from "../input.ts";
import { PortcullisError, invalid } from "../error.ts";
import type { CompiledModule } from "./instance.ts";
import { Guard } from "./trap-guard.ts";

const guard = new Guard("decoding", reset);
let decoders: { readonly all: Decoders; readonly since: number } | undefined;

/** `new Decoder(module)`: what undoes content codings. All of an isolate share one instance and its memory. */
export class Decoder {
  readonly #module: CompiledModule | Buffered;

  /** `module`: `portcullis/decode.wasm`, compiled or its bytes. */
  constructor(module: CompiledModule | Buffered) {
    this.#module = module;
  }

  /** A body under these codings. `signed`: it will go on as it came, so that only what every decoder reads alike is taken. */
  open(codings: string, signed: boolean): Decoding {
    if (typeof codings !== "string" || typeof signed !== "boolean")
      throw invalid("`codings` is no text, or `signed` neither true nor false");
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

  /** Takes coded bytes, or that there are no more; all that `next` gives must have been taken. */
  feed(coded: Bytes | undefined): void {
    const bytes = coded === undefined ? undefined : bytesOf(coded, "a piece of the body");
    guard.enter(this.#since, () =>
      bytes === undefined ? this.#handle.end() : this.#handle.feed(bytes),
    );
  }

  /** The next piece of what is decoded; undefined if more coded bytes are needed, there are no more, or `trouble` is not 0. */
  next(): Uint8Array | undefined {
    return guard.enter(this.#since, () => this.#handle.next());
  }

  /** Why it cannot go on, a number that the edge module knows; 0: it can. */
  get trouble(): number {
    return guard.enter(this.#since, () => this.#handle.trouble());
  }

  free(): void {
    if (this.#since === guard.generation) this.#handle.free();
  }
}
