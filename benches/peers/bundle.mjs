/** Compiled policies and known answers, in a folder that lasts as long as the run. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cli } from "../../tests/worker/setup.mjs";
import { adapterOf } from "./contenders.mjs";
import { grounds } from "./oracle.mjs";
import { policyOf } from "./policy.mjs";
import { Requests, recordsOf } from "./requests.mjs";

const files = new Map();
let made;

/** The folder, which is made when somebody first asks for it. */
export function folder() {
  return (made ??= mkdtempSync(join(tmpdir(), "portcullis-peers-")));
}

export function removeFolder() {
  if (made !== undefined) rmSync(made, { recursive: true });
}

/** The file of a policy, compiled by the command line. */
export async function policyFile(name) {
  if (!files.has(name)) {
    const { source } = await adapterOf("portcullis");
    const file = join(folder(), name);
    writeFileSync(`${file}.toml`, source(policyOf(name)));
    execFileSync(cli(), ["compile", `${file}.toml`, "--out", `${file}.bundle`], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    files.set(name, `${file}.bundle`);
  }
  return files.get(name);
}

/** Requests whose answers are known. The oracle is slow, so those of a long policy are fewer. */
const KNOWN = (policy) => (policy.rules.length > 2_000 ? 2_000 : 10_000);

/** The file of the oracle's answers to the first requests under a policy: the rules that deny. */
async function answersFile(name, free) {
  const file = join(folder(), `${name}${free ? "-free" : ""}.answers`);
  if (!files.has(file)) {
    const policy = policyOf(name);
    const requests = new Requests(policy, recordsOf(), { free });
    const answers = Array.from({ length: KNOWN(policy) }, (_, index) =>
      grounds(policy, requests.plain(index)),
    );
    writeFileSync(file, JSON.stringify(answers));
    files.set(file, file);
  }
  return file;
}

/** What contenders do in processes of their own: see `child.mjs`. */
export async function jobs(names, kind, policy, more = {}) {
  const bundle = await policyFile(policy);
  const asked = ["decide", "denied", "grounds"].includes(kind);
  const answers = asked ? await answersFile(policy, more.free) : undefined;
  return names.map((contender) => ({ contender, kind, policy, bundle, answers, ...more }));
}
