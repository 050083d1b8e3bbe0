/** OpenAI's API, which many other servers offer too. */
import { CATALOGUE, CREATED, words } from "./call.mjs";

const known = (id) => ({ id, object: "model", created: CREATED, owned_by: "stub" });
const file = (purpose, filename = "stub.jsonl") => ({
  id: "file-stub",
  object: "file",
  bytes: 4,
  created_at: CREATED,
  filename,
  purpose,
  status: "processed",
});
const usage = { prompt_tokens: 1, completion_tokens: 3, total_tokens: 4 };

export const openai = [
  {
    at: /chat\/completions$/,
    whole: ({ model, text }) => ({
      id: "chatcmpl-stub",
      object: "chat.completion",
      created: CREATED,
      model,
      system_fingerprint: "fp_stub",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: text, refusal: null },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      usage,
    }),
    events: ({ model, text }) => {
      const chunk = (delta, finish) => [
        undefined,
        {
          id: "chatcmpl-stub",
          object: "chat.completion.chunk",
          created: CREATED,
          model,
          system_fingerprint: "fp_stub",
          choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
        },
      ];
      return [
        ...words(text).map((content) => chunk({ role: "assistant", content }, null)),
        chunk({}, "stop"),
        [undefined, "[DONE]"],
      ];
    },
  },
  {
    at: /completions$/,
    whole: ({ model, text }) => ({
      id: "cmpl-stub",
      object: "text_completion",
      created: CREATED,
      model,
      choices: [{ index: 0, text, logprobs: null, finish_reason: "stop" }],
      usage,
    }),
    events: ({ model, text }) => [
      ...words(text).map((part) => [
        undefined,
        {
          id: "cmpl-stub",
          object: "text_completion",
          created: CREATED,
          model,
          choices: [{ index: 0, text: part, logprobs: null, finish_reason: null }],
        },
      ]),
      [undefined, "[DONE]"],
    ],
  },
  {
    at: /embeddings$/,
    whole: ({ model, body }) => {
      const numbers = Float32Array.of(0.25, -0.5, 0.75);
      const embedding =
        body?.encoding_format === "base64"
          ? Buffer.from(numbers.buffer).toString("base64")
          : [...numbers];
      const inputs = Array.isArray(body?.input) ? body.input : [body?.input];
      return {
        id: "embd-stub",
        object: "list",
        model,
        data: inputs.map((_, index) => ({ object: "embedding", index, embedding })),
        usage: { prompt_tokens: 1, total_tokens: 1 },
      };
    },
  },
  {
    at: /responses$/,
    whole: ({ model, text }) => response(model, text, "completed"),
    events: ({ model, text }) => told(model, text).map((event) => [event.type, event]),
  },
  {
    at: /responses$/,
    talk: () => ({
      hear: ({ type, model, input }) =>
        type === "response.create"
          ? told(
              model ?? "haiku-4",
              `You said: ${typeof input === "string" ? input : JSON.stringify(input)}`,
            )
          : [],
    }),
  },
  {
    at: /realtime$/,
    talk: ({ model }) => ({
      open: () => [{ type: "session.created", event_id: "event_0", session: session(model) }],
      hear: (message) => {
        if (message.type === "session.update")
          return [
            {
              type: "session.updated",
              event_id: "event_1",
              session: { ...session(model), ...message.session },
            },
          ];
        if (message.type !== "response.create") return [];
        const text = `You said: ${message.response?.instructions ?? ""}`;
        return [
          {
            type: "response.created",
            event_id: "event_2",
            response: {
              id: "resp_stub",
              object: "realtime.response",
              status: "in_progress",
              output: [],
            },
          },
          {
            type: "response.output_text.delta",
            event_id: "event_3",
            response_id: "resp_stub",
            item_id: "item_stub",
            output_index: 0,
            content_index: 0,
            delta: text,
          },
          {
            type: "response.done",
            event_id: "event_4",
            response: {
              id: "resp_stub",
              object: "realtime.response",
              status: "completed",
              output: [],
            },
          },
        ];
      },
    }),
  },
  {
    at: /realtime\/client_secrets$/,
    whole: ({ body }) => ({ value: "ek_stub", expires_at: CREATED, session: body?.session ?? {} }),
  },
  {
    at: /images\/(?:generations|edits|variations)$/,
    whole: () => ({ created: CREATED, data: [{ b64_json: "aGk=" }] }),
  },
  {
    at: /audio\/(?:transcriptions|translations)$/,
    whole: ({ model }) => ({ text: `You said something to ${model}` }),
  },
  {
    at: /moderations$/,
    whole: ({ model }) => ({
      id: "modr-stub",
      model,
      results: [
        { flagged: false, categories: {}, category_scores: {}, category_applied_input_types: {} },
      ],
    }),
  },
  { at: /files$/, method: "POST", whole: ({ body }) => file(body?.purpose ?? "batch") },
  {
    at: /files$/,
    method: "GET",
    whole: () => ({ object: "list", data: [file("batch")], has_more: false }),
  },
  { at: /files\/[^/]+$/, method: "GET", whole: () => file("batch") },
  { at: /batches$/, method: "POST", whole: ({ body }) => batch(body) },
  {
    at: /batches\/[^/]+(?:\/cancel)?$/,
    whole: () => batch({ endpoint: "/v1/chat/completions", input_file_id: "file-stub" }),
  },
  {
    at: /fine_tuning\/jobs$/,
    method: "POST",
    whole: ({ model }) => ({
      id: "ftjob-stub",
      object: "fine_tuning.job",
      created_at: CREATED,
      model,
      status: "queued",
    }),
  },
  { at: /models$/, method: "GET", whole: () => ({ object: "list", data: CATALOGUE.map(known) }) },
  { at: /models\/(?<model>.+)$/, method: "GET", whole: ({ model }) => known(model) },
];

function batch({ endpoint, input_file_id, completion_window = "24h" } = {}) {
  return {
    id: "batch_stub",
    object: "batch",
    endpoint,
    errors: null,
    input_file_id,
    completion_window,
    status: "validating",
    created_at: CREATED,
  };
}

function session(model) {
  return {
    object: "realtime.session",
    type: "realtime",
    id: "sess_stub",
    model,
    output_modalities: ["text"],
  };
}

function told(model, text) {
  return [
    { type: "response.created", sequence_number: 0, response: response(model, "", "in_progress") },
    {
      type: "response.output_item.added",
      sequence_number: 1,
      output_index: 0,
      item: {
        id: "msg_stub",
        type: "message",
        role: "assistant",
        status: "in_progress",
        content: [],
      },
    },
    {
      type: "response.content_part.added",
      sequence_number: 2,
      item_id: "msg_stub",
      output_index: 0,
      content_index: 0,
      part: { type: "output_text", text: "", annotations: [], logprobs: [] },
    },
    {
      type: "response.output_text.delta",
      sequence_number: 3,
      item_id: "msg_stub",
      output_index: 0,
      content_index: 0,
      delta: text,
      logprobs: [],
    },
    {
      type: "response.completed",
      sequence_number: 4,
      response: response(model, text, "completed"),
    },
  ];
}

function response(model, text, status) {
  return {
    id: "resp_stub",
    object: "response",
    created_at: CREATED,
    status,
    model,
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    parallel_tool_calls: true,
    tool_choice: "auto",
    tools: [],
    output:
      text === ""
        ? []
        : [
            {
              id: "msg_stub",
              type: "message",
              role: "assistant",
              status,
              content: [{ type: "output_text", text, annotations: [], logprobs: [] }],
            },
          ],
    usage: {
      input_tokens: 1,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 3,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 4,
    },
  };
}
