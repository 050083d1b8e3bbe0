/**
 * What a gate remembers never shows: random histories of callers, clocks, switches, policies and
 * requests are judged by a gate that remembers and by one that does not.
 *
 * `SEED=number` repeats a history; a failure prints its seed.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Gate } from "portcullis";
import { compile } from "../../tests/worker/setup.mjs";

const module = readFileSync(new URL("../wasm/edge_bg.wasm", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "portcullis-"));
after(() => rmSync(folder, { recursive: true }));

const encoder = new TextEncoder();
/** Requests that passed the short way of a screening. */
let passedBriefly = 0;
after(() => assert.ok(passedBriefly > 0 || process.env.SEED !== undefined));

const START = Date.parse("2026-06-01T00:00:00Z");
const DAY = 86_400_000;
const at = (day) => new Date(START + day * DAY).toISOString();

/** Instants of rules, accounts and the bundle are days. The clock moves in steps that meet them. */
const RULES = {
  plain: "",
  asn: `[[restrictions]]
id = "network"
authority = "order"
models = ["closed-2"]
when = 'asn == 64500'
doubt = "pass"
message = "This network."`,
  ip: `[lists.documentation]
kind = "cidr"
values = ["192.0.2.0/24"]
[[restrictions]]
id = "address"
authority = "order"
models = ["open-1"]
when = 'ip in documentation'
doubt = "pass"
message = "This address."`,
  operation: `[[restrictions]]
id = "embeddings"
authority = "order"
models = ["open-1"]
when = 'operation == "createEmbedding" && country == "FR"'
doubt = "pass"
message = "No embeddings."`,
};

const policy = (extra) => `format = 1
[policy]
id = "memory"
version = 1
expires = ${at(9)}
dialects = ["openai", "anthropic"]
[authorities.order]
title = "Order"
url = "https://example.gov/order"
[models.closed]
ids = ["closed-1", "closed-2"]
aliases = ["best"]
[models.open]
ids = ["open-1", "open-2"]
[facts]
person = { type = "bool", claim = "/person" }
verified = { type = "time", claim = "/verified" }
org = { type = "text", claim = "/org" }
[[restrictions]]
id = "persons"
authority = "order"
models = ["closed"]
from = ${at(2)}
unless = 'person && verified > now'
message = "Persons."
[[restrictions]]
id = "embargo"
authority = "order"
models = ["*"]
when = 'place in ["CU", "UA-43"] || "tor" in network'
doubt = "pass"
message = "Embargo."
status = 451
[[restrictions]]
id = "shipped"
authority = "order"
models = ["open-2"]
when = 'country == "FR"'
doubt = "pass"
state = "off"
message = "Shipped."
[[licences]]
id = "partners"
authority = "order"
kind = "exception"
lifts = ["persons"]
models = ["closed-1"]
when = 'org == "partner"'
until = ${at(6)}
${extra}
`;

const bundles = Object.fromEntries(
  Object.entries(RULES).map(([name, extra]) => {
    const path = join(folder, `${name}.toml`);
    writeFileSync(path, policy(extra));
    return [name, compile(path)];
  }),
);

/** A small generator of random numbers (mulberry32). */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

const RECORDS = [
  {},
  { person: true },
  { person: false },
  { person: true, verified: at(4) },
  { person: true, verified: at(8) },
  { person: true, verified: at(20), org: "partner" },
  { org: "partner" },
  { person: true, verified: "never", org: "other" },
];
const PLACES = [
  undefined,
  null,
  {},
  { country: "US" },
  { country: "US", region: "TX" },
  { country: "FR", region: "IDF" },
  { country: "fr" },
  { country: "UA", region: "43" },
  { country: "UA", region: "UA-43" },
  { country: "UA", region: "30" },
  { country: "UA" },
  { country: "RU", region: "CR" },
  { country: "CU" },
  { country: "T1" },
  { country: "XX" },
  { country: "\u00c6R" },
  { country: "US-PR" },
  { country: "US", region: "a long region" },
  { country: "US a long", region: "region" },
  { country: "CU ", region: "" },
  { country: "C ", region: "U" },
  { country: " ", region: "CU" },
  { country: "US", region: "\u0133X" },
  [{ country: "US" }],
  [{ country: "US" }, { country: "CU" }],
  [],
];
const IDS = [
  ...["closed-1", "closed-2", "open-1", "open-2", "best", "auto", "open-1-latest", "closed%2d1"],
  ...["open-1,closed-2", "x/open-2", "Closed-1", "%zz", "é", "openai/open-1:free", "closed-1 "],
];
const HEADERS = [
  ["content-type", "application/json"],
  ["Content-Type", "application/json; charset=utf-8"],
  ["content-type", "text/plain"],
  ["content-type", "application/x-www-form-urlencoded"],
  ["content-encoding", "gzip"],
  ["authorization", "Bearer sk-1"],
  ["authorization", "AWS4-HMAC-SHA256 Credential=a/20260601/us-east-1/bedrock/aws4_request"],
  ["x-api-key", "k"],
  ["anthropic-version", "2023-06-01"],
  ["openai-beta", "closed-1"],
  ["x-model", "closed-2"],
  ["x_model", "open-1"],
  ["x-target-model", "closed-1"],
  ["x-http-method-override", "GET"],
  ["x-original-url", "/v1/models/closed-2"],
  ["user-agent", "closed-1"],
  ["accept", "*/*"],
  ["host", "a.example"],
  ["digest", "sha-256=x"],
  ["upgrade", "websocket"],
  ["origin", "https://page.example"],
];
const URLS = [
  ...["/v1/chat/completions", "https://a.example/v1/chat/completions", "/v1/messages"],
  ...["/v1/embeddings", "/v1/chat/completions?model=closed-2", "/v1/responses", "/v1/files"],
  ...["/elsewhere", "/v1/models/closed-1", "/v1/unknown/thing", "/v1/batches", "/v1//embeddings"],
];
const STATES = ["on", "off", "shadow"];

for (const name of Object.keys(RULES)) {
  test(`a policy with ${name} rules: the same with and without memory`, async () => {
    const runs = process.env.SEED === undefined ? 12 : 1;
    for (let run = 0; run < runs; run += 1) {
      const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
      await history(bundles[name], seed).catch((cause) => {
        throw new Error(`SEED=${seed}: ${cause.message}`, { cause });
      });
    }
  });
}

async function history(bundle, seed) {
  const next = random(seed);
  const pick = (list) => list[Math.floor(next() * list.length)];
  const maybe = (chance, value) => (next() < chance ? value() : undefined);
  const gates = [
    await Gate.load({ module, bundle }),
    await Gate.load({ module, bundle, remember: false }),
  ];
  let accounts = RECORDS.map((data) => gates.map((gate) => gate.account(data)));
  let now = START;
  const kept = [];
  const sameness = pick([0, 0.5, 0.98]);
  let ids = 0;
  let last;
  for (let step = 0; step < 250; step += 1) {
    const chance = next();
    if (chance < 0.05) now += (Math.floor(next() * 5) - 1) * (DAY / 2) + pick([0, 0, 1, -1]);
    else if (chance < 0.09) {
      const [id, state] = [
        pick(["persons", "embargo", "shipped", "partners", "nobody"]),
        pick(STATES),
      ];
      const known = gates.map((gate) => gate.switch(id, state));
      assert.equal(known[0], known[1]);
    } else if (chance < 0.1) {
      for (const gate of gates) gate.free();
    } else if (chance < 0.11) {
      accounts = RECORDS.map((data) => gates.map((gate) => gate.account(data)));
    }
    const picked = pick([[], [pick(accounts)], [pick(accounts)], [pick(accounts), pick(accounts)]]);
    const shape = next();
    const place = pick(PLACES);
    const network = maybe(0.1, () => pick([["tor"], [], ["vpn"]]));
    const asn = maybe(0.2, () => pick([64500, 64501, -1, 1.5, null]));
    const ip = maybe(0.2, () => pick(["192.0.2.1", "198.51.100.1", "::1", "no address"]));
    const stale = maybe(0.1, () => pick([true, false, null]));
    const facts = (which) => ({
      place,
      network,
      asn,
      ip,
      stale,
      now,
      account:
        picked.length === 1 && shape < 0.5 ? picked[0][which] : picked.map((pair) => pair[which]),
    });
    const headers = Array.from({ length: Math.floor(next() * 4) }, () => pick(HEADERS));
    if (next() < 0.7) headers.unshift(HEADERS[0]);
    const [id, other] = [pick(IDS), pick(IDS)];
    const body = pick([
      undefined,
      "",
      "{",
      JSON.stringify({ model: id }),
      JSON.stringify({ model: id, messages: [{ role: "user", content: other }] }),
      JSON.stringify({ model: id, fallbacks: [other], metadata: { model: other } }),
      JSON.stringify({ model: id, tools: [{ function: { arguments: "{}" } }] }),
      `{"model":"${id}","model":"${other}"}`,
      `{"messages":[${'{"role":"user","content":"text"},'.repeat(3000)}{}],"model":"${id}"}`,
      `model=${id}`,
      JSON.stringify({ model: id, engine: `${other}\n"${id}"\0` }),
    ]);
    // The head of the request before, with another id.
    const repeated = last !== undefined && next() < sameness;
    const request = repeated
      ? { ...last, body: JSON.stringify({ model: `${pick(IDS)}-${(ids += 1) % 40}` }) }
      : {
          method: pick(["POST", "POST", "POST", "POST", "GET", "DELETE", "OPTIONS", "post"]),
          url: pick(URLS),
          headers,
          body,
        };
    last = request;
    const seen = gates.map((gate, which) => outcome(() => gate.judge(request, facts(which))));
    assert.deepEqual(seen[0].short, seen[1].short, `step ${step}`);
    kept.push(seen);
    const asked = gates.map((gate, which) =>
      outcome(() => {
        const access = gate.access(facts(which));
        const { unrestricted, denied } = access;
        return [unrestricted, denied, IDS.slice(0, 8).map((id) => outcome(() => access.may(id)))];
      }),
    );
    assert.deepEqual(asked[0], asked[1], `step ${step}`);
    const operation = { method: "POST", url: pick(URLS) };
    const told = gates.map((gate, which) =>
      outcome(() => {
        const access = gate.access(facts(which), operation);
        return [access.unrestricted, IDS.slice(0, 8).map((id) => outcome(() => access.may(id)))];
      }),
    );
    assert.deepEqual(told[0], told[1], `operation of step ${step}`);
    const between = () => {
      if (next() < 0.7) return;
      if (next() < 0.3) return gates[0].free();
      const [id, state] = [pick(["persons", "embargo", "shipped", "partners"]), pick(STATES)];
      for (const gate of gates) gate.switch(id, state);
    };
    for (const text of [request.body ?? "", '{"model":"open-1"}']) {
      const begun = outcome(() => gates[0].begin(request, facts(0)));
      if (begun.short !== undefined) break;
      const other = gates[1].open(request, facts(1));
      between();
      const bytes = encoder.encode(text);
      compareScreenings(begun.screening, other, bytes, next() < 0.5, `screening of step ${step}`);
    }
    // Words are those of the time of the verdict, whenever somebody asks for them.
    if (next() < 0.5) compareWords(kept.splice(Math.floor(next() * kept.length), 1)[0], step);
  }
  for (const seen of kept) compareWords(seen, "end");
  for (const gate of gates) gate.free();
}

function compareWords([one, other], step) {
  if (one.verdict === undefined) return;
  assert.deepEqual(one.verdict.toJSON(), other.verdict.toJSON(), `words of step ${step}`);
  assert.deepEqual(one.verdict.refusal(), other.verdict.refusal(), `refusal of step ${step}`);
}

/** The screening that may take the short way, and one that cannot, come to the same. */
function compareScreenings(one, other, bytes, isAsked, step) {
  assert.equal(one === undefined, other === undefined, step);
  if (one === undefined) return;
  if (isAsked) assert.equal(one.deniedIds, other.deniedIds, step);
  if (other.wantsBody) other.feed(bytes);
  const verdict = other.finish();
  if (one.passesBriefly(bytes)) {
    passedBriefly += 1;
    assert.deepEqual([verdict.verdict, other.check, one.check], ["pass", 0, 0], step);
    assert.ok(one.hasPassed, step);
  } else if (one.wantsBody) one.feed(bytes);
  if (isAsked || !one.hasPassed) {
    assert.deepEqual(one.finish().toJSON(), verdict.toJSON(), step);
    assert.deepEqual([one.refusal, one.check], [other.refusal, other.check], step);
  }
  assert.equal(one.deniedIds, other.deniedIds, step);
  one.release();
  other.release();
}

/** The result of a call, or the code of its error. */
function outcome(call) {
  try {
    const result = call();
    if (typeof result?.toJSON !== "function") return result;
    return { short: [result.verdict, result.reason], verdict: result };
  } catch (error) {
    assert.equal(error.code, "input_invalid", String(error.stack));
    return { short: error.code };
  }
}

test("a country with a blank in it stands for no other place", async () => {
  const gate = await Gate.load({ module, bundle: bundles.plain });
  const denied = (country, region = "") =>
    gate.access({ place: { country, region }, now: START }).denied.length > 0;
  assert.deepEqual(
    [denied("CU x"), denied("ZZ"), denied("CU"), denied("XX"), denied("CU", "x"), denied("")],
    [true, false, true, false, true, false],
  );
});

test("more ids than the module remembers by number", async () => {
  const gate = await Gate.load({ module, bundle: bundles.plain });
  const facts = { place: { country: "FR" }, now: START + 3 * DAY };
  for (let step = 0; step < 120; step += 1) {
    const id = `open-1-${(step * 7) % 37}`;
    const body = JSON.stringify({ model: id });
    const verdict = gate.judge(
      { method: "POST", url: URLS[0], headers: [HEADERS[0]], body },
      facts,
    );
    assert.deepEqual([verdict.verdict, verdict.mentions], ["pass", [id]]);
  }
});

test("more heads and more denied sets than the module keeps", async () => {
  const gate = await Gate.load({ module, bundle: bundles.plain });
  const facts = { place: { country: "FR" }, now: START + 3 * DAY };
  for (let step = 0; step < 400; step += 1) {
    const request = {
      method: "POST",
      url: `${URLS[0]}?page=${step % 150}`,
      headers: [HEADERS[0], ["x-model", step % 3 === 0 ? "closed-2" : "open-1"]],
      body: JSON.stringify({ model: "open-1" }),
    };
    const expected = step % 3 === 0 ? "deny" : "pass";
    assert.equal(gate.judge(request, facts).verdict, expected, `step ${step}`);
  }
});
