/**
 * Shared code for the tests of the vendors' clients. A client as published makes each call three
 * times. Straight to the origin and through the gate, the result and the request at the origin must
 * be equal. For a caller who may not make the call, the client must throw its own error with the
 * policy's message, after one attempt, and nothing may reach the origin.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ENFORCED_KEY, ACCESS_KEY } from "../../tools/demo.mjs";
import { undone } from "../../tools/origin/call.mjs";
import { accessCheck } from "../../tools/origin/access.mjs";
import { compile, start } from "../worker/setup.mjs";

const RULES = fileURLToPath(new URL("policy.toml", import.meta.url));

export const OPEN = "haiku-4";
export const CLOSED = "mythos-5";
/** Keys of a caller who may use every model and of one who may not use `CLOSED`. */
export const US = "sk-us";
export const FOREIGN = "sk-foreign";

/** The sentence that a person sees when `model` is refused. */
export function said(model, caseId) {
  return `Mythos-class models are suspended for foreign nationals. Model: ${model}. Ground: An order for tests, https://example.gov/orders/test. Appeal: https://example.com/access-review. Case: ${caseId}.`;
}

/**
 * Origin, gate and front. They start before the tests of a file and stop after them; the result is
 * filled by then. `dialects`: ids, or `{ id, prefix }`. `acknowledges`: the origin enforces the
 * access header, and says so. `rules`: more of the policy, in TOML.
 */
export function served(dialects, { acknowledges = false, rules = "" } = {}) {
  const gate = {};
  before(async () => {
    const access = acknowledges
      ? await accessCheck({ keys: ACCESS_KEY, key: ENFORCED_KEY })
      : undefined;
    const { worker, origin, close } = await start({
      bundle: policy(dialects, rules),
      access,
      bindings: { LOCAL: "1" },
    });
    const front = await edge(worker.url);
    Object.assign(gate, {
      worker,
      origin,
      front,
      url: front.url,
      async close() {
        await front.close();
        await close();
      },
    });
  });
  after(() => gate.close?.());
  return gate;
}

function policy(dialects, rules) {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-"));
  try {
    const head = join(folder, "head.toml");
    writeFileSync(
      head,
      `format = 1\n[policy]\nid = "clients"\ntitle = "Policy of the clients' tests"\nversion = 1\nexpires = 2099-01-01T00:00:00Z\ndialects = [${dialects.map(toml).join(", ")}]\n${rules}`,
    );
    return compile(head, RULES);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function toml(dialect) {
  return typeof dialect === "string"
    ? JSON.stringify(dialect)
    : `{ id = ${JSON.stringify(dialect.id)}, prefix = ${JSON.stringify(dialect.prefix)} }`;
}

/**
 * `calls`: `{ name, call(client, model), refused }`. `client(url, key)` makes a client.
 * `thrown(error, model, said)` asserts the error of a refused call. Members of a call: `open` and
 * `closed` are the models in this API's spelling, `told` is the closed one in the spelling of a
 * refusal, `deferred` says that only the origin knows what the call runs, `changed(result)` removes
 * what differs from call to call.
 */
export function callsOf(vendor, gate, { client, calls, thrown, spelled = (model) => model }) {
  for (const {
    name,
    call,
    open = spelled(OPEN),
    closed = spelled(CLOSED),
    told = closed,
    refused = true,
    changed = (result) => result,
    ...own
  } of calls) {
    for (const [who, key, model] of [
      ["a restricted caller may use", FOREIGN, open],
      ["only an unrestricted caller may use", US, closed],
    ]) {
      if (model === undefined) continue;
      test(`${vendor}, ${name}: a model that ${who}`, async () => {
        const { seen } = gate.origin;
        const begun = seen.length;
        const direct = await call(client(gate.origin.url, key), model);
        const straight = seen.slice(begun).map(arrived);
        const attempts = gate.front.attempts;
        const through = await call(client(gate.url, key), model);
        assert.ok(straight.length > 0, "the call never reached the origin");
        assert.deepEqual(plain(changed(through)), plain(changed(direct)));
        assert.deepEqual(seen.slice(begun + straight.length).map(arrived), straight);
        assert.equal(gate.front.attempts - attempts, straight.length, "attempts");
      });
    }
    if (!refused || closed === undefined) continue;
    test(`${vendor}, ${name}: refused`, async () => {
      const attempts = gate.front.attempts;
      const begun = gate.origin.seen.length;
      const error = await call(client(gate.url, FOREIGN), closed).then(
        (result) => assert.fail(`the call went through: ${JSON.stringify(result)}`),
        (cause) => cause,
      );
      const [caseId] =
        /pc-[0-9a-f-]{36}/.exec(everything(error)) ??
        assert.fail(`no case in ${everything(error)}`);
      await (own.thrown ?? thrown)(error, said(told, caseId), caseId);
      assert.equal(gate.front.attempts - attempts, 1, "attempts");
      assert.equal(gate.origin.seen.length, begun, "requests that reached the origin");
    });
  }
}

/**
 * The list of models, as `list(client)` names them. It is complete for a caller who may use every
 * model, and lacks the closed ones for another. `client` and `spelled` are as above.
 */
export function listsOf(vendor, gate, { client, list, spelled = (model) => model }) {
  test(`${vendor}: lists of models`, async () => {
    const whole = await list(client(gate.origin.url, US));
    assert.ok(whole.includes(spelled(CLOSED)) && whole.includes(spelled(OPEN)), String(whole));
    assert.deepEqual(await list(client(gate.url, US)), whole);
    assert.deepEqual(
      await list(client(gate.url, FOREIGN)),
      whole.filter((model) => model !== spelled(CLOSED)),
    );
  });
}

/** All that a stream brings. */
export async function collected(stream) {
  const items = [];
  for await (const item of await stream) items.push(item);
  return items;
}

/** The texts of an error, wherever its class keeps them. */
export function everything(error) {
  return `${error?.message} ${JSON.stringify(error)} ${JSON.stringify(error?.body)} ${JSON.stringify(error?.cause)}`;
}

// The echo of a result's own request, and what clients tell of the hop.
const UNLIKE = new Set(["echo", "sdkHttpResponse", "$metadata"]);

/** A result as data. */
function plain(result) {
  return JSON.parse(
    JSON.stringify(result ?? null, (key, value) =>
      UNLIKE.has(key)
        ? undefined
        : value instanceof Uint8Array
          ? Buffer.from(value).toString("utf8")
          : value,
    ),
  );
}

// What a hop sets for itself, what differs from call to call, and what the edge adds.
const HOP =
  /^(?:host|connection|transfer-encoding|content-length|content-encoding|accept-encoding|idempotency-key|date|x-amz-date|amz-sdk-.*|cf-.*|x-forwarded-.*|x-real-ip|portcullis-access|sec-websocket-key|sec-websocket-extensions)$/;

/**
 * Returns the parts of a request that the origin must get unchanged, whatever coding carried them.
 */
function arrived({ method, url, headers, body, messages }) {
  const boundary = /boundary="?([^";]+)/.exec(headers["content-type"] ?? "")?.[1];
  const settle = (text) => (boundary === undefined ? text : text.replaceAll(boundary, "BOUNDARY"));
  return {
    method,
    url,
    headers: Object.fromEntries(
      Object.entries(headers)
        .filter(([name, value]) => value !== "" && !HOP.test(name))
        .map(([name, value]) => [
          name,
          name === "authorization" ? value.replace(/^AWS4.*/s, "AWS4") : settle(value),
        ]),
    ),
    body: settle(undone(body, headers["content-encoding"]).toString("latin1")),
    messages,
  };
}

/**
 * Takes the place of the CDN's edge: counts attempts before the gate, and sets the caller's place.
 */
async function edge(url) {
  const { hostname, port } = new URL(url);
  const front = { attempts: 0 };
  const placed = (headers) => ({ ...headers, "cf-ipcountry": "US" });
  const server = createServer({ maxHeaderSize: 131072 }, (incoming, outgoing) => {
    front.attempts += 1;
    const onward = request(
      {
        hostname,
        port,
        method: incoming.method,
        path: incoming.url,
        headers: placed(incoming.headers),
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode, answer.headers);
        answer.pipe(outgoing);
      },
    );
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
  server.on("upgrade", (incoming, client, head) => {
    front.attempts += 1;
    const lines = Object.entries(placed(incoming.headers)).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    const onward = connect(Number(port), hostname, () => {
      onward.write(`${incoming.method} ${incoming.url} HTTP/1.1\r\n${lines.join("")}\r\n`);
      onward.write(head);
      onward.pipe(client).pipe(onward);
    });
    for (const socket of [onward, client])
      socket.on("error", () => (onward.destroy(), client.destroy()));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  front.url = `http://127.0.0.1:${server.address().port}`;
  front.close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return front;
}
