/**
 * Requests of an attacker with a connection of their own: heads that two servers read differently,
 * bodies that break off, false lengths, and origins with odd responses. The test scripts the
 * origin, which notes each request that reaches it.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, beforeEach, test } from "node:test";
import { ENFORCED_KEY, ACCESS_KEY } from "../../tools/demo.mjs";
import { startWorker } from "../../tools/workerd.mjs";
import { keyDigest } from "portcullis/cloudflare";
import { open, sleep, until } from "./raw.mjs";
import { ACCOUNTS, KEY_SECRET, POLICY, compile } from "./setup.mjs";

const SECRET = "words of the closed model";
const LIST = JSON.stringify({ object: "list", data: [{ id: "haiku-4" }, { id: "mythos-5" }] });
const SOCKET = [
  "connection: Upgrade",
  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-version: 13",
];
const FR = ["cf-ipcountry: FR", "authorization: Bearer sk-foreign"];
const US = ["cf-ipcountry: US", "authorization: Bearer sk-us"];

let origin;
let keys;
/** The gate, and one to whose origin an acknowledgement is known. */
let gate;
let acknowledged;
/** What the gate logged, parsed. */
const logged = [];
/** What the origin does next. */
let reply;

before(async () => {
  origin = await startOrigin();
  keys = Object.fromEntries(
    await Promise.all(
      Object.entries(ACCOUNTS).map(async ([key, record]) => [
        await keyDigest(KEY_SECRET, key),
        record,
      ]),
    ),
  );
  gate = await begin();
  acknowledged = await begin({ bindings: { ...bindings(), ACCESS_KEY, ENFORCED_KEY } });
});
after(async () => {
  await gate?.close();
  await acknowledged?.close();
  await origin?.close();
});
beforeEach(() => {
  origin.seen.length = 0;
  logged.length = 0;
  reply = (_, response) =>
    response.writeHead(200, { "content-type": "application/json" }).end(LIST);
});

const bindings = () => ({ ORIGIN: origin.url, LOCAL: "1", KEY_SECRET });
const begin = (rest = {}) =>
  startWorker({ bundle: compile(POLICY), keys, bindings: bindings(), hear, ...rest });
const decisions = () => logged.filter(({ event }) => event === "decision");

function hear(line) {
  try {
    const { portcullis } = JSON.parse(line);
    if (portcullis !== undefined) logged.push(portcullis);
  } catch {
    // Some other line of the runtime's.
  }
}

/** An origin that notes how far each request came, and answers upgrades as it does all else. */
async function startOrigin() {
  const seen = [];
  const server = createServer((request, response) => {
    const entry = {
      method: request.method,
      url: request.url,
      headers: request.headers,
      bytes: 0,
      complete: undefined,
      answered: undefined,
    };
    seen.push(entry);
    request.on("data", (data) => (entry.bytes += data.length));
    request.on("error", () => undefined);
    request.on("close", () => (entry.complete = request.complete));
    response.on("error", () => undefined);
    response.on("close", () => (entry.answered = response.writableFinished));
    reply(request, response);
  });
  server.on("upgrade", (request, socket) => {
    seen.push({
      method: request.method,
      url: request.url,
      headers: request.headers,
      upgrade: true,
    });
    socket.on("error", () => undefined);
    const text = reply.upgrade ?? LIST;
    socket.end(
      `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`,
    );
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    seen,
    close: () => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))),
  };
}

const head = (first, lines) =>
  [`${first} HTTP/1.1`, "host: gate.example", ...lines, "", ""].join("\r\n");
const post = (path, lines, body) =>
  head(`POST ${path}`, [
    ...lines,
    "content-type: application/json",
    `content-length: ${body.length}`,
    "connection: close",
  ]) + body;

/** Sends `text` and gives status, head and body of the answer. */
async function send(text, { to = gate } = {}) {
  const client = await open(to.url);
  await client.bytes(Buffer.from(text, "latin1"));
  const status = await client.status;
  await Promise.race([client.all, sleep(400)]);
  client.destroy();
  const [lines, ...rest] = client.text().split("\r\n\r\n");
  return { status, head: lines.toLowerCase(), body: rest.join("\r\n\r\n") };
}

const NO_SOCKETS = [
  "websocket,",
  "websocket, x",
  "h2c, websocket",
  ",websocket",
  "websocket ",
  "websocket\t",
  "websocket/13",
  "WebSocket;q=1",
  '"websocket"',
  "websocket\r\nupgrade: websocket",
  "websocket\r\nupgrade: x",
  "h2c",
  "",
];

for (const value of NO_SOCKETS) {
  const name = JSON.stringify(value);
  test(`upgrade ${name} opens no socket: a list is filtered`, async () => {
    const { status, body } = await send(
      head("GET /v1/models", [...FR, `upgrade: ${value}`, "connection: close"]),
    );
    assert.equal(status, 200);
    assert.ok(body.includes("haiku-4") && !body.includes("mythos-5"), body);
    assert.equal(origin.seen[0].headers.upgrade, undefined);
  });

  test(`upgrade ${name}: a deferred answer is read`, async () => {
    reply = (_, response) =>
      response
        .writeHead(200, { "content-type": "application/json" })
        .end(JSON.stringify({ model: "mythos-5", output: SECRET }));
    const { status, body } = await send(
      post("/v1/chat/completions", [...FR, `upgrade: ${value}`], '{"model":"auto","messages":[]}'),
    );
    assert.equal(status, 403);
    assert.ok(!body.includes(SECRET));
  });

  test(`upgrade ${name}: a request whose response would prove nothing is not sent`, async () => {
    const { status } = await send(
      post("/v1/batches", [...FR, `upgrade: ${value}`], '{"input_file_id":"f"}'),
    );
    assert.equal(status, 403);
    assert.equal(origin.seen.length, 0);
  });

  test(`upgrade ${name}: an unrestricted caller sends none either`, async () => {
    const { status } = await send(
      head("GET /v1/models", [...US, `upgrade: ${value}`, "connection: close"]),
    );
    assert.equal(status, 200);
    assert.equal(origin.seen[0].headers.upgrade, undefined);
  });
}

for (const [what, path, answer, wanted] of [
  ["a list: filtered", "/v1/models", LIST, [200, "haiku-4"]],
  [
    "a document that names a closed model: refused",
    "/v1/responses",
    JSON.stringify({ response: { model: "mythos-5" }, output: SECRET }),
    [403, "model_restricted"],
  ],
  [
    "a document that names none: refused",
    "/v1/responses",
    JSON.stringify({ id: "r", output: SECRET }),
    [403, "answer_unnamed"],
  ],
  [
    "a document of an open model: as it is",
    "/v1/responses",
    JSON.stringify({ response: { model: "haiku-4" }, output: "open" }),
    [200, "open"],
  ],
  [
    "what was to be a socket: refused",
    "/v1/realtime?model=haiku-4",
    JSON.stringify({ output: SECRET }),
    [403, "answer_unnamed"],
  ],
]) {
  test(`a WebSocket that the origin answers with ${what}`, async () => {
    reply.upgrade = answer;
    const { status, body } = await send(
      head(`GET ${path}`, [
        ...FR,
        "upgrade: websocket",
        "accept-encoding: x-any",
        'if-none-match: "1"',
        ...SOCKET,
      ]),
    );
    assert.deepEqual([status, body.includes(wanted[1])], [wanted[0], true], body);
    assert.ok(!body.includes("mythos-5") || status === 403);
    assert.ok(!body.includes(SECRET), body);
    assert.equal(origin.seen[0].upgrade, true);
    assert.equal(origin.seen[0].headers["accept-encoding"], "identity");
    assert.equal(origin.seen[0].headers["if-none-match"], undefined);
  });
}

test("an unrestricted caller gets the response of an origin that opens no WebSocket", async () => {
  const { status, body } = await send(
    head("GET /v1/models", [...US, "upgrade: websocket", ...SOCKET]),
  );
  assert.equal(status, 200);
  assert.ok(body.includes("mythos-5"));
});

for (const [who, caller] of [
  ["under restriction", FR],
  ["under none", US],
]) {
  for (const [what, path] of [
    ["that is not read", "/v1/uploads/u/parts"],
    ["that is none of the gate's", "/v1/vector_stores"],
  ]) {
    for (const [form, lines, bytes] of [
      ["in chunks", ["transfer-encoding: chunked"], "5\r\nhello\r\n"],
      ["of a declared length", ["content-length: 50"], "hello"],
    ]) {
      test(`a caller ${who} resets in mid-upload of a body ${what}, ${form}: the origin sees no whole request`, async () => {
        reply = () => undefined;
        const client = await open(gate.url);
        await client.bytes(
          head(`POST ${path}`, [...caller, "content-type: application/octet-stream", ...lines]) +
            bytes,
        );
        await until(
          () => origin.seen.at(-1)?.bytes === 5 || (origin.seen.length === 0 && false),
          1_000,
        ).catch(() => undefined);
        client.socket.resetAndDestroy();
        await sleep(200);
        for (const entry of origin.seen) {
          await until(() => entry.complete !== undefined);
          assert.equal(entry.complete, false);
        }
      });
    }
  }

  test(`a caller ${who} resets before the answer: the origin's work ends`, async () => {
    reply = () => undefined;
    const client = await open(gate.url);
    await client.bytes(post("/v1/chat/completions", caller, '{"model":"haiku-4","messages":[]}'));
    await until(() => origin.seen.length === 1 && origin.seen[0].complete === true);
    client.socket.resetAndDestroy();
    await until(() => origin.seen[0].answered === false, 2_000);
    await sleep(50);
    assert.deepEqual(
      logged.filter(({ event }) => event !== "decision"),
      [],
      "no error is logged once the client has left",
    );
  });
}

test("an upload in chunks arrives as it comes, and the answer may come before its end", async () => {
  reply = (request, response) =>
    request.once("data", () =>
      response.writeHead(200, { "content-type": "application/json" }).end("{}"),
    );
  for (const caller of [FR, US]) {
    origin.seen.length = 0;
    const client = await open(gate.url);
    await client.bytes(
      head("POST /v1/uploads/u/parts", [
        ...caller,
        "content-type: application/octet-stream",
        "transfer-encoding: chunked",
      ]) + "5\r\nhello\r\n",
    );
    assert.equal(await client.status, 200);
    assert.equal(origin.seen[0].bytes, 5);
    client.destroy();
  }
});

test("what is declared and does not come takes nothing from others", async () => {
  reply = (_, response) =>
    response.writeHead(200, { "content-type": "application/json" }).end('{"model":"haiku-4"}');
  const claims = await Promise.all(Array.from({ length: 40 }, () => open(gate.url)));
  try {
    for (const claim of claims)
      await claim.bytes(
        head("POST /v1/chat/completions", [
          "cf-ipcountry: FR",
          "content-type: application/json",
          "content-length: 1048576",
        ]) + "{",
      );
    await sleep(200);
    const { status, body } = await send(
      post("/v1/chat/completions", FR, '{"model":"auto","messages":[]}'),
    );
    assert.equal(status, 200, body);
  } finally {
    for (const claim of claims) claim.destroy();
  }
});

test("what has gone on to the origin counts for nothing, however long the rest takes", async () => {
  reply = (_, response) =>
    response.writeHead(200, { "content-type": "application/json" }).end('{"model":"haiku-4"}');
  const part = `{"model":"haiku-4","x":"${"y".repeat(400 * 1024)}`;
  const uploads = await Promise.all(Array.from({ length: 70 }, () => open(gate.url)));
  try {
    for (const upload of uploads) {
      await upload.bytes(
        head("POST /v1/chat/completions", [
          ...FR,
          "content-type: application/json",
          "transfer-encoding: chunked",
        ]),
      );
      await upload.chunk(part);
    }
    await until(
      () => origin.seen.filter(({ bytes }) => bytes >= 320 * 1024).length === uploads.length,
      20_000,
    );
    const { status, body } = await send(
      post("/v1/chat/completions", FR, '{"model":"auto","messages":[]}'),
    );
    assert.equal(status, 200, body);
  } finally {
    for (const upload of uploads) upload.destroy();
  }
});

test("a body that does not come in time is given up", async () => {
  const brief = `import module from "portcullis/edge.wasm"; import bundle from "./policy.bundle"; import { worker } from "portcullis/cloudflare";
    export default worker({ module, bundle, bodyWait: 300 });`;
  const hasty = await begin({ source: brief });
  try {
    for (const length of [100, 100_000, 2_000_000]) {
      const client = await open(hasty.url);
      await client.bytes(
        head("POST /v1/chat/completions", [
          ...FR,
          "content-type: application/json",
          `content-length: ${length}`,
        ]) + "{",
      );
      assert.equal(await client.status, 408);
      await until(() => client.text().includes("body_slow"));
      client.destroy();
    }
    assert.equal(origin.seen.length, 0);
    assert.equal(
      (
        await send(post("/v1/chat/completions", FR, '{"model":"haiku-4","messages":[]}'), {
          to: hasty,
        })
      ).status,
      200,
    );
  } finally {
    await hasty.close();
  }
});

test("too many credentials: none is looked up, and none reaches the origin", async () => {
  const counting = `import module from "portcullis/edge.wasm"; import bundle from "./policy.bundle"; import { worker } from "portcullis/cloudflare";
    const gate = worker({ module, bundle }); let reads = 0;
    export default { fetch(request, env, context) {
      if (new URL(request.url).pathname === "/reads") return new Response(String(reads));
      return gate.fetch(request, { ...env, KEYS: { get: (...how) => (reads += 1, env.KEYS.get(...how)) } }, context);
    } };`;
  const counted = await begin({ source: counting });
  const reads = async () => Number(await (await counted.fetch("/reads")).text());
  try {
    const many = (count, last) =>
      `authorization: ${[...Array.from({ length: count - 1 }, (_, at) => `k${at}`), last].join(",")}`;
    for (const count of [9, 12, 3_000]) {
      const lines = [many(count, "sk-us"), "cf-ipcountry: US", "connection: close"];
      assert.equal(
        (
          await send(
            head("GET /v1/models/haiku-4?api_key=x", [...lines, "x-api-key: sk-foreign"]),
            { to: counted },
          )
        ).status,
        200,
      );
      assert.equal(
        (await send(head("GET /v1/models/mythos-5", lines), { to: counted })).status,
        403,
      );
      assert.equal(await reads(), 0, `${count}`);
    }
    assert.equal(origin.seen.length, 3);
    for (const { headers, url } of origin.seen) {
      assert.deepEqual(
        [headers.authorization, headers["x-api-key"], url],
        [undefined, undefined, "/v1/models/haiku-4"],
      );
    }
    assert.equal(
      (
        await send(
          head("GET /v1/models/mythos-5", [
            many(1, "sk-us"),
            "cf-ipcountry: US",
            "connection: close",
          ]),
          { to: counted },
        )
      ).status,
      200,
    );
    assert.equal(
      (
        await send(
          head("GET /v1/models/haiku-4", [
            many(8, "sk-us"),
            "cf-ipcountry: US",
            "connection: close",
          ]),
          { to: counted },
        )
      ).status,
      200,
    );
    assert.equal(await reads(), 8);
    assert.equal(
      origin.seen.at(-1).headers.authorization,
      many(8, "sk-us").slice("authorization: ".length),
    );
  } finally {
    await counted.close();
  }
});

for (const [what, text] of [
  ["a caller under none", post("/v1/chat/completions", US, '{"model":"haiku-4"}')],
  ["a caller under restriction", post("/v1/chat/completions", FR, '{"model":"haiku-4"}')],
  ["a list", head("GET /v1/models", [...FR, "connection: close"])],
  ["a path that is none of the gate's", head("GET /", [...FR, "connection: close"])],
]) {
  test(`an interim answer is no answer: ${what}`, async () => {
    reply = (_, response) => (
      response.writeEarlyHints({ link: "</x>; rel=preload" }),
      setTimeout(() => response.end(SECRET), 20)
    );
    const { status, body } = await send(text);
    assert.equal(status, 502);
    assert.equal(
      JSON.parse(body.slice(body.indexOf("{"), body.lastIndexOf("}") + 1)).error.code,
      "origin_unreachable",
    );
    // The bytes behind it belong to no response.
    reply = (_, response) =>
      response.writeHead(200, { "content-type": "application/json" }).end('{"model":"haiku-4"}');
    for (let time = 0; time < 3; time += 1)
      assert.ok(
        !(await send(post("/v1/chat/completions", FR, '{"model":"haiku-4"}'))).body.includes(
          SECRET,
        ),
      );
  });
}

for (const [offered, repeated] of [
  ["OpenAI-Insecure-Api-Key.sk-x, realtime", "realtime"],
  ["realtime, OPENAI-INSECURE-API-KEY.sk-x", "realtime"],
  ["openai-Insecure-api-key.sk-x", undefined],
  ["x, y", "x"],
]) {
  test(`a refused upgrade repeats no key: ${offered}`, async () => {
    const answer = await send(
      head("GET /v1/realtime?model=mythos-5", [
        "cf-ipcountry: FR",
        "upgrade: websocket",
        `sec-websocket-protocol: ${offered}`,
        ...SOCKET,
      ]),
    );
    assert.equal(answer.status, 101);
    assert.equal(/sec-websocket-protocol: (.*)/.exec(answer.head)?.[1].trim(), repeated);
    assert.ok(!answer.head.includes("sk-x"));
  });
}

test("what deletes is not sent if its answer could be withheld", async () => {
  const remove = (path, body, to = acknowledged) =>
    send(
      head(`DELETE ${path}`, [
        ...FR,
        "content-type: application/json",
        ...(body === undefined ? [] : [`content-length: ${body.length}`]),
        "connection: close",
      ]) + (body ?? ""),
      { to },
    );
  for (const [path, body] of [
    ["/v1/anything/x", "{}"],
    ["/v1/anything/x", '{"a":{"model":"mythos-5"}}'],
    ["/v1/files/x", '{"a":{"model":"mythos-5"}}'],
    ["/v1/files/x", '{"model":"mythos-5"}'],
  ]) {
    for (const to of [gate, acknowledged])
      assert.equal((await remove(path, body, to)).status, 403, `${path} ${body}`);
  }
  assert.equal(origin.seen.length, 0);
  for (const [path, body] of [
    ["/v1/files/x", "{}"],
    ["/v1/files/x", undefined],
    ["/v1/assistants/x", "{}"],
    ["/v1/anything/x", undefined],
  ]) {
    assert.equal((await remove(path, body)).status, 200, `${path} ${body}`);
  }
  assert.equal(origin.seen.length, 4);
});

test("each denied, refused and deferred request leaves a line, which says nothing of the caller", async () => {
  reply = (_, response) =>
    response.writeHead(200, { "content-type": "application/json" }).end('{"model":"haiku-4"}');
  const chat = (body, lines = FR) =>
    send(post("/v1/chat/completions", [...lines, "x-note: private-words"], body));
  const denied = await chat('{"model":"mythos-5","messages":"private-words"}');
  await chat('{"model":"haiku-4","model":"private-words"}');
  await chat('{"model":"auto-private-words"}');
  await chat('{"model":"haiku-4"}');
  await chat('{"model":"haiku-4"}', US);
  await send(
    head("GET /v1/realtime?model=mythos-5", [
      "cf-ipcountry: private-words",
      "upgrade: websocket",
      ...SOCKET,
    ]),
  );
  await until(() => decisions().length === 4);
  assert.deepEqual(
    decisions().map(({ verdict, status, reason, restrictions, families, place }) => [
      verdict,
      status,
      reason,
      restrictions,
      families,
      place,
    ]),
    [
      ["deny", 403, "model_restricted", ["mythos-us-persons-only"], ["mythos-class"], "FR"],
      ["refuse", 400, "duplicate_key", [], [], "FR"],
      ["defer", 200, "unlisted", [], [], "FR"],
      ["deny", 403, "model_restricted", ["mythos-us-persons-only"], ["mythos-class"], "unknown"],
    ],
  );
  assert.ok(
    decisions().every(({ operation }) => operation.includes("openai ")),
    JSON.stringify(decisions()),
  );
  // The case is in the refusal's head and body.
  const [{ case: caseId }] = decisions();
  assert.ok(
    denied.head.includes(`x-request-id: ${caseId}`) && denied.body.includes(caseId),
    denied.head,
  );
  assert.ok(!JSON.stringify(logged).includes("private-words"));
});

test("an answer that is withheld leaves a second line of the same case", async () => {
  reply = (_, response) =>
    response.writeHead(200, { "content-type": "application/json" }).end('{"model":"mythos-5"}');
  await send(post("/v1/chat/completions", FR, '{"model":"auto"}'));
  await until(() => decisions().length === 2);
  const [sent, withheld] = decisions();
  assert.deepEqual(
    [sent.verdict, withheld.verdict, withheld.reason],
    ["defer", "deny", "model_restricted"],
  );
  assert.equal(sent.case, withheld.case);
});
