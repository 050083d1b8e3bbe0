/** Anthropic's API. */
import { CATALOGUE } from "./call.mjs";

const known = (id) => ({ type: "model", id, display_name: id, created_at: "2026-01-01T00:00:00Z" });
const batch = {
  type: "message_batch",
  id: "msgbatch_stub",
  processing_status: "in_progress",
  request_counts: { processing: 1, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
  created_at: "2026-01-01T00:00:00Z",
  expires_at: "2026-01-02T00:00:00Z",
  ended_at: null,
  archived_at: null,
  cancel_initiated_at: null,
  results_url: null,
};
const anthropicCall = ({ headers }) => headers["anthropic-version"] !== undefined;

export const anthropic = [
  {
    at: /messages$/,
    whole: ({ model, text }) => message(model, text),
    events: ({ model, text }) => messageEvents(model, text).map((event) => [event.type, event]),
  },
  { at: /messages\/count_tokens$/, whole: () => ({ input_tokens: 4 }) },
  { at: /messages\/batches(?:\/[^/]+)?$/, whole: () => batch },
  {
    at: /models$/,
    method: "GET",
    when: anthropicCall,
    whole: () => ({
      data: CATALOGUE.map(known),
      has_more: false,
      first_id: CATALOGUE[0],
      last_id: CATALOGUE.at(-1),
    }),
  },
  {
    at: /models\/(?<model>.+)$/,
    method: "GET",
    when: anthropicCall,
    whole: ({ model }) => known(model),
  },
];

/** A whole message. Other providers serve Anthropic's models in the same form. */
export function message(model, text, stopReason = "end_turn") {
  return {
    id: "msg_stub",
    type: "message",
    role: "assistant",
    model,
    content: text === undefined ? [] : [{ type: "text", text }],
    stop_reason: stopReason,
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 3 },
  };
}

/** The same message as a stream. */
export function messageEvents(model, text) {
  return [
    { type: "message_start", message: message(model, undefined, null) },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text } },
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason: "end_turn", stop_sequence: null },
      usage: { output_tokens: 3 },
    },
    { type: "message_stop" },
  ];
}
