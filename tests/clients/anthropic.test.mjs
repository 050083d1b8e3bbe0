/** Anthropic's client. */
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { CLOSED, FOREIGN, OPEN, US, callsOf, collected, listsOf, served } from "./setup.mjs";

const gate = served(["anthropic"]);
const client = (baseURL, apiKey) => new Anthropic({ apiKey, baseURL });
const messages = [{ role: "user", content: "hi there" }];
const asked = (model) => ({ model, max_tokens: 9, messages });

callsOf("anthropic", gate, {
  client,
  thrown(error, text, caseId) {
    assert.equal(error.constructor, Anthropic.PermissionDeniedError);
    assert.equal(error.status, 403);
    const body = {
      type: "error",
      error: {
        type: "permission_error",
        message: text,
        details: { error_code: "model_restricted" },
      },
      request_id: caseId,
    };
    assert.deepEqual(error.error, body);
    assert.equal(error.message, `403 ${JSON.stringify(body)}`);
    assert.equal(error.requestID, caseId);
  },
  calls: [
    { name: "messages", call: (anthropic, model) => anthropic.messages.create(asked(model)) },
    {
      name: "messages, model last",
      call: (anthropic, model) => anthropic.messages.create({ max_tokens: 9, messages, model }),
    },
    {
      name: "messages, streaming",
      call: (anthropic, model) =>
        collected(anthropic.messages.create({ ...asked(model), stream: true })),
    },
    {
      name: "messages, stream helper",
      call: (anthropic, model) => anthropic.messages.stream(asked(model)).finalMessage(),
    },
    {
      name: "beta messages",
      call: (anthropic, model) => anthropic.beta.messages.create(asked(model)),
    },
    {
      name: "token count",
      call: (anthropic, model) => anthropic.messages.countTokens({ model, messages }),
    },
    {
      name: "batch",
      call: (anthropic, model) =>
        anthropic.messages.batches.create({
          requests: [OPEN, model].map((name, at) => ({ custom_id: `c${at}`, params: asked(name) })),
        }),
    },
    {
      name: "batches",
      call: (anthropic) => anthropic.messages.batches.retrieve("msgbatch_stub"),
      refused: false,
    },
    { name: "model", call: (anthropic, model) => anthropic.models.retrieve(model) },
  ],
});

test("anthropic: the key as a bearer token is the same caller", async () => {
  const bearer = (authToken) => new Anthropic({ authToken, apiKey: null, baseURL: gate.url });
  assert.equal((await bearer(US).messages.create(asked(CLOSED))).model, CLOSED);
  await assert.rejects(
    bearer(FOREIGN).messages.create(asked(CLOSED)),
    Anthropic.PermissionDeniedError,
  );
});

listsOf("anthropic", gate, {
  client,
  list: async (anthropic) => (await collected(anthropic.models.list())).map(({ id }) => id),
});
