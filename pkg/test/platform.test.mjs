/**
 * The handler on a second platform: an adapter of ten lines for Node, with Node's own `Request`,
 * `Response` and `fetch`. It takes the place from a header, which no real adapter may do.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { keyDigest } from "portcullis/cloudflare";
import { Decoder } from "portcullis/decode";
import { accessKeys, verify } from "portcullis/origin";
import { compile } from "../../tests/worker/setup.mjs";
import { handler } from "../dist/http/handler.js";

const POLICY = fileURLToPath(new URL("../../tests/worker/policy.toml", import.meta.url));
const RESPONSES = fileURLToPath(
  new URL("../../tests/corpus/responses/policy.toml", import.meta.url),
);
const wasm = (name) => readFileSync(new URL(`../wasm/${name}_bg.wasm`, import.meta.url));
const module = await WebAssembly.compile(wasm("edge"));
const decoder = new Decoder(wasm("decode"));
const ACCESS_KEY = `edge-1:hmac-sha256:${Buffer.alloc(32, 7).toString("base64")}`;
const KEY_SECRET = "a secret";

/** The adapter. */
const platform = {
  name: "Node",
  networks: ["tor"],
  facts: (request, headers) => ({ place: { country: headers.get("x-country") } }),
  fetch: (request, init) => fetch(request, { ...init, redirect: "manual" }),
  pipe: () => new TransformStream(),
};

let origin;
/** Requests that the origin received whole, and how it responds. */
let seen = [];
let reply;
before(async () => {
  const server = createServer(async (request, response) => {
    const chunks = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return;
    }
    seen.push({
      method: request.method,
      url: request.url,
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    });
    reply(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.keepAliveTimeout = 60_000;
  origin = { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
});
after(() => origin?.close());

const json = (value) => (response) =>
  response.setHeader("content-type", "application/json").end(JSON.stringify(value));

/** Sends a request through a new gate, and waits for all that it began. */
async function send(
  path,
  init = {},
  { policy = POLICY, options = {}, settings = {}, country = "FR", to = platform } = {},
) {
  seen = [];
  const handle = handler({ module, bundle: compile(policy), decoder, ...options }, to);
  const work = [];
  const request = new Request(`http://gate.example${path}`, {
    duplex: "half",
    ...init,
    headers: { "content-type": "application/json", "x-country": country, ...init.headers },
  });
  const logged = [];
  const { log, error } = console;
  console.log = console.error = (line) => logged.push(JSON.parse(line).portcullis);
  try {
    const response = await handle(request, { ORIGIN: origin.url, ...settings }, (one) =>
      work.push(one),
    );
    const text = await response.text();
    await Promise.all(work);
    return { response, status: response.status, text, logged };
  } finally {
    Object.assign(console, { log, error });
  }
}

const chat = (model, size = 0) => ({
  method: "POST",
  body: JSON.stringify({ pad: "x".repeat(size), model, messages: [] }),
});
const CHAT = "/v1/chat/completions";

test("an open model passes, with its body and without the gate's own headers", async () => {
  reply = json({ ok: true });
  const { status, text } = await send(CHAT, {
    ...chat("haiku-4"),
    headers: { "portcullis-access": "forged" },
  });
  assert.deepEqual([status, text], [200, '{"ok":true}']);
  assert.equal(seen[0].body, chat("haiku-4").body);
  assert.equal(seen[0].headers["portcullis-access"], undefined);
});

test("a closed model is denied in the words of the API, and nothing is sent", async () => {
  const { status, text, logged } = await send(CHAT, chat("mythos-5"));
  assert.equal(status, 403);
  assert.equal(JSON.parse(text).error.code, "model_restricted");
  assert.equal(seen.length, 0);
  assert.deepEqual(
    [logged[0].event, logged[0].verdict, logged[0].place],
    ["decision", "deny", "FR"],
  );
});

test("an unrestricted caller is known by a credential's record", async () => {
  reply = json({});
  const records = { [await keyDigest(KEY_SECRET, "sk-1")]: '{"export":{"us_person_ear":true}}' };
  const settings = { KEYS: { get: async (key) => records[key] ?? null }, KEY_SECRET };
  const ask = (key) =>
    send(
      CHAT,
      { ...chat("mythos-5"), headers: { authorization: `Bearer ${key}` } },
      { settings, country: "US" },
    );
  assert.equal((await ask("sk-1")).status, 200);
  assert.equal((await ask("sk-2")).status, 403);
});

for (const [what, size] of [
  ["held", 10],
  ["held in reads", 100_000],
  ["sent while it is read", 3_000_000],
]) {
  const body = () => {
    const bytes = Buffer.from(chat("MODEL", size).body);
    return (model) => Buffer.from(bytes.toString().replace("MODEL", model));
  };
  const stream = (bytes) => {
    let at = 0;
    return new ReadableStream({
      pull(controller) {
        if (at >= bytes.length) return controller.close();
        controller.enqueue(new Uint8Array(bytes.subarray(at, (at += 65_536))));
      },
    });
  };
  for (const [form, made] of [
    ["declared", (bytes) => bytes],
    ["a stream", stream],
  ]) {
    test(`a body that is ${what}, ${form}`, async () => {
      reply = json({});
      const headers = (bytes) =>
        form === "declared" ? { "content-length": `${bytes.length}` } : {};
      const open = body()("haiku-4");
      const passed = await send(CHAT, { method: "POST", body: made(open), headers: headers(open) });
      assert.equal(passed.status, 200, passed.text);
      assert.ok(seen[0].body === open.toString());
      const closed = body()("mythos-5");
      const denied = await send(CHAT, {
        method: "POST",
        body: made(closed),
        headers: headers(closed),
      });
      assert.equal(denied.status, 403);
      assert.equal(seen.length, 0, "no whole request arrives");
      const free = await send(
        "/elsewhere",
        { method: "POST", body: made(closed), headers: headers(closed) },
        { policy: fileURLToPath(new URL("../../tests/worker/prefix.toml", import.meta.url)) },
      );
      assert.equal(free.status, 200);
      assert.ok(seen[0].body === closed.toString());
    });
  }
}

test("a coded body is decoded", async () => {
  reply = json({});
  const coded = (model) => ({
    method: "POST",
    body: gzipSync(chat(model).body),
    headers: { "content-encoding": "gzip" },
  });
  assert.equal((await send(CHAT, coded("mythos-5"))).status, 403);
  assert.equal((await send(CHAT, coded("haiku-4"))).status, 200);
  assert.equal(seen[0].body, chat("haiku-4").body);
  assert.equal(seen[0].headers["content-encoding"], undefined);
});

test("a list of models is filtered", async () => {
  reply = json({ object: "list", data: [{ id: "mythos-5" }, { id: "haiku-4" }] });
  const { status, text } = await send("/v1/models", {}, { policy: RESPONSES });
  assert.deepEqual([status, text], [200, '{"object":"list","data":[{"id":"haiku-4"}]}']);
});

test("a deferred response goes once it names an open model", async () => {
  reply = json({ model: "haiku-4", choices: [] });
  const passed = await send(CHAT, chat("auto"), { policy: RESPONSES });
  assert.equal(passed.status, 200, passed.text);
  reply = json({ model: "mythos-5", choices: [] });
  assert.equal((await send(CHAT, chat("auto"), { policy: RESPONSES })).status, 403);
});

test("a stream ends at its time limit", async () => {
  reply = (response) => {
    response.setHeader("content-type", "text/event-stream");
    response.write('data: {"model":"haiku-4"}\n\n');
  };
  const { status, text } = await send(CHAT, chat("haiku-4"), {
    policy: RESPONSES,
    options: { streamLife: 300 },
  });
  assert.equal(status, 200);
  assert.match(text, /answer_too_long/);
});

test("the access header is signed", async () => {
  reply = json({});
  await send(CHAT, chat("haiku-4"), { settings: { ACCESS_KEY } });
  const { method, url: target, headers } = seen[0];
  const access = await verify({ method, target, headers }, await accessKeys(ACCESS_KEY));
  assert.deepEqual(access.denied, ["mythos-class"]);
});

test("a platform without WebSockets refuses them, and one that lacks a fact does not start", async () => {
  const { status, text } = await send("/v1/realtime?model=haiku-4", {
    headers: { upgrade: "websocket" },
  });
  assert.deepEqual([status, JSON.parse(text).error.code], [501, "upgrade_unsupported"]);
  const lacking = await send(CHAT, chat("haiku-4"), { to: { ...platform, networks: [] } });
  assert.equal(lacking.status, 503);
  const [{ code, message }] = lacking.logged;
  assert.deepEqual([code, message], ["platform_lacks", "Node does not report tor"]);
});

test("an origin that is not there, and the status", async () => {
  assert.equal(
    (await send(CHAT, chat("haiku-4"), { settings: { ORIGIN: "http://127.0.0.1:1" } })).status,
    502,
  );
  const { status, text } = await send("/.well-known/portcullis/status");
  assert.deepEqual([status, JSON.parse(text).version], [200, 7]);
});
