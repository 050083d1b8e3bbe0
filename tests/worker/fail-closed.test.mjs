/** A gate that fails: the bundle is unusable, or an instance traps. No unjudged request passes. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { WebSocket } from "ws";
import { startSocketOrigin } from "../../tools/socket-origin.mjs";
import { keyDigest } from "portcullis/cloudflare";
import { KEY_SECRET, POLICY, bearer, compile, start } from "./setup.mjs";
import { open, until } from "./raw.mjs";
import { READING, trapping } from "./trap.mjs";

const FR = { country: "FR" };
const US = { country: "US" };
const SHADOW = fileURLToPath(new URL("shadow.toml", import.meta.url));
const SECRET = fileURLToPath(new URL("secret.toml", import.meta.url));
const bundle = compile(POLICY);

const BROKEN = [
  ["no bundle", Buffer.alloc(0), "bundle_truncated"],
  ["half a bundle", bundle.subarray(0, bundle.length / 2), "bundle_truncated"],
  ["a flipped bit", flipped(bundle), "bundle_digest"],
  ["a foreign file", Buffer.from("PK\x03\x04".padEnd(4096, "x")), "bundle_foreign_file"],
  [
    "a bundle with something after it",
    Buffer.concat([bundle, Buffer.from("x")]),
    "bundle_trailing_bytes",
  ],
];

for (const [what, bytes, code] of BROKEN) {
  test(`${what}: 503 for all, and the status says ${code}`, async () => {
    const gate = await start({ bundle: bytes });
    try {
      for (const model of ["haiku-4", "mythos-5"]) {
        const answer = await gate.chat(model, US, bearer("sk-us"));
        assert.equal(answer.status, 503);
        const body = await answer.json();
        assert.equal(body.error.code, "no_bundle");
        assert.equal(body.type, "error");
      }
      assert.equal(gate.origin.seen.length, 0);
      const status = await gate.fetch("/.well-known/portcullis/status");
      assert.equal(status.status, 503);
      assert.deepEqual(await status.json(), { error: code });
    } finally {
      await gate.close();
    }
  });
}

for (const [what, key] of [
  ["that is not hexadecimal", "not hex"],
  ["of 30 digits", "0".repeat(30)],
  ["of 33 digits", "0".repeat(33)],
]) {
  test(`a list key ${what}: 503 for all`, async () => {
    const gate = await start({ bindings: { LIST_KEY: key } });
    try {
      assert.equal((await gate.chat("haiku-4", US)).status, 503);
      assert.equal(gate.origin.seen.length, 0);
      assert.deepEqual(await (await gate.fetch("/.well-known/portcullis/status")).json(), {
        error: "key_invalid",
      });
    } finally {
      await gate.close();
    }
  });
}

const KEY = "0123456789abcdef".repeat(4);

/** A bundle with a secret list, hidden by this key. */
function secret() {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-"));
  try {
    const file = join(folder, "list.key");
    writeFileSync(file, `${KEY}\n`);
    return compile(SECRET, "--list-key", file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a list key is the same text for the command line and for the worker, and white space at its end is none of it", async () => {
  const gate = await start({ bundle: secret(), bindings: { LIST_KEY: `${KEY} \n` } });
  try {
    await gate.worker.table.put(
      await keyDigest(KEY_SECRET, "sk-partner"),
      JSON.stringify({ org: "org-1" }),
    );
    assert.equal((await gate.chat("mythos-5", US, bearer("sk-partner"))).status, 200);
    assert.equal((await gate.chat("mythos-5", US, bearer("sk-us"))).status, 403);
  } finally {
    await gate.close();
  }
});

test("a rule in shadow that rests on what the platform does not tell never takes the gate down", async () => {
  const gate = await start({ bundle: compile(SHADOW) });
  try {
    assert.equal((await gate.chat("haiku-4", US)).status, 200);
    assert.equal((await gate.fetch("/.well-known/portcullis/status")).status, 200);
  } finally {
    await gate.close();
  }
});

test("a secret list without a list key: 503 for all, and the status says why", async () => {
  const logged = [];
  const gate = await start({ bundle: secret(), hear: (line) => logged.push(line) });
  try {
    assert.equal((await gate.chat("haiku-4", US)).status, 503);
    assert.equal(gate.origin.seen.length, 0);
    assert.deepEqual(await (await gate.fetch("/.well-known/portcullis/status")).json(), {
      error: "list_key_missing",
    });
    await until(() => logged.some((line) => line.includes("list_key_missing")));
  } finally {
    await gate.close();
  }
});

test("the status says that clients can claim any place", async () => {
  const logged = [];
  const gate = await start({ bindings: { LOCAL: "1" }, hear: (line) => logged.push(line) });
  try {
    assert.deepEqual((await (await gate.fetch("/.well-known/portcullis/status")).json()).problems, [
      "place_claimed",
    ]);
    await until(() => logged.some((line) => line.includes("place_claimed")));
  } finally {
    await gate.close();
  }
});

test("a key table without its secret: nothing is known of any account, and log and status say so", async () => {
  const logged = [];
  const gate = await start({
    bindings: { KEY_SECRET: undefined },
    hear: (line) => logged.push(line),
  });
  try {
    assert.equal((await gate.chat("mythos-5", US, bearer("sk-us"))).status, 403);
    assert.equal((await gate.chat("haiku-4", US, bearer("sk-us"))).status, 200);
    const status = await gate.fetch("/.well-known/portcullis/status");
    assert.equal(status.status, 200);
    assert.deepEqual((await status.json()).problems, ["key_secret_missing"]);
    await until(() => logged.some((line) => line.includes("key_secret_missing")));
    assert.equal(
      logged.filter((line) => line.includes("key_secret_missing")).length,
      1,
      "once an isolate",
    );
  } finally {
    await gate.close();
  }
});

test("an instance that traps is replaced: the request is refused, those in flight too, the next are judged", async () => {
  const gate = await start({
    module: trapping("edge", READING, TRAPPING_LENGTH),
    bindings: { LOCAL: "1" },
  });
  try {
    const caller = { "cf-ipcountry": "FR" };
    // One that is being streamed when the trap comes.
    const streamed = await open(gate.worker.url);
    await streamed.head("POST", "/v1/chat/completions", {
      ...caller,
      "content-type": "application/json",
      "transfer-encoding": "chunked",
    });
    await streamed.chunk(
      `{"model":"haiku-4","messages":[{"role":"user","content":"${"x".repeat(500_000)}`,
    );
    await until(() => gate.origin.seen.length === 1 && gate.origin.seen[0].bytes > 100_000);

    assert.equal((await gate.chat("haiku-4", FR, caller)).status, 200);
    const body = JSON.stringify({ model: "haiku-4", messages: [] }).padEnd(TRAPPING_LENGTH, " ");
    const trapped = await gate.fetch("/v1/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json", ...caller },
      body,
    });
    assert.equal(trapped.status, 503);
    assert.equal((await trapped.json()).error.code, "gate_unavailable");

    // The end comes in one piece, so that nothing is left unread when the refusal is sent. Bytes
    // after it would reset the connection, and the client would lose the refusal.
    const end = `${"x".repeat(1_000)}"}]}`;
    await streamed.bytes(`${end.length.toString(16)}\r\n${end}\r\n0\r\n\r\n`);
    assert.equal(await streamed.status, 503);
    await until(() => gate.origin.seen[0].aborted);
    assert.equal(gate.origin.seen[0].complete, false);

    assert.equal((await gate.chat("haiku-4", FR, caller)).status, 200);
    assert.equal((await gate.chat("mythos-5", FR, { ...caller, ...bearer("sk-us") })).status, 403);
    assert.equal(
      (await gate.chat("mythos-5", US, { "cf-ipcountry": "US", ...bearer("sk-us") })).status,
      200,
    );
    assert.equal((await gate.fetch("/.well-known/portcullis/status")).status, 200);
  } finally {
    await gate.close();
  }
});

test("an instance that traps is replaced under open sockets: what it had read is lost, and nothing goes on that rested on it", async () => {
  const origin = await startSocketOrigin();
  const gate = await start({
    module: trapping("edge", READING, TRAPPING_LENGTH),
    bindings: { LOCAL: "1", ORIGIN: origin.url },
  });
  const connect = async (headers) => {
    const socket = new WebSocket(
      `${gate.worker.url.replace("http", "ws")}/v1/realtime?model=haiku-4`,
      { headers },
    );
    const client = { socket, got: [], closed: undefined };
    socket.on("message", (data) => client.got.push(data.toString()));
    socket.on("close", (code, reason) => (client.closed = [code, reason.toString()]));
    await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
    return client;
  };
  try {
    const begun = await connect({ "cf-ipcountry": "FR" });
    begun.socket.send("{}");
    await until(() => begun.got.length === 1);
    const idle = await connect({ "cf-ipcountry": "FR" });
    const open = await connect({ "cf-ipcountry": "US", ...bearer("sk-us") });
    const trapped = await connect({ "cf-ipcountry": "FR" });
    trapped.socket.send("{}".padEnd(TRAPPING_LENGTH, " "));
    await until(() => trapped.closed !== undefined);
    assert.equal(trapped.closed[0], 1011);
    await until(() => origin.seen.at(-1).closed !== undefined);
    assert.deepEqual(origin.seen.at(-1).got, []);
    begun.socket.send("{}");
    await until(() => begun.closed !== undefined);
    assert.equal(JSON.parse(begun.got[1]).error.code, "session_unread");
    assert.equal(begun.closed[0], 1008);
    for (const { socket } of [idle, open]) socket.send("{}");
    await until(() => idle.got.length === 1 && open.got.length === 1);
  } finally {
    await gate.close();
    await origin.close();
  }
});

/** A body of this many bytes traps in the patched module. */
const TRAPPING_LENGTH = 1_313;

function flipped(bytes) {
  const copy = Buffer.from(bytes);
  copy[Math.floor(copy.length * 0.7)] ^= 1;
  return copy;
}
