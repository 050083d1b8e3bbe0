/**
 * `docs/codes.md`: every stable code, from the sources that declare it. `node tools/codes.mjs`
 * writes the page. It reads the text of the sources, so the edge module needs none of the
 * explanations.
 */
import { globSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ROOT, read } from "./markdown.mjs";

const OUT = "docs/codes.md";
const CHAPTERS = [
  "",
  "The document",
  "Names",
  "Models",
  "Lists",
  "Conditions",
  "What a sound policy may still get wrong",
  "Notes",
];

/** Returns the page for the current sources. */
export function codes() {
  const reasons = groups(one("src/**/reason.rs"));
  const diagnostics = explained(one("src/policy/**/code.rs"));
  const access = accessCodes();
  const failures = packageCodes();
  return `<!-- Written by \`node tools/codes.mjs\` from the sources. Edit those. -->

# Codes

Codes are stable: a code never gets another meaning, and a retired code is not used again.

- [Reasons of a verdict](#reasons-of-a-verdict): in refusals, in the log line, and in \`reason\` of \`decide\`, \`explain\` and the package.
- [Diagnostics of a policy](#diagnostics-of-a-policy): from \`portcullis check\` and \`compile\`.
- [Errors of the package](#errors-of-the-package): \`PortcullisError.code\`, and the status page of the Worker.
- [Errors of the access header](#errors-of-the-access-header): from \`verify\` at an origin, in JavaScript and Rust.

## Reasons of a verdict

A status of 200 means that the request goes on, and the sentence is for the log. With any other
status the caller receives the sentence; its second half says what to send instead. A policy's own
\`message\` takes the place of the sentence where a restriction denies. With 503 a client may repeat
the request.
${reasons
  .map(
    ({ title, rows }) => `
### ${title}

| code | status | meaning | sentence |
|---|---|---|---|
${rows.map(({ code, status, doc, sentence }) => `| \`${code}\` | ${status} | ${cell(doc)} | ${cell(sentence)} |`).join("\n")}
`,
  )
  .join("")}
## Diagnostics of a policy

\`E\` stops the policy from being compiled, \`W\` is a warning, \`N\` a note. \`portcullis check --explain
CODE\` prints the same text. A warning that is acceptable is answered in the policy, with a
reason (\`[[allow]]\`).
${diagnostics
  .map(
    ({ title, rows }) => `
### ${title}

| code | meaning, and what to do |
|---|---|
${rows.map(({ code, text }) => `| \`${code}\` | ${cell(text)} |`).join("\n")}
`,
  )
  .join("")}
## Errors of the package

| code | meaning |
|---|---|
${failures.map(({ code, doc }) => `| \`${code}\` | ${cell(doc)} |`).join("\n")}

## Errors of the access header

The origin answers 403 to a request with any of them.

| code | meaning |
|---|---|
${access.map(({ code, doc }) => `| \`${code}\` | ${cell(doc)} |`).join("\n")}
`;
}

function one(pattern) {
  const found = globSync(pattern, { cwd: ROOT });
  if (found.length !== 1) throw new Error(`${found.length} files match ${pattern}, not one`);
  return read(found[0]);
}

/** Returns the reasons in groups. A comment in the table is the title of a group. */
function groups(source) {
  const table = source.slice(source.indexOf("\nreasons! {"));
  const all = [];
  let doc = [];
  for (const line of table.slice(0, table.indexOf("\n}\n")).split("\n").slice(2)) {
    const row = /^\s*\w+ "(\w+)" (\d+) "(.*)";$/.exec(line);
    const comment = /^\s*\/\/ (.*)$/.exec(line)?.[1];
    const text = /^\s*\/\/\/ ?(.*)$/.exec(line)?.[1];
    if (text !== undefined) doc.push(text);
    else if (comment !== undefined) {
      const last = all.at(-1);
      // A comment of several lines is one title.
      if (last?.rows.length === 0) last.title += ` ${comment}`;
      else all.push({ title: comment, rows: [] });
    } else if (row !== null) {
      all.at(-1).rows.push({
        code: row[1],
        status: row[2],
        doc: doc.join(" "),
        sentence: row[3].replaceAll('\\"', '"'),
      });
      doc = [];
    } else if (line.trim() !== "")
      throw new Error(`unexpected line in the table of reasons: ${line}`);
  }
  for (const group of all) group.title = group.title.replace(/\.$/, "");
  return all;
}

/** Returns the diagnostics, grouped by the hundreds of their codes. */
function explained(source) {
  const table = source.slice(source.indexOf("\ncodes! {"));
  const all = [
    ...table
      .slice(0, table.indexOf("\n}\n"))
      .matchAll(/^ {4}\w+ "([EWN])(\d)(\d\d)(\d)"\s*"((?:[^"\\]|\\[\s\S])*)"/gm),
  ];
  return CHAPTERS.map((title, chapter) => ({
    title,
    rows: all
      .map(([, letter, a, b, c, text]) => ({
        code: `${letter}${a}${b}${c}`,
        text: text.replace(/\\\n\s*/g, "").replace(/\\(["\\])/g, "$1"),
      }))
      .filter(({ code }) => Number(code.slice(1, 3)) === chapter),
  })).filter(({ rows }) => rows.length > 0);
}

/** Returns the literals of a TypeScript union, each with the comment before it. */
function union(name) {
  for (const path of globSync("pkg/src/**/*.ts", { cwd: ROOT })) {
    const found = new RegExp(`export type ${name} =([\\s\\S]*?"\\w+");`).exec(read(path));
    if (found !== null) {
      return [...found[1].matchAll(/(?:\/\*\*([\s\S]*?)\*\/\s*)?\| "(\w+)"/g)].map(
        ([, doc = "", code]) => ({ code, doc: doc.replace(/\s*\n\s*\*\s*/g, " ").trim() }),
      );
    }
  }
  throw new Error(`no type ${name} in pkg/src`);
}

/**
 * Returns the codes of errors in Rust, `Self::Name { .. } => "code"`, each with the comment on its
 * variant.
 */
function rust() {
  const found = new Map();
  for (const path of globSync("src/**/*.rs", { cwd: ROOT })) {
    const text = read(path);
    for (const [, variant, code] of text.matchAll(
      /Self::(\w+)(?: \{[^}]*\}|\([^)]*\))? => "([a-z]\w*_\w+)"/g,
    )) {
      const doc = new RegExp(`((?:^ {4}/// .*\\n)+) {4}${variant}\\b`, "m").exec(text)?.[1];
      if (doc !== undefined && !found.has(code))
        found.set(
          code,
          doc
            .replace(/^ {4}\/\/\/ /gm, "")
            .trim()
            .replaceAll("\n", " "),
        );
    }
  }
  return found;
}

function packageCodes() {
  const known = rust();
  return union("Code").map(({ code, doc }) => ({
    code,
    doc: doc || (known.get(code) ?? fail(`no comment explains ${code}`)),
  }));
}

/** Returns the codes that package and crate share. A code that only one of them has is an error. */
function accessCodes() {
  const type = globSync("pkg/src/**/*.ts", { cwd: ROOT }).some((path) =>
    /export type AccessCode\b/.test(read(path)),
  )
    ? "AccessCode"
    : "ReachCode";
  const known = rust();
  const all = union(type);
  const prefix = all[0].code.split("_")[0];
  for (const code of known.keys()) {
    if (code.startsWith(`${prefix}_`) && !all.some((one) => one.code === code))
      fail(`only the crate has ${code}`);
  }
  return all.map(({ code }) => ({
    code,
    doc: known.get(code) ?? fail(`only the package has ${code}`),
  }));
}

function fail(message) {
  throw new Error(message);
}

/** Bounds by name, as numbers. */
const LIMITS = new Map(
  [...read("src/limits.rs").matchAll(/pub const (\w+): \w+ = ([\d_<+*() ]+);/g)].map(
    ([, name, value]) => [name, Number(Function(`return ${value}`)())],
  ),
);

/** Returns a cell of a table: links in the sources become names, and bounds get their values. */
function cell(text) {
  return text
    .replace(
      /\[`(?:\w+::)*limits::(\w+)`\]\([^)]*\)/g,
      (_, name) =>
        `\`limits::${name}\` (${(LIMITS.get(name) ?? fail(`no bound ${name}`)).toLocaleString("en")})`,
    )
    .replace(
      /\[`limits::(\w+)`\]/g,
      (_, name) =>
        `\`limits::${name}\` (${(LIMITS.get(name) ?? fail(`no bound ${name}`)).toLocaleString("en")})`,
    )
    .replace(/\[(`[^`]+`)\](?:\([^)]*\))?/g, "$1")
    .replaceAll("|", "\\|");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(ROOT + OUT, codes());
