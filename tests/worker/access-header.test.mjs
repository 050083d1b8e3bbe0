/** The access header of forwarded requests, verified as an origin does, and the acknowledgement. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ENFORCED_KEY, ACCESS_KEY } from "../../tools/demo.mjs";
import { accessCheck } from "../../tools/origin/access.mjs";
import { publicKey } from "portcullis/origin";
import { open } from "./raw.mjs";
import { POLICY, bearer, compile, start } from "./setup.mjs";

const US = { country: "US", regionCode: "TX" };
const FR = { country: "FR" };
const SEED = "edge-2:ed25519:nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const access = await accessCheck({
  keys: `${ACCESS_KEY}, ${await publicKey(SEED)}`,
  key: ENFORCED_KEY,
});
let gate;

before(async () => {
  gate = await start({ access, bindings: { LOCAL: "1" } });
});
after(() => gate.close());

const last = () => gate.origin.seen.at(-1);
/** A chat request over a real connection, whose place is a header. */
const chat = (
  model,
  key,
  country,
  { path = "/v1/chat/completions", headers = {}, url = gate.worker.url } = {},
) =>
  fetch(url + path, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "cf-ipcountry": country,
      ...bearer(key),
      ...headers,
    },
    body: JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] }),
  });

for (const [what, model, key, country, denied, verdict] of [
  ["an unrestricted caller", "haiku-4", "sk-us", "US", [], "pass"],
  ["an unrestricted caller, whatever is asked for", "auto", "sk-us", "US", [], "pass"],
  ["a pass under restriction", "haiku-4", "sk-foreign", "FR", ["mythos-class"], "pass"],
  ["a deferred request", "auto", "sk-foreign", "FR", ["mythos-class"], "defer"],
]) {
  test(`${what} has an access header that the origin can verify`, async () => {
    const answer = await chat(model, key, country);
    assert.equal(answer.status, 200);
    const { access } = last();
    assert.equal(typeof access, "object", access);
    assert.deepEqual(
      {
        denied: access.denied,
        verdict: access.verdict,
        policy: access.policy,
        version: access.version,
      },
      { denied, verdict, policy: "worker-tests", version: 7 },
    );
    assert.match(access.bundle, /^[0-9a-f]{16}$/);
    assert.ok(access.slots.includes("authorization") && access.slots.includes("x-api-key"));
    assert.equal(
      answer.headers.get("portcullis-enforced"),
      null,
      "what the origin says to the gate is not the client's",
    );
  });
}

test("no two requests have one nonce", async () => {
  const nonces = new Set();
  for (let at = 0; at < 8; at += 1) {
    await chat("haiku-4", "sk-us", "US");
    nonces.add(last().access.nonce);
  }
  assert.equal(nonces.size, 8);
});

test("a body that is sent while it is read counts as deferred", async () => {
  const padding = "x".repeat(1_500_000);
  const body = JSON.stringify({ model: "haiku-4", messages: [{ role: "user", content: padding }] });
  for (const [key, country, verdict] of [
    ["sk-foreign", "FR", "defer"],
    ["sk-us", "US", "pass"],
  ]) {
    const answer = await fetch(`${gate.worker.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", "cf-ipcountry": country, ...bearer(key) },
      body,
    });
    assert.equal(answer.status, 200);
    await answer.arrayBuffer();
    assert.equal(last().access.verdict, verdict);
  }
});

for (const method of ["GET", "POST", "HEAD", "OPTIONS", "DELETE", "PATCH"]) {
  test(`the method is bound: ${method}`, async () => {
    await fetch(`${gate.worker.url}/v1/files/file-1`, {
      method,
      headers: { ...bearer("sk-us"), "cf-ipcountry": "US" },
    });
    assert.equal(last().method, method);
    assert.equal(typeof last().access, "object", last().access);
  });
}

for (const target of [
  "/v1/models?x=%2F%2f&y=a+b&x=2",
  "/v1//models",
  "/v1/models/a%20b",
  "/v1/models/%6dodel",
  "/v1/models/a|b",
  "/v1/models/'\"<>`{}",
  "/v1/models/[a]?q=[b]&c={|}'\"",
  "/v1/../v1/models",
  "/v1/models?",
  "/v1/models/ä?ö",
  "/v1/models/a\\b",
  "/v1/models;v=1/x",
  "/v1/models/%zz%",
]) {
  test(`path and query are bound as the origin sees them: ${target}`, async () => {
    const client = await open(gate.worker.url);
    await client.head("GET", target, {
      connection: "close",
      "cf-ipcountry": "US",
      ...bearer("sk-us"),
    });
    await client.status;
    assert.equal(typeof last().access, "object", `${last().url}: ${last().access}`);
  });
}

test("a WebSocket has an access header when it is opened", async () => {
  const { status, webSocket, headers } = await gate.fetch("/v1/realtime?model=haiku-4", {
    headers: {
      upgrade: "websocket",
      "cf-ipcountry": "FR",
      ...bearer("sk-foreign"),
      "sec-websocket-protocol": "realtime",
    },
  });
  assert.equal(status, 101);
  assert.equal(headers.get("portcullis-enforced"), null);
  assert.deepEqual(last().access.denied, ["mythos-class"]);
  const echoed = new Promise((resolve) =>
    webSocket.addEventListener("message", ({ data }) => resolve(data)),
  );
  webSocket.accept();
  webSocket.send("{}");
  await echoed;
  webSocket.close();
});

test("a request that is not guarded has no access header, and keeps what only looks like a credential", async () => {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-"));
  const policy = join(folder, "policy.toml");
  writeFileSync(
    policy,
    readFileSync(POLICY, "utf8").replace(
      /^dialects = .*$/m,
      'dialects = [{ id = "openai", prefix = "/openai" }]',
    ),
  );
  const prefixed = await start({
    access,
    bundle: compile(policy),
    bindings: { LOCAL: "1", CREDENTIAL_SLOTS: "authorization" },
  });
  rmSync(folder, { recursive: true });
  try {
    const ask = async (path) => {
      await fetch(prefixed.worker.url + path, {
        headers: { "portcullis-access": "denied=()", x_api_key: "a", "x-api-key": "b" },
      });
      return prefixed.origin.seen.at(-1);
    };
    const outside = await ask("/health?api_key=c");
    assert.equal(outside.access, "access_missing");
    assert.deepEqual(
      [outside.url, outside.headers.x_api_key, outside.headers["x-api-key"]],
      ["/health?api_key=c", "a", "b"],
    );
    const inside = await ask("/openai/v1/models?api_key=c");
    assert.equal(typeof inside.access, "object", inside.access);
    assert.deepEqual(
      [inside.url, inside.headers.x_api_key, inside.headers["x-api-key"]],
      ["/openai/v1/models", undefined, undefined],
    );
  } finally {
    await prefixed.close();
  }
});

test("inbound copies of our own headers are removed in every spelling", async () => {
  for (const [key, country] of [
    ["sk-us", "US"],
    ["sk-foreign", "FR"],
  ]) {
    const client = await open(gate.worker.url);
    await client.head("GET", "/v1/models", {
      connection: "close, Portcullis-Access, portcullis_enforced",
      trailer: "Portcullis_Access",
      "cf-ipcountry": country,
      ...bearer(key),
      "PORTCULLIS-ACCESS": "denied=()",
      Portcullis_Access: "denied=()",
      "portcullis-Enforced": "1",
      portcullis_enforced: "1",
    });
    await client.status;
    assert.equal(typeof last().access, "object", last().access);
    const { raw } = last();
    const names = raw
      .filter((_, at) => at % 2 === 0)
      .map((name) => name.toLowerCase().replaceAll("_", "-"));
    assert.deepEqual(
      names.filter((name) => name.startsWith("portcullis")),
      ["portcullis-access"],
    );
    assert.ok(
      !raw.some(
        (text) => /portcullis/i.test(text) && /,|_/.test(text) && !text.startsWith("denied="),
      ),
      raw.join("|"),
    );
  }
});

test("a trailer does not reach the origin", async () => {
  const client = await open(gate.worker.url);
  await client.head("POST", "/v1/chat/completions", {
    connection: "close",
    "transfer-encoding": "chunked",
    trailer: "Portcullis-Access",
    "content-type": "application/json",
    "cf-ipcountry": "US",
    ...bearer("sk-us"),
  });
  await client.chunk('{"model":"haiku-4","messages":[]}');
  await client.bytes("0\r\nPortcullis-Access: denied=()\r\n\r\n");
  await client.status;
  assert.equal(typeof last().access, "object", last().access);
  assert.equal(last().headers.trailer, undefined);
});

test("every credential is bound, and those in a spelling that only some servers read are taken out", async () => {
  await chat("haiku-4", "sk-us", "US", {
    headers: { "x-api-key": "sk-us", x_api_key: "sk-foreign", authoriza_tion: "kept" },
  });
  assert.equal(typeof last().access, "object", last().access);
  assert.equal(last().headers.x_api_key, undefined);
  assert.equal(last().headers.authoriza_tion, "kept");
  const client = await open(gate.worker.url);
  await client.bytes(
    "GET /v1/models HTTP/1.1\r\nhost: gate.example\r\nconnection: close\r\nx-api-key: a\r\nx-api-key: b\r\ncf-ipcountry: US\r\n\r\n",
  );
  await client.status;
  assert.equal(typeof last().access, "object", last().access);
});

test("without a key there is no access header, and a client's own is removed", async () => {
  const unsigned = await start({
    bindings: { LOCAL: "1", ACCESS_KEY: undefined, ENFORCED_KEY: undefined },
  });
  try {
    const answer = await chat("haiku-4", "sk-foreign", "FR", {
      url: unsigned.worker.url,
      headers: { "portcullis-access": "denied=()" },
    });
    assert.equal(answer.status, 200);
    assert.equal(unsigned.origin.seen.at(-1).headers["portcullis-access"], undefined);
  } finally {
    await unsigned.close();
  }
});

test("Ed25519: the origin needs no secret", async () => {
  const signed = await start({ access, bindings: { LOCAL: "1", ACCESS_KEY: SEED } });
  try {
    await chat("auto", "sk-foreign", "FR", { url: signed.worker.url });
    assert.equal(signed.origin.seen.at(-1).access.keyId, "edge-2");
  } finally {
    await signed.close();
  }
});

test("a key that the origin does not know is not believed", async () => {
  const stranger = await start({
    access,
    bindings: { LOCAL: "1", ACCESS_KEY: `demo-gate:hmac-sha256:${"A".repeat(43)}=` },
  });
  try {
    await chat("haiku-4", "sk-us", "US", { url: stranger.worker.url });
    assert.equal(stranger.origin.seen.at(-1).access, "access_signature_wrong");
  } finally {
    await stranger.close();
  }
});

test("a deployment whose keys are not in order serves nothing", async () => {
  const broken = await start({ bindings: { LOCAL: "1", ACCESS_KEY: undefined } });
  try {
    const answer = await fetch(`${broken.worker.url}/.well-known/portcullis/status`);
    assert.deepEqual([answer.status, await answer.json()], [503, { error: "key_invalid" }]);
    assert.equal((await chat("haiku-4", "sk-us", "US", { url: broken.worker.url })).status, 503);
    assert.equal(broken.origin.seen.length, 0);
  } finally {
    await broken.close();
  }
});
