/**
 * An access read from the endpoint's answer says of every model what the gate itself says, and what
 * `gate.judge` says of a request that names it.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Gate } from "portcullis";
import { readAccess } from "portcullis/browser";
import { POLICY, compile } from "../../tests/worker/setup.mjs";

const module = readFileSync(new URL("../wasm/edge_bg.wasm", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "portcullis-"));
after(() => rmSync(folder, { recursive: true }));

let files = 0;
function load(text) {
  const path = join(folder, `${(files += 1)}.toml`);
  writeFileSync(path, text);
  return Gate.load({ module, bundle: compile(path) });
}

/** A generator of pseudo-random numbers (mulberry32), so that a failure can be repeated. */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const TOKENS = ["mythos", "my", "5", "50", "x", "20260601", "haiku"];
const STARS = ["my*", "5*", "x*"];
const JOINTS = [
  ...["-", "-", "-", "/", ".", ":", "_", "@", ",", " "],
  ...["%2d", "%2C", "%252d", "@preset/", "%", "%2525252d"],
];

/** Makes a policy in which patterns overlap, and licences open parts of what restrictions close. */
function policyOf(next, unlisted) {
  const pick = (list) => list[Math.floor(next() * list.length)];
  const pattern = () => {
    const tokens = Array.from({ length: 1 + Math.floor(next() * 3) }, () =>
      next() < 0.15 ? pick(STARS) : pick(TOKENS),
    );
    return tokens.join("-");
  };
  const taken = new Set();
  const fresh = () => {
    for (;;) {
      const made = pattern();
      if (!taken.has(made)) return taken.add(made) && made;
    }
  };
  const families = ["one", "two", "three"].map((id) => ({
    id,
    ids: Array.from({ length: 1 + Math.floor(next() * 3) }, fresh),
    alias: `${id}-${pick(["best", "my-5", "auto"])}`,
  }));
  const some = () => (next() < 0.3 ? pick(pick(families).ids) : pick(families).id);
  const rules = Array.from({ length: 1 + Math.floor(next() * 3) }, (_, at) => ({
    id: `r${at}`,
    models: next() < 0.1 ? ["*"] : [some()],
  }));
  const licences = Array.from({ length: Math.floor(next() * 3) }, (_, at) => ({
    id: `l${at}`,
    lifts: pick(rules).id,
    models: next() < 0.5 ? [fresh()] : [some()],
  }));
  const list = (texts) => JSON.stringify(texts);
  return `
format = 1
[policy]
id = "random"
version = 3
dialects = ["openai"]
unlisted = "${unlisted}"
[authorities.order]
title = "An order"
appeal = "https://example.com/appeal"
${families.map(({ id, ids, alias }) => `[models.${id}]\ntitle = "Family ${id}"\nids = ${list(ids)}\naliases = ${list([alias])}`).join("\n")}
${rules.map(({ id, models }) => `[[restrictions]]\nid = "${id}"\nmodels = ${list([...new Set(models)])}\nauthority = "order"\nwhen = 'country == "FR"'\nmessage = "Closed by ${id}."`).join("\n")}
${licences.map(({ id, lifts, models }) => `[[licences]]\nid = "${id}"\nauthority = "order"\nlifts = ["${lifts}"]\nmodels = ${list(models)}`).join("\n")}
`;
}

function idOf(next) {
  const pick = (list) => list[Math.floor(next() * list.length)];
  let id = next() < 0.1 ? `${pick(["one", "two", "three"])}-${pick(["best", "my-5", "auto"])}` : "";
  const length = 1 + Math.floor(next() * 4);
  for (let at = id === "" ? 0 : length - 1; at < length; at += 1)
    id += (id === "" ? "" : pick(JOINTS)) + pick([...TOKENS, "best", "my-5"]);
  return next() < 0.1 ? id.toUpperCase() : id;
}

const outcome = (work) => {
  try {
    return work();
  } catch (error) {
    return error.code;
  }
};

test("an answer agrees with its gate and with `judge`, under random policies", async () => {
  const seen = { pass: 0, deny: 0, defer: 0, invalid: 0, partial: 0 };
  for (let seed = 1; seed <= 40; seed += 1) {
    const next = random(seed);
    const unlisted = ["defer", "pass", "deny"][seed % 3];
    const text = policyOf(next, unlisted);
    const gate = await load(text);
    for (const country of ["FR", "US"]) {
      const facts = { place: { country } };
      const local = gate.access(facts);
      const answered = readAccess(JSON.stringify(local));
      assert.deepEqual(answered.toJSON(), local.toJSON());
      assert.equal(answered.unrestricted, local.unrestricted);
      for (let count = 0; count < 150; count += 1) {
        const id = idOf(next);
        const what = `seed ${seed}, ${country}, ${id}\n${text}`;
        const ours = outcome(() => local.verdict(id));
        assert.deepEqual(
          outcome(() => answered.verdict(id)),
          ours,
          what,
        );
        assert.equal(
          outcome(() => answered.may(id)),
          outcome(() => local.may(id)),
          what,
        );
        if (ours === "input_invalid") {
          seen.invalid += 1;
          continue;
        }
        assert.equal(ours.verdict === "pass", local.may(id), what);
        seen[ours.verdict] += 1;
        if (ours.verdict === "deny" && ours.family !== null)
          assert.match(ours.message, /^Closed by r\d\.$/, what);
        const { verdict } = gate.judge(
          {
            method: "POST",
            url: "/v1/chat/completions",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ model: id, messages: [] }),
          },
          facts,
        );
        // A list of ids passes only if each of them does.
        if (/[ ,]|%(?:25)*2c/i.test(id)) assert.ok(ours.verdict !== "pass" || verdict === "pass");
        else assert.equal(ours.verdict, verdict, what);
      }
      if (!local.unrestricted && Object.values(local.toJSON().patterns).includes(true))
        seen.partial += 1;
    }
    gate.free();
  }
  for (const [kind, count] of Object.entries(seen)) assert.ok(count > 20, `${kind}: ${count}`);
});

test("the answer has the members of the contract, and neither rules nor facts", async () => {
  const gate = await Gate.load({ module, bundle: compile(POLICY) });
  const account = gate.accountByName({ us_person: false, org: "acme" });
  const answer = JSON.parse(JSON.stringify(gate.access({ place: { country: "FR" }, account })));
  assert.deepEqual(Object.keys(answer).sort(), [
    ...["denied", "expires", "patterns", "policy", "stale", "unlisted", "unrestricted"],
  ]);
  assert.equal(answer.unrestricted, false);
  assert.deepEqual(Object.keys(answer.denied[0]), ["id", "title", "message", "appeal", "patterns"]);
  assert.equal(answer.patterns["mythos-5"], false);
  assert.equal(answer.policy.id, gate.info.id);
  assert.equal(answer.stale, false);
  assert.ok(!/acme|us_person|us-persons-only|embargo/.test(JSON.stringify(answer)));
  assert.equal(gate.access({ stale: true }).toJSON().stale, true);
});

test("an answer expires when it may change: with the policy, a rule or a fact of the account", async () => {
  const text = (expires) => `
format = 1
[policy]
id = "ends"
version = 1
dialects = ["openai"]${expires}
[models.closed]
ids = ["closed-1"]
[facts]
verified_until = { type = "time", claim = "/verified_until" }
[[restrictions]]
id = "order"
models = ["closed"]
unless = "verified_until > now"
message = "Closed."
[[restrictions]]
id = "later"
models = ["closed"]
from = 2027-03-01T00:00:00Z
message = "Closed."
`;
  const [endless, ending] = [
    await load(text("")),
    await load(text("\nexpires = 2027-02-01T00:00:00Z")),
  ];
  const at = (gate, now, end) => {
    const account = gate.accountByName(end === undefined ? {} : { verified_until: end });
    const { unrestricted, expires, stale } = gate
      .access({ account, now: Date.parse(now) })
      .toJSON();
    return [unrestricted, expires, stale];
  };
  const [now, verified] = ["2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"];
  assert.deepEqual(at(endless, now, verified), [true, "2027-01-01T00:00:00.000Z", false]);
  assert.deepEqual(at(endless, now), [false, "2027-03-01T00:00:00.000Z", false]);
  assert.deepEqual(at(endless, "2027-04-01T00:00:00Z"), [false, null, false]);
  assert.deepEqual(at(ending, now), [false, "2027-02-01T00:00:00.000Z", false]);
  assert.deepEqual(at(ending, "2027-02-01T00:00:00Z")[2], true);
});

test("what is no answer is told", () => {
  const good = { unrestricted: false, denied: [], patterns: {}, unlisted: "defer" };
  assert.equal(readAccess(good).may("x"), false);
  for (const bad of [
    ...["", "null", "[]", "{", undefined, null, 1, {}, { ...good, unrestricted: "yes" }],
    { ...good, denied: [null] },
    { ...good, denied: [{}] },
    { ...good, patterns: { a: 1 } },
    { ...good, unlisted: "maybe" },
  ])
    assert.throws(() => readAccess(bad), { code: "answer_invalid" }, JSON.stringify(bad));
});

test("names of JavaScript's own objects are no patterns", () => {
  const access = readAccess({
    unrestricted: false,
    denied: [],
    patterns: { a: true },
    unlisted: "defer",
  });
  for (const id of ["constructor", "__proto__", "toString", "hasOwnProperty"])
    assert.equal(access.may(id), false, id);
  assert.equal(access.may("a"), true);
});
