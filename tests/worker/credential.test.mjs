/**
 * Which credentials of a request count, and which reach the origin, if the deployer names
 * locations.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ENFORCED_KEY, ACCESS_KEY } from "../../tools/demo.mjs";
import { accessCheck } from "../../tools/origin/access.mjs";
import { bearer, start } from "./setup.mjs";

const access = await accessCheck({ keys: ACCESS_KEY, key: ENFORCED_KEY });
const PROTOCOLS = "realtime, openai-insecure-api-key.sk-foreign";
let all;
let named;

before(async () => {
  all = await start({ access, bindings: { LOCAL: "1" } });
  named = await start({
    access,
    bindings: { LOCAL: "1", CREDENTIAL_SLOTS: "Authorization, x-own-key" },
  });
});
after(() => Promise.all([all.close(), named.close()]));

/** Asks for the restricted model with the key of a permitted caller, and with other credentials. */
async function ask({ origin, worker }, headers, query = "") {
  const begun = origin.seen.length;
  const answer = await fetch(`${worker.url}/v1/chat/completions${query}`, {
    method: "POST",
    headers: { "content-type": "application/json", "cf-ipcountry": "US", ...headers },
    body: JSON.stringify({ model: "mythos-5", messages: [] }),
  });
  await answer.arrayBuffer();
  return { status: answer.status, seen: origin.seen[begun] };
}

for (const [where, headers, query] of [
  ["another header", { "x-api-key": "sk-foreign" }],
  ["a header with a scheme", { "api-key": "Bearer sk-foreign" }],
  ["a query parameter", {}, "?api_key=sk-foreign"],
  ["a query parameter after a semicolon", {}, "?a=b;api_key=sk-foreign"],
  ["an escaped query parameter", {}, "?API%5Fkey=sk-foreign"],
  ["a subprotocol", { "sec-websocket-protocol": PROTOCOLS }],
]) {
  test(`a second credential counts: ${where}`, async () => {
    assert.equal((await ask(all, { ...bearer("sk-us"), ...headers }, query)).status, 403);
  });

  test(`unless the origin does not read it, and then it does not get it: ${where}`, async () => {
    const { status, seen } = await ask(named, { ...bearer("sk-us"), ...headers }, query);
    assert.equal(status, 200);
    assert.ok(!JSON.stringify([seen.url, seen.raw]).includes("sk-foreign"), seen.url);
    assert.equal(typeof seen.access, "object", seen.access);
  });
}

test("a credential that the origin does not read belongs to no account, also alone", async () => {
  assert.equal((await ask(named, { "x-api-key": "sk-us" })).status, 403);
  assert.equal((await ask(all, { "x-api-key": "sk-us" })).status, 200);
});

test("a location of the deployer's own counts", async () => {
  assert.equal((await ask(named, { "x-own-key": "sk-us" })).status, 200);
  assert.equal((await ask(named, { ...bearer("sk-us"), "x-own-key": "sk-foreign" })).status, 403);
});

test("what is taken out of a query leaves the rest as it is", async () => {
  const { seen } = await ask(named, bearer("sk-us"), "?x=%2F%2f&api_key=k&&y=a+b&API_KEY=k&z");
  assert.equal(seen.url, "/v1/chat/completions?x=%2F%2f&&y=a+b&z");
  assert.equal((await ask(named, bearer("sk-us"), "?api_key=k")).seen.url, "/v1/chat/completions");
});

test("a request in a batch has no credential of its own", async () => {
  const document = '{"model":"haiku-4","messages":[]}';
  const batch = (path, headers = "") =>
    `--b\r\nContent-Type: application/http\r\n\r\nPOST ${path} HTTP/1.1\r\n${headers}Content-Length: ${document.length}\r\n\r\n${document}\r\n--b--\r\n`;
  const sent = async (body) => {
    const headers = {
      "content-type": "multipart/mixed; boundary=b",
      "cf-ipcountry": "US",
      ...bearer("sk-foreign"),
    };
    const answer = await fetch(`${all.worker.url}/batch?api_key=sk-foreign`, {
      method: "POST",
      headers,
      body,
    });
    return [answer.status, await answer.text()];
  };
  const open = "/v1/chat/completions";
  for (const own of [
    batch(open),
    batch(open, "Authorization: Bearer sk-foreign\r\n"),
    batch(`${open}?api_key=sk-foreign`),
  ]) {
    const [status, text] = await sent(own);
    assert.equal(status, 200, text);
  }
  for (const other of [
    batch(open, "Authorization: Bearer sk-employee\r\n"),
    batch(open, "X-Api-Key: sk-foreign\r\n"),
    batch(`${open}?api_key=sk-us`),
  ]) {
    const [status, text] = await sent(other);
    assert.equal(status, 400, text);
    assert.match(text, /another credential than the batch/);
  }
});

test("other subprotocols stay", async () => {
  const { seen } = await ask(named, { ...bearer("sk-us"), "sec-websocket-protocol": PROTOCOLS });
  assert.equal(seen.headers["sec-websocket-protocol"], "realtime");
});
