/**
 * Where one body ends and the next request begins, in every framing that two servers are known to
 * read differently. Either the runtime refuses, or the gate judges exactly what the origin gets.
 * Nothing that names the closed model arrives there, whatever the framing.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startOrigin } from "../../tools/origin.mjs";
import { startWorker } from "../../tools/workerd.mjs";
import { open, sleep, until } from "./raw.mjs";
import { POLICY, compile } from "./setup.mjs";

const OPEN = '{"model":"haiku-4" }';
const CLOSED = '{"model":"mythos-5"}';
const LENGTH = OPEN.length;
const SIZE = LENGTH.toString(16);
let origin;
let gate;

before(async () => {
  origin = await startOrigin();
  gate = await startWorker({
    bundle: compile(POLICY),
    bindings: { ORIGIN: origin.url, LOCAL: "1" },
  });
});
after(async () => {
  await gate?.close();
  await origin?.close();
});

const head = (lines, { first = "POST /v1/chat/completions HTTP/1.1", end = "\r\n" } = {}) =>
  [
    first,
    "host: gate.example",
    "cf-ipcountry: FR",
    "content-type: application/json",
    ...lines,
    "",
    "",
  ].join(end);
const chunked = (body, { size = body.length.toString(16), last = "0\r\n\r\n" } = {}) =>
  `${size}\r\n${body}\r\n${last}`;
const length = (body) => [`content-length: ${body.length}`];
const CHUNKED = ["transfer-encoding: chunked"];

/**
 * Returns the statuses of the responses, waiting for `wanted` of them, and the requests that the
 * origin got complete.
 */
async function exchange(text, wanted) {
  const begun = origin.seen.length;
  const client = await open(gate.url);
  const told = () =>
    [...client.text().matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  const there = (ms) => until(() => told().length >= wanted, ms).catch(() => undefined);
  await client.bytes(Buffer.from(text, "latin1"));
  await there(400);
  // What waits for more ends with the connection.
  client.socket.end();
  await there(2_000);
  await sleep(30);
  client.destroy();
  return { told: told(), whole: origin.seen.slice(begun).filter(({ complete }) => complete) };
}

/**
 * The gate refuses with this status if the body breaks off or names a denied model. The runtime
 * (workerd 1.20260730) refuses with others before it calls the gate.
 */
const OURS = 400;
const RUNTIME = 500;
const quoted = (values, line, text) =>
  values.map((value) => [`${line} ${JSON.stringify(value)}`, text(value)]);

for (const [statuses, cases, got = OPEN] of [
  [
    [200],
    [
      ["both headers", head([...CHUNKED, ...length(chunked(OPEN))]) + chunked(OPEN)],
      [
        "both headers, the length that of a beginning",
        head(["content-length: 4", ...CHUNKED]) + chunked(OPEN),
      ],
      [
        "a length, and chunked behind `_`",
        head([...length(OPEN), "transfer_encoding: chunked"]) + OPEN,
      ],
      ["a length with a blank before the colon", head([`content-length : ${LENGTH}`]) + OPEN],
      ...quoted(
        ["020", "\t20"],
        "content-length",
        (value) => head([`content-length: ${value}`]) + OPEN,
      ),
      ...quoted(
        ["Chunked", "CHUNKED", "\tchunked", "chunked, chunked"],
        "transfer-encoding",
        (value) => head([`transfer-encoding: ${value}`]) + chunked(OPEN),
      ),
      [
        "an empty transfer-encoding beside a length",
        head(["transfer-encoding: ", ...length(OPEN)]) + OPEN,
      ],
      ["transfer-encoding twice", head([...CHUNKED, ...CHUNKED]) + chunked(OPEN)],
      [
        "transfer-encoding with a blank before the colon",
        head(["transfer-encoding : chunked"]) + chunked(OPEN),
      ],
      [
        "transfer-encoding folded behind another header",
        head(["x: y\r\n transfer-encoding: chunked", ...length(OPEN)]) + OPEN,
      ],
      [
        "a header line that ends with LF",
        head(["x: y\ntransfer-encoding: chunked"]) + chunked(OPEN),
      ],
      ["a head in LF", head(length(OPEN), { end: "\n" }) + OPEN],
      [
        "a chunk size with zeros before it",
        head(CHUNKED) + chunked(OPEN, { size: `00000000000000000000${SIZE}` }),
      ],
      ["chunks that end with LF", head(CHUNKED) + `${SIZE}\n${OPEN}\n0\n\n`],
      ["a chunk without its CRLF", head(CHUNKED) + `${SIZE}\r\n${OPEN}0\r\n\r\n`],
      ["half a last chunk", head(CHUNKED) + chunked(OPEN, { last: "0\r\n" })],
      ["a last chunk of several zeros", head(CHUNKED) + chunked(OPEN, { last: "000\r\n\r\n" })],
      [
        "a byte a chunk",
        head(CHUNKED) + [...OPEN].map((letter) => `1\r\n${letter}\r\n`).join("") + "0\r\n\r\n",
      ],
      [
        "HTTP/1.0 in chunks",
        head(CHUNKED, { first: "POST /v1/chat/completions HTTP/1.0" }) + chunked(OPEN),
      ],
      [
        "HTTP/1.0 with a length",
        head(length(OPEN), { first: "POST /v1/chat/completions HTTP/1.0" }) + OPEN,
      ],
      ["expect: 100-continue", head([...length(OPEN), "expect: 100-continue"]) + OPEN],
      [
        "connection names the length",
        head([...length(OPEN), "connection: content-length, keep-alive"]) + OPEN,
      ],
      [
        "connection names the transfer-encoding",
        head([...CHUNKED, "connection: transfer-encoding"]) + chunked(OPEN),
      ],
    ],
  ],
  // The runtime sees no body, so neither does the gate or the origin. The rest is another request.
  [
    [200],
    [
      ["no length", head([])],
      ["an empty length", head(["content-length: "])],
      [
        "HTTP/1.0, to the end of the connection",
        head([], { first: "POST /v1/chat/completions HTTP/1.0" }) + CLOSED,
      ],
      [
        "GET with a length of 0",
        head(["content-length: 0"], { first: "GET /v1/models/haiku-4 HTTP/1.1" }),
      ],
      [
        "GET in no chunks",
        head(CHUNKED, { first: "GET /v1/models/haiku-4 HTTP/1.1" }) + "0\r\n\r\n",
      ],
    ],
    "",
  ],
  [
    [200, 501],
    [["an empty transfer-encoding", head(["transfer-encoding: "]) + chunked(CLOSED)]],
    "",
  ],
  [
    [200, 403],
    [
      [
        "a length of 0, a request behind it",
        head(["content-length: 0"]) + head(length(CLOSED)) + CLOSED,
      ],
    ],
    "",
  ],
  [
    [200, 403],
    [
      ["a length, a request behind it", head(length(OPEN)) + OPEN + head(length(CLOSED)) + CLOSED],
      [
        "a last chunk, a request behind it",
        head(CHUNKED) + chunked(OPEN) + head(length(CLOSED)) + CLOSED,
      ],
      [
        "a request in the place of trailers",
        head(CHUNKED) + chunked(OPEN, { last: `0\r\n${head(length(CLOSED))}${CLOSED}` }),
      ],
    ],
  ],
  // The runtime knows no trailers: they are a request that it does not understand.
  [
    [200, 501],
    [
      [
        "a trailer",
        head([...CHUNKED, "te: trailers", "trailer: x-model"]) +
          chunked(OPEN, { last: "0\r\nx-model: mythos-5\r\n\r\n" }),
      ],
      [
        "trailers that frame",
        head(CHUNKED) +
          chunked(OPEN, { last: "0\r\ncontent-length: 4\r\ntransfer-encoding: identity\r\n\r\n" }),
      ],
      ["a trailer that is none", head(CHUNKED) + chunked(OPEN, { last: "0\r\nmythos-5\r\n\r\n" })],
    ],
  ],
  [
    [403],
    [
      [
        "both headers, the chunks name what is closed",
        head([...length(chunked(CLOSED)), ...CHUNKED]) + chunked(CLOSED),
      ],
      [
        "both headers, the other order",
        head([...CHUNKED, ...length(chunked(CLOSED))]) + chunked(CLOSED),
      ],
      [
        "a byte a chunk, of what is closed",
        head(CHUNKED) + [...CLOSED].map((letter) => `1\r\n${letter}\r\n`).join("") + "0\r\n\r\n",
      ],
      [
        "GET with a body, closed",
        head(length(CLOSED), { first: "GET /v1/chat/completions HTTP/1.1" }) + CLOSED,
      ],
      [
        "GET in chunks, closed",
        head(CHUNKED, { first: "GET /v1/models/haiku-4 HTTP/1.1" }) + chunked(CLOSED),
      ],
      [
        "HEAD with a body, closed",
        head(length(CLOSED), { first: "HEAD /v1/models/haiku-4 HTTP/1.1" }) + CLOSED,
      ],
    ],
  ],
  [
    [OURS],
    [
      [
        "a length that is too small, which cuts the document",
        head(["content-length: 10"]) + CLOSED,
      ],
      ["a length that is too large", head([`content-length: ${LENGTH + 1}`]) + OPEN],
      ["a length that is too large by far", head(["content-length: 2000000"]) + OPEN],
      ["a length beyond all bounds", head(["content-length: 99999999999999999999999"]) + OPEN],
      [
        "chunked with a blank before the colon, beside a length",
        head(["transfer-encoding : chunked", ...length(OPEN)]) + OPEN,
      ],
      [
        "a header line that ends with CR",
        head(["x: y\rtransfer-encoding: chunked", ...length(OPEN)]) + OPEN,
      ],
      ["an extension of a chunk", head(CHUNKED) + chunked(OPEN, { size: `${SIZE};a=b;c="d"` })],
      ["an extension with blanks", head(CHUNKED) + chunked(OPEN, { size: `${SIZE} ; a = b` })],
      [
        "an extension of 20 KB",
        head(CHUNKED) + chunked(OPEN, { size: `${SIZE};${"a".repeat(20_000)}` }),
      ],
      ["an extension that ends with LF", head(CHUNKED) + `${SIZE};a\n${OPEN}\r\n0\r\n\r\n`],
      ["an extension with CR", head(CHUNKED) + `${SIZE};a\rb\r\n${OPEN}\r\n0\r\n\r\n`],
      [
        "an extension in quotes over the line's end",
        head(CHUNKED) + `${SIZE};a="\r\n${OPEN}"\r\n0\r\n\r\n`,
      ],
      ["an extension of the last chunk", head(CHUNKED) + chunked(OPEN, { last: "0;a=b\r\n\r\n" })],
      ...quoted(
        [
          "0x14",
          "+14",
          "-14",
          "14 ",
          " 14",
          "\t14",
          "100000000000000014",
          "fffffffffffffffff14",
          "14h",
          "1_4",
          "",
          "14,14",
        ],
        "a chunk of the size",
        (size) => head(CHUNKED) + chunked(OPEN, { size }),
      ),
      ["a chunk with other bytes behind it", head(CHUNKED) + `${SIZE}\r\n${OPEN}xx0\r\n\r\n`],
      ["a chunk that is too short", head(CHUNKED) + chunked(OPEN, { size: "4" })],
      ["a chunk that is too long", head(CHUNKED) + chunked(OPEN, { size: "20" })],
      ["no last chunk", head(CHUNKED) + chunked(OPEN, { last: "" })],
      [
        "GET with a body, which the runtime cannot send",
        head(CHUNKED, { first: "GET /v1/models/haiku-4 HTTP/1.1" }) + chunked(OPEN),
      ],
      [
        "GET with a body that would be sent while it is read",
        head(CHUNKED, { first: "GET /v1/models/haiku-4 HTTP/1.1" }) +
          chunked(`{"x":"${"x".repeat(400_000)}","model":"haiku-4"}`),
      ],
    ],
  ],
  [
    [RUNTIME],
    [
      ["a length twice, the same", head([...length(OPEN), ...length(OPEN)]) + OPEN],
      ["a length twice, another", head([...length(OPEN), "content-length: 4"]) + OPEN],
      ["a length behind a fold", head([`content-length:\r\n ${LENGTH}`]) + OPEN],
      ["a length folded apart", head(["content-length: 2\r\n 0"]) + OPEN],
      ...quoted(
        [
          "20, 20",
          "20, 4",
          "+20",
          "-1",
          "0x14",
          "2e1",
          "20.0",
          "20 20",
          "20;",
          '"20"',
          "20\t",
          "20\x0b",
        ],
        "content-length",
        (value) => head([`content-length: ${value}`]) + OPEN,
      ),
      ...quoted(
        [
          "chunked ",
          "identity",
          "gzip, chunked",
          "chunked, gzip",
          "chunked, identity",
          "identity, chunked",
          "xchunked",
          "chunked;q=1",
          ",chunked",
          "chunked,",
          "\x0bchunked",
          '"chunked"',
          "trailers",
        ],
        "transfer-encoding",
        (value) => head([`transfer-encoding: ${value}`]) + chunked(OPEN),
      ),
      ...quoted(
        ["identity", "xchunked", "\x0bchunked", "chunked, identity"],
        "beside a length, transfer-encoding",
        (value) => head([`transfer-encoding: ${value}`, ...length(OPEN)]) + OPEN,
      ),
      [
        "transfer-encoding twice, once identity",
        head(["transfer-encoding: identity", ...CHUNKED]) + chunked(OPEN),
      ],
      ["transfer-encoding behind a fold", head(["transfer-encoding:\r\n chunked"]) + chunked(OPEN)],
      [
        "the same beside a length",
        head(["transfer-encoding:\r\n chunked", ...length(OPEN)]) + OPEN,
      ],
      [
        "transfer-encoding behind a fold in LF",
        head(["transfer-encoding:\n chunked"]) + chunked(OPEN),
      ],
      [
        "transfer-encoding folded on",
        head(["transfer-encoding: chunked\r\n , identity"]) + chunked(OPEN),
      ],
    ],
  ],
  // Told by the runtime as well: no HTTP.
  [
    [400],
    [
      ["a NUL before a length", head(["content-length: \x0020"]) + OPEN],
      ["a NUL behind chunked", head(["transfer-encoding: chunked\x00"]) + chunked(OPEN)],
    ],
  ],
]) {
  for (const [what, text] of cases) {
    test(`${statuses.join(", ")}: ${what}`, async () => {
      const { told, whole } = await exchange(text, statuses.length);
      assert.deepEqual(told, statuses);
      // One whole request for each that passed, of exactly the bytes that were judged.
      assert.deepEqual(
        whole.map(({ body, trailers }) => [body.toString(), trailers]),
        statuses.filter((status) => status === 200).map(() => [got, []]),
      );
    });
  }
}
