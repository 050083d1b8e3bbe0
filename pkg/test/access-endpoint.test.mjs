/** The access endpoint: its answers, its limits, and what it must not tell. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { keyDigest } from "portcullis/cloudflare";
import { POLICY, compile } from "../../tests/worker/setup.mjs";
import { handler } from "../dist/http/handler.js";
import { RateLimit, addressKey } from "../dist/operate/rate-limit.js";

const module = await WebAssembly.compile(
  readFileSync(new URL("../wasm/edge_bg.wasm", import.meta.url)),
);
const bundle = compile(POLICY);
const KEY_SECRET = "a secret";
const PATH = "/.well-known/portcullis/access";
const PAGE = "https://console.example";

/** A gate before no origin, whose table counts what it is asked. */
async function gateOf(records = {}, settings = {}, policy = bundle) {
  const table = new Map();
  for (const [key, record] of Object.entries(records))
    table.set(await keyDigest(KEY_SECRET, key), JSON.stringify(record));
  const asked = [];
  const forwarded = [];
  const platform = {
    name: "Node",
    networks: ["tor"],
    facts: (_, headers) => ({
      place: { country: headers.get("x-country") },
      ip: headers.get("x-ip"),
    }),
    fetch: async (request) => (forwarded.push(request), new Response("from the origin")),
    pipe: () => new TransformStream(),
  };
  const handle = handler({ module, bundle: policy }, platform);
  const KEYS = { get: async (name) => (asked.push(name), table.get(name) ?? null) };
  return {
    table,
    asked,
    forwarded,
    async ask(headers = {}, { path = PATH, method = "GET" } = {}) {
      const request = new Request(`https://gate.example${path}`, {
        method,
        headers: { "x-country": "US", ...headers },
      });
      const response = await handle(request, { KEYS, KEY_SECRET, ...settings }, () => undefined);
      return { status: response.status, headers: response.headers, text: await response.text() };
    },
  };
}

const bearer = (key) => ({ authorization: `Bearer ${key}` });
const US = { export: { us_person_ear: true } };

test("the answer is for the caller whose credential is sent", async () => {
  const { ask, forwarded } = await gateOf({ "sk-us": US });
  const known = await ask(bearer("sk-us"));
  assert.equal(known.status, 200);
  assert.equal(known.headers.get("content-type"), "application/json");
  assert.equal(known.headers.get("cache-control"), "private, no-store");
  const answer = JSON.parse(known.text);
  assert.deepEqual([answer.unrestricted, answer.patterns["mythos-5"]], [true, true]);
  const other = JSON.parse((await ask()).text);
  assert.deepEqual([other.unrestricted, other.patterns["mythos-5"]], [false, false]);
  assert.equal(JSON.parse((await ask({ "x-api-key": "sk-us" })).text).unrestricted, true);
  // Two credentials are two candidates, and the origin may use either.
  const two = await ask({ ...bearer("sk-us"), "x-api-key": "sk-unknown" });
  assert.equal(JSON.parse(two.text).unrestricted, false);
  assert.equal(forwarded.length, 0, "the origin is not asked");
});

test("an absent, an unknown and a revoked credential cannot be told apart", async () => {
  const gate = await gateOf({ "sk-revoked": US });
  gate.table.clear();
  const looks = [];
  for (const headers of [{}, bearer("sk-unknown"), bearer("sk-revoked"), bearer("sk-empty")]) {
    const before = gate.asked.length;
    const first = await gate.ask(headers);
    const firstLooks = gate.asked.length - before;
    const second = await gate.ask(headers);
    looks.push([
      ...[first.status, first.text, [...first.headers]],
      ...[second.text, firstLooks, gate.asked.length - before - firstLooks],
    ]);
  }
  for (const one of looks) assert.deepEqual(one, looks[0]);
  assert.deepEqual(looks[0].slice(-2), [1, 0], "one look-up, and then none");
  assert.ok(!/sk-|us_person|citizen/.test(looks[0][1]));
});

test("an address is limited before any look-up", async () => {
  const { ask, asked } = await gateOf();
  const ip = { "x-ip": "2001:db8:1:2::1" };
  let count = 0;
  let refused;
  // The limit refills while the test runs, so that more than 240 may pass.
  for (; count < 2_000 && refused === undefined; count += 1) {
    const answer = await ask({ ...ip, ...bearer(`sk-${count}`) });
    if (answer.status !== 200) refused = answer;
  }
  assert.ok(count > 240, `${count}`);
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "10"]);
  assert.equal(JSON.parse(refused.text).error.code, "rate_limited");
  assert.equal(asked.length, count - 1, "the one refused was not looked up");
  assert.equal((await ask({ "x-ip": "2001:db8:1:2:ffff::9" })).status, 429, "the same network");
  assert.equal((await ask({ "x-ip": "2001:db8:1:3::1" })).status, 200);
});

test("a limit of the platform counts, and one that fails lets nobody in", async () => {
  const keys = [];
  const limiter = (answer) => ({ limit: async ({ key }) => (keys.push(key), answer()) });
  const closed = await gateOf({}, { ACCESS_LIMITER: limiter(() => ({ success: false })) });
  assert.equal((await closed.ask({ "x-ip": "192.0.2.1" })).status, 429);
  assert.deepEqual(keys, ["192.0.2.1"]);
  assert.equal(closed.asked.length, 0);
  const broken = await gateOf({}, { ACCESS_LIMITER: limiter(() => ({})) });
  assert.equal((await broken.ask()).status, 429);
});

test("what an address has left comes back with time, and not with a clock set back", () => {
  const limit = new RateLimit();
  const admitted = (key, now, count) =>
    Array.from({ length: count }, () => limit.admits(key, now)).filter(Boolean).length;
  assert.equal(admitted("a", 1_000, 300), 240);
  assert.equal(admitted("a", 3_000, 300), 8);
  assert.equal(admitted("a", 0, 300), 0);
  assert.equal(admitted("b", 0, 300), 240);
  assert.equal(admitted("a", 10_000_000, 300), 240, "never more than at first");
  for (let at = 0; at < 5_000; at += 1) limit.admits(`flood ${at}`, 10_000_000);
  assert.equal(admitted("a", 10_000_000, 300), 240, "the oldest address was forgotten");
});

test("the key of an address", () => {
  for (const [ip, key] of [
    ["192.0.2.7", "192.0.2.7"],
    ["2001:DB8::1", "2001:db8:0:0"],
    ["2001:0db8:0:0:1:2:3:4", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
    ["fe80::1:2:3:4", "fe80:0:0:0"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4"],
    [null, "unknown"],
    [undefined, "unknown"],
    ["", "unknown"],
  ])
    assert.equal(addressKey(ip), key, String(ip));
});

test("pages that the deployment names may ask, and no others", async () => {
  const settings = { CORS_ORIGINS: `*, ${PAGE}` };
  const { ask } = await gateOf({}, settings);
  const allowed = await ask({ origin: PAGE });
  assert.equal(allowed.headers.get("access-control-allow-origin"), PAGE);
  assert.equal(allowed.headers.get("vary"), "origin");
  for (const origin of ["https://other.example", "*", "null"]) {
    const { status, headers } = await ask({ origin });
    assert.deepEqual([status, headers.get("access-control-allow-origin")], [200, null], origin);
  }
  const asking = { origin: PAGE, "access-control-request-method": "GET" };
  const preflight = await ask(asking, { method: "OPTIONS" });
  assert.equal(preflight.status, 204);
  assert.match(preflight.headers.get("access-control-allow-headers"), /authorization/);
  assert.equal(preflight.headers.get("access-control-allow-credentials"), null);
});

test("other methods, HEAD, and paths beside it", async () => {
  const { ask, forwarded } = await gateOf();
  for (const method of ["POST", "PUT", "DELETE"]) {
    const { status, headers } = await ask({}, { method });
    assert.deepEqual([status, headers.get("allow")], [405, "GET, HEAD, OPTIONS"], method);
  }
  const head = await ask({}, { method: "HEAD" });
  assert.deepEqual([head.status, head.text], [200, ""]);
  assert.equal(forwarded.length, 0);
  for (const path of [`${PATH}/`, `/x${PATH}`, `/?next=${PATH}`]) await ask({}, { path });
  assert.equal(forwarded.length, 3);
});

test("an operation, and a policy in which rules depend on it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-"));
  after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "policy.toml");
  writeFileSync(
    path,
    `
format = 1
[policy]
id = "operations"
version = 1
dialects = ["openai"]
[models.one]
ids = ["one-1"]
[[restrictions]]
id = "no-chat"
models = ["one"]
when = 'operation == "createChatCompletion"'
message = "No chat."
`,
  );
  const { ask } = await gateOf({}, {}, compile(path));
  const may = async (query) => {
    const { status, text } = await ask({}, { path: PATH + query });
    return status === 200 ? JSON.parse(text).patterns["one-1"] : JSON.parse(text).error.code;
  };
  assert.equal(await may(""), false, "what one operation denies is denied");
  assert.equal(await may("?operation="), false);
  assert.equal(await may("?operation=createChatCompletion"), false);
  assert.equal(await may("?operation=createEmbedding"), true);
  for (const id of ["nothing", "createEmbedding%0a", "%00", "x".repeat(9_000)])
    assert.equal(await may(`?operation=${id}`), "operation_unknown");
});

test("without a policy there is no answer", async () => {
  const { error } = console;
  console.error = () => undefined;
  try {
    const { ask } = await gateOf({}, {}, new Uint8Array(10));
    assert.equal((await ask()).status, 503);
  } finally {
    console.error = error;
  }
});
