/** The contenders: the adapter, the npm package and the wasm module of each. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const CEDAR = "node_modules/@cedar-policy/cedar-wasm/web/cedar_wasm_bg.wasm";
const EDGE = "../../pkg/wasm/edge_bg.wasm";

/**
 * `map`: the account is looked up in a Map by the text of its organisation; else it is at hand.
 * `package`: a policy engine from npm. `flags`: options of Node, by its major version.
 */
const CONTENDERS = {
  none: { adapter: "none" },
  "plain-js": { adapter: "plain" },
  "plain-js, map": { adapter: "plain", map: true },
  "plain-js, indexed": { adapter: "indexed" },
  portcullis: { adapter: "portcullis", wasm: EDGE },
  "portcullis, map": { adapter: "portcullis", wasm: EDGE, map: true },
  "cel-marcbachmann": { adapter: "cel-marcbachmann", package: "@marcbachmann/cel-js" },
  "cel-bufbuild": { adapter: "cel-bufbuild", package: "@bufbuild/cel" },
  casl: { adapter: "casl", package: "@casl/ability" },
  "json-logic": { adapter: "json-logic", package: "json-logic-js" },
  casbin: { adapter: "casbin", package: "casbin" },
  "cedar-wasm": {
    adapter: "cedar",
    package: "@cedar-policy/cedar-wasm",
    wasm: CEDAR,
    // Without it V8 12.4 ends the process after some thousand calls ("unreachable code" in
    // `Deoptimizer::DoComputeBuiltinContinuation`; seen with Node 22.23.3).
    flags: { 22: ["--no-turbo-inline-js-wasm-calls"] },
  },
};

export const ALL = Object.keys(CONTENDERS).filter((name) => name !== "none");
/** The engines of other people. */
export const ENGINES = ALL.filter((name) => CONTENDERS[name].package !== undefined);

export const contender = (name) => CONTENDERS[name];

/** The path of a file of this folder. */
export const path = (name) => fileURLToPath(new URL(name, import.meta.url));

/** The bytes of a contender's wasm module, or undefined. */
export function wasmOf(name) {
  const { wasm } = CONTENDERS[name];
  return wasm && readFileSync(path(wasm));
}

/** The version of a contender's package. */
export function versionOf(name) {
  const { package: found } = CONTENDERS[name];
  return found && JSON.parse(readFileSync(path(`node_modules/${found}/package.json`))).version;
}

export const adapterOf = (name) => import(`./adapters/${CONTENDERS[name].adapter}.mjs`);

/**
 * A contender with a policy.
 *
 * @param bundle The file of the compiled policy, for this package.
 */
export async function ready(name, policy, bundle) {
  const adapter = await adapterOf(name);
  const source = adapter.source(policy);
  const bytes = wasmOf(name);
  const module = bytes && (await WebAssembly.compile(bytes));
  const own = CONTENDERS[name].adapter === "portcullis";
  const given = own ? readFileSync(bundle) : source;
  const start = performance.now();
  const engine = await adapter.load(given, module);
  return { engine, load: performance.now() - start };
}
