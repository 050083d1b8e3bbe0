/**
 * The body scan of the built edge module in V8, beside `JSON.parse` on the same bodies in the same
 * run.
 *
 * A scan is a whole judgement by `Gate.judge`, with its head and its caller remembered: the body is
 * copied into the module in pieces of 64 KB. The table names bodies and models. The caller is restricted, since the gate reads
 * nothing of other callers. Each figure is the best of several rounds in which the three take
 * turns, since disturbances only make a round slower.
 *
 *     make build && node benches/scan.mjs [part of a body's name]
 */
import { readFileSync } from "node:fs";
import { Gate } from "portcullis";

const file = (name) => readFileSync(new URL(`../pkg/wasm/${name}`, import.meta.url));
const gate = await Gate.load({ module: file("edge_bg.wasm"), bundle: file("policy.bundle") });

const FACTS = { place: { country: "FR" }, now: Date.parse("2026-11-23T00:00:00Z") };
const HEADERS = [["content-type", "application/json"]];
const SIZES = [1e3, 1e4, 1e5, 1e6, 1e7];
const ROUNDS = 25;
/** How long each contender runs in one round, in milliseconds, approximately. */
const ROUND = Number(process.env.ROUND ?? 20);

/** Messages of up to 30 lines with three escapes in each line. */
function chat(size) {
  const line = 'The quick brown fox said "jump" over 12 lazy dogs, and it did so.\n';
  const messages = [];
  for (let length = 0; length < size;) {
    const content = line.repeat(1 + ((messages.length * 7) % 30));
    messages.push({ role: messages.length % 2 ? "assistant" : "user", content });
    length += JSON.stringify(content).length + 30;
  }
  return messages;
}

const CHAT = "/v1/chat/completions";
const user = (content) => ({ model: "haiku-4", messages: [{ role: "user", content }] });
const fill = (text, size) =>
  text.repeat(Math.max(1, Math.floor(size / new TextEncoder().encode(text).length)));
const escape = (text) =>
  text.replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
const schema = {
  type: "object",
  properties: { a: { type: "string", description: "the name" }, b: { type: "number" } },
  required: ["a", "b"],
};
const tools = (count) =>
  Array.from({ length: count }, (_, i) => ({
    type: "function",
    function: { name: `f${i}`, parameters: schema },
  }));
const tokens = (count) =>
  Array.from({ length: 8 }, (_, k) =>
    Array.from({ length: count / 8 }, (_, i) => (i * 7919 + k) % 100277),
  );
const CHINESE = "门在城堡边缘落下，挡住了受限制的模型请求。";

const BODIES = {
  "chat, model first": (size) => [CHAT, JSON.stringify({ model: "haiku-4", messages: chat(size) })],
  "chat, model last": (size) => [CHAT, JSON.stringify({ messages: chat(size), model: "haiku-4" })],
  "one long string": (size) => [
    CHAT,
    JSON.stringify(user(fill("lorem ipsum dolor sit amet ", size))),
  ],
  "image in base64": (size) => [
    CHAT,
    JSON.stringify(
      user([
        {
          type: "image_url",
          image_url: { url: `data:image/png;base64,${fill("iVBORw0KGgo/+Aa9", size)}` },
        },
      ]),
    ),
  ],
  Chinese: (size) => [CHAT, JSON.stringify(user(fill(`${CHINESE}\n`, size)))],
  "Chinese, escaped": (size) => [CHAT, escape(JSON.stringify(user(fill(CHINESE, size / 2))))],
  Russian: (size) => [
    CHAT,
    JSON.stringify(user(fill("Решётка падает у края замка, и запрос не проходит. ", size))),
  ],
  "token arrays": (size) => [
    "/v1/embeddings",
    JSON.stringify({ model: "haiku-4", input: tokens(size / 5.8) }),
  ],
  tools: (size) => [CHAT, JSON.stringify({ ...user("hi"), tools: tools(size / 210) })],
  "tools, indented": (size) => [
    CHAT,
    JSON.stringify({ ...user("hi"), tools: tools(size / 640) }, null, 2),
  ],
};

function scan(path, body) {
  const url = `https://gate.example${path}`;
  return gate.judge({ method: "POST", url, headers: HEADERS, body }, FACTS);
}

/** Returns bytes per microsecond for each. */
function race(bytes, contenders) {
  const counts = contenders.map((run) => {
    for (let count = 1; ; count *= 2) {
      const start = performance.now();
      for (let i = 0; i < count; i++) run();
      if (performance.now() - start > ROUND / 4) return count;
    }
  });
  const best = contenders.map(() => Infinity);
  for (let round = 0; round < ROUNDS; round++)
    contenders.forEach((run, which) => {
      const start = performance.now();
      for (let i = 0; i < counts[which]; i++) run();
      best[which] = Math.min(best[which], (performance.now() - start) / counts[which]);
    });
  return best.map((milliseconds) => bytes / milliseconds / 1e3);
}

console.log(
  "| body | bytes | scan MB/s | decode and parse MB/s | parse a string MB/s | x decode and parse | x parse |\n|---|---|---|---|---|---|---|",
);
const decoder = new TextDecoder();
for (const [name, make] of Object.entries(BODIES)) {
  if (!name.includes(process.argv[2] ?? "")) continue;
  for (const size of SIZES) {
    const [path, text] = make(size);
    const body = new TextEncoder().encode(text);
    const verdict = scan(path, body);
    if (verdict.mentions[0] !== "haiku-4" || verdict.verdict === "refuse")
      throw new Error(`${name}: ${JSON.stringify(verdict)}`);
    const [own, decoded, parsed] = race(body.length, [
      () => scan(path, body),
      () => JSON.parse(decoder.decode(body)),
      () => JSON.parse(text),
    ]);
    console.log(
      `| ${name} | ${body.length} | ${own.toFixed(0)} | ${decoded.toFixed(0)} | ${parsed.toFixed(0)} | ${(own / decoded).toFixed(1)} | ${(own / parsed).toFixed(1)} |`,
    );
  }
}
