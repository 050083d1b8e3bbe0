/**
 * The origin's responses to a caller for whom `mythos-5` is closed: lists, deferred responses,
 * switches to another model, long streams.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { ENFORCED_KEY, ACCESS_KEY } from "../../tools/demo.mjs";
import { startOrigin } from "../../tools/origin.mjs";
import { accessCheck } from "../../tools/origin/access.mjs";
import { startWorker } from "../../tools/workerd.mjs";
import { open, sleep, until } from "./raw.mjs";
import { compile } from "./setup.mjs";

const POLICY = fileURLToPath(new URL("../corpus/responses/policy.toml", import.meta.url));
const CODE = "model_restricted";
let origin;
let gate;
/** What the origin does next. */
let reply;

before(async () => {
  origin = await startOrigin({ reply: (entry, response) => reply(entry, response) });
  gate = await startWorker({
    bundle: compile(POLICY),
    bindings: { ORIGIN: origin.url, LOCAL: "1" },
  });
});
after(async () => {
  await gate?.close();
  await origin?.close();
});

const last = () => origin.seen.at(-1);
const json =
  (body, headers = {}, status = 200) =>
  (_, response) =>
    response
      .writeHead(status, { "content-type": "application/json", ...headers })
      .end(typeof body === "string" ? body : JSON.stringify(body));
const chat = (body = {}, path = "/v1/chat/completions", headers = {}) =>
  gate.fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", "cf-ipcountry": "FR", ...headers },
    body: JSON.stringify({ model: "auto", ...body }),
  });
const get = (path, headers = {}, method = "GET") =>
  gate.fetch(path, { method, headers: { "cf-ipcountry": "FR", ...headers } });
const event = (data, name) =>
  `${name === undefined ? "" : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`;
const delta = (model, content = "hi") =>
  event({ id: "c", model, choices: [{ index: 0, delta: { content } }] });

/** A stream whose parts the test sends one by one. */
function stream(type = "text/event-stream") {
  const made = { closed: false };
  reply = (_, response) => {
    response.writeHead(200, { "content-type": type });
    response.flushHeaders();
    response.on("close", () => {
      made.closed = true;
    });
    made.send = (part) => response.write(part);
    made.end = () => response.end();
  };
  return made;
}

/** Text that comes within a short while; undefined: none. */
async function next(reader, ms = 250) {
  const read = reader.read();
  const { value, done } = (await Promise.race([read, sleep(ms).then(() => ({}))])) ?? {};
  return done ? "" : value === undefined ? undefined : new TextDecoder().decode(value);
}

test("a list goes without what is closed, and not for any cache", async () => {
  reply = json('{"object":"list","data":[{"id":"haiku-4"}, {"id":"mythos-5"} ,{"id":"gpt-9"}]}', {
    etag: '"1"',
    "last-modified": "Mon, 01 Jan 2026 00:00:00 GMT",
    "cache-control": "public, max-age=60",
    "content-digest": "sha-256=:x:",
  });
  const conditions = {
    "if-none-match": '"1"',
    "if-modified-since": "Mon, 01 Jan 2026 00:00:00 GMT",
    "if-range": '"1"',
    "if-match": "*",
    range: "bytes=0-10",
  };
  const answer = await get("/v1/models", { ...conditions, "accept-encoding": "br, gzip" });
  assert.equal(answer.status, 200);
  assert.equal(await answer.text(), '{"object":"list","data":[{"id":"haiku-4"} ,{"id":"gpt-9"}]}');
  for (const name of Object.keys(conditions)) assert.equal(last().headers[name], undefined, name);
  assert.equal(last().headers["accept-encoding"], "identity");
  for (const name of ["etag", "last-modified", "content-digest", "content-length"])
    assert.equal(answer.headers.get(name), null, name);
  assert.equal(answer.headers.get("cache-control"), "private, no-store");
  assert.match(answer.headers.get("vary"), /\*/);
});

test("of an answer that is read no part is asked for; other conditions stand", async () => {
  reply = json({ model: "haiku-4" });
  const parts = { range: "bytes=30-", "if-range": '"1"', "a-im": "diffe" };
  for (const body of [{}, { pad: "x".repeat(100_000) }]) {
    assert.equal((await chat(body, undefined, { ...parts, "if-match": '"1"' })).status, 200);
    for (const name of Object.keys(parts)) assert.equal(last().headers[name], undefined, name);
  }
  await chat({ model: "haiku-4" }, undefined, { ...parts, "if-match": '"1"' });
  assert.deepEqual(
    [last().headers.range, last().headers["if-match"]],
    [parts.range, '"1"'],
    "a response that is not read passes unchanged",
  );
});

test("a list that the origin codes all the same is read", async () => {
  reply = (_, response) =>
    response
      .writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" })
      .end(gzipSync('{"data":[{"id":"mythos-5"},{"id":"haiku-4"}]}'));
  const answer = await get("/v1/models");
  assert.equal(answer.headers.get("content-encoding"), null);
  assert.equal(await answer.text(), '{"data":[{"id":"haiku-4"}]}');
});

test("a list in an unsupported coding is withheld", async () => {
  reply = json("(\xb5/\xfd mythos-5", { "content-encoding": "zstd" });
  const answer = await get("/v1/models");
  assert.equal(answer.status, 502);
  assert.ok(!(await answer.text()).includes("mythos"));
});

for (const [what, body, type = "application/json"] of [
  ["RSS", "<rss>mythos-5</rss>", "application/rss+xml"],
  ["broken JSON", '{"data":[{"id":"haiku-4"}'],
  ["another shape", '{"models":["mythos-5"]}'],
]) {
  test(`${what} in place of a list is withheld`, async () => {
    reply = (_, response) => response.writeHead(200, { "content-type": type }).end(body);
    const answer = await get("/v1/models");
    assert.equal(answer.status, 502);
    assert.equal((await answer.json()).error.code, "answer_unreadable");
  });
}

test("the head of a list says nothing of its length", async () => {
  reply = (_, response) =>
    response
      .writeHead(200, { "content-type": "application/json", "content-length": "500", etag: '"1"' })
      .end();
  const answer = await get("/v1/models", {}, "HEAD");
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("etag"), null);
});

test("an error in place of a list goes as it is", async () => {
  reply = json({ error: { message: "no key" } }, {}, 401);
  const answer = await get("/v1/models");
  assert.deepEqual([answer.status, await answer.json()], [401, { error: { message: "no key" } }]);
});

test("a long list streams, and each row is judged", async () => {
  const rows = Array.from({ length: 20_000 }, (_, n) => ({
    id: n % 3 === 0 ? `mythos-5-${n}` : `haiku-4-${n}`,
    description: "x".repeat(40),
  }));
  reply = json({ object: "list", data: rows });
  const answer = await get("/v1/models");
  const { data } = await answer.json();
  assert.equal(data.length, rows.filter(({ id }) => !id.startsWith("mythos")).length);
  assert.ok(data.every(({ id }) => id.startsWith("haiku")));
});

test("paging goes on past pages of which nothing is left, and never by a closed name", async () => {
  const all = [
    "mythos-5-a",
    "haiku-4",
    "mythos-5-b",
    "mythos-5-c",
    "mythos-5-d",
    "sonnet-5",
    "mythos-5-e",
  ];
  const asked = [];
  reply = (entry, response) => {
    const { searchParams } = new URL(entry.url, "http://origin");
    const after = searchParams.get("after_id");
    asked.push(after);
    const from = after === null ? 0 : all.indexOf(after) + 1;
    const ids = all.slice(from, from + Number(searchParams.get("limit")));
    const data = ids.map((id) => ({ type: "model", id }));
    json({
      data,
      has_more: from + ids.length < all.length,
      first_id: ids[0] ?? null,
      last_id: ids.at(-1) ?? null,
    })(entry, response);
  };
  for (const limit of [1, 2, 3, 10]) {
    const found = [];
    let after;
    for (let pages = 0; pages < 10; pages += 1) {
      const answer = await get(
        `/v1/models?limit=${limit}${after === undefined ? "" : `&after_id=${after}`}`,
        { "anthropic-version": "2023-06-01" },
      );
      const text = await answer.text();
      assert.ok(!text.includes("mythos"), text);
      const page = JSON.parse(text);
      found.push(...page.data.map(({ id }) => id));
      if (!page.has_more || page.last_id === null) break;
      after = page.last_id;
    }
    assert.deepEqual([...new Set(found)], ["haiku-4", "sonnet-5"], `limit ${limit}`);
  }
});

test("a deferred answer that names an open model goes", async () => {
  reply = json({ id: "c", choices: [], model: "haiku-4-20260101" });
  const answer = await chat();
  assert.equal(answer.status, 200);
  assert.equal((await answer.json()).model, "haiku-4-20260101");
  assert.equal(last().headers["accept-encoding"], "identity");
});

for (const [what, model, code] of [
  ["a closed model", "mythos-5", CODE],
  ["an unknown model", "gpt-9", "answer_unnamed"],
  ["no model", undefined, "answer_unnamed"],
]) {
  test(`a deferred answer that names ${what} is withheld`, async () => {
    reply = json({ id: "c", choices: ["secret"], model });
    const answer = await chat();
    assert.equal(answer.status, 403);
    const text = await answer.text();
    assert.ok(!text.includes("secret"));
    assert.equal(JSON.parse(text).error.code, code);
    assert.ok(text.includes("Mythos-class models are suspended."), text);
  });
}

test("other answers than 2xx go as they are", async () => {
  reply = json({ error: { message: "busy", model: "mythos-5" } }, { "retry-after": "3" }, 429);
  const answer = await chat();
  assert.deepEqual([answer.status, answer.headers.get("retry-after")], [429, "3"]);
  assert.equal((await answer.json()).error.model, "mythos-5");
});

test("what names no model is not sent to an origin that does not acknowledge", async () => {
  const before = origin.seen.length;
  const answer = await chat({ prompt: "x" }, "/v1/images/generations");
  assert.equal(answer.status, 403);
  const { error } = await answer.json();
  assert.equal(error.code, "unlisted");
  assert.match(error.message, /Mythos-class models are suspended/);
  assert.equal(origin.seen.length, before);
});

test("an origin that acknowledges may be asked for what names no model, and answers as it likes", async () => {
  const acknowledging = await startOrigin({
    access: await accessCheck({ keys: ACCESS_KEY, key: ENFORCED_KEY }),
    reply: (entry, response) => {
      if (!entry.url.endsWith("generations")) response.removeHeader("portcullis-enforced");
      json({ data: [] })(entry, response);
    },
  });
  const worker = await startWorker({
    bundle: compile(POLICY),
    bindings: { ORIGIN: acknowledging.url, LOCAL: "1", ACCESS_KEY, ENFORCED_KEY },
  });
  try {
    const ask = (path) =>
      worker.fetch(path, {
        method: "POST",
        headers: { "content-type": "application/json", "cf-ipcountry": "FR" },
        body: '{"model":"auto","prompt":"x"}',
      });
    assert.equal((await ask("/v1/images/generations")).status, 200);
    assert.equal((await ask("/v1/images/edits")).status, 403);
    assert.equal(acknowledging.seen.length, 2);
  } finally {
    await worker.close();
    await acknowledging.close();
  }
});

test("a stream gives its first byte once it has named an open model", async () => {
  const made = stream();
  const asked = chat({ stream: true });
  await until(() => made.send !== undefined);
  made.send(": waiting\n\n");
  made.send(event({ id: "c", choices: [] }));
  assert.equal(await Promise.race([asked, sleep(250)]), undefined, "the head went before the name");
  made.send(delta("haiku-4"));
  const answer = await asked;
  assert.equal(answer.status, 200);
  const reader = answer.body.getReader();
  let text = "";
  while (!text.includes("hi")) text += await next(reader, 2_000);
  made.send(delta("haiku-4", "more").slice(0, 20));
  assert.equal(await next(reader), undefined, "half an event went");
  made.end();
  await reader.cancel();
});

test("a client that goes away takes the origin's answer with it", async () => {
  const made = stream();
  const body = JSON.stringify({ model: "auto", stream: true });
  const client = await open(gate.url);
  await client.head("POST", "/v1/chat/completions", {
    "content-type": "application/json",
    "cf-ipcountry": "FR",
    "content-length": body.length,
  });
  await client.bytes(body);
  await until(() => made.send !== undefined);
  made.send(delta("haiku-4"));
  assert.equal(await client.status, 200);
  client.destroy();
  const beat = setInterval(() => made.send(delta("haiku-4")), 50);
  try {
    await until(() => made.closed);
  } finally {
    clearInterval(beat);
  }
});

test("a stream that names a closed model first is a plain refusal", async () => {
  reply = (_, response) =>
    response
      .writeHead(200, { "content-type": "text/event-stream" })
      .end(delta("mythos-5", "secret"));
  const answer = await chat({ stream: true });
  assert.equal(answer.status, 403);
  assert.equal(answer.headers.get("content-type"), "application/json");
  assert.equal((await answer.json()).error.code, CODE);
});

test("a late switch to a denied model cuts the stream with an error in the API's format", async () => {
  const made = stream();
  const asked = chat({ stream: true });
  await until(() => made.send !== undefined);
  made.send(delta("haiku-4", "first"));
  const answer = await asked;
  made.send(delta("mythos-5", "secret"));
  const text = await answer.text();
  assert.ok(text.startsWith(delta("haiku-4", "first")), text);
  assert.ok(!text.includes("secret"));
  const told = JSON.parse(text.slice(text.lastIndexOf("data: ") + 6));
  assert.equal(told.error.code, CODE);
  await until(() => made.closed);
});

test("Anthropic: a fallback block cuts the stream", async () => {
  const start = event(
    { type: "message_start", message: { id: "m", model: "haiku-4", content: [] } },
    "message_start",
  );
  const block = event(
    {
      type: "content_block_start",
      index: 1,
      content_block: { type: "fallback", to: { model: "mythos-5" } },
    },
    "content_block_start",
  );
  reply = (_, response) =>
    response
      .writeHead(200, { "content-type": "text/event-stream" })
      .end(start + block + event({ type: "message_stop" }, "message_stop"));
  const answer = await chat({ stream: true, messages: [] }, "/v1/messages", {
    "anthropic-version": "2023-06-01",
  });
  const text = await answer.text();
  assert.ok(text.startsWith(start), text);
  assert.match(
    text.slice(start.length),
    /^event: error\ndata: \{"type":"error","error":\{"type":"permission_error"/,
  );
});

test("an alias: what names nothing goes, what names a closed model does not", async () => {
  reply = json({ choices: [] });
  assert.equal((await chat({ model: "best-available" })).status, 200);
  reply = json({ choices: [], model: "mythos-5" });
  assert.equal((await chat({ model: "best-available" })).status, 403);
});

test("a name in the answer's headers counts", async () => {
  reply = json({ model: "haiku-4" }, { "x-litellm-model-name": "mythos-5" });
  assert.equal((await chat()).status, 403);
});

test("an answer that breaks off is broken off for the client, too", async () => {
  const made = { closed: false };
  reply = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(delta("haiku-4"));
    setTimeout(() => response.destroy(), 100);
  };
  const answer = await chat({ stream: true });
  await assert.rejects(async () => {
    const text = await answer.text();
    // The runtime may end the stream instead; then nothing may look like a whole answer.
    if (!text.includes("[DONE]")) throw new Error("cut");
  });
  assert.equal(made.closed, false);
});

test("a large answer that names its model last goes whole", async () => {
  const body = {
    object: "list",
    data: Array.from({ length: 2_000 }, () => ({
      embedding: Array.from({ length: 64 }, () => 0.125),
    })),
    model: "haiku-4",
  };
  reply = json(body);
  const answer = await chat({ input: "x" }, "/v1/embeddings");
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), body);
});
