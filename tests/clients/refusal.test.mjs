/**
 * The vendors' own clients, as published, against the worker: what an allowed call returns, what a refused one throws, the
 * message a person sees, and that nobody tries again.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { createServer } from "node:http";
import { start } from "../worker/setup.mjs";

const MESSAGE = "Mythos-class models are suspended for foreign nationals.";
let gate;
let front;

before(async () => {
  gate = await start({ bindings: { LOCAL: "1" } });
  front = await counting(gate.worker.url);
});
after(async () => {
  await front?.close();
  await gate?.close();
});

const input = [{ role: "user", content: "hi there" }];
const openai = (apiKey) => new OpenAI({ apiKey, baseURL: `${front.url}/v1`, defaultHeaders: { "cf-ipcountry": "US" } });
const anthropic = (apiKey) => new Anthropic({ apiKey, baseURL: front.url, defaultHeaders: { "cf-ipcountry": "US" } });

/** Each call with what it must return for an allowed model. */
const CALLS = [
  ["openai chat", OpenAI, (key, model) => openai(key).chat.completions.create({ model, messages: input }), (answer) => answer.choices[0].message.content],
  [
    "openai chat, streaming",
    OpenAI,
    async (key, model) => {
      let text = "";
      for await (const chunk of await openai(key).chat.completions.create({ model, messages: input, stream: true })) text += chunk.choices[0].delta.content ?? "";
      return text;
    },
    (text) => text,
  ],
  [
    "openai chat, stream helper",
    OpenAI,
    (key, model) => openai(key).chat.completions.stream({ model, messages: input }).finalContent(),
    (text) => text,
  ],
  ["openai responses", OpenAI, (key, model) => openai(key).responses.create({ model, input: "hi there" }), (answer) => answer.output_text],
  [
    "openai responses, streaming",
    OpenAI,
    async (key, model) => {
      let text = "";
      for await (const event of await openai(key).responses.create({ model, input: "hi there", stream: true })) if (event.type === "response.output_text.delta") text += event.delta;
      return text;
    },
    (text) => text,
  ],
  [
    "openai embeddings",
    OpenAI,
    (key, model) => openai(key).embeddings.create({ model, input: "hi there" }),
    (answer) => (answer.data[0].embedding.length === 3 ? "hi there" : "no numbers"),
  ],
  ["anthropic messages", Anthropic, (key, model) => anthropic(key).messages.create({ model, max_tokens: 9, messages: input }), (answer) => answer.content[0].text],
  [
    "anthropic messages, streaming",
    Anthropic,
    async (key, model) => {
      let text = "";
      for await (const event of await anthropic(key).messages.create({ model, max_tokens: 9, messages: input, stream: true })) if (event.type === "content_block_delta") text += event.delta.text;
      return text;
    },
    (text) => text,
  ],
  [
    "anthropic messages, stream helper",
    Anthropic,
    (key, model) => anthropic(key).messages.stream({ model, max_tokens: 9, messages: input }).finalText(),
    (text) => text,
  ],
  ["anthropic token count", Anthropic, (key, model) => anthropic(key).messages.countTokens({ model, messages: input }), (answer) => (answer.input_tokens > 0 ? "hi there" : "")],
];

for (const [call, vendor, make, text] of CALLS) {
  test(`${call}: allowed for a foreign key that asks for an open model`, async () => {
    assert.match(text(await make("sk-foreign", "haiku-4")), /hi there/);
  });

  test(`${call}: allowed for a U.S. person who asks for a closed model`, async () => {
    assert.match(text(await make("sk-us", "mythos-5")), /hi there/);
  });

  test(`${call}: refused for a foreign key that asks for a closed model`, async () => {
    const attempts = front.attempts;
    const begun = gate.origin.seen.length;
    const thrown = await make("sk-foreign", "mythos-5").then(
      () => assert.fail("the call went through"),
      (cause) => cause,
    );
    assert.ok(thrown instanceof vendor.PermissionDeniedError, `${thrown?.constructor?.name}: ${thrown}`);
    assert.equal(thrown.status, 403);
    assert.ok(thrown.message.includes(MESSAGE), thrown.message);
    assert.match(thrown.requestID, /^pc-/);
    assert.equal(front.attempts - attempts, 1, "attempts");
    assert.equal(gate.origin.seen.length, begun, "requests that reached the origin");
  });
}

test("openai: the error carries code, type and parameter", async () => {
  const thrown = await openai("sk-foreign").chat.completions.create({ model: "mythos-5", messages: input }).catch((cause) => cause);
  assert.equal(thrown.code, "model_restricted");
  assert.equal(thrown.param, "model");
});

test("anthropic: the error carries type and case", async () => {
  const thrown = await anthropic("sk-foreign").messages.create({ model: "mythos-5", max_tokens: 9, messages: input }).catch((cause) => cause);
  assert.equal(thrown.error.error.type, "permission_error");
  assert.equal(thrown.error.request_id, thrown.requestID);
});

/** Passes everything on and counts it: attempts are counted where a client makes them. */
async function counting(url) {
  const { request } = await import("node:http");
  const { hostname, port } = new URL(url);
  const front = { attempts: 0 };
  const server = createServer((incoming, outgoing) => {
    front.attempts += 1;
    const onward = request({ hostname, port, method: incoming.method, path: incoming.url, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  front.url = `http://127.0.0.1:${server.address().port}`;
  front.close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return front;
}
