/**
 * Builds the pages of `www/` into `www/dist/`: scripts are bundled, all else is copied. The worker
 * serves them as static assets.
 */
import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const WWW = fileURLToPath(new URL("../www/", import.meta.url));
const OUT = `${WWW}dist/`;

rmSync(OUT, { recursive: true, force: true });
const files = readdirSync(WWW, { recursive: true }).filter((name) => !name.startsWith("dist"));
// A script of a page has its page beside it, or is rendered by the server of that folder.
const scripts = files.filter((name) => /\/picker\.(?:js|jsx)$/.test(name));
for (const name of files)
  if (/\.(?:html|css)$|^_headers$/.test(name)) cpSync(WWW + name, OUT + name);
cpSync(
  fileURLToPath(new URL("../pkg/src/element/model-gate.css", import.meta.url)),
  `${OUT}examples/model-gate.css`,
);
await build({
  entryPoints: scripts.map((name) => WWW + name),
  outbase: WWW,
  outdir: OUT,
  bundle: true,
  splitting: true,
  minify: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  define: { "process.env.NODE_ENV": '"production"' },
  chunkNames: "examples/chunks/[hash]",
  logLevel: "warning",
});
if (!existsSync(`${OUT}examples/index.html`)) throw new Error("pages: no examples were built");
