/** `docs/codes.md` agrees with the sources. `UPDATE=1` rewrites it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { codes } from "../../tools/codes.mjs";
import { ROOT, read } from "../../tools/markdown.mjs";
import { CLI } from "./blocks.mjs";

const PAGE = "docs/codes.md";

test("the page of codes is up to date", () => {
  const now = codes();
  if (process.env.UPDATE === "1") writeFileSync(ROOT + PAGE, now);
  assert.ok(
    existsSync(ROOT + PAGE) && read(PAGE) === now,
    `UPDATE=1 or \`node tools/codes.mjs\` writes ${PAGE}`,
  );
});

test("the page says of a diagnostic what the command line says", () => {
  const said = (code) => execFileSync(CLI, ["check", "--explain", code], { encoding: "utf8" });
  const plain = (text) => text.replace(/\s+/g, " ").trim();
  const rows = [...codes().matchAll(/^\| `([EWN]\d{4})` \| (.*) \|$/gm)];
  assert.ok(rows.length > 50, `${rows.length} diagnostics`);
  for (const [, code, text] of rows)
    assert.ok(
      plain(said(code)).includes(plain(text.replaceAll("\\|", "|"))),
      `${code}: ${said(code)}`,
    );
});

test("the page has every reason", () => {
  const rows = codes().match(/^\| `[a-z_0-9]+` \| \d{3} \|/gm) ?? [];
  assert.ok(rows.length > 40, `${rows.length} reasons`);
});
