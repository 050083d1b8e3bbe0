/**
 * Decisions from JavaScript: the package beside hand-written JavaScript for one policy, then the
 * package alone as the policy grows. Both load and sort the accounts once, before the measurement.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Gate } from "portcullis";
import { POLICY, cli, compile } from "../tests/worker/setup.mjs";

const module = readFileSync(new URL("../pkg/wasm/edge_bg.wasm", import.meta.url));
const HEAD = {
  method: "POST",
  url: "https://gate.example/v1/chat/completions",
  headers: [["content-type", "application/json"]],
};
const NOW = Date.parse("2026-11-23T00:00:00Z");

await beside();
await growing();

/**
 * The rules of tests/worker/policy.toml by hand: the same facts as input, the same verdict, and
 * only the tests that the policy needs.
 */
function byHand({ place, network, asn, account }, body) {
  const soil = place?.country === "US" || place?.country === "PR";
  const embargo =
    place?.country === "CU" ||
    (place?.country === "UA" && place.region === "43") ||
    (network?.includes("tor") ?? false);
  const mythos =
    ((account?.us_person !== true || !soil) && account?.employee !== true) || asn === 64500;
  if (embargo) return { verdict: "deny", families: ["mythos-class", "open"] };
  if (!mythos) return { verdict: "pass", families: [] };
  if (body === undefined) return { verdict: "defer", families: ["mythos-class"] };
  const { model } = JSON.parse(body);
  if (typeof model !== "string") return { verdict: "defer", families: [] };
  const denied = /(^|[^a-z0-9])mythos[^a-z0-9]5($|[^a-z0-9])/i.test(model);
  return denied
    ? { verdict: "deny", families: ["mythos-class"] }
    : { verdict: model.includes("haiku-4") ? "pass" : "defer", families: [] };
}

async function beside() {
  const gate = await Gate.load({ module, bundle: compile(POLICY) });
  const us = { us_person: true };
  const foreign = { us_person: false };
  const callers = [
    [
      "no restriction",
      { place: { country: "US", region: "TX" }, network: [], asn: 64499, now: NOW },
      us,
    ],
    [
      "under restriction",
      { place: { country: "FR", region: "IDF" }, network: [], asn: 64499, now: NOW },
      foreign,
    ],
  ];
  console.log("| decision, ns | by hand | package | ratio |\n|---|---|---|---|");
  for (const [who, facts, record] of callers) {
    const account = gate.accountByName(record);
    for (const size of [1, 10, 100]) {
      const body = JSON.stringify({
        model: "haiku-4",
        messages: [{ role: "user", content: "lorem ipsum dolor sit ".repeat((size * 1024) / 22) }],
      });
      const bytes = new TextEncoder().encode(body);
      const text = new TextDecoder();
      const [hand, own] = race(
        () => byHand({ ...facts, account: record }, text.decode(bytes)).verdict,
        () => gate.judge({ ...HEAD, body: bytes }, { ...facts, account }).verdict,
      );
      console.log(
        `| ${who}, ${size} KB | ${hand.toFixed(0)} | ${own.toFixed(0)} | ${(own / hand).toFixed(2)} |`,
      );
      if (who === "no restriction") break;
    }
    const [hand, own] = race(
      () => byHand({ ...facts, account: record }, undefined).verdict === "pass",
      () => gate.access({ ...facts, account }, HEAD).unrestricted,
    );
    console.log(
      `| ${who}, access alone | ${hand.toFixed(0)} | ${own.toFixed(0)} | ${(own / hand).toFixed(2)} |`,
    );
  }
}

async function growing() {
  console.log(
    "\n| rows | access, ns: known caller | unknown caller | bundle, KB |\n|---|---|---|---|",
  );
  for (const rows of [10, 100, 1_000, 10_000]) {
    const bundle = generated(rows);
    const gate = await Gate.load({ module, bundle });
    const known = gate.accountByName({ org: "org-7", plan: "basic" });
    const place = { country: "FR" };
    const [first, second] = race(
      () => gate.access({ place, account: known, now: NOW }, HEAD).unrestricted,
      () => gate.access({ place, now: NOW }, HEAD).unrestricted,
    );
    console.log(
      `| ${rows} | ${first.toFixed(0)} | ${second.toFixed(0)} | ${(bundle.length / 1024).toFixed(0)} |`,
    );
  }
}

/** Compiles a policy with this many rows. Each restricts one organisation in one country. */
function generated(rows) {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-"));
  const countries = ["US", "FR", "DE", "GB", "IN", "JP", "BR", "CA", "AU", "MX"];
  const rules = Array.from(
    { length: rows },
    (_, index) =>
      `[[restrictions]]\nid = "r-${index}"\nmodels = ["mythos-class"]\nwhen = 'org == "org-${index}" && country == "${countries[index % countries.length]}"'\nmessage = "No."\n`,
  );
  const policy = `format = 1
[policy]
id = "grown"
title = "Grown"
version = 1
dialects = ["openai"]
[models.mythos-class]
title = "Mythos-class"
ids = ["mythos-5"]
[facts]
org = { type = "text", claim = "/org" }
plan = { type = "text", claim = "/plan" }
${rules.join("\n")}`;
  try {
    writeFileSync(join(folder, "policy.toml"), policy);
    execFileSync(cli(), ["compile", join(folder, "policy.toml"), "--out", join(folder, "bundle")], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    return readFileSync(join(folder, "bundle"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Returns nanoseconds per call for each: the median of nine rounds in which they take turns. */
function race(...works) {
  const rounds = works.map(() => []);
  const calls = works.map((work) => {
    const start = performance.now();
    let count = 0;
    while (performance.now() - start < 200)
      for (let i = 0; i < 16; i += 1, count += 1) sink ^= Number(work() === "pass");
    return Math.max(16, Math.round(count / 2));
  });
  for (let round = 0; round < 9; round += 1) {
    for (const [index, work] of works.entries()) {
      const start = performance.now();
      for (let i = 0; i < calls[index]; i += 1) sink ^= Number(work() === "pass");
      rounds[index].push(((performance.now() - start) * 1e6) / calls[index]);
    }
  }
  return rounds.map((numbers) => numbers.sort((a, b) => a - b)[4]);
}
var sink = 0;
