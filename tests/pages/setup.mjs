/** The real worker in workerd, before the stub origin, with the pages of `www/` or given ones. */
import { mkdtempSync, rmSync, writeFileSync, mkdirSync, cpSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { keyDigest } from "portcullis/cloudflare";
import { ACCOUNTS, KEY_SECRET, LIST_KEY } from "../../tools/demo.mjs";
import { answer, startOrigin } from "../../tools/origin.mjs";
import { pageServer } from "../../tools/page-server.mjs";
import { startWorker } from "../../tools/workerd.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const CSP =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
  "connect-src 'self'; img-src 'self' data:";

/** Starts the gate as `make run` does. `assets`: the folder with the pages. */
export async function startGate({ assets = `${ROOT}www/dist/`, ...rest } = {}) {
  const keys = {};
  for (const [key, record] of Object.entries(ACCOUNTS))
    keys[await keyDigest(KEY_SECRET, key)] = record;
  const pages = pageServer(answer);
  const origin = await startOrigin({ reply: pages.reply });
  const worker = await startWorker({
    keys,
    assets,
    bindings: { ORIGIN: origin.url, LOCAL: "1", KEY_SECRET, LIST_KEY },
    ...rest,
  });
  pages.gate = worker.url;
  return {
    url: worker.url,
    seen: origin.seen,
    close: () => Promise.all([worker.close(), origin.close()]),
  };
}

/**
 * Writes pages into a new folder: texts by name. Scripts are bundled as a page's author would. The
 * CSP is that of the examples. Returns the folder, and a function that removes it.
 */
export async function pagesOf(files, options = {}) {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-pages-"));
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    if (/\.jsx?$/.test(name)) {
      const { outputFiles } = await build({
        stdin: { contents: text, resolveDir: ROOT, loader: "jsx" },
        bundle: true,
        format: "esm",
        target: "es2022",
        jsx: "automatic",
        define: { "process.env.NODE_ENV": '"production"' },
        write: false,
        external: ["./element.js"],
        ...options,
      });
      writeFileSync(path.replace(/jsx$/, "js"), outputFiles[0].contents);
    } else writeFileSync(path, text);
  }
  cpSync(`${ROOT}pkg/dist/element/model-gate.css`, join(folder, "model-gate.css"));
  for (const name of ["edge_bg.wasm", "policy.bundle"])
    cpSync(`${ROOT}pkg/wasm/${name}`, join(folder, name));
  writeFileSync(join(folder, "_headers"), `/*\n  Content-Security-Policy: ${CSP}\n`);
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}
