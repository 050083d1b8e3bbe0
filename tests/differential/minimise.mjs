/**
 * Minimises a difference by delta debugging over body, target and headers (Zeller and Hildebrandt,
 * 2002).
 */

/** How many requests one difference may cost. */
const TRIES = 3_000;
/** How many of them are tried at once. */
const AT_ONCE = 64;

/** Returns the smallest request found that still shows the same kind of difference. */
export async function minimise(bench, outcome) {
  const same = (other) =>
    other.kind === outcome.kind && other.verdict.reason === outcome.verdict.reason;
  let left = TRIES;
  const holds = async (requests) => {
    left -= requests.length;
    return left < 0 ? [] : (await bench.try(requests)).map(same);
  };
  let best = { ...outcome.request, chunks: undefined };
  for (let before = Number.POSITIVE_INFINITY; size(best) < before && left > 0;) {
    before = size(best);
    best = await shrink(holds, best, best.headers, (headers) => ({ ...best, headers }));
    best = await shrink(holds, best, [...best.target], (target) => ({
      ...best,
      target: target.join(""),
    }));
    best = await shrink(holds, best, [...best.body], (body) => ({ ...best, body: body.join("") }));
  }
  const [last] = await bench.try([best]);
  return same(last) ? last : outcome;
}

const size = ({ headers, target, body }) => JSON.stringify([headers, target, body]).length;

/**
 * Removes ever smaller pieces of a list as long as the difference remains. It removes all pieces
 * that can go one by one at once if that works, else the first of them.
 */
async function shrink(holds, request, list, put) {
  let left = list;
  for (
    let piece = Math.ceil(left.length / 2);
    piece >= 1 && left.length > 0;
    piece = piece === 1 ? 0 : Math.ceil(piece / 2)
  ) {
    const without = (at) => [...left.slice(0, at), ...left.slice(at + piece)];
    const idle = [];
    for (let from = 0; from < left.length; from += piece * AT_ONCE) {
      const starts = Array.from({ length: AT_ONCE }, (_, index) => from + index * piece).filter(
        (at) => at < left.length,
      );
      const held = await holds(starts.map((at) => put(without(at))));
      idle.push(...starts.filter((_, index) => held[index]));
    }
    const together = left.filter((_, index) => !idle.includes(index - (index % piece)));
    if (together.length < left.length && (await holds([put(together)]))[0]) left = together;
    else if (idle.length > 0) left = without(idle[0]);
  }
  return left === list ? request : put(left);
}
