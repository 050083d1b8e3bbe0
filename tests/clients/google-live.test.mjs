/** Google's client in live sessions, over WebSockets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GoogleGenAI } from "@google/genai";
import { CLOSED, FOREIGN, OPEN, US, said, served } from "./setup.mjs";

const gate = served(["gemini"]);

/** Makes one exchange and returns the received messages. Throws as the client does. */
async function live(baseUrl, apiKey, model) {
  const heard = [];
  let turned;
  const turn = new Promise((resolve) => {
    turned = resolve;
  });
  const session = await new GoogleGenAI({ apiKey, httpOptions: { baseUrl } }).live.connect({
    model,
    callbacks: {
      onmessage(message) {
        heard.push(message);
        if (message.serverContent?.turnComplete) turned();
      },
      onclose: () => turned(),
    },
  });
  session.sendClientContent({ turns: [{ role: "user", parts: [{ text: "hi there" }] }] });
  await turn;
  session.close();
  return JSON.parse(JSON.stringify(heard, (key, value) => (key === "echo" ? undefined : value)));
}

for (const [who, key, model] of [
  ["a restricted caller may use", FOREIGN, OPEN],
  ["only an unrestricted caller may use", US, CLOSED],
]) {
  test(`gemini live: a model that ${who}`, async () => {
    const straight = await live(gate.origin.url, key, model);
    const through = await live(gate.url, key, model);
    assert.deepEqual(through, straight);
    assert.ok(
      through.some(
        ({ serverContent }) => serverContent?.modelTurn?.parts[0].text === "You said: hi there",
      ),
    );
    const [direct, viaGate] = gate.origin.seen.slice(-2);
    assert.deepEqual(viaGate.messages, direct.messages);
  });
}

test("gemini live: refused", async () => {
  const attempts = gate.front.attempts;
  const error = await live(gate.url, FOREIGN, CLOSED).then(
    (heard) => assert.fail(`the session was held: ${JSON.stringify(heard)}`),
    (cause) => cause,
  );
  assert.ok(error instanceof Error);
  assert.match(error.message, /^Live connection closed before setup completed \(code 1008\): /);
  assert.equal(gate.front.attempts - attempts, 1);
  assert.ok(
    !gate.origin.seen.at(-1)?.messages?.some(({ text }) => text.includes(CLOSED)),
    "the set-up reached the origin",
  );
});
