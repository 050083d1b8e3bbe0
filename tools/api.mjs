/**
 * `pkg/api.d.ts`: the declarations that the package gives its consumers, without comments, so that
 * every change of the API changes this file. `node tools/api.mjs` writes it from the built
 * declarations.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT } from "./markdown.mjs";

// TypeScript 7 has no compiler API yet, so this uses the version that typedoc depends on.
const ts = createRequire(`${ROOT}tools/typedoc/package.json`)("typescript");
const PKG = join(ROOT, "pkg/");
const OUT = `${PKG}api.d.ts`;

/** Declarations that a type may refer to. */
const KINDS = [
  ts.isInterfaceDeclaration,
  ts.isTypeAliasDeclaration,
  ts.isClassDeclaration,
  ts.isEnumDeclaration,
  ts.isFunctionDeclaration,
];

/**
 * Returns the report: each entry point with its exports by name, then the declarations that these
 * refer to and no entry point exports.
 */
export function api() {
  const { exports } = JSON.parse(readFileSync(`${PKG}package.json`, "utf8"));
  const entries = Object.entries(exports)
    .filter(([, to]) => to.types !== undefined)
    .map(([name, to]) => ({ name: `portcullis${name.slice(1)}`, file: join(PKG, to.types) }));
  const program = ts.createProgram(
    entries.map(({ file }) => file),
    { lib: ["lib.es2023.d.ts", "lib.dom.d.ts"], module: ts.ModuleKind.NodeNext, types: [] },
  );
  const checker = program.getTypeChecker();
  const printer = ts.createPrinter({ removeComments: true });
  const resolved = (symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const printed = (symbol) =>
    symbol.declarations
      .map((node) => (ts.isVariableDeclaration(node) ? node.parent.parent : node))
      .map((node) =>
        printer
          .printNode(ts.EmitHint.Unspecified, node, node.getSourceFile())
          .replace(/^export (default )?/, ""),
      )
      .join("\n");

  const shown = new Set();
  const queue = [];
  let report =
    "// Written by `node tools/api.mjs`. What the entry points of the package declare.\n";
  for (const { name, file } of entries) {
    const source = program.getSourceFile(file) ?? fail(`no ${file}; \`make package\` writes it`);
    const symbols = checker
      .getExportsOfModule(checker.getSymbolAtLocation(source))
      .map((symbol) => [symbol.name, resolved(symbol)]);
    report += `\n// ${name}\n`;
    for (const [as, symbol] of symbols.sort(([a], [b]) => (a < b ? -1 : 1))) {
      // For an export that an earlier entry point already has, the report gives only the name.
      report += shown.has(symbol) ? `// also exports ${as}\n` : `${printed(symbol)}\n`;
      shown.add(symbol);
      queue.push(symbol);
    }
  }
  const hidden = new Map();
  while (queue.length > 0) {
    for (const declaration of queue.pop().declarations) {
      (function visit(node) {
        if (ts.isIdentifier(node)) {
          const found = checker.getSymbolAtLocation(node);
          const symbol = found && resolved(found);
          const [first] = symbol?.declarations ?? [];
          const isOurs =
            first?.getSourceFile().fileName.startsWith(PKG) && KINDS.some((is) => is(first));
          if (isOurs && !shown.has(symbol)) {
            shown.add(symbol);
            hidden.set(symbol.name, symbol);
            queue.push(symbol);
          }
        }
        ts.forEachChild(node, visit);
      })(declaration);
    }
  }
  report += "\n// Referred to above, and not exported\n";
  for (const [, symbol] of [...hidden].sort(([a], [b]) => (a < b ? -1 : 1)))
    report += `${printed(symbol)}\n`;
  return report;
}

function fail(message) {
  throw new Error(message);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(OUT, api());
