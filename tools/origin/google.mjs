/** Google's APIs: Gemini, Vertex AI, and the models of other publishers on Vertex AI. */
import { CATALOGUE, words } from "./call.mjs";
import { message, messageEvents } from "./anthropic.mjs";

const content = (text) => ({ role: "model", parts: [{ text }] });
const usageMetadata = { promptTokenCount: 1, candidatesTokenCount: 3, totalTokenCount: 4 };
const known = (id) => ({
  name: `models/${id}`,
  version: "001",
  displayName: id,
  supportedGenerationMethods: ["generateContent"],
});

export const google = [
  {
    at: /models\/(?<model>[^/:]+):generateContent$/,
    whole: ({ model, text }) => ({
      candidates: [{ content: content(text), finishReason: "STOP", index: 0 }],
      usageMetadata,
      modelVersion: model,
      responseId: "stub",
    }),
  },
  {
    at: /models\/(?<model>[^/:]+):streamGenerateContent$/,
    when: always,
    events: ({ model, text }) =>
      words(text).map((part, at, all) => [
        undefined,
        {
          candidates: [
            {
              content: content(part),
              index: 0,
              ...(at === all.length - 1 ? { finishReason: "STOP" } : {}),
            },
          ],
          usageMetadata,
          modelVersion: model,
          responseId: "stub",
        },
      ]),
  },
  { at: /models\/(?<model>[^/:]+):countTokens$/, whole: () => ({ totalTokens: 4 }) },
  {
    at: /models\/(?<model>[^/:]+):embedContent$/,
    whole: () => ({ embedding: { values: [0.25, -0.5, 0.75] } }),
  },
  {
    at: /models\/(?<model>[^/:]+):batchEmbedContents$/,
    whole: ({ body }) => ({
      embeddings: (body?.requests ?? []).map(() => ({ values: [0.25, -0.5, 0.75] })),
    }),
  },
  {
    at: /models\/(?<model>[^/:]+):batchGenerateContent$/,
    whole: ({ model }) => ({
      name: "batches/stub",
      metadata: {
        "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
        model: `models/${model}`,
        displayName: "stub",
        state: "BATCH_STATE_PENDING",
        createTime: "2026-01-01T00:00:00Z",
        updateTime: "2026-01-01T00:00:00Z",
        name: "batches/stub",
      },
    }),
  },
  {
    at: /publishers\/anthropic\/models\/count-tokens:rawPredict$/,
    whole: () => ({ input_tokens: 4 }),
  },
  {
    at: /publishers\/anthropic\/models\/(?<model>[^/:]+):rawPredict$/,
    whole: ({ model, text }) => message(model, text),
  },
  {
    at: /publishers\/anthropic\/models\/(?<model>[^/:]+):streamRawPredict$/,
    events: ({ model, text }) => messageEvents(model, text).map((event) => [event.type, event]),
  },
  {
    at: /\/tunedModels$/,
    method: "GET",
    whole: () => ({
      tunedModels: CATALOGUE.map((id) => ({
        name: `tunedModels/my-${CATALOGUE.indexOf(id)}`,
        baseModel: `models/${id}`,
      })),
    }),
  },
  {
    at: /\/publishers\/[^/]+\/models$/,
    method: "GET",
    whole: () => ({
      publisherModels: CATALOGUE.map((id) => ({
        name: `publishers/acme/models/${id}`,
        versionId: "001",
      })),
    }),
  },
  { at: /\/locations\/[^/]+\/models$/, method: "GET", whole: () => ({ models: [] }) },
  {
    at: /\/v1(?:beta|alpha)?\/models$/,
    method: "GET",
    when: googleCall,
    whole: () => ({ models: CATALOGUE.map(known) }),
  },
  {
    at: /\/v1(?:beta|alpha)?\/models\/(?<model>[^/:]+)$/,
    method: "GET",
    when: googleCall,
    whole: ({ model }) => known(model),
  },
  {
    // Google sends its messages as binary messages.
    at: /BidiGenerateContent$/,
    talk: () => ({
      binary: true,
      hear: ({ setup, clientContent, realtimeInput }) => {
        if (setup !== undefined) return [{ setupComplete: {} }];
        const said = clientContent?.turns?.at(-1)?.parts?.[0]?.text ?? realtimeInput?.text;
        return said === undefined
          ? []
          : [
              { serverContent: { modelTurn: content(`You said: ${said}`) } },
              { serverContent: { turnComplete: true } },
            ];
      },
    }),
  },
];

/**
 * Says whether the path has a version that only Google has, or the call is from Google's client.
 */
function googleCall({ path, headers }) {
  return /\/v1(?:beta|alpha)\//.test(path) || headers["x-goog-api-client"] !== undefined;
}

/** The method asks for a stream, whatever the body says. */
function always(asked) {
  asked.streamed = true;
  return true;
}
