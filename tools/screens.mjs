/**
 * Terminal screens in documents. Between `<!-- screen: NAME -->` and `<!-- /screen -->` is one
 * fence. Its first line is a command, `$ portcullis …`, and its other lines are the output.
 *
 * `node tools/screens.mjs` runs the commands and rewrites the screens that have changed. A command
 * runs in the root of the checkout, without colour, and may have any exit code.
 */
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { delimiter, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT, documents, read } from "./markdown.mjs";

const CLI = process.env.PORTCULLIS ?? `${ROOT}target/debug/portcullis`;
const SCREEN =
  /(^<!-- screen: *([\w-]+) *-->\n(`{3,})[a-z]*\n)(\$ portcullis .*)\n([\s\S]*?)(?<=\n)(\3\n<!-- \/screen -->)/gm;

/** Returns the document with current screens, and the names of the screens that have changed. */
export function redrawn(markdown) {
  const stale = [];
  const count = markdown.match(/^<!-- screen:/gm)?.length ?? 0;
  let drawn = 0;
  const text = markdown.replace(SCREEN, (whole, before, name, _fence, command, old, after) => {
    drawn += 1;
    const now = printed(command.slice(2));
    if (now !== old) stale.push(name);
    return `${before}${command}\n${now}${after}`;
  });
  if (drawn !== count)
    throw new Error(
      `${count} screens begin, but only ${drawn} have the form that tools/screens.mjs describes`,
    );
  return { text, stale };
}

function printed(command) {
  if (!existsSync(CLI)) throw new Error(`no ${CLI}: \`cargo build --features cli\` makes it`);
  const { stdout, error } = spawnSync("bash", ["-c", `exec 2>&1; ${command}`], {
    cwd: ROOT,
    encoding: "utf8",
    env: {
      ...process.env,
      PATH: dirname(CLI) + delimiter + process.env.PATH,
      NO_COLOR: "1",
      COLUMNS: "100",
      TZ: "UTC",
    },
  });
  if (error !== undefined) throw error;
  return stdout
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")
    .replace(/\n*$/, "\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const path of documents()) {
    const { text, stale } = redrawn(read(path));
    if (stale.length === 0) continue;
    writeFileSync(ROOT + path, text);
    console.log(`screens: ${path}: ${stale.join(", ")}`);
  }
}
