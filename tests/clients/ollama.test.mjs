/** Ollama's client. */
import assert from "node:assert/strict";
import { Ollama } from "ollama";
import { callsOf, collected, listsOf, served } from "./setup.mjs";

// Only the origin knows the model behind a name that a user has given.
const gate = served(["ollama"], { acknowledges: true });
const client = (host, key) => new Ollama({ host, headers: { authorization: `Bearer ${key}` } });
const messages = [{ role: "user", content: "hi there" }];

callsOf("ollama", gate, {
  client,
  spelled: (model) => `${model}:latest`,
  thrown(error, text) {
    assert.equal(error.name, "ResponseError");
    assert.equal(error.status_code, 403);
    assert.equal(error.message, text);
  },
  calls: [
    { name: "chat", call: (ollama, model) => ollama.chat({ model, messages }) },
    {
      name: "chat, streaming",
      call: (ollama, model) => collected(ollama.chat({ model, messages, stream: true })),
    },
    { name: "generate", call: (ollama, model) => ollama.generate({ model, prompt: "hi there" }) },
    {
      name: "generate, streaming",
      call: (ollama, model) =>
        collected(ollama.generate({ model, prompt: "hi there", stream: true })),
    },
    { name: "embed", call: (ollama, model) => ollama.embed({ model, input: "hi there" }) },
    { name: "show", call: (ollama, model) => ollama.show({ model }) },
    { name: "pull", call: (ollama, model) => ollama.pull({ model }) },
    {
      name: "pull, streaming",
      call: (ollama, model) => collected(ollama.pull({ model, stream: true })),
    },
    { name: "create", call: (ollama, model) => ollama.create({ model: "mine", from: model }) },
    { name: "copy", call: (ollama, model) => ollama.copy({ source: model, destination: "mine" }) },
  ],
});

listsOf("ollama", gate, {
  client,
  list: async (ollama) => (await ollama.list()).models.map(({ name }) => name),
  spelled: (model) => `${model}:latest`,
});
