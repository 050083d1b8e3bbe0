/**
 * The first decision for a caller who was never seen: its record is classified, where a contender
 * does that, and one model is asked for.
 */
import { grounds } from "../oracle.mjs";
import { Requests, recordsOf } from "../requests.mjs";

/** Callers in one round. */
const CALLERS = 500;
const WARM = 3;

export function prepare({ policy, engine }) {
  let seed = 100;
  let wrong = 0;
  let checked = 0;
  const meet = (check) => {
    seed += 1;
    const records = recordsOf(CALLERS, seed, 10_000 + seed * CALLERS);
    const requests = new Requests(policy, records, { count: CALLERS, seed });
    const accounts = [];
    const answers = [];
    let time = 0;
    // In pieces, so that a round of a slow contender ends.
    for (let index = 0; index < CALLERS && time < 200; index += 1) {
      const start = performance.now();
      const request = requests.at(index);
      const account = engine.account(records[requests.who(index)]);
      request.account = account;
      answers.push(engine.decide(request));
      time += performance.now() - start;
      accounts.push(account);
    }
    for (const account of accounts) account.free?.();
    for (let index = 0; check && index < Math.min(100, answers.length); index += 1) {
      checked += 1;
      if (answers[index] !== (grounds(policy, requests.plain(index)).length === 0)) wrong += 1;
    }
    return (time * 1e6) / answers.length;
  };
  for (let round = 0; round < WARM; round += 1) meet(true);
  return { round: () => ({ nanoseconds: meet(false) }), found: { wrong, checked } };
}
