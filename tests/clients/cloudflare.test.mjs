/**
 * Cloudflare's client, OpenAI's against Workers AI and AI Gateway, and Anthropic's against AI
 * Gateway.
 */
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import Cloudflare from "cloudflare";
import OpenAI from "openai";
import { callsOf, collected, listsOf, served } from "./setup.mjs";

const gate = served(["cloudflare"]);
const account_id = "0123456789abcdef0123456789abcdef";
const messages = [{ role: "user", content: "hi there" }];
const client = (url, apiToken) => new Cloudflare({ apiToken, baseURL: `${url}/client/v4` });
const spelled = (model) => `@cf/acme/${model}`;
const prefixed = (model) => `acme/${model}`;

callsOf("cloudflare", gate, {
  client,
  spelled,
  thrown(error, text) {
    assert.equal(error.constructor, Cloudflare.PermissionDeniedError);
    assert.equal(error.status, 403);
    assert.deepEqual(error.errors, [{ code: 5018, message: text }]);
    assert.ok(error.message.includes(JSON.stringify(text)), error.message);
  },
  calls: [
    {
      name: "run",
      call: (cloudflare, model) => cloudflare.ai.run(model, { account_id, messages }),
    },
    {
      name: "run, a prompt",
      call: (cloudflare, model) => cloudflare.ai.run(model, { account_id, prompt: "hi there" }),
    },
    {
      name: "run, streaming",
      call: async (cloudflare, model) =>
        (
          await cloudflare
            .post(`/accounts/${account_id}/ai/run/${model}`, { body: { messages, stream: true } })
            .asResponse()
        ).text(),
      changed: (text) => text.split("\n").map((line) => line.replace(/,"echo":.*/, "")),
    },
    {
      name: "the gateways of an account",
      call: async (cloudflare) =>
        (await cloudflare.aiGateway.list({ account_id })).getPaginatedItems(),
      refused: false,
    },
  ],
});

listsOf("cloudflare", gate, {
  client,
  spelled,
  list: async (cloudflare) =>
    (await cloudflare.ai.models.list({ account_id })).getPaginatedItems().map(({ name }) => name),
});

function thrown(error, text) {
  assert.equal(error.constructor, OpenAI.PermissionDeniedError);
  assert.equal(error.status, 403);
  assert.equal(error.message, `403 ${text}`);
}

const calls = [
  { name: "chat", call: (openai, model) => openai.chat.completions.create({ model, messages }) },
  {
    name: "chat, streaming",
    call: (openai, model) =>
      collected(openai.chat.completions.create({ model, messages, stream: true })),
  },
  {
    name: "responses",
    call: (openai, model) => openai.responses.create({ model, input: "hi there" }),
  },
  {
    name: "embeddings",
    call: (openai, model) => openai.embeddings.create({ model, input: "hi there" }),
  },
];

callsOf("openai on Workers AI", gate, {
  client: (url, apiKey) =>
    new OpenAI({ apiKey, baseURL: `${url}/client/v4/accounts/${account_id}/ai/v1` }),
  spelled,
  thrown,
  calls,
});
callsOf("openai on AI Gateway", gate, {
  client: (url, apiKey) =>
    new OpenAI({ apiKey, baseURL: `${url}/v1/${account_id}/gateway/compat` }),
  spelled: prefixed,
  thrown,
  calls,
});
callsOf("openai on a provider's path of AI Gateway", gate, {
  client: (url, apiKey) =>
    new OpenAI({ apiKey, baseURL: `${url}/v1/${account_id}/gateway/openai` }),
  thrown,
  calls: calls.slice(0, 2),
});

callsOf("anthropic on AI Gateway", gate, {
  client: (url, apiKey) =>
    new Anthropic({ apiKey, baseURL: `${url}/v1/${account_id}/gateway/anthropic` }),
  thrown(error, text) {
    assert.equal(error.constructor, Anthropic.PermissionDeniedError);
    assert.equal(error.error.error.message, text);
  },
  calls: [
    {
      name: "messages",
      call: (anthropic, model) => anthropic.messages.create({ model, max_tokens: 9, messages }),
    },
    {
      name: "messages, streaming",
      call: (anthropic, model) =>
        collected(anthropic.messages.create({ model, max_tokens: 9, messages, stream: true })),
    },
  ],
});
