/**
 * Rules that both the edge module and the scripts around it have. Each test compares the two sides.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { CredentialSlots } from "../../pkg/dist/http/credentials.js";
import { CANDIDATES } from "../../pkg/dist/wasm/wire.js";
import { codingHeaders } from "../../pkg/dist/http/headers.js";
import { Gate, isUpgrade } from "portcullis";
import { cli, compile } from "./setup.mjs";

const POLICY = fileURLToPath(new URL("boundary.toml", import.meta.url));
const source = (path) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)));
const FR = { place: { country: "FR" } };
const folder = mkdtempSync(join(tmpdir(), "portcullis-"));
let gate;

before(async () => {
  gate = await Gate.load({ module: source("pkg/wasm/edge_bg.wasm"), bundle: compile(POLICY) });
});
after(() => rmSync(folder, { recursive: true }));

/** Verdict and reason of each request, as the command line gives them. */
function decide(lines) {
  const file = join(folder, "lines.jsonl");
  writeFileSync(
    file,
    lines.map((line, id) => JSON.stringify({ id, place: { country: "FR" }, ...line })).join("\n"),
  );
  const out = execFileSync(cli(), ["decide", "--policy", POLICY, "--requests", file], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .map(({ verdict, reason }) => `${verdict} ${reason}`);
}

const judged = ({ body, ...head }) => {
  const { verdict, reason } = gate.judge(
    { ...head, headers: Object.entries(head.headers), body },
    FR,
  );
  return `${verdict} ${reason}`;
};

test("what asks for a WebSocket", () => {
  const values = [
    "websocket",
    "WebSocket",
    "WEBSOCKET",
    "websocket,",
    "websocket, x",
    "h2c, websocket",
    "websocket ",
    " websocket",
    "web socket",
    "websocket/13",
    "h2c",
    "",
  ];
  const lines = values.flatMap((upgrade) =>
    ["GET", "POST", "HEAD"].map((method) => ({ method, url: "/v1/nothing", headers: { upgrade } })),
  );
  const verdicts = decide(lines);
  for (const [index, { method, headers }] of lines.entries()) {
    assert.equal(
      isUpgrade({ method, headers: new Map(Object.entries(headers)) }),
      verdicts[index] === "defer late_bound",
      `${method} ${JSON.stringify(headers.upgrade)}: ${verdicts[index]}`,
    );
    assert.equal(judged({ ...lines[index] }), verdicts[index]);
  }
  assert.equal(isUpgrade(new Request("http://gate.example/")), false);
});

test("which headers ask for another method", () => {
  const names = [
    "x-http-method-override",
    "X-HTTP-Method-Override",
    "x_http_method_override",
    "x-http-method",
    "X-Method-Override",
    "x-method_override",
    "x-other",
    "http-method-override",
    "x-http-methods",
  ];
  const lines = names.map((name) => ({
    method: "GET",
    url: "/v1/chat/completions?model=haiku-4",
    headers: { [name]: "POST" },
  }));
  const verdicts = decide(lines);
  // The rule of the policy closes one operation by its name. So the header must count before the
  // request is read.
  assert.ok(
    verdicts.includes("deny model_restricted") && verdicts.includes("pass allowed"),
    verdicts.join(),
  );
  for (const [index, line] of lines.entries())
    assert.equal(judged(line), verdicts[index], names[index]);
});

test("names of coding headers", () => {
  for (const name of [
    "content-encoding",
    "content_encoding",
    "content-coding",
    "x-content-encoding",
    "contentencoding",
  ]) {
    const screening = gate.open(
      { method: "POST", url: "/v1/chat/completions", headers: [[name, "gzip"]] },
      FR,
    );
    screening.feed(new TextEncoder().encode('{"model":"haiku-4"}'));
    const coded = screening.finish().reason === "content_coding";
    screening.release();
    assert.equal(codingHeaders(new Map([[name, "gzip"]])).includes(name), coded, name);
  }
});

test("how many credentials count", () => {
  const [, figure] = /CANDIDATES: usize = (\d+);/.exec(source("src/limits.rs").toString());
  assert.equal(CANDIDATES, Number(figure));
});

test("every location of a credential is known for one inside a batch", () => {
  const document = '{"model":"sonnet-5","contents":[]}';
  const inside = (name, query = "") =>
    `--b\r\nContent-Type: application/http\r\n\r\nPOST /v1beta/models/sonnet-5:generateContent${query} HTTP/1.1\r\n${name}: x\r\nContent-Length: ${document.length}\r\n\r\n${document}\r\n--b--\r\n`;
  const line = (...part) => ({
    method: "POST",
    url: "/batch",
    headers: { "content-type": "multipart/mixed; boundary=b" },
    body: inside(...part),
  });
  const declared = gate.info.dialects
    .flatMap(({ credentials }) => credentials)
    .filter((slot) => slot.in !== "protocol");
  const names = [
    ...declared.map((slot) => (slot.in === "query" ? `?${slot.name}` : slot.name)),
    "x-own-key",
    "?my_secret",
    "X-Auth",
    "x-auth-user",
    "content-language",
    "?alt",
    "x-authority",
    "x-user",
  ];
  assert.ok(names.length > 20, names.join());
  const verdicts = decide(
    names.map((name) => (name.startsWith("?") ? line("x-a", `${name}=x`) : line(name))),
  );
  for (const [index, name] of names.entries()) {
    const known = verdicts[index].startsWith("refuse ");
    // The worker rejects a name that the edge module would not recognise in a batch.
    if (known) new CredentialSlots(gate.info, name);
    else
      assert.throws(
        () => new CredentialSlots(gate.info, name),
        { code: "key_invalid" },
        `${name}: ${verdicts[index]}`,
      );
    if (index < declared.length) assert.ok(known, `${name}: ${verdicts[index]}`);
  }
});
