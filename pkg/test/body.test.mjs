/**
 * The kinds of value that a body may have. Every buffer, view and text is read. A value that would
 * count as no body is an error.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { Gate } from "portcullis";
import { POLICY, compile } from "../../tests/worker/setup.mjs";

// The classes of another package, for servers that do not use the runtime's own. miniflare depends
// on it.
const { Request: OtherRequest } = createRequire(
  createRequire(import.meta.url).resolve("miniflare"),
)("undici");

const gate = await Gate.load({
  module: readFileSync(new URL("../wasm/edge_bg.wasm", import.meta.url)),
  bundle: compile(POLICY),
});
const FACTS = { place: { country: "FR" } };
const OPEN = {
  place: { country: "US" },
  account: gate.account({ export: { us_person_ear: true } }),
};
const HEAD = {
  method: "POST",
  url: "https://gate.example/v1/chat/completions",
  headers: [["content-type", "application/json"]],
};
// As long as the widest element asks for.
const text = (model) => JSON.stringify({ model, messages: [] }).padEnd(48, " ");
const bytes = (model) => new TextEncoder().encode(text(model));
const fill = (buffer, model) => (new Uint8Array(buffer).set(bytes(model)), buffer);

const WIDE = [
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
];
const READ = {
  "a text": text,
  "a Uint8Array": bytes,
  "a Buffer within a larger one": (model) =>
    Buffer.concat([Buffer.alloc(7), bytes(model), Buffer.alloc(9)]).subarray(7, 55),
  "an ArrayBuffer": (model) => bytes(model).buffer,
  "a SharedArrayBuffer": (model) => fill(new SharedArrayBuffer(48), model),
  "a growable SharedArrayBuffer": (model) =>
    fill(new SharedArrayBuffer(48, { maxByteLength: 96 }), model),
  "a resizable ArrayBuffer": (model) => fill(new ArrayBuffer(48, { maxByteLength: 96 }), model),
  "a view that follows a resizable buffer": (model) =>
    new Uint8Array(fill(new ArrayBuffer(48, { maxByteLength: 96 }), model)),
  "a DataView": (model) => new DataView(bytes(model).buffer),
  "a DataView within a larger buffer": (model) =>
    new DataView(fill(new ArrayBuffer(96), model), 0, 48),
  "a buffer of another realm": (model) => fill(runInNewContext("new ArrayBuffer(48)"), model),
  "a view of another realm": (model) =>
    runInNewContext("new Uint16Array(buffer)", { buffer: bytes(model).buffer }),
  "a DataView of another realm": (model) =>
    runInNewContext("new DataView(buffer)", { buffer: bytes(model).buffer }),
  ...Object.fromEntries(
    WIDE.map((View) => [`a ${View.name}`, (model) => new View(bytes(model).buffer)]),
  ),
};

const detached = (of) => {
  const buffer = new ArrayBuffer(48);
  const made = of(buffer);
  structuredClone(buffer, { transfer: [buffer] });
  return made;
};
const shrunk = (of) => {
  const buffer = new ArrayBuffer(48, { maxByteLength: 48 });
  const made = of(buffer);
  buffer.resize(4);
  return made;
};
const stream = () => new Response(text("mythos-5")).body;
const REFUSED = {
  "a parsed object": () => ({ model: "mythos-5", messages: [] }),
  "a parsed array": () => [{ model: "mythos-5" }],
  "an array of bytes": () => [...bytes("mythos-5")],
  "what says that it is a buffer": () => ({ [Symbol.toStringTag]: "ArrayBuffer", byteLength: 0 }),
  "a Blob": () => new Blob([text("mythos-5")]),
  "a FormData": () => new FormData(),
  "a URLSearchParams": () => new URLSearchParams({ model: "mythos-5" }),
  "a Response": () => new Response(text("mythos-5")),
  "a stream": stream,
  "a stream of Node's": () => Readable.from([text("mythos-5")]),
  "a promise": () => Promise.resolve(text("mythos-5")),
  "a String": () => Object("{}"),
  "a Map": () => new Map([["model", "mythos-5"]]),
  "a number": () => 0,
  "a bigint": () => 1n,
  true: () => true,
  false: () => false,
  "a symbol": () => Symbol("x"),
  "a function": () => () => text("mythos-5"),
  "a detached buffer": () => detached((buffer) => buffer),
  "a view of a detached buffer": () => detached((buffer) => new Uint8Array(buffer)),
  "a DataView of a detached buffer": () => detached((buffer) => new DataView(buffer)),
  "a view beyond a buffer that has shrunk": () => shrunk((buffer) => new Uint8Array(buffer, 8, 40)),
  "a DataView beyond a buffer that has shrunk": () =>
    shrunk((buffer) => new DataView(buffer, 8, 40)),
};
const INVALID = { name: "PortcullisError", code: "input_invalid" };

/** The verdict on a body that comes in one piece. */
function fed(body) {
  const screening = gate.open(HEAD, FACTS);
  try {
    screening.feed(body);
    return screening.finish();
  } finally {
    screening.release();
  }
}

for (const [what, body] of Object.entries(READ)) {
  test(`read: ${what}`, () => {
    for (const [model, verdict] of [
      ["mythos-5", "deny"],
      ["haiku-4", "pass"],
    ]) {
      const found = gate.judge({ ...HEAD, body: body(model) }, FACTS);
      assert.equal(found.verdict, verdict);
      assert.deepEqual(found.mentions, [model]);
      assert.deepEqual(fed(body(model)), found);
    }
  });
}

for (const [what, body] of Object.entries(REFUSED)) {
  test(`an error: ${what}`, () => {
    for (const facts of [FACTS, OPEN])
      assert.throws(() => gate.judge({ ...HEAD, body: body() }, facts), INVALID);
    assert.throws(() => fed(body()), INVALID);
    for (const method of ["scan", "decode"]) {
      const screening = gate.open(HEAD, FACTS);
      assert.throws(() => [...Object(screening[method](body()))], INVALID, method);
      screening.release();
    }
  });
}

test("no body: left out, undefined, null and the empty ones; but a piece is never none", () => {
  const without = gate.judge(HEAD, FACTS);
  for (const body of [
    undefined,
    null,
    "",
    new Uint8Array(),
    new ArrayBuffer(0),
    new DataView(new ArrayBuffer(0)),
    new Uint16Array(),
  ]) {
    assert.deepEqual(gate.judge({ ...HEAD, body }, FACTS), without);
  }
  for (const piece of [undefined, null]) assert.throws(() => fed(piece), INVALID);
});

const init = (model) => ({ method: HEAD.method, headers: HEAD.headers, body: text(model) });
const SHAPES = {
  "the runtime's": (model) => new Request(HEAD.url, init(model)),
  "another package's": (model) => new OtherRequest(HEAD.url, init(model)),
  "one in pieces": (model) =>
    new OtherRequest(HEAD.url, {
      ...init(model),
      body: pieces([...bytes(model)].map((byte) => Uint8Array.of(byte))),
      duplex: "half",
    }),
  "one of a runtime without streams": (model) => ({
    ...HEAD,
    bodyUsed: false,
    arrayBuffer: async () => bytes(model).buffer,
  }),
  "one with headers as an object": (model) => ({
    ...HEAD,
    headers: { "content-type": "application/json" },
    bodyUsed: false,
    body: new Response(text(model)).body,
    arrayBuffer: () => undefined,
  }),
};

for (const [what, made] of Object.entries(SHAPES)) {
  test(`a request is recognised by its shape: ${what}`, async () => {
    for (const model of ["mythos-5", "haiku-4"]) {
      const judging = gate.judge(made(model), FACTS);
      assert.ok(judging instanceof Promise);
      assert.deepEqual(await judging, gate.judge({ ...HEAD, body: text(model) }, FACTS));
    }
    assert.equal((await gate.judge(made("mythos-5"), OPEN)).verdict, "pass");
  });
}

test("a request without a body is read without one", async () => {
  for (const Class of [Request, OtherRequest]) {
    const request = new Class("https://gate.example/v1/models/mythos-5");
    assert.equal((await gate.judge(request, FACTS)).verdict, "deny");
  }
});

test("a request whose body somebody else reads, or that has none of the Web's, is an error", async () => {
  const used = new Request(HEAD.url, init("mythos-5"));
  await used.text();
  const locked = new Request(HEAD.url, init("mythos-5"));
  const reader = locked.body.getReader();
  const shape = {
    ...HEAD,
    bodyUsed: false,
    body: null,
    arrayBuffer: async () => new ArrayBuffer(0),
  };
  const wrong = {
    used,
    locked,
    "a stream of Node's": { ...shape, body: Readable.from([text("mythos-5")]) },
    "no word on whether it is used": { ...shape, bodyUsed: undefined },
    "no headers": { ...shape, headers: undefined },
    "no method": { ...shape, method: undefined },
    "a Response": new Response("{}"),
    "a Blob": new Blob(["{}"]),
  };
  for (const [what, request] of Object.entries(wrong)) {
    for (const facts of [FACTS, OPEN])
      await assert.rejects(async () => gate.judge(request, facts), INVALID, what);
  }
  reader.releaseLock();
  assert.equal((await gate.judge(locked, FACTS)).verdict, "deny");
});

test("what comes out of a body is bytes, or an error, and a body that breaks off is none", async () => {
  for (const chunk of [text("mythos-5"), { model: "mythos-5" }, null, undefined, 1]) {
    const request = {
      ...HEAD,
      bodyUsed: false,
      body: pieces([chunk]),
      arrayBuffer: () => undefined,
    };
    await assert.rejects(gate.judge(request, FACTS), INVALID);
    assert.equal(request.body.locked, true);
  }
  const body = new ReadableStream({ pull: (controller) => controller.error(new Error("reset")) });
  await assert.rejects(
    gate.judge({ ...HEAD, bodyUsed: false, body, arrayBuffer: () => undefined }, FACTS),
    { code: "body_unusable" },
  );
  await assert.rejects(
    gate.judge({ ...HEAD, bodyUsed: false, arrayBuffer: async () => ({}) }, FACTS),
    INVALID,
  );
});

test("a server's own request, whose body is elsewhere, does not count as a request without a body", async () => {
  class Context {
    method = "POST";
    url = "/v1/chat/completions";
    headers = {};
  }
  assert.throws(() => gate.judge(new Context(), FACTS), INVALID);
  assert.throws(() => gate.judge(Object.create({ ...HEAD }), FACTS), INVALID);
  const judged = Promise.withResolvers?.() ?? deferred();
  const server = createServer(async (request, response) => {
    try {
      assert.throws(() => gate.judge(request, FACTS), INVALID);
      const { method, url, headers } = request;
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      judged.resolve(gate.judge({ method, url, headers, body: Buffer.concat(chunks) }, FACTS));
    } catch (cause) {
      judged.reject(cause);
    }
    response.end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  await fetch(`http://127.0.0.1:${server.address().port}/v1/chat/completions`, init("mythos-5"));
  server.close();
  assert.equal((await judged.promise).verdict, "deny");
});

function pieces(chunks) {
  return new ReadableStream({
    pull(controller) {
      if (chunks.length === 0) controller.close();
      else controller.enqueue(chunks.shift());
    },
  });
}

function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}
