/**
 * The drift tool finds what a package has and a dialect lacks, for a made-up package with every
 * idiom. It can also read the shipped dialect files.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { drift } from "../../tools/drift/drift.mjs";
import { operationsOf } from "../../tools/drift/package.mjs";
import { covers, path, routesOf } from "../../tools/drift/routes.mjs";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

test("the operations of a package are found with their methods, whatever its generator", () => {
  assert.deepEqual(operationsOf(here("package"), "/v1"), [
    "? /v1/hear",
    "DELETE /v1/comments/{}",
    "GET /v1/blobs/{}",
    "GET /v1/things",
    "GET /v1/things/{}",
    "POST /v1/comments",
    "POST /v1/other/say",
    "POST /v1/things",
    "POST /v1/things/batch",
    "POST /v1/things/search",
    "POST /v1/things/{}/start",
    "POST /v1/{}:count",
    "POST /v1/{}:generate",
    "PUT /v1/quoted",
    "WS /v1/listen",
  ]);
});

test("new operations are listed: a word where the dialect has an id is new, a name of several segments before a verb is not", () => {
  assert.deepEqual(drift("some", here("package"), "/v1", here("dialect")), [
    "? /v1/hear",
    "DELETE /v1/comments/{}",
    "POST /v1/comments",
    "POST /v1/other/say",
    "POST /v1/things/batch",
    "POST /v1/things/search",
    "POST /v1/{}:count",
    "WS /v1/listen",
  ]);
});

test("mounts are taken in under each of their paths, those operations alone that they name", () => {
  const routes = routesOf("some", here("dialect"));
  const known = (method, text) =>
    routes.some((route) => covers(route, { method, segments: path(text) }));
  for (const text of ["/other/v1/say", "/other/say", "/{}/other/say"])
    assert.ok(known("POST", text), text);
  assert.ok(!known("POST", "/other/v1/hear"));
  assert.ok(!known("GET", "/other/say"));
});

test("every shipped dialect is read", () => {
  for (const file of readdirSync(here("../../src/dialect")).filter(
    (name) => name.endsWith(".toml") && name !== "gateway.toml",
  )) {
    const routes = routesOf(file.slice(0, -".toml".length));
    assert.ok(routes.length > 10, file);
    for (const { methods, segments } of routes)
      assert.ok(methods.every((method) => /^[A-Z]+$/.test(method)) && segments.length > 0, file);
  }
});
