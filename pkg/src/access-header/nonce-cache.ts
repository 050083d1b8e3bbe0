/** Remembers nonces, so that each access header is accepted once. */
import { invalid } from "../error.ts";

/** A store of nonces. Several machines behind one address need a shared store. */
export interface NonceStore {
  /**
   * Takes a nonce.
   *
   * @param until Seconds since the epoch until which the nonce must be remembered
   * @param now Seconds since the epoch
   */
  take(nonce: string, until: number, now: number): Taken | Promise<Taken>;
}

export type Taken = "fresh" | "replayed" | "full";

/**
 * The nonces of this process. A full cache refuses new nonces, because a forgotten nonce could be
 * used again.
 *
 * @example
 * ```js
 * const nonces = new NonceCache();
 * const access = await verify(request, keys, { nonces });
 * ```
 */
export class NonceCache implements NonceStore {
  readonly #capacity: number;
  readonly #until = new Map<string, number>();

  /**
   * @param capacity Nonces, each of some 100 bytes, that are kept for up to 80 seconds. The default
   *   is enough for 3,000 requests a second.
   * @throws PortcullisError `input_invalid`
   */
  constructor(capacity = 262_144) {
    if (typeof capacity !== "number" || !(capacity > 0))
      throw invalid("`capacity` is no number of nonces");
    this.#capacity = capacity;
  }

  take(nonce: string, until: number, now: number): Taken {
    // A nonce whose end has passed would be forgotten at once.
    if (typeof nonce !== "string" || typeof until !== "number" || !(until >= now))
      throw invalid("no nonce that is to be remembered");
    if (this.#until.has(nonce)) return "replayed";
    // A Map keeps insertion order, which is nearly the order of the ends.
    for (const [old, end] of this.#until) {
      if (end >= now) break;
      this.#until.delete(old);
    }
    if (this.#until.size >= this.#capacity) return "full";
    this.#until.set(nonce, until);
    return "fresh";
  }
}
