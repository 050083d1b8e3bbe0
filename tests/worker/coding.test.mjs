/**
 * Coded bodies. For a restricted caller the worker decodes, judges and forwards the decoded body,
 * so origin and gate read the same. The bodies of other callers pass untouched. A body that cannot
 * be decoded completely is refused, and never complete at the origin.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  brotliCompressSync,
  constants as c,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import { startWorker } from "../../tools/workerd.mjs";
import { open, sleep, until } from "./raw.mjs";
import { POLICY, bearer, compile, start } from "./setup.mjs";
import { DECODING, trapping } from "./trap.mjs";

const CALLER = { "content-type": "application/json", "cf-ipcountry": "FR" };
const MB = 1 << 20;
// Quality 11, the default, takes seconds.
const br = (data) => brotliCompressSync(data, { params: { [c.BROTLI_PARAM_QUALITY]: 4 } });
const CODINGS = [
  ["gzip", gzipSync],
  ["deflate", deflateSync],
  ["deflate", deflateRawSync],
  ["br", br],
  ["zstd", zstdCompressSync],
  ["gzip, br, zstd", (data) => zstdCompressSync(br(gzipSync(data)))],
];
let whole;
let origin;
let gate;

before(async () => {
  whole = await start({ bindings: { LOCAL: "1" } });
  ({ origin, worker: gate } = whole);
});
after(() => whole?.close());

/** A chat of about `size` bytes that hardly compress, its model named last. */
function chat(model, size = 0) {
  let state = 1;
  let text = "";
  while (text.length < size)
    text += (state = (state * 1_664_525 + 1_013_904_223) >>> 0).toString(36);
  return `{"messages":[{"role":"user","content":"${text}"}],"model":"${model}"}`;
}

const last = () => origin.seen.at(-1);

for (const [index, [coding, encode]] of CODINGS.entries()) {
  for (const size of [0, 100_000, 2 * MB]) {
    for (const form of ["declared", "chunked"]) {
      const name = `${coding} (${index}), ${form}, ${size} bytes`;
      test(`${name}: an open model's body arrives decoded, without its coding`, async () => {
        const body = chat("haiku-4", size);
        const { status } = await send(form, encode(body), { "content-encoding": coding });
        assert.equal(status, 200);
        assert.equal(last().body.toString(), body);
        assert.equal(last().headers["content-encoding"], undefined);
        if (size === 0) assert.equal(last().headers["content-length"], String(body.length));
      });

      test(`${name}: a restricted model is denied, and the origin never sees a whole request`, async () => {
        const begun = origin.seen.length;
        const { status, text } = await send(form, encode(chat("mythos-5", size)), {
          "content-encoding": coding,
        });
        assert.equal(status, 403);
        assert.match(text, /suspended/);
        await sleep(30);
        assert.equal(origin.seen.length - begun, size > MB ? 1 : 0);
        if (size > MB) await until(() => last().aborted);
        for (const entry of origin.seen.slice(begun)) assert.equal(entry.complete, false);
      });
    }
  }
}

test("a coded body is really streamed, and broken off upstream by a late denial", async () => {
  const coded = gzipSync(chat("mythos-5", 3 * MB));
  const begun = origin.seen.length;
  const client = await open(gate.url);
  await client.head("POST", "/v1/chat/completions", {
    ...CALLER,
    "content-encoding": "gzip",
    "content-length": coded.length,
  });
  await client.bytes(coded.subarray(0, MB));
  await until(() => origin.seen.length > begun && last().bytes > 256 * 1024);
  assert.equal(last().complete, false);
  await client.bytes(coded.subarray(MB));
  assert.equal(await client.status, 403);
  await until(() => last().aborted);
  assert.equal(last().complete, false);
  client.destroy();
});

test("the refusal of a body that cannot be decoded reaches the client while it is still sending", async () => {
  const client = await open(gate.url);
  await client.head("POST", "/v1/chat/completions", {
    ...CALLER,
    "content-encoding": "gzip",
    "content-length": 10 * MB,
  });
  await client.bytes(Buffer.alloc(200_000, "x"));
  assert.equal(await client.status, 400);
  client.destroy();
});

test("a client that goes away mid-body leaves a broken request at the origin", async () => {
  const coded = zstdCompressSync(chat("haiku-4", 3 * MB), { params: { [c.ZSTD_c_windowLog]: 17 } });
  const begun = origin.seen.length;
  const client = await open(gate.url);
  await client.head("POST", "/v1/chat/completions", {
    ...CALLER,
    "content-encoding": "zstd",
    "transfer-encoding": "chunked",
  });
  await client.chunk(coded.subarray(0, MB));
  await until(() => origin.seen.length > begun && last().bytes > 256 * 1024);
  client.destroy();
  await until(() => last().aborted);
  assert.equal(last().complete, false);
});

const zeros = Buffer.alloc(100e6, " ");
const late = gzipSync(chat("haiku-4", 2 * MB));
late[late.length - 6] ^= 1;
/** The last block of a zstd frame, as it is. */
const stored = (text) =>
  Buffer.concat([
    Buffer.from([1 | ((text.length << 3) & 0xff), text.length >> 5, 0]),
    Buffer.from(text),
  ]);
const REFUSED = [
  ["a bomb", 413, "gzip", gzipSync(zeros)],
  ["a bomb of few bytes", 413, "br", br(zeros)],
  ["a bomb in a bomb", 413, "gzip, gzip", gzipSync(gzipSync(zeros))],
  [
    "a window of 128 MB",
    415,
    "zstd",
    Buffer.concat([Buffer.from("28b52ffd0088", "hex"), stored(chat("haiku-4"))]),
  ],
  ["a coding that is not known", 415, "compress", Buffer.from("x")],
  [
    "four codings",
    415,
    "gzip, gzip, gzip, gzip",
    gzipSync(gzipSync(gzipSync(gzipSync(chat("haiku-4"))))),
  ],
  [
    "bytes after the end",
    400,
    "gzip",
    Buffer.concat([gzipSync(chat("haiku-4")), Buffer.from("x")]),
  ],
  ["a body cut off", 400, "gzip", gzipSync(chat("haiku-4")).subarray(0, -9)],
  ["a lie", 400, "gzip", Buffer.from(chat("haiku-4"))],
  ["a checksum that is wrong, behind 2 MB", 400, "gzip", late],
];
for (const [what, wanted, coding, body] of REFUSED) {
  test(`${what}: ${wanted}, and nothing whole at the origin`, async () => {
    const begun = origin.seen.length;
    const { status } = await send("declared", body, { "content-encoding": coding });
    assert.equal(status, wanted);
    await sleep(30);
    for (const entry of origin.seen.slice(begun)) assert.equal(entry.complete, false);
  });
}

test("the header's name with `_`, several lines, identity: the same", async () => {
  const body = chat("haiku-4");
  for (const headers of [
    [["content_encoding", "gzip"]],
    [
      ["content-encoding", "identity"],
      ["content-encoding", "GZIP"],
    ],
    [["Content-Encoding", ", x-gzip ,"]],
  ]) {
    const { status } = await send("declared", gzipSync(body), headers);
    assert.equal(status, 200, JSON.stringify(headers));
    assert.equal(last().body.toString(), body);
    assert.equal(last().headers["content-encoding"], undefined);
    assert.equal(last().headers["content_encoding"], undefined);
  }
  assert.equal(
    (
      await send("declared", zstdCompressSync(gzipSync(chat("mythos-5"))), [
        ["content-encoding", "gzip"],
        ["content-encoding", "zstd"],
      ])
    ).status,
    403,
  );
});

test("a signed body is forwarded unchanged, or not at all", async () => {
  const coded = gzipSync(chat("haiku-4", 100_000));
  const { status } = await send("declared", coded, {
    "content-encoding": "gzip",
    "content-digest": "sha-256=:x:",
  });
  assert.equal(status, 200);
  assert.ok(last().body.equals(coded));
  assert.equal(last().headers["content-encoding"], "gzip");
  assert.equal(last().headers["content-digest"], "sha-256=:x:");
  const begun = origin.seen.length;
  for (const [wanted, body, coding] of [
    [403, gzipSync(chat("mythos-5", 100_000)), "gzip"],
    [
      415,
      Buffer.concat([gzipSync(chat("haiku-4").slice(0, 9)), gzipSync(chat("haiku-4").slice(9))]),
      "gzip",
    ],
    [415, br(chat("haiku-4")), "br"],
    [413, gzipSync(chat("haiku-4", 3 * MB)), "gzip"],
  ]) {
    assert.equal(
      (await send("declared", body, { "content-encoding": coding, "x-amz-content-sha256": "x" }))
        .status,
      wanted,
    );
  }
  assert.equal(origin.seen.length, begun);
});

test("the body of a caller under no restriction is untouched, whatever its coding", async () => {
  const body = Buffer.from("not gzip at all");
  const caller = { "content-type": "application/json", "cf-ipcountry": "US", ...bearer("sk-us") };
  const { status } = await send(
    "declared",
    body,
    { "content-encoding": "gzip" },
    { url: gate.url, caller },
  );
  assert.equal(status, 200);
  assert.ok(last().body.equals(body));
  assert.equal(last().headers["content-encoding"], "gzip");
});

test("without a decoder, coded bodies are refused", async () => {
  const plain = await startWorker({
    bundle: compile(POLICY),
    bindings: { ORIGIN: origin.url, LOCAL: "1" },
    source:
      'import module from "portcullis/edge.wasm"; import bundle from "./policy.bundle"; import { worker } from "portcullis/cloudflare"; export default worker({ module, bundle });',
  });
  try {
    assert.equal(
      (await send("declared", gzipSync(chat("haiku-4")), { "content-encoding": "gzip" }, plain))
        .status,
      415,
    );
    assert.equal((await send("declared", Buffer.from(chat("haiku-4")), {}, plain)).status, 200);
  } finally {
    await plain.close();
  }
});

test("a decoder that traps is replaced: the request is refused, those in flight too, the next are decoded", async () => {
  const length = 777;
  const worker = await startWorker({
    bundle: compile(POLICY),
    decoder: trapping("decode", DECODING, length),
    bindings: { ORIGIN: origin.url, LOCAL: "1" },
  });
  try {
    const coded = gzipSync(chat("haiku-4", MB));
    const begun = origin.seen.length;
    const client = await open(worker.url);
    await client.head("POST", "/v1/chat/completions", {
      ...CALLER,
      "content-encoding": "gzip",
      "content-length": coded.length,
    });
    await client.bytes(coded.subarray(0, 600_000));
    await until(() => origin.seen.length > begun && last().bytes > 256 * 1024);
    const streamed = last();
    const trapped = await send(
      "declared",
      Buffer.concat([gzipSync(chat("haiku-4")), Buffer.alloc(length)]).subarray(0, length),
      { "content-encoding": "gzip" },
      worker,
    );
    assert.equal(trapped.status, 503);
    await client.bytes(coded.subarray(600_000));
    assert.equal(await client.status, 503);
    await until(() => streamed.aborted);
    assert.equal(streamed.complete, false);
    assert.equal(
      (await send("declared", gzipSync(chat("haiku-4")), { "content-encoding": "gzip" }, worker))
        .status,
      200,
    );
    assert.equal(
      (await send("declared", gzipSync(chat("mythos-5")), { "content-encoding": "gzip" }, worker))
        .status,
      403,
    );
    assert.equal((await send("declared", Buffer.from(chat("haiku-4")), {}, worker)).status, 200);
  } finally {
    await worker.close();
  }
});

test("more decoders than there is memory for: 503, and room again once they have ended", async () => {
  const coded = br(chat("haiku-4", MB));
  const clients = [];
  for (let count = 0; count < 40; count += 1) {
    const client = await open(gate.url);
    await client.head("POST", "/v1/chat/completions", {
      ...CALLER,
      "content-encoding": "br",
      "content-length": coded.length,
    });
    await client.bytes(coded.subarray(0, 200_000));
    clients.push(client);
  }
  await until(() => clients.some((client) => client.text().startsWith("HTTP/1.1 503")));
  assert.ok(
    clients.some((client) => client.text() === ""),
    "some are still being decoded",
  );
  for (const client of clients) client.destroy();
  let status;
  await until(() => {
    send("declared", br(chat("haiku-4")), { "content-encoding": "br" }).then(
      (answer) => (status = answer.status),
    );
    return status === 200;
  });
});

async function send(form, body, headers, { url, caller = CALLER } = gate) {
  const client = await open(url);
  const length =
    form === "declared" ? ["content-length", body.length] : ["transfer-encoding", "chunked"];
  const lines = [
    ...Object.entries(caller),
    length,
    ...(Array.isArray(headers) ? headers : Object.entries(headers)),
  ];
  await client.bytes(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: gate.example\r\nconnection: close\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
  );
  const third = Math.max(1, Math.ceil(body.length / 3));
  for (let at = 0; at < body.length; at += third)
    await (form === "declared"
      ? client.bytes(body.subarray(at, at + third))
      : client.chunk(body.subarray(at, at + third)));
  if (form === "chunked") await client.last();
  const status = await client.status;
  const text =
    status === 200 ? "" : await Promise.race([client.all, sleep(200).then(() => client.text())]);
  client.destroy();
  return { status, text };
}
