/**
 * A reverse proxy that judges each request before it forwards it.
 *
 * Environment: `ORIGIN`, the URL of the inference origin; `PORT`, 8080 by default; `BUNDLE`, the
 * file of the compiled policy, `policy.bundle` by default.
 */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, request as forward } from "node:http";
import { Gate } from "portcullis";
import { Decoder } from "portcullis/decode";

const { ORIGIN = "http://127.0.0.1:9000", PORT = "8080", BUNDLE = "policy.bundle" } = process.env;
/** Bytes of a body that the proxy holds while the gate reads it. */
const BODY_BYTES = 10 * 1024 * 1024;

const wasm = (name) => readFile(new URL(import.meta.resolve(`portcullis/${name}.wasm`)));
const gate = await Gate.load({
  module: await wasm("edge"),
  bundle: await readFile(BUNDLE),
  decoder: new Decoder(await wasm("decode")),
});

// Account records by API key. A real proxy looks them up by a digest of the key.
const accounts = new Map([
  ["sk-us-person", gate.account({ us_person: true })],
  ["sk-foreign", gate.account({ us_person: false })],
]);

const server = createServer((request, response) => {
  handle(request, response).catch((cause) => {
    // Without a verdict nothing is forwarded.
    console.error(cause);
    send(response, 503, { "content-type": "text/plain" }, "The request could not be checked.\n");
  });
});
server.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`proxy ready on http://127.0.0.1:${server.address().port}`);
});

async function handle(request, response) {
  const { method, url, headers } = request;
  const key = /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1];
  const facts = { account: accounts.get(key) };
  // The gate reads exactly the headers and the bytes that are forwarded.
  const screening = gate.open({ method, url, headers }, facts);
  try {
    const body = await held(request, (piece) => screening?.feed(piece));
    if (body === undefined)
      return send(response, 413, { "content-type": "text/plain" }, "The body is too large.\n");
    if (screening !== undefined) {
      screening.caseId = randomUUID();
      const { verdict, reason } = screening.finish();
      console.log(JSON.stringify({ case: screening.caseId, verdict, reason }));
      const { refusal } = screening;
      if (refusal !== undefined)
        return send(response, refusal.status, Object.fromEntries(refusal.headers), refusal.body);
      // `defer` means that only the response shows which model ran, and this proxy reads none.
      if (verdict !== "pass")
        return send(response, 403, { "content-type": "text/plain" }, "Name a model.\n");
    }
    await pass(request, body, response);
  } finally {
    screening?.release();
  }
}

/** The whole body, of which each piece goes to `read` too; undefined if it is too large. */
async function held(request, read) {
  const pieces = [];
  let size = 0;
  for await (const piece of request) {
    size += piece.length;
    if (size > BODY_BYTES) return undefined;
    pieces.push(piece);
    read(piece);
  }
  return Buffer.concat(pieces);
}

/** Forwards the request with a length of its own, and streams the response back. */
function pass({ method, url, headers }, body, response) {
  const { connection, "transfer-encoding": coding, ...kept } = headers;
  const { hostname, port, host } = new URL(ORIGIN);
  return new Promise((resolve, reject) => {
    const sent = forward(
      {
        hostname,
        port,
        method,
        path: url,
        headers: { ...kept, host, "content-length": body.length },
      },
      (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response).on("finish", resolve).on("error", reject);
      },
    );
    sent.on("error", reject).end(body);
  });
}

function send(response, status, headers, body) {
  if (!response.headersSent) response.writeHead(status, headers);
  response.end(body);
}
