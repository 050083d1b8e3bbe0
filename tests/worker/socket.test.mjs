/**
 * WebSockets through the worker, with a real client and a real origin: messages that pass, and the
 * ways in which a session ends.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { keyDigest } from "portcullis/cloudflare";
import { ENFORCED_KEY, ACCESS_KEY } from "../../tools/demo.mjs";
import { accessCheck } from "../../tools/origin/access.mjs";
import { startSocketOrigin } from "../../tools/socket-origin.mjs";
import { startWorker } from "../../tools/workerd.mjs";
import { sleep, until } from "./raw.mjs";
import { ACCOUNTS, KEY_SECRET, POLICY, bearer, compile } from "./setup.mjs";

const MESSAGE = "Mythos-class models are suspended for foreign nationals.";
const US = { "cf-ipcountry": "US", "cf-region-code": "TX", ...bearer("sk-us") };
const FR = { "cf-ipcountry": "FR", ...bearer("sk-foreign") };
const REALTIME = "/v1/realtime?model=haiku-4";
const RESPONSES = "/v1/responses";
const update = (model) => JSON.stringify({ type: "session.update", session: { model } });
const create = (model) => JSON.stringify({ type: "response.create", model });

let origin;
let worker;
let keys;

before(async () => {
  origin = await startSocketOrigin();
  keys = Object.fromEntries(
    await Promise.all(
      Object.entries(ACCOUNTS).map(async ([key, record]) => [
        await keyDigest(KEY_SECRET, key),
        record,
      ]),
    ),
  );
  worker = await start();
});
after(async () => {
  await worker?.close();
  await origin?.close();
});

const start = (rest = {}) =>
  startWorker({
    bundle: compile(POLICY),
    keys,
    bindings: { ORIGIN: origin.url, KEY_SECRET, ACCESS_KEY, LOCAL: "1" },
    ...rest,
  });

/**
 * A client. `got` are the messages that reached it, `closed` is code and reason, `answer` the
 * response if there was no upgrade.
 */
async function connect(path, headers, protocols = [], to = worker) {
  const socket = new WebSocket(to.url.replace("http", "ws") + path, protocols, {
    headers,
    maxPayload: 64 << 20,
  });
  const client = {
    socket,
    got: [],
    closed: undefined,
    answer: undefined,
    send: (data) => socket.send(data),
    close: (...how) => socket.close(...how),
  };
  socket.on("message", (data, binary) => client.got.push(binary ? data : data.toString()));
  socket.on("close", (code, reason) => (client.closed = [code, reason.toString()]));
  await new Promise((resolve, reject) => {
    socket.on("open", resolve);
    socket.on("error", (cause) => (client.answer === undefined ? reject(cause) : undefined));
    socket.on("unexpected-response", (_, response) => {
      client.answer = { status: response.statusCode, headers: response.headers, body: "" };
      response.on("data", (data) => (client.answer.body += data));
      response.on("end", resolve);
    });
  });
  return client;
}

/** What the origin saw of the last connection. */
const last = () => origin.seen.at(-1);

async function refused(client, code = "model_restricted") {
  await until(() => client.closed !== undefined);
  const event = JSON.parse(client.got.at(-1));
  assert.equal(event.type, "error");
  assert.equal(event.error.code, code);
  assert.equal(client.closed[0], 1008);
  assert.match(client.closed[1], /./);
  return event.error;
}

for (const [who, headers, key, expected] of [
  ["an unrestricted caller", US, "sk-us", "denied=(), verdict=pass, "],
  ["a restricted caller", FR, "sk-foreign", 'denied=("mythos-class"), verdict=defer, '],
]) {
  test(`${who}: messages go both ways as they are`, async () => {
    const client = await connect(REALTIME, headers, ["realtime", `openai-insecure-api-key.${key}`]);
    assert.equal(client.socket.protocol, "realtime");
    assert.equal(last().url, REALTIME);
    assert.ok(
      last().headers["portcullis-access"].startsWith(expected),
      last().headers["portcullis-access"],
    );
    assert.equal(
      last().headers["sec-websocket-protocol"].replaceAll(" ", ""),
      `realtime,openai-insecure-api-key.${key}`,
    );
    const messages = [
      update("haiku-4"),
      "{}",
      Buffer.from(update("haiku-4")),
      '{"text":"caf\\u00e9 é \u{1F600}"}',
      "",
    ];
    for (const message of messages) client.send(message);
    await until(() => client.got.length === messages.length);
    assert.deepEqual(client.got, messages);
    assert.deepEqual(last().got, messages);
    client.close(4001, "enough");
    await until(() => client.closed !== undefined && last().closed !== undefined);
    assert.deepEqual(
      [client.closed, last().closed],
      [
        [4001, "enough"],
        [4001, "enough"],
      ],
    );
  });

  for (const how of [[1000, "done"], [4999, "x".repeat(123)], [1001, ""], []]) {
    test(`${who}: closed by either side with ${how[0] ?? "no code"}`, async () => {
      const seen = how.length === 0 ? [1005, ""] : how;
      const one = await connect(REALTIME, headers);
      one.close(...how);
      await until(() => one.closed !== undefined && last().closed !== undefined);
      assert.deepEqual([one.closed, last().closed], [seen, seen]);
      const other = await connect(REALTIME, headers);
      other.send(JSON.stringify({ close: how }));
      await until(() => other.closed !== undefined && last().closed !== undefined);
      assert.deepEqual([other.closed, last().closed], [seen, seen]);
    });
  }

  test(`${who}: the client vanishes`, async () => {
    const client = await connect(REALTIME, headers);
    client.send("{}");
    await until(() => client.got.length === 1);
    client.socket._socket.destroy();
    await until(() => last().closed !== undefined);
    assert.equal(last().closed[0], 1001);
  });

  test(`${who}: the origin vanishes`, async () => {
    const client = await connect(REALTIME, headers);
    client.send('{"vanish":1}');
    await until(() => client.closed !== undefined);
    assert.equal(client.closed[0], 1011);
  });

  test(`${who}: the origin does not open: its answer comes through`, async () => {
    const client = await connect("/v1/realtime?model=haiku-4&refuse=1", headers);
    assert.equal(client.answer.status, 401);
    assert.equal(client.answer.headers["x-origin"], "refuses");
    assert.equal(client.answer.body, '{"no":"entry"}');
  });

  test(`${who}: large messages`, async () => {
    const client = await connect(REALTIME, headers);
    const text = JSON.stringify({
      type: "input_audio_buffer.append",
      audio: "QUJD".repeat(1 << 18),
    });
    const emoji = JSON.stringify({ type: "x", text: `a${"\u{1F600}".repeat(200_000)}` });
    for (const message of [text, emoji, Buffer.from(text)]) client.send(message);
    await until(() => client.got.length === 3, 20_000);
    assert.equal(client.got[0], text);
    assert.equal(client.got[1], emoji);
    assert.equal(client.got[2].toString(), text);
    client.close();
  });
}

for (const protocols of [
  [],
  ["realtime", "openai-insecure-api-key.sk-x"],
  ["openai-insecure-api-key.sk-x", "realtime"],
]) {
  test(`refused at the upgrade, offered ${protocols.join() || "no protocol"}`, async () => {
    const begun = origin.seen.length;
    const client = await connect("/v1/realtime?model=mythos-5", FR, protocols);
    assert.equal(client.socket.protocol, protocols.length === 0 ? "" : "realtime");
    assert.ok((await refused(client)).message.includes(MESSAGE));
    assert.equal(origin.seen.length, begun);
  });
}

for (const [what, messages, code] of [
  ["a model in a later message", [update("haiku-4"), update("mythos-5")], "model_restricted"],
  ["in a binary one", [Buffer.from(update("mythos-5"))], "model_restricted"],
  [
    "behind escapes",
    ['{"type":"session.update","s\\u0065ssion":{"mod\\u0065l":"mythos\\u002d5"}}'],
    "model_restricted",
  ],
  [
    "a key twice",
    ['{"type":"session.update","session":{"model":"haiku-4","model":"haiku-4"}}'],
    "duplicate_key",
  ],
  ["no JSON", ["{}", "model=mythos-5"], "json_syntax"],
  [
    "behind a megabyte",
    [JSON.stringify({ a: "x".repeat(1 << 20), session: { model: "mythos-5" } })],
    "model_restricted",
  ],
]) {
  test(`refused in mid-session: ${what}`, async () => {
    const client = await connect(REALTIME, FR);
    for (const message of messages) client.send(message);
    client.send('{"type":"after"}');
    await refused(client, code);
    await until(() => last().closed !== undefined);
    assert.equal(last().closed[0], 1008);
    assert.equal(
      last().got.length,
      messages.length - 1,
      "what was refused, and what followed, did not reach the origin",
    );
  });
}

test("each message of a socket that names its model in messages", async () => {
  const client = await connect(RESPONSES, FR);
  for (const model of ["haiku-4", "auto", "mythos-5"]) client.send(create(model));
  assert.ok((await refused(client)).message.includes("mythos-5"));
  assert.deepEqual(last().got, [create("haiku-4"), create("auto")]);
});

test("tool data and prompts may say what they like", async () => {
  const client = await connect(REALTIME, FR);
  const messages = [
    {
      type: "session.update",
      session: {
        tools: [
          {
            type: "function",
            name: "car",
            parameters: { properties: { model: { enum: ["mythos-5"] } } },
          },
        ],
      },
    },
    {
      type: "conversation.item.create",
      item: { type: "function_call_output", call_id: "c", output: '{"model":"mythos-5"}' },
    },
  ].map((message) => JSON.stringify(message));
  for (const message of messages) client.send(message);
  await until(() => client.got.length === 2);
  assert.deepEqual(last().got, messages);
  client.close();
});

test("an unguarded path is none of the gate's business", async () => {
  const bundle = compile(fileURLToPath(new URL("prefix.toml", import.meta.url)));
  const other = await start({ bundle });
  try {
    const client = await connect("/elsewhere", FR, ["p"], other);
    client.send("model=mythos-5");
    await until(() => client.got.length === 1);
    assert.equal(client.socket.protocol, "p");
    client.close();
  } finally {
    await other.close();
  }
});

const entry = fileURLToPath(new URL("switching-entry.mjs", import.meta.url));

test("a rule that is armed in mid-session ends what it closes", async () => {
  const other = await start({ entry });
  const arm = (state) => other.fetch(`/switch?rule=mythos-us-persons-only&state=${state}`);
  try {
    await arm("off");
    const named = await connect("/v1/realtime?model=mythos-5", FR, [], other);
    const namedAtOrigin = last();
    named.send("{}");
    await until(() => named.got.length === 1);
    const open = await connect(REALTIME, FR, [], other);
    open.send("{}");
    await until(() => open.got.length === 1);
    const idle = await connect(REALTIME, FR, [], other);
    const idleAtOrigin = last();
    const unconcerned = await connect("/v1/realtime?model=mythos-5", US, [], other);
    await arm("on");
    // The gate knows what ran for the first, not for the second. The third sent nothing that it
    // could have missed.
    named.send("{}");
    await refused(named);
    open.send("{}");
    await refused(open, "session_unread");
    idle.send(update("haiku-4"));
    await until(() => idle.got.length === 1);
    idle.send(update("mythos-5"));
    await refused(idle);
    unconcerned.send("{}");
    await until(() => unconcerned.got.length === 1);
    unconcerned.close();
    assert.deepEqual(namedAtOrigin.got, ["{}"]);
    assert.deepEqual(idleAtOrigin.got, [update("haiku-4")]);
  } finally {
    await other.close();
  }
});

test("a rule that is taken back in mid-session closes nothing any more, and what went by meanwhile is unread", async () => {
  const other = await start({ entry });
  const arm = (state) => other.fetch(`/switch?rule=mythos-us-persons-only&state=${state}`);
  try {
    for (const speaker of ["client", "origin"]) {
      await arm("on");
      const client = await connect(RESPONSES, FR, [], other);
      const atOrigin = last();
      client.send(ask("auto", delta));
      await until(() => atOrigin.got.length === 1);
      assert.deepEqual(client.got, [], "held");
      await arm("off");
      if (speaker === "client") client.send(ask("mythos-5", created("mythos-5"), delta));
      else
        for (const message of [created("mythos-5"), delta]) atOrigin.send(JSON.stringify(message));
      await until(() => client.got.length === 3);
      assert.deepEqual(
        client.got.map((text) => JSON.parse(text).type),
        [delta.type, "response.created", delta.type],
      );
      await arm("on");
      atOrigin.send(JSON.stringify(delta));
      if (speaker === "origin") {
        // What the client asked for is known, and it leaves open what runs.
        await sleep(50);
        assert.deepEqual([client.got.length, client.closed], [3, undefined]);
        atOrigin.send(JSON.stringify(created("mythos-5")));
      }
      await refused(client, speaker === "client" ? "session_unread" : "model_restricted");
      assert.equal(client.got.length, 4);
    }
  } finally {
    await other.close();
  }
});

test("an account record that changed counts for a silent client, too", async () => {
  const other = await start({ entry });
  try {
    const client = await connect("/v1/realtime?model=mythos-5", US, [], other);
    const atOrigin = last();
    atOrigin.send('{"type":"delta","n":1}');
    await until(() => client.got.length === 1);
    await other.table.put(
      await keyDigest(KEY_SECRET, "sk-us"),
      JSON.stringify({ export: { us_person_ear: false } }),
    );
    await other.fetch("/later?ms=61000");
    atOrigin.send('{"type":"delta","n":2}');
    await refused(client);
    assert.equal(client.got.length, 2);
  } finally {
    await other.close();
  }
});

test("a silent client's session ends with the origin's next message", async () => {
  const other = await start({ entry });
  const arm = (state) => other.fetch(`/switch?rule=mythos-us-persons-only&state=${state}`);
  try {
    await arm("off");
    const client = await connect("/v1/realtime?model=mythos-5", FR, [], other);
    const atOrigin = last();
    atOrigin.send('{"type":"delta","n":1}');
    await until(() => client.got.length === 1);
    await arm("on");
    atOrigin.send('{"type":"delta","n":2}');
    await refused(client);
    assert.equal(client.got.length, 2);
    await until(() => atOrigin.closed !== undefined);
    assert.equal(atOrigin.closed[0], 1008);
  } finally {
    await other.close();
  }
});

const created = (model) => ({ type: "response.created", response: { id: "r", model } });
const delta = { type: "response.output_text.delta", delta: "x" };
/** What the client asks for, and the origin is to say to it. */
const ask = (model, ...say) =>
  JSON.stringify({ say, type: "response.create", ...(model === undefined ? {} : { model }) });

test("what the origin says is held until it names a model that may be used", async () => {
  const client = await connect(RESPONSES, FR);
  client.send(ask("auto", { type: "response.queued" }, delta));
  await until(() => last().got.length === 1);
  last().send('{"type":"error","error":{"message":"slow down"}}');
  await until(() => client.got.length === 1);
  assert.equal(JSON.parse(client.got[0]).type, "error", "an error event goes at once");
  last().send(JSON.stringify(created("haiku-4")));
  await until(() => client.got.length === 4);
  assert.deepEqual(
    client.got.slice(1).map((text) => JSON.parse(text).type),
    ["response.queued", "response.output_text.delta", "response.created"],
  );
  client.close();
});

test("a denied model that the origin names ends the session, however late", async () => {
  const client = await connect(RESPONSES, FR);
  client.send(ask("haiku-4", created("haiku-4"), delta));
  await until(() => client.got.length === 2);
  client.send(ask("haiku-4", created("mythos-5"), delta, delta));
  assert.ok((await refused(client)).message.includes(MESSAGE));
  assert.deepEqual(client.got.length, 3, "two that were allowed, and the refusal");
  await until(() => last().closed !== undefined);
  assert.equal(last().closed[0], 1008);
});

test("nothing of a session whose model stays unknown is released, and no more than a bound is held", async () => {
  const client = await connect(RESPONSES, FR);
  client.send(
    ask("auto", ...Array.from({ length: 40 }, () => ({ ...delta, delta: "x".repeat(8_000) }))),
  );
  await refused(client, "answer_unnamed");
  assert.equal(client.got.length, 1);
});

test("what went before the first request, and what runs under an allowed name, is not held", async () => {
  const client = await connect("/v1/realtime?intent=transcription", FR);
  await until(() => last().url.includes("transcription"));
  last().send('{"type":"session.created","session":{"type":"transcription"}}');
  await until(() => client.got.length === 1);
  client.send(update("haiku-4"));
  await until(() => client.got.length === 2);
  client.close();
});

test("an origin that acknowledges what the caller may not use is not held, but held to it", async () => {
  const other = await startSocketOrigin({
    access: await accessCheck({ keys: ACCESS_KEY, key: ENFORCED_KEY }),
  });
  const gate = await start({
    bindings: { ORIGIN: other.url, KEY_SECRET, LOCAL: "1", ACCESS_KEY, ENFORCED_KEY },
  });
  try {
    const client = await connect(RESPONSES, FR, ["realtime"], gate);
    assert.equal(client.socket.protocol, "realtime");
    client.send(ask("auto", delta));
    await until(() => client.got.length === 1);
    client.send(ask("auto", created("mythos-5")));
    await refused(client);
  } finally {
    await gate.close();
    await other.close();
  }
});

test("an unrestricted caller gets every message", async () => {
  const client = await connect(RESPONSES, US);
  client.send(ask(undefined, created("mythos-5"), delta));
  await until(() => client.got.length === 2);
  client.close();
});

test("an account record that changed counts after a minute, and nothing overtakes what waits for it", async () => {
  const other = await start({ entry });
  try {
    const client = await connect("/v1/realtime?model=mythos-5", US, [], other);
    const atOrigin = last();
    const numbered = (from) =>
      Array.from({ length: 20 }, (_, at) => JSON.stringify({ type: "x", number: from + at }));
    for (const message of numbered(0)) client.send(message);
    await until(() => client.got.length === 20);
    await other.fetch("/later?ms=61000");
    for (const message of numbered(20)) client.send(message);
    await until(() => client.got.length === 40);
    assert.deepEqual(atOrigin.got, [...numbered(0), ...numbered(20)]);
    await other.table.put(
      await keyDigest(KEY_SECRET, "sk-us"),
      JSON.stringify({ export: { us_person_ear: false } }),
    );
    await other.fetch("/later?ms=61000");
    for (const message of numbered(40)) client.send(message);
    await refused(client);
    assert.equal(atOrigin.got.length, 40);
  } finally {
    await other.close();
  }
});

test("many sessions one after the other do not grow the module's memory", async () => {
  const other = await start({ entry });
  const memory = async () => Number(await (await other.fetch("/memory")).text());
  const round = async () => {
    const client = await connect(REALTIME, FR, [], other);
    for (let number = 0; number < 20; number += 1) client.send(update("haiku-4"));
    await until(() => client.got.length === 20);
    client.close();
    await until(() => client.closed !== undefined);
  };
  try {
    for (let number = 0; number < 20; number += 1) await round();
    const before = await memory();
    for (let number = 0; number < 100; number += 1) await round();
    assert.equal(await memory(), before);
  } finally {
    await other.close();
  }
});
