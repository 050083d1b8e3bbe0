/** A caller's account, classified for one policy. */
import type { Account as Handle } from "../wasm/edge.js";
import { invalid } from "./error.ts";
import { generation } from "./wasm/instance.ts";

/**
 * A caller's account. Its values are sorted into the classes that the policy distinguishes, so that
 * a decision only looks classes up.
 *
 * Make it once with {@link Gate.account} or {@link Gate.accountByName} and keep it. It remembers
 * its record, so it also works after the module's instance was replaced.
 */
export class Account {
  readonly #owner: object;
  readonly #make: () => Handle;
  #handle: Handle | undefined;
  #made = -1;
  #freed = false;

  /** @internal `owner`: the gate that the account is classified for. */
  constructor(owner: object, make: () => Handle) {
    this.#owner = owner;
    this.#make = make;
  }

  /** @internal Calls `work` with the account's handle in the current instance. */
  use(owner: object, work: (handle: Handle) => void): void {
    if (owner !== this.#owner) throw invalid("this account was made for another policy");
    if (this.#handle === undefined || this.#made !== generation()) {
      this.#handle = this.#make();
      this.#made = generation();
    }
    try {
      work(this.#handle);
    } finally {
      if (this.#freed) this.free();
    }
  }

  /** Returns its wasm memory. A later use is allowed, and classifies the record again. */
  free(): void {
    this.#freed = true;
    // A handle of a replaced instance points into the memory of another object.
    if (this.#made === generation()) this.#handle?.free();
    this.#handle = undefined;
  }
}
