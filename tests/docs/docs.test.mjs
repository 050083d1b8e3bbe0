/**
 * Every fenced block of every document runs, as tests/README.md describes, or has a marker with the
 * reason. Every link inside the repository has a target. Every screen equals the output of its
 * command.
 */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { before, test } from "node:test";
import { ROOT, anchors, blocks, documents, links, read } from "../../tools/markdown.mjs";
import { redrawn } from "../../tools/screens.mjs";
import { CLI, LANGUAGES, json, rust, save, scratch, shell, toml, types } from "./blocks.mjs";

const RUNNERS = { sh: shell, bash: shell, toml, json, jsonl: json };
const DOCUMENTS = documents();

before(() => assert.ok(existsSync(CLI), `no ${CLI}: \`make test-docs\` builds it`));

for (const path of DOCUMENTS) {
  test(path, () => {
    const { blocks: all, problems } = blocks(read(path));
    const found = problems.map(({ line, message }) => `${path}:${line}: ${message}`);
    let folder;
    for (const block of all) {
      if (block.exempt !== undefined || block.language === "text") continue;
      if (block.language !== "" && !LANGUAGES.includes(block.language)) {
        found.push(
          `${path}:${block.line}: nothing runs \`${block.language}\`; mark the block with the reason, or make it \`text\``,
        );
      }
      folder ??= scratch(path.replaceAll("/", "-"));
      save(folder, block);
      const problem = RUNNERS[block.language]?.(folder, block);
      if (problem !== undefined) found.push(`${path}:${block.line}: ${problem}`);
    }
    assert.equal(found.length, 0, `\n${found.join("\n")}`);
  });
}

test("links lead somewhere", () => {
  const found = DOCUMENTS.flatMap((path) =>
    dead(path, read(path)).map(({ line, message }) => `${path}:${line}: ${message}`),
  );
  assert.equal(found.length, 0, `\n${found.join("\n")}`);
});

test("screens are what their commands print now", () => {
  const stale = DOCUMENTS.flatMap((path) => {
    const { text, stale: names } = redrawn(read(path));
    if (process.env.UPDATE !== "1") return names.map((name) => `${path}: ${name}`);
    if (names.length > 0) writeFileSync(ROOT + path, text);
    return [];
  });
  assert.deepEqual(stale, [], "UPDATE=1 or `node tools/screens.mjs` draws them anew");
});

const of = (...languages) =>
  DOCUMENTS.flatMap((path) =>
    blocks(read(path)).blocks.map((block) => ({ ...block, path })),
  ).filter(({ exempt, language }) => exempt === undefined && languages.includes(language));
const listed = (problems) =>
  assert.equal(
    problems.length,
    0,
    `\n${problems.map(({ path, line, message }) => `${path}:${line}: ${message}`).join("\n")}`,
  );

test("JavaScript and TypeScript fit the package's types", () =>
  listed(types(of("js", "mjs", "ts"))));

test("Rust compiles", () => listed(rust(of("rust"))));

test("tests/README.md lists every driver", () => {
  const files = globSync("tests/*.rs", { cwd: ROOT }).map((path) => basename(path, ".rs"));
  const rows = [...read("tests/README.md").matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  for (const name of files) assert.ok(rows.includes(name), `${name} is not in the table`);
});

test("the checks themselves find what is wrong", () => {
  const fence = (info, body, before = "") => `${before}\n\`\`\`${info}\n${body}\n\`\`\`\n`;
  const messages = (markdown) => blocks(markdown).problems.map(({ message }) => message);
  assert.match(messages(fence("", "x"))[0], /no language/);
  assert.deepEqual(messages(fence("", "x", "<!-- not run: a sketch -->")), []);
  assert.match(messages(fence("sh", "x", "<!-- not run: -->"))[0], /says why/);
  assert.match(messages("<!-- not run: no fence -->\n\ntext")[0], /directly before/);
  assert.match(messages("```sh\nx")[0], /not closed/);
  const folder = scratch("self");
  assert.match(shell(folder, { text: "npm install x" }), /needs a marker/);
  assert.match(shell(folder, { text: "false\ntrue" }), /ends with 1/);
  assert.equal(shell(folder, { text: "portcullis check policies/embargo.toml" }), undefined);
  assert.match(toml(folder, { text: 'format = 1\n[policy]\nid = "x"' }), /E0103/);
  assert.match(toml(folder, { text: "a = [" }), /E0101/);
  assert.equal(toml(folder, { text: 'name = "gate"' }), undefined);
  assert.ok(json(folder, { language: "json", text: "{" }));
  assert.equal(json(folder, { language: "jsonl", text: "{}\n\n1" }), undefined);
  const screen = (body) =>
    `<!-- screen: x -->\n\`\`\`text\n$ portcullis check nothing\n${body}\`\`\`\n<!-- /screen -->\n`;
  const { text: drawn, stale } = redrawn(screen("old\n"));
  assert.deepEqual(stale, ["x"]);
  assert.match(drawn, /nothing/);
  assert.deepEqual(redrawn(drawn), { text: drawn, stale: [] });
  const faults = types([
    {
      path: "x.md",
      line: 1,
      language: "js",
      text: 'import { Nothing } from "portcullis";\nundeclared(Nothing);',
    },
  ]);
  assert.deepEqual(
    faults.map(({ line }) => line),
    [2],
  );
  const text = "# A *b* `c`\n[a](#a-b-c) [b](#none) [c](none.md) [d](README.md)\n`[e](x)`";
  assert.deepEqual(
    dead("x.md", text).map(({ message }) => message),
    ["no heading makes `#none`", "there is no `none.md`"],
  );
});

function dead(path, markdown) {
  return links(markdown).flatMap(({ target, line }) => {
    if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return [];
    const [file, anchor] = decodeURI(target).split("#");
    const to = file === "" ? path : normalize(join(dirname(path), file));
    if (file !== "" && (to.startsWith("..") || !existsSync(ROOT + to)))
      return [{ line, message: `there is no \`${file}\`` }];
    if (anchor === undefined || !to.endsWith(".md")) return [];
    const known = anchors(file === "" ? markdown : readFileSync(ROOT + to, "utf8"));
    return known.has(anchor) ? [] : [{ line, message: `no heading makes \`#${anchor}\`` }];
  });
}
