/** Cohere's API. */
import { CATALOGUE, words } from "./call.mjs";

const usage = {
  billed_units: { input_tokens: 1, output_tokens: 3 },
  tokens: { input_tokens: 1, output_tokens: 3 },
};
const cohereCall = ({ headers }) =>
  /cohere/.test(`${headers["x-fern-sdk-name"]} ${headers["user-agent"]}`);
const known = (name) => ({
  name,
  endpoints: ["chat"],
  finetuned: false,
  context_length: 4096,
  features: [],
});

export const cohere = [
  {
    at: /\/v2\/chat$/,
    whole: ({ text }) => ({
      id: "stub",
      finish_reason: "COMPLETE",
      message: { role: "assistant", content: [{ type: "text", text }] },
      usage,
    }),
    events: ({ text }) =>
      [
        {
          type: "message-start",
          id: "stub",
          delta: {
            message: {
              role: "assistant",
              content: [],
              tool_plan: "",
              tool_calls: [],
              citations: [],
            },
          },
        },
        {
          type: "content-start",
          index: 0,
          delta: { message: { content: { type: "text", text: "" } } },
        },
        ...words(text).map((part) => ({
          type: "content-delta",
          index: 0,
          delta: { message: { content: { text: part } } },
        })),
        { type: "content-end", index: 0 },
        { type: "message-end", delta: { finish_reason: "COMPLETE", usage } },
      ].map((event) => [event.type, event]),
  },
  {
    at: /\/v[12]\/embed$/,
    whole: ({ body }) => ({
      id: "stub",
      response_type: "embeddings_by_type",
      texts: body?.texts ?? [],
      embeddings: { float: (body?.texts ?? []).map(() => [0.25, -0.5, 0.75]) },
      meta: { api_version: { version: "2" } },
    }),
  },
  {
    at: /\/v[12]\/rerank$/,
    whole: ({ body }) => ({
      id: "stub",
      results: (body?.documents ?? []).map((_, index) => ({ index, relevance_score: 0.5 })),
      meta: { api_version: { version: "2" } },
    }),
  },
  {
    at: /\/v1\/models$/,
    method: "GET",
    when: cohereCall,
    whole: () => ({ models: CATALOGUE.map(known) }),
  },
  {
    at: /\/v1\/models\/(?<model>.+)$/,
    method: "GET",
    when: cohereCall,
    whole: ({ model }) => known(model),
  },
];
