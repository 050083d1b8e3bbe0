/** Cohere's client. */
import assert from "node:assert/strict";
import { Cohere, CohereClientV2, CohereClient } from "cohere-ai";
import { callsOf, collected, listsOf, served } from "./setup.mjs";

const gate = served(["cohere"]);
const messages = [{ role: "user", content: "hi there" }];

callsOf("cohere", gate, {
  client: (environment, token) => new CohereClientV2({ token, environment }),
  thrown(error, text, caseId) {
    assert.equal(error.constructor, Cohere.ForbiddenError);
    assert.equal(error.statusCode, 403);
    assert.deepEqual(error.body, { id: caseId, message: text });
    assert.equal(
      error.message,
      `ForbiddenError\nStatus code: 403\nBody: ${JSON.stringify({ id: caseId, message: text }, null, 2)}`,
    );
  },
  calls: [
    { name: "chat", call: (cohere, model) => cohere.chat({ model, messages }) },
    {
      name: "chat, streaming",
      call: (cohere, model) => collected(cohere.chatStream({ model, messages })),
    },
    {
      name: "embed",
      call: (cohere, model) =>
        cohere.embed({
          model,
          texts: ["hi there"],
          inputType: "search_query",
          embeddingTypes: ["float"],
        }),
    },
    {
      name: "rerank",
      call: (cohere, model) =>
        cohere.rerank({ model, query: "hi", documents: ["hi there", "you"] }),
    },
    { name: "model", call: (cohere, model) => cohere.models.get(model) },
  ],
});

listsOf("cohere", gate, {
  client: (environment, token) => new CohereClient({ token, environment }),
  list: async (cohere) => (await cohere.models.list()).models.map(({ name }) => name),
});
