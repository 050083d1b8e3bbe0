/** The Python clients of OpenAI and Anthropic, each call made by `python.py`. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { callsOf, served } from "./setup.mjs";

const gate = served(["openai", "anthropic"]);
const python = spawn(
  fileURLToPath(new URL("../../.tools/python/bin/python", import.meta.url)),
  [fileURLToPath(new URL("python.py", import.meta.url))],
  { stdio: ["pipe", "pipe", "inherit"] },
);
const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
after(() => python.stdin.end());

/** Makes calls one by one, and throws the error of the Python process. */
async function made(job) {
  python.stdin.write(`${JSON.stringify(job)}\n`);
  const { result, error } = JSON.parse((await lines.next()).value);
  if (error !== undefined) throw error;
  return result;
}

const calls = (vendor, names) =>
  names.map((name) => ({
    name,
    call: (client, model) => made({ call: `${vendor} ${name}`, model, ...client }),
  }));
const client = (url, key) => ({ url, key });

/** Returns a dictionary as Python prints it. */
function printed(value) {
  if (value === null) return "None";
  if (typeof value === "string") return `'${value}'`;
  return `{${Object.entries(value)
    .map(([key, one]) => `'${key}': ${printed(one)}`)
    .join(", ")}}`;
}

callsOf("python openai", gate, {
  client,
  thrown(error, text, caseId) {
    assert.equal(error.class, "openai.PermissionDeniedError");
    const body = {
      message: text,
      type: "request_forbidden",
      param: "model",
      code: "model_restricted",
    };
    assert.deepEqual(error.body, body);
    assert.equal(error.message, `Error code: 403 - ${printed({ error: body })}`);
    assert.deepEqual(
      [error.status_code, error.code, error.param, error.type, error.request_id],
      [403, "model_restricted", "model", "request_forbidden", caseId],
    );
  },
  calls: [
    ...calls("openai", [
      "chat",
      "chat, streaming",
      "responses",
      "responses, streaming",
      "embeddings",
      "image edit, multipart",
      "transcription, multipart",
      "batch file, multipart",
      "model",
    ]),
    {
      name: "realtime",
      // A refused session is an event and the end of the WebSocket, without an exception.
      async call(client, model) {
        const { events, code } = await made({ call: "openai realtime", model, ...client });
        const told = events.find(({ type }) => type === "error");
        if (told !== undefined) throw { ...told, closed: code };
        return events;
      },
      thrown(event, text, caseId) {
        assert.deepEqual(event.error, {
          message: text,
          type: "request_forbidden",
          param: "model",
          code: "model_restricted",
          event_id: event.error.event_id,
        });
        assert.equal(event.event_id, caseId);
        assert.equal(event.closed, 1008);
      },
    },
  ],
});

callsOf("python anthropic", gate, {
  client,
  thrown(error, text, caseId) {
    assert.equal(error.class, "anthropic.PermissionDeniedError");
    const body = {
      type: "error",
      error: {
        type: "permission_error",
        message: text,
        details: { error_code: "model_restricted" },
      },
      request_id: caseId,
    };
    assert.deepEqual(error.body, body);
    assert.equal(error.message, `Error code: 403 - ${printed(body)}`);
    assert.deepEqual([error.status_code, error.request_id], [403, caseId]);
  },
  calls: calls("anthropic", [
    "messages",
    "messages, streaming",
    "messages, stream helper",
    "token count",
    "batch",
    "model",
  ]),
});
