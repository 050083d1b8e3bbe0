/**
 * A new policy in mid-session and in mid-response: open connections are judged anew, what is under
 * way ends well, and nothing of the old policy stays in memory.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { keyDigest } from "portcullis/cloudflare";
import { startOrigin } from "../../tools/origin.mjs";
import { startSocketOrigin } from "../../tools/socket-origin.mjs";
import { startWorker } from "../../tools/workerd.mjs";
import { open, until } from "./raw.mjs";
import { ACCOUNTS, KEY_SECRET, POLICY, bearer, compile } from "./setup.mjs";

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const FR = { "cf-ipcountry": "FR", ...bearer("sk-foreign") };
const US = { "cf-ipcountry": "US", "cf-region-code": "TX", ...bearer("sk-us") };
const NOBODY = { "cf-ipcountry": "FR" };
const RESPONSES = "/v1/responses";
const HAIKU = "/v1/realtime?model=haiku-4";
const create = (model, ...say) => JSON.stringify({ say, type: "response.create", model });
const created = (model) => ({ type: "response.created", response: { id: "r", model } });
const TEXT = { type: "response.output_text.delta", delta: "x" };
let sockets;
let origin;
let relay;
let gate;
let fresh;
/** What the origin does next. */
let reply;

before(async () => {
  const data = { "successor.bundle": compile(file("policy-reload.toml")) };
  const keys = Object.fromEntries(
    await Promise.all(
      Object.entries(ACCOUNTS).map(async ([key, record]) => [
        await keyDigest(KEY_SECRET, key),
        record,
      ]),
    ),
  );
  sockets = await startSocketOrigin();
  origin = await startOrigin({ reply: (entry, response) => reply(entry, response) });
  const started = (url) =>
    startWorker({
      bundle: compile(POLICY),
      keys,
      entry: file("policy-reload-entry.mjs"),
      data,
      bindings: { ORIGIN: url, KEY_SECRET, LOCAL: "1" },
    });
  relay = await started(sockets.url);
  gate = await started(origin.url);
  fresh = () => started(origin.url);
});
after(async () => {
  await gate?.close();
  await relay?.close();
  await origin?.close();
  await sockets?.close();
});

async function put(at, on) {
  assert.equal(await (await on.fetch(`/policy?at=${at}`)).text(), at === 0 ? "7" : "8");
}

async function connect(path, headers) {
  const socket = new WebSocket(relay.url.replace("http", "ws") + path, { headers });
  const client = { socket, got: [], closed: undefined, send: (data) => socket.send(data) };
  socket.on("message", (data) => client.got.push(data.toString()));
  socket.on("close", (code, reason) => (client.closed = [code, reason.toString()]));
  await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
  client.atOrigin = sockets.seen.at(-1);
  return client;
}

async function refused(client, code) {
  await until(() => client.closed !== undefined);
  assert.deepEqual([JSON.parse(client.got.at(-1)).error.code, client.closed[0]], [code, 1008]);
  await until(() => client.atOrigin.closed !== undefined);
  assert.equal(client.atOrigin.closed[0], 1008);
}

/** What the two sides say first under the new policy. */
const FIRST = [
  ["the client", (client) => client.send('{"type":"next"}')],
  ["the origin", ({ atOrigin }) => atOrigin.send('{"type":"next"}')],
];
for (const [who, speak] of FIRST) {
  test(`a session whose model the new policy closes ends when ${who} speaks next`, async () => {
    await put(0, relay);
    const client = await connect(HAIKU, FR);
    await put(1, relay);
    speak(client);
    await refused(client, "model_restricted");
    assert.equal(client.got.length, 1);
    assert.deepEqual(client.atOrigin.got, []);
  });

  test(`what a session asked for under the old policy is not known under the new: refused, to connect again, when ${who} speaks next`, async () => {
    await put(0, relay);
    const client = await connect(RESPONSES, FR);
    client.send(create("haiku-4", created("haiku-4"), TEXT));
    await until(() => client.got.length === 2);
    await put(1, relay);
    speak(client);
    await refused(client, "session_unread");
    assert.equal(client.got.length, 3);
    assert.equal(client.atOrigin.got.length, 1);
  });

  test(`a caller who may use everything under both goes on, whether ${who} speaks next or not`, async () => {
    await put(0, relay);
    const client = await connect(RESPONSES, US);
    client.send(create("mythos-5", created("mythos-5")));
    await until(() => client.got.length === 1);
    await put(1, relay);
    speak(client);
    await until(() => client.got.length === 2);
    await put(0, relay);
    client.send(create("haiku-4", created("haiku-4")));
    await until(() => client.got.length === 3);
    client.socket.close();
  });
}

test("a session that has said nothing yet is held to the new policy, which may open what the old one closed", async () => {
  await put(0, relay);
  const client = await connect(RESPONSES, FR);
  await put(1, relay);
  client.send(create("mythos-5", created("mythos-5"), TEXT));
  await until(() => client.got.length === 2);
  client.send(create("haiku-4"));
  await refused(client, "model_restricted");
});

test("nothing overtakes what waits for the facts of the new policy, even if that is gone again by then", async () => {
  await put(0, relay);
  const client = await connect(RESPONSES, US);
  const numbered = Array.from({ length: 60 }, (_, number) => JSON.stringify({ type: "x", number }));
  for (const [number, message] of numbered.entries()) {
    client.send(message);
    if (number % 20 === 10) await put(number === 30 ? 0 : 1, relay);
  }
  await until(() => client.got.length === numbered.length);
  assert.deepEqual(client.atOrigin.got, numbered);
  assert.deepEqual(client.got, numbered);
  client.socket.close();
});

const delta = (model, content) =>
  `data: ${JSON.stringify({ id: "c", model, choices: [{ index: 0, delta: { content } }] })}\n\n`;
const ask = (model, headers = FR, to = gate) =>
  to.fetch("/v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model, stream: true, messages: [] }),
  });

function stream() {
  const made = { closed: false };
  reply = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    response.on("close", () => (made.closed = true));
    made.send = (part) => response.write(part);
    made.end = () => response.end();
  };
  return made;
}

/** A stream of which the first event has gone, under the old policy, when the new one comes. */
async function underWay(model) {
  const made = stream();
  const asked = ask(model);
  await until(() => made.send !== undefined);
  made.send(delta("haiku-4", "first"));
  const answer = await asked;
  const reader = answer.body.getReader();
  let text = "";
  while (!text.endsWith("\n\n")) text += new TextDecoder().decode((await reader.read()).value);
  assert.equal(text, delta("haiku-4", "first"));
  await put(1, gate);
  return { ...made, made, rest: () => rest(reader) };
}

async function rest(reader) {
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += new TextDecoder().decode(value);
  }
}

for (const [how, model] of [
  ["checked", "auto"],
  ["unread", "haiku-4"],
]) {
  test(`an answer that is under way, ${how}, goes on under the policy it was asked under`, async () => {
    await put(0, gate);
    const { made, rest } = await underWay(model);
    // Under the new policy others are judged meanwhile.
    reply = (_, response) =>
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    assert.equal((await ask("haiku-4")).status, 403);
    assert.equal((await ask("mythos-5")).status, 200);
    made.send(delta("haiku-4", "last"));
    made.end();
    assert.equal(await rest(), delta("haiku-4", "last"));
  });
}

test("and is cut as that policy has it, with its words", async () => {
  await put(0, gate);
  const { made, rest } = await underWay("auto");
  made.send(delta("mythos-5", "secret"));
  const text = await rest();
  assert.ok(!text.includes("secret"));
  const { error } = JSON.parse(text.slice("data: ".length));
  assert.equal(error.code, "model_restricted");
  assert.match(error.message, /Mythos-class models are suspended/);
  await until(() => made.closed);
});

test("a body that is under way is judged by the policy it began under", async () => {
  reply = (_, response) => response.writeHead(200).end();
  for (const [model, status] of [
    ["haiku-4", 200],
    ["mythos-5", 403],
  ]) {
    await put(0, gate);
    const client = await open(gate.url);
    await client.head("POST", "/v1/chat/completions", {
      ...FR,
      "content-type": "application/json",
      "transfer-encoding": "chunked",
    });
    const begun = origin.seen.length;
    await client.chunk(`{"messages":[{"role":"user","content":"${"x".repeat(500_000)}`);
    await until(() => origin.seen.length > begun && origin.seen[begun].bytes > 100_000);
    await put(1, gate);
    await client.chunk(`"}],"model":"${model}"}`);
    await client.last();
    assert.equal(await client.status, status);
    client.destroy();
  }
});

test("policies that came and went leave nothing behind", async () => {
  const alone = await fresh();
  const memory = async () => Number(await (await alone.fetch("/memory")).text());
  const round = async (at) => {
    await put(at, alone);
    const made = stream();
    const asked = ask(at === 0 ? "haiku-4" : "mythos-5", NOBODY, alone);
    await until(() => made.send !== undefined);
    reply = (_, response) => response.writeHead(200).end();
    await put(1 - at, alone);
    made.send("data: [DONE]\n\n");
    made.end();
    await (await asked).text();
    // Of whom nothing is known: accounts are the table's to free.
    assert.equal((await ask(at === 0 ? "mythos-5" : "haiku-4", NOBODY, alone)).status, 200);
  };
  try {
    for (let number = 0; number < 4; number += 1) await round(number % 2);
    const before = await memory();
    for (let number = 0; number < 40; number += 1) await round(number % 2);
    // One or two more policies may be loaded at a time. Forty that stayed would take 3 MB.
    const grown = (await memory()) - before;
    assert.ok(grown < 1 << 19, String(grown));
  } finally {
    await alone.close();
  }
});
