/**
 * Time limits for a restricted caller: a stream at the end of its longest life, and a session in
 * which neither side names a model in time. Both limits are short here.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { eventFrame } from "../../tools/origin/event-stream.mjs";
import { startOrigin } from "../../tools/origin.mjs";
import { startSocketOrigin } from "../../tools/socket-origin.mjs";
import { startWorker } from "../../tools/workerd.mjs";
import { sleep, until } from "./raw.mjs";
import { bearer, compile, start } from "./setup.mjs";

const ANSWERS = fileURLToPath(new URL("../corpus/responses/policy.toml", import.meta.url));
const LIFE = 400;
const HOLD = 600;
const CODE = "answer_too_long";
const source = `import module from "portcullis/edge.wasm"; import bundle from "./policy.bundle"; import { worker } from "portcullis/cloudflare";
  export default worker({ module, bundle, streamLife: ${LIFE}, socketHold: ${HOLD} });`;
let origin;
let gate;
/** What the origin does next. */
let reply;
let sockets;
let relay;

before(async () => {
  origin = await startOrigin({ reply: (entry, response) => reply(entry, response) });
  gate = await startWorker({
    bundle: compile(ANSWERS),
    bindings: { ORIGIN: origin.url, LOCAL: "1" },
    source,
  });
  sockets = await startSocketOrigin();
  relay = await startWorker({
    bundle: compile(ANSWERS),
    bindings: { ORIGIN: sockets.url, LOCAL: "1" },
    source,
  });
});
after(async () => {
  await relay?.close();
  await sockets?.close();
  await gate?.close();
  await origin?.close();
});

/** A stream that begins with `parts` and ends only if the test ends it; `beat` goes on and on. */
function stream({ parts = [], type = "text/event-stream", beat }) {
  const made = { closed: false };
  reply = (_, response) => {
    response.writeHead(200, { "content-type": type });
    response.flushHeaders();
    const timer = beat === undefined ? undefined : setInterval(() => response.write(beat), 20);
    response.on("close", () => {
      clearInterval(timer);
      made.closed = true;
    });
    for (const part of parts) response.write(part);
    made.send = (part) => response.write(part);
    made.end = () => response.end();
  };
  return made;
}

const ask = (model, path = "/v1/chat/completions", headers = {}, to = gate) =>
  to.fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", "cf-ipcountry": "FR", ...headers },
    body: JSON.stringify({ model, stream: true, messages: [] }),
  });
/**
 * Reads an answer from its first byte on. undici cancels the body of an answer that nobody reads
 * when the garbage collector runs.
 */
const textOf = async (asked) => (await asked).text();
const delta = (content) =>
  `data: ${JSON.stringify({ id: "c", model: "haiku-4", choices: [{ index: 0, delta: { content } }] })}\n\n`;
const MESSAGE_START = `event: message_start\ndata: ${JSON.stringify({ type: "message_start", message: { id: "m", model: "haiku-4", content: [] } })}\n\n`;
const told = (text) => JSON.parse(text.slice(text.lastIndexOf("data: ") + 6));

// An answer that is read, since what runs was the origin's choice, and one that goes by unread.
for (const [how, model] of [
  ["checked", "auto"],
  ["unread", "haiku-4"],
]) {
  for (const [what, beat] of [
    ["that fell silent", undefined],
    ["that goes on and on", delta("x")],
  ]) {
    test(`a stream ${what}, ${how}, is cut at the end of its life in OpenAI's words, and the origin's answer with it`, async () => {
      const made = stream({ parts: [delta("first")], beat });
      const begun = Date.now();
      const answer = await ask(model);
      assert.equal(answer.status, 200);
      const text = await answer.text();
      assert.ok(Date.now() - begun >= LIFE - 20, "not before");
      assert.ok(text.startsWith(delta("first")), text);
      const { error } = told(text);
      assert.equal(error.code, CODE);
      assert.match(error.message, /lasted as long as one may\. .*Case: pc-/);
      // All before it are whole events.
      for (const event of text.slice(0, -2).split("\n\n")) JSON.parse(event.slice("data: ".length));
      await until(() => made.closed);
    });
  }

  test(`in Anthropic's words, ${how}`, async () => {
    const made = stream({ parts: [MESSAGE_START] });
    const answer = await ask(model, "/v1/messages", { "anthropic-version": "2023-06-01" });
    const text = await answer.text();
    assert.ok(text.startsWith(MESSAGE_START), text);
    assert.match(
      text.slice(MESSAGE_START.length),
      /^event: error\ndata: \{"type":"error","error":\{"type":"api_error",.*"error_code":"answer_too_long".*\}\n\n$/,
    );
    await until(() => made.closed);
  });

  test(`in Amazon's frames, ${how}`, async () => {
    const first = eventFrame("chunk", {
      bytes: Buffer.from('{"type":"message_start","message":{"model":"haiku-4"}}').toString(
        "base64",
      ),
    });
    const made = stream({ parts: [first], type: "application/vnd.amazon.eventstream" });
    const bytes = Buffer.from(
      await (
        await ask(undefined, `/bedrock/model/${model}/invoke-with-response-stream`)
      ).arrayBuffer(),
    );
    assert.ok(bytes.subarray(0, first.length).equals(first));
    const last = bytes.subarray(first.length);
    assert.equal(last.readUInt32BE(0), last.length, "one whole frame");
    assert.match(
      last.toString("latin1"),
      /:message-type.{1,4}exception.*lasted as long as one may/s,
    );
    await until(() => made.closed);
  });

  test(`as a line of JSON in Ollama's words, ${how}`, async () => {
    const first = '{"model":"haiku-4","response":"x"}\n';
    const made = stream({ parts: [first], type: "application/x-ndjson" });
    const text = await (await ask(model, "/ollama-server/api/generate")).text();
    assert.ok(text.startsWith(first), text);
    assert.match(JSON.parse(text.slice(first.length)).error, /lasted as long as one may/);
    await until(() => made.closed);
  });
}

test("an event that has begun by then goes to its end, and nothing behind it", async () => {
  const event = delta("more");
  const made = stream({ parts: [delta("first"), event.slice(0, 40)] });
  const asked = textOf(ask("haiku-4"));
  await until(() => made.send !== undefined);
  await sleep(LIFE + 50);
  made.send(event.slice(40, 50));
  await sleep(20);
  made.send(event.slice(50) + delta("secret"));
  const text = await asked;
  assert.ok(text.startsWith(delta("first") + event), text);
  assert.ok(!text.includes("secret"));
  assert.equal(told(text).error.code, CODE);
  await until(() => made.closed);
});

test("an event that never ends is a fault to any client, not an end", async () => {
  const half = delta("more").slice(0, 40);
  const made = stream({ parts: [delta("first"), half], beat: "x" });
  const text = await (await ask("haiku-4")).text();
  const events = text.slice(0, -2).split("\n\n");
  assert.equal(`${events[0]}\n\n`, delta("first"));
  assert.throws(() => JSON.parse(events[1].slice("data: ".length)));
  assert.equal(JSON.parse(events[2].slice("data: ".length)).error.code, CODE);
  await until(() => made.closed);
});

for (const [what, ends] of [
  ["LF", "\n\n"],
  ["CR LF", "\r\n\r\n"],
  ["CR", "\r\r"],
]) {
  test(`an event that ends with ${what}, split before its last byte, is a whole one`, async () => {
    const made = stream({ parts: [`data: {"model":"haiku-4"}${ends.slice(0, -1)}`] });
    const asked = textOf(ask("haiku-4"));
    await until(() => made.send !== undefined);
    await sleep(100);
    made.send(ends.slice(-1));
    assert.equal(told(await asked).error.code, CODE);
  });
}

test("a stream of which nothing may go by then is a plain refusal that may be tried again", async () => {
  const made = stream({ parts: [": waiting\n\n"], beat: ": waiting\n\n" });
  const answer = await ask("auto");
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get("content-type"), "application/json");
  assert.equal((await answer.json()).error.code, CODE);
  await until(() => made.closed);
});

test("a list that never ends is withheld, or no whole document", async () => {
  for (const parts of [
    ['{"object":"list","data":[{"id":"haiku-4"}'],
    ['{"object":"list","data":[', '{"id":"haiku-4"},'.repeat(2_000)],
  ]) {
    const made = stream({ parts, type: "application/json" });
    const answer = await gate.fetch("/v1/models", { headers: { "cf-ipcountry": "FR" } });
    const text = await answer.text().catch(() => "");
    if (answer.status === 200) assert.throws(() => JSON.parse(text));
    else assert.deepEqual([answer.status, JSON.parse(text).error.code], [503, CODE]);
    await until(() => made.closed);
  }
});

test("a stream that ends in time ends as it is", async () => {
  const made = stream({ parts: [delta("first")] });
  const asked = ask("haiku-4");
  await until(() => made.send !== undefined);
  made.send("data: [DONE]\n\n");
  made.end();
  assert.equal(await (await asked).text(), `${delta("first")}data: [DONE]\n\n`);
});

test("the stream of a caller who may use everything lasts", async () => {
  const open = await start({ bindings: { LOCAL: "1", ORIGIN: origin.url }, source });
  try {
    const made = stream({ parts: [delta("first")] });
    const asked = ask("mythos-5", undefined, { "cf-ipcountry": "US", ...bearer("sk-us") }, open);
    await until(() => made.send !== undefined);
    await sleep(2 * LIFE);
    assert.equal(made.closed, false);
    made.send(delta("last"));
    made.end();
    assert.equal(await (await asked).text(), delta("first") + delta("last"));
  } finally {
    await open.close();
  }
});

async function connect() {
  const socket = new WebSocket(`${relay.url.replace("http", "ws")}/v1/responses`, {
    headers: { "cf-ipcountry": "FR" },
  });
  const client = { socket, got: [], closed: undefined };
  socket.on("message", (data) => client.got.push(JSON.parse(data.toString())));
  socket.on("close", (code, reason) => (client.closed = [code, reason.toString()]));
  await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
  return {
    ...client,
    client,
    atOrigin: sockets.seen.at(-1),
    say: (...messages) =>
      socket.send(JSON.stringify({ say: messages, type: "response.create", model: "auto" })),
  };
}
const CREATED = { type: "response.created", response: { id: "r", model: "haiku-4" } };
const TEXT = { type: "response.output_text.delta", delta: "x" };

test("what the origin says waits for a name, and at the end of its time the session is refused", async () => {
  const { client, atOrigin, say } = await connect();
  const begun = Date.now();
  say(TEXT);
  await until(() => client.closed !== undefined);
  assert.ok(Date.now() - begun >= HOLD - 20, "not before");
  assert.deepEqual(
    client.got.map(({ type }) => type),
    ["error"],
    "nothing of what was held went",
  );
  assert.equal(client.got[0].error.code, "answer_unnamed");
  assert.equal(client.closed[0], 1008);
  await until(() => atOrigin.closed !== undefined);
  assert.equal(atOrigin.closed[0], 1008);
});

test("the time is that of the first that is held, however much the origin says", async () => {
  const { client, atOrigin, say } = await connect();
  say(TEXT);
  const beat = setInterval(() => atOrigin.send(JSON.stringify(TEXT)), 20);
  try {
    await until(() => client.closed !== undefined);
  } finally {
    clearInterval(beat);
  }
  assert.deepEqual(
    client.got.map(({ type }) => type),
    ["error"],
  );
});

for (const [who, name] of [
  ["the origin", ({ atOrigin }) => atOrigin.send(JSON.stringify(CREATED))],
  ["the origin, by a message of the client's", ({ say }) => say(CREATED)],
]) {
  test(`named in time by ${who}, what was held goes in its order, and the session lives on`, async () => {
    const session = await connect();
    const { client, say } = session;
    say(TEXT, TEXT);
    await sleep(HOLD / 4);
    assert.deepEqual(client.got, []);
    name(session);
    await until(() => client.got.length === 3);
    assert.deepEqual(
      client.got.map(({ type }) => type),
      [TEXT.type, TEXT.type, CREATED.type],
    );
    await sleep(HOLD);
    assert.equal(client.closed, undefined, "the timer was stopped");
    say(TEXT);
    await until(() => client.got.length === 4);
    session.socket.close();
  });
}

test("before the client has asked for anything nothing is held, and no time runs", async () => {
  const { client, socket, atOrigin } = await connect();
  atOrigin.send('{"type":"session.created"}');
  await until(() => client.got.length === 1);
  await sleep(HOLD + 100);
  assert.equal(client.closed, undefined);
  socket.close();
});

test("a session of a caller under restriction has a longest life, one under none has not", async () => {
  const mortal = await start({
    bindings: { ORIGIN: sockets.url, LOCAL: "1" },
    source: source.replace("streamLife", "socketLife"),
  });
  try {
    const begin = async (headers) => {
      const socket = new WebSocket(`${mortal.worker.url.replace("http", "ws")}/v1/responses`, {
        headers,
      });
      const client = { socket, got: 0, closed: undefined };
      socket.on("message", () => (client.got += 1));
      socket.on("close", (code, reason) => (client.closed = [code, reason.toString()]));
      await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
      return { client, atOrigin: sockets.seen.at(-1) };
    };
    const { client, atOrigin } = await begin({ "cf-ipcountry": "FR" });
    const free = await begin({ "cf-ipcountry": "US", ...bearer("sk-us") });
    await until(() => client.closed !== undefined && atOrigin.closed !== undefined);
    assert.deepEqual([client.closed[0], atOrigin.closed[0]], [1001, 1001]);
    assert.match(client.closed[1], /connect again/);
    await sleep(LIFE);
    assert.equal(free.client.closed, undefined);
    free.client.socket.close();
  } finally {
    await mortal.close();
  }
});

test("an array that grows ends with a stream's life, and is then no whole document", async () => {
  const first = '[{"modelVersion":"haiku-4"}';
  const made = stream({
    parts: [first],
    beat: ',{"modelVersion":"haiku-4"}',
    type: "application/json",
  });
  const answer = await ask("haiku-4");
  const text = await answer.text().catch(() => first);
  assert.ok(text.startsWith(first), text);
  assert.throws(() => JSON.parse(text));
  await until(() => made.closed);
});

test("what all sessions hold has a bound for the isolate", async () => {
  const many = await startWorker({
    bundle: compile(ANSWERS),
    bindings: { ORIGIN: sockets.url, LOCAL: "1" },
  });
  const held = JSON.stringify({ ...TEXT, delta: "x".repeat(60_000) });
  const clients = [];
  try {
    for (let number = 0; number < 100; number += 1) {
      const socket = new WebSocket(`${many.url.replace("http", "ws")}/v1/responses`, {
        headers: { "cf-ipcountry": "FR" },
      });
      const client = { socket, got: [], closed: undefined };
      socket.on("message", (data) => client.got.push(data.toString()));
      socket.on("close", (code) => (client.closed = code));
      await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
      clients.push(client);
      const atOrigin = sockets.seen.at(-1);
      socket.send('{"type":"response.create","model":"auto"}');
      await until(() => atOrigin.got.length === 1);
      for (let part = 0; part < 4; part += 1) atOrigin.send(held);
    }
    await until(() => clients.some(({ closed }) => closed === 1013));
    const over = clients.filter(({ closed }) => closed === 1013).length;
    // 16 MB are some 70 sessions of 240 KB.
    assert.ok(over >= 25 && over <= 40, `${over}`);
    assert.ok(
      clients.every(({ got }) => got.every((text) => !text.includes("xxx"))),
      "nothing that was held went",
    );
    for (const { socket } of clients) socket.terminate();
    await sleep(300);
    const again = await fetch(`${many.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", "cf-ipcountry": "FR" },
      body: '{"model":"haiku-4"}',
    });
    await again.arrayBuffer();
    assert.notEqual(again.status, 503);
  } finally {
    for (const { socket } of clients) socket.terminate();
    await many.close();
  }
});
