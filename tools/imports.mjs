/**
 * Checks which folder imports which, against the table in imports.toml: `node tools/imports.mjs`.
 *
 * It reads every `use` and every path of the crate, and every import of the package, except in
 * tests. It exits with 1 if a folder imports one that its row does not name, if a row names a
 * folder that does not exist or an import that no file makes, or if files import each other in a
 * circle. `--graph` prints the folders, their layers and the largest files instead.
 */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "smol-toml";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TABLE = "tools/imports.toml";

/** The names of all files below a folder, relative to the repository. */
function filesBelow(folder, ending) {
  const entries = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && entry.name.endsWith(ending));
  return names.map((entry) => relative(ROOT, join(entry.parentPath, entry.name))).sort();
}

/** Blanks out comments, strings and characters, and keeps every line where it is. */
function withoutTexts(source) {
  const texts =
    /\/\/[^\n]*|\/\*[^]*?\*\/|b?r(#*)"[^]*?"\1|b?"(?:\\[^]|[^"\\])*"|b?'(?:\\(?:x[0-9a-fA-F]{2}|u\{[^}]*\}|.)|[^'\\])'(?!\w)/g;
  return source.replace(texts, (text) => text.replace(/[^\n]/g, " "));
}

/** Cuts every item under `#[cfg(test)]`, with or without other conditions, out of Rust source. */
function withoutTests(source) {
  const attribute = /#\[cfg\((?:test|all\(test[^\]]*|any\(all\(test[^\]]*)\)\]/g;
  let rest = source;
  for (let found = attribute.exec(rest); found !== null; found = attribute.exec(rest)) {
    let at = found.index + found[0].length;
    for (let depth = 0; at < rest.length; at += 1) {
      const byte = rest[at];
      if (byte === "{") depth += 1;
      if (byte === "}") depth -= 1;
      if (depth === 0 && (byte === "}" || byte === ";")) break;
    }
    rest = rest.slice(0, found.index) + rest.slice(at + 1);
    attribute.lastIndex = 0;
  }
  return rest;
}

/** The leaves of a `use` tree: `a::{b, c::d}` gives `a::b` and `a::c::d`. */
function leaves(tree) {
  const open = tree.indexOf("{");
  if (open < 0) return [tree.replace(/\s+as\s+\w+$/, "").trim()];
  const front = tree.slice(0, open).trim();
  const parts = [];
  let depth = 0;
  let part = "";
  for (const byte of tree.slice(open + 1, tree.lastIndexOf("}"))) {
    if (byte === "{") depth += 1;
    if (byte === "}") depth -= 1;
    if (byte === "," && depth === 0) {
      parts.push(part);
      part = "";
    } else part += byte;
  }
  const inner = [...parts, part].filter((text) => text.trim() !== "");
  return inner
    .flatMap(leaves)
    .map((leaf) => (leaf === "self" ? front.replace(/::$/, "") : front + leaf));
}

/** The package of the inner loops, as Rust code names it, and its folder. */
const SCAN = "portcullis_scan";
const SCAN_ROOT = "scan/src";

/** The files of the crate and of its package for the inner loops, each with its imports. */
function readCrate() {
  const isTest = (file) => /(^|\/)tests(\.rs$|\/)/.test(file) || file.startsWith("src/testing/");
  const files = [...filesBelow("src", ".rs"), ...filesBelow(SCAN_ROOT, ".rs")].filter(
    (file) => !file.startsWith("src/bin/") && !isTest(file),
  );
  const moduleOf = (file) => {
    const [root, base] = file.startsWith(SCAN_ROOT) ? [SCAN_ROOT, [SCAN]] : ["src", []];
    const path = file.slice(root.length + 1, -".rs".length).split("/");
    return [...base, ...(["mod", "lib"].includes(path.at(-1)) ? path.slice(0, -1) : path)];
  };
  const byModule = new Map(files.map((file) => [moduleOf(file).join("::"), file]));
  /** The file of the longest front of a path that is a module. */
  const fileOf = (path) => {
    for (let length = path.length; length > 0; length -= 1) {
      const file = byModule.get(path.slice(0, length).join("::"));
      if (file !== undefined) return file;
    }
    return undefined;
  };
  const absolute = (text, own) => {
    const path = text.split("::").map((name) => name.trim());
    if (path[0] === SCAN) return path;
    if (path[0] === "crate") return [...own.slice(0, own[0] === SCAN ? 1 : 0), ...path.slice(1)];
    if (path[0] === "self") return [...own, ...path.slice(1)];
    let base = own;
    while (path[0] === "super") {
      base = base.slice(0, -1);
      path.shift();
    }
    return [...base, ...path];
  };
  return new Map(
    files.map((file) => {
      const own = moduleOf(file);
      const source = withoutTests(withoutTexts(readFileSync(join(ROOT, file), "utf8")));
      const imported = new Set();
      const uses = source.matchAll(/\buse\s+((?:crate|self|super|portcullis_scan)\b[^;]*);/g);
      const trees = [...uses].flatMap((use) => leaves(use[1]));
      const named = /(?<![\w:$])(?:crate|super|portcullis_scan)(?:\s*::\s*\w+)+/g;
      const paths = [...source.matchAll(named)].map((path) => path[0]);
      for (const path of [...trees, ...paths]) {
        const target = fileOf(absolute(path, own));
        if (target !== undefined && target !== file) imported.add(target);
      }
      return [file, imported];
    }),
  );
}

/** The files of the package, each with the files that it imports, types among them. */
function readPackage() {
  const files = filesBelow("pkg/src", ".ts").filter((file) => !file.endsWith(".d.ts"));
  return new Map(
    files.map((file) => {
      const source = readFileSync(join(ROOT, file), "utf8");
      const paths = [...source.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map(
        (found) => found[1],
      );
      const targets = paths
        .map((path) => join(dirname(file), path))
        .filter((target) => target !== file);
      return [file, new Set(targets.filter((target) => files.includes(target)))];
    }),
  );
}

/**
 * Returns the row of the table for a file: its first folder, or its own name outside of folders.
 */
function rowOf(file, root) {
  if (file.startsWith(SCAN_ROOT)) return "scan";
  const [first] = file.slice(root.length + 1).split("/");
  return first.replace(/\.\w+$/, "");
}

/**
 * Returns the circles: groups of files that all reach each other by imports (Tarjan's algorithm).
 */
function circles(graph) {
  const order = new Map();
  const low = new Map();
  const stack = [];
  const found = [];
  const visit = (file) => {
    order.set(file, order.size);
    low.set(file, order.get(file));
    stack.push(file);
    for (const next of graph.get(file)) {
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) low.set(file, Math.min(low.get(file), low.get(next)));
    }
    if (low.get(file) !== order.get(file)) return;
    const group = stack.splice(stack.indexOf(file));
    if (group.length > 1) found.push(group.sort());
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return found;
}

/** What is wrong with one side of the repository. */
function problemsOf(graph, root, table) {
  const problems = [];
  const unused = new Set(
    Object.entries(table).flatMap(([row, allowed]) => allowed.map((other) => `${row} ${other}`)),
  );
  const rows = new Set();
  for (const [file, imported] of graph) {
    const row = rowOf(file, root);
    rows.add(row);
    for (const target of imported) {
      const other = rowOf(target, root);
      if (row === other) continue;
      unused.delete(`${row} ${other}`);
      if (!table[row]?.includes(other))
        problems.push(`${file} imports ${target}: \`${row}\` has no \`${other}\` in ${TABLE}`);
    }
  }
  for (const row of rows)
    if (!(row in table)) problems.push(`${root}/${row}: it has no row in ${TABLE}`);
  for (const row of Object.keys(table))
    if (!rows.has(row)) problems.push(`${TABLE}: there is no ${root}/${row}`);
  for (const pair of unused) {
    const [row, other] = pair.split(" ");
    if (rows.has(row))
      problems.push(`${TABLE}: \`${row}\` imports nothing of \`${other}\`; take it out`);
  }
  for (const group of circles(graph)) {
    problems.push(`files import each other in a circle: ${group.join(", ")}`);
  }
  return problems;
}

/** Prints folders in layers: a folder is one layer above the highest that it imports. */
function print(graph, root) {
  const needs = new Map();
  const lines = new Map();
  for (const [file, imported] of graph) {
    const row = rowOf(file, root);
    if (!needs.has(row)) needs.set(row, new Set());
    for (const target of imported)
      if (rowOf(target, root) !== row) needs.get(row).add(rowOf(target, root));
    lines.set(file, readFileSync(join(ROOT, file), "utf8").split("\n").length - 1);
  }
  const layerOf = (row, above = []) =>
    above.includes(row)
      ? 0
      : 1 + Math.max(0, ...[...needs.get(row)].map((other) => layerOf(other, [...above, row])));
  const layers = [...needs.keys()].map((row) => [layerOf(row), row]).sort(([a], [b]) => a - b);
  console.log(`${root}: ${graph.size} files, ${needs.size} folders, ${layers.at(-1)[0]} layers`);
  for (const [layer, row] of layers)
    console.log(`  ${layer}  ${row}: ${[...needs.get(row)].sort().join(" ")}`);
  const largest = [...lines].sort(([, a], [, b]) => b - a).slice(0, 3);
  console.log(`  largest: ${largest.map(([file, count]) => `${file} ${count}`).join(", ")}`);
}

const sides = [
  ["src", readCrate()],
  ["pkg/src", readPackage()],
];
if (process.argv.includes("--graph")) {
  for (const [root, graph] of sides) print(graph, root);
} else {
  const table = parse(readFileSync(join(ROOT, TABLE), "utf8"));
  const problems = sides.flatMap(([root, graph]) => problemsOf(graph, root, table[root] ?? {}));
  for (const problem of problems) console.error(`imports: ${problem}`);
  if (problems.length > 0) process.exit(1);
  console.log("imports: as in the table, without a circle");
}
