/** Makes a difference as small as it gets: delta debugging over body, target and headers (Zeller and Hildebrandt, 2002). */

/** Requests that one difference may cost. */
const TRIES = 3_000;

/** The smallest request found in which the same kind of difference stands. */
export async function minimise(bench, outcome) {
  const same = (other) => other.kind === outcome.kind && other.verdict.reason === outcome.verdict.reason;
  let left = TRIES;
  const holds = async (requests) => {
    left -= requests.length;
    return left < 0 ? [] : (await bench.try(requests)).map(same);
  };
  let best = { ...outcome.request, chunks: undefined };
  for (let before = Number.POSITIVE_INFINITY; size(best) < before && left > 0; ) {
    before = size(best);
    best = await shrink(holds, best, best.headers, (headers) => ({ ...best, headers }));
    best = await shrink(holds, best, [...best.target], (target) => ({ ...best, target: target.join("") }));
    best = await shrink(holds, best, [...best.body], (body) => ({ ...best, body: body.join("") }));
  }
  const [last] = await bench.try([best]);
  return same(last) ? last : outcome;
}

const size = ({ headers, target, body }) => JSON.stringify([headers, target, body]).length;

/** Leaves out ever smaller pieces of a list, as long as the difference stays: all that can go alone together, if they can, else the first. */
async function shrink(holds, request, list, put) {
  let left = list;
  for (let piece = Math.ceil(left.length / 2); piece >= 1 && left.length > 0; piece = piece === 1 ? 0 : Math.ceil(piece / 2)) {
    const pieces = Array.from({ length: Math.ceil(left.length / piece) }, (_, at) => left.slice(at * piece, (at + 1) * piece));
    const without = pieces.map((_, at) => pieces.filter((_, other) => other !== at).flat());
    const idle = await holds(without.map(put));
    const together = pieces.filter((_, at) => !idle[at]).flat();
    if (together.length < left.length && (await holds([put(together)]))[0]) left = together;
    else if (idle.includes(true)) left = without[idle.indexOf(true)];
  }
  return left === list ? request : put(left);
}
