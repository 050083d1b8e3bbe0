/** OpenAI's client over WebSockets: realtime sessions and responses. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { ResponsesWS } from "openai/resources/responses/ws";
import { CLOSED, FOREIGN, OPEN, US, said, served } from "./setup.mjs";

const gate = served(["openai"]);
const client = (url, apiKey) => new OpenAI({ apiKey, baseURL: `${url}/v1` });

/** The client insists on `wss:`, and the tests' hosts speak `ws:`. */
const plainly = (url) => ({
  options: { createConnection: () => connect(Number(new URL(url).port), "127.0.0.1") },
});
const secure = (url) => url.replace("http:", "https:");

/** Makes one exchange over a realtime session. Returns its events and its end. */
async function realtime(url, apiKey, model, ...sent) {
  const session = new OpenAIRealtimeWS({ model, ...plainly(url) }, client(secure(url), apiKey));
  return talk(
    session,
    (event) => event.type === "response.done" || event.type === "session.updated",
    sent,
  );
}

async function responses(url, apiKey, ...sent) {
  const socket = new ResponsesWS(client(url, apiKey));
  return talk(socket, (event) => event.type === "response.completed", sent);
}

/** Sends the messages one by one, each after the reply to the one before. */
function talk(session, answered, sent) {
  const events = [];
  const errors = [];
  const { socket } = session;
  return new Promise((resolve) => {
    const next = () => (sent.length > 0 ? session.send(sent.shift()) : session.close());
    session.on("event", (event) => {
      events.push(event);
      if (answered(event)) next();
    });
    session.on("error", (error) => errors.push(error));
    socket.on("open", next);
    socket.on("close", (code, reason) =>
      resolve({
        events: events.map(({ echo, ...event }) => event),
        errors,
        code,
        reason: String(reason),
      }),
    );
  });
}

const speak = { type: "response.create", response: { instructions: "hi there" } };
const respond = (model) => ({ type: "response.create", model, input: "hi there" });

for (const [who, key, model] of [
  ["a restricted caller may use", FOREIGN, OPEN],
  ["only an unrestricted caller may use", US, CLOSED],
]) {
  test(`openai, realtime: a model that ${who}`, async () => {
    const through = await realtime(
      gate.url,
      key,
      model,
      { type: "session.update", session: { type: "realtime", model } },
      speak,
    );
    assert.deepEqual(through.errors, []);
    assert.deepEqual(
      through,
      await realtime(
        gate.origin.url,
        key,
        model,
        { type: "session.update", session: { type: "realtime", model } },
        speak,
      ),
    );
    assert.ok(through.events.some(({ delta }) => delta === "You said: hi there"));
    const [viaGate, straight] = gate.origin.seen.slice(-2);
    assert.deepEqual(viaGate.messages, straight.messages);
  });

  test(`openai, responses over a socket: a model that ${who}`, async () => {
    const through = await responses(gate.url, key, respond(model), respond(model));
    assert.deepEqual(through.errors, []);
    assert.deepEqual(
      through,
      await responses(gate.origin.url, key, respond(model), respond(model)),
    );
    assert.equal(through.events.filter(({ type }) => type === "response.completed").length, 2);
    const [viaGate, straight] = gate.origin.seen.slice(-2);
    assert.deepEqual(viaGate.messages, straight.messages);
  });
}

/**
 * Asserts a refusal in a session: the client's own error, the policy's words, the end of the
 * WebSocket, one attempt.
 */
function refused({ errors, code }, model) {
  const [error] = errors;
  assert.equal(errors.length, 1, String(errors));
  const caseId = /pc-[0-9a-f-]{36}/.exec(error.message)?.[0];
  assert.ok(error.message.startsWith(said(model, caseId)), error.message);
  const { message, code: reason } = error.error.error ?? error.error;
  assert.equal(message, said(model, caseId));
  assert.equal(reason, "model_restricted");
  assert.equal(code, 1008);
  return error;
}

test("openai, realtime: refused where the URL names a closed model", async () => {
  const begun = gate.origin.seen.length;
  const attempts = gate.front.attempts;
  const error = refused(await realtime(gate.url, FOREIGN, CLOSED, speak), CLOSED);
  assert.equal(error.name, "OpenAIRealtimeError");
  assert.equal(gate.front.attempts - attempts, 1);
  assert.equal(gate.origin.seen.length, begun);
});

test("openai, realtime: refused where a message names a closed model", async () => {
  const attempts = gate.front.attempts;
  const update = {
    type: "session.update",
    session: { type: "realtime", audio: { input: { transcription: { model: CLOSED } } } },
  };
  const ended = await realtime(gate.url, FOREIGN, OPEN, speak, update);
  refused(ended, CLOSED);
  assert.ok(
    ended.events.some(({ delta }) => delta === "You said: hi there"),
    "what went before was answered",
  );
  assert.equal(gate.front.attempts - attempts, 1);
  assert.deepEqual(
    gate.origin.seen.at(-1).messages.map(({ text }) => JSON.parse(text)),
    [speak],
  );
});

test("openai, responses over a socket: refused where a message names a closed model", async () => {
  const attempts = gate.front.attempts;
  const ended = await responses(gate.url, FOREIGN, respond(OPEN), respond(CLOSED));
  refused(ended, CLOSED);
  assert.ok(
    ended.events.some(({ type }) => type === "response.completed"),
    "what went before was answered",
  );
  assert.equal(gate.front.attempts - attempts, 1);
  assert.deepEqual(
    gate.origin.seen.at(-1).messages.map(({ text }) => JSON.parse(text).model),
    [OPEN],
  );
});
