/** The bench, for a bounded number of requests: from a seed that stays and from a fresh one, after the proof that it can fail. SEED repeats a fresh one. */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { attack, figures, smallest } from "./attack.mjs";
import { Bench } from "./bench.mjs";

const FIXED = 20_260_612;
const CASES = 8_000;
const SHOWN = 5;
const CARRIERS = ["base64", "batch", "form", "json", "message", "multipart", "target", "trailers"];

test("a gate that passes everything is found out in every carrier", async () => {
  const tally = await run({ gate: "pass" }, FIXED, 1_000);
  const carriers = new Set([...tally.differences.values()].filter(({ outcome }) => outcome.kind === "bypass").map(({ outcome }) => outcome.request.carrier));
  assert.deepEqual([...carriers].sort(), CARRIERS);
});

test("a gate that refuses everything is found out in every carrier", async () => {
  const tally = await run({ gate: "refuse" }, FIXED, 1_000);
  const carriers = new Set([...tally.differences.values()].filter(({ outcome }) => outcome.kind === "over-block").map(({ outcome }) => outcome.request.carrier));
  assert.deepEqual([...carriers].sort(), CARRIERS);
});

for (const [name, seed] of [["a seed that stays", FIXED], ["a fresh seed", Number(process.env.SEED ?? randomInt(2 ** 31))]]) {
  test(`the gate and the parsers agree, ${name} (SEED=${seed})`, async () => {
    console.log(`SEED=${seed}`);
    const tally = await run({ edge: true }, seed, CASES, seed === FIXED);
    console.log(figures(tally));
  });
}

/** Of a fresh seed, an over-block counts only if nothing was done to the request: what else is refused on purpose is found out by and by. */
async function run(how, seed, cases, strict) {
  const bench = await Bench.open(how);
  try {
    const tally = await attack(bench, seed, ({ tried }) => tried >= cases);
    if (how.gate !== undefined) return tally;
    for (const [key, { outcome }] of tally.differences) if (!strict && outcome.kind === "over-block" && outcome.request.mutations.length > 0) tally.differences.delete(key);
    if (tally.differences.size > 0) {
      const told = await smallest(bench, tally, SHOWN);
      assert.fail(`${figures(tally)}\n${told.map((one) => one.told).join("\n")}`);
    }
    return tally;
  } finally {
    bench.close();
  }
}
