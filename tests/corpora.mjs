/** The corpora, each with its policy and the verdicts of the command line. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cli } from "./worker/setup.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
// The second lies beside the repository. Where it is missing, tests skip it.
const CORPORA = [
  { name: "project", policy: at("corpus/policy.toml"), requests: at("corpus/requests") },
  {
    name: "shared",
    policy: at("../../shared/corpus/policy.toml"),
    requests: at("../../shared/corpus/requests.jsonl"),
  },
];

/**
 * Returns each corpus with its lines and one native verdict for each line. The project's own must
 * exist.
 */
export function corpora() {
  return CORPORA.filter(
    ({ name, requests }) => name === "project" || existsSync(requests) || skipped(requests),
  ).map(({ name, policy, requests }) => {
    const files = requests.endsWith(".jsonl")
      ? [requests]
      : readdirSync(requests)
          .sort()
          .map((file) => join(requests, file));
    const text = files.map((file) => readFileSync(file, "utf8")).join("\n");
    const verdicts = execFileSync(cli(), ["decide", "--policy", policy, "--requests", "-"], {
      input: text,
      maxBuffer: 1 << 28,
    });
    return { name, policy, lines: parse(text), verdicts: parse(verdicts.toString()) };
  });
}

function skipped(requests) {
  console.log(`skipped: the shared corpus: no ${requests}`);
  return false;
}

function parse(text) {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
