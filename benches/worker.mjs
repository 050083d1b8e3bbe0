/**
 * The worker beside a bare pass-through, both in workerd, in one run: requests a second over
 * loopback. Origin, load generator and both workers share the machine's cores, so real differences
 * are larger.
 *
 * Input: a chat request whose user message fills the body to 1, 10, 100 KB or 1 MB, with the model
 * named first. Each worker serves requests for a second before the measurement, so loading is
 * excluded.
 */
import { fork } from "node:child_process";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { keyDigest } from "portcullis/cloudflare";
import { ACCESS_KEY } from "../tools/demo.mjs";
import { startWorker } from "../tools/workerd.mjs";
import { KEY_SECRET, POLICY, compile } from "../tests/worker/setup.mjs";

const SIZES = [1, 10, 100, 1024].map((kb) => kb * 1024);
const ROUNDS = Number(process.env.ROUNDS || 5);
const SECONDS = Number(process.env.SECONDS || 1.5);
const CONNECTIONS = 16;

const BARE = `export default { fetch(request, env) {
  return fetch(new Request(env.ORIGIN + request.url.slice(request.url.indexOf("/", 8)), request));
} };`;

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
  const accounts = {
    "sk-us": { export: { us_person_ear: true } },
    "sk-foreign": { export: { us_person_ear: false } },
  };
  const keys = {};
  for (const [key, record] of Object.entries(accounts))
    keys[await keyDigest(KEY_SECRET, key)] = record;
  const bundle = compile(POLICY);
  const bare = await startWorker({ bundle, source: BARE, bindings: { ORIGIN } });
  const gate = await startWorker({
    bundle,
    keys,
    bindings: { ORIGIN, KEY_SECRET, ACCESS_KEY, LOCAL: "1" },
  });

  const variants = [
    { name: "bare pass-through", url: bare.url, key: "sk-us", country: "US" },
    { name: "gate, no restriction", url: gate.url, key: "sk-us", country: "US" },
    { name: "gate, under restriction", url: gate.url, key: "sk-foreign", country: "FR" },
  ];
  const rates = new Map(
    variants.map(({ name }) => [name, new Map(SIZES.map((size) => [size, []]))]),
  );
  for (const variant of variants) for (const size of SIZES) await load(variant, size, 1);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const size of SIZES) {
      for (const variant of variants)
        rates
          .get(variant.name)
          .get(size)
          .push(await load(variant, size, SECONDS));
    }
  }

  console.log(
    `workerd, ${CONNECTIONS} connections, median of ${ROUNDS} rounds of ${SECONDS} s, requests a second and ratio to the bare pass-through`,
  );
  console.log(
    `| | ${SIZES.map((size) => (size < 1 << 20 ? `${size >> 10} KB` : `${size >> 20} MB`)).join(" | ")} |`,
  );
  console.log(`|---|${SIZES.map(() => "---").join("|")}|`);
  for (const { name } of variants) {
    const cells = SIZES.map((size) => {
      const rate = median(rates.get(name).get(size));
      return `${Math.round(rate)} (${(rate / median(rates.get("bare pass-through").get(size))).toFixed(2)})`;
    });
    console.log(`| ${name} | ${cells.join(" | ")} |`);
  }
  await gate.close();
  await bare.close();
  origin.kill();
}

/**
 * Returns the requests a second that a worker answers. Each connection sends the next request after
 * the response to the last.
 */
async function load({ url, key, country }, size, seconds) {
  const frame = JSON.stringify({ model: "haiku-4", messages: [{ role: "user", content: "" }] });
  const body = frame.replace(
    'content":"',
    `content":"${"lorem ipsum ".repeat(size / 12).slice(0, size - frame.length)}`,
  );
  const request = Buffer.from(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: gate.example\r\ncontent-type: application/json\r\nauthorization: Bearer ${key}\r\ncf-ipcountry: ${country}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  const { hostname, port } = new URL(url);
  let answered = 0;
  const until = performance.now() + seconds * 1000;
  const start = performance.now();
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
  return (answered * 1000) / (performance.now() - start);
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
