/**
 * Runs the bench: `node tests/differential/attack.mjs`.
 *
 * MINUTES or CASES limits the run, SEED sets the seed, and EDGE=0 leaves the edge module out. The
 * program minimises new differences and writes them to target/attack/found.jsonl as corpus lines.
 * It exits with 1 if there are any.
 */
import { createHash, randomInt } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Bench, gateLine } from "./bench.mjs";
import { Chance } from "./chance.mjs";
import { coded } from "./coding.mjs";
import { minimise } from "./minimise.mjs";
import { mutate, mutateBy, splice } from "./mutation.mjs";
import { request, written } from "./request.mjs";

const BATCH = 128;
/** How many differences are minimised, the gravest first. */
const MINIMISED = 60;
/** How many differences are kept. Further ones are only counted. */
const DIFFERENCES = 500;
/** The edge module also judges one request out of this many. */
const EDGE = 16;

/**
 * Tries requests until `enough` returns true. With `only`, each request gets exactly one mutation
 * of that list.
 */
export async function attack(bench, seed, enough, tell = () => {}, only = undefined) {
  const weighed = bench.operations.map((operation) => [operation.weight, operation]);
  const tally = {
    seed,
    tried: 0,
    carriers: {},
    kinds: {},
    verdicts: {},
    differences: new Map(),
    more: { count: 0 },
    edge: 0,
    alone: new Set(),
  };
  while (!enough(tally)) {
    // Each batch has a seed derived from its number, so it can be repeated without the batches
    // before it.
    const own = seed + tally.tried / BATCH;
    const chance = new Chance(own);
    const requests = Array.from({ length: BATCH }, () => {
      if (only !== undefined) return fitting(chance, weighed, bench.operations, chance.of(only));
      let made = mutate(
        chance,
        request(chance, chance.weighed(weighed), chance.once(2), bench.operations),
      );
      if (made.body.kind !== "none" && chance.once(20)) {
        const other = request(chance, made.operation, chance.once(2), bench.operations);
        if (other.body.kind === made.body.kind) made = splice(chance, made, other);
      }
      let wire = { ...written(made), operation: made.operation };
      if (
        wire.body !== "" &&
        wire.socket !== true &&
        wire.trailers === undefined &&
        chance.once(12)
      )
        wire = coded(chance, wire);
      if (wire.body !== "" && chance.once(3))
        wire.chunks = Array.from({ length: 1 + chance.below(4) }, () =>
          chance.below(wire.body.length + 1),
        ).sort((a, b) => a - b);
      return wire;
    });
    for (const [index, outcome] of (await bench.try(requests)).entries()) {
      tally.tried += 1;
      count(tally.carriers, outcome.request.carrier);
      count(tally.kinds, outcome.kind);
      count(tally.verdicts, outcome.verdict.verdict ?? "error");
      if (outcome.request.mutations.length === 1)
        tally.alone.add(
          `${outcome.request.mutations[0]} on ${outcome.request.closed ? "closed" : "open"}: ${outcome.stated ? "said" : outcome.kind}`,
        );
      if (index % EDGE === 0) {
        tally.edge += 1;
        const told = bench.edge(outcome.request, outcome.verdict);
        if (told !== undefined)
          note(tally, { ...outcome, kind: "edge", parsers: [told], own }, tell);
      }
      if (["bypass", "over-block", "fault", "chunks", "twin"].includes(outcome.kind))
        note(tally, { ...outcome, own }, tell);
    }
  }
  return tally;
}

/**
 * Returns a request that a mutation fits. Operations with captures in their paths are left out:
 * such a path would still lead to the operation after the mutation.
 */
function fitting(chance, weighed, operations, name) {
  const plain = weighed.filter(([, { path }]) => !path.includes("{"));
  for (;;) {
    const made = request(chance, chance.weighed(plain), chance.once(2), operations);
    if (mutateBy(chance, made, name)) return { ...written(made), operation: made.operation };
  }
}

function count(counts, key) {
  counts[key] = (counts[key] ?? 0) + 1;
}

/**
 * Records a difference. Differences with the same parsers and mutations mostly have one cause, so
 * they count as one.
 */
function note(tally, outcome, tell) {
  const { request, verdict, kind, parsers } = outcome;
  const key = [
    kind,
    verdict.reason,
    request.carrier,
    kind === "bypass" ? parsers.join(",") : request.mutations.slice().sort().join(","),
  ].join(" ");
  const known =
    tally.differences.get(key) ?? (tally.differences.size >= DIFFERENCES ? tally.more : undefined);
  if (known !== undefined) {
    known.count += 1;
    return;
  }
  tally.differences.set(key, { count: 1, outcome });
  tell(`SEED=${outcome.own} CASES=${BATCH}: ${key} [${request.mutations}]`);
}

const list = (counts) =>
  Object.entries(counts)
    .sort()
    .map(([key, count]) => `${key} ${count}`)
    .join(", ");

export function figures(tally) {
  return [
    `${tally.tried} requests from seed ${tally.seed}: ${list(tally.carriers)}`,
    `verdicts: ${list(tally.verdicts)}; judged: ${list(tally.kinds)}; also by the edge module: ${tally.edge}`,
    `${tally.differences.size} differences${tally.more.count > 0 ? `, and ${tally.more.count} more requests that differ` : ""}`,
  ].join("\n");
}

/** Minimises the gravest differences. Returns each as a corpus line and as a line of the report. */
export async function smallest(bench, tally, most) {
  const grave = ({ outcome }) =>
    ["bypass", "twin", "fault", "chunks", "edge", "over-block"].indexOf(outcome.kind);
  const worst = [...tally.differences.values()]
    .sort((a, b) => grave(a) - grave(b) || b.count - a.count)
    .slice(0, most);
  const told = [];
  for (const { count, outcome } of worst) {
    const least =
      outcome.stated || ["edge", "chunks", "twin"].includes(outcome.kind)
        ? outcome
        : await minimise(bench, outcome);
    const line = corpusLine(least);
    told.push({
      line,
      told: `${outcome.kind} x${count} [${outcome.request.mutations}] ${least.verdict.reason}: ${JSON.stringify(line)}`,
    });
  }
  return told;
}

/** Returns the difference as a line of the corpus. */
export function corpusLine({ request, verdict, kind, parsers, reads, stated }) {
  const text = Buffer.from(request.body, "latin1");
  const { chunks, ...line } = gateLine(request);
  if (kind === "chunks") line.chunks = chunks;
  if (text.toString("utf8") === text.toString("latin1") && line.body_b64 !== undefined) {
    delete line.body_b64;
    line.body = request.body;
  }
  const digest = createHash("sha256")
    .update(JSON.stringify([line.method, line.url, line.headers, request.body]))
    .digest("hex")
    .slice(0, 8);
  const read = [...new Set(reads.map(([parser, text]) => `${parser} ${JSON.stringify(text)}`))];
  if (stated)
    return {
      ...line,
      id: `found-${digest}`,
      class: "found",
      summary: `${request.mutations.join(", ") || "no mutation"}: the gate said ${verdict.verdict} ${verdict.reason}`,
      read,
      expect: {
        verdict: [...new Set([...request.expected.verdicts, ...request.expected.reasons])],
      },
    };
  if (kind === "twin")
    return {
      ...line,
      id: `found-${digest}`,
      class: "found",
      summary: `the gate said ${verdict.verdict}, and gave another verdict for a header with one reading`,
      read,
      expect: { verdict: [JSON.parse(parsers[0]).verdict] },
    };
  const told =
    {
      bypass: `${parsers.join(", ")} read a closed model`,
      "over-block": `every parser read only open models, the gate said ${verdict.reason}`,
    }[kind] ?? kind;
  const expect = {
    verdict: kind === "over-block" ? ["pass", "defer"] : ["deny", "refuse", "defer"],
  };
  return { ...line, id: `found-${digest}`, class: "found", summary: told, read, expect };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const seed = Number(process.env.SEED ?? randomInt(2 ** 31));
  const cases = Number(process.env.CASES ?? Number.POSITIVE_INFINITY);
  const until =
    Date.now() +
    (process.env.CASES === undefined
      ? Number(process.env.MINUTES ?? 30) * 60_000
      : Number.POSITIVE_INFINITY);
  console.log(`attack: seed ${seed} (SEED=${seed} repeats it)`);
  const bench = await Bench.open({ gate: process.env.GATE, edge: process.env.EDGE !== "0" });
  let told = Date.now();
  // Prints the figures during the run, so that an interrupted run still shows its differences.
  const enough = ({ tried, differences, carriers }) => {
    if (Date.now() - told > 60_000) {
      told = Date.now();
      console.log(`attack: ${tried} requests (${list(carriers)}), ${differences.size} differences`);
    }
    return tried >= cases || Date.now() > until;
  };
  const tally = await attack(bench, seed, enough, (difference) =>
    console.log(`attack: ${difference}`),
  );
  // Minimising takes long, and the run may be interrupted meanwhile, so the figures come first.
  console.log(figures(tally));
  const lines = [];
  for (const { told, line } of await smallest(bench, tally, MINIMISED)) {
    lines.push(line);
    console.log(told);
  }
  bench.close();
  if (lines.length > 0) {
    const folder = fileURLToPath(new URL("../../target/attack/", import.meta.url));
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      `${folder}found.jsonl`,
      lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
    );
    console.log(`attack: written to ${folder}found.jsonl`);
  }
  process.exit(tally.differences.size > 0 ? 1 : 0);
}
