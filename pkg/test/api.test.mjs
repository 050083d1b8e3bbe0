/**
 * `pkg/api.d.ts` equals the declarations of the built package. `UPDATE=1` writes it; review it like
 * code.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { api } from "../../tools/api.mjs";

const FILE = new URL("../api.d.ts", import.meta.url);

test("the package declares what pkg/api.d.ts says", () => {
  const now = api();
  if (process.env.UPDATE === "1") writeFileSync(FILE, now);
  const kept = existsSync(FILE) ? readFileSync(FILE, "utf8") : "";
  assert.equal(now, kept, "UPDATE=1 writes pkg/api.d.ts, where the change is meant");
});
