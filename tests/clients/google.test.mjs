/**
 * Google's client against the Gemini API and Vertex AI, its live sessions, and Anthropic's client
 * for Vertex AI.
 */
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { AnthropicVertex } from "@anthropic-ai/vertex-sdk";
import { ApiError, GoogleGenAI } from "@google/genai";
import { CLOSED, OPEN, callsOf, collected, listsOf, served } from "./setup.mjs";

const gate = served(["gemini", "vertex"]);
const contents = "hi there";
const gemini = (baseUrl, apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl } });

/** The client's error shows the whole body. */
function thrown(error, text) {
  assert.equal(error.constructor, ApiError);
  assert.equal(error.status, 403);
  assert.deepEqual(Object.keys(JSON.parse(error.message)), ["error"]);
  const { code, message, status, details } = JSON.parse(error.message).error;
  assert.deepEqual(
    { code, message, status },
    { code: 403, message: text, status: "PERMISSION_DENIED" },
  );
  assert.equal(details[0]["@type"], "type.googleapis.com/google.rpc.ErrorInfo");
  assert.equal(details[0].reason, "MODEL_RESTRICTED");
}

callsOf("gemini", gate, {
  client: gemini,
  thrown,
  calls: [
    {
      name: "generateContent",
      call: (google, model) => google.models.generateContent({ model, contents }),
    },
    {
      name: "generateContent, streaming",
      call: (google, model) => collected(google.models.generateContentStream({ model, contents })),
    },
    {
      name: "a full name",
      call: (google, model) =>
        google.models.generateContent({ model: `models/${model}`, contents }),
    },
    {
      name: "countTokens",
      call: (google, model) => google.models.countTokens({ model, contents }),
    },
    {
      name: "embedContent",
      call: (google, model) => google.models.embedContent({ model, contents }),
    },
    { name: "model", call: (google, model) => google.models.get({ model }) },
    {
      name: "batch, inlined requests",
      told: `models/${CLOSED}`,
      call: (google, model) =>
        google.batches.create({
          model: OPEN,
          src: [{ model, contents: [{ parts: [{ text: contents }] }] }],
        }),
    },
    {
      name: "chat",
      call: async (google, model) =>
        google.chats.create({ model }).sendMessage({ message: contents }),
    },
  ],
});

listsOf("gemini", gate, {
  client: gemini,
  list: async (google) => (await collected(google.models.list())).map(({ name }) => name),
  spelled: (model) => `models/${model}`,
});

callsOf("vertex", gate, {
  client: (baseUrl, apiKey) =>
    new GoogleGenAI({ vertexai: true, apiKey, httpOptions: { baseUrl } }),
  thrown,
  calls: [
    {
      name: "generateContent",
      call: (google, model) => google.models.generateContent({ model, contents }),
    },
    {
      name: "generateContent, streaming",
      call: (google, model) => collected(google.models.generateContentStream({ model, contents })),
    },
    {
      name: "another publisher's",
      call: (google, model) =>
        google.models.generateContent({ model: `publishers/acme/models/${model}`, contents }),
    },
    {
      name: "countTokens",
      call: (google, model) => google.models.countTokens({ model, contents }),
    },
  ],
});

/** Credentials without a sign-in at Google. */
const signedIn = (key) => ({
  getRequestHeaders: async () => new Headers({ authorization: `Bearer ${key}` }),
  projectId: "stub",
});
const asked = (model) => ({
  model,
  max_tokens: 9,
  messages: [{ role: "user", content: contents }],
});

callsOf("anthropic on vertex", gate, {
  client: (url, key) =>
    new AnthropicVertex({
      baseURL: `${url}/v1`,
      region: "us-east5",
      projectId: "stub",
      authClient: signedIn(key),
    }),
  thrown(error, text) {
    assert.equal(error.constructor, Anthropic.PermissionDeniedError);
    assert.equal(error.status, 403);
    assert.equal(error.error.error.message, text);
  },
  calls: [
    { name: "messages", call: (anthropic, model) => anthropic.messages.create(asked(model)) },
    {
      name: "messages, streaming",
      call: (anthropic, model) =>
        collected(anthropic.messages.create({ ...asked(model), stream: true })),
    },
    {
      name: "token count",
      call: (anthropic, model) =>
        anthropic.messages.countTokens({ model, messages: asked(model).messages }),
    },
  ],
});
