/** Amazon Bedrock's runtime. */
import { CATALOGUE, words } from "./call.mjs";
import { message, messageEvents } from "./anthropic.mjs";

const usage = { inputTokens: 1, outputTokens: 3, totalTokens: 4 };

export const bedrock = [
  {
    at: /\/model\/(?<model>[^/]+)\/converse$/,
    whole: ({ text }) => ({
      output: { message: { role: "assistant", content: [{ text }] } },
      stopReason: "end_turn",
      usage,
      metrics: { latencyMs: 1 },
    }),
  },
  {
    at: /\/model\/(?<model>[^/]+)\/converse-stream$/,
    frames: ({ text }) => [
      ["messageStart", { role: "assistant" }],
      ...words(text).map((part) => [
        "contentBlockDelta",
        { contentBlockIndex: 0, delta: { text: part } },
      ]),
      ["contentBlockStop", { contentBlockIndex: 0 }],
      ["messageStop", { stopReason: "end_turn" }],
      ["metadata", { usage, metrics: { latencyMs: 1 } }],
    ],
  },
  { at: /\/model\/(?<model>[^/]+)\/invoke$/, whole: ({ model, text }) => message(model, text) },
  {
    at: /\/model\/(?<model>[^/]+)\/invoke-with-response-stream$/,
    frames: ({ model, text }) =>
      messageEvents(model, text).map((event) => [
        "chunk",
        { bytes: Buffer.from(JSON.stringify(event)).toString("base64") },
      ]),
  },
  { at: /\/model\/(?<model>[^/]+)\/count-tokens$/, whole: () => ({ inputTokens: 4 }) },
  {
    at: /\/async-invoke$/,
    method: "POST",
    whole: () => ({ invocationArn: "arn:aws:bedrock:us-east-1:111122223333:async-invoke/stub" }),
  },
  {
    at: /\/foundation-models$/,
    method: "GET",
    whole: () => ({
      modelSummaries: CATALOGUE.map((id) => ({
        modelArn: `arn:aws:bedrock:us-east-1::foundation-model/acme.${id}-v1:0`,
        modelId: `acme.${id}-v1:0`,
        modelName: id,
      })),
    }),
  },
  {
    at: /\/(?:custom|imported)-models$/,
    method: "GET",
    whole: () => ({
      modelSummaries: CATALOGUE.map((id) => ({
        modelArn: `arn:aws:bedrock:us-east-1:111122223333:custom-model/acme.${id}/stub`,
        modelName: `my-${id}`,
        baseModelArn: `arn:aws:bedrock:us-east-1::foundation-model/acme.${id}-v1:0`,
      })),
    }),
  },
  {
    at: /\/inference-profiles$/,
    method: "GET",
    whole: () => ({
      inferenceProfileSummaries: CATALOGUE.map((id) => ({
        inferenceProfileId: `us.acme.${id}-v1:0`,
        models: [{ modelArn: `arn:aws:bedrock:us-east-1::foundation-model/acme.${id}-v1:0` }],
      })),
    }),
  },
  {
    at: /\/provisioned-model-throughputs$/,
    method: "GET",
    whole: () => ({ provisionedModelSummaries: [] }),
  },
  { at: /\/prompt-routers$/, method: "GET", whole: () => ({ promptRouterSummaries: [] }) },
  {
    at: /\/marketplace-model\/endpoints$/,
    method: "GET",
    whole: () => ({ marketplaceModelEndpoints: [] }),
  },
];
