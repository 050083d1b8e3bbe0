/**
 * Mistakes of a caller of the package: each public function gets each wrong kind of value in each
 * of its arguments. It throws an error of the package, never one of the language, or the verdict is
 * no milder than without the value.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { test } from "node:test";
import { Gate, PortcullisError, Session, passes } from "portcullis";
import { keyDigest, worker } from "portcullis/cloudflare";
import { Decoder } from "portcullis/decode";
import {
  ACCESS_HEADER,
  NonceCache,
  acknowledge,
  publicKey,
  accessKeys,
  verify,
} from "portcullis/origin";
import { POLICY, compile } from "../../tests/worker/setup.mjs";
import { AccountStore } from "../dist/operate/account-store.js";
import { Signer } from "../dist/access-header/sign.js";

const module = readFileSync(new URL("../wasm/edge_bg.wasm", import.meta.url));
const decode = readFileSync(new URL("../wasm/decode_bg.wasm", import.meta.url));
const vectors = JSON.parse(
  readFileSync(new URL("../../tests/corpus/access-header/vectors.json", import.meta.url), "utf8"),
);
const bundle = compile(POLICY);
const gate = await Gate.load({ module, bundle, decoder: new Decoder(decode) });
const us = gate.account({ export: { us_person_ear: true } });
const NOW = Date.parse("2026-07-01T00:00:00Z");
const US = {
  place: { country: "US" },
  network: [],
  asn: 13335,
  ip: "192.0.2.1",
  account: us,
  stale: false,
  now: NOW,
};
const FR = { ...US, place: { country: "FR" } };
const STRANGER = { ...FR, account: undefined };
const CHAT = {
  method: "POST",
  url: "https://gate.example/v1/chat/completions",
  headers: { "content-type": "application/json" },
};
const CLOSED = { ...CHAT, body: '{"model":"mythos-5","messages":[]}' };

class Thing {
  country = "FR";
  method = "GET";
}
/** One value of each kind that JavaScript has, whatever kind the argument should have. */
const KINDS = {
  null: null,
  true: true,
  false: false,
  "the number 0": 0,
  "a number": 1,
  "a negative number": -1,
  "a fraction": 0.5,
  "a large number": 2 ** 40,
  NaN: Number.NaN,
  infinity: Number.POSITIVE_INFINITY,
  "a bigint": 1n,
  "no text": "",
  "a text": "x",
  "a word": "FR",
  "the word false": "false",
  "a text in two lines": "US\nUS",
  "a symbol": Symbol("x"),
  "a function": () => "US",
  "an object": {},
  "an object with members": { country: "FR", export: { us_person_ear: true } },
  "an object without a prototype": Object.assign(Object.create(null), { x: 1 }),
  "a thing": new Thing(),
  "an empty list": [],
  "a list": ["US"],
  "a list of lists": [["a", "b", "c"]],
  "a list with null": [null],
  "a Date": new Date(NOW),
  "a Map": new Map([["country", "US"]]),
  "a Set": new Set(["tor"]),
  "a promise": Promise.resolve({ country: "FR" }),
  "a Blob": new Blob(["{}"]),
  "a stream": new ReadableStream(),
  "a stream of Node's": Readable.from(["{}"]),
  "a URL": new URL(CHAT.url),
  "a URLSearchParams": new URLSearchParams("country=US"),
  "an ArrayBuffer": new ArrayBuffer(8),
  bytes: new Uint8Array(8),
  "an Error": new Error("x"),
};

/** Passes 0, deferred 1, turned away 2. */
const rank = ({ verdict }) => ["pass", "defer", "deny", "refuse"].indexOf(verdict);
const better = (one, other) => Math.min(rank(one), 2) < Math.min(rank(other), 2);

/** The outcome, or the package's error; everything else that is thrown is a fault. */
async function outcome(work, codes, what) {
  try {
    return await work();
  } catch (error) {
    assert.ok(error instanceof PortcullisError, `${what}: ${error?.stack}`);
    assert.ok(codes.includes(error.code), `${what}: ${error.code}`);
    return error;
  }
}

/**
 * Calls `work` with each kind of value. The values of `accepted` must not throw: they have the
 * right kind or mean that there is nothing. If `work` does not throw, `weigh` checks its result.
 */
function table(
  name,
  work,
  {
    kinds = Object.keys(KINDS),
    accepted = [],
    codes = ["input_invalid"],
    weigh = (_, what) => assert.fail(`${what}: accepted`),
  },
) {
  test(name, async () => {
    for (const kind of kinds) {
      const what = `${name}: ${kind}`;
      const found = await outcome(() => work(KINDS[kind]), codes, what);
      if (accepted.includes(kind)) assert.ok(!(found instanceof Error), `${what}: ${found}`);
      if (!(found instanceof Error)) await weigh(found, what);
    }
  });
}

const OBJECTS = ["an object", "an object with members", "an object without a prototype", "a thing"];
const ANY_OBJECT = [...OBJECTS, "a stream of Node's"];
const TEXTS = ["a text", "a word", "the word false"];
const BUFFERS = ["an ArrayBuffer", "bytes"];

// What a fact may be. All others throw.
const FACTS = {
  place: ["null", ...ANY_OBJECT, "an empty list"],
  network: ["null", "an empty list"],
  asn: ["null", "the number 0", "a number"],
  ip: ["null", "no text"],
  account: ["null", "an empty list"],
  stale: ["null", "true", "false"],
  now: ["null"],
};

for (const [fact, accepted] of Object.entries(FACTS)) {
  for (const [caller, known] of Object.entries({
    "who may use everything": US,
    "under restriction": FR,
  })) {
    const { [fact]: _, ...left } = known;
    const weigh = (value) => (verdicts, what) => {
      const plain = judged(left);
      for (const [at, verdict] of verdicts.entries())
        assert.ok(
          !better(verdict, plain[at]),
          `${what}: ${verdict.verdict} and not ${plain[at].verdict}`,
        );
      if (!accepted.includes(what.split(": ")[1])) assert.fail(`${what}: accepted`);
    };
    table(`\`${fact}\` of one ${caller}`, (value) => judged({ ...left, [fact]: value }), {
      accepted,
      weigh: weigh(),
    });
    table(
      `\`${fact}\` in a list, of one ${caller}`,
      (value) => judged({ ...left, [fact]: [value] }),
      {
        accepted: fact === "place" ? ANY_OBJECT : [],
        weigh: (verdicts, what) => {
          const plain = judged(left);
          for (const [at, verdict] of verdicts.entries())
            assert.ok(!better(verdict, plain[at]), what);
        },
      },
    );
  }
}

/** The verdicts, by each function that takes facts. */
function judged(facts) {
  const verdicts = [
    gate.judge(CLOSED, facts),
    gate.judge({ ...CLOSED, body: CLOSED.body.replace("mythos-5", "haiku-4") }, facts),
  ];
  const { unrestricted } = gate.access(facts);
  const { screening } = gate.begin(CHAT, facts);
  screening?.release();
  const session = new Session({ ...CHAT, method: "GET", headers: { upgrade: "websocket" } });
  const upgrade = session.judge(gate, facts);
  session.release();
  for (const open of [unrestricted, screening === undefined, upgrade === undefined])
    verdicts.push({ verdict: open ? "pass" : "deny" });
  return verdicts;
}

for (const member of ["country", "region"]) {
  table(
    `\`${member}\` of a place`,
    (value) => judged({ ...US, place: { country: "US", [member]: value } }),
    {
      accepted: ["null", "no text", ...TEXTS],
      weigh: (verdicts, what) => {
        const plain = judged({ ...US, place: member === "country" ? {} : { country: "US" } });
        for (const [at, verdict] of verdicts.entries())
          assert.ok(!better(verdict, plain[at]), what);
      },
    },
  );
}

test("a clock in other units, or broken, is none; one within the millennium is", () => {
  for (const now of [
    NOW / 1000,
    NOW * 1000,
    0,
    -NOW,
    String(NOW),
    new Date(NOW),
    BigInt(NOW),
    Number.NaN,
    Infinity,
    -Infinity,
  ]) {
    assert.throws(() => gate.judge(CLOSED, { ...US, now }), { code: "input_invalid" }, String(now));
  }
  for (const now of [Date.parse("2020-01-01"), NOW, NOW + 0.5, Date.parse("2999-12-31")])
    assert.equal(typeof gate.access({ ...FR, now }).unrestricted, "boolean");
});

test("numbers, addresses and words that are none", () => {
  for (const wrong of [
    { asn: 1.5 },
    { asn: 2 ** 32 },
    { ip: "192.0.2.1:443" },
    { ip: "192.0.2" },
    { ip: "fe80::1%eth0" },
    { network: ["Tor"] },
    { network: ["tor", "fax"] },
    { network: ["tor,vpn"] },
  ]) {
    assert.throws(
      () => gate.judge(CLOSED, { ...US, ...wrong }),
      { code: "input_invalid" },
      JSON.stringify(wrong),
    );
  }
  for (const right of [
    { asn: 2 ** 32 - 1 },
    { ip: "2001:db8::7" },
    { network: ["tor", "vpn", "proxy", "hosting", "relay", "satellite"] },
  ]) {
    assert.equal(typeof gate.judge(CLOSED, { ...US, ...right }).verdict, "string");
  }
});

table("the facts", (facts) => judged(facts), {
  accepted: ANY_OBJECT,
  weigh: (verdicts, what) => {
    const plain = judged({});
    for (const [at, verdict] of verdicts.entries()) assert.ok(!better(verdict, plain[at]), what);
  },
});

for (const method of ["account", "accountByName"]) {
  table(
    `an account record, \`${method}\``,
    (record) => judged({ ...US, account: gate[method](record) }),
    {
      accepted: OBJECTS,
      // One of the records says what makes a US person, at its claim.
      weigh: (verdicts, what) => {
        const plain = judged({ ...US, account: undefined });
        const known = method === "account" && what.endsWith("with members");
        for (const [at, verdict] of verdicts.entries())
          assert.ok(known || !better(verdict, plain[at]), what);
      },
    },
  );
  for (const member of ["us_person", "export", "subject", "employee"]) {
    table(
      `\`${member}\` of a record, \`${method}\``,
      (value) => judged({ ...US, account: gate[method]({ [member]: value }) }),
      {
        codes: ["input_invalid"],
        weigh: (verdicts, what) => {
          const plain = judged({ ...US, account: undefined });
          const known = /(us_person|employee).*: true$/.test(what);
          for (const [at, verdict] of verdicts.entries())
            assert.ok(known || !better(verdict, plain[at]), what);
        },
      },
    );
  }
}

test("a record that is changed afterwards, and one that acts while it is read", () => {
  const record = { export: { us_person_ear: false } };
  const account = gate.account(record);
  record.export.us_person_ear = true;
  assert.equal(gate.judge(CLOSED, { ...US, account }).verdict, "deny");
  const acting = {
    get export() {
      return { us_person_ear: gate.access(US).unrestricted };
    },
  };
  assert.equal(gate.judge(CLOSED, { ...US, account: gate.account(acting) }).verdict, "pass");
  for (const wrong of [
    {
      get export() {
        throw new Error("x");
      },
    },
    { export: () => true },
    new Proxy(
      {},
      {
        get() {
          throw new Error("x");
        },
      },
    ),
  ]) {
    assert.throws(() => gate.account(wrong), { code: "input_invalid" });
  }
});

// A request, and each part of it, by each function that takes one.
const HEADS = {
  judge: (head) => gate.judge(head, FR),
  open: (head) => opened(gate.open(head, FR)),
  begin: (head) => opened(gate.begin(head, FR).screening),
  access: (head) => ({ verdict: gate.access(FR, head).unrestricted ? "pass" : "deny" }),
  Session: (head) => new Session(head).judge(gate, FR) ?? { verdict: "pass" },
};
const MODEL = { method: "GET", url: "https://gate.example/v1/models/mythos-5", headers: {} };
const closed = (verdict, what) => assert.ok(!passes(verdict), `${what}: ${verdict.verdict}`);
function opened(screening) {
  const verdict = screening?.finish() ?? { verdict: "pass" };
  screening?.release();
  return verdict;
}

for (const [name, work] of Object.entries(HEADS)) {
  table(`a request, \`${name}\``, work, {});
  // Another method is one that a caller may have.
  table(`its method, \`${name}\``, (method) => work({ ...MODEL, method }), {
    accepted: TEXTS,
    weigh: closed,
  });
  table(`its url, \`${name}\``, (url) => work({ ...MODEL, url }), {});
  table(`its headers, \`${name}\``, (headers) => work({ ...MODEL, headers }), {
    accepted: ["null", "an empty list", "a Map", "a URLSearchParams", "an object"],
    weigh: closed,
  });
  table(
    `a name of a header, \`${name}\``,
    (header) => work({ ...MODEL, headers: [[header, "x"]] }),
    { accepted: TEXTS, weigh: closed },
  );
  table(
    `a value of a header, \`${name}\``,
    (value) => work({ ...MODEL, headers: [["x-a", value]] }),
    { accepted: ["no text", ...TEXTS], weigh: closed },
  );
  table(
    `a value in an object of headers, \`${name}\``,
    (value) => work({ ...MODEL, headers: { "x-a": value } }),
    { accepted: ["no text", "an empty list", "a list", ...TEXTS], weigh: closed },
  );
}

test("addresses and methods that no message has", () => {
  for (const url of [
    "v1/models/mythos-5",
    " /v1/models/mythos-5",
    "\\v1\\models",
    "?model=mythos-5",
    "gate.example/v1",
  ])
    assert.throws(() => gate.judge({ ...MODEL, url }, FR), { code: "input_invalid" }, url);
  for (const url of ["/", "*", "HTTPS://gate.example", "gate.example:443"])
    assert.equal(typeof gate.judge({ ...MODEL, url }, FR).verdict, "string", url);
  for (const method of ["", "GET ", "GET,POST", "G\tET", "GÉT"])
    assert.throws(() => gate.judge({ ...MODEL, method }, FR), { code: "input_invalid" }, method);
});

test("headers: pairs, a Headers, a Map, Node's own, and those that can be read once", () => {
  const coded = (headers) => gate.judge({ ...CLOSED, headers }, FR);
  const pairs = [
    ["content-type", "application/json"],
    ["content-encoding", "gzip"],
  ];
  const expected = coded(pairs);
  assert.equal(expected.verdict, "refuse");
  const node = Object.assign(Object.create(null), {
    "content-type": "application/json",
    "content-encoding": ["gzip"],
    host: undefined,
  });
  for (const headers of [
    new Headers(pairs),
    new Map(pairs),
    Object.fromEntries(pairs),
    node,
    new Headers(pairs).entries(),
    pairs.values(),
    (function* () {
      yield* pairs;
    })(),
  ]) {
    assert.deepEqual(coded(headers), expected);
  }
  // Read where the caller may use everything, and again where that has ended.
  const { method, url } = CHAT;
  const session = new Session({
    method,
    url: "/v1/realtime",
    headers: [
      ["upgrade", "websocket"],
      ["x-model", "mythos-5"],
    ].values(),
  });
  assert.equal(session.judge(gate, US), undefined);
  assert.deepEqual(session.judge(gate, FR)?.mentions, ["mythos-5"]);
  for (const headers of [
    ["content-type", "application/json"],
    [["a"]],
    [["a", "b", "c"]],
    [["a:b", "c"]],
    [["a b", "c"]],
    [["a", "b\r"]],
    [["a", "b\0"]],
    { "a\n": "b" },
    { a: ["b\nc: d"] },
    { a: [["b"]] },
  ]) {
    assert.throws(() => coded(headers), { code: "input_invalid" }, JSON.stringify(headers));
  }
});

table("a body", (body) => gate.judge({ ...CHAT, body }, FR), {
  accepted: ["null", "no text", ...TEXTS, ...BUFFERS],
  weigh: (verdict, what) => assert.ok(!better(verdict, gate.judge(CHAT, FR)), what),
});

test("what is read is read once, wherever an object keeps it", () => {
  const cuba = { country: "CU" };
  class Known {
    get place() {
      return cuba;
    }
  }
  for (const facts of [
    { place: cuba },
    new Known(),
    Object.create({ place: cuba }),
    Object.assign(Object.create(null), { place: cuba }),
  ]) {
    assert.equal(
      gate.judge({ ...CHAT, body: '{"model":"haiku-4"}' }, facts).reason,
      "everything_restricted",
    );
  }
  let reads = 0;
  const request = {
    ...CHAT,
    get body() {
      return (reads += 1) === 1 ? CLOSED.body : '{"model":"haiku-4"}';
    },
  };
  assert.deepEqual([gate.judge(request, FR).verdict, reads], ["deny", 1]);
  // Whose members are on a prototype, or come later, has none of its own.
  class Lines {
    #lines = { "x-model": "mythos-5" };
    get(name) {
      return this.#lines[name];
    }
  }
  for (const headers of [
    new Lines(),
    Object.create({ "x-model": "mythos-5" }),
    (async function* () {
      yield ["x-model", "mythos-5"];
    })(),
    {
      async *[Symbol.asyncIterator]() {
        yield ["x-model", "mythos-5"];
      },
    },
  ]) {
    for (const work of Object.values(HEADS))
      if (work !== HEADS.access)
        assert.throws(() => work({ ...CHAT, headers }), { code: "input_invalid" });
  }
});

test("bytes of a class that says another length, and what only looks like bytes", () => {
  const bytes = new TextEncoder().encode(CLOSED.body);
  const classes = [
    class extends Uint8Array {
      get length() {
        return 0;
      }
    },
    class extends Uint8Array {
      get length() {
        return 1;
      }
    },
    class extends Uint8Array {
      subarray() {
        return new Uint8Array(0);
      }
    },
  ];
  for (const Odd of classes)
    assert.equal(gate.judge({ ...CHAT, body: new Odd(bytes) }, FR).reason, "model_restricted");
  for (const body of [
    new Proxy(bytes, {}),
    Object.create(Uint8Array.prototype),
    Object.setPrototypeOf({ length: 1 }, Uint8Array.prototype),
  ]) {
    assert.throws(() => gate.judge({ ...CHAT, body }, FR), { code: "input_invalid" });
  }
});

test("a screening: each of its functions, each kind", async () => {
  for (const [kind, value] of Object.entries(KINDS)) {
    for (const method of ["feed", "scan", "decode", "feedResponse"]) {
      const screening = gate.open({ ...CHAT, headers: {} }, FR);
      if (method === "feedResponse") {
        screening.feed(CLOSED.body.replace("mythos-5", "haiku-4"));
        screening.finish();
        screening.beginResponse(new Response("{}"), false);
      }
      const found = await outcome(
        () => {
          for (const _ of Object(screening[method](value))[Symbol.iterator] === undefined
            ? []
            : screening[method](value));
          return true;
        },
        ["input_invalid"],
        `${method}: ${kind}`,
      );
      assert.equal(
        found === true,
        typeof value === "string" || BUFFERS.includes(kind),
        `${method}: ${kind}`,
      );
      screening.release();
    }
    const screening = gate.open(CHAT, FR);
    screening.finish();
    for (const answer of [value, { status: value, headers: {} }, { status: 200, headers: value }]) {
      await outcome(
        () => screening.beginResponse(answer, false),
        ["input_invalid"],
        `beginResponse: ${kind}`,
      );
    }
    assert.equal(passes(value), false);
    screening.release();
  }
});

test("a name of the case that is no text is an error, and no verdict", () => {
  for (const [kind, value] of Object.entries(KINDS)) {
    const screening = gate.open(MODEL, FR);
    const session = new Session(MODEL);
    for (const one of [screening, session]) {
      if (typeof value === "string" && !value.includes("\n")) one.caseId = value;
      else assert.throws(() => (one.caseId = value), { code: "input_invalid" }, kind);
    }
    assert.equal(screening.finish().verdict, "deny");
    assert.equal(session.judge(gate, FR)?.verdict, "deny");
    screening.release();
  }
});

test("a message of a socket: read, or an error", async () => {
  const text = JSON.stringify({ type: "session.update", session: { model: "mythos-5" } });
  const head = {
    method: "GET",
    url: "/v1/realtime?model=haiku-4",
    headers: { upgrade: "websocket" },
  };
  for (const message of [
    text,
    Buffer.from(text),
    Uint8Array.from(Buffer.from(text)).buffer,
    new DataView(Uint8Array.from(Buffer.from(text)).buffer),
  ]) {
    assert.equal(new Session(head).judge(gate, FR, message).verdict, "deny");
    const session = new Session(head);
    session.judge(gate, FR, "{}");
    assert.equal(session.feedOrigin(message), undefined, "it names what is denied");
  }
  for (const [kind, value] of Object.entries(KINDS)) {
    if (typeof value === "string" || BUFFERS.includes(kind)) continue;
    const session = new Session(head);
    await outcome(
      () => assert.fail(`${kind}: ${session.judge(gate, FR, value)?.verdict}`),
      ["input_invalid"],
      kind,
    );
    session.judge(gate, FR);
    await outcome(
      () => assert.fail(`${kind}: ${session.feedOrigin(value)}`),
      ["input_invalid"],
      kind,
    );
    await outcome(
      () => assert.fail(`${kind}: ${new Session(head).judge(value, FR)}`),
      ["input_invalid"],
      kind,
    );
    session.release();
  }
});

table("a rule's id, `switch`", (id) => gate.switch(id, "off"), {
  accepted: ["no text", ...TEXTS],
  weigh: (known, what) => assert.equal(known, false, what),
});
table("a rule's state, `switch`", (state) => gate.switch("mythos-us-persons-only", state), {});

test("nothing that was switched above has changed a verdict, and a switch outlives the instance it was thrown in", async () => {
  assert.equal(gate.judge(CLOSED, FR).verdict, "deny");
  assert.equal(gate.switch("no-such-rule", "off"), false);
  const other = await Gate.load({ module, bundle });
  assert.equal(other.judge(CLOSED, STRANGER).verdict, "deny");
  for (const [state, verdict] of [
    ["off", "pass"],
    ["on", "deny"],
  ]) {
    assert.equal(other.switch("mythos-us-persons-only", state), true);
    assert.equal(other.judge(CLOSED, STRANGER).verdict, verdict);
    other.free();
    assert.equal(other.judge(CLOSED, STRANGER).verdict, verdict, "loaded again");
  }
});

for (const option of ["module", "bundle", "listKey", "decoder"]) {
  table(
    `\`${option}\`, \`Gate.load\``,
    (value) =>
      Gate.load({ module, bundle, [option]: value }).then((made) =>
        made.judge({ ...CLOSED, headers: { "content-encoding": "gzip" } }, STRANGER),
      ),
    {
      codes: ["input_invalid", "module_unusable", "bundle_truncated", "bundle_foreign_file"],
      // The module runs already. A key for lists that the policy does not have opens none.
      accepted: ["listKey", "decoder"].includes(option) ? ["null"] : [],
      weigh: (verdict, what) => assert.ok(!passes(verdict), what),
    },
  );
}
table("the options, `Gate.load`", (options) => Gate.load(options), {
  codes: ["input_invalid", "module_unusable", "bundle_truncated"],
});
table("the options, `Gate.loadSync`", async (options) => Gate.loadSync(options), {
  codes: ["input_invalid", "module_unusable", "bundle_truncated"],
});

table("a coding, `Decoder.open`", (codings) => new Decoder(decode).open(codings, false).free(), {
  accepted: TEXTS,
  weigh: () => undefined,
});
table(
  "whether it is signed, `Decoder.open`",
  (signed) => new Decoder(decode).open("gzip", signed).free(),
  { accepted: ["true", "false"], weigh: () => undefined },
);
table(
  "coded bytes, `Decoding.feed`",
  (bytes) => {
    const decoding = new Decoder(decode).open("gzip", false);
    try {
      decoding.feed(bytes);
      return decoding.next();
    } finally {
      decoding.free();
    }
  },
  {
    accepted: [...TEXTS, ...BUFFERS],
    weigh: (piece, what) => assert.equal(piece, undefined, what),
  },
);

// An origin: a valid access header, and one value beside it that is wrong.
const vector = vectors.signed.find(({ name }) => name === "one family denied");
const secret = vectors.gate.find((key) => key.startsWith(`${vector.key}:`));
const keys = await accessKeys(secret);
const signed = {
  method: vector.method,
  target: vector.target,
  headers: Object.fromEntries([...vector.headers, [ACCESS_HEADER, vector.value]]),
};
const clock = { now: vector.created * 1000 };
const untrusted = (access, what) => assert.equal(typeof access, "string", `${what}: trusted`);

test("a request as Node has it, as pairs, as a Headers", async () => {
  const { method, target, headers } = signed;
  const expected = await verify(signed, keys, clock);
  assert.equal(expected.nonce, vector.nonce);
  for (const one of [
    Object.entries(headers),
    new Headers(headers),
    new Map(Object.entries(headers)),
    Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toUpperCase(), [value]]),
    ),
  ]) {
    assert.deepEqual(await verify({ method, target, headers: one }, keys, clock), expected);
  }
  assert.deepEqual(await verify({ method, url: target, headers }, keys, clock), expected);
  assert.equal(
    await verify(
      { method, target, headers: { ...headers, [ACCESS_HEADER]: [vector.value, vector.value] } },
      keys,
      clock,
    ),
    "access_malformed",
  );
  assert.equal(
    await verify({ method, target, headers: { ...headers, "x-api-key": "another" } }, keys, clock),
    "access_credential_wrong",
  );
});

table("a request, `verify`", (request) => verify(request, keys, clock), {});
table("its method, `verify`", (method) => verify({ ...signed, method }, keys, clock), {
  accepted: TEXTS,
  weigh: untrusted,
});
table("its target, `verify`", (target) => verify({ ...signed, target }, keys, clock), {
  accepted: TEXTS,
  weigh: untrusted,
});
table("its headers, `verify`", (headers) => verify({ ...signed, headers }, keys, clock), {
  weigh: untrusted,
});
table(
  "the header, `verify`",
  (header) =>
    verify({ ...signed, headers: { ...signed.headers, [ACCESS_HEADER]: header } }, keys, clock),
  { accepted: TEXTS, weigh: untrusted },
);
table("the keys, `verify`", (value) => verify(signed, value, clock), { weigh: untrusted });
table("the options, `verify`", (options) => verify(signed, keys, options), { weigh: untrusted });
table("the time, `verify`", (now) => verify(signed, keys, { now }), {
  accepted: ["null"],
  weigh: untrusted,
});
table("the nonces, `verify`", (nonces) => verify(signed, keys, { ...clock, nonces }), {
  // Streams have a `take` of their own, which says what it thinks of numbers.
  kinds: Object.keys(KINDS).filter((kind) => kind !== "a stream of Node's"),
  accepted: ["null"],
  weigh: (_, what) => assert.match(what, /null$/),
});
table(
  "what the nonces say, `verify`",
  (taken) => verify(signed, keys, { ...clock, nonces: { take: () => taken } }),
  { weigh: (access, what) => assert.notEqual(typeof access?.nonce, "string", what) },
);
test("a store of nonces in place of the options, and one that says nothing", async () => {
  await assert.rejects(verify(signed, keys, new NonceCache()), { code: "input_invalid" });
  const access = await verify(signed, keys, { ...clock, nonces: { take: () => undefined } });
  assert.equal(access, "access_replayed");
});
table("how many, `NonceCache`", (capacity) => new NonceCache(capacity), {
  weigh: (seen, what) =>
    assert.ok(
      ["fresh", "full"].includes(seen.take("a", 2, 1)) && seen.take("a", 2, 1) !== "fresh",
      what,
    ),
});
table("a nonce, `NonceCache`", (nonce) => new NonceCache().take(nonce, 2, 1), {
  accepted: TEXTS,
  weigh: () => undefined,
});
table("its end, `NonceCache`", (until) => new NonceCache().take("a", until, 1), {
  weigh: () => undefined,
});
table("the gate's keys, `accessKeys`", async (text) => (await accessKeys(text)).size, {
  codes: ["key_invalid"],
  weigh: (size, what) => assert.equal(size, 0, what),
});
table("a key, `publicKey`", publicKey, { codes: ["key_invalid"] });
const access = await verify(signed, keys, clock);
table("an access, `acknowledge`", (value) => acknowledge(value, 200, vectors.origin), {});
table(
  "its nonce, `acknowledge`",
  (nonce) => acknowledge({ ...access, nonce }, 200, vectors.origin),
  {},
);
table("a status, `acknowledge`", (status) => acknowledge(access, status, vectors.origin), {});
table("a key, `acknowledge`", (key) => acknowledge(access, 200, key), { codes: ["key_invalid"] });

// The worker: what it is made of, and its table.
table("a secret, `keyDigest`", (value) => keyDigest(value, "sk-1"), {
  codes: ["key_invalid"],
  accepted: TEXTS,
  weigh: () => undefined,
});
table("a credential, `keyDigest`", (value) => keyDigest("secret", value), {
  accepted: TEXTS,
  weigh: () => undefined,
});
table(
  "a secret, `AccountStore`",
  (value) => new AccountStore(gate, { get: async () => null }, value),
  {
    codes: ["key_invalid"],
    accepted: TEXTS,
    weigh: () => undefined,
  },
);
table("a table, `AccountStore`", (value) => new AccountStore(gate, value, "secret"), {
  accepted: ["a Map", "a URLSearchParams"],
  weigh: () => undefined,
});
table(
  "a credential, `AccountStore`",
  (value) =>
    new AccountStore(gate, { get: async () => '{"employee":true}' }, "secret").account(value),
  { accepted: TEXTS, weigh: () => undefined },
);
table(
  "a record, `AccountStore`",
  async (value) =>
    judged({
      ...US,
      account: await new AccountStore(gate, { get: async () => value }, "secret").account("sk-1"),
    }),
  {
    codes: [],
    weigh: (verdicts, what) => {
      const plain = judged({ ...US, account: undefined });
      for (const [at, verdict] of verdicts.entries()) assert.ok(!better(verdict, plain[at]), what);
    },
  },
);
table("a key, `Signer`", (ACCESS_KEY) => Signer.of({ ACCESS_KEY }, gate.info, []), {
  codes: ["key_invalid"],
});
table("what is denied, `Signer`", (denied) => resigned({ denied, verdict: "pass" }), {
  codes: ["input_invalid"],
  weigh: async (request, what) =>
    assert.ok(what.endsWith("no text") || typeof (await verify(request, keys)) === "string", what),
});
table("the verdict, `Signer`", (verdict) => resigned({ denied: "", verdict }), {
  codes: ["input_invalid"],
  weigh: async (request, what) => untrusted(await verify(request, keys), what),
});

async function resigned(statement) {
  const request = new Request("https://gate.example/v1/models");
  await Signer.of({ ACCESS_KEY: secret }, gate.info, []).sign(request, statement);
  return request;
}

// Node has no headers of the runtime, and no `module` but the one that runs already. A request that
// comes without an option is judged and refused.
const compiled = await WebAssembly.compile(module);
const WORKER = {
  bundle: [],
  decoder: ["null"],
  streamLife: ["null", "a number", "a fraction"],
  socketHold: ["null", "a number", "a fraction"],
};

for (const [option, accepted] of Object.entries(WORKER)) {
  test(`\`${option}\`, \`worker\`: 503, or as if it were left out`, async () => {
    for (const [kind, value] of Object.entries(KINDS)) {
      const { status, sent } = await served({ [option]: value });
      assert.deepEqual(
        { kind, status, sent },
        { kind, status: accepted.includes(kind) ? 403 : 503, sent: 0 },
      );
    }
  });
}

for (const variable of [
  "ORIGIN",
  "KEYS",
  "KEY_SECRET",
  "CREDENTIAL_SLOTS",
  "LIST_KEY",
  "ACCESS_KEY",
  "ENFORCED_KEY",
  "CORS_ORIGINS",
  "LOCAL",
]) {
  test(`the variable \`${variable}\`: a refusal or 503, whatever it holds`, async () => {
    for (const [kind, value] of Object.entries(KINDS)) {
      // Bindings are data and objects with functions.
      if (["a symbol", "an object without a prototype"].includes(kind)) continue;
      const { status, sent } = await served({}, { [variable]: value });
      assert.ok([403, 503].includes(status), `${kind}: ${status}`);
      assert.equal(sent, 0, kind);
    }
  });
}

test("the options, `worker`: 503 for what is none", async () => {
  for (const [kind, value] of Object.entries(KINDS)) {
    const answer = await quietly(() =>
      worker(value).fetch(new Request(CHAT.url, CHAT), {}, { waitUntil: () => undefined }),
    );
    assert.equal(answer.status, 503, kind);
  }
});

/** The status that a worker gives a request for a closed model, and how many it has sent on. */
async function served(options, env = {}) {
  let sent = 0;
  const made = worker({ module: compiled, bundle, ...options });
  const ORIGIN = { fetch: async () => ((sent += 1), new Response("{}")) };
  const answer = await quietly(() =>
    made.fetch(
      new Request(CHAT.url, {
        ...CHAT,
        headers: { ...CHAT.headers, origin: "https://page.example" },
        body: CLOSED.body,
      }),
      { ORIGIN, ...env },
      { waitUntil: () => undefined },
    ),
  );
  return { status: answer.status, sent };
}

test("facts that are none are answered with 503, not with a verdict", async () => {
  const sent = [];
  const env = { ORIGIN: { fetch: async (request) => (sent.push(request), new Response("{}")) } };
  for (const cf of [{ country: 1 }, { country: "US", asn: "13335" }, { country: "US\nUS" }]) {
    const request = Object.assign(
      new Request(CHAT.url, { ...CHAT, body: CLOSED.body.replace("mythos-5", "haiku-4") }),
      { cf },
    );
    const answer = await quietly(() =>
      worker({ module: compiled, bundle }).fetch(request, env, { waitUntil: () => undefined }),
    );
    assert.equal(answer.status, 503);
    assert.equal((await answer.json()).error.code, "gate_unavailable");
  }
  assert.equal(sent.length, 0);
});

/** The worker tells its log what it lacks. */
async function quietly(work) {
  const { error } = console;
  console.error = () => undefined;
  try {
    return await work();
  } finally {
    console.error = error;
  }
}
