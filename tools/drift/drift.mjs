/**
 * Lists operations that a vendor's package has and the dialect lacks:
 * `node tools/drift/drift.mjs DIALECT FOLDER [BASE]`.
 *
 * FOLDER is the unpacked package. BASE is put before paths without a version (`/v1`). Prints one
 * operation a line and exits with 1 if there are any. See `docs/dialects.md`.
 */
import { fileURLToPath } from "node:url";
import { operationsOf } from "./package.mjs";
import { covers, coversName, path, routesOf } from "./routes.mjs";

/** Returns the operations of the package that no route of the dialect covers. */
export function drift(dialect, folder, base, dialects) {
  const routes = routesOf(dialect, dialects);
  return operationsOf(folder, base).filter((operation) => {
    const [method, at] = operation.split(" ");
    const asked = { method, segments: path(at) };
    return !routes.some((route) => covers(route, asked) || coversName(route, asked));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [dialect, folder, base] = process.argv.slice(2);
  if (folder === undefined) {
    console.error("usage: node tools/drift/drift.mjs DIALECT FOLDER [BASE]");
    process.exit(2);
  }
  const found = drift(dialect, folder, base);
  for (const operation of found) console.log(operation);
  process.exit(found.length > 0 ? 1 : 0);
}
