/** OpenAI's client over HTTP: responses, streams, uploads, lists. */
import assert from "node:assert/strict";
import OpenAI, { toFile } from "openai";
import { OPEN, callsOf, collected, listsOf, served } from "./setup.mjs";

const gate = served(["openai"]);
const client = (url, apiKey) => new OpenAI({ apiKey, baseURL: `${url}/v1` });
const messages = [{ role: "user", content: "hi there" }];
const image = () => toFile(Buffer.from("PNG"), "a.png", { type: "image/png" });
const audio = () => toFile(Buffer.from("RIFF"), "a.wav", { type: "audio/wav" });
const lines = (model) =>
  toFile(
    Buffer.from(
      [OPEN, model]
        .map(
          (name, at) =>
            `${JSON.stringify({ custom_id: `c${at}`, method: "POST", url: "/v1/chat/completions", body: { messages, model: name } })}\n`,
        )
        .join(""),
    ),
    "batch.jsonl",
  );

callsOf("openai", gate, {
  client,
  thrown(error, text, caseId) {
    assert.equal(error.constructor, OpenAI.PermissionDeniedError);
    assert.equal(error.status, 403);
    assert.equal(error.message, `403 ${text}`);
    assert.equal(error.code, "model_restricted");
    assert.equal(error.type, "request_forbidden");
    assert.equal(error.param, "model");
    assert.equal(error.requestID, caseId);
  },
  calls: [
    { name: "chat", call: (openai, model) => openai.chat.completions.create({ model, messages }) },
    {
      name: "chat, model last",
      call: (openai, model) => openai.chat.completions.create({ messages, model }),
    },
    {
      name: "chat, streaming",
      call: (openai, model) =>
        collected(openai.chat.completions.create({ model, messages, stream: true })),
    },
    {
      name: "chat, stream helper",
      call: (openai, model) =>
        openai.chat.completions.stream({ model, messages }).finalChatCompletion(),
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
      name: "responses, streaming",
      call: (openai, model) =>
        collected(openai.responses.create({ model, input: "hi there", stream: true })),
    },
    {
      name: "responses, stream helper",
      call: (openai, model) =>
        openai.responses.stream({ model, input: "hi there" }).finalResponse(),
    },
    {
      name: "responses, a tool's model",
      call: (openai, model) =>
        openai.responses.create({
          model: OPEN,
          input: "hi",
          tools: [{ type: "image_generation", model }],
        }),
    },
    {
      name: "embeddings",
      call: (openai, model) => openai.embeddings.create({ model, input: "hi there" }),
    },
    {
      name: "images",
      call: (openai, model) => openai.images.generate({ model, prompt: "a gate" }),
    },
    {
      name: "image edit, multipart",
      call: async (openai, model) =>
        openai.images.edit({ image: await image(), prompt: "a gate", model }),
    },
    {
      name: "several images, multipart",
      call: async (openai, model) =>
        openai.images.edit({ image: [await image(), await image()], model, prompt: "a gate" }),
    },
    {
      name: "transcription, multipart",
      call: async (openai, model) =>
        openai.audio.transcriptions.create({ file: await audio(), model }),
    },
    {
      name: "moderation",
      call: (openai, model) => openai.moderations.create({ model, input: "hi there" }),
    },
    {
      name: "fine-tuning",
      call: (openai, model) => openai.fineTuning.jobs.create({ model, training_file: "file-stub" }),
    },
    {
      name: "a batch file, multipart",
      call: async (openai, model) =>
        openai.files.create({ file: await lines(model), purpose: "batch" }),
    },
    { name: "model", call: (openai, model) => openai.models.retrieve(model) },
    {
      name: "client secret of a realtime session",
      call: (openai, model) =>
        openai.realtime.clientSecrets.create({ session: { type: "realtime", model } }),
    },
    { name: "files", call: (openai) => openai.files.list(), refused: false },
  ],
});

listsOf("openai", gate, {
  client,
  list: async (openai) => (await collected(openai.models.list())).map(({ id }) => id),
});
