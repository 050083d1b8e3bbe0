/** OpenAI's client against Azure, with a deployment in the path and on the newer paths. */
import assert from "node:assert/strict";
import OpenAI, { AzureOpenAI, toFile } from "openai";
import { callsOf, collected, served } from "./setup.mjs";

// The policy's table resolves some deployments, and the origin acknowledges the others.
const gate = served(["azure-openai"], {
  acknowledges: true,
  rules:
    '[deployments.azure]\ndialects = ["azure-openai"]\nnames = { everyday = "haiku-4", strong = "mythos-5" }\n',
});
const messages = [{ role: "user", content: "hi there" }];

function thrown(error, text, caseId) {
  assert.equal(error.constructor, OpenAI.PermissionDeniedError);
  assert.equal(error.message, `403 ${text}`);
  assert.equal(error.code, "model_restricted");
  assert.equal(error.requestID, caseId);
}

callsOf("azure, deployment in the path", gate, {
  client: (endpoint, apiKey) => new AzureOpenAI({ endpoint, apiKey, apiVersion: "2026-06-01" }),
  thrown,
  calls: [
    { name: "chat", call: (azure, model) => azure.chat.completions.create({ model, messages }) },
    {
      name: "chat, streaming",
      call: (azure, model) =>
        collected(azure.chat.completions.create({ model, messages, stream: true })),
    },
    {
      name: "embeddings",
      call: (azure, model) => azure.embeddings.create({ model, input: "hi there" }),
    },
    {
      name: "transcription, multipart",
      call: async (azure, model) =>
        azure.audio.transcriptions.create({
          model,
          file: await toFile(Buffer.from("RIFF"), "a.wav"),
        }),
    },
  ],
});

callsOf("azure, /openai/v1", gate, {
  client: (url, apiKey) =>
    new OpenAI({
      apiKey,
      baseURL: `${url}/openai/v1`,
      defaultHeaders: { authorization: null, "api-key": apiKey },
    }),
  thrown,
  calls: [
    { name: "chat", call: (openai, model) => openai.chat.completions.create({ model, messages }) },
    {
      name: "responses, streaming",
      call: (openai, model) =>
        collected(openai.responses.create({ model, input: "hi there", stream: true })),
    },
  ],
});

callsOf("azure, deployments of the policy's table", gate, {
  client: (endpoint, apiKey) => new AzureOpenAI({ endpoint, apiKey, apiVersion: "2026-06-01" }),
  thrown,
  calls: [
    {
      name: "chat",
      open: "everyday",
      closed: "strong",
      call: (azure, model) => azure.chat.completions.create({ model, messages }),
    },
  ],
});
