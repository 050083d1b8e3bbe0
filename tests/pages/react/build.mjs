/** Bundles the page and the server of the tests for one version of React. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const MODULES = {
  18: fileURLToPath(new URL("../react-18/node_modules/", import.meta.url)),
  19: fileURLToPath(new URL("../../../node_modules/", import.meta.url)),
};
/** The versions of React that the package supports. */
export const VERSIONS = [18, 19];

/**
 * Bundles `page.mjs` as a text, and loads `server.mjs`.
 *
 * @param {18 | 19} version
 * @returns {Promise<{ page: string, server: object }>}
 */
export async function bundle(version) {
  const options = {
    absWorkingDir: HERE,
    bundle: true,
    alias: {
      react: join(MODULES[version], "react"),
      "react-dom": join(MODULES[version], "react-dom"),
    },
    // The development build, which warns of what is wrong.
    define: { "process.env.NODE_ENV": '"development"' },
    logLevel: "error",
  };
  const { outputFiles } = await build({
    ...options,
    entryPoints: ["page.mjs"],
    format: "esm",
    target: "es2022",
    write: false,
  });
  const folder = mkdtempSync(join(tmpdir(), "portcullis-"));
  try {
    const outfile = join(folder, "server.cjs");
    await build({
      ...options,
      entryPoints: ["server.mjs"],
      platform: "node",
      format: "cjs",
      outfile,
    });
    const { default: server } = await import(pathToFileURL(outfile).href);
    return { page: outputFiles[0].text, server };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** An answer of the access endpoint: Haiku is open, Mythos is closed, others are not known. */
export function answerOf(overrides = {}) {
  return {
    unrestricted: false,
    denied: [
      {
        id: "mythos-class",
        title: "Mythos-class",
        message: "Closed where you are.",
        appeal: "https://example.com/appeal",
        patterns: ["mythos"],
      },
    ],
    patterns: { haiku: true, mythos: false },
    unlisted: "defer",
    policy: { id: "test", version: 1 },
    expires: null,
    stale: false,
    ...overrides,
  };
}

/** An answer by which every model is open. */
export const OPEN = answerOf({
  unrestricted: true,
  denied: [],
  patterns: { haiku: true, mythos: true },
  unlisted: "pass",
});
