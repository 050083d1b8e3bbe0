/** Ollama's API, which streams by default. */
import { CATALOGUE, words } from "./call.mjs";

const AT = "2026-01-01T00:00:00Z";
const took = {
  total_duration: 3,
  load_duration: 1,
  prompt_eval_count: 1,
  prompt_eval_duration: 1,
  eval_count: 3,
  eval_duration: 1,
};
const known = (name) => ({
  name: `${name}:latest`,
  model: `${name}:latest`,
  modified_at: AT,
  size: 1,
  digest: "00",
  details: { family: "stub", format: "gguf", parameter_size: "1B", quantization_level: "Q4_0" },
});

export const ollama = [
  {
    at: /\/api\/chat$/,
    when: streams,
    whole: ({ model, text }) => ({
      model,
      created_at: AT,
      message: { role: "assistant", content: text },
      done: true,
      done_reason: "stop",
      ...took,
    }),
    lines: ({ model, text }) => [
      ...words(text).map((content) => ({
        model,
        created_at: AT,
        message: { role: "assistant", content },
        done: false,
      })),
      {
        model,
        created_at: AT,
        message: { role: "assistant", content: "" },
        done: true,
        done_reason: "stop",
        ...took,
      },
    ],
  },
  {
    at: /\/api\/generate$/,
    when: streams,
    whole: ({ model, text }) => ({
      model,
      created_at: AT,
      response: text,
      done: true,
      done_reason: "stop",
      ...took,
    }),
    lines: ({ model, text }) => [
      ...words(text).map((response) => ({ model, created_at: AT, response, done: false })),
      { model, created_at: AT, response: "", done: true, done_reason: "stop", ...took },
    ],
  },
  {
    at: /\/api\/embed$/,
    whole: ({ model, body }) => ({
      model,
      embeddings: [body?.input].flat().map(() => [0.25, -0.5, 0.75]),
      total_duration: 1,
      load_duration: 1,
      prompt_eval_count: 1,
    }),
  },
  {
    at: /\/api\/(?:pull|push|create)$/,
    when: streams,
    whole: () => ({ status: "success" }),
    lines: () => [{ status: "pulling manifest" }, { status: "success" }],
  },
  { at: /\/api\/(?:copy|delete)$/, whole: () => ({ status: "success" }) },
  {
    at: /\/api\/show$/,
    whole: () => ({
      modelfile: "",
      parameters: "",
      template: "",
      details: known("haiku-4").details,
      model_info: {},
      capabilities: ["completion"],
    }),
  },
  { at: /\/api\/(?:tags|ps)$/, method: "GET", whole: () => ({ models: CATALOGUE.map(known) }) },
  { at: /\/api\/version$/, method: "GET", whole: () => ({ version: "0.0.0-stub" }) },
];

function streams(asked) {
  asked.streamed = asked.body?.stream !== false;
  return true;
}
