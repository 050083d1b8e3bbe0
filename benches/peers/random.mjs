/**
 * Numbers that look random and are the same in every run: `next(n)` is one of 0 to n - 1. The
 * generator is a multiplication and an addition modulo 2^32 (Numerical Recipes, "Portable Random
 * Number Generators"); its upper bits are the ones that are used.
 */
export function random(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
