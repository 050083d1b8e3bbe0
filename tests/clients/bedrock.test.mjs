/**
 * Amazon's client for the Bedrock runtime, with a bearer key and with requests signed in a header
 * or in the query.
 */
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import { brotliCompressSync, deflateRawSync, gzipSync } from "node:zlib";
import {
  AccessDeniedException,
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  CountTokensCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
  StartAsyncInvokeCommand,
} from "@aws-sdk/client-bedrock-runtime";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { SignatureV4 } from "@smithy/signature-v4";
import { CLOSED, FOREIGN, OPEN, US, callsOf, collected, served } from "./setup.mjs";

const gate = served(["bedrock"]);
const messages = [{ role: "user", content: [{ text: "hi there" }] }];
const body = JSON.stringify({
  anthropic_version: "bedrock-2023-05-31",
  max_tokens: 9,
  messages: [{ role: "user", content: "hi there" }],
});
const spelled = (model) => `us.acme.${model}-v1:0`;

function thrown(error, text, caseId) {
  assert.equal(error.constructor, AccessDeniedException);
  assert.equal(error.name, "AccessDeniedException");
  assert.equal(error.message, text);
  assert.equal(error.$metadata.httpStatusCode, 403);
  assert.equal(error.$metadata.attempts, 1);
  assert.equal(error.$metadata.requestId, caseId);
}

const calls = [
  {
    name: "Converse",
    call: (aws, modelId) => aws.send(new ConverseCommand({ modelId, messages })),
  },
  {
    name: "ConverseStream",
    call: async (aws, modelId) =>
      collected((await aws.send(new ConverseStreamCommand({ modelId, messages }))).stream),
  },
  {
    name: "InvokeModel",
    call: async (aws, modelId) =>
      stripped((await aws.send(new InvokeModelCommand({ modelId, body }))).body),
  },
  {
    name: "InvokeModelWithResponseStream",
    call: async (aws, modelId) =>
      (
        await collected(
          (await aws.send(new InvokeModelWithResponseStreamCommand({ modelId, body }))).body,
        )
      ).map(({ chunk }) => stripped(chunk.bytes)),
  },
  {
    name: "CountTokens",
    call: (aws, modelId) =>
      aws.send(new CountTokensCommand({ modelId, input: { converse: { messages } } })),
  },
  {
    name: "StartAsyncInvoke",
    call: (aws, modelId) =>
      aws.send(
        new StartAsyncInvokeCommand({
          modelId,
          modelInput: {},
          outputDataConfig: { s3OutputDataConfig: { s3Uri: "s3://stub" } },
          clientRequestToken: "stub",
        }),
      ),
  },
  {
    name: "an ARN",
    call: (aws, modelId) =>
      aws.send(
        new ConverseCommand({
          modelId: `arn:aws:bedrock:us-east-1::foundation-model/${modelId.slice(3)}`,
          messages,
        }),
      ),
    told: "acme.mythos-5-v1:0",
  },
];

/** Returns the JSON of a body without the echo. */
function stripped(bytes) {
  const { echo, ...rest } = JSON.parse(Buffer.from(bytes).toString("utf8"));
  return rest;
}

const options = (endpoint) => ({
  endpoint,
  region: "us-east-1",
  requestHandler: new NodeHttpHandler(),
});

callsOf("bedrock", gate, {
  client: (url, key) =>
    new BedrockRuntimeClient({
      ...options(url),
      token: { token: key },
      authSchemePreference: ["httpBearerAuth"],
    }),
  thrown,
  spelled,
  calls,
});

// The key table knows the signer by the id of the key.
callsOf("bedrock, signed", gate, {
  client: (url, key) =>
    new BedrockRuntimeClient({
      ...options(url),
      credentials: { accessKeyId: key, secretAccessKey: "secret" },
      authSchemePreference: ["sigv4"],
    }),
  thrown,
  spelled,
  calls: calls.slice(0, 2),
});

/** Node's hash in the interface of Amazon's signer. */
class Sha256 {
  #hash;
  constructor(secret) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", secret);
  }
  update(data) {
    this.#hash.update(data);
  }
  async digest() {
    return new Uint8Array(this.#hash.digest());
  }
}

const FORMS = { header: "sign", query: "presign" };

/** Makes a Converse call signed by `key` in a header or in the query, with further headers. */
async function signed(form, key, model, { encode = (text) => text, headers = {} } = {}) {
  const { hostname, port } = new URL(gate.url);
  const signer = new SignatureV4({
    credentials: { accessKeyId: key, secretAccessKey: "secret" },
    region: "us-east-1",
    service: "bedrock",
    sha256: Sha256,
  });
  const body = encode(JSON.stringify({ messages }));
  const asked = {
    method: "POST",
    protocol: "http:",
    hostname,
    port: Number(port),
    path: `/model/${spelled(model)}/converse`,
    query: {},
    headers: { host: `${hostname}:${port}`, "content-type": "application/json" },
    body,
  };
  const { path, query, headers: own } = await signer[FORMS[form]](asked);
  const target = `${path}${form === "query" ? `?${new URLSearchParams(query)}` : ""}`;
  const begun = gate.origin.seen.length;
  const { host, ...sent } = own;
  const answer = await fetch(gate.url + target, {
    method: "POST",
    headers: { ...sent, ...headers },
    body,
  });
  await answer.arrayBuffer();
  return { status: answer.status, target, body: Buffer.from(body), seen: gate.origin.seen[begun] };
}

for (const form of Object.keys(FORMS)) {
  test(`bedrock, signed in the ${form}: who signs is the caller`, async () => {
    const { status, target, seen } = await signed(form, US, CLOSED);
    assert.equal(status, 200);
    assert.equal(seen.url, target);
    assert.equal((await signed(form, FOREIGN, OPEN)).status, 200);
    assert.equal((await signed(form, FOREIGN, CLOSED)).status, 403);
    assert.equal((await signed(form, "nobody", CLOSED)).status, 403);
  });

  test(`bedrock, signed in the ${form}: another credential besides is another caller`, async () => {
    const besides = { "x-api-key": FOREIGN };
    assert.equal((await signed(form, US, CLOSED, { headers: besides })).status, 403);
    assert.equal(
      (await signed(form, FOREIGN, CLOSED, { headers: { "x-api-key": US } })).status,
      403,
    );
  });

  test(`bedrock, signed in the ${form}: what the signature covers is forwarded unchanged, or not at all`, async () => {
    const gzip = { headers: { "content-encoding": "gzip" }, encode: gzipSync };
    const { status, body, seen } = await signed(form, FOREIGN, OPEN, gzip);
    assert.equal(status, 200);
    assert.ok(seen.body.equals(body));
    assert.equal(seen.headers["content-encoding"], "gzip");
    for (const coding of ["br", "deflate"]) {
      const encode = coding === "br" ? brotliCompressSync : deflateRawSync;
      assert.deepEqual(
        await signed(form, FOREIGN, OPEN, { headers: { "content-encoding": coding }, encode }).then(
          ({ status, seen }) => [status, seen],
        ),
        [415, undefined],
        coding,
      );
    }
  });
}
