/**
 * A cold start, in a fresh process: the script imported, the wasm compiled and instantiated, the
 * policy loaded, the first request decided. Prints milliseconds as JSON.
 *
 * The argument is JSON: `script`, the bundled adapter; `wasm`, `source`: files; `binary`: whether
 * the source is bytes; `record` and `request`.
 */
import { readFileSync } from "node:fs";

const { script, wasm, source, binary, record, request } = JSON.parse(process.argv[2]);
const bytes = wasm && readFileSync(wasm);
const text = readFileSync(source, binary ? undefined : "utf8");
const times = [performance.now()];
const lap = () => times.push(performance.now());
const { load } = await import(script);
lap();
const module = bytes && (await WebAssembly.compile(bytes));
lap();
const engine = await load(text, module);
lap();
const answer = engine.decide({ ...request, account: engine.account(record) });
lap();
const [imported, compiled, loaded, decided] = times.slice(1).map((at, i) => at - times[i]);
// The engine instantiates its module when it loads a policy.
const instantiated = globalThis.wasmTime?.instantiate ?? 0;
const total = times.at(-1) - times[0];
console.log(
  JSON.stringify({
    answer,
    total,
    import: imported,
    compile: compiled,
    instantiate: instantiated,
    load: loaded - instantiated,
    first: decided,
  }),
);
