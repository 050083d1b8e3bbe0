/** `loadGate` with the edge module as a file and inside the script. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as file from "portcullis/browser";
import * as inline from "portcullis/browser/inline";
import { POLICY, compile } from "../../tests/worker/setup.mjs";

const WASM = new URL("../wasm/edge_bg.wasm", import.meta.url);
const bundle = compile(POLICY);

/** Node's `fetch` reads no files, so this one does. Returns what was asked for. */
function serveFiles(t) {
  const asked = [];
  t.mock.method(globalThis, "fetch", async (url) => {
    asked.push(String(url));
    return new Response(readFileSync(new URL(url)));
  });
  return asked;
}

test("both entries export the same", () => {
  assert.deepEqual(Object.keys(inline).sort(), Object.keys(file).sort());
});

test("the module inside the script decides as the file does", async (t) => {
  const asked = serveFiles(t);
  const inside = await inline.loadGate({ bundle });
  assert.deepEqual(asked, []);
  const beside = await file.loadGate({ bundle });
  assert.deepEqual(asked, [WASM.href]);
  for (const gate of [inside, beside]) {
    const account = gate.accountByName({ us_person: false });
    const access = gate.access({ place: { country: "FR" }, account });
    assert.equal(access.may("mythos-5"), false);
    assert.equal(access.may("haiku-4"), true);
  }
});

test("a module that is given is used", async (t) => {
  const asked = serveFiles(t);
  const copy = new URL("?copy", WASM);
  for (const { loadGate } of [inline, file]) await loadGate({ bundle, module: copy });
  assert.deepEqual(asked, [copy.href, copy.href]);
});
