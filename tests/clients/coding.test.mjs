/** Clients that compress their requests through their own hook, `fetch`. */
import assert from "node:assert/strict";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { callsOf, collected, served } from "./setup.mjs";

const gate = served(["openai", "anthropic"]);
const messages = [{ role: "user", content: "hi there" }];
const CODINGS = {
  gzip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
};

/** Returns a `fetch` that sends bodies in this coding. */
const compressing = (coding) => (url, init) => {
  const headers = new Headers(init.headers);
  headers.set("content-encoding", coding);
  headers.delete("content-length");
  return fetch(url, { ...init, headers, body: CODINGS[coding](init.body) });
};

for (const coding of Object.keys(CODINGS)) {
  callsOf(`openai in ${coding}`, gate, {
    client: (url, apiKey) =>
      new OpenAI({ apiKey, baseURL: `${url}/v1`, fetch: compressing(coding) }),
    thrown(error, text) {
      assert.equal(error.constructor, OpenAI.PermissionDeniedError);
      assert.equal(error.message, `403 ${text}`);
    },
    calls: [
      {
        name: "chat",
        call: (openai, model) => openai.chat.completions.create({ messages, model }),
      },
      {
        name: "chat, streaming",
        call: (openai, model) =>
          collected(openai.chat.completions.create({ messages, model, stream: true })),
      },
    ],
  });
}

callsOf("anthropic in gzip", gate, {
  client: (baseURL, apiKey) => new Anthropic({ apiKey, baseURL, fetch: compressing("gzip") }),
  thrown(error, text) {
    assert.equal(error.constructor, Anthropic.PermissionDeniedError);
    assert.equal(error.error.error.message, text);
  },
  calls: [
    {
      name: "messages",
      call: (anthropic, model) => anthropic.messages.create({ max_tokens: 9, messages, model }),
    },
  ],
});
