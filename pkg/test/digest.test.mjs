/**
 * SHA-256 and HMAC of the edge module beside Node's. The module's compression function is one for
 * vector instructions, and a tool rewrites its rotations, so the native tests do not run it.
 */
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { digest, initSync, mac } from "../wasm/edge.js";

initSync({
  module: new WebAssembly.Module(readFileSync(new URL("../wasm/edge_bg.wasm", import.meta.url))),
});
/** Text of every length around the ends of blocks, and one of many blocks. */
const texts = [...Array(260).keys(), 100_000].map((length) =>
  String.fromCharCode(...Array.from({ length: 97 }, (_, at) => 32 + ((at * 31 + length) % 95)))
    .repeat(Math.ceil(length / 97))
    .slice(0, length),
);

test("digests", () => {
  // FIPS 180-4's example.
  assert.equal(digest("abc"), "ungWv48Bz+pBQUDeXa4iIw==");
  for (const text of texts)
    assert.equal(
      digest(text),
      createHash("sha256").update(text).digest().subarray(0, 16).toString("base64"),
      `${text.length} bytes`,
    );
});

test("MACs, under more keys than the module keeps", () => {
  for (const bytes of [0, 1, 32, 63, 64, 65, 200])
    for (const text of texts) {
      const key = Buffer.alloc(bytes, bytes);
      assert.equal(
        mac(key, text),
        createHmac("sha256", key).update(text).digest("base64"),
        `${bytes} and ${text.length} bytes`,
      );
    }
});
