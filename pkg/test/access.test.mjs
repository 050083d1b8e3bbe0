/** `gate.access(facts).may(model)` is what `gate.judge` says of a request that names the model. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Gate } from "portcullis";
import { compile } from "../../tests/worker/setup.mjs";

const module = readFileSync(new URL("../wasm/edge_bg.wasm", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "portcullis-"));
after(() => rmSync(folder, { recursive: true }));

/** A policy that denies a part of one family, all of another and, in one country, everything. */
const policy = (dialect, unlisted = "defer") => `
format = 1
[policy]
id = "access"
version = 1
dialects = [{ id = "${dialect}", prefix = "/p" }]
unlisted = "${unlisted}"
[models.mixed]
ids = ["closed-1", "open-1", "open-1-mini"]
[models.closed]
ids = ["closed-2", "vendor/closed-3"]
[models.open]
ids = ["open-2"]
[[restrictions]]
id = "part"
models = ["closed-1", "closed"]
when = 'country == "FR"'
doubt = "pass"
message = "Closed."
[[restrictions]]
id = "embargo"
models = ["*"]
when = 'country == "CU"'
doubt = "pass"
message = "Everything is closed."
`;

let files = 0;
function load(text) {
  const path = join(folder, `${(files += 1)}.toml`);
  writeFileSync(path, text);
  return Gate.load({ module, bundle: compile(path) });
}

const IDS = [
  ...["closed-1", "closed-1-20260101", "CLOSED-1", "closed-2", "vendor/closed-3", "closed-3"],
  ...["open-1", "open-1-mini", "open-2", "open-2-20260101", "open-2:free", "x/open-2"],
  ...["gpt-9", "unknown", "closed", "open", "mixed", "*", "auto", "default", "models/closed-1"],
  ...["us.anthropic.closed-1-v1:0", "ft:closed-1:org::id", "closed%2d1", "open-1,closed-1", "."],
];
const INVALID = [
  "",
  "é",
  "a\nb",
  "\0",
  "x".repeat(2_049),
  "\ud800",
  1,
  null,
  undefined,
  {},
  ["open-1"],
];

/** One operation of each dialect that takes the model in its JSON body. */
const OPERATIONS = {
  openai: "/v1/chat/completions",
  anthropic: "/v1/messages",
  mistral: "/v1/chat/completions",
  cohere: "/v2/chat",
  openrouter: "/api/v1/chat/completions",
  ollama: "/api/chat",
  generic: "/v1/chat/completions",
};
const OTHERS = ["azure-openai", "gemini", "vertex", "bedrock", "cloudflare", "watsonx"];

for (const unlisted of ["defer", "pass", "deny"]) {
  for (const [dialect, path] of Object.entries(OPERATIONS)) {
    test(`${dialect}, unlisted = ${unlisted}: \`may\` agrees with \`judge\``, async () => {
      const gate = await load(policy(dialect, unlisted));
      for (const country of ["US", "FR", "CU"]) {
        const facts = { place: { country } };
        const access = gate.access(facts);
        assert.equal(access.unrestricted, country === "US");
        const seen = new Set();
        for (const model of IDS) {
          const { verdict } = gate.judge(
            {
              method: "POST",
              url: `/p${path}`,
              headers: { "content-type": "application/json" },
              body: JSON.stringify({ model, messages: [] }),
            },
            facts,
          );
          seen.add(verdict);
          if (model.includes(",")) assert.ok(!access.may(model) || verdict === "pass", model);
          else
            assert.equal(access.may(model), verdict === "pass", `${country} ${model} ${verdict}`);
        }
        if (country === "FR") assert.ok(seen.has("pass") && seen.has("deny"));
      }
    });
  }
}

for (const dialect of OTHERS) {
  test(`${dialect}, which has the model elsewhere: the same answers as for openai`, async () => {
    const [gate, other] = [await load(policy(dialect)), await load(policy("openai"))];
    for (const country of ["US", "FR", "CU"]) {
      const [one, two] = [gate, other].map((made) => made.access({ place: { country } }));
      for (const model of IDS) assert.equal(one.may(model), two.may(model), `${country} ${model}`);
    }
  });
}

test("an id that no request can name is an error, whoever asks", async () => {
  const gate = await load(policy("openai"));
  for (const country of ["US", "FR", "CU"]) {
    const access = gate.access({ place: { country } });
    for (const model of INVALID)
      assert.throws(() => access.may(model), { code: "input_invalid" }, String(model));
  }
});

test("an operation that a rule closes", async () => {
  const gate = await load(
    policy("openai").replace(
      '[[restrictions]]\nid = "part"',
      '[[restrictions]]\nid = "no-chat"\nmodels = ["open"]\nwhen = \'operation == "createChatCompletion"\'\nmessage = "No chat."\n[[restrictions]]\nid = "part"',
    ),
  );
  const facts = { place: { country: "FR" } };
  const may = (url) => gate.access(facts, { method: "POST", url }).may("open-2");
  assert.deepEqual([may("/p/v1/chat/completions"), may("/p/v1/embeddings")], [false, true]);
  const named = (operation) => gate.access(facts, { operation }).may("open-2");
  assert.deepEqual([named("createChatCompletion"), named("createEmbedding")], [false, true]);
  assert.equal(gate.access(facts).may("open-2"), false, "what an operation denies is denied");
  assert.equal(gate.access(facts).may("open-1"), true);
  for (const operation of ["noSuchOperation", "createChatCompletion\n", 1, null])
    assert.throws(() => gate.access(facts, { operation }), { code: "input_invalid" }, operation);
});

test("the answers are those of one instant", async () => {
  const gate = await load(
    policy("openai").replace('id = "part"', 'id = "part"\nuntil = 2027-01-01T00:00:00Z'),
  );
  const at = (now) => gate.access({ place: { country: "FR" }, now: Date.parse(now) });
  assert.equal(at("2026-12-31T00:00:00Z").may("closed-1"), false);
  assert.equal(at("2027-01-02T00:00:00Z").may("closed-1"), true);
});
