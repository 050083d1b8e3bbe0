/**
 * Many large requests through the worker, and the memory of its process meanwhile. Each body names
 * its model last and its caller is restricted, so the worker must read all of it.
 */
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { startWorker } from "../../tools/workerd.mjs";
import { POLICY, compile } from "./setup.mjs";

const MB = 1 << 20;
const PIECE = 64 * 1024;
let sent = 0;

// The built worker, which also reports the size of the edge module's memory. The glue returns the
// running instance.
const ENTRY = `
import inner from "./worker/index.ts";
import { initSync } from "./wasm/edge.js";
export default {
  fetch(request, env, context) {
    if (request.url.endsWith("/wasm-memory")) return Response.json(initSync({}).memory.buffer.byteLength);
    return inner.fetch(request, env, context);
  },
};`;

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) await serve();

/**
 * The origin, in a process of its own. It reads everything, slowly on request, and responds with
 * the checksum of what it read.
 */
async function serve() {
  const { createServer } = await import("node:http");
  let whole = 0;
  const server = createServer((request, response) => {
    if (request.url === "/whole") return void response.end(String(whole));
    if (request.headers["x-slow"] !== undefined) {
      // Reads a chunk now and then. Meanwhile the data waits in the worker or, better, at the
      // client.
      request.on("data", () => {
        request.pause();
        setTimeout(() => request.resume(), 20);
      });
    }
    let sum = 0;
    request.on("data", (chunk) => {
      sum = crc32(chunk, sum);
    });
    request.on("end", () => {
      if (request.complete) whole += 1;
      response.end(`sum ${sum}.`);
    });
    request.on("error", () => undefined);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1", () => process.send(server.address().port));
}

/**
 * Worker and origin. `phase(work)` runs `work` and returns, in bytes, the peak of the worker's
 * process, the most and the least that V8 held for the worker's isolate, and the size of the edge
 * module's memory. V8 is sampled every 20 ms; heap and buffers include garbage, hence the least.
 */
export async function startFlood() {
  const origin = fork(fileURLToPath(import.meta.url));
  const [port] = await once(origin, "message");
  const ORIGIN = `http://127.0.0.1:${port}`;
  const worker = await startWorker({
    bundle: compile(POLICY),
    source: ENTRY,
    bindings: { ORIGIN, LOCAL: "1" },
    inspector: true,
  });
  const pid = child("workerd");
  const isolate = await inspect(worker.miniflare);
  await send(worker.url, { bytes: 1000 });
  return {
    url: worker.url,
    /** Of the process, before anything large came. */
    idle: resident(pid),
    async phase(work) {
      forgetPeak(pid);
      let most = 0;
      let least = Number.POSITIVE_INFINITY;
      let running = true;
      const sampling = (async () => {
        while (running) {
          const { committed, used } = await isolate.held();
          most = Math.max(most, committed);
          least = Math.min(least, used);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      })();
      const statuses = await work();
      running = false;
      await sampling;
      const wasm = await (await worker.fetch("/wasm-memory")).json();
      return { statuses, peak: resident(pid, "VmHWM"), most, least, wasm };
    },
    /** Requests that reached the origin whole. */
    whole: async () => Number(await (await fetch(`${ORIGIN}/whole`)).text()),
    async close() {
      isolate.close();
      await worker.close();
      origin.kill();
    },
  };
}

/** V8's own account of the worker's isolate. It does not collect garbage on request here. */
async function inspect(miniflare) {
  const url = await miniflare.getInspectorURL();
  const socket = new WebSocket(new URL("/core:user:", url));
  await once(socket, "open");
  return {
    async held() {
      socket.send('{"id":1,"method":"Runtime.getHeapUsage"}');
      const { data } = (await once(socket, "message"))[0];
      const { usedSize, totalSize, embedderHeapUsedSize, backingStorageSize } =
        JSON.parse(data).result;
      const beside = embedderHeapUsedSize + backingStorageSize;
      return { committed: totalSize + beside, used: usedSize + beside };
    },
    close: () => socket.close(),
  };
}

/** Statuses of `count` requests, one after another. */
export async function oneAfterAnother(url, count, request) {
  const statuses = new Map();
  for (let at = 0; at < count; at += 1) add(statuses, await send(url, request));
  return statuses;
}

/** Statuses of `count` requests that are all under way before any sends its end. */
export async function atOnce(url, count, request) {
  const statuses = new Map();
  let begun = 0;
  let release;
  const all = new Promise((resolve) => {
    release = resolve;
  });
  const hold = () => {
    begun += 1;
    if (begun === count) release();
    return all;
  };
  for (const status of await Promise.all(
    Array.from({ length: count }, () => send(url, { ...request, hold })),
  ))
    add(statuses, status);
  return statuses;
}

/**
 * Sends one chat request of `bytes` and returns its status, or 0 for a client that leaves before
 * the end. `form`: `declared` or `chunked`; `hold`: awaited before the last part is sent; `gone`:
 * the client leaves instead; `slow`: the origin reads slowly.
 */
export async function send(url, request) {
  for (;;) {
    const start = performance.now();
    try {
      return await attempt(url, request);
    } catch (cause) {
      // The runtime drops a connection whose head it has not read within 15 s (kj,
      // `HttpServerSettings`). This test is not about a machine that is so busy.
      if (cause.code !== "ECONNRESET" || performance.now() - start < 15_000) throw cause;
    }
  }
}

async function attempt(
  url,
  { bytes = 10 * MB, form = "declared", model = "haiku-4", hold, gone = false, slow = false },
) {
  // No two bodies are alike, so that none can pass for another.
  sent += 1;
  const message = `${JSON.stringify({ role: "user", content: `lorem "ipsum" ${sent} `.repeat(20) })},`;
  const filler = Buffer.from(message.repeat(Math.ceil(PIECE / message.length)));
  const begin = Buffer.from('{"messages":[');
  const end = Buffer.from(`{}],"model":"${model}"}`);
  const fillers = Math.max(1, Math.round(bytes / filler.length));
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.setNoDelay(true);
  let text = "";
  let sum = 0;
  const answered = new Promise((resolve, reject) => {
    socket.on("data", (data) => {
      text += data.toString("latin1");
      const status = /^HTTP\/1\.1 (\d+)/.exec(text)?.[1];
      if (status !== undefined && (status !== "200" || /sum \d+\./.test(text)))
        resolve(Number(status));
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`closed without a whole answer: ${text}`)));
  });
  answered.catch(() => undefined);
  const put = async (buffer) => {
    sum = crc32(buffer, sum);
    const frame =
      form === "chunked"
        ? Buffer.concat([
            Buffer.from(`${buffer.length.toString(16)}\r\n`),
            buffer,
            Buffer.from("\r\n"),
          ])
        : buffer;
    if (!socket.write(frame)) await Promise.race([once(socket, "drain"), answered]);
  };
  const length =
    form === "chunked"
      ? "transfer-encoding: chunked"
      : `content-length: ${begin.length + filler.length * fillers + end.length}`;
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: gate.example\r\nconnection: close\r\ncontent-type: application/json\r\ncf-ipcountry: FR\r\n${slow ? "x-slow: 1\r\n" : ""}${length}\r\n\r\n`,
  );
  await put(begin);
  for (let at = 0; at < fillers; at += 1) await put(filler);
  await hold?.();
  if (gone) {
    socket.destroy();
    return 0;
  }
  await put(end);
  if (form === "chunked") socket.write("0\r\n\r\n");
  const status = await answered;
  socket.destroy();
  if (status === 200)
    assert.equal(/sum (\d+)\./.exec(text)[1], String(sum), "what arrived is not what was sent");
  return status;
}

function add(statuses, status) {
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
}

/** The process of this one that runs `name`. */
function child(name) {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8")
    .trim()
    .split(" ");
  return children.find((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[0].endsWith(name),
  );
}

/** Bytes of memory that the process has now (`VmRSS`) or had at most (`VmHWM`). */
function resident(pid, key = "VmRSS") {
  return (
    Number(
      new RegExp(`${key}:\\s*(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1],
    ) * 1024
  );
}

/** proc(5): `5` sets the peak back to what the process has now. */
function forgetPeak(pid) {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}
