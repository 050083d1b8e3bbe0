/**
 * Reads requests as JavaScript servers do: V8's JSON.parse, body-parser, undici's FormData, busboy,
 * URLSearchParams, querystring, qs. Batches are split by dicer, and Node's own HTTP parser reads a
 * part as a connection.
 */
import { Readable } from "node:stream";
import querystring from "node:querystring";
import { createInterface } from "node:readline";
import { HTTPParser, methods } from "node:_http_common";
import { Dicer } from "@fastify/busboy";
import bodyParser from "body-parser";
import busboy from "busboy";
import qs from "qs";
import { ParserResult } from "./result.mjs";

const express = {
  json: bodyParser.json({ type: () => true, strict: false }),
  typed: bodyParser.json({ type: ["json", "+json"] }),
  simple: bodyParser.urlencoded({ extended: false }),
  extended: bodyParser.urlencoded({ extended: true }),
};

async function read(request) {
  const result = new ParserResult(request);
  const body = Buffer.from(request.body, "base64");
  const types = request.headers
    .filter(([name]) => name.toLowerCase() === "content-type")
    .map(([, value]) => value);
  // Node's server keeps the first of several content types. Headers joins them.
  const headers = { "content-type": types[0], "content-length": String(body.length) };
  const at = request.target.indexOf("?");
  query(result, at < 0 ? "" : request.target.slice(at + 1));
  if (request.trailers.length > 0) {
    const head = `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${request.trailers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
    const heard = messages(Buffer.from(head, "latin1"));
    for (const [name, value] of heard?.[0]?.trailers ?? [])
      if (name.toLowerCase().replaceAll("_", "-") === "x-model")
        result.query("llhttp-trailer", [["model", value]]);
  }
  if (body.length === 0) return result.told();
  if (request.container) await inTime(result, "dicer", unpack(result, types[0], body));

  result.document("v8", () => JSON.parse(new TextDecoder().decode(body)));
  result.document(
    "v8-lines",
    () =>
      body
        .toString("utf8")
        .split("\n")
        .filter((line) => line.trim() !== "")
        .map((line) => JSON.parse(line)),
    { lines: true },
  );
  await Promise.all(
    Object.entries(express).map(async ([name, parse]) => {
      const fake = Object.assign(Readable.from([body]), { headers });
      await inTime(
        result,
        `express-${name}`,
        new Promise((resolve) => {
          parse(fake, {}, (error) => {
            const parsed = fake.body !== undefined;
            if (error !== undefined) result.reject(`express-${name}`);
            else if (parsed && (name === "json" || name === "typed"))
              result.document(`express-${name}`, () => fake.body);
            else if (parsed) result.object(`express-${name}`, fake.body);
            resolve();
          });
        }),
      );
    }),
  );
  if (types.some((type) => /multipart|form/i.test(type))) {
    if (types.some((type) => /urlencoded/i.test(type)))
      result.fields("urlsearchparams", [...new URLSearchParams(body.toString("utf8"))]);
    await Promise.all([
      inTime(result, "undici", undici(result, types, body)),
      inTime(result, "busboy", busboyed(result, headers, body)),
    ]);
  }
  return result.told();
}

function query(result, text) {
  if (text === "") return;
  result.query("urlsearchparams", [...new URLSearchParams(text)]);
  for (const [name, parse] of [
    ["querystring", querystring.parse],
    ["qs", qs.parse],
  ]) {
    const parsed = parse(text);
    result.query(
      name,
      Object.keys(parsed).map((key) => [key, parsed[key]]),
    );
  }
}

async function undici(result, types, body) {
  try {
    const form = await new Response(body, {
      headers: types.map((type) => ["content-type", type]),
    }).formData();
    const fields = [];
    for (const [name, value] of form)
      fields.push([
        name,
        typeof value === "string" ? value : Buffer.from(await value.arrayBuffer()).toString("utf8"),
        typeof value !== "string",
      ]);
    result.fields("undici", fields);
  } catch {
    result.reject("undici");
  }
}

function busboyed(result, headers, body) {
  return new Promise((resolve) => {
    const fields = [];
    const end = (whole) => {
      // The application already has the fields before the fault.
      result.fields("busboy", fields);
      if (!whole) result.reject("busboy");
      resolve();
    };
    try {
      const parser = busboy({ headers });
      parser.on("field", (name, value) => fields.push([name ?? "", value ?? "", false]));
      parser.on("file", (name, stream) => {
        const pieces = [];
        stream.on("data", (piece) => pieces.push(piece));
        stream.on("error", () => {});
        stream.on("close", () =>
          fields.push([name ?? "", Buffer.concat(pieces).toString("utf8"), true]),
        );
      });
      parser.on("error", () => end(false));
      parser.on("close", () => end(true));
      parser.end(body);
    } catch {
      end(false);
    }
  });
}

/** Reads the parts of a batch, each as the messages of a connection. */
async function unpack(result, type, body) {
  const parts = await diced(type, body);
  if (parts === undefined) return result.reject("dicer");
  const found = [];
  for (const part of parts) {
    const end = part.indexOf("\r\n\r\n");
    let heard = messages(part);
    if (heard === undefined && end >= 0) {
      // A server that splits at the blank line takes everything after it as the body.
      heard = messages(part.subarray(0, end + 4));
      if (heard?.length === 1) heard[0].body = part.subarray(end + 4).toString("base64");
    }
    if (heard === undefined || heard.length === 0) result.reject("llhttp");
    else found.push(...heard);
  }
  result.unpacked("dicer", found);
}

function diced(type = "", body) {
  return new Promise((resolve) => {
    const boundary = /boundary="?([^";]+)"?/i.exec(type)?.[1];
    if (boundary === undefined) return resolve(undefined);
    const dicer = new Dicer({ boundary: boundary.trim() });
    const parts = [];
    dicer.on("part", (part) => {
      const pieces = [];
      parts.push(pieces);
      part.on("header", () => {});
      part.on("data", (piece) => pieces.push(piece));
      part.on("error", () => resolve(undefined));
    });
    dicer.on("finish", () => resolve(parts.map((pieces) => Buffer.concat(pieces))));
    dicer.on("error", () => resolve(undefined));
    dicer.end(body);
  });
}

/**
 * Returns the messages that Node's parser finds on a connection, or undefined if it rejects them.
 */
function messages(bytes) {
  const heard = [];
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {});
  let more = [];
  parser[HTTPParser.kOnHeaders] = (headers) => void more.push(...headers);
  parser[HTTPParser.kOnHeadersComplete] = (_major, _minor, headers, method, url) => {
    heard.push({
      method: methods[method] ?? "UNKNOWN",
      target: url ?? "",
      headers: paired(headers ?? more),
      body: [],
      trailers: [],
    });
    more = [];
    return 0;
  };
  parser[HTTPParser.kOnBody] = (piece) => void heard.at(-1).body.push(Buffer.from(piece));
  parser[HTTPParser.kOnMessageComplete] = () => {
    heard.at(-1).trailers = paired(more);
    heard.at(-1).whole = true;
    more = [];
  };
  const read = parser.execute(bytes);
  const end = read instanceof Error ? read : parser.finish();
  parser.close();
  if (end instanceof Error || heard.some(({ whole }) => whole !== true)) return undefined;
  return heard.map(({ body, whole: _, ...message }) => ({
    ...message,
    body: Buffer.concat(body).toString("base64"),
  }));
}

function paired(list) {
  return Array.from({ length: list.length / 2 }, (_, at) => [list[2 * at], list[2 * at + 1]]);
}

/** A parser that does not finish within this time, in milliseconds, has rejected the request. */
const PATIENCE = 2_000;

function inTime(result, parser, promise) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve(result.reject(parser)), PATIENCE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  process.stdout.write(
    `${JSON.stringify(request.operations === undefined ? await read(request) : { ready: true })}\n`,
  );
}
