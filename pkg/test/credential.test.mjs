/** Where credentials are found: each place that a dialect takes one from, in every spelling that some server takes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Slots } from "../dist/credential.js";

const places = new Slots({
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
const found = (headers, url = "https://gate.example/v1/chat/completions") => places.credentials(new Headers(headers), url);

const DATE = "20261126/us-east-1/bedrock/aws4_request";
const SIGNED = `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${DATE}, SignedHeaders=host;x-amz-date, Signature=00ff`;

test("each place counts, and each credential once", () => {
  assert.deepEqual(found({}), []);
  assert.deepEqual(found({ authorization: "Bearer a", "x-api-key": "b" }), ["a", "b"]);
  assert.deepEqual(found({ authorization: "bearer  a", "x-api-key": "a" }), ["a"]);
  assert.deepEqual(found([["authorization", "Bearer a"], ["authorization", "Bearer b"]]), ["a", "b"]);
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
  assert.deepEqual(found({ "sec-websocket-protocol": offered, authorization: "Bearer sk-2" }).sort(), ["sk-1", "sk-2"]);
});

test("who signs for AWS is the id of the key", () => {
  assert.deepEqual(found({ authorization: SIGNED }), ["AKIDEXAMPLE"]);
  assert.deepEqual(found({ authorization: `${SIGNED}, Bearer b` }), ["AKIDEXAMPLE", "b"]);
  assert.deepEqual(found({}, `https://gate.example/model/x/invoke?X-Amz-Credential=AKIDEXAMPLE%2F${DATE}`), ["AKIDEXAMPLE"]);
  const short = btoa(`bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Credential=ASIAEXAMPLE%2F${encodeURIComponent(DATE)}&Version=1`);
  assert.deepEqual(found({ authorization: `Bearer bedrock-api-key-${short}` }), ["ASIAEXAMPLE"]);
  assert.deepEqual(found({ authorization: "Bearer bedrock-api-key-?" }), ["bedrock-api-key-?"]);
});
