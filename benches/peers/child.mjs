/**
 * One contender in a process of its own. `run.mjs` forks it with a job, and asks for one round
 * after another, so that the contenders take turns.
 *
 * In: the job as JSON in the first argument, then `"round"` for each round. Out: first what the
 * preparation found (`wrong` answers, how many were `checked`, `load` in milliseconds), then the
 * result of each round.
 */
import { contender, ready } from "./contenders.mjs";
import { policyOf } from "./policy.mjs";

const KINDS = {
  decide: "./tasks/decision.mjs",
  miss: "./tasks/miss.mjs",
  denied: "./tasks/decision.mjs",
  grounds: "./tasks/decision.mjs",
  body: "./tasks/body.mjs",
  first: "./tasks/body.mjs",
  memory: "./tasks/memory.mjs",
};

const job = JSON.parse(process.argv[2]);
const policy = policyOf(job.policy);
const { engine, load } = await ready(job.contender, policy, job.bundle);
const kind = await import(KINDS[job.kind]);
const work = await kind.prepare({ ...job, policy, engine, map: contender(job.contender).map });
process.on("message", async () => process.send(await work.round()));
process.on("disconnect", () => process.exit());
process.send({ load, ...work.found });
