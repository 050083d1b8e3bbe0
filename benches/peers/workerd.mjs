/**
 * The same decisions inside workerd, through miniflare. Each contender is a worker; the clock of a
 * worker stands still while it computes, so the time is taken outside: that of a request for many
 * decisions less that of a request for none.
 */
import { Miniflare } from "miniflare";
import { build } from "esbuild";
import { adapterOf, contender, path, wasmOf } from "./contenders.mjs";
import { policyOf } from "./policy.mjs";
import { ROUND, WARM } from "./settings.mjs";
import { COMPATIBILITY_DATE } from "../../tools/workerd.mjs";

/** The results in the form of `race`. */
export async function inWorkerd({ names, starts, rounds, bundle }) {
  const results = names.map((name) => ({ contender: name, found: [], starts: [] }));
  for (let start = 0; start < starts; start += 1) {
    const workers = [];
    try {
      for (const [index, name] of names.entries()) {
        const worker = await started(name, bundle);
        workers.push(worker);
        results[index].found.push(await worker.check());
        results[index].starts.push([]);
        await worker.warm();
      }
      for (let round = 0; round < rounds; round += 1)
        for (let turn = 0; turn < names.length; turn += 1) {
          const index = (turn + round) % names.length;
          results[index].starts[start].push({ nanoseconds: await workers[index].round() });
        }
    } finally {
      for (const { miniflare } of workers) await miniflare.dispose();
    }
  }
  return results;
}

async function started(name, bundle) {
  const { adapter, map } = contender(name);
  const wasm = wasmOf(name);
  const own = adapter === "portcullis";
  const { source } = await adapterOf(name);
  const { outputFiles } = await build({
    stdin: { contents: script({ adapter, map, wasm, own }), resolveDir: path(".") },
    bundle: true,
    format: "esm",
    target: "es2022",
    conditions: ["workerd", "import"],
    write: false,
    logLevel: "error",
    external: ["./engine.wasm", "./source.txt", "./policy.bundle", "node:*"],
    alias: { fs: "node:fs", path: "node:path", buffer: "node:buffer" },
  });
  const miniflare = new Miniflare({
    compatibilityDate: COMPATIBILITY_DATE,
    compatibilityFlags: ["nodejs_compat"],
    modulesRoot: path("."),
    cf: false,
    modules: [
      { type: "ESModule", path: path("main.js"), contents: outputFiles[0].text },
      own
        ? { type: "Data", path: path("policy.bundle"), contents: bundle }
        : { type: "Text", path: path("source.txt"), contents: source(policyOf("small")) },
      ...(wasm ? [{ type: "CompiledWasm", path: path("engine.wasm"), contents: wasm }] : []),
    ],
  });
  const url = (await miniflare.ready).href;
  const ask = async (query) => {
    const response = await fetch(`${url}?${query}`);
    if (!response.ok) throw new Error(`${name}: ${await response.text()}`);
    return response.json();
  };
  /** Nanoseconds of a request for so many decisions. */
  const time = async (count) => {
    const start = performance.now();
    await ask(`count=${count}`);
    return (performance.now() - start) * 1e6;
  };
  let count = 10;
  return {
    miniflare,
    check: () => ask("check=1"),
    /** Doubles the decisions of a request until they take as long as a round. */
    async warm() {
      const end = performance.now() + WARM;
      for (let took = 0; took < 2e6 * ROUND || performance.now() < end;) {
        took = await time(count);
        if (took < 2e6 * ROUND) count *= 2;
      }
    },
    async round() {
      const took = await time(count);
      return (took - (await time(0))) / count;
    },
  };
}

/** The worker's script. */
const script = ({ adapter, map, wasm, own }) => `
import { load } from "./adapters/${adapter}.mjs";
import { grounds } from "./oracle.mjs";
import { SMALL } from "./policy.mjs";
import { Requests, recordsOf } from "./requests.mjs";
import source from "${own ? "./policy.bundle" : "./source.txt"}";
${wasm ? 'import module from "./engine.wasm";' : "const module = undefined;"}
let engine, requests, next = 0, sink = 0;
async function prepare() {
  engine = await load(source, module);
  const records = recordsOf();
  requests = new Requests(SMALL, records);
  requests.use(records.map(engine.account), ${Boolean(map)});
}
export default { async fetch(request) {
  try {
    if (engine === undefined) await prepare();
    const query = new URL(request.url).searchParams;
    if (query.has("check")) {
      let wrong = 0;
      const checked = 1000;
      for (let i = 0; i < checked; i++)
        if (engine.decide(requests.at(i)) !== (grounds(SMALL, requests.plain(i)).length === 0))
          wrong++;
      return Response.json({ wrong, checked });
    }
    for (const end = next + Number(query.get("count")); next < end; next++)
      sink += engine.decide(requests.at(next % requests.length)) ? 1 : 0;
    return Response.json({ sink });
  } catch (error) {
    return new Response(error.stack, { status: 500 });
  }
} };
`;
