/** Starts the built worker in workerd, as `make run` and the tests do. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Log, LogLevel, Miniflare } from "miniflare";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PKG = `${ROOT}pkg/`;
/** The runtime behaviour that the worker needs, from `wrangler.toml`. */
const wrangler = readFileSync(`${ROOT}wrangler.toml`, "utf8");
export const COMPATIBILITY_DATE = /^compatibility_date = "(.+)"$/m.exec(wrangler)[1];
export const COMPATIBILITY_FLAGS = JSON.parse(/^compatibility_flags = (.+)$/m.exec(wrangler)[1]);

/**
 * Starts a worker.
 *
 * - `entry`: the file of the worker, `pkg/worker/index.ts` by default. `source`: its text instead
 *   of a file.
 * - `bundle`: the bytes of the policy, by default those of `make build`. `module`, `decoder`: the
 *   bytes of the edge module and of the decoding module, likewise. `data`: the bytes of further
 *   files `name.bundle` that the entry imports.
 * - `bindings`: variables of the worker. `keys`: account records by digest.
 * - `assets`: a folder of files that the runtime serves before the worker sees a request.
 * - `hear`: called with each line that the worker logs. `inspector`: V8's inspector listens at
 *   `miniflare.getInspectorURL()`.
 */
export async function startWorker({
  bundle,
  module,
  decoder,
  data = {},
  bindings = {},
  keys = {},
  host = "127.0.0.1",
  port = 0,
  entry = `${PKG}worker/index.ts`,
  source,
  assets,
  log = false,
  hear,
  inspector = false,
} = {}) {
  const bytes = (name, given) => given ?? readFileSync(`${PKG}wasm/${name}`);
  const binary = (type, name, contents) => ({ type, path: PKG + name, contents });
  const miniflare = new Miniflare({
    host,
    port,
    log: new Log(log ? LogLevel.INFO : LogLevel.NONE),
    ...(log
      ? {}
      : { handleRuntimeStdio: (...outputs) => outputs.forEach((output) => lines(output, hear)) }),
    cf: false,
    ...(inspector ? { inspectorPort: 0 } : {}),
    compatibilityDate: COMPATIBILITY_DATE,
    compatibilityFlags: COMPATIBILITY_FLAGS,
    modulesRoot: PKG,
    modules: [
      // The first module is the entry.
      {
        type: "ESModule",
        path: `${PKG}main.js`,
        contents: await script(
          source === undefined
            ? { entryPoints: [entry] }
            : { stdin: { contents: source, resolveDir: PKG } },
        ),
      },
      binary("CompiledWasm", "edge.wasm", bytes("edge_bg.wasm", module)),
      binary("CompiledWasm", "decode.wasm", bytes("decode_bg.wasm", decoder)),
      binary("Data", "policy.bundle", bytes("policy.bundle", bundle)),
      ...Object.entries(data).map(([name, contents]) => binary("Data", name, contents)),
    ],
    ...(assets === undefined
      ? {}
      : { assets: { directory: assets, routerConfig: { has_user_worker: true } } }),
    kvNamespaces: ["KEYS"],
    // An undefined variable is left unset.
    bindings: Object.fromEntries(
      Object.entries(bindings).filter(([, value]) => value !== undefined),
    ),
  });
  const url = (await miniflare.ready).href.replace(/\/$/, "");
  const table = await miniflare.getKVNamespace("KEYS");
  for (const [name, record] of Object.entries(keys)) await table.put(name, JSON.stringify(record));
  return {
    url,
    miniflare,
    table,
    fetch: (path, init) => miniflare.dispatchFetch(url + path, init),
    close: () => miniflare.dispose(),
  };
}

/**
 * Bundles a worker into one script, as a deployment does. Modules and policies remain separate
 * files.
 */
export async function script(input) {
  const beside = {
    name: "beside",
    setup: ({ onResolve }) =>
      onResolve({ filter: /\.(?:wasm|bundle)$/ }, ({ path }) => ({
        path: `./${basename(path)}`,
        external: true,
      })),
  };
  const { outputFiles } = await build({
    ...input,
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
    plugins: [beside],
  });
  return outputFiles[0].text;
}

/** Reads the output of the runtime and calls `tell` with each line. */
function lines(output, tell) {
  if (tell === undefined) return void output.resume();
  createInterface({ input: output }).on("line", tell);
}
