/** OpenRouter's client, and OpenAI's against OpenRouter. */
import assert from "node:assert/strict";
import OpenAI from "openai";
import { OpenRouter } from "@openrouter/sdk";
import { ForbiddenResponseError } from "@openrouter/sdk/models/errors";
import { OPEN, callsOf, collected, listsOf, served } from "./setup.mjs";

const gate = served(["openrouter"]);
const client = (url, apiKey) => new OpenRouter({ apiKey, serverURL: `${url}/api/v1` });
const messages = [{ role: "user", content: "hi there" }];
const spelled = (model) => `acme/${model}`;

callsOf("openrouter", gate, {
  client,
  spelled,
  thrown(error, text) {
    assert.equal(error.constructor, ForbiddenResponseError);
    assert.equal(error.statusCode, 403);
    assert.equal(error.message, text);
    assert.equal(error.error.code, 403);
  },
  calls: [
    {
      name: "chat",
      call: (router, model) => router.chat.send({ chatRequest: { model, messages } }),
    },
    {
      name: "chat, streaming",
      call: (router, model) =>
        collected(router.chat.send({ chatRequest: { model, messages, stream: true } })),
    },
    {
      name: "fallbacks",
      call: (router, model) =>
        router.chat.send({
          chatRequest: { model: spelled(OPEN), models: [spelled(OPEN), model], messages },
        }),
    },
  ],
});

callsOf("openai on openrouter", gate, {
  client: (url, apiKey) => new OpenAI({ apiKey, baseURL: `${url}/api/v1` }),
  spelled,
  thrown(error, text) {
    assert.equal(error.constructor, OpenAI.PermissionDeniedError);
    assert.equal(error.message, `403 ${text}`);
  },
  calls: [
    { name: "chat", call: (openai, model) => openai.chat.completions.create({ model, messages }) },
  ],
});

listsOf("openrouter", gate, {
  client,
  spelled,
  list: async (router) => (await router.models.list()).result.data.map(({ id }) => id),
});
