/**
 * The worker beside a bare pass-through and beside workers written by hand, each in a workerd of
 * its own, over loopback. Origin, load generator and workers share the machine's cores, so real
 * differences are larger.
 *
 * Input: a chat request whose user message fills the body to 1, 10, 100 KB or 1 MB, with the model
 * named first. Each worker serves requests before the measurement, so that V8 has compiled its code.
 *
 * Output: requests a second, ratio to the bare pass-through, processor time of workerd for a
 * request. The contenders take turns in each round. A ratio is the median of the rounds' ratios,
 * with the quartiles. On a loaded machine the least processor time scatters least.
 *
 * Settings: `ROUNDS`, `SECONDS` of a turn, `WARM` seconds before, `SIZES` in KB; `ONLY`, a pattern
 * of contenders' names (the bare pass-through always runs); `DIRECT=1`, workerd without Miniflare's
 * own workers in front and behind; `BESIDE`, folders of other builds of the package, separated by
 * commas, which take turns too. `MINIFLARE_WORKERD_V8_FLAGS` passes flags to V8.
 */
import { fork } from "node:child_process";
import { connect } from "node:net";
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { keyDigest } from "portcullis/cloudflare";
import { ACCESS_KEY } from "../tools/demo.mjs";
import { startWorker } from "../tools/workerd.mjs";
import { KEY_SECRET, POLICY, compile } from "../tests/worker/setup.mjs";
import { prepare } from "./stand/runtime.mjs";
import { BARE, byHand } from "./stand/workers.mjs";

const { env } = process;
const SIZES = (env.SIZES ?? "1,10,100,1024").split(",").map((kb) => kb * 1024);
const ROUNDS = Number(env.ROUNDS || 9);
const SECONDS = Number(env.SECONDS || 1);
const WARM = Number(env.WARM || 3);
const CONNECTIONS = 16;
const DIRECT = env.DIRECT === "1";

if (process.send !== undefined) await serve();
else await measure();

/** The origin in its own process: it reads the body and responds with a few bytes. */
async function serve() {
  const { createServer } = await import("node:http");
  const server = createServer((request, response) => {
    request
      .resume()
      .on("end", () =>
        response
          .writeHead(200, { "content-type": "application/json", "content-length": 2 })
          .end("{}"),
      );
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1", () => process.send(server.address().port));
}

async function measure() {
  const origin = fork(fileURLToPath(import.meta.url));
  const port = await new Promise((resolve) => origin.once("message", resolve));
  const ORIGIN = `http://127.0.0.1:${port}`;
  const keys = {
    [await keyDigest(KEY_SECRET, "sk-us")]: { export: { us_person_ear: true } },
    [await keyDigest(KEY_SECRET, "sk-foreign")]: { export: { us_person_ear: false } },
  };
  const bundle = compile(POLICY);
  const bindings = { ORIGIN, KEY_SECRET, LOCAL: "1" };
  const others = env.BESIDE?.split(",") ?? [];
  const workers = {
    bare: { source: BARE, bindings },
    gate: { bindings: { ...bindings, ACCESS_KEY } },
    unsigned: { bindings },
    ...Object.fromEntries(
      others.flatMap((pkg) => [
        [`gate ${pkg}`, { pkg, bindings: { ...bindings, ACCESS_KEY } }],
        [`unsigned ${pkg}`, { pkg, bindings }],
      ]),
    ),
    json: { source: byHand("json"), bindings },
    text: { source: byHand("text"), bindings },
  };
  const free = { key: "sk-us", country: "US" };
  const restricted = { key: "sk-foreign", country: "FR" };
  const contenders = [
    { name: "bare pass-through", worker: "bare", ...free },
    { name: "gate, no restriction", worker: "gate", ...free },
    { name: "gate, no restriction, without the access header", worker: "unsigned", ...free },
    { name: "by hand, no restriction", worker: "text", ...free },
    { name: "gate, under restriction", worker: "gate", ...restricted },
    {
      name: "gate, under restriction, without the access header",
      worker: "unsigned",
      ...restricted,
    },
    { name: "by hand, `request.json()`", worker: "json", ...restricted },
    { name: "by hand, `request.text()`", worker: "text", ...restricted },
  ]
    .flatMap((one) =>
      /^(?:gate|unsigned)$/.test(one.worker)
        ? [
            one,
            ...others.map((pkg) => ({
              ...one,
              name: `${one.name}, ${pkg}`,
              worker: `${one.worker} ${pkg}`,
            })),
          ]
        : one,
    )
    .filter(({ name, worker }) => worker === "bare" || new RegExp(env.ONLY ?? "").test(name));
  const running = {};
  for (const [name, options] of Object.entries(workers))
    if (contenders.some(({ worker }) => worker === name))
      running[name] = await started({ bundle, keys, ...options });

  const turns = new Map(contenders.map(({ name }) => [name, new Map()]));
  for (const size of SIZES)
    for (const { name, worker, ...caller } of contenders) {
      await load(running[worker], caller, size, WARM);
      turns.get(name).set(size, []);
    }
  for (let round = 0; round < ROUNDS; round += 1)
    for (const size of SIZES)
      for (let turn = 0; turn < contenders.length; turn += 1) {
        // No contender always follows the same one.
        const place = round % 2 === 0 ? turn : contenders.length - 1 - turn;
        const { name, worker, ...caller } = contenders[(place + round) % contenders.length];
        turns
          .get(name)
          .get(size)
          .push(await load(running[worker], caller, size, SECONDS));
      }

  console.log(
    `workerd${DIRECT ? "" : " through miniflare"}, ${CONNECTIONS} connections, medians of ${ROUNDS} rounds of ${SECONDS} s after ${WARM} s: requests a second, ratio to the bare pass-through [quartiles], processor time of workerd in microseconds a request, least to median (more than bare)`,
  );
  console.log(`| | ${SIZES.map(named).join(" | ")} |`);
  console.log(`|---|${SIZES.map(() => "---").join("|")}|`);
  for (const { name } of contenders) {
    const cells = SIZES.map((size) => {
      const own = turns.get(name).get(size);
      const bare = turns.get("bare pass-through").get(size);
      const [low, middle, high] = quartiles(own.map(({ rate }, round) => rate / bare[round].rate));
      const [, rate] = quartiles(own.map(({ rate }) => rate));
      const [, cpu] = quartiles(own.map(({ cpu }) => cpu));
      const least = Math.min(...own.map(({ cpu }) => cpu));
      const [, more] = quartiles(own.map(({ cpu }, round) => cpu - bare[round].cpu));
      return `${rate.toFixed()}, ${middle.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}], ${least.toFixed()} to ${cpu.toFixed()} (${more > 0 ? "+" : ""}${more.toFixed()})`;
    });
    console.log(`| ${name} | ${cells.join(" | ")} |`);
  }
  for (const { close } of Object.values(running)) await close();
  origin.kill();
}

/** Starts a worker, and finds the process that it runs in. */
async function started({ pkg, ...options }) {
  if (DIRECT) {
    const flags = env.MINIFLARE_WORKERD_V8_FLAGS?.split(" ");
    return (await prepare({ pkg, flags, ...options })).start();
  }
  const before = new Set(children());
  const { url, close } = await startWorker({
    ...options,
    ...(pkg && {
      entry: `${pkg}/worker/index.ts`,
      module: readFileSync(`${pkg}/wasm/edge_bg.wasm`),
    }),
  });
  const pid = children().find(
    (one) => !before.has(one) && readFileSync(`/proc/${one}/comm`, "utf8") === "workerd\n",
  );
  return { url, pid, close };
}

function children() {
  return readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").match(/\d+/g) ?? [];
}

/** Returns the processor time of a process so far, in microseconds. */
function processorTime(pid) {
  let time = 0;
  for (const task of readdirSync(`/proc/${pid}/task`))
    time += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
  return time / 1000;
}

/**
 * Returns the requests a second that a worker answers, and its processor time for one of them. Each
 * connection sends the next request after the response to the last.
 */
async function load({ url, pid }, { key, country }, size, seconds) {
  const frame = JSON.stringify({ model: "haiku-4", messages: [{ role: "user", content: "" }] });
  const body = frame.replace(
    'content":"',
    `content":"${"lorem ipsum ".repeat(size / 12).slice(0, size - frame.length)}`,
  );
  const request = Buffer.from(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: gate.example\r\ncontent-type: application/json\r\naccept: application/json\r\nuser-agent: OpenAI/JS 6.9.0\r\nx-stainless-lang: js\r\nx-stainless-package-version: 6.9.0\r\nx-stainless-os: Linux\r\nx-stainless-arch: x64\r\nx-stainless-runtime: node\r\nx-stainless-runtime-version: v22.23.3\r\nx-stainless-retry-count: 0\r\nauthorization: Bearer ${key}\r\ncf-ipcountry: ${country}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  const { hostname, port } = new URL(url);
  let answered = 0;
  const start = performance.now();
  const until = start + seconds * 1000;
  const time = processorTime(pid);
  await Promise.all(
    Array.from(
      { length: CONNECTIONS },
      () =>
        new Promise((resolve, reject) => {
          const socket = connect(Number(port), hostname, () => socket.write(request));
          let text = "";
          socket.setNoDelay(true);
          socket.on("error", reject);
          socket.on("data", (data) => {
            text += data.toString("latin1");
            if (!text.endsWith("{}") && !text.endsWith("{}\r\n0\r\n\r\n")) return;
            if (!text.startsWith("HTTP/1.1 200")) return reject(new Error(text));
            text = "";
            answered += 1;
            if (performance.now() < until) socket.write(request);
            else resolve(socket.end());
          });
          socket.on("close", resolve);
        }),
    ),
  );
  return {
    rate: (answered * 1000) / (performance.now() - start),
    cpu: (processorTime(pid) - time) / answered,
  };
}

function named(size) {
  return size < 1 << 20 ? `${size >> 10} KB` : `${size >> 20} MB`;
}

function quartiles(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return [0.25, 0.5, 0.75].map((part) => sorted[Math.round((sorted.length - 1) * part)]);
}
