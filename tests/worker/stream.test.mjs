/**
 * Bodies that are scanned while they are forwarded: the part that the origin may see of a body that
 * is denied, cut off or unreadable. An origin never sees a complete request that the gate has not
 * accepted.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startOrigin } from "../../tools/origin.mjs";
import { startWorker } from "../../tools/workerd.mjs";
import { open, sleep, until } from "./raw.mjs";
import { POLICY, compile } from "./setup.mjs";

const CALLER = { "content-type": "application/json", "cf-ipcountry": "FR" };
const MB = 1 << 20;
let origin;
let gate;

before(async () => {
  origin = await startOrigin();
  gate = await startWorker({
    bundle: compile(POLICY),
    bindings: { ORIGIN: origin.url, LOCAL: "1" },
  });
});
after(async () => {
  await gate?.close();
  await origin?.close();
});

/**
 * A chat request of about `size` bytes with its model last, where the scan of a prefix would miss
 * it.
 */
function modelLast(model, size) {
  return `{"messages":[{"role":"user","content":"${"x".repeat(size)}"}],"model":"${model}"}`;
}

const last = () => origin.seen.at(-1);

for (const [form, size] of [
  ["declared", 2 * MB],
  ["chunked", 2 * MB],
  ["declared", 300 * 1024],
  ["chunked", 100 * 1024],
  ["declared", 1024],
  ["chunked", 0],
]) {
  test(`an allowed body, ${form}, ${size} bytes, arrives whole`, async () => {
    const body = modelLast("haiku-4", size);
    const answer = await send(form, body);
    assert.equal(answer, 200);
    assert.equal(last().body.toString(), body);
    assert.equal(last().complete, true);
    if (form === "declared") assert.equal(last().headers["content-length"], String(body.length));
  });

  test(`a denied body, ${form}, ${size} bytes, is never complete at the origin`, async () => {
    const before = origin.seen.length;
    const body = modelLast("mythos-5", size);
    const answer = await send(form, body);
    assert.equal(answer, 403);
    await sleep(50);
    const begun = origin.seen.slice(before);
    // A body within the bound is judged before anything is sent. Of a longer one the origin sees a
    // request that breaks off.
    if (size < 320 * 1024) assert.equal(begun.length, 0);
    else assert.equal(begun.length, 1);
    for (const entry of begun) {
      await until(() => entry.aborted);
      assert.equal(entry.complete, false);
      assert.ok(entry.bytes < body.length);
    }
  });
}

for (const form of ["declared", "chunked"]) {
  test(`a ${form} body is really streamed: the origin has bytes before the client has sent the last`, async () => {
    const body = modelLast("haiku-4", MB);
    const before = origin.seen.length;
    const client = await begin(form, body);
    await part(client, form, body.slice(0, body.length - 100));
    await until(() => origin.seen.length > before && last().bytes > 256 * 1024);
    assert.equal(last().complete, false);
    await part(client, form, body.slice(-100));
    if (form === "chunked") await client.last();
    assert.equal(await client.status, 200);
    assert.equal(last().body.toString(), body);
    client.destroy();
  });

  test(`a client that goes away mid-body (${form}) leaves a broken request at the origin, not a short one`, async () => {
    const body = modelLast("haiku-4", 2 * MB);
    const before = origin.seen.length;
    const client = await begin(form, body);
    await part(client, form, body.slice(0, MB));
    await until(() => origin.seen.length > before && last().bytes > 256 * 1024);
    client.destroy();
    await until(() => last().aborted);
    assert.equal(last().complete, false);
  });

  test(`a ${form} body that breaks off as JSON is refused, and broken off upstream`, async () => {
    const before = origin.seen.length;
    const body = `{"model":"haiku-4","messages":[{"role":"user","content":"${"x".repeat(MB)}"}`;
    assert.equal(await send(form, body), 400);
    await until(() => origin.seen.length > before && last().aborted);
    assert.equal(last().complete, false);
  });

  test(`the refusal of a ${form} body reaches the client while it is still sending`, async () => {
    const client = await begin(form, "x".repeat(3 * MB));
    await part(
      client,
      form,
      `{"model":"mythos-5","messages":[{"role":"user","content":"${"x".repeat(400 * 1024)}`,
    );
    assert.equal(await client.status, 403);
    client.destroy();
  });
}

test("the answer of an origin that does not wait for the body is withheld until the scan has accepted", async () => {
  const hasty = await startHasty();
  const worker = await startWorker({
    bundle: compile(POLICY),
    bindings: { ORIGIN: hasty.url, LOCAL: "1" },
  });
  try {
    const body = modelLast("haiku-4", MB);
    const client = await open(worker.url);
    await client.head("POST", "/v1/chat/completions", { ...CALLER, "content-length": body.length });
    await client.bytes(body.slice(0, 600 * 1024));
    await until(() => hasty.answered > 0);
    await sleep(100);
    assert.equal(client.text(), "", "the answer was let through before the scan had ended");
    await client.bytes(body.slice(600 * 1024));
    assert.equal(await client.status, 418);
    client.destroy();

    const denied = modelLast("mythos-5", MB);
    const other = await open(worker.url);
    await other.head("POST", "/v1/chat/completions", {
      ...CALLER,
      "content-length": denied.length,
    });
    await other.bytes(denied);
    assert.equal(await other.status, 403);
    other.destroy();
  } finally {
    await worker.close();
    await hasty.close();
  }
});

/** An origin that answers 418 as soon as it has seen the head, and goes on reading. */
async function startHasty() {
  const { createServer } = await import("node:http");
  const hasty = { answered: 0 };
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(418, { "content-length": "5" }).end("early");
    hasty.answered += 1;
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  hasty.url = `http://127.0.0.1:${server.address().port}`;
  hasty.close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return hasty;
}

async function begin(form, body) {
  const client = await open(gate.url);
  const length =
    form === "declared" ? { "content-length": body.length } : { "transfer-encoding": "chunked" };
  await client.head("POST", "/v1/chat/completions", { ...CALLER, ...length });
  return client;
}

function part(client, form, data) {
  return form === "declared" ? client.bytes(data) : client.chunk(data);
}

async function send(form, body) {
  const client = await begin(form, body);
  // In three pieces, so that no read holds the whole.
  const third = Math.ceil(body.length / 3);
  for (let at = 0; at < body.length; at += third)
    await part(client, form, body.slice(at, at + third));
  if (form === "chunked") await client.last();
  const status = await client.status;
  client.destroy();
  return status;
}
