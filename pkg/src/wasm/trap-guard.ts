import { PortcullisError } from "../error.ts";

/**
 * Guards the one instance of a module that an isolate has. The generated glue holds it, so all its users share it; what this adds is
 * the generation, by which an object of an instance that trapped and was replaced is known for what it is.
 */
export class Guard {
  /** Counts the instances that were replaced. Handles from an earlier generation point into memory that is gone. */
  generation = 0;
  readonly #name: string;
  readonly #reset: () => void;

  constructor(name: string, reset: () => void) {
    this.#name = name;
    this.#reset = reset;
  }

  /**
   * Runs `work`, which calls into the instance. A trap leaves wasm memory in an unknown state, so the instance is replaced
   * before anyone else enters it; `since` is the generation that the handles used by `work` belong to.
   */
  enter<T>(since: number, work: () => T): T {
    if (since !== this.generation)
      throw new PortcullisError(
        "replaced",
        `the ${this.#name} instance was replaced while this request was read`,
      );
    try {
      return work();
    } catch (cause) {
      if (!(cause instanceof WebAssembly.RuntimeError)) throw cause;
      this.generation += 1;
      this.#reset();
      throw new PortcullisError(
        "trapped",
        `the ${this.#name} module trapped and was replaced: ${cause.message}`,
        { cause },
      );
    }
  }
}
