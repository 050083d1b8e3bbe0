/**
 * Starts a worker in workerd itself, without Miniflare and its own workers in front and behind, so
 * that a measurement holds nothing but the worker.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import workerd from "workerd";
import { COMPATIBILITY_DATE, COMPATIBILITY_FLAGS, script } from "../../tools/workerd.mjs";

const PKG = fileURLToPath(new URL("../../pkg/", import.meta.url));
/** Serves account records as a KV namespace does. */
const TABLE = `export default { fetch({ url }, { RECORDS }) {
  const record = RECORDS[new URL(url).pathname.slice(1)];
  return record ? Response.json(record) : new Response(null, { status: 404 });
} };`;

/**
 * Writes the configuration of a worker, which `start` can run more than once.
 *
 * The options are those of `startWorker` in `tools/workerd.mjs`. `pkg`: the folder of the package
 * whose worker runs, by default this one's. `flags`: for V8.
 */
export async function prepare({ bundle, bindings = {}, keys = {}, source, pkg = PKG, flags = [] }) {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-"));
  const put = (name, contents) => writeFileSync(join(folder, name), contents);
  put(
    "main.js",
    await script({
      ...(source === undefined
        ? { entryPoints: [join(pkg, "worker/index.ts")] }
        : { stdin: { contents: source, resolveDir: PKG } }),
      minify: true, // as wrangler.toml has it
    }),
  );
  put("table.js", TABLE);
  put("policy.bundle", bundle);
  for (const name of ["edge", "decode"])
    put(`${name}.wasm`, readFileSync(join(pkg, `wasm/${name}_bg.wasm`)));
  const runtime = `compatibilityDate = ${text(COMPATIBILITY_DATE)}, compatibilityFlags = ${list(COMPATIBILITY_FLAGS.map(text))}`;
  const embedded = (kind, name) => `(name = ${text(name)}, ${kind} = embed ${text(name)})`;
  const modules = [
    embedded("esModule", "main.js"),
    ...(source === undefined
      ? [
          embedded("wasm", "edge.wasm"),
          embedded("wasm", "decode.wasm"),
          embedded("data", "policy.bundle"),
        ]
      : []),
  ];
  const variables = [
    ...Object.entries(bindings).map(
      ([name, value]) => `(name = ${text(name)}, text = ${text(value)})`,
    ),
    `(name = "KEYS", kvNamespace = "table")`,
  ];
  put(
    "config.capnp",
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (modules = ${list(modules)}, bindings = ${list(variables)}, ${runtime})),
    (name = "table", worker = (modules = [${embedded("esModule", "table.js")}],
      bindings = [(name = "RECORDS", json = ${text(JSON.stringify(keys))})], ${runtime})),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", http = (), service = "main")],
  v8Flags = ${list(flags.map(text))},
);
`,
  );
  return {
    start: () => start(folder),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** Starts a prepared worker. It resolves as soon as the worker listens. */
async function start(folder) {
  const port = await freePort();
  const child = spawn(
    workerd.default,
    ["serve", "config.capnp", `--socket-addr=http=127.0.0.1:${port}`, "--control-fd=3"],
    { cwd: folder, stdio: ["ignore", "ignore", "inherit", "pipe"] },
  );
  await new Promise((resolve, reject) => {
    child.stdio[3].once("data", resolve);
    child.once("exit", (code) => reject(new Error(`workerd ended with ${code}`)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid,
    close: () =>
      new Promise((resolve) => {
        child.once("exit", resolve);
        child.kill();
      }),
  };
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const list = (items) => `[${items.join(", ")}]`;
// A text of Cap'n Proto is written as one of JSON.
const text = (value) => JSON.stringify(value);
