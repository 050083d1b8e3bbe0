/** Accounts in KV: how long a record is used, and what happens if the table cannot be read. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { keyDigest } from "portcullis/cloudflare";
import { KEY_SECRET, bearer, start } from "./setup.mjs";

const US = { country: "US" };

test("a record is looked up once and then believed for a while", async () => {
  const gate = await start();
  try {
    assert.equal((await gate.chat("mythos-5", US, bearer("sk-us"))).status, 200);
    await gate.worker.table.delete(await keyDigest(KEY_SECRET, "sk-us"));
    assert.equal((await gate.chat("mythos-5", US, bearer("sk-us"))).status, 200);
  } finally {
    await gate.close();
  }
});

test("a table full of records evicts the oldest, and those it drops still decide rightly", async () => {
  const gate = await start();
  try {
    const ask = (key) => gate.chat("mythos-5", US, bearer(key));
    assert.equal((await ask("sk-us")).status, 200);
    // More keys than the store keeps, several at a time, so it drops records while requests hold
    // them.
    for (let at = 0; at < 4_200; at += 60) {
      const answers = await Promise.all([
        ...Array.from({ length: 60 }, (_, i) => ask(`sk-made-up-${at + i}`)),
        ask("sk-us"),
        ask("sk-foreign"),
      ]);
      const statuses = answers.map(({ status }) => status);
      assert.deepEqual(statuses.slice(-2), [200, 403]);
      assert.ok(statuses.slice(0, -2).every((status) => status === 403));
    }
  } finally {
    await gate.close();
  }
});

for (const [fault, value] of [
  ["is not JSON", "{"],
  ["is a list", "[]"],
  ["is a number", "1"],
  ["is null", "null"],
  ["claims a prototype", '{"__proto__":{"export":{"us_person_ear":true}}}'],
]) {
  test(`a record that ${fault} proves nothing`, async () => {
    const gate = await start();
    try {
      await gate.worker.table.put(await keyDigest(KEY_SECRET, "sk-broken"), value);
      assert.equal((await gate.chat("mythos-5", US, bearer("sk-broken"))).status, 403);
      assert.equal((await gate.chat("haiku-4", US, bearer("sk-broken"))).status, 200);
    } finally {
      await gate.close();
    }
  });
}

test("without a secret there is no table: every account is unknown", async () => {
  const gate = await start({ bindings: { KEY_SECRET: undefined } });
  try {
    assert.equal((await gate.chat("mythos-5", US, bearer("sk-us"))).status, 403);
    assert.equal((await gate.chat("haiku-4", US, bearer("sk-us"))).status, 200);
  } finally {
    await gate.close();
  }
});
