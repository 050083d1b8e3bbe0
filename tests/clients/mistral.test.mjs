/** Mistral's client. */
import assert from "node:assert/strict";
import { Mistral } from "@mistralai/mistralai";
import { SDKError } from "@mistralai/mistralai/models/errors";
import { callsOf, collected, listsOf, served } from "./setup.mjs";

const gate = served(["mistral"]);
const client = (serverURL, apiKey) => new Mistral({ apiKey, serverURL });
const messages = [{ role: "user", content: "hi there" }];

callsOf("mistral", gate, {
  client,
  thrown(error, text) {
    assert.equal(error.constructor, SDKError);
    assert.equal(error.statusCode, 403);
    const body = JSON.parse(error.body);
    assert.deepEqual(body, {
      object: "error",
      message: text,
      type: body.type,
      param: "model",
      code: "model_restricted",
    });
    assert.equal(error.message, `API error occurred: Status 403\nBody: ${error.body}`);
  },
  calls: [
    { name: "chat", call: (mistral, model) => mistral.chat.complete({ model, messages }) },
    {
      name: "chat, streaming",
      call: (mistral, model) => collected(mistral.chat.stream({ model, messages })),
    },
    {
      name: "embeddings",
      call: (mistral, model) => mistral.embeddings.create({ model, inputs: ["hi there"] }),
    },
    {
      name: "fill-in-the-middle",
      call: (mistral, model) => mistral.fim.complete({ model, prompt: "hi there" }),
    },
    { name: "model", call: (mistral, model) => mistral.models.retrieve({ modelId: model }) },
  ],
});

listsOf("mistral", gate, {
  client,
  list: async (mistral) => (await mistral.models.list()).data.map(({ id }) => id),
});
