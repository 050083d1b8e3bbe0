/** Times a call that is made again and again. */

import { ROUND, WARM } from "./settings.mjs";

/**
 * Warms `step` up.
 *
 * @param step Does the work once, for the given number of the call
 * @returns A function that does a round and returns nanoseconds a call
 */
export function stopwatch(step, { round = ROUND, warm = WARM } = {}) {
  let index = 0;
  const many = (count) => {
    const start = performance.now();
    for (const end = index + count; index < end; index += 1) step(index);
    return ((performance.now() - start) * 1e6) / count;
  };
  let nanoseconds = many(1);
  for (const end = performance.now() + warm; performance.now() < end;)
    nanoseconds = many(Math.min(10_000, Math.max(1, Math.round(1e7 / nanoseconds))));
  const count = Math.max(1, Math.round((round * 1e6) / nanoseconds));
  return () => many(count);
}
