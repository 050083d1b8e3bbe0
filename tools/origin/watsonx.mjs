/** IBM watsonx.ai. */
import { CATALOGUE, words } from "./call.mjs";

const AT = "2026-01-01T00:00:00.000Z";
const usage = { completion_tokens: 3, prompt_tokens: 1, total_tokens: 4 };

export const watsonx = [
  {
    at: /\/ml\/v1\/text\/chat$/,
    whole: ({ model, text }) => ({
      id: "chat-stub",
      model_id: model,
      model,
      created: 1,
      created_at: AT,
      choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }],
      usage,
    }),
  },
  {
    at: /\/ml\/v1\/text\/chat_stream$/,
    when: always,
    events: ({ model, text }) =>
      words(text).map((content, at, all) => [
        "message",
        {
          id: "chat-stub",
          model_id: model,
          model,
          created: 1,
          created_at: AT,
          choices: [
            {
              index: 0,
              delta: { role: "assistant", content },
              finish_reason: at === all.length - 1 ? "stop" : null,
            },
          ],
        },
      ]),
  },
  {
    at: /\/ml\/v1\/text\/generation$/,
    whole: ({ model, text }) => ({
      model_id: model,
      created_at: AT,
      results: [
        {
          generated_text: text,
          generated_token_count: 3,
          input_token_count: 1,
          stop_reason: "eos_token",
        },
      ],
    }),
  },
  {
    at: /\/ml\/v1\/text\/embeddings$/,
    whole: ({ model }) => ({
      model_id: model,
      created_at: AT,
      input_token_count: 1,
      results: [{ embedding: [0.25, -0.5, 0.75] }],
    }),
  },
  {
    at: /\/ml\/v1\/foundation_model_specs$/,
    method: "GET",
    whole: () => ({
      total_count: CATALOGUE.length,
      limit: 100,
      first: { href: "" },
      resources: CATALOGUE.map((id) => ({ model_id: `acme/${id}`, label: id, provider: "Acme" })),
    }),
  },
];

function always(asked) {
  asked.streamed = true;
  return true;
}
