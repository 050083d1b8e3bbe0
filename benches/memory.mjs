/**
 * The memory that large bodies cost the worker, in workerd: 1,000 bodies of 10 MB one after another
 * and 50 at once, from a restricted caller, with the model named last. The figure of the process
 * includes the whole runtime. The figure of the isolate is V8's for the worker, including garbage
 * that it has not collected.
 */
import { atOnce, oneAfterAnother, startFlood } from "../tests/worker/flood.mjs";

const SEQUENTIAL = Number(process.env.SEQUENTIAL || 1000);
const AT_ONCE = Number(process.env.AT_ONCE || 50);
const MB = 1 << 20;

const flood = await startFlood();
const half = Math.round(SEQUENTIAL / 2);
const phases = [
  [`${half} of 10 MB, declared`, () => oneAfterAnother(flood.url, half, { form: "declared" })],
  [`${half} of 10 MB, chunked`, () => oneAfterAnother(flood.url, half, { form: "chunked" })],
  [
    `${half} of 10 MB, denied at the end`,
    () => oneAfterAnother(flood.url, half, { form: "chunked", model: "mythos-5" }),
  ],
  [`${AT_ONCE} of 10 MB at once, declared`, () => atOnce(flood.url, AT_ONCE, { form: "declared" })],
  [`${AT_ONCE} of 10 MB at once, chunked`, () => atOnce(flood.url, AT_ONCE, { form: "chunked" })],
  [
    `${AT_ONCE} of 10 MB at once, slow origin`,
    () => atOnce(flood.url, AT_ONCE, { form: "chunked", slow: true }),
  ],
  [
    `${AT_ONCE} of 1 MB at once, each in one piece`,
    () => atOnce(flood.url, AT_ONCE, { bytes: 1_000_000 }),
  ],
];
const mb = (bytes) => (bytes / MB).toFixed(0);
console.log(`workerd when idle: ${mb(flood.idle)} MB`);
console.log(
  "| requests | process at most, MB | isolate at most | isolate at least | wasm memory | seconds |\n|---|---|---|---|---|---|",
);
for (const [name, work] of phases) {
  const start = performance.now();
  const { peak, most, least, wasm } = await flood.phase(work);
  console.log(
    `| ${name} | ${mb(peak)} | ${mb(most)} | ${mb(least)} | ${(wasm / MB).toFixed(1)} | ${((performance.now() - start) / 1000).toFixed(0)} |`,
  );
}
await flood.close();
