/**
 * OpenAI's and Anthropic's clients against compatible servers at base URLs that their operators
 * chose.
 */
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI, { toFile } from "openai";
import { CLOSED, OPEN, callsOf, collected, listsOf, served } from "./setup.mjs";

const gate = served(["generic"]);
const messages = [{ role: "user", content: "hi there" }];
const spelled = (model) => `acme/${model}`;

function thrown(error, text, caseId) {
  assert.equal(error.constructor, OpenAI.PermissionDeniedError);
  assert.equal(error.status, 403);
  assert.equal(error.message, `403 ${text}`);
  assert.equal(error.code, "model_restricted");
  assert.equal(error.requestID, caseId);
}

// vLLM and similar servers, LiteLLM without a version, a router behind a team's own path.
for (const base of ["/v1", "", "/team-a/inference/v1", "/team-a/inference"]) {
  const client = (url, apiKey) => new OpenAI({ apiKey, baseURL: url + base });
  callsOf(`openai at \`${base}\``, gate, {
    client,
    spelled,
    thrown,
    calls: [
      {
        name: "chat",
        call: (openai, model) => openai.chat.completions.create({ model, messages }),
      },
      {
        name: "chat, streaming",
        call: (openai, model) =>
          collected(openai.chat.completions.create({ model, messages, stream: true })),
      },
      {
        name: "completions",
        call: (openai, model) => openai.completions.create({ model, prompt: "hi there" }),
      },
      {
        name: "responses",
        call: (openai, model) => openai.responses.create({ model, input: "hi there" }),
      },
      {
        name: "embeddings",
        call: (openai, model) => openai.embeddings.create({ model, input: "hi there" }),
      },
      {
        name: "transcription, multipart",
        call: async (openai, model) =>
          openai.audio.transcriptions.create({
            file: await toFile(Buffer.from("RIFF"), "a.wav", { type: "audio/wav" }),
            model,
          }),
      },
    ],
  });
  listsOf(`openai at \`${base}\``, gate, {
    client,
    list: async (openai) => (await collected(openai.models.list())).map(({ id }) => id),
  });
}

// Features of LiteLLM: several models in one name, and fallbacks.
callsOf("openai on LiteLLM", gate, {
  client: (url, apiKey) => new OpenAI({ apiKey, baseURL: `${url}/proxy` }),
  thrown,
  calls: [
    {
      name: "several models in one name",
      call: (openai, model) =>
        openai.chat.completions.create({ model: `${OPEN},${model}`, messages }),
    },
    {
      name: "fallbacks",
      call: (openai, model) =>
        openai.chat.completions.create({ model: OPEN, messages, fallbacks: [model] }),
    },
    {
      name: "its own key header",
      call: (openai, model) =>
        openai.chat.completions.create(
          { model, messages },
          { headers: { "x-litellm-api-key": `Bearer ${openai.apiKey}`, authorization: null } },
        ),
    },
  ],
});

callsOf("anthropic at an operator's own path", gate, {
  client: (url, apiKey) => new Anthropic({ apiKey, baseURL: `${url}/team-a/anthropic` }),
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

// A dialect behind its own prefix. The gate ignores other paths.
const prefixed = served([{ id: "generic", prefix: "/llm" }]);
callsOf("openai under a prefix", prefixed, {
  client: (url, apiKey) => new OpenAI({ apiKey, baseURL: `${url}/llm/v1` }),
  thrown,
  calls: [
    { name: "chat", call: (openai, model) => openai.chat.completions.create({ model, messages }) },
    {
      name: "chat, streaming",
      call: (openai, model) =>
        collected(openai.chat.completions.create({ model, messages, stream: true })),
    },
  ],
});
callsOf("openai beside the prefix", prefixed, {
  client: (url, apiKey) => new OpenAI({ apiKey, baseURL: `${url}/v1` }),
  thrown,
  calls: [
    {
      name: "chat",
      call: (openai) => openai.chat.completions.create({ model: CLOSED, messages }),
      refused: false,
    },
  ],
});
