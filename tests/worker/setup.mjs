/** Shared code of the worker's tests: an origin, the worker before it, and requests of clients. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { keyDigest } from "portcullis/cloudflare";
import { ENFORCED_KEY, ACCESS_KEY } from "../../tools/demo.mjs";
import { startOrigin } from "../../tools/origin.mjs";
import { startWorker } from "../../tools/workerd.mjs";

export const KEY_SECRET = "a secret of the tests";
export const ACCOUNTS = {
  "sk-us": { export: { us_person_ear: true } },
  "sk-foreign": { export: { us_person_ear: false } },
  "sk-employee": { export: { us_person_ear: false }, employee: true },
  "sk-odd": { export: { us_person_ear: "true" } },
};

/** Bytes of a compiled policy, by the command line that `make` built. */
export function compile(...files) {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-"));
  try {
    const output = join(folder, "policy.bundle");
    execFileSync(cli(), ["compile", ...files, "--out", output], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The command line: where `make` says it is, else where cargo puts it. */
export function cli() {
  return (
    process.env.PORTCULLIS ??
    fileURLToPath(new URL("../../target/debug/portcullis", import.meta.url))
  );
}

export const POLICY = fileURLToPath(new URL("policy.toml", import.meta.url));

/** Origin and worker, with the accounts above in its key table. */
export async function start({ bindings = {}, bundle = compile(POLICY), access, ...rest } = {}) {
  const origin = await startOrigin({ access });
  const keys = {};
  for (const [key, record] of Object.entries(ACCOUNTS))
    keys[await keyDigest(KEY_SECRET, key)] = record;
  const worker = await startWorker({
    bundle,
    keys,
    bindings: { ORIGIN: origin.url, KEY_SECRET, ACCESS_KEY, ENFORCED_KEY, ...bindings },
    ...rest,
  });
  return {
    origin,
    worker,
    fetch: worker.fetch,
    /** A chat request of `model`, from `cf`, with these headers besides. */
    chat: (model, cf, headers = {}, path = "/v1/chat/completions") =>
      worker.fetch(path, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] }),
        cf,
      }),
    async close() {
      await worker.close();
      await origin.close();
    },
  };
}

export const bearer = (key) => ({ authorization: `Bearer ${key}` });
