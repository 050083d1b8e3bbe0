/** A caller's account, classified for one policy. */
import type { Account as Handle } from "../wasm/edge.js";
import { type Clocked, type Period, holds } from "./clock.ts";
import { invalid } from "./error.ts";
import { generation } from "./wasm/instance.ts";

/** What a gate remembers for all accounts that no rule can tell apart. */
type Kind = object;

/**
 * Returns the kind of an account, if it is one that was looked up in this era, and the kind still
 * holds.
 *
 * @internal
 */
export let kindOf: (account: object, era: object, facts: Clocked) => Kind | undefined;

/** @internal Keeps the kind of an account, which holds within a period. */
export let setKind: (account: Account, era: object, kind: Kind, period: Period) => void;

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
  #era: object | undefined;
  #kind: Kind | undefined;
  #period: Period;

  static {
    kindOf = (account, era, facts) =>
      #era in account && account.#era === era && holds(account.#period, facts)
        ? account.#kind
        : undefined;
    setKind = (account, era, kind, period) => {
      account.#era = era;
      account.#kind = kind;
      account.#period = period;
    };
  }

  /** @internal `owner`: the gate that the account is classified for. */
  constructor(owner: object, make: () => Handle) {
    this.#owner = owner;
    this.#make = make;
  }

  /** @internal Whether the account was classified for this gate. */
  isFor(owner: object): boolean {
    return owner === this.#owner;
  }

  /** @internal Calls `work` with the account's handle in the current instance. */
  use<T>(owner: object, work: (handle: Handle) => T): T {
    if (owner !== this.#owner) throw invalid("this account was made for another policy");
    if (this.#handle === undefined || this.#made !== generation()) {
      this.#handle = this.#make();
      this.#made = generation();
    }
    try {
      return work(this.#handle);
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
