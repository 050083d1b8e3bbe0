/** The table of accounts: what is kept of it, and who can push what out. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Gate } from "portcullis";
import { keyDigest } from "portcullis/cloudflare";
import { POLICY, compile } from "../../tests/worker/setup.mjs";
import {
  KEPT_ABSENCES,
  KEPT_MS,
  KEPT_RECORDS,
  AccountStore,
} from "../dist/operate/account-store.js";

const gate = await Gate.load({
  module: readFileSync(new URL("../wasm/edge_bg.wasm", import.meta.url)),
  bundle: compile(POLICY),
});
const SECRET = "a secret";
const US = { place: { country: "US" } };
const mayUse = (account) => gate.access({ ...US, account }).unrestricted;

/** A table of these records by credential, and what it was asked for. */
async function tableOf(records) {
  const texts = new Map();
  for (const [credential, record] of Object.entries(records))
    texts.set(await keyDigest(SECRET, credential), JSON.stringify(record));
  const asked = [];
  const table = { get: async (name) => (asked.push(name), texts.get(name) ?? null) };
  return { asked, texts, keys: new AccountStore(gate, table, SECRET) };
}

test("made-up keys push each other out, and no record", async () => {
  const { asked, keys } = await tableOf({ "sk-us": { export: { us_person_ear: true } } });
  assert.equal(mayUse(await keys.account("sk-us")), true);
  for (let at = 0; at < KEPT_RECORDS + KEPT_ABSENCES; at += 1) await keys.account(`made-up-${at}`);
  const before = asked.length;
  assert.equal(mayUse(await keys.account("sk-us")), true);
  await keys.account(`made-up-${KEPT_RECORDS + KEPT_ABSENCES - 1}`);
  assert.equal(asked.length, before, "both are kept");
  await keys.account("made-up-0");
  assert.equal(asked.length, before + 1, "the oldest is not");
});

test("a kept record, or its absence, comes without a promise", async () => {
  const { keys } = await tableOf({ "sk-us": { export: { us_person_ear: true } } });
  const [us, nobody] = [keys.account("sk-us"), keys.account("sk-nobody")];
  assert.ok(us instanceof Promise && nobody instanceof Promise);
  await Promise.all([us, nobody]);
  assert.equal(mayUse(keys.account("sk-us")), true);
  assert.equal(mayUse(keys.account("sk-nobody")), false);
});

test("the oldest record makes room, and one that is dropped while it is used still decides rightly", async () => {
  const records = Object.fromEntries(
    Array.from({ length: KEPT_RECORDS + 1 }, (_, at) => [
      `sk-${at}`,
      { export: { us_person_ear: at % 2 === 0 } },
    ]),
  );
  const { asked, keys } = await tableOf(records);
  const first = await keys.account("sk-0");
  for (let at = 1; at <= KEPT_RECORDS; at += 1) await keys.account(`sk-${at}`);
  assert.equal(mayUse(first), true);
  const before = asked.length;
  assert.equal(mayUse(await keys.account("sk-2")), true);
  assert.equal(asked.length, before);
  assert.equal(mayUse(await keys.account("sk-0")), true);
  assert.equal(asked.length, before + 1);
});

test("a record that comes, goes or breaks is seen when its time is up", async (context) => {
  let now = Date.now();
  context.mock.method(Date, "now", () => now);
  const { texts, keys } = await tableOf({});
  const name = await keyDigest(SECRET, "sk-late");
  for (const [text, expected] of [
    [undefined, false],
    ['{"export":{"us_person_ear":true}}', true],
    ["{", false],
    ['{"export":{"us_person_ear":true}}', true],
    ["[]", false],
  ]) {
    if (text === undefined) texts.delete(name);
    else texts.set(name, text);
    assert.equal(mayUse(await keys.account("sk-late")), expected, text);
    texts.set(name, expected ? "{}" : '{"export":{"us_person_ear":true}}');
    assert.equal(mayUse(await keys.account("sk-late")), expected, "until then it is believed");
    now += KEPT_MS;
  }
});
