/** Amazon's client for the Bedrock runtime, with a bearer key and with signed requests. */
import assert from "node:assert/strict";
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
import { callsOf, collected, served } from "./setup.mjs";

const gate = served(["bedrock"]);
const messages = [{ role: "user", content: [{ text: "hi there" }] }];
const body = JSON.stringify({ anthropic_version: "bedrock-2023-05-31", max_tokens: 9, messages: [{ role: "user", content: "hi there" }] });
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
  { name: "Converse", call: (aws, modelId) => aws.send(new ConverseCommand({ modelId, messages })) },
  { name: "ConverseStream", call: async (aws, modelId) => collected((await aws.send(new ConverseStreamCommand({ modelId, messages }))).stream) },
  { name: "InvokeModel", call: async (aws, modelId) => stripped((await aws.send(new InvokeModelCommand({ modelId, body }))).body) },
  {
    name: "InvokeModelWithResponseStream",
    call: async (aws, modelId) => (await collected((await aws.send(new InvokeModelWithResponseStreamCommand({ modelId, body }))).body)).map(({ chunk }) => stripped(chunk.bytes)),
  },
  { name: "CountTokens", call: (aws, modelId) => aws.send(new CountTokensCommand({ modelId, input: { converse: { messages } } })) },
  {
    name: "StartAsyncInvoke",
    call: (aws, modelId) => aws.send(new StartAsyncInvokeCommand({ modelId, modelInput: {}, outputDataConfig: { s3OutputDataConfig: { s3Uri: "s3://stub" } }, clientRequestToken: "stub" })),
  },
  { name: "an ARN", call: (aws, modelId) => aws.send(new ConverseCommand({ modelId: `arn:aws:bedrock:us-east-1::foundation-model/${modelId.slice(3)}`, messages })), told: "acme.mythos-5-v1:0" },
];

/** A body's JSON without the echo. */
function stripped(bytes) {
  const { echo, ...rest } = JSON.parse(Buffer.from(bytes).toString("utf8"));
  return rest;
}

const options = (endpoint) => ({ endpoint, region: "us-east-1", requestHandler: new NodeHttpHandler() });

callsOf("bedrock", gate, {
  client: (url, key) => new BedrockRuntimeClient({ ...options(url), token: { token: key }, authSchemePreference: ["httpBearerAuth"] }),
  thrown,
  spelled,
  calls,
});

// Who signs is who the key table knows by the id of the key.
callsOf("bedrock, signed", gate, {
  client: (url, key) => new BedrockRuntimeClient({ ...options(url), credentials: { accessKeyId: key, secretAccessKey: "secret" }, authSchemePreference: ["sigv4"] }),
  thrown,
  spelled,
  calls: calls.slice(0, 2),
});
