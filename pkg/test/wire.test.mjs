/**
 * The boundary between the scripts and the edge module. The test reads the numbers that both sides
 * have from both and compares them, and compares the formats of facts and accounts with examples.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
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
  assert.equal(wire.HEADS_KEPT, limit("HEADS_REMEMBERED"));
  assert.equal(wire.HEADER_CHARACTERS_KEPT, limit("REMEMBERED_HEADER_CHARACTERS"));
  assert.equal(structured.LIFETIME_S, limit("(?:ACCESS|MARK)\\w*_SECONDS"));
  assert.equal(structured.SKEW_S, limit("CLOCK_SKEW_SECONDS"));
  assert.equal(structured.HEADER_CHARACTERS, limit("(?:ACCESS|MARK)\\w*_BYTES"));
});

test("bits of `access`", () => {
  const [, block] = inCrate(/^mod bits \{\n([^]*?)^\}/m);
  const bits = Object.fromEntries(
    [...block.matchAll(/const (\w+): u32 = (\d+);/g)].map(([, name, value]) => [name, +value]),
  );
  const { READ, GUARDED, LICENSED, INVALID, NO_OPERATION } = wire;
  assert.deepEqual(bits, { READ, GUARDED, LICENSED, INVALID, NO_OPERATION });
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

const VALUES = [
  ["nothing", undefined, "0:"],
  ["null", null, "1:?"],
  ["true", true, "1:t"],
  ["false", false, "1:f"],
  ["a number", 1, "13:#1072693248 0"],
  ["a negative zero", -0, "13:#2147483648 0"],
  ["no text", "", '1:"'],
  ["a text", "é:\n\0", '6:"é:\n\0'],
  ["half a character", "\ud83d", '4:"\ud83d'],
  ["an empty list", [], "1:["],
  ["a list", ["é", "1:b"], "10:[2:é3:1:b"],
  ["a list with a number", ["a", 1], "1:?"],
  ["a list with a hole", ["a", , "b"], "1:?"],
  ["an object", {}, "1:?"],
];

for (const [name, value, text] of VALUES) {
  test(`a value of an account: ${name}`, () => assert.equal(wire.accountText([value]), text));
}

test("values of an account, one behind the other", () =>
  assert.equal(wire.accountText(["1:t", undefined, true]), '4:"1:t0:1:t'));

const CLAIMS = [
  ["/a", { a: 1 }, 1],
  ["", { a: 1 }, { a: 1 }],
  ["/a/b", { a: { b: 1 } }, 1],
  ["/a/b", { a: null }, undefined],
  ["/a/0", { a: "text" }, undefined],
  ["/a/1", { a: [1, 2] }, 2],
  ["/a/01", { a: [1, 2] }, undefined],
  ["/a/-", { a: [1, 2] }, undefined],
  ["/a/length", { a: [1, 2] }, 2],
  ["/a~1b/~0/~01", { "a/b": { "~": { "~1": 1 } } }, 1],
  ["/", { "": 1 }, 1],
  ["/__proto__", { a: 1 }, undefined],
  ["/__proto__/a", JSON.parse('{"__proto__":{"a":1}}'), 1],
  ["/constructor/name", {}, undefined],
  ["/a/at", { a: [] }, undefined],
];

for (const [claim, record, value] of CLAIMS) {
  test(`the claim \`${claim}\` of ${JSON.stringify(record)}`, () =>
    assert.deepEqual(wire.valueAt(record, claim), value));
}

const RECORDS = `
format = 1
[policy]
id = "records"
title = "Records"
version = 1
dialects = ["openai"]
[authorities.order]
title = "An order"
url = "https://example.gov/order"
appeal = "https://example.com/appeal"
[models.one]
ids = ["one-1"]
[facts]
flag = { type = "bool", claim = "/a~1b/~0" }
score = { type = "number", claim = "/score", about = "account" }
name = { type = "text", claim = "/names/1", about = "account" }
tags = { type = "list", claim = "/tags", about = "account" }
${Object.entries({
  flag: "flag",
  unflagged: "!flag",
  low: "score < -0.5",
  large: "score > 1e300",
  half: 'name == "\\uFFFD"',
  odd: 'name == "a\\n\\u0000\\"1:t"',
  empty: 'name == ""',
  tagged: 'tags.exists(tag, tag == "1:x")',
  even: 'tags.all(tag, tag == "é")',
})
  .map(
    ([id, when]) => `
[[restrictions]]
id = "${id}"
models = ["one"]
authority = "order"
when = '${when}'
doubt = "pass"
message = "No."
`,
  )
  .join("")}`;

test("the edge module reads each value of an account as what it is", async () => {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-"));
  const policy = join(folder, "records.toml");
  writeFileSync(policy, RECORDS);
  const gate = await Gate.load({
    module: readFileSync(new URL("../wasm/edge_bg.wasm", import.meta.url)),
    bundle: compile(policy),
  });
  rmSync(folder, { recursive: true });
  const applied = (account) =>
    gate.access({ account }).denied.flatMap(({ restrictions }) => restrictions);
  for (const [facts, expected] of [
    [{}, []],
    [{ flag: true }, ["flag"]],
    [{ flag: false }, ["unflagged"]],
    [{ flag: null }, []],
    [{ flag: "t" }, []],
    [{ flag: new Boolean(true) }, []],
    [{ flag: true, subject: "person" }, ["flag"]],
    [{ flag: true, subject: "all_users_attested" }, ["flag"]],
    [{ flag: true, subject: undefined }, ["flag"]],
    [{ flag: true, subject: null }, []],
    [{ flag: true, subject: "" }, []],
    [{ flag: true, subject: "entity" }, []],
    [{ flag: true, subject: ["person"] }, []],
    [{ flag: true, subject: 1, score: -1, name: "" }, ["low", "empty"]],
    [{ score: -0.5 }, []],
    [{ score: -Number.MIN_VALUE }, []],
    [{ score: Number.NEGATIVE_INFINITY }, ["low"]],
    [{ score: Number.NaN }, []],
    [{ score: Number.MAX_VALUE }, ["large"]],
    [{ score: 1n }, []],
    [{ name: "\ud83d" }, ["half"]],
    [{ name: "\udc00", tags: ["\ude00", "1:x"] }, ["half", "tagged"]],
    [{ name: "\ud83d\ude00" }, []],
    [{ name: 'a\n\0"1:t' }, ["odd"]],
    [{ tags: ["é", "é"] }, ["even"]],
    [{ tags: ["", "1:x"] }, ["tagged"]],
    [{ tags: [] }, []],
    [{ tags: ["1:x", null] }, []],
    [{ tags: ["1:x", , "1:x"] }, []],
    [{ tags: "1:x" }, []],
  ]) {
    assert.deepEqual(applied(gate.accountByName(facts)), expected, inspect(facts));
    const { flag, name, ...same } = facts;
    const record = { ...same, "a/b": { "~": flag }, names: [0, name] };
    assert.deepEqual(applied(gate.account(record)), expected, inspect(record));
  }
});

test("a pass and a deferral go on, whatever their check; a denial, a refusal and no verdict do not", () => {
  for (let check = 0; check < 8; check += 1) {
    const goes = [0, 1, 2, 3].map((kind) => wire.goesOn(kind + 4 * check));
    assert.deepEqual(goes, [true, false, false, true]);
    assert.equal(wire.checkOf(3 + 4 * check), check);
  }
  assert.equal(wire.goesOn(wire.NO_NUMBER), false);
});
