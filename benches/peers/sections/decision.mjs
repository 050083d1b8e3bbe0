/** The tables of decisions without bodies: W1F, W1U, W2, and W1F inside workerd. */
import { readFileSync } from "node:fs";
import { jobs, policyFile } from "../bundle.mjs";
import { ALL, ENGINES } from "../contenders.mjs";
import { median, race, summary } from "../race.mjs";
import { GROWN, GROWN_STARTS, ROUNDS, STARTS } from "../settings.mjs";
import { number, ratio, table } from "../table.mjs";
import { inWorkerd } from "../workerd.mjs";

/** Contenders that say on which grounds a request is denied. */
const EXPLAINING = [
  "plain-js",
  "plain-js, indexed",
  "portcullis",
  "cel-marcbachmann",
  "cedar-wasm",
];

export async function small(context) {
  context.title();
  const rows = await race(await jobs(["none", ...ALL], "decide", "small"), {
    ...context,
    starts: STARTS,
    rounds: ROUNDS,
  });
  decisions(context, rows);
}

export async function unrestricted(context) {
  context.title();
  const names = ALL.filter((name) => !["casbin", "cedar-wasm", "json-logic"].includes(name));
  const rows = await race(await jobs(["none", ...names], "decide", "small", { free: true }), {
    ...context,
    starts: STARTS,
    rounds: ROUNDS,
  });
  decisions(context, rows);
}

export async function growing(context) {
  const titles = {
    decide: "a decision",
    miss: "the first decision for a caller never seen",
    denied: "the verdict of a denial",
    grounds: "a denial with its grounds",
  };
  const names = {
    decide: ALL.filter((name) => name !== "plain-js, map"),
    miss: EXPLAINING,
    denied: EXPLAINING,
    grounds: EXPLAINING,
  };
  for (const kind of Object.keys(titles))
    for (const count of GROWN) {
      context.title(`${number(count)} rules, ${titles[kind]}`);
      const rows = await race(await jobs(names[kind], kind, `grown-${count}`), {
        ...context,
        starts: GROWN_STARTS,
        rounds: ROUNDS,
        env: { CHECK: process.env.CHECK ?? "800", WARM: process.env.WARM ?? "250" },
      });
      decisions(context, rows, { rules: count, kind });
    }
}

export async function workerd(context) {
  const rows = await inWorkerd({
    names: ["plain-js", "plain-js, map", "portcullis", "portcullis, map", ...ENGINES],
    starts: STARTS,
    rounds: ROUNDS,
    bundle: readFileSync(await policyFile("small")),
  });
  console.log();
  decisions(context, rows);
}

/** A table of decisions: nanoseconds, and ratios to plain JavaScript and to the fastest engine. */
function decisions({ keep }, races, more = {}) {
  const rows = races.map(({ contender, found, starts }) => ({
    ...more,
    contender,
    ...summary(starts),
    load: median(found.map(({ load }) => load)),
    checked: found.reduce((sum, { checked }) => sum + checked, 0),
    wrong: found.reduce((sum, { wrong }) => sum + wrong, 0),
    passed: found[0].passed,
  }));
  const plain = rows.find(({ contender }) => contender === "plain-js").nanoseconds;
  const fastest = Math.min(
    ...rows
      .filter(({ contender }) => ENGINES.includes(contender))
      .map(({ nanoseconds }) => nanoseconds),
  );
  rows.sort((a, b) => a.nanoseconds - b.nanoseconds);
  console.log(
    table(
      ["contender", "ns", "lowest start", "highest", "to plain-js", "to fastest engine"].concat([
        "load ms",
        "checked",
        "wrong",
      ]),
      rows.map((row) => [
        row.contender,
        number(row.nanoseconds),
        number(row.lowest),
        number(row.highest),
        ratio(row.nanoseconds, plain),
        ratio(row.nanoseconds, fastest),
        number(row.load),
        row.checked,
        row.wrong,
      ]),
    ),
  );
  keep(rows);
}
