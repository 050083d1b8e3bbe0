/**
 * A stub inference origin. It responds in the format of the API that was called, with the request
 * that reached it under `echo`. `make run` serves the gate before it, and the tests read `seen`.
 * The APIs are in `origin/`, one a file.
 */
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { anthropic } from "./origin/anthropic.mjs";
import { azure } from "./origin/azure.mjs";
import { bedrock } from "./origin/bedrock.mjs";
import { call } from "./origin/call.mjs";
import { cloudflare } from "./origin/cloudflare.mjs";
import { cohere } from "./origin/cohere.mjs";
import { eventFrame } from "./origin/event-stream.mjs";
import { google } from "./origin/google.mjs";
import { mistral } from "./origin/mistral.mjs";
import { ollama } from "./origin/ollama.mjs";
import { openai } from "./origin/openai.mjs";
import { openrouter } from "./origin/openrouter.mjs";
import { watsonx } from "./origin/watsonx.mjs";

/**
 * The first shape that fits responds. So shapes for a path of several APIs come last, in the format
 * that most of these use.
 *
 * A shape has `at`, a pattern of the path whose capture is the model, and may have `method` and
 * `when`, a test of the call. One of these keys makes the response:
 *
 * | key | returns | format |
 * |---|---|---|
 * | `whole` | an object | JSON |
 * | `events` | list of `[event name or undefined, object or text]` | SSE, if the call asks for it |
 * | `lines` | objects | lines of JSON, if the call asks for a stream |
 * | `frames` | list of `[event type, object]` | AWS event stream |
 * | `talk` | `open()` and `hear(message)`: lists of messages | a WebSocket; `binary`: its frames |
 */
const SHAPES = [
  ...bedrock,
  ...google,
  ...watsonx,
  ...cloudflare,
  ...ollama,
  ...cohere,
  ...mistral,
  ...openrouter,
  ...azure,
  ...anthropic,
  ...openai,
];

/**
 * Starts an origin. `seen` grows by one entry for each request that begins. `access` verifies the
 * access header, as `origin/access.mjs` does.
 */
export async function startOrigin({
  port = 0,
  host = "127.0.0.1",
  reply = answer,
  access = async () => undefined,
} = {}) {
  const seen = [];
  const server = createServer({ maxHeaderSize: 131072 }, (request, response) => {
    const entry = begun(request);
    entry.ended = new Promise((resolve) => {
      request.on("end", resolve);
      request.on("close", resolve);
    });
    seen.push(entry);
    const checked = access(entry);
    const chunks = [];
    request.on("data", (chunk) => {
      entry.bytes += chunk.length;
      chunks.push(chunk);
    });
    request.on("end", async () => {
      entry.complete = request.complete;
      entry.body = Buffer.concat(chunks);
      entry.trailers = request.rawTrailers;
      const acknowledged = await (await checked)?.(200);
      if (acknowledged !== undefined) response.setHeader(...acknowledged);
      if (reply !== undefined && request.complete) reply(entry, response);
    });
    request.on("error", () => undefined);
    request.on("close", () => {
      entry.aborted = !request.complete;
    });
    response.on("error", () => undefined);
  });
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => offered.values().next().value ?? false,
  });
  const acknowledgements = new WeakMap();
  sockets.on("headers", (lines, request) => {
    if (acknowledgements.has(request)) lines.push(acknowledgements.get(request).join(": "));
  });
  server.on("upgrade", async (request, connection, head) => {
    const entry = {
      ...begun(request),
      complete: true,
      body: Buffer.alloc(0),
      messages: [],
      closed: undefined,
    };
    seen.push(entry);
    const acknowledged = await (await access(entry))?.(101);
    if (acknowledged !== undefined) acknowledgements.set(request, acknowledged);
    sockets.handleUpgrade(request, connection, head, (socket) => converse(entry, socket));
  });
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
  return {
    url: `http://${host}:${server.address().port}`,
    seen,
    close() {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

function begun(request) {
  return {
    method: request.method,
    url: request.url,
    headers: request.headers,
    raw: request.rawHeaders,
    bytes: 0,
    complete: false,
    aborted: false,
    body: undefined,
  };
}

/** Answers as the API called would. */
export function answer(entry, response) {
  const asked = call(entry);
  const shape = find(asked, (shape) => shape.talk === undefined);
  response.setHeader("x-origin", "stub");
  const { echo } = asked;
  if (shape?.frames !== undefined) {
    response.setHeader("content-type", "application/vnd.amazon.eventstream");
    for (const [at, [type, data]] of shape.frames(asked).entries())
      response.write(eventFrame(type, at === 0 ? { ...data, echo } : data));
    return void response.end();
  }
  if (asked.streamed && shape?.events !== undefined) {
    response.setHeader("content-type", "text/event-stream");
    for (const [at, [event, data]] of shape.events(asked).entries()) {
      const text =
        typeof data === "string" ? data : JSON.stringify(at === 0 ? { ...data, echo } : data);
      response.write(`${event === undefined ? "" : `event: ${event}\n`}data: ${text}\n\n`);
    }
    return void response.end();
  }
  if (asked.streamed && shape?.lines !== undefined) {
    response.setHeader("content-type", "application/x-ndjson");
    for (const [at, line] of shape.lines(asked).entries())
      response.write(`${JSON.stringify(at === 0 ? { ...line, echo } : line)}\n`);
    return void response.end();
  }
  response.setHeader("content-type", "application/json");
  response.end(
    entry.method === "HEAD" ? undefined : `${JSON.stringify({ ...shape?.whole?.(asked), echo })}\n`,
  );
}

/** Speaks as the API called would; what it hears is kept in the entry. */
function converse(entry, socket) {
  const asked = call(entry);
  const talk = find(asked, (shape) => shape.talk !== undefined)?.talk(asked);
  const say = (messages, from = 1) => {
    for (const [at, message] of messages.entries())
      socket.send(JSON.stringify(at < from ? { ...message, echo: asked.echo } : message), {
        binary: talk?.binary === true,
      });
  };
  socket.on("error", () => undefined);
  socket.on("close", (code, reason) => {
    entry.closed = { code, reason: reason.toString("utf8") };
  });
  socket.on("message", (data, binary) => {
    const text = data.toString("utf8");
    entry.messages.push({ text, binary });
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    // Without an API that it knows, it says again what it heard.
    say(talk?.hear(message) ?? [{ heard: message }], 0);
  });
  say(talk?.open?.() ?? []);
}

function find(asked, kind) {
  for (const shape of SHAPES) {
    if (!kind(shape)) continue;
    const found = shape.at.exec(asked.path);
    if (
      found === null ||
      (shape.method !== undefined && shape.method !== asked.method) ||
      shape.when?.(asked) === false
    )
      continue;
    if (found.groups?.model !== undefined) asked.model = decoded(found.groups.model);
    return shape;
  }
  return undefined;
}

function decoded(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
