/** The client of the access endpoint: what is kept, what is repeated, and which errors it gives. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { PortcullisError, fetchAccess } from "portcullis/browser";

const ANSWER = {
  unrestricted: false,
  denied: [],
  patterns: { open: true, closed: false },
  unlisted: "defer",
  policy: { id: "p", version: 1 },
  expires: null,
  stale: false,
};
const { fetch } = globalThis;
let asked;
let answers;
let number = 0;
/** An address that no other test has asked. */
let url;

beforeEach(() => {
  asked = [];
  url = `https://gate.example/${(number += 1)}`;
  globalThis.fetch = async (target, init) => {
    asked.push({ target, init });
    const answer = answers[Math.min(asked.length, answers.length) - 1];
    return answer(init);
  };
});
afterEach(() => {
  globalThis.fetch = fetch;
  mock.timers.reset();
});

const ok = (changes) => () => Response.json({ ...ANSWER, ...changes });
const status = (code, headers) => () => new Response("", { status: code, headers });
const offline = () => Promise.reject(new TypeError("offline"));

/** Lets waits of the client pass at once. */
async function hurried(work) {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_800_000_000_000 });
  const settled = work().then(
    (value) => ({ value }),
    (error) => ({ error }),
  );
  let result;
  settled.then((one) => (result = one));
  for (let turn = 0; turn < 200 && result === undefined; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    mock.timers.tick(1_000);
  }
  return result;
}

test("one request for all who ask at once, and its answer is kept", async () => {
  answers = [ok()];
  const [one, two] = await Promise.all([fetchAccess(url), fetchAccess(new URL(url))]);
  assert.deepEqual([one.may("open"), two.may("closed")], [true, false]);
  await fetchAccess(url);
  assert.equal(asked.length, 1);
  await fetchAccess(url, { fresh: true });
  assert.equal(asked.length, 2);
  await fetchAccess(url, { operation: "a b" });
  assert.equal(asked[2].target, `${url}?operation=a%20b`);
});

test("a credential has answers of its own, and is sent as a bearer token", async () => {
  answers = [ok()];
  await fetchAccess(url);
  await fetchAccess(url, { credential: "sk-1" });
  await fetchAccess(url, { credential: "sk-2" });
  assert.deepEqual(
    asked.map(({ init }) => init.headers.authorization),
    [undefined, "Bearer sk-1", "Bearer sk-2"],
  );
  for (const credential of ["a b", "a\n", "é"])
    await assert.rejects(fetchAccess(url, { credential }), { code: "input_invalid" });
});

test("an answer is kept until it expires: 60 seconds at most, 5 at least", async () => {
  for (const [expires, kept, gone] of [
    [null, 59_000, 61_000],
    ["2100-01-01T00:00:00.000Z", 59_000, 61_000],
    [new Date(1_800_000_020_000).toISOString(), 19_000, 21_000],
    [new Date(1_700_000_000_000).toISOString(), 4_000, 6_000],
  ]) {
    mock.timers.enable({ apis: ["Date"], now: 1_800_000_000_000 });
    asked = [];
    answers = [ok({ expires })];
    const at = `${url}/${expires}`;
    await fetchAccess(at);
    mock.timers.tick(kept);
    await fetchAccess(at);
    assert.equal(asked.length, 1, String(expires));
    mock.timers.tick(gone - kept);
    await fetchAccess(at);
    assert.equal(asked.length, 2, String(expires));
    mock.timers.reset();
  }
});

test("sixteen answers are kept", async () => {
  answers = [ok()];
  for (let at = 0; at < 17; at += 1) await fetchAccess(`${url}/${at}`);
  await fetchAccess(`${url}/16`);
  assert.equal(asked.length, 17);
  await fetchAccess(`${url}/0`);
  assert.equal(asked.length, 18);
});

test("what may pass is tried three times, and a failure is not kept", async () => {
  answers = [offline, status(503), ok()];
  const { value } = await hurried(() => fetchAccess(url));
  assert.equal(value.may("open"), true);
  assert.equal(asked.length, 3);
  for (const [bad, code] of [
    [offline, "access_unreachable"],
    [status(503), "access_unreachable"],
    [status(429), "access_limited"],
  ]) {
    mock.timers.reset();
    asked = [];
    answers = [bad];
    const at = `${url}/${(number += 1)}`;
    const { error } = await hurried(() => fetchAccess(at));
    assert.ok(error instanceof PortcullisError);
    assert.deepEqual([error.code, asked.length], [code, 3]);
    answers = [ok()];
    assert.ok(await fetchAccess(at));
  }
});

test("what stays wrong is tried once", async () => {
  for (const [bad, code] of [
    [status(404), "access_refused"],
    [status(401), "access_refused"],
    [status(429, { "retry-after": "3600" }), "access_limited"],
    [() => new Response("<html>"), "answer_invalid"],
    [ok({ unlisted: "open" }), "answer_invalid"],
  ]) {
    asked = [];
    answers = [bad];
    await assert.rejects(fetchAccess(url), { code });
    assert.equal(asked.length, 1, code);
  }
});

test("a signal ends the waiting of one caller alone", async () => {
  let answer;
  answers = [() => new Promise((resolve) => (answer = resolve))];
  const controller = new AbortController();
  const left = fetchAccess(url, { signal: controller.signal });
  const stays = fetchAccess(url);
  controller.abort(new Error("left the page"));
  await assert.rejects(left, { message: "left the page" });
  answer(Response.json(ANSWER));
  assert.equal((await stays).may("open"), true);
  assert.equal(asked.length, 1);
  await assert.rejects(fetchAccess(url, { signal: controller.signal }), /left the page/);
});
