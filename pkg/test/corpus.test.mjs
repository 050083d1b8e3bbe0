/**
 * The edge module in Node gives the verdicts of the command line, on every corpus, however the body
 * is divided into chunks.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Gate, Session } from "portcullis";
import { Decoder } from "portcullis/decode";
import { corpora } from "../../tests/corpora.mjs";
import { bodyOf, judgeLine } from "../../tests/line.mjs";
import { compile } from "../../tests/worker/setup.mjs";

const module = readFileSync(new URL("../wasm/edge_bg.wasm", import.meta.url));
const decoder = new Decoder(readFileSync(new URL("../wasm/decode_bg.wasm", import.meta.url)));

for (const { name, policy, lines, verdicts } of corpora()) {
  const bundle = compile(policy);
  const load = () => Gate.load({ module, bundle, decoder });

  test(`${name}: ${lines.length} verdicts as the command line gives them`, async () => {
    for (const [index, line] of lines.entries()) {
      // A line may switch rules, and switches outlive it.
      const gate = await load();
      assert.equal(
        JSON.stringify({ id: line.id, ...judgeLine(gate, line, Session) }),
        JSON.stringify(verdicts[index]),
        line.id,
      );
    }
  });

  test(`${name}: the same with every body cut at every byte`, async () => {
    const gate = await load();
    for (const [index, line] of lines.entries()) {
      const body = bodyOf(line);
      if (line.switch !== undefined || body === undefined || body.length > 4_096) continue;
      const cuts = Array.from(body, (_, at) => at);
      assert.equal(
        JSON.stringify({ id: line.id, ...judgeLine(gate, line, Session, cuts) }),
        JSON.stringify(verdicts[index]),
        line.id,
      );
    }
  });
}
