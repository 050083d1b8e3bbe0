/** The corpora there are, each with its policy and what the command line decides on it. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { cli } from "./worker/setup.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
// The second lies beside the repository where its builders keep what they share; elsewhere it is not there.
const CORPORA = [
  { name: "project", policy: at("corpus/requests/policy.toml"), requests: at("corpus/requests/requests.jsonl") },
  { name: "shared", policy: at("../../shared/corpus/policy-two.toml"), requests: at("../../shared/corpus/requests.jsonl") },
];

/** Each with its lines, and one native verdict a line; at least one must be there. */
export function corpora() {
  const found = CORPORA.filter(({ policy, requests }) => existsSync(policy) && existsSync(requests));
  if (found.length === 0) throw new Error(`no corpus at ${CORPORA.map(({ requests }) => requests).join(", ")}`);
  return found.map(({ name, policy, requests }) => ({
    name,
    policy,
    lines: parse(readFileSync(requests, "utf8")),
    verdicts: parse(execFileSync(cli(), ["decide", "--policy", policy, "--requests", requests], { maxBuffer: 1 << 28 }).toString()),
  }));
}

function parse(text) {
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}
