/** Starts each program of examples/ as its README says, and sends it real requests. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Miniflare } from "miniflare";
import { keyDigest } from "portcullis/cloudflare";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const EXAMPLES = `${ROOT}examples/`;
const CLI = process.env.PORTCULLIS ?? `${ROOT}target/debug/portcullis`;
const WRANGLER = `${ROOT}node_modules/.bin/wrangler`;
const MAC = "hmac-sha256:0HUfMIil4OMsxscLFFN10Y7nD+1yqtoU2szEiTbF1uU=";
const GATE_KEY = `edge-1:${MAC}`;
const ORIGIN_KEY = `origin-1:${MAC}`;

const scratch = mkdtempSync(join(tmpdir(), "portcullis-examples-"));
const children = [];
const open = [];
/** The stub origin, and the targets of the requests that it got. */
const reached = [];
let stub;

before(async () => {
  const server = createServer((request, response) => {
    reached.push(request.url);
    request.resume().on("end", () => response.end('{"served":true}'));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push(() => server.close());
  stub = `http://127.0.0.1:${server.address().port}`;
});

after(async () => {
  for (const child of children) child.kill();
  for (const close of open) await close();
  rmSync(scratch, { recursive: true, force: true });
});

test("node-proxy forwards requests that pass, and responds to the rest", async () => {
  const bundle = await compiled("node-proxy");
  const proxy = await started(process.execPath, ["proxy.mjs"], {
    cwd: `${EXAMPLES}node-proxy`,
    env: { ORIGIN: stub, PORT: "0", BUNDLE: bundle },
  });
  const ask = (key, body, path = "/v1/chat/completions") => post(proxy + path, body, key);
  assert.equal((await ask("sk-us-person", { model: "mythos-5" })).status, 200);
  assert.equal((await ask("sk-foreign", { model: "haiku-4" })).status, 200);
  const before = reached.length;
  const denied = await ask("sk-foreign", { model: "mythos-5" });
  assert.equal(denied.status, 403);
  assert.match((await denied.json()).error.message, /^Mythos-class models are suspended/);
  assert.equal((await ask("sk-nobody", { model: "fable-5" })).status, 403);
  assert.equal((await ask("sk-foreign", { model: "unheard-of" })).status, 403);
  assert.equal((await ask("sk-foreign", "{")).status, 400);
  assert.equal(reached.length, before, "nothing of these reached the origin");
});

test("cloudflare-worker bundles with wrangler, and decides by the account record", async () => {
  const gate = await worker(
    { ORIGIN: stub, KEY_SECRET: "secret" },
    { "sk-us-person": { us_person: true }, "sk-foreign": { us_person: false } },
  );
  assert.equal((await gate("sk-us-person", "mythos-5")).status, 200);
  assert.equal((await gate("sk-foreign", "haiku-4")).status, 200);
  const denied = await gate("sk-foreign", "mythos-5");
  assert.equal(denied.status, 403);
  assert.match((await denied.json()).error.message, /^Mythos-class models are suspended/);
  assert.equal((await gate("sk-nobody", "mythos-5")).status, 403);
});

test("cloudflare-worker fits the package's types", async () => {
  const options = [
    "--noEmit",
    "--strict",
    "--target",
    "es2022",
    "--module",
    "nodenext",
    "--lib",
    "es2022,webworker",
    "--types",
    "",
  ];
  const files = ["worker.ts", "bundle.d.ts"].map(
    (name) => `${EXAMPLES}cloudflare-worker/src/${name}`,
  );
  await run(`${ROOT}node_modules/.bin/tsc`, [...options, ...files]).catch(({ stdout }) =>
    assert.fail(stdout),
  );
});

const RUST = ["cargo", ["run", "--quiet", "--example", "origin-verify"], { cwd: ROOT }];
const NODE = [process.execPath, ["origin.mjs"], { cwd: `${EXAMPLES}origin-verify` }];
for (const [language, [command, parameters, options]] of Object.entries({
  JavaScript: NODE,
  Rust: RUST,
})) {
  test(`origin-verify, in ${language}, serves what the gate has judged and nothing else`, async () => {
    const origin = await started(command, parameters, {
      ...options,
      env: { ACCESS_KEYS: GATE_KEY, ENFORCED_KEY: ORIGIN_KEY, PORT: "0" },
    });
    const around = await post(`${origin}/v1/chat/completions`, { model: "haiku-4" }, "sk-foreign");
    assert.equal(around.status, 403);
    assert.deepEqual(await around.json(), { error: "access_missing" });

    const keys = { "sk-us-person": { us_person: true }, "sk-foreign": { us_person: false } };
    const gate = await worker(
      { ORIGIN: origin, KEY_SECRET: "secret", ACCESS_KEY: GATE_KEY, ENFORCED_KEY: ORIGIN_KEY },
      keys,
    );
    for (const [key, model] of [
      ["sk-us-person", "mythos-5"],
      ["sk-foreign", "haiku-4"],
    ]) {
      const answer = await gate(key, model);
      assert.deepEqual([answer.status, await answer.json()], [200, { model, served: true }]);
      assert.equal(
        answer.headers.get("portcullis-enforced"),
        null,
        "the acknowledgement is for the gate alone",
      );
    }
    assert.equal((await gate("sk-foreign", "mythos-5")).status, 403);
  });
}

test("embed-rust judges requests", async () => {
  const { stdout } = await run(
    "cargo",
    ["run", "--quiet", "--example", "embed-rust", "--", "mythos-5", "haiku-4"],
    { cwd: ROOT },
  );
  const [denied, allowed] = stdout.split("\n");
  assert.match(denied, /^mythos-5: 403 \{"error":\{"message":"Mythos-class models are suspended/);
  assert.equal(allowed, "haiku-4: 200 allowed");
});

/** Compiles the example's policy and returns the file of the bundle. */
async function compiled(example) {
  const out = join(scratch, `${example}.bundle`);
  await run(CLI, ["compile", `${EXAMPLES}${example}/policy.toml`, "--out", out]);
  return out;
}

/** Starts a program and returns the address in its first line of output. */
async function started(command, parameters, { cwd, env }) {
  const child = spawn(command, parameters, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  for await (const line of createInterface({ input: child.stdout })) {
    const found = /ready on (http:\S+)/.exec(line);
    if (found !== null) {
      child.stdout.resume();
      return found[1];
    }
  }
  throw new Error(`${command} ${parameters.join(" ")} ended without an address`);
}

let bundled;
/** Runs the Worker in workerd as `wrangler deploy` uploads it. Returns a client of it. */
async function worker(bindings, accounts) {
  bundled ??= bundle();
  const folder = await bundled;
  const files = readdirSync(folder).filter(
    (name) => !name.endsWith(".map") && name !== "README.md",
  );
  const kinds = { js: "ESModule", wasm: "CompiledWasm", bundle: "Data" };
  const modules = files
    .map((name) => ({
      type: kinds[name.split(".").at(-1)],
      path: join(folder, name),
      contents: readFileSync(join(folder, name)),
    }))
    .sort(
      (a, b) => (b.path.endsWith("worker.js") ? 1 : 0) - (a.path.endsWith("worker.js") ? 1 : 0),
    );
  const toml = readFileSync(`${EXAMPLES}cloudflare-worker/wrangler.toml`, "utf8");
  const miniflare = new Miniflare({
    cf: false,
    compatibilityDate: /^compatibility_date = "(.+)"$/m.exec(toml)[1],
    compatibilityFlags: JSON.parse(/^compatibility_flags = (.+)$/m.exec(toml)[1]),
    modulesRoot: folder,
    modules,
    kvNamespaces: ["KEYS"],
    bindings,
    handleRuntimeStdio: (...outputs) => outputs.forEach((output) => output.resume()),
  });
  open.push(() => miniflare.dispose());
  const table = await miniflare.getKVNamespace("KEYS");
  for (const [key, record] of Object.entries(accounts))
    await table.put(await keyDigest(bindings.KEY_SECRET, key), JSON.stringify(record));
  const url = (await miniflare.ready).href;
  return (key, model) => post(`${url}v1/chat/completions`, { model, messages: [] }, key);
}

async function bundle() {
  const example = `${EXAMPLES}cloudflare-worker/`;
  const [source, out] = [`${example}src/policy.bundle`, join(scratch, "bundled")];
  // Wrangler reads the project in its own folder, so the Worker imports the bundle from there.
  copyFileSync(await compiled("cloudflare-worker"), source);
  try {
    const env = {
      ...process.env,
      CI: "1",
      WRANGLER_SEND_METRICS: "false",
      WRANGLER_HIDE_BANNER: "true",
      WRANGLER_LOG_PATH: scratch,
    };
    await run(WRANGLER, ["deploy", "--dry-run", "--outdir", out], { cwd: example, env });
  } finally {
    rmSync(source);
  }
  return out;
}

function post(url, body, key) {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}
