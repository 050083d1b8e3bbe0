import { PortcullisError } from "../error.ts";

/**
 * Replaces a module's instance after a trap.
 *
 * The generated script holds the one instance of an isolate. This class counts the replacements, so
 * that an object from an earlier instance is recognised and never touches the memory of the next
 * one.
 */
export class TrapGuard {
  /** The number of replacements so far. */
  generation = 0;
  readonly #name: string;
  readonly #reset: () => void;

  constructor(name: string, reset: () => void) {
    this.#name = name;
    this.#reset = reset;
  }

  /**
   * Runs `work`, which calls into the instance.
   *
   * A trap leaves wasm memory in an unknown state, so the instance is replaced before other work
   * enters it.
   *
   * @param since The generation of the handles that `work` uses
   * @throws PortcullisError `trapped`, or `replaced` if the handles belong to an earlier instance
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
