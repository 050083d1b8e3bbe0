/** A random generator with a seed: the same seed gives the same requests on every machine. */
export class Chance {
  #state;

  constructor(seed) {
    // Mixing the seed makes the sequences of neighbouring seeds unrelated.
    const mixed = Math.imul(seed ^ (seed >>> 16) ^ 0x9e3779b9, 0x85ebca6b);
    this.#state = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) >>> 0;
  }

  /** Returns a whole number below `limit`, by mulberry32. Its 32-bit state suffices here. */
  below(limit) {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  /** Returns true once in `many` calls on average. */
  once(many) {
    return this.below(many) === 0;
  }

  of(list) {
    return list[this.below(list.length)];
  }

  /** Chooses a value from `[weight, value]` pairs. */
  weighed(pairs) {
    let at = this.below(pairs.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, value] of pairs) {
      if (at < weight) return value;
      at -= weight;
    }
    return undefined;
  }
}
