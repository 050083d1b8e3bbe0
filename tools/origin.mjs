/**
 * A stand-in for an inference origin: it answers in the shape of the API that was called, with what reached it under
 * `echo`. `make run` serves the gate in front of it, the tests look into `seen`.
 */
import { createServer } from "node:http";

/** Starts an origin; `seen` grows by one entry for each request that begins. */
export async function startOrigin({ port = 0, host = "127.0.0.1", reply = answer } = {}) {
  const seen = [];
  const server = createServer({ maxHeaderSize: 131072 }, (request, response) => {
    const entry = { method: request.method, url: request.url, headers: request.headers, raw: request.rawHeaders, bytes: 0, complete: false, aborted: false, body: undefined };
    entry.ended = new Promise((resolve) => {
      request.on("end", resolve);
      request.on("close", resolve);
    });
    seen.push(entry);
    const chunks = [];
    request.on("data", (chunk) => {
      entry.bytes += chunk.length;
      chunks.push(chunk);
    });
    request.on("end", () => {
      entry.complete = request.complete;
      entry.body = Buffer.concat(chunks);
      if (reply !== undefined && request.complete) reply(entry, response);
    });
    request.on("error", () => undefined);
    request.on("close", () => {
      entry.aborted = !request.complete;
    });
    response.on("error", () => undefined);
  });
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
  return {
    url: `http://${host}:${server.address().port}`,
    seen,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers as the API called would. */
export function answer(entry, response) {
  const path = entry.url.replace(/\?.*$/s, "").replace(/^\/(v1\/)?/, "");
  const body = parsed(entry.body);
  const model = typeof body?.model === "string" ? body.model : "haiku-4";
  const text = `You said: ${lastText(body)}`;
  const echo = { method: entry.method, url: entry.url, headers: entry.headers, body: entry.body.toString("utf8") };
  const shape = shapes.find(({ at }) => at.test(path)) ?? { whole: () => ({}) };
  const streamed = body?.stream === true && shape.events !== undefined;
  response.setHeader("x-origin", "stub");
  if (!streamed) {
    response.setHeader("content-type", "application/json");
    response.end(entry.method === "HEAD" ? undefined : `${JSON.stringify({ ...shape.whole(model, text, body, entry), echo })}\n`);
    return;
  }
  response.setHeader("content-type", "text/event-stream");
  for (const [event, data] of shape.events(model, text, echo)) {
    response.write(`${event === undefined ? "" : `event: ${event}\n`}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`);
  }
  response.end();
}

const CREATED = 1_781_300_000;
const CATALOGUE = ["haiku-4", "sonnet-5", "mythos-5", "fable-5"];

const shapes = [
  {
    at: /^chat\/completions$/,
    whole: (model, text) => ({
      id: "chatcmpl-stub",
      object: "chat.completion",
      created: CREATED,
      model,
      choices: [{ index: 0, message: { role: "assistant", content: text, refusal: null }, logprobs: null, finish_reason: "stop" }],
      usage: { prompt_tokens: 1, completion_tokens: 3, total_tokens: 4 },
    }),
    events: (model, text, echo) => [
      ...text.split(/(?<= )/).map((content, index) => [
        undefined,
        { id: "chatcmpl-stub", object: "chat.completion.chunk", created: CREATED, model, choices: [{ index: 0, delta: { role: "assistant", content }, finish_reason: null }], ...(index === 0 ? { echo } : {}) },
      ]),
      [undefined, { id: "chatcmpl-stub", object: "chat.completion.chunk", created: CREATED, model, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }],
      [undefined, "[DONE]"],
    ],
  },
  {
    at: /^completions$/,
    whole: (model, text) => ({ id: "cmpl-stub", object: "text_completion", created: CREATED, model, choices: [{ index: 0, text, logprobs: null, finish_reason: "stop" }] }),
  },
  {
    at: /^embeddings$/,
    whole: (model, _text, body) => {
      const numbers = Float32Array.of(0.25, -0.5, 0.75);
      const embedding = body?.encoding_format === "base64" ? Buffer.from(numbers.buffer).toString("base64") : [...numbers];
      const inputs = Array.isArray(body?.input) ? body.input : [body?.input];
      return { object: "list", model, data: inputs.map((_, index) => ({ object: "embedding", index, embedding })), usage: { prompt_tokens: 1, total_tokens: 1 } };
    },
  },
  {
    at: /^responses$/,
    whole: (model, text) => response(model, text, "completed"),
    events: (model, text, echo) => [
      ["response.created", { type: "response.created", sequence_number: 0, response: { ...response(model, "", "in_progress"), echo } }],
      ["response.output_text.delta", { type: "response.output_text.delta", sequence_number: 1, item_id: "msg_stub", output_index: 0, content_index: 0, delta: text, logprobs: [] }],
      ["response.completed", { type: "response.completed", sequence_number: 2, response: response(model, text, "completed") }],
    ],
  },
  {
    at: /^messages$/,
    whole: (model, text) => message(model, [{ type: "text", text }], "end_turn"),
    events: (model, text, echo) => [
      ["message_start", { type: "message_start", message: { ...message(model, [], null), echo } }],
      ["content_block_start", { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }],
      ["content_block_delta", { type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }],
      ["content_block_stop", { type: "content_block_stop", index: 0 }],
      ["message_delta", { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 3 } }],
      ["message_stop", { type: "message_stop" }],
    ],
  },
  { at: /^messages\/count_tokens$/, whole: () => ({ input_tokens: 4 }) },
  {
    at: /^models$/,
    whole: (_model, _text, _body, { headers }) =>
      headers["anthropic-version"] === undefined
        ? { object: "list", data: CATALOGUE.map((id) => ({ id, object: "model", created: CREATED, owned_by: "stub" })) }
        : {
            data: CATALOGUE.map((id) => ({ type: "model", id, display_name: id, created_at: "2026-01-01T00:00:00Z" })),
            has_more: false,
            first_id: CATALOGUE[0],
            last_id: CATALOGUE.at(-1),
          },
  },
];

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
    output: text === "" ? [] : [{ id: "msg_stub", type: "message", role: "assistant", status, content: [{ type: "output_text", text, annotations: [], logprobs: [] }] }],
    usage: { input_tokens: 1, input_tokens_details: { cached_tokens: 0 }, output_tokens: 3, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 4 },
  };
}

function message(model, content, stopReason) {
  return { id: "msg_stub", type: "message", role: "assistant", model, content, stop_reason: stopReason, stop_sequence: null, usage: { input_tokens: 1, output_tokens: 3 } };
}

function parsed(body) {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

function lastText(body) {
  const last = body?.messages?.at?.(-1)?.content ?? body?.input ?? body?.prompt ?? "";
  return typeof last === "string" ? last : JSON.stringify(last);
}
