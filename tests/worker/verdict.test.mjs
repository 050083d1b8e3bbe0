/** What a caller gets, by place, network and account, and what the origin is shown of it. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { bearer, start } from "./setup.mjs";

const US = { country: "US", regionCode: "TX", asn: 64499 };
const FR = { country: "FR" };
const MESSAGE = "Mythos-class models are suspended for foreign nationals.";
let gate;

before(async () => {
  gate = await start({ bindings: { CORS_ORIGINS: "https://console.example.com" } });
});
after(() => gate?.close());

const last = () => gate.origin.seen.at(-1);

const TABLE = [
  // caller, cf, headers, model, status
  ["a foreign key asks for an open model", FR, bearer("sk-foreign"), "haiku-4", 200],
  ["a foreign key asks for a closed model", FR, bearer("sk-foreign"), "mythos-5", 403],
  ["a foreign key in the US", US, bearer("sk-foreign"), "mythos-5", 403],
  ["a US person at home", US, bearer("sk-us"), "mythos-5", 200],
  ["a US person abroad", FR, bearer("sk-us"), "mythos-5", 403],
  [
    "a US person in Puerto Rico, coded as a country",
    { country: "PR" },
    bearer("sk-us"),
    "mythos-5",
    200,
  ],
  [
    "a US person in Puerto Rico, coded as a region",
    { country: "US", regionCode: "PR" },
    bearer("sk-us"),
    "mythos-5",
    200,
  ],
  ["a US person of whom the place is unknown", { country: "" }, bearer("sk-us"), "mythos-5", 403],
  ["an employee, under the licence", FR, bearer("sk-employee"), "mythos-5", 200],
  ["a key that the table does not know", US, bearer("sk-nobody"), "mythos-5", 403],
  ["no key at all", US, {}, "mythos-5", 403],
  ["no key at all, open model", US, {}, "haiku-4", 200],
  ["a record whose flag is a text", US, bearer("sk-odd"), "mythos-5", 403],
  ["a key in x-api-key", US, { "x-api-key": "sk-us" }, "mythos-5", 200],
  ["the same key twice", US, { ...bearer("sk-us"), "x-api-key": "sk-us" }, "mythos-5", 200],
  [
    "a US key beside a foreign one",
    US,
    { ...bearer("sk-us"), "x-api-key": "sk-foreign" },
    "mythos-5",
    403,
  ],
  [
    "a foreign key beside a US one",
    US,
    { ...bearer("sk-foreign"), "x-api-key": "sk-us" },
    "mythos-5",
    403,
  ],
  [
    "two keys in one header",
    US,
    { authorization: "Bearer sk-us, Bearer sk-foreign" },
    "mythos-5",
    403,
  ],
  ["a key with odd spacing and case", US, { authorization: "bearer   sk-us" }, "mythos-5", 200],
  ["an embargoed country", { country: "CU" }, bearer("sk-us"), "haiku-4", 403],
  ["an embargoed region", { country: "UA", regionCode: "43" }, bearer("sk-us"), "haiku-4", 403],
  [
    "another region of that country",
    { country: "UA", regionCode: "30" },
    bearer("sk-us"),
    "haiku-4",
    200,
  ],
  ["Tor", { country: "T1" }, bearer("sk-us"), "haiku-4", 403],
  ["a network by its number", { ...US, asn: 64500 }, bearer("sk-us"), "mythos-5", 403],
  [
    "a place claimed by a header",
    FR,
    { ...bearer("sk-us"), "cf-ipcountry": "US" },
    "mythos-5",
    403,
  ],
  [
    "a place claimed by another platform's header",
    FR,
    { ...bearer("sk-us"), "x-vercel-ip-country": "US" },
    "mythos-5",
    403,
  ],
  [
    "another Worker made the request",
    US,
    { ...bearer("sk-us"), "cf-worker": "elsewhere.example" },
    "mythos-5",
    403,
  ],
  [
    "another Worker made the request, open model",
    US,
    { ...bearer("sk-us"), "cf-worker": "elsewhere.example" },
    "haiku-4",
    200,
  ],
];

for (const [caller, cf, headers, model, status] of TABLE) {
  test(`${caller}: ${model} ${status}`, async () => {
    const begun = gate.origin.seen.length;
    const answer = await gate.chat(model, cf, headers);
    assert.equal(answer.status, status, await answer.text());
    assert.equal(
      gate.origin.seen.length - begun,
      status === 200 ? 1 : 0,
      "requests that reached the origin",
    );
  });
}

test("a refusal is worded and marked as the API's clients need it", async () => {
  const answer = await gate.chat("mythos-5", FR, bearer("sk-foreign"));
  assert.equal(answer.headers.get("content-type"), "application/json");
  assert.equal(answer.headers.get("x-should-retry"), "false");
  assert.equal(answer.headers.get("cache-control"), "no-store");
  assert.equal(answer.headers.get("retry-after"), null);
  assert.match(answer.headers.get("x-request-id"), /^pc-[0-9a-f-]{36}$/);
  const { error } = await answer.json();
  assert.equal(error.code, "model_restricted");
  assert.ok(error.message.includes(MESSAGE), error.message);
});

test("a refusal speaks the dialect of the request", async () => {
  const answer = await gate.chat(
    "mythos-5",
    FR,
    { "x-api-key": "sk-foreign", "anthropic-version": "2023-06-01" },
    "/v1/messages",
  );
  assert.equal(answer.status, 403);
  const body = await answer.json();
  assert.equal(body.type, "error");
  assert.equal(body.error.type, "permission_error");
  assert.ok(body.error.message.includes(MESSAGE));
  assert.equal(body.request_id, answer.headers.get("request-id"));
});

test("a page of the deployment can read a refusal, another cannot", async () => {
  const own = await gate.chat("mythos-5", FR, { origin: "https://console.example.com" });
  assert.equal(own.headers.get("access-control-allow-origin"), "https://console.example.com");
  const other = await gate.chat("mythos-5", FR, { origin: "https://elsewhere.example" });
  assert.equal(other.headers.get("access-control-allow-origin"), null);
  assert.match(other.headers.get("vary"), /origin/i);
});

test("a true preflight reaches the origin", async () => {
  const answer = await gate.fetch("/v1/chat/completions", {
    method: "OPTIONS",
    headers: { origin: "https://console.example.com", "access-control-request-method": "POST" },
    cf: FR,
  });
  assert.equal(answer.status, 200);
  assert.equal(last().method, "OPTIONS");
});

test("HEAD has no body, refused or not", async () => {
  const refused = await gate.fetch("/v1/models/mythos-5", { method: "HEAD", cf: FR });
  assert.equal(refused.status, 403);
  assert.equal(await refused.text(), "");
});

for (const [who, key, cf] of [
  ["an unrestricted caller", "sk-us", US],
  ["a restricted caller", "sk-foreign", FR],
]) {
  test(`our own headers and foreign geo headers do not reach the origin: ${who}`, async () => {
    const answer = await gate.chat("haiku-4", cf, {
      ...bearer(key),
      "Portcullis-Access": "none",
      portcullis_reach: "none",
      "PORTCULLIS-Enforced": "1",
      "x-vercel-ip-country": "US",
      "CloudFront-Viewer-Country": "US",
      x_appengine_country: "US",
      "x-kept": "yes",
    });
    assert.equal(answer.status, 200);
    const names = Object.keys(last().headers).map((name) => name.replaceAll("_", "-"));
    assert.deepEqual(
      names.filter((name) => /^portcullis|vercel|cloudfront|appengine/.test(name)),
      ["portcullis-access"],
    );
    assert.match(last().headers["portcullis-access"], /^denied=/);
    assert.equal(last().headers["x-kept"], "yes");
  });
}

test("what arrives is what was sent", async () => {
  // Over a real connection, since the injected `cf` of the other tests comes with a body of unknown
  // length.
  const local = await start({ bindings: { LOCAL: "1" } });
  try {
    for (const [country, key] of [
      ["US", "sk-us"],
      ["FR", "sk-foreign"],
    ]) {
      const body =
        '{"messages":[{"role":"user","content":"caf\\u00e9 \u{1F600}"}],"model":"haiku-4"}';
      const path = "/v1/chat/completions?x=%2F%2f&y=a+b&x=2";
      const answer = await fetch(local.worker.url + path, {
        method: "POST",
        headers: { "content-type": "application/json", "cf-ipcountry": country, ...bearer(key) },
        body,
      });
      assert.equal(answer.status, 200);
      const seen = local.origin.seen.at(-1);
      assert.equal(seen.url, path);
      assert.equal(seen.body.toString(), body);
      assert.equal(seen.headers["content-length"], String(Buffer.byteLength(body)));
    }
  } finally {
    await local.close();
  }
});

test("an ambiguous body is refused, but only for whom it could help", async () => {
  const body = '{"model":"mythos-5","model":"haiku-4","messages":[]}';
  const send = (cf, key) =>
    gate.fetch("/v1/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json", ...bearer(key) },
      body,
      cf,
    });
  assert.equal((await send(US, "sk-us")).status, 200);
  const refused = await send(FR, "sk-foreign");
  assert.ok([400, 403].includes(refused.status));
});

test("a redirect of the origin is the client's to follow", async () => {
  const { createServer } = await import("node:http");
  const server = createServer((_, response) =>
    response.writeHead(307, { location: "https://elsewhere.example/" }).end(),
  );
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const other = await start({ bindings: { ORIGIN: `http://127.0.0.1:${server.address().port}` } });
  try {
    for (const [cf, key] of [
      [US, "sk-us"],
      [FR, "sk-foreign"],
    ]) {
      const answer = await other.worker.fetch("/v1/chat/completions", {
        method: "POST",
        headers: { "content-type": "application/json", ...bearer(key) },
        body: '{"model":"haiku-4","messages":[]}',
        redirect: "manual",
        cf,
      });
      assert.equal(answer.status, 307);
    }
  } finally {
    await other.close();
    server.close();
  }
});

test("an origin that is down is a 502 that every client retries", async () => {
  const other = await start({ bindings: { ORIGIN: "http://127.0.0.1:9" } });
  try {
    for (const [cf, key] of [
      [US, "sk-us"],
      [FR, "sk-foreign"],
    ]) {
      const answer = await other.chat("haiku-4", cf, bearer(key));
      assert.equal(answer.status, 502);
      assert.equal((await answer.json()).error.code, "origin_unreachable");
    }
  } finally {
    await other.close();
  }
});

test("status says which policy runs, and nothing of anybody", async () => {
  const answer = await gate.fetch("/.well-known/portcullis/status");
  const { digest, ...rest } = await answer.json();
  assert.match(digest, /^[0-9a-f]{64}$/);
  assert.deepEqual(rest, { version: 7, expires: "2099-01-01T00:00:00.000Z" });
});

test("a WebSocket that is refused is opened, gets the reason and is closed", async () => {
  const answer = await gate.fetch("/v1/realtime?model=mythos-5", {
    headers: { upgrade: "websocket", ...bearer("sk-foreign") },
    cf: FR,
  });
  assert.equal(answer.status, 101);
  const socket = answer.webSocket;
  const told = new Promise((resolve) =>
    socket.addEventListener("message", ({ data }) => resolve(JSON.parse(data))),
  );
  const closed = new Promise((resolve) => socket.addEventListener("close", resolve));
  socket.accept();
  const event = await told;
  assert.equal(event.type, "error");
  assert.ok(event.error.message.includes(MESSAGE));
  assert.equal((await closed).code, 1008);
});
