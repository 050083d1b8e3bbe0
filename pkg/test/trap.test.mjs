/**
 * Switches and accounts outlive an instance that traps. This test is the first in its process, so
 * that the module that traps is the one that runs.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Gate } from "portcullis";
import { POLICY, compile } from "../../tests/worker/setup.mjs";
import { READING, trapping } from "../../tests/worker/trap.mjs";

/** A body of this many bytes traps in the patched module. */
const TRAPPING_LENGTH = 1_313;
const gate = await Gate.load({
  module: trapping("edge", READING, TRAPPING_LENGTH),
  bundle: compile(POLICY),
});
const CHAT = {
  method: "POST",
  url: "/v1/chat/completions",
  headers: { "content-type": "application/json" },
  body: '{"model":"mythos-5","messages":[]}',
};
const STRANGER = { place: { country: "FR" } };
const KNOWN = {
  place: { country: "US" },
  account: gate.account({ export: { us_person_ear: true } }),
  asn: 64500,
};

const trap = (facts) =>
  assert.throws(() => gate.judge({ ...CHAT, body: "{}".padEnd(TRAPPING_LENGTH) }, facts), {
    code: "trapped",
  });
const verdicts = () => [gate.judge(CHAT, KNOWN).verdict, gate.judge(CHAT, STRANGER).verdict];

test("a rule that was switched stays so in the instance that replaces one that trapped", () => {
  assert.deepEqual(verdicts(), ["deny", "deny"]);
  // Only who is under restriction is read, and so traps.
  for (const [one, other, expected, read] of [
    ["off", "on", ["pass", "deny"], STRANGER],
    ["on", "shadow", ["deny", "pass"], KNOWN],
    ["on", "on", ["deny", "deny"], STRANGER],
  ]) {
    gate.switch("one-network", one);
    gate.switch("mythos-us-persons-only", other);
    assert.deepEqual(verdicts(), expected);
    trap(read);
    assert.deepEqual(verdicts(), expected);
  }
});
