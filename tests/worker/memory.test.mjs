/**
 * Large bodies do not pile up in the worker: more bytes go through it than it may hold. `make
 * bench` does the same for longer.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { atOnce, oneAfterAnother, startFlood } from "./flood.mjs";

const MB = 1 << 20;
/**
 * The memory that the process may take beyond its idle size. A gate that held bodies would need 500
 * to 1,000 MB in each test.
 */
const ROOM = 320 * MB;
/** A Worker's isolate (Workers platform, "Limits", 2026). */
const ISOLATE = 128 * MB;
const WASM = 8 * MB;

let flood;
before(async () => {
  flood = await startFlood();
});
after(() => flood?.close());

for (const [name, statuses, work] of [
  [
    "100 requests of 10 MB, one after another, declared",
    { 200: 100 },
    (url) => oneAfterAnother(url, 100, { form: "declared" }),
  ],
  [
    "50 requests of 10 MB, chunked, denied by their last key",
    { 403: 50 },
    (url) => oneAfterAnother(url, 50, { form: "chunked", model: "mythos-5" }),
  ],
  [
    "50 requests of 10 MB whose clients go away",
    { 0: 50 },
    (url) => oneAfterAnother(url, 50, { form: "chunked", gone: true }),
  ],
  [
    "50 requests of 10 MB at once, chunked",
    { 200: 50 },
    (url) => atOnce(url, 50, { form: "chunked" }),
  ],
  [
    "50 requests of 10 MB at once, declared",
    { 200: 50 },
    (url) => atOnce(url, 50, { form: "declared" }),
  ],
  [
    "50 requests of 2 MB at once, to an origin that takes its time",
    { 200: 50 },
    (url) => atOnce(url, 50, { bytes: 2 * MB, form: "chunked", slow: true }),
  ],
  [
    "100 requests of 1 MB at once, which are taken in one piece",
    { 200: 100 },
    (url) => atOnce(url, 100, { bytes: 1_000_000 }),
  ],
]) {
  test(name, async () => {
    const whole = await flood.whole();
    const seen = await flood.phase(() => work(flood.url));
    assert.deepEqual(Object.fromEntries(seen.statuses), statuses);
    assert.equal(
      (await flood.whole()) - whole,
      seen.statuses.get(200) ?? 0,
      "whole requests at the origin",
    );
    const told = `${JSON.stringify({ ...seen, statuses: undefined })}, idle ${flood.idle}`;
    assert.ok(seen.peak - flood.idle < ROOM, told);
    assert.ok(seen.least < ISOLATE / 2, told);
    assert.ok(seen.wasm < WASM, told);
  });
}
