/** What JavaScript servers read: V8's JSON.parse, body-parser, undici's FormData, busboy, URLSearchParams, querystring, qs. */
import { Readable } from "node:stream";
import querystring from "node:querystring";
import { createInterface } from "node:readline";
import bodyParser from "body-parser";
import busboy from "busboy";
import qs from "qs";
import { Reading } from "./reading.mjs";

const express = {
  json: bodyParser.json({ type: () => true, strict: false }),
  typed: bodyParser.json({ type: ["json", "+json"] }),
  simple: bodyParser.urlencoded({ extended: false }),
  extended: bodyParser.urlencoded({ extended: true }),
};

async function read(request) {
  const reading = new Reading(request.places);
  const body = Buffer.from(request.body, "base64");
  const types = request.headers.filter(([name]) => name.toLowerCase() === "content-type").map(([, value]) => value);
  // Node's server keeps the first of several content types; Headers joins them.
  const headers = { "content-type": types[0], "content-length": String(body.length) };
  const at = request.target.indexOf("?");
  query(reading, at < 0 ? "" : request.target.slice(at + 1));
  if (body.length === 0) return reading.told();

  reading.document("v8", () => JSON.parse(new TextDecoder().decode(body)));
  reading.document("v8-lines", () => body.toString("utf8").split("\n").filter((line) => line.trim() !== "").map((line) => JSON.parse(line)), { lines: true });
  await Promise.all(
    Object.entries(express).map(async ([name, parse]) => {
      const fake = Object.assign(Readable.from([body]), { headers });
      await inTime(reading, `express-${name}`, new Promise((resolve) => {
        parse(fake, {}, (error) => {
          const parsed = fake.body !== undefined;
          if (error !== undefined) reading.reject(`express-${name}`);
          else if (parsed && (name === "json" || name === "typed")) reading.document(`express-${name}`, () => fake.body);
          else if (parsed) reading.object(`express-${name}`, fake.body);
          resolve();
        });
      }));
    }),
  );
  if (types.some((type) => /multipart|form/i.test(type))) {
    if (types.some((type) => /urlencoded/i.test(type))) reading.fields("urlsearchparams", [...new URLSearchParams(body.toString("utf8"))]);
    await Promise.all([inTime(reading, "undici", undici(reading, types, body)), inTime(reading, "busboy", busboyed(reading, headers, body))]);
  }
  return reading.told();
}

function query(reading, text) {
  if (text === "") return;
  reading.query("urlsearchparams", [...new URLSearchParams(text)]);
  for (const [name, parse] of [["querystring", querystring.parse], ["qs", qs.parse]]) {
    const parsed = parse(text);
    reading.query(name, Object.keys(parsed).map((key) => [key, parsed[key]]));
  }
}

async function undici(reading, types, body) {
  try {
    const form = await new Response(body, { headers: types.map((type) => ["content-type", type]) }).formData();
    const fields = [];
    for (const [name, value] of form) fields.push([name, typeof value === "string" ? value : Buffer.from(await value.arrayBuffer()).toString("utf8"), typeof value !== "string"]);
    reading.fields("undici", fields);
  } catch {
    reading.reject("undici");
  }
}

function busboyed(reading, headers, body) {
  return new Promise((resolve) => {
    const fields = [];
    const end = (whole) => {
      // What came before the fault was handed to the application already.
      reading.fields("busboy", fields);
      if (!whole) reading.reject("busboy");
      resolve();
    };
    try {
      const parser = busboy({ headers });
      parser.on("field", (name, value) => fields.push([name ?? "", value ?? "", false]));
      parser.on("file", (name, stream) => {
        const pieces = [];
        stream.on("data", (piece) => pieces.push(piece));
        stream.on("error", () => {});
        stream.on("close", () => fields.push([name ?? "", Buffer.concat(pieces).toString("utf8"), true]));
      });
      parser.on("error", () => end(false));
      parser.on("close", () => end(true));
      parser.end(body);
    } catch {
      end(false);
    }
  });
}

/** A parser that never says that it is done has rejected the request. */
const PATIENCE = 2_000;

function inTime(reading, parser, promise) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve(reading.reject(parser)), PATIENCE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(request.operations === undefined ? await read(request) : { ready: true })}\n`);
}
