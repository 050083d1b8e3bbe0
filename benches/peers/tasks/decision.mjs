/** Decisions without bodies: may this caller use this model, and on which grounds not. */
import { readFileSync } from "node:fs";
import { Requests, recordsOf } from "../requests.mjs";
import { CHECK } from "../settings.mjs";
import { stopwatch } from "../stopwatch.mjs";

export function prepare({ kind, policy, engine, map, free, contender, answers }) {
  const records = recordsOf();
  const requests = new Requests(policy, records, { free });
  requests.use(records.map(engine.account), map);
  const known = JSON.parse(readFileSync(answers, "utf8"));
  const explains = kind === "grounds";
  const ask = {
    decide: engine.decide,
    denied: engine.verdict ?? engine.decide,
    grounds: engine.grounds,
  }[kind];
  const isRight = (answer, expected) =>
    explains
      ? answer.length === expected.length && expected.every((id) => answer.includes(id))
      : answer === (expected.length === 0);

  /**
   * For grounds: the requests that are denied, but not together with every model. Portcullis gives
   * all restrictions of a caller to whom every model is closed.
   */
  const total = new Set(
    policy.rules.filter(({ families }) => families === "*").map(({ id }) => id),
  );
  const denied = known.flatMap((ids, index) =>
    ids.length > 0 && !ids.some((id) => total.has(id)) ? [index] : [],
  );
  const asked = kind === "decide" ? [...known.keys()] : denied;
  let wrong = 0;
  let checked = 0;
  for (const end = performance.now() + CHECK; checked < asked.length; checked += 1) {
    if (checked % 16 === 0 && performance.now() > end) break;
    const index = asked[checked];
    if (!isRight(ask(requests.at(index)), known[index])) wrong += 1;
  }
  const { length } = asked;
  const round = stopwatch(
    explains
      ? (index) => (sink += ask(requests.at(asked[index % length])).length)
      : (index) => (sink += ask(requests.at(asked[index % length])) ? 1 : 0),
  );
  return {
    round: () => ({ nanoseconds: round() }),
    found: {
      wrong: contender === "none" ? 0 : wrong,
      checked: contender === "none" ? 0 : checked,
      passed: known.filter((ids) => ids.length === 0).length / known.length,
    },
  };
}

/** What the answers come to, so that V8 cannot leave a decision out. */
export let sink = 0;
