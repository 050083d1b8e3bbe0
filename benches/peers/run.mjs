/**
 * This package beside its peers. `make bench-peers` installs the peers and runs it.
 *
 *     node run.mjs [--json FILE] [SECTION ...]
 *
 * Sections: w1f, w1u, w2, w3, first, cold, memory, workerd; by default all. README.md says what
 * each row means, and lists the variables.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { removeFolder } from "./bundle.mjs";
import { ENGINES, contender, path, versionOf } from "./contenders.mjs";
import { bodies, firsts } from "./sections/body.mjs";
import { growing, small, unrestricted, workerd } from "./sections/decision.mjs";
import { cold, memory } from "./sections/process.mjs";
import { NODES, ROUNDS, STARTS } from "./settings.mjs";

const SECTIONS = {
  w1f: { title: "W1F: may this caller use this model? A small policy", run: small },
  w1u: { title: "W1U: the same, of callers under no restriction", run: unrestricted },
  w2: { title: "W2: growing policies", run: growing },
  w3: { title: "W3: from a body to a verdict, callers under restriction", run: bodies },
  first: { title: "The first 1,000 bodies of a process (1 KB, ascii)", run: firsts },
  cold: { title: "W4: cold start, and bytes to ship", run: cold },
  memory: { title: "Memory", run: memory, nodes: NODES.slice(-1) },
  workerd: { title: "W1F inside workerd", run: workerd, nodes: NODES.slice(-1) },
};

const results = [];
const begin = performance.now();
try {
  await main(process.argv.slice(2));
} finally {
  removeFolder();
}

async function main(given) {
  const at = given.indexOf("--json");
  const [, json] = at < 0 ? [] : given.splice(at, 2);
  const unknown = given.find((name) => SECTIONS[name] === undefined);
  if (unknown !== undefined) throw new Error(`no section ${unknown}`);
  const nodes = NODES.map(nodeOf);
  const versions = nodes.map(({ version }) => version).join(", ");
  console.log(`${STARTS} starts of ${ROUNDS} rounds; Node ${versions}`);
  console.log(`${cpus().length} cores (${cpus()[0].model}); load ${loadavg()[0].toFixed(1)}`);
  for (const name of ENGINES) console.log(`${contender(name).package} ${versionOf(name)}`);
  for (const name of given.length > 0 ? given : Object.keys(SECTIONS)) {
    const { title, run, nodes: some } = SECTIONS[name];
    console.log(`\n## ${title}`);
    for (const node of nodes.filter(({ major }) => some?.includes(major) ?? true))
      await run({
        ...node,
        title: (text) => console.log(`\n### ${text ? `${text}, ` : ""}Node ${node.major}\n`),
        keep: (rows) =>
          results.push(...rows.map((row) => ({ section: name, node: node.version, ...row }))),
      });
  }
  const wrong = results.reduce((sum, row) => sum + (row.wrong ?? 0), 0);
  const minutes = ((performance.now() - begin) / 60_000).toFixed(1);
  console.log(`\n${wrong} wrong answers; ${minutes} minutes; load ${loadavg()[0].toFixed(1)}`);
  if (json !== undefined)
    writeFileSync(
      json,
      `${JSON.stringify({ date: new Date().toISOString(), results }, undefined, 1)}\n`,
    );
  if (wrong > 0) process.exitCode = 1;
}

/** The Node of a major version, from its npm package. */
function nodeOf(major) {
  const node = path(`node_modules/node-${major}-${process.arch}/bin/node`);
  const version = execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
  return { node, major, version };
}
