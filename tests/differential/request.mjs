/**
 * Well-formed requests, as clients send them.
 *
 * What mutations change is kept in parts: JSON and forms as lists of written names and values,
 * multipart as lists of parts. Bodies are byte strings, one character for each byte.
 */
import { CLOSED, OPEN } from "./judge.mjs";

/** Spellings of a closed model that some server resolves. */
const CLOSED_SPELLINGS = [
  "mythos-5",
  "mythos-5",
  "mythos-5",
  "MYTHOS-5",
  "Mythos-5",
  "openai/mythos-5",
  "anthropic/mythos-5-20260601",
  "mythos-5@20260601",
  "us.anthropic.mythos-5-v1:0",
  "models/mythos-5",
  "mythos_5",
  "mythos-5:thinking",
  " mythos-5",
  "haiku-4,mythos-5",
  CLOSED[1],
];

/** The carriers that a batch may hold: all but WebSockets, uploads and other batches. */
const PARTS = ["json", "form", "none", "base64"];

const PROMPTS = [
  "hi",
  "what is mythos-5?",
  "caf\u00e9 \u4f60\u597d \ud83d\ude00",
  'say "model": "mythos-5"',
  "line\nline\ttab\\",
  "",
];

/** Makes a request. `operations` are those that a batch may hold. */
export function request(chance, operation, closed, operations) {
  const carrier = chance.of(operation.carriers);
  const id = () => (closed ? chance.of(CLOSED_SPELLINGS) : chance.of(OPEN));
  const inPath = operation.path.includes("{model");
  // One location names the closed model. The others look harmless.
  const spots = [
    ...(inPath ? ["path"] : []),
    ...(operation.query ? ["query"] : []),
    ...(operation.locations.length > 0 || operation.container
      ? ["body", "body", "body", "body"]
      : []),
  ];
  const spot = chance.of(spots);
  const at = (location) => (location === spot ? id() : chance.of(OPEN));
  const made = {
    operation,
    method: operation.method,
    path: operation.path.replace(/\{model(\.{3})?\}/, (_, rest) =>
      encodeURIComponent(at("path"))
        .replaceAll("%2F", rest === undefined ? "%2F" : "/")
        .replaceAll("%3A", ":")
        .replaceAll("%40", "@"),
    ),
    query: [],
    headers: [["accept", "application/json"]],
    body: { kind: "none" },
    mutations: [],
    closed,
  };
  if (operation.list)
    made.expected = {
      kind: "bypass",
      verdicts: ["deny", "refuse"],
      reasons: ["filtered"],
      among: ["front-admin", "end-blank", "upgrade-odd", "upgrade-twice", "upgrade-protocol"],
    };
  if (spot === "query" || (operation.query && chance.once(12)))
    made.query.push(["model", encodeURIComponent(at("query"))]);
  if (chance.once(8)) made.query.push(["api-version", "2026-06-01"]);
  if (chance.once(10))
    made.headers.push([chance.of(["x-request-id", "user-agent", "x-stainless-lang"]), "abc"]);
  bodies[carrier](chance, made, operation, () => at("body"), { closed, operations });
  return made;
}

/**
 * Requests that act on a stored object and run no model. The id of the object is no verb, whatever
 * its text.
 */
const QUIET = [
  ["POST", "/v1/chat/completions/chatcmpl-AbC123", { metadata: { a: "b" } }],
  ["POST", "/v1/chat/completions/mythos-5-abc1", { metadata: { a: "b" } }],
  ["POST", "/v1/threads/thread_abc123", { metadata: { a: "b" } }],
  ["POST", "/v1/threads/thread_abc123/runs/run_abc123", { metadata: { a: "b" } }],
  ["POST", "/v1/vector_stores/vs_abc123", { name: "mythos-5" }],
  ["POST", "/v1/batches/batch_abc123/cancel"],
  ["POST", "/v1/organization/projects/proj_1", { name: "mythos-5" }],
  ["PATCH", "/v1beta/cachedContents/c1", { ttl: "600s" }],
  ["POST", "/api/v1/workspaces/w1/members/add", { user_ids: ["u"] }],
  ["PUT", "/client/v4/accounts/a/ai-gateway/gateways/g1", { cache_ttl: 60, collect_logs: true }],
  // Google's own client declares a file with that type.
  [
    "POST",
    "/upload/v1beta/fileSearchStores/s1:uploadToFileSearchStore?upload_id=u1&upload_protocol=resumable",
    "Plain notes about a tower. No JSON here.",
    ["pass", "defer"],
  ],
  ["DELETE", "/v1/files/file-mythos-5"],
  ["GET", "/v1/files/file-mythos-5/content"],
  ["GET", "/v1/vector_stores/vs_mythos-5"],
];

const bodies = {
  none() {},
  quiet(chance, made) {
    const [method, path, body, verdicts = ["pass"]] = chance.of(QUIET);
    Object.assign(made, { method, path });
    if (body !== undefined) made.headers.push(["content-type", "application/json"]);
    if (typeof body === "object")
      made.body = {
        kind: "json",
        members: Object.entries(body).map((member) => member.map((one) => JSON.stringify(one))),
        space: "",
      };
    if (typeof body === "string")
      Object.assign(made, { raw: body, body: { kind: "json", members: [] } });
    made.expected = {
      kind: "over-block",
      verdicts,
      reasons: [],
      among: ["upgrade-odd", "upgrade-twice", "upgrade-protocol", "same-charset", "same-twice"],
    };
  },
  json(chance, made, operation, id) {
    made.headers.push([
      "content-type",
      chance.weighed([
        [8, "application/json"],
        [1, "application/json; charset=utf-8"],
        [1, "application/json;charset=UTF-8"],
      ]),
    ]);
    made.body = {
      kind: "json",
      members: members(chance, operation, id),
      space: chance.weighed([
        [4, ""],
        [1, " "],
        [1, "\n  "],
      ]),
    };
  },
  /** The first message of a WebSocket. */
  message(chance, made, operation, id) {
    made.headers.push(
      ["upgrade", "websocket"],
      ["connection", "Upgrade"],
      ["sec-websocket-version", "13"],
    );
    if (operation.id === "realtime") made.query.push(["model", chance.of(OPEN)]);
    const type = { realtime: "session.update", voice: "start" }[operation.id] ?? "response.create";
    made.body = {
      kind: "json",
      members: [['"type"', `"${type}"`], ...members(chance, operation, id)],
      space: chance.weighed([
        [4, ""],
        [1, " "],
      ]),
    };
    made.socket = true;
  },
  form(chance, made, operation, id) {
    made.headers.push(["content-type", "application/x-www-form-urlencoded"]);
    made.body = {
      kind: "form",
      fields: [
        ["model", encodeURIComponent(id())],
        ["prompt", encodeURIComponent(chance.of(PROMPTS)).replaceAll("%20", "+")],
        ["n", "1"],
      ],
    };
    if (chance.once(3)) made.body.fields.reverse();
  },
  multipart(chance, made, operation, id) {
    const parts = [];
    const session = operation.locations.includes("session!model");
    if (session)
      parts.push(
        part("session", JSON.stringify({ type: "realtime", model: id() }), [
          "Content-Type: application/json",
        ]),
      );
    else parts.push(part("model", utf8(id())));
    if (operation.locations.includes("svg/model") && chance.once(4))
      parts.push(part("svg[model]", utf8(id())));
    if (operation.file !== undefined)
      parts.push(
        file(
          operation.file,
          "a.bin",
          chance.of(["\x89PNG\r\n\x1a\n\x00\xff", "RIFF\x00\x00--x\r\n-", "text"]),
        ),
      );
    parts.push(part("prompt", utf8(chance.of(PROMPTS))));
    multipart(chance, made, parts);
  },
  batch(chance, made, operation, id) {
    const line = (number) =>
      JSON.stringify({
        custom_id: `r${number}`,
        method: "POST",
        url: "/v1/chat/completions",
        body: { model: id(), messages: [{ role: "user", content: chance.of(PROMPTS) }] },
      });
    const lines = Array.from({ length: 1 + chance.below(3) }, (_, number) =>
      utf8(line(number)),
    ).join("\n");
    multipart(chance, made, [
      part(
        "purpose",
        chance.weighed([
          [5, "batch"],
          [1, "user_data"],
        ]),
      ),
      file("file", "in.jsonl", `${lines}\n`, "application/jsonl"),
    ]);
  },
  /** A document in Base64 at one of the operation's locations. */
  base64(chance, made, operation, id) {
    made.headers.push(["content-type", "application/json"]);
    const [outer, inner] = operation.locations
      .find((location) => location.includes("~"))
      .split("~");
    const list = members(chance, { locations: [inner] }, id);
    if (chance.once(2))
      list.push(
        ['"note"', JSON.stringify(chance.of(["<<<???>>>~~~", "\u03ff\u03fe\u07ff", "~"]))].map(
          utf8,
        ),
      );
    made.body = {
      kind: "base64",
      outer: outer.split("/"),
      members: list,
      space: chance.weighed([
        [4, ""],
        [1, " "],
      ]),
      twists: [],
    };
  },
  /** Whole requests, as in Google's batches. One of them names a closed model. */
  requests(chance, made, _, __, { closed, operations }) {
    const fit = operations
      .map(({ carriers, ...rest }) => ({
        ...rest,
        carriers: carriers.filter((carrier) => PARTS.includes(carrier)),
      }))
      .filter(({ carriers }) => carriers.length > 0);
    const count = 1 + chance.below(3);
    const at = closed ? chance.below(count) : count;
    const parts = Array.from({ length: count }, (_, number) =>
      numbered(
        chance,
        number,
        request(
          chance,
          chance.weighed(fit.map((operation) => [operation.weight, operation])),
          number === at,
        ),
      ),
    );
    const boundary = chance.of(["batch_foobarbaz", "x", "===============7330845974216740156=="]);
    made.headers.push([
      "content-type",
      `multipart/mixed; boundary=${boundary.includes("=") ? `"${boundary}"` : boundary}`,
    ]);
    if (chance.once(4)) made.headers.push(["authorization", "Bearer k"]);
    made.body = {
      kind: "requests",
      media: "multipart/mixed",
      boundary,
      parts,
      end: "\r\n",
      preamble: "",
      close: "--",
      epilogue: "\r\n",
    };
  },
};

/** Makes a part of a batch from a request. Clients declare the length of a body other than JSON. */
function numbered(chance, number, inner) {
  const headers = ["Content-Type: application/http"];
  if (chance.once(2)) headers.push(`Content-ID: <item${number}>`);
  if (chance.once(3)) headers.push("Content-Transfer-Encoding: binary");
  return {
    headers,
    inner,
    version: " HTTP/1.1",
    length: inner.body.kind === "form" || chance.once(2) ? 0 : undefined,
    end: "\r\n",
    front: "",
    tail: chance.weighed([
      [4, ""],
      [1, "\r\n"],
    ]),
  };
}

/** Returns written names and values of an object with models at the operation's locations. */
function members(chance, operation, id) {
  const said = (text) => JSON.stringify(text);
  const content = [said("messages"), `[{"role":"user","content":${said(chance.of(PROMPTS))}}]`];
  const list = [
    content,
    [said("max_tokens"), "16"],
    [said("stream"), chance.of(["true", "false"])],
  ];
  if (chance.once(4))
    list.push([said("metadata"), said({ kind: "x" }).slice(0)], [said("temperature"), "0.7e0"]);
  const others = operation.locations.filter(
    (location) => location.includes("/") && !/[#!~]/.test(location),
  );
  if (operation.locations.includes("model") || operation.locations.length === 0)
    list.push([said("model"), said(id())]);
  else if (operation.locations.includes("model_id")) list.push([said("model_id"), said(id())]);
  if (others.length > 0 && (chance.once(3) || !operation.locations.includes("model")))
    list.push(placed(chance.of(others), id));
  for (let at = list.length - 1; at > 0; at -= 1) {
    const other = chance.below(at + 1);
    [list[at], list[other]] = [list[other], list[at]];
  }
  return list.map((member) => member.map(utf8));
}

/** Returns `fallbacks/*\/model` as a member. */
function placed(location, id) {
  const [name, ...rest] = location.split("/");
  const inner = rest.reduceRight(
    (value, key) => (key === "*" ? `[${value}]` : `{${JSON.stringify(key)}:${value}}`),
    JSON.stringify(id()),
  );
  return [JSON.stringify(name), inner];
}

function part(name, data, headers = []) {
  return { headers: [`Content-Disposition: form-data; name="${name}"`, ...headers], data };
}

function file(name, filename, data, type = "application/octet-stream") {
  return {
    headers: [
      `Content-Disposition: form-data; name="${name}"; filename="${filename}"`,
      `Content-Type: ${type}`,
    ],
    data,
  };
}

function multipart(chance, made, parts) {
  const boundary = chance.of(["----WebKitFormBoundaryAbC123", "x", "c0ffee-0123456789"]);
  made.headers.push(["content-type", `multipart/form-data; boundary=${boundary}`]);
  made.body = {
    kind: "multipart",
    media: "multipart/form-data",
    boundary,
    parts,
    end: "\r\n",
    preamble: "",
    close: "--",
    epilogue: "\r\n",
  };
}

/** Returns UTF-8 as a byte string. */
export function utf8(text) {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** Returns the request as it goes over the wire, in the form of `portcullis decide`. */
export function written(made) {
  const query = made.query
    .map(([name, value]) => (value === undefined ? name : `${name}=${value}`))
    .join(made.ampersand ?? "&");
  return {
    method: made.method,
    target: made.path + (query === "" ? "" : `?${query}`),
    headers: made.headers,
    body: made.raw ?? bytes(made.body),
    trailers: made.trailers,
    mutations: made.mutations,
    closed: made.closed,
    twin: made.twin,
    expected: made.expected,
    socket: made.socket,
    kind: KINDS[made.body.kind] ?? made.body.kind,
    carrier: carrier(made),
  };
}

/** The names in the figures. */
const KINDS = { none: "target", requests: "batch" };

/** Returns the most notable feature of a request. The figures count by it. */
function carrier({ socket, trailers, body }) {
  if (socket === true) return "message";
  if (trailers !== undefined) return "trailers";
  return KINDS[body.kind] ?? body.kind;
}

/** Writes a request of a batch as the content of its part. */
export function spoken({ inner, version, length, end, front, tail }) {
  const { method, target, headers, body } = written(inner);
  const lines = [
    `${method} ${target}${version}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  if (length !== undefined)
    lines.push(`Content-Length: ${typeof length === "number" ? body.length + length : length}`);
  return `${front}${lines.map((line) => line + end).join("")}${end}${body}${tail}`;
}

/** Returns the body as a byte string. */
export function bytes(body) {
  switch (body.kind) {
    case "json":
      return document(body);
    case "base64": {
      const coded = body.twists.reduce(
        (text, twist) => twist(text),
        Buffer.from(document(body), "latin1").toString("base64"),
      );
      const inner = body.outer.reduceRight(
        (value, key) => `{${JSON.stringify(key)}:${value}}`,
        body.quoted === false ? coded : `"${coded}"`,
      );
      return body.outer[0] === "data"
        ? `{"contentType":"application/json",${inner.slice(1)}`
        : inner;
    }
    case "form":
      return body.fields
        .map(([name, value]) => (value === undefined ? name : `${name}=${value}`))
        .join(body.ampersand ?? "&");
    case "requests":
      return bytes({
        ...body,
        kind: "multipart",
        parts: body.parts.map((part) => ({
          headers: part.headers,
          data: part.data ?? spoken(part),
        })),
      });
    case "multipart": {
      const { boundary, end, parts, preamble, close, epilogue } = body;
      const each = parts.map(
        ({ headers, data }) =>
          `--${boundary}${end}${headers.map((header) => header + end).join("")}${end}${data}${end}`,
      );
      return `${preamble}${each.join("")}--${boundary}${close}${epilogue}`;
    }
    default:
      return "";
  }
}

function document({ front = "", members, space, tail = "" }) {
  return `${front}{${members.map(([name, value]) => `${space}${name}:${space}${value}`).join(",")}${space}}${tail}`;
}
