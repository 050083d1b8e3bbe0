/** IBM's client for watsonx.ai. */
import assert from "node:assert/strict";
import { WatsonXAI } from "@ibm-cloud/watsonx-ai";
import { BearerTokenAuthenticator } from "ibm-cloud-sdk-core";
import { callsOf, collected, listsOf, served } from "./setup.mjs";

const gate = served(["watsonx"]);
const projectId = "stub";
const messages = [{ role: "user", content: "hi there" }];
/** The client returns the whole HTTP response. Its headers differ from call to call. */
const result = async (answer) => (await answer).result;

const client = (serviceUrl, bearerToken) =>
  new WatsonXAI({
    version: "2026-01-01",
    serviceUrl,
    authenticator: new BearerTokenAuthenticator({ bearerToken }),
  });
const spelled = (model) => `acme/${model}`;

callsOf("watsonx", gate, {
  client,
  spelled,
  async thrown(error, text, caseId) {
    assert.equal(error.status, 403);
    // This client has its own words for every 403. The policy's words are beside them, as bytes if
    // the call asked for a stream.
    assert.equal(error.message, "Access is denied due to invalid credentials.");
    const body =
      error.result.errors === undefined
        ? JSON.parse(Buffer.concat(await collected(error.result)))
        : error.result;
    assert.deepEqual(
      body.errors.map(({ code, message }) => ({ code, message })),
      [{ code: "model_restricted", message: text }],
    );
    assert.equal(body.trace, caseId);
  },
  calls: [
    {
      name: "chat",
      call: (watsonx, modelId) => result(watsonx.textChat({ modelId, projectId, messages })),
    },
    {
      name: "chat, streaming",
      call: async (watsonx, modelId) =>
        collected(
          await watsonx.textChatStream({ modelId, projectId, messages, returnObject: true }),
        ),
    },
    {
      name: "generation",
      call: (watsonx, modelId) =>
        result(watsonx.generateText({ modelId, projectId, input: "hi there" })),
    },
    {
      name: "embeddings",
      call: (watsonx, modelId) =>
        result(watsonx.embedText({ modelId, projectId, inputs: ["hi there"] })),
    },
  ],
});

listsOf("watsonx", gate, {
  client,
  spelled,
  list: async (watsonx) =>
    (await result(watsonx.listFoundationModelSpecs({}))).resources.map(({ model_id }) => model_id),
});
