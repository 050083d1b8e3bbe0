/** What the APIs of the stub origin need of a request. */
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";

/** The time of creation of every object, in seconds since the epoch. */
export const CREATED = 1_781_300_000;
/** All models. */
export const CATALOGUE = ["haiku-4", "sonnet-5", "mythos-5", "fable-5"];

/**
 * Returns `model`, `text` (the words of the response), `streamed` and `echo`, beside method, path,
 * headers and parsed body.
 */
export function call({ method, url, headers, body: sent, access }) {
  const body = undone(sent, headers["content-encoding"]);
  const [target, query = ""] = url.split(/\?(.*)/s);
  // Like lenient servers, it ignores blanks and `.json` at the end of a path.
  const path = target.replace(/(?:%20|%09|%C2%A0|\.json)+$/i, "");
  const parsed = json(body) ?? form(headers, body);
  const names = new URLSearchParams(query);
  // A request that refers to a stored object gets the model that the object's id mentions.
  const stored = JSON.stringify([
    parsed?.previous_response_id,
    parsed?.prompt,
    parsed?.assistant_id,
    parsed?.conversation,
  ]);
  return {
    method,
    path,
    headers,
    body: parsed,
    model:
      [
        parsed?.model,
        parsed?.model_id,
        parsed?.session?.model,
        names.get("model"),
        names.get("deployment"),
      ].find((name) => typeof name === "string") ??
      CATALOGUE.find((id) => stored.includes(id)) ??
      "haiku-4",
    text: `You said: ${lastText(parsed)}`,
    streamed: parsed?.stream === true,
    echo: {
      method,
      url,
      headers,
      body: body.toString("utf8"),
      ...(access === undefined ? {} : { access }),
    },
  };
}

const CODINGS = {
  gzip: gunzipSync,
  "x-gzip": gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

/**
 * Returns a body without its content codings. A body with an unknown or broken coding stays
 * unchanged.
 */
export function undone(body, codings = "") {
  try {
    return codings
      .split(",")
      .map((name) => name.trim().toLowerCase())
      .filter((name) => name !== "" && name !== "identity")
      .reduceRight((bytes, name) => CODINGS[name](bytes, { maxOutputLength: 64 << 20 }), body);
  } catch {
    return body;
  }
}

/** Returns the pieces of a text as a stream sends them. */
export function words(text) {
  return text.split(/(?<= )/);
}

function json(body) {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Returns the text fields of a multipart form. */
function form(headers, body) {
  const boundary = /boundary="?([^";]+)/.exec(headers["content-type"] ?? "")?.[1];
  if (boundary === undefined) return undefined;
  const fields = {};
  for (const part of body.toString("latin1").split(`--${boundary}`)) {
    const field =
      /^\r\ncontent-disposition: form-data; name="([^"]+)"\r\n(?:content-[^\r]*\r\n)*\r\n(.*)\r\n$/is.exec(
        part,
      );
    if (field !== null) fields[field[1]] = field[2] === "true" ? true : field[2];
  }
  return fields;
}

function lastText(body) {
  const last =
    body?.messages?.at?.(-1) ??
    body?.contents?.at?.(-1) ??
    body?.instances?.at?.(-1) ??
    body?.input ??
    body?.prompt ??
    "";
  const text = last.content ?? last.parts ?? last;
  if (typeof text === "string") return text;
  return Array.isArray(text) && typeof text[0]?.text === "string"
    ? text.map((part) => part.text).join("")
    : JSON.stringify(text);
}
