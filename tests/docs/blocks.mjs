/**
 * Runs the fenced blocks of documents. Each function returns problems: `{ path, line, message }`.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { ROOT } from "../../tools/markdown.mjs";

export const CLI = process.env.PORTCULLIS ?? `${ROOT}target/debug/portcullis`;
/**
 * Languages whose blocks are run (`text` is only allowed). Blocks in other languages need a marker.
 */
export const LANGUAGES = ["sh", "bash", "toml", "json", "jsonl", "js", "mjs", "ts", "rust", "text"];
/** Commands that use the network, serve until they are stopped, or take minutes. */
const UNRUNNABLE =
  /\b(npm (?:install|i|ci|publish)|npx|make \w+|wrangler|cargo|rustup|curl|wget|apt-get|pip|git (?:clone|push))\b/;

/**
 * Errors that a block may have: an unknown name, in three forms, and a `return` outside of a
 * function.
 */
const LENIENT = ["TS2304", "TS2552", "TS18004", "TS1108"];

/**
 * Copies the checkout's files to `target/docs/NAME`, with the built package and the npm packages.
 */
export function scratch(name) {
  const folder = join(ROOT, "target/docs", name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const files = execFileSync(
    "git",
    ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    { cwd: ROOT, encoding: "utf8" },
  );
  for (const file of files.split("\0")) {
    if (file !== "" && existsSync(ROOT + file)) cpSync(ROOT + file, join(folder, file));
  }
  for (const built of ["pkg/dist", "pkg/wasm", "node_modules"]) {
    if (existsSync(ROOT + built)) symlinkSync(resolve(ROOT, built), join(folder, built));
  }
  mkdirSync(join(folder, "target/bin"), { recursive: true });
  symlinkSync(resolve(CLI), join(folder, "target/bin/portcullis"));
  return folder;
}

/**
 * Saves a block as a file for the blocks after it, if its first line is a comment with a file name.
 */
export function save(folder, { text }) {
  const name = /^(?:#|\/\/) ([\w.-]+(?:\/[\w.-]+)*\.\w+)$/.exec(text.split("\n", 1)[0])?.[1];
  if (name === undefined) return;
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), `${text}\n`);
}

export function shell(folder, { text }) {
  const word = UNRUNNABLE.exec(text)?.[0];
  if (word !== undefined)
    return `\`${word}\` is not run here; the block needs a marker with the reason`;
  const { status, stdout, stderr, error } = spawnSync("bash", ["-euo", "pipefail", "-c", text], {
    cwd: folder,
    encoding: "utf8",
    timeout: 60_000,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      NO_COLOR: "1",
      PATH: join(folder, "target/bin") + delimiter + process.env.PATH,
    },
  });
  if (status !== 0) return `ends with ${error?.message ?? status}\n${stdout}${stderr}`;
}

/**
 * Checks a TOML block. A text with `format = ` is a whole policy and must have no error; any other
 * is only parsed.
 */
export function toml(folder, { text }) {
  const file = join(folder, "target/block.toml");
  writeFileSync(file, text);
  const whole = /^format\s*=/m.test(text);
  const parameters = whole ? ["check", file] : ["check", "--json", file];
  const { status, stdout, stderr } = spawnSync(CLI, parameters, {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  if (whole) return status === 0 ? undefined : stdout + stderr;
  const syntax = stdout.split("\n").filter((line) => line.includes('"E0101"'));
  if (syntax.length > 0) return syntax.join("\n");
}

export function json(_folder, { text, language }) {
  const documents =
    language === "json" ? [text] : text.split("\n").filter((line) => line.trim() !== "");
  for (const one of documents) {
    try {
      JSON.parse(one);
    } catch (cause) {
      return cause.message;
    }
  }
}

/**
 * Type-checks all blocks of JavaScript and TypeScript at once against the built package, TypeScript
 * strictly. A name that a block does not declare has type any, and a block may be the body of a
 * function, so it need not repeat the context of its document.
 */
export function types(all) {
  const folder = join(ROOT, "target/docs/types");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "node_modules/@types"), { recursive: true });
  symlinkSync(resolve(ROOT, "pkg"), join(folder, "node_modules/portcullis"));
  symlinkSync(resolve(ROOT, "node_modules/@types/node"), join(folder, "node_modules/@types/node"));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  writeFileSync(
    join(folder, "bundle.d.ts"),
    'declare module "*.bundle" {\n  const bytes: ArrayBuffer;\n  export default bytes;\n}\n',
  );
  const compilerOptions = {
    noEmit: true,
    allowJs: true,
    checkJs: true,
    skipLibCheck: true,
    target: "es2022",
    module: "nodenext",
    moduleDetection: "force",
    lib: ["es2023", "dom", "dom.iterable"],
    types: ["node"],
  };
  const problems = [];
  all.forEach(({ language, text }, index) =>
    writeFileSync(join(folder, `block${index}.${language === "ts" ? "ts" : "js"}`), text),
  );
  for (const [ending, strict] of [
    ["ts", true],
    ["js", false],
  ]) {
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: { ...compilerOptions, strict },
        include: [`block*.${ending}`, "bundle.d.ts"],
      }),
    );
    const { stdout } = spawnSync(
      join(ROOT, "node_modules/.bin/tsc"),
      ["--project", folder, "--pretty", "false"],
      { encoding: "utf8" },
    );
    for (const text of stdout.split("\n")) {
      const [, code, message] = /error (TS\d+): (.*)/.exec(text) ?? [];
      if (code === undefined || LENIENT.includes(code)) continue;
      const [, index, line] = /block(\d+)\.[jt]s\((\d+),/.exec(text) ?? [];
      const { path, line: first } = all[index] ?? { path: "all documents", line: 0 };
      problems.push({ path, line: first + Number(line ?? 0), message: `${code}: ${message}` });
    }
  }
  return problems;
}

/** Compiles all Rust blocks at once, as examples of the crate in a copy of the checkout. */
export function rust(all) {
  if (all.length === 0) return [];
  const folder = scratch("rust");
  const parameters = ["check", "--quiet", "--offline", "--message-format", "short"];
  all.forEach(({ text }, index) => {
    const shown = text.replace(/^# ?/gm, "");
    const whole = /\bfn main\(/.test(shown)
      ? shown
      : `fn main() -> Result<(), Box<dyn std::error::Error>> {\n${shown}\nOk(()) }\n`;
    writeFileSync(join(folder, `examples/block${index}.rs`), `#![allow(unused)]\n${whole}`);
    parameters.push("--example", `block${index}`);
  });
  const { status, stderr } = spawnSync("cargo", parameters, {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, CARGO_TARGET_DIR: process.env.CARGO_TARGET_DIR ?? join(ROOT, "target") },
  });
  if (status === 0) return [];
  const named = stderr.replace(
    /examples\/block(\d+)\.rs/g,
    (_, index) => `${all[index].path}:${all[index].line}, as`,
  );
  return [{ path: all[0].path, line: all[0].line, message: named }];
}
