/** The package's own surface in Node: loading, access, judging, and what its errors say. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Gate, PortcullisError } from "portcullis";
import { corpora } from "../../tests/corpora.mjs";
import { POLICY, compile } from "../../tests/worker/setup.mjs";
import { HeaderLines } from "../dist/http/headers.js";

const module = readFileSync(new URL("../wasm/edge_bg.wasm", import.meta.url));
const bundle = compile(POLICY);
const gate = await Gate.load({ module, bundle });
const us = gate.account({ export: { us_person_ear: true } });
const foreign = gate.account({ export: { us_person_ear: false } });
const US = { country: "US", region: "TX" };
const FR = { country: "FR" };

const chat = (model) => ({
  method: "POST",
  url: "https://gate.example/v1/chat/completions",
  headers: [["content-type", "application/json"]],
  body: JSON.stringify({ model, messages: [] }),
});

test("a bundle says what it is", () => {
  const { id, version, title, expires, digest, dialects, facts, secretLists } = gate.info;
  assert.deepEqual(
    { id, version, title, secretLists },
    { id: "worker-tests", version: 7, title: "Policy of the worker's tests", secretLists: false },
  );
  assert.equal(expires, Date.parse("2099-01-01T00:00:00Z"));
  assert.match(digest, /^[0-9a-f]{64}$/);
  assert.deepEqual(dialects.map((dialect) => dialect.id).sort(), ["anthropic", "openai"]);
  assert.ok(dialects.every(({ credentials }) => credentials.length > 0));
  assert.deepEqual(
    facts.find(({ name }) => name === "us_person"),
    { name: "us_person", claim: "/export/us_person_ear" },
  );
});

test("the worker's copy of the headers is read like the runtime's own", () => {
  const given = new Headers({ "content-type": "application/json", "X-Model": "mythos-5" });
  const lines = new HeaderLines(given);
  assert.equal(String(lines), String(given));
  assert.deepEqual([...lines], [...given]);
  for (const model of ["haiku-4", "mythos-5"]) {
    const [one, other] = [given, lines].map((headers) => {
      const screening = gate.open({ ...chat(model), headers }, { place: FR, account: foreign });
      screening.feed(chat(model).body);
      const verdict = screening.finish();
      screening.release();
      return verdict;
    });
    assert.deepEqual(one, other);
  }
});

test("access: everything for one caller, a denied family with its message for another", () => {
  const all = gate.access({ place: US, account: us });
  assert.deepEqual([all.unrestricted, all.denied], [true, []]);
  const { unrestricted, denied } = gate.access({ place: FR, account: foreign });
  assert.equal(unrestricted, false);
  assert.deepEqual(
    denied.map(({ id, title, message }) => ({ id, title, message })),
    [
      {
        id: "mythos-class",
        title: "Mythos-class",
        message: "Mythos-class models are suspended for foreign nationals.",
      },
    ],
  );
});

test("judge: a held request, a Request, a request in pieces", async () => {
  const facts = { place: FR, account: foreign };
  const held = gate.judge(chat("mythos-5"), facts);
  assert.equal(held.verdict, "deny");
  assert.equal(held.status, 403);
  assert.deepEqual(held.mentions, ["mythos-5"]);
  assert.deepEqual(held.families, ["mythos-class"]);
  assert.deepEqual(held.restrictions, ["mythos-us-persons-only"]);
  const { url, ...init } = chat("mythos-5");
  assert.deepEqual(await gate.judge(new Request(url, init), facts), held);
  assert.equal(gate.judge(chat("haiku-4"), facts).verdict, "pass");
  assert.equal(gate.judge(chat("mythos-5"), { place: US, account: us }).verdict, "pass");

  const screening = gate.open(chat("mythos-5"), facts);
  screening.caseId = "case-1";
  for (const byte of new TextEncoder().encode(chat("mythos-5").body))
    screening.feed(Uint8Array.of(byte));
  assert.deepEqual(screening.finish(), held);
  const refusal = screening.refusal;
  assert.equal(refusal.status, 403);
  assert.ok(refusal.headers.some(([name, value]) => name === "x-request-id" && value === "case-1"));
  assert.equal(JSON.parse(refusal.body).error.code, "model_restricted");
  assert.equal(gate.open(chat("mythos-5"), { place: US, account: us }), undefined);
});

test("several accounts, several places: what any of them may not use", () => {
  assert.equal(gate.access({ place: US, account: [us, foreign] }).unrestricted, false);
  assert.equal(gate.access({ place: [US, FR], account: us }).unrestricted, false);
  assert.equal(
    gate.access({ place: [US, { country: "PR" }], account: [us, us] }).unrestricted,
    true,
  );
});

test("what is left out is unknown", () => {
  assert.equal(gate.access({}).unrestricted, false);
  assert.equal(gate.access({ place: US }).unrestricted, false);
  assert.equal(gate.access({ account: us }).unrestricted, false);
  assert.equal(gate.access({ place: US, account: [] }).unrestricted, false);
});

test("screenings and accounts that were released", () => {
  const screening = gate.open(chat("mythos-5"), { place: FR });
  screening.release();
  screening.release();
  assert.throws(() => screening.finish(), { name: "PortcullisError", code: "released" });
  const account = gate.account({ export: { us_person_ear: true } });
  account.free();
  account.free();
  assert.equal(gate.access({ place: US, account }).unrestricted, true);
});

test("a gate that was released finishes what it began, and is loaded again when it is used", async () => {
  const other = await Gate.load({ module, bundle });
  const account = other.account({ export: { us_person_ear: true } });
  assert.equal(other.access({ place: US, account }).unrestricted, true);
  const screening = other.open(chat("mythos-5"), { place: FR });
  other.free();
  screening.feed(new TextEncoder().encode(chat("mythos-5").body));
  assert.equal(screening.finish().verdict, "deny");
  screening.release();
  other.free();
  assert.equal(other.access({ place: US, account }).unrestricted, true);
  assert.equal(other.judge(chat("mythos-5"), { place: FR }).verdict, "deny");
});

test("an account of one policy is not taken for another's", async () => {
  const other = await Gate.load({ module, bundle });
  assert.throws(() => other.access({ account: us }), { code: "input_invalid" });
});

test("a line feed cannot smuggle a fact", () => {
  for (const facts of [
    { place: { country: "US\nUS" } },
    { ip: "1.2.3.4\n" },
    { network: ["vpn\n"] },
  ]) {
    assert.throws(() => gate.access(facts), { code: "input_invalid" });
  }
  assert.throws(() => gate.judge({ ...chat("haiku-4"), url: "/v1\n/x" }, {}), {
    code: "input_invalid",
  });
  assert.throws(
    () => gate.judge({ ...chat("haiku-4"), headers: [["a", "b\nc: d"]] }, { place: FR }),
    { code: "input_invalid" },
  );
});

for (const [what, bytes, code] of [
  ["nothing", new Uint8Array(), "bundle_truncated"],
  ["a cut bundle", bundle.subarray(0, bundle.length - 1), "bundle_truncated"],
  ["a longer one", Buffer.concat([bundle, Buffer.of(0)]), "bundle_trailing_bytes"],
  ["another file", Buffer.alloc(bundle.length), "bundle_foreign_file"],
]) {
  test(`${what} is not a bundle: ${code}`, async () => {
    await assert.rejects(
      Gate.load({ module, bundle: bytes }),
      (error) => error instanceof PortcullisError && error.code === code,
    );
  });
}

test("a bundle with one bit flipped, at any of 300 offsets, is refused with its own code", async () => {
  for (let step = 0; step < 300; step += 1) {
    const broken = Buffer.from(bundle);
    const at = Math.floor((step / 300) * broken.length);
    broken[at] ^= 1 << (step % 8);
    await assert.rejects(
      Gate.load({ module, bundle: broken }),
      (error) => error instanceof PortcullisError && error.code.startsWith("bundle_"),
      `byte ${at}`,
    );
  }
});

test("a decision neither grows the module's memory nor leaks handles", async () => {
  const { initSync } = await import("../wasm/edge.js");
  const { memory } = initSync();
  for (let round = 0; round < 2_000; round += 1)
    gate.judge(chat("mythos-5"), { place: FR, account: foreign });
  const before = memory.buffer.byteLength;
  for (let round = 0; round < 50_000; round += 1)
    gate.judge(chat("mythos-5"), { place: FR, account: foreign });
  assert.equal(memory.buffer.byteLength, before);
});

test("the access header and the description for the caller name the same closed models", async () => {
  for (const { policy, lines } of corpora()) {
    const judge = await Gate.load({ module, bundle: compile(policy) });
    let compared = 0;
    for (const line of lines) {
      const place = line.places ?? (line.place === undefined ? [] : [line.place]);
      const account = (line.accounts ?? [line.account ?? {}]).map((facts) =>
        judge.accountByName(facts),
      );
      const screening = judge.open(
        { method: line.method, url: line.url, headers: [] },
        { place, account, network: line.network },
      );
      for (const one of account) one.free();
      if (screening === undefined) continue;
      const { deniedIds } = screening;
      const verdict = screening.finish();
      assert.equal(
        screening.deniedIds,
        verdict.verdict === "pass" || verdict.verdict === "defer" ? deniedIds : "",
        "until it is refused",
      );
      assert.deepEqual(deniedIds, screening.denied.map(({ id }) => `"${id}"`).join(" "), line.id);
      compared += 1;
    }
    assert.ok(compared > 50, `${compared}`);
  }
});
