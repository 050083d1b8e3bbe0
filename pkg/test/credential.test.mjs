/**
 * The package finds credentials in each location that a dialect declares, in every spelling that
 * some server accepts.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CredentialSlots } from "../dist/http/credentials.js";
import { CANDIDATES } from "../dist/wasm/wire.js";

const slots = new CredentialSlots({
  dialects: [
    {
      id: "all",
      prefix: "",
      credentials: [
        { in: "header", name: "authorization", scheme: "bearer" },
        { in: "header", name: "x-api-key", scheme: "plain" },
        { in: "query", name: "api_key", scheme: "plain" },
        { in: "query", name: "X-Amz-Credential", scheme: "plain" },
        { in: "protocol", name: "openai-insecure-api-key.", scheme: "plain" },
      ],
    },
  ],
});
const found = (headers, url = "https://gate.example/v1/chat/completions") =>
  slots.credentials(new Headers(headers), url);

const DATE = "20261126/us-east-1/bedrock/aws4_request";
const SIGNED = `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${DATE}, SignedHeaders=host;x-amz-date, Signature=00ff`;

test("each location counts, and each credential once", () => {
  assert.deepEqual(found({}), []);
  assert.deepEqual(found({ authorization: "Bearer a", "x-api-key": "b" }), ["a", "b"]);
  assert.deepEqual(found({ authorization: "bearer  a", "x-api-key": "a" }), ["a"]);
  assert.deepEqual(
    found([
      ["authorization", "Bearer a"],
      ["authorization", "Bearer b"],
    ]),
    ["a", "b"],
  );
  assert.deepEqual(found({ "x-api-key": "Bearer a" }), ["a"]);
  assert.deepEqual(found({ authorization: "Token auth_tokens/1" }), ["auth_tokens/1"]);
  assert.deepEqual(found({ "x-other": "c" }, "https://gate.example/?other=d"), []);
});

test("a name is compared as the most lenient server does", () => {
  assert.deepEqual(found({ X_API_KEY: "a", "x-api_key": "b" }).sort(), ["a", "b"]);
  const url = "https://gate.example/v1/x?API_KEY=a&x=1;api_key=b&api%5Fkey=c%2B";
  assert.deepEqual(found({}, url).sort(), ["a", "b", "c+"]);
});

test("a subprotocol of a WebSocket", () => {
  const offered = "realtime, openai-insecure-api-key.sk-1, openai-beta.realtime-v1";
  assert.deepEqual(
    found({ "sec-websocket-protocol": offered, authorization: "Bearer sk-2" }).sort(),
    ["sk-1", "sk-2"],
  );
});

test("who signs for AWS is the id of the key", () => {
  assert.deepEqual(found({ authorization: SIGNED }), ["AKIDEXAMPLE"]);
  assert.deepEqual(found({ authorization: `${SIGNED}, Bearer b` }), ["AKIDEXAMPLE", "b"]);
  assert.deepEqual(
    found({}, `https://gate.example/model/x/invoke?X-Amz-Credential=AKIDEXAMPLE%2F${DATE}`),
    ["AKIDEXAMPLE"],
  );
  const short = btoa(
    `bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Credential=ASIAEXAMPLE%2F${encodeURIComponent(DATE)}&Version=1`,
  );
  assert.deepEqual(found({ authorization: `Bearer bedrock-api-key-${short}` }), ["ASIAEXAMPLE"]);
  assert.deepEqual(found({ authorization: "Bearer bedrock-api-key-?" }), ["bedrock-api-key-?"]);
});

const one = (id, name = "X-Amz-Credential") => `${name}=${id}%2F${encodeURIComponent(DATE)}`;
const shortTerm = (query) =>
  `bedrock-api-key-${btoa(`bedrock.amazonaws.com/?Action=CallWithBearerToken&${query}&Version=1`)}`;

test("a key of Amazon's that can be read as several credentials matches no account", () => {
  for (const key of [
    shortTerm(`${one("us")}&${one("foreign")}`),
    shortTerm(`${one("us", "x-amz-credential")}&${one("foreign")}`),
    shortTerm(`${one("foreign")}&${one("us", "X-AMZ-CREDENTIAL")}`),
    shortTerm(`${one("us")}&${one("us")}`),
    shortTerm(`${one("us", "X-Amz-%43redential")}&${one("foreign")}`),
    shortTerm(`${one("us")};${one("foreign")}`),
    shortTerm(`${one("us")}&a=b;${one("foreign")}`),
    shortTerm(`${one("us")},${one("foreign")}`),
    shortTerm(one("us", "x-amz-credential")),
    shortTerm(one("us", "X-Amz-Credential%20")),
    shortTerm("X-Amz-Credential=us"),
    shortTerm("X-Amz-Credential=us%2F20261126%2Fx"),
    shortTerm("X-Amz-Credentia=us"),
    `${shortTerm(one("us"))}=`,
    `${shortTerm(one("us"))}.`,
    `Bedrock-Api-Key-${btoa(`x/?${one("us")}`)}`,
  ]) {
    assert.deepEqual(
      found({ authorization: `Bearer ${key}` }),
      [key],
      atob(key.slice(16).replace(/[=.]+$/, "")),
    );
  }
  // In two keys there are two.
  assert.deepEqual(
    found({ authorization: `Bearer ${shortTerm(one("us"))}, Bearer ${shortTerm(one("foreign"))}` }),
    ["us", "foreign"],
  );
});

test("of an AWS signature with several credentials each is a candidate, and none hides in another's words", () => {
  const of = (id, date = DATE) => `Credential=${id}/${date}`;
  const end = "SignedHeaders=host;x-amz-date, Signature=00ff";
  assert.deepEqual(
    found({ authorization: `AWS4-HMAC-SHA256 ${of("us")}, ${of("foreign")}, ${end}` }),
    ["us", "foreign"],
  );
  assert.deepEqual(
    found([
      ["authorization", `AWS4-HMAC-SHA256 ${of("us")}, ${end}`],
      ["authorization", `AWS4-HMAC-SHA256 ${of("foreign")}, ${end}`],
    ]),
    ["us", "foreign"],
  );
  assert.deepEqual(
    found({
      authorization: `AWS4-ECDSA-P256-SHA256 ${of("us", "20261126/bedrock/aws4_request")}, ${end}`,
    }),
    ["us"],
  );
  for (const both of [
    `AWS4-HMAC-SHA256 ${of("us")} ${of("foreign")}`,
    `AWS4-HMAC-SHA256 ${of("us")}/${of("foreign")}`,
    `AWS4-HMAC-SHA256 ${of("us")};${of("foreign")}`,
    `AWS4-HMAC-SHA256 ${of("us")} Bearer foreign`,
  ]) {
    assert.deepEqual(found({ authorization: `${both}, ${end}` }), [both]);
  }
  for (const hidden of [
    `Signature=00ff ${of("foreign")}`,
    `SignedHeaders=host ${of("foreign")}`,
    `Signature=${of("foreign")}`,
    `SignedHeaders=host;${of("foreign")}`,
  ]) {
    assert.deepEqual(found({ authorization: `AWS4-HMAC-SHA256 ${of("us")}, ${hidden}` }), [
      "us",
      hidden,
    ]);
  }
  const query = (...ids) =>
    `https://gate.example/model/x/invoke?${ids.map((id) => one(id)).join("&")}`;
  assert.deepEqual(found({}, query("us", "foreign")), ["us", "foreign"]);
  assert.deepEqual(
    found({}, `${query("us")};${one("foreign", "x-amz-credential")}`).sort(),
    ["foreign", `us/${DATE};x-amz-credential=foreign/${DATE}`, "us"].sort(),
  );
  assert.deepEqual(found({}, `${query("us")}%2C${one("foreign").slice(17)}`), [
    `us/${DATE},foreign/${DATE}`,
  ]);
});

test("several schemes in one line: each item of its own, and nothing of what is run together", () => {
  assert.deepEqual(found({ authorization: "Bearer us, Basic Zm9yZWlnbg==, Token x" }), [
    "us",
    "Basic Zm9yZWlnbg==",
    "x",
  ]);
  for (const run of ["us Bearer foreign", "us;foreign", 'us realm="x"'])
    assert.deepEqual(found({ authorization: `Bearer ${run}` }), [run]);
});

test("one credential more than are looked up is collected, and no further one, wherever they are", () => {
  assert.equal(
    String(CANDIDATES),
    /pub const CANDIDATES: usize = (\d+);/.exec(
      readFileSync(new URL("../../src/limits.rs", import.meta.url), "utf8"),
    )[1],
  );
  const keys = (many) => Array.from({ length: many }, (_, at) => `k${at}`);
  for (const many of [0, 1, CANDIDATES])
    assert.deepEqual(found({ authorization: keys(many).join(",") }), keys(many));
  for (const many of [CANDIDATES + 1, 20, 20_000]) {
    const expected = keys(CANDIDATES + 1);
    assert.deepEqual(found({ authorization: keys(many).join() }), expected);
    assert.deepEqual(
      found(
        {},
        `https://gate.example/?${keys(many)
          .map((key) => `api_key=${key}`)
          .join("&")}`,
      ),
      expected,
    );
    assert.deepEqual(
      found({
        "sec-websocket-protocol": keys(many)
          .map((key) => `openai-insecure-api-key.${key}`)
          .join(),
      }),
      expected,
    );
  }
  assert.deepEqual(
    found({ authorization: Array(20_000).fill("k").join() }),
    ["k"],
    "the same is one",
  );
  assert.equal(
    found(
      { authorization: keys(5).join(), "x-api-key": keys(9).join() },
      "https://gate.example/?api_key=k9",
    ).length,
    CANDIDATES + 1,
  );
});
