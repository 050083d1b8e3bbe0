/** Crate and package name the same repository, or both none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { addresses } from "../../tools/repository.mjs";

test("crate and package name the same repository", () => {
  const { crate: url, ...others } = addresses();
  const expected =
    url === undefined
      ? {}
      : { crateHome: url, package: `git+${url}.git`, packageHome: url, bugs: `${url}/issues` };
  assert.deepEqual(
    JSON.parse(JSON.stringify(others)),
    expected,
    "`node tools/repository.mjs URL` sets all of them",
  );
});
