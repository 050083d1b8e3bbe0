/** Starts the built worker in workerd, as `make run` and the tests do. */
import { readFileSync, readdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Log, LogLevel, Miniflare } from "miniflare";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Runtime behaviour that the worker is written for: that of wrangler.toml. */
const wrangler = readFileSync(`${ROOT}wrangler.toml`, "utf8");
export const COMPATIBILITY_DATE = /^compatibility_date = "(.+)"$/m.exec(wrangler)[1];
export const COMPATIBILITY_FLAGS = JSON.parse(/^compatibility_flags = (.+)$/m.exec(wrangler)[1]);

/**
 * `bundle`: bytes of the policy, that of `make build` if left out. `module` and `decoder`: bytes of the edge and of the
 * decoding module, likewise. `bindings`: variables of the worker. `keys`: account records by digest. `entry` and `scripts`: another worker, beside the
 * built scripts. `hear`: is told each line that it logs. `inspector`: V8's inspector listens, at `miniflare.getInspectorURL()`.
 */
export async function startWorker({ bundle, module, decoder, bindings = {}, keys = {}, host = "127.0.0.1", port = 0, entry = "worker.js", scripts = {}, log = false, hear, inspector = false } = {}) {
  const pkg = `${ROOT}pkg/`;
  const built = readdirSync(`${pkg}dist`).filter((name) => name.endsWith(".js"));
  const sources = new Map([
    ...built.map((name) => [`dist/${name}`, readFileSync(`${pkg}dist/${name}`, "utf8")]),
    ...Object.entries(scripts).map(([name, text]) => [`dist/${name}`, text]),
    ...["edge", "decode"].map((name) => [`wasm/${name}.js`, readFileSync(`${pkg}wasm/${name}.js`, "utf8")]),
  ]);
  const main = `dist/${entry}`;
  const miniflare = new Miniflare({
    host,
    port,
    log: new Log(log ? LogLevel.INFO : LogLevel.NONE),
    ...(log ? {} : { handleRuntimeStdio: (...outputs) => outputs.forEach((output) => lines(output, hear)) }),
    cf: false,
    ...(inspector ? { inspectorPort: 0 } : {}),
    compatibilityDate: COMPATIBILITY_DATE,
    compatibilityFlags: COMPATIBILITY_FLAGS,
    modulesRoot: pkg,
    modules: [
      // The first is the entry.
      ...[main, ...[...sources.keys()].filter((name) => name !== main)].map((name) => ({ type: "ESModule", path: pkg + name, contents: sources.get(name) })),
      { type: "CompiledWasm", path: `${pkg}wasm/edge_bg.wasm`, contents: module ?? readFileSync(`${pkg}wasm/edge_bg.wasm`) },
      { type: "CompiledWasm", path: `${pkg}wasm/decode_bg.wasm`, contents: decoder ?? readFileSync(`${pkg}wasm/decode_bg.wasm`) },
      { type: "Data", path: `${pkg}wasm/policy.bundle`, contents: bundle ?? readFileSync(`${pkg}wasm/policy.bundle`) },
    ],
    kvNamespaces: ["KEYS"],
    // A variable that is undefined is one that is not set.
    bindings: Object.fromEntries(Object.entries(bindings).filter(([, value]) => value !== undefined)),
  });
  const url = (await miniflare.ready).href.replace(/\/$/, "");
  const table = await miniflare.getKVNamespace("KEYS");
  for (const [name, record] of Object.entries(keys)) await table.put(name, JSON.stringify(record));
  return { url, miniflare, table, fetch: (path, init) => miniflare.dispatchFetch(url + path, init), close: () => miniflare.dispose() };
}

/** Reads what the runtime prints, and tells it line by line. */
function lines(output, tell) {
  if (tell === undefined) return void output.resume();
  createInterface({ input: output }).on("line", tell);
}
