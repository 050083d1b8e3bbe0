/**
 * The boundary between the scripts and the edge module. The test reads the numbers that both sides
 * have from both and compares them, and compares the line format of facts with examples.
 */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Gate } from "portcullis";
import { POLICY, compile } from "../../tests/worker/setup.mjs";
import * as structured from "../dist/access-header/verify.js";
import * as wire from "../dist/wasm/wire.js";

const SRC = fileURLToPath(new URL("../../src/", import.meta.url));
const sources = readdirSync(SRC, { recursive: true })
  .filter((name) => name.endsWith(".rs"))
  .map((name) => readFileSync(join(SRC, name), "utf8"));

/** The first match in the crate's sources, wherever the file is. */
function inCrate(pattern) {
  const found = sources.map((text) => pattern.exec(text)).filter((match) => match !== null);
  assert.equal(found.length, 1, `${pattern} is in ${found.length} files`);
  return found[0];
}

const limit = (name) =>
  Number(inCrate(new RegExp(`pub const ${name}: \\w+ = ([\\d_]+);`))[1].replaceAll("_", ""));

test("limits of the crate", () => {
  assert.equal(wire.CANDIDATES, limit("CANDIDATES"));
  assert.equal(wire.MODEL_ID_BYTES, limit("MODEL_ID_BYTES"));
  assert.equal(structured.LIFETIME_S, limit("(?:ACCESS|MARK)\\w*_SECONDS"));
  assert.equal(structured.SKEW_S, limit("CLOCK_SKEW_SECONDS"));
  assert.equal(structured.HEADER_CHARACTERS, limit("(?:ACCESS|MARK)\\w*_BYTES"));
});

test("bits of `access`", () => {
  const [, block] = inCrate(/^mod bits \{\n([^]*?)^\}/m);
  const bits = Object.fromEntries(
    [...block.matchAll(/const (\w+): u32 = (\d+);/g)].map(([, name, value]) => [name, +value]),
  );
  const { READ, GUARDED, LICENSED, INVALID } = wire;
  assert.deepEqual(bits, { READ, GUARDED, LICENSED, INVALID });
});

test("kinds of check", () => {
  const [, block] = inCrate(/pub enum \w*Check \{\n([^]*?)^\}/m);
  const kinds = [...block.matchAll(/^ +(\w+),$/gm)].map(([, name]) => name);
  assert.equal(kinds.indexOf("Nothing"), wire.CHECK_NOTHING);
  assert.equal(kinds.indexOf("Filter"), wire.CHECK_FILTER);
  assert.equal(kinds.indexOf("Acknowledged"), wire.CHECK_ACKNOWLEDGED);
  assert.equal(kinds.length, 5);
});

test("reasons to withhold, and to release", () => {
  const [, withhold] = inCrate(/let reason = match why \{\n([^]*?)\};/);
  const arms = [...withhold.matchAll(/^ +(\d+|_) => .*?(\w+)[,)]*$/gm)].map(
    ([, number, reason]) => [number, reason],
  );
  assert.deepEqual(arms, [
    [`${wire.WITHHELD_CUT}`, "AnswerUnreadable"],
    [`${wire.WITHHELD_UNPROVEN}`, "reason"],
    [`${wire.WITHHELD_OUTLIVED}`, "AnswerTooLong"],
    ["_", "Exhausted"],
  ]);
  assert.equal(wire.WITHHELD_EXHAUSTED, arms.length - 1);
  // `may.map_or(2, u32::from)` of an `Option<bool>`.
  inCrate(/may\.map_or\(2, u32::from\)/);
  assert.deepEqual([wire.RELEASE_HOLD, wire.RELEASE_PASS], [Number(false), Number(true)]);
});

test("reasons of the decoder", () => {
  inCrate(/fn number\(reason: Reason\) -> usize \{\n\s+1 \+ Reason::CODING/);
  inCrate(/match \w+\.checked_sub\(1\) \{\n\s+None => self\.inspection\.decoded\(\)/);
  assert.equal(wire.DECODED, 0);
});

const FACTS = [
  ["nothing known", {}, ["", "", "", "", " "]],
  [
    "null is unknown",
    { place: null, asn: null, ip: null, network: null, stale: null },
    ["", "", "", "", " "],
  ],
  ["a country", { place: { country: "FR" } }, ["", "", "", "", "FR "]],
  ["a country and a region", { place: { country: "US", region: "TX" } }, ["", "", "", "", "US TX"]],
  ["a place of which nothing is known", { place: {} }, ["", "", "", "", " "]],
  ["two places", { place: [{ country: "US" }, {}] }, ["", "", "", "", "US ", " "]],
  ["no place", { place: [] }, ["", "", "", "", " "]],
  ["a network", { asn: 13335, ip: "192.0.2.1" }, ["13335", "192.0.2.1", "", "", " "]],
  ["number 0", { asn: 0 }, ["0", "", "", "", " "]],
  ["kinds of network", { network: ["tor", "vpn"] }, ["", "", "tor,vpn", "", " "]],
  ["no kind of network", { network: [] }, ["", "", "", "", " "]],
  ["stale", { stale: true }, ["", "", "", "stale", " "]],
  ["not stale", { stale: false }, ["", "", "", "", " "]],
];

for (const [name, facts, lines] of FACTS) {
  test(`facts as lines: ${name}`, () =>
    assert.deepEqual(wire.factsLines(facts).split("\n"), lines));
}

test("the edge module reads each line as the fact that it is", async () => {
  const gate = await Gate.load({
    module: readFileSync(new URL("../wasm/edge_bg.wasm", import.meta.url)),
    bundle: compile(POLICY),
  });
  const us = gate.account({ export: { us_person_ear: true } });
  const US = { place: { country: "US" }, account: us };
  const denied = (facts) => gate.access({ ...US, ...facts }).denied.map(({ id }) => id);
  assert.deepEqual(denied({}), []);
  assert.deepEqual(denied({ place: [{ country: "US" }, { country: "FR" }] }), ["mythos-class"]);
  assert.deepEqual(denied({ place: { country: "UA", region: "43" } }), [
    "mythos-class",
    "open",
    "*",
  ]);
  assert.deepEqual(denied({ network: ["vpn", "tor"] }), ["mythos-class", "open", "*"]);
  assert.deepEqual(denied({ asn: 64500 }), ["mythos-class"]);
  assert.deepEqual(denied({ asn: 64501, ip: "192.0.2.1" }), []);
  assert.deepEqual(denied({ stale: true }), ["mythos-class"]);
  for (const facts of [{ asn: -1 }, { asn: 1.5 }, { ip: "192.0.2.256" }, { network: ["Tor"] }])
    assert.throws(() => denied(facts), { code: "input_invalid" });
});

test("header lines", () => {
  const text = wire.headerText([
    ["a", "1"],
    [":path", "/"],
    ["b", ""],
    ["a", " 2"],
  ]);
  assert.equal(text, "a: 1\n:path: /\nb: \na:  2\n");
  assert.throws(() => wire.headerText([["a", "1\nb: 2"]]), { code: "input_invalid" });
});
