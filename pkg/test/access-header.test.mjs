/**
 * The access header is signed and verified as the vectors say, and the acknowledgement is made and
 * checked. `UPDATE=1` signs the vectors anew.
 */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { Gate, PortcullisError } from "portcullis";
import {
  ENFORCED_HEADER,
  ACCESS_HEADER,
  NonceCache,
  acknowledge,
  publicKey,
  accessKeys,
  verify,
} from "portcullis/origin";
import { POLICY, compile } from "../../tests/worker/setup.mjs";
import { Signer } from "../dist/access-header/sign.js";

// The headers are signed inside the edge module, which a gate starts.
await Gate.load({
  module: readFileSync(new URL("../wasm/edge_bg.wasm", import.meta.url)),
  bundle: compile(POLICY),
});

const PATH = new URL("../../tests/corpus/access-header/vectors.json", import.meta.url);
const DOCUMENT = new URL("../../docs/access-header.md", import.meta.url);
const vectors = JSON.parse(readFileSync(PATH, "utf8"));
const secret = (id) => vectors.gate.find((key) => key.startsWith(`${id}:`));
const quoted = (texts) => texts.map((text) => `"${text.replace(/["\\]/g, "\\$&")}"`).join(" ");

/** The access header of a vector, as the gate signs it. */
async function made({
  key,
  method,
  target,
  headers,
  policy,
  slots,
  denied,
  verdict,
  created,
  nonce,
}) {
  const signer = Signer.of({ ACCESS_KEY: secret(key) }, policy, slots);
  const request = new Request(`https://gate.example${target}`, { method, headers });
  assert.equal(
    await signer.sign(request, { denied: quoted(denied), verdict }, nonce, created),
    nonce,
  );
  return request.headers.get(ACCESS_HEADER);
}

if (process.env.UPDATE === "1") await rewrite();

const PUBLIC = vectors.public;
const keys = await accessKeys(`${secret("edge-1")}, ${PUBLIC}`);
const arrived = ({ method, target, headers }, value) => ({
  method,
  target,
  headers: new Headers([...headers, ...(value === null ? [] : [[ACCESS_HEADER, value]])]),
});
const named = (name) => vectors.signed.find((vector) => vector.name === name);

for (const vector of vectors.signed) {
  test(`access header: ${vector.name}`, async () => {
    assert.equal(await made(vector), vector.value);
    const { denied, verdict, policy, slots, created, nonce, key } = vector;
    const expected = {
      denied,
      verdict,
      policy: policy.id,
      version: policy.version,
      bundle: policy.digest.slice(0, 16),
      slots,
      created,
      nonce,
      keyId: key,
    };
    assert.deepEqual(
      await verify(arrived(vector, vector.value), keys, { now: created * 1000 }),
      expected,
    );
    const request = new Request(`https://origin.example${vector.target}`, {
      method: vector.method,
      headers: [...vector.headers, [ACCESS_HEADER, vector.value]],
    });
    assert.deepEqual(await verify(request, keys, { now: created * 1000 }), expected);
  });

  test(`no byte of it can be another: ${vector.name}`, async () => {
    for (let at = 0; at < vector.value.length; at += 1) {
      for (const other of [String.fromCharCode(vector.value.charCodeAt(at) ^ 1), "A", '"', ""]) {
        const changed = vector.value.slice(0, at) + other + vector.value.slice(at + 1);
        if (changed === vector.value || changed.trim() === vector.value || /[^ -~]/.test(changed))
          continue;
        assert.equal(
          typeof (await verify(arrived(vector, changed), keys, { now: vector.created * 1000 })),
          "string",
          changed,
        );
      }
    }
  });
}

for (const fault of vectors.faults) {
  test(`fault: ${fault.name}`, async () => {
    const vector = named(fault.of);
    const { created } = vector;
    const answer = await verify(
      arrived({ ...vector, ...fault }, spoilt(vector.value, fault)),
      keys,
      { now: (fault.now ?? created) * 1000 },
    );
    assert.equal(typeof answer === "string" ? answer : "", fault.code);
  });
}

test("an access header is accepted once", async () => {
  const seen = new NonceCache();
  const [first, second] = vectors.signed;
  const options = { now: first.created * 1000, nonces: seen };
  assert.equal(
    await verify(arrived({ ...first, method: "GET" }, first.value), keys, options),
    "access_method_wrong",
  );
  assert.equal(typeof (await verify(arrived(first, first.value), keys, options)), "object");
  assert.equal(await verify(arrived(first, first.value), keys, options), "access_replayed");
  assert.equal(typeof (await verify(arrived(second, second.value), keys, options)), "object");
});

test("a full cache refuses until nonces have ended", () => {
  const seen = new NonceCache(2);
  assert.deepEqual(
    [seen.take("a", 70, 0), seen.take("b", 71, 1), seen.take("c", 72, 2), seen.take("a", 70, 2)],
    ["fresh", "fresh", "full", "replayed"],
  );
  assert.deepEqual(
    [seen.take("c", 141, 71), seen.take("d", 141, 71), seen.take("d", 141, 72)],
    ["fresh", "full", "fresh"],
  );
});

test("keys that are none are refused without a word of what they hold", async () => {
  const long = "A".repeat(43) + "=";
  for (const text of [
    "k",
    "k:hmac-sha256",
    `k:none:${long}`,
    `:hmac-sha256:${long}`,
    `k k:hmac-sha256:${long}`,
    "k:hmac-sha256:c2VjcmV0",
    "k:ed25519:c2VjcmV0",
    `k:hmac-sha256:${long}x`,
  ]) {
    await assert.rejects(
      accessKeys(text),
      (error) =>
        error instanceof PortcullisError &&
        error.code === "key_invalid" &&
        !error.message.includes("c2Vj"),
      text,
    );
  }
});

test("a deployment's keys are read once and for all", () => {
  const info = named("nothing denied").policy;
  for (const [ACCESS_KEY, ENFORCED_KEY] of [
    ["x"],
    ["", undefined],
    [`${secret("edge-1")},${secret("edge-2")}`],
    [undefined, vectors.origin],
    [secret("edge-1"), PUBLIC],
  ]) {
    assert.throws(() => Signer.of({ ACCESS_KEY, ENFORCED_KEY }, info, []), { code: "key_invalid" });
  }
  assert.equal(Signer.of({}, info, []), undefined);
  assert.equal(Signer.of({ ACCESS_KEY: secret("edge-1") }, info, []).acknowledges, false);
});

test("nothing that a policy or a caller says ends the header", async () => {
  const { policy } = named("nothing denied");
  const request = () => new Request("https://gate.example/");
  for (const denied of ['"a\r\nx: y"', '"ä"', '"\u0000"']) {
    await assert.rejects(
      Signer.of({ ACCESS_KEY: secret("edge-1") }, policy, []).sign(request(), {
        denied,
        verdict: "pass",
      }),
      { code: "input_invalid" },
    );
  }
  await assert.rejects(
    Signer.of({ ACCESS_KEY: secret("edge-1") }, { ...policy, id: "a\nb" }, []).sign(request(), {
      denied: "",
      verdict: "pass",
    }),
    { code: "input_invalid" },
  );
});

test("an acknowledgement is for one access header, one status and a known key, and does not reach the client", async () => {
  const vector = named("one family denied");
  const other = "origin-2:hmac-sha256:1HUfMIil4OMsxscLFFN10Y7nD+1yqtoU2szEiTbF1uU=";
  const signer = Signer.of(
    { ACCESS_KEY: secret("edge-1"), ENFORCED_KEY: `${vectors.origin}, ${other}` },
    vector.policy,
    vector.slots,
  );
  assert.equal(signer.acknowledges, true);
  const says = (value, { status = 200, nonce = vector.nonce } = {}) => {
    const response = signer.takeAcknowledgement(
      new Response("{}", {
        status,
        headers:
          value === undefined ? { "x-kept": "1" } : { [ENFORCED_HEADER]: value, "x-kept": "1" },
      }),
      nonce ?? undefined,
    );
    assert.equal(response.headers.get(ENFORCED_HEADER), null);
    assert.equal(response.headers.get("x-kept"), "1");
    assert.equal(response.status, status);
    return signer.acknowledged(response);
  };
  const value = await acknowledge(vector, 200, vectors.origin);
  assert.equal(says(value), true);
  assert.equal(says(await acknowledge(vector, 200, other)), true, "while keys change");
  assert.equal(says(undefined), false);
  assert.equal(says("1"), false);
  assert.equal(says(value, { nonce: null }), false, "no access header");
  assert.equal(says(value, { nonce: named("nothing denied").nonce }), false, "another request's");
  assert.equal(says(value, { status: 201 }), false, "another status");
  assert.equal(says(await acknowledge(vector, 200, secret("edge-1"))), false, "another key");
  assert.equal(says(`${value}, ${value}`), false);
  for (let at = 0; at < value.length; at += 1)
    assert.equal(
      says(
        value.slice(0, at) + String.fromCharCode(value.charCodeAt(at) ^ 1) + value.slice(at + 1),
      ),
      false,
    );
});

test("the examples in the documentation are right", async () => {
  const text = readFileSync(DOCUMENT, "utf8");
  const [header, enforced] = [...text.matchAll(/```text\n[A-Za-z-]+: ([^`]*?)\n```/g)].map(
    ([, example]) => example.replaceAll("\n  ", " "),
  );
  const request = {
    method: "POST",
    target: "/v1/chat/completions",
    headers: { authorization: " Bearer sk-1\t", [ACCESS_HEADER]: header },
  };
  const access = await verify(request, keys, { now: vectors.signed[0].created * 1000 });
  assert.deepEqual(access.denied, ["mythos-class", "*"]);
  assert.equal(await acknowledge(access, 200, vectors.origin), enforced);
});

for (const { of, status, value } of vectors.enforced) {
  test(`acknowledged: ${of}, ${status}`, async () => {
    assert.equal(await acknowledge(named(of), status, vectors.origin), value);
  });
}

/** An access header with a fault in it. */
function spoilt(header, { value: instead = header, cut, append = "", replace, twice, signature }) {
  if (instead === null) return null;
  let text = cut === undefined ? instead : instead.slice(0, instead.indexOf(cut));
  if (replace !== undefined) text = text.replace(...replace);
  if (signature !== undefined) text = text.replace(/, sig=:.*/, `, sig=:${signature}:`);
  return (twice === true ? `${text}, ${text}` : text) + append;
}

async function rewrite() {
  vectors.public = await publicKey(secret("edge-2"));
  for (const vector of vectors.signed) vector.value = await made(vector);
  for (const one of vectors.enforced)
    one.value = await acknowledge(
      vectors.signed.find(({ name }) => name === one.of),
      one.status,
      vectors.origin,
    );
  const lines = Object.entries(vectors).map(([name, value]) => {
    const text = Array.isArray(value)
      ? `[\n${value.map((one) => `    ${JSON.stringify(one)}`).join(",\n")}\n  ]`
      : JSON.stringify(value);
    return `  ${JSON.stringify(name)}: ${text}`;
  });
  writeFileSync(PATH, `{\n${lines.join(",\n")}\n}\n`);
  const documented = readFileSync(DOCUMENT, "utf8");
  const [, fields] = /```text\nPortcullis-Access: ([^`]*?),\s+sig=:/.exec(documented);
  const key = Buffer.from(secret("edge-1").split(":").at(-1), "base64");
  const signature = createHmac("sha256", key)
    .update(`${ACCESS_HEADER}: ${fields.replaceAll("\n  ", " ")}`)
    .digest("base64");
  writeFileSync(DOCUMENT, documented.replace(/(?<=sig=:)[^:]+/, signature));
}
