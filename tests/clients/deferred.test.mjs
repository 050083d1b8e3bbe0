/**
 * OpenAI's client where only the origin knows the model: stored responses and prompts, batches of
 * stored files.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { CLOSED, FOREIGN, OPEN, US, collected, served } from "./setup.mjs";

const gate = served(["openai"]);
const enforced = served(["openai"], { acknowledges: true });
const client = (url, apiKey) => new OpenAI({ apiKey, baseURL: `${url}/v1` });
const batch = {
  input_file_id: "file-stub",
  endpoint: "/v1/chat/completions",
  completion_window: "24h",
};
const followUp = (model) => ({ previous_response_id: `resp_${model}`, input: "hi there" });

/** Returns the error of a call that makes one attempt. */
async function refused(served, call) {
  const attempts = served.front.attempts;
  const error = await call.then(
    (result) => assert.fail(`it went through: ${JSON.stringify(result)}`),
    (cause) => cause,
  );
  assert.equal(served.front.attempts - attempts, 1, "attempts");
  assert.match(error.message, /pc-[0-9a-f-]{36}/);
  return error;
}

for (const [name, ask] of [
  ["", (openai, model) => openai.responses.create(followUp(model))],
  [
    ", streaming",
    (openai, model) => collected(openai.responses.create({ ...followUp(model), stream: true })),
  ],
]) {
  const text = (answer) => JSON.stringify(answer);

  test(`openai, a follow-up${name}: released once the response names an open model`, async () => {
    const answer = await ask(client(gate.url, FOREIGN), OPEN);
    assert.ok(text(answer).includes("You said: hi there"));
    assert.deepEqual(JSON.parse(gate.origin.seen.at(-1).body).previous_response_id, `resp_${OPEN}`);
  });

  test(`openai, a follow-up${name}: refused where the response names a closed model`, async () => {
    const error = await refused(gate, ask(client(gate.url, FOREIGN), CLOSED));
    assert.ok(error instanceof OpenAI.APIError, String(error));
    assert.equal(error.code, "model_restricted");
    assert.ok(
      error.message.includes("Mythos-class models are suspended for foreign nationals."),
      error.message,
    );
  });

  test(`openai, a follow-up${name}: a caller who may use everything gets it`, async () => {
    assert.ok(text(await ask(client(gate.url, US), CLOSED)).includes("You said: hi there"));
  });
}

test("openai, a batch of a stored file: refused without an origin that enforces", async () => {
  const error = await refused(gate, client(gate.url, FOREIGN).batches.create(batch));
  assert.equal(error.constructor, OpenAI.PermissionDeniedError);
});

test("openai, a batch of a stored file: left to an origin that enforces", async () => {
  const created = await client(enforced.url, FOREIGN).batches.create(batch);
  assert.equal(created.status, "validating");
  const { access, body } = enforced.origin.seen.at(-1);
  assert.equal(access.verdict, "defer");
  assert.deepEqual(access.denied, ["mythos-class"]);
  assert.deepEqual(JSON.parse(body), batch);
});

test("openai, a batch of a stored file: a caller who may use everything gets it", async () => {
  assert.equal((await client(gate.url, US).batches.create(batch)).status, "validating");
});
