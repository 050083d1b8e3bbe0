/**
 * Mutations beyond the syntax of bodies, in classes: each was once a bypass or an over-block.
 *
 * Some set the verdict that the gate must give (`made.expected`). It holds if the request has no
 * other mutations than those listed in it.
 */
import { CLOSED, OPEN } from "./judge.mjs";
import { VERBS } from "./operation.mjs";
import { utf8 } from "./request.mjs";

const anyId = (chance) =>
  chance.weighed([
    [3, CLOSED[0]],
    [1, OPEN[0]],
  ]);
const closedId = (chance) =>
  chance.of([
    "mythos-5",
    "MYTHOS-5",
    "openai/mythos-5",
    "mythos-5-20260601",
    "us.acme.mythos-5-v1:0",
  ]);
const KEYS = [
  "answering_model",
  "reasoning_models",
  "selectedModelId",
  "model-name",
  "modelName",
  "target_deployment_name",
  "deployment",
  "engine",
  "defaultModel",
  "router_model_id",
  "judge-models",
  "MODEL_ID",
  "searchEngine",
  "LLMModel",
  `${"very_".repeat(8)}long_model`,
];
/** Keys that are not called like a model, although their names contain one. */
const OTHERS = [
  "supermodel",
  "remodel",
  "model_kwargs",
  "user_id",
  "display_name",
  "modelling",
  "engineer",
  "title",
  "suffix",
  "user",
];

/** The forms that an id takes under such a key. */
const values = (id) => [
  id,
  id,
  id,
  [id],
  [OPEN[0], id],
  { id },
  { name: id },
  [{ id }],
  [{ name: id }],
];
const member = (name, value) => [name, value].map((one) => utf8(JSON.stringify(one)));
const nameOf = ([name]) => {
  try {
    return JSON.parse(Buffer.from(name, "latin1").toString("utf8"));
  } catch {
    return undefined;
  }
};

/** Replaces all members of the same name by one. */
function put(chance, made, name, value) {
  const left = made.body.members.filter((one) => nameOf(one) !== name);
  left.splice(chance.below(left.length + 1), 0, member(name, value));
  made.body.members = left;
}

/** Wraps a value in parameters of gateways and in undocumented parameters. */
const WRAPS = [
  (x) => ["extra_body", x],
  (x) => ["extra_body", { extra_body: x }],
  (x) => ["compound_custom", { models: x }],
  (x) => ["providerOptions", { gateway: x }],
  (x) => ["model_list", [{ model_name: OPEN[0], litellm_params: x }]],
  (x) => ["router", { targets: [{ override_params: x }] }],
  (x) => ["options", x],
  (x) => ["x", [[x]]],
  ...[9, 40, 90].map((depth) => (x) => [
    "config",
    Array.from({ length: depth }).reduce((inner) => ({ next: inner }), x),
  ]),
  // Called like the user's own data, but at a location that holds none.
  (x) => ["config", { metadata: x }],
  (x) => ["user_metadata", x],
  (x) => ["options", { messages: [x] }],
  (x) => ["options", { parameters: { properties: x } }],
  (x) => ["x", { response_format: { json_schema: { schema: x } } }],
  (x) => ["x", { contents: [{ parts: [x] }], input: [{ content: x }] }],
];

/** The user's own data of each operation, with an object inside. */
const schema = (x) => ({
  type: "object",
  properties: Object.fromEntries(
    Object.entries(x).map(([key, value]) => [
      key,
      { type: "string", enum: [value].flat(), default: value },
    ]),
  ),
  default: x,
});
const chat = [
  (x) => ["messages", [{ role: "user", content: [{ type: "text", text: "hi", ...x }] }]],
  (x) => [
    "messages",
    [
      {
        role: "assistant",
        tool_calls: [{ id: "c1", type: "function", function: { name: "f", arguments: x } }],
      },
      { role: "tool", tool_call_id: "c1", content: [x] },
    ],
  ],
  (x) => ["tools", [{ type: "function", function: { name: "f", parameters: schema(x) } }]],
  (x) => [
    "response_format",
    { type: "json_schema", json_schema: { name: "a", schema: schema(x) } },
  ],
  (x) => ["functions", [{ name: "f", parameters: schema(x) }]],
];
const responses = [
  (x) => [
    "input",
    [{ type: "message", role: "user", content: [{ type: "input_text", text: "hi", ...x }] }],
  ],
  (x) => [
    "input",
    [
      {
        type: "function_call_output",
        call_id: "c1",
        output: [{ type: "input_text", text: "hi", ...x }],
      },
    ],
  ],
  (x) => ["text", { format: { type: "json_schema", name: "a", schema: schema(x) } }],
  (x) => ["tools", [{ type: "function", name: "f", parameters: schema(x) }]],
];
const messages = [
  (x) => [
    "messages",
    [{ role: "assistant", content: [{ type: "tool_use", id: "t1", name: "f", input: x }] }],
  ],
  (x) => [
    "messages",
    [
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "t1", content: [{ type: "text", text: "hi", ...x }] },
        ],
      },
    ],
  ],
  (x) => ["tools", [{ name: "f", input_schema: schema(x) }]],
];
const gemini = [
  (x) => [
    "contents",
    [
      {
        role: "user",
        parts: [
          { functionCall: { name: "f", args: x } },
          { functionResponse: { name: "f", response: x } },
        ],
      },
    ],
  ],
  (x) => ["tools", [{ functionDeclarations: [{ name: "f", parameters: schema(x) }] }]],
  (x) => ["generationConfig", { responseSchema: schema(x) }],
];
const USER = {
  chat,
  openrouter: chat,
  responses,
  "responses-socket": [
    ...responses,
    ...responses.map((data) => (x) => [
      "response",
      { model: OPEN[0], ...Object.fromEntries([data(x)]) },
    ]),
  ],
  realtime: [
    (x) => [
      "session",
      { model: OPEN[0], tools: [{ type: "function", name: "f", parameters: schema(x) }] },
    ],
  ],
  messages,
  "message-batches": messages.map((data) => (x) => [
    "requests",
    [
      {
        custom_id: "a",
        params: { model: OPEN[0], max_tokens: 8, ...Object.fromEntries([data(x)]) },
      },
    ],
  ]),
  gemini,
  vertex: gemini,
  bedrock: messages,
  "ollama-chat": [...chat.slice(0, 3), (x) => ["format", schema(x)]],
  cohere: [...chat.slice(0, 3), (x) => ["documents", [{ id: "d", data: x }]]],
};
const METADATA = (x) => ["metadata", x];
const isJson = ({ raw, body }) => raw === undefined && body.kind === "json";

/** A name at an undocumented location. */
const undocumented = {
  "location-top": (chance, made) =>
    isJson(made) && put(chance, made, chance.of(KEYS), chance.of(values(anyId(chance)))),
  "location-deep": (chance, made) =>
    isJson(made) &&
    put(
      chance,
      made,
      ...chance.of(WRAPS)({ [chance.of(["model", ...KEYS])]: chance.of(values(anyId(chance))) }),
    ),
  "location-other": (chance, made) =>
    isJson(made) && put(chance, made, chance.of(OTHERS), closedId(chance)),
  "location-user-data": (chance, made) =>
    isJson(made) &&
    !made.mutations.includes("end-verb") &&
    put(
      chance,
      made,
      ...chance.of([...(USER[made.operation.id] ?? []), METADATA])({
        [chance.of(["model", ...KEYS])]: chance.of(values(closedId(chance))),
      }),
    ),
  "location-field": (chance, made) => {
    const name = chance.of([
      chance.of(KEYS),
      `options[${chance.of(KEYS)}]`,
      `x[y][${chance.of(KEYS)}]`,
      `${chance.of(KEYS)}[]`,
      `${chance.of(["model", "judge_model"])}[${chance.of(["id", "name"])}]`,
      `options.${chance.of(KEYS)}`,
    ]);
    const id = anyId(chance);
    if (made.raw !== undefined) return false;
    const session =
      made.body.kind === "multipart" &&
      made.body.parts.find(
        ({ headers }) =>
          headers.includes("Content-Type: application/json") && headers[0].includes("session"),
      );
    if (session && chance.once(2))
      session.data = session.data.replace(
        /\}$/,
        `,${member(...chance.of(WRAPS)({ [chance.of(["model", ...KEYS])]: id })).join(":")}}`,
      );
    else if (made.body.kind === "form")
      made.body.fields.splice(chance.below(made.body.fields.length + 1), 0, [
        name,
        encodeURIComponent(id),
      ]);
    else if (made.body.kind === "multipart")
      made.body.parts.splice(chance.below(made.body.parts.length + 1), 0, {
        headers: [`Content-Disposition: form-data; name="${name}"`],
        data: id,
      });
    else return false;
  },
  "location-query": (chance, made) =>
    void made.query.push([
      chance.of([
        chance.of(KEYS),
        chance.of(KEYS),
        `options[${chance.of(KEYS)}]`,
        `${chance.of(KEYS)}[]`,
        "models[0]",
        "filter.model",
        "m%6fdel-name",
      ]),
      encodeURIComponent(anyId(chance)),
    ]),
};

/** Changes the body of a line in a batch file. Returns false if there is no such line. */
function line(made, change) {
  const part =
    made.raw === undefined && made.body.kind === "multipart"
      ? made.body.parts.find(({ headers }) => headers.some((header) => header.includes("jsonl")))
      : undefined;
  if (part === undefined) return false;
  const lines = part.data.trimEnd().split("\n");
  try {
    const last = JSON.parse(Buffer.from(lines.at(-1), "latin1").toString("utf8"));
    if (change(last.body) === false) return false;
    part.data = [...lines.slice(0, -1), utf8(JSON.stringify(last)), ""].join("\n");
  } catch {
    return false;
  }
}

// --- Two readings of one header ---

const UPGRADES = [
  "websocket,",
  "websocket, x",
  "h2c, websocket",
  ",websocket",
  "websocket,websocket",
  "web socket",
  "websocket;",
  "websocket/13",
  "WebSocket",
  "WEBSOCKET",
  "websocket",
  "h2c",
  "",
  "websockets",
  '"websocket"',
];

/**
 * Says whether a proxy relays the head as a WebSocket: `GET` with exactly one `Upgrade` of
 * `websocket`, or HTTP/2's `CONNECT`.
 */
export function isSocket({ method, headers }) {
  const said = headers
    .filter(([name]) => name.toLowerCase() === "upgrade")
    .map(([, value]) => value.toLowerCase());
  if (method.toUpperCase() === "CONNECT") return true;
  return method.toUpperCase() === "GET" && said.length === 1 && said[0] === "websocket";
}

/**
 * Returns the same head with one reading: a WebSocket has `Upgrade: websocket`, and other requests
 * have no upgrade header.
 */
export function plainly(request) {
  const headers = request.headers.filter(
    ([name]) => ![":protocol", "upgrade"].includes(name.toLowerCase()),
  );
  return {
    ...request,
    headers: isSocket(request) ? [...headers, ["upgrade", "websocket"]] : headers,
  };
}

function upgraded(made, lines) {
  made.headers = [...made.headers.filter(([name]) => name !== "upgrade"), ...lines];
  made.twin = true;
  unsocketed(made);
}

/** Removes the message of a request that opens no WebSocket. */
export function unsocketed(made) {
  if (made.socket !== true || isSocket(made)) return;
  delete made.socket;
  made.body = { kind: "none" };
  delete made.raw;
}

const upgrade = {
  "upgrade-odd": (chance, made) => upgraded(made, [["upgrade", chance.of(UPGRADES)]]),
  "upgrade-twice": (chance, made) =>
    upgraded(
      made,
      chance.of([
        [
          ["upgrade", "websocket"],
          ["upgrade", "websocket"],
        ],
        [
          ["upgrade", "h2c"],
          ["Upgrade", "websocket"],
        ],
        [
          ["Upgrade", "websocket"],
          ["upgrade", ""],
        ],
      ]),
    ),
  "upgrade-protocol": (chance, made) => {
    made.headers.push([":protocol", chance.of(["websocket", "WebSocket", "connect-udp"])]);
    made.twin = true;
  },
  // RFC 8441.
  "upgrade-connect": (_, made) => {
    if (made.socket !== true) return false;
    Object.assign(made, { method: "CONNECT", twin: true });
    made.headers = [
      ...made.headers.filter(([name]) => name !== "upgrade"),
      [":protocol", "websocket"],
    ];
  },
};

// --- Segments before and after a known path ---

const FRONTS = [
  "upstream",
  "models",
  "openai/deployments",
  "proxy",
  "serve",
  "t/a",
  "v2/endpoints",
  "x/y/z",
];
const ADMIN = [
  "/v1/organizations/acme",
  "/v1/organization/acme",
  "/v1/organization",
  "/organizations/acme/a/b",
  "/v1/organizations/a/b/c/d/e",
  "/v1/organization/projects/proj_1",
  "/api/v1/workspaces/w1",
  "/v1/threads/thread_1",
  "/v1/vector_stores/vs_1",
  "/v1/files/file_1",
  "/v1/conversations/conv_1",
  "/v1/evals/eval_1",
  "/v1/skills/s1",
  "/v1/uploads/upload_1",
  "/v1/containers/c1",
  "/client/v4/accounts/a/ai-gateway/gateways/g1",
  "/v1/libraries/l1",
  "/v1beta/cachedContents/c1",
];
const front = {
  "front-id": (chance, made) =>
    void (made.path = `/${chance.of(FRONTS)}/${chance.of(["mythos-5", "mythos-5", "MYTHOS-5", "mythos%2D5", "openai%2Fmythos-5", "acme.mythos-5", "mythos-5-20260601", "mythos-5:8080", "acme@mythos-5", "haiku-4,mythos-5", "m%79thos-5", "mythos-5;v=1", "haiku-4", "mythos-5-lite"])}${chance.of(["", "", "/v1", "/x"])}${made.path}`),
  "front-admin": (chance, made) => void (made.path = chance.of(ADMIN) + made.path),
  "end-blank": (chance, made) =>
    void (made.path += chance.of([
      "%20",
      "%09",
      "%20%20",
      "%09%20",
      "%C2%A0",
      ".json",
      ".json%20",
      "%20.json",
      ".json.json",
    ])),
  // An operation of another server on the same collection. Its user data is unknown.
  "end-verb": (chance, made) =>
    !made.mutations.includes("location-user-data") &&
    made.body.kind === "json" &&
    made.method === "POST" &&
    void (made.path += chance.of(["/", "/", "/x1/", ":"]) + chance.of(VERBS)),
};

// --- No model named ---

const never = (made, names) => {
  made.expected = {
    kind: "bypass",
    verdicts: ["deny", "refuse", "defer"],
    reasons: [],
    among: names,
  };
};
const drop = (members) =>
  members.filter((one) => !/model|fallbacks|tools|requests/i.test(nameOf(one) ?? "model"));
const nameless = {
  "nameless-verb": (_, made) => {
    const verb =
      made.operation.id.startsWith("verb-") ||
      (made.mutations.includes("end-verb") && !made.operation.path.includes("{model"));
    if (!verb || !isJson(made)) return false;
    made.body.members = drop(made.body.members);
    made.query = [];
    never(made, ["nameless-verb", "end-verb"]);
  },
  "nameless-batch": (chance, made) => {
    if (!isJson(made) || made.operation.id !== "message-batches") return false;
    const params = { max_tokens: 8, messages: [{ role: "user", content: "hi" }] };
    put(chance, made, "requests", [
      { custom_id: "a", params: { ...params, model: OPEN[0] } },
      { custom_id: "b", params },
    ]);
    never(made, ["nameless-batch"]);
  },
  "nameless-part": (_, made) => {
    const found =
      made.body.kind === "requests" &&
      made.body.parts.find(
        ({ inner }) =>
          inner?.body.kind === "json" &&
          inner.raw === undefined &&
          inner.operation.locations.includes("model") &&
          inner.operation.query &&
          !inner.operation.path.includes("{model"),
      );
    if (!found) return false;
    found.inner.body.members = drop(found.inner.body.members);
    found.inner.query = [];
    never(made, ["nameless-part"]);
  },
};

/** Mutations in the lines of a batch file. */
const lines = {
  "location-line": (chance, made) =>
    line(made, (body) =>
      Object.assign(
        body,
        chance.of([
          { [chance.of(KEYS)]: chance.of(values(anyId(chance))) },
          Object.fromEntries([
            chance.of(WRAPS)({ [chance.of(["model", ...KEYS])]: anyId(chance) }),
          ]),
        ]),
      ),
    ),
  "location-line-user-data": (chance, made) =>
    line(made, (body) =>
      Object.assign(
        body,
        Object.fromEntries([
          chance.of([...chat, METADATA])({ [chance.of(["model", ...KEYS])]: closedId(chance) }),
        ]),
      ),
    ),
  "nameless-line": (_, made) => {
    const purposes = (made.body.parts ?? []).filter(({ headers }) =>
      headers[0].includes("purpose"),
    );
    if (purposes.length !== 1 || purposes[0].data !== "batch") return false;
    const done = line(made, (body) => void delete body.model);
    if (done !== false) never(made, ["nameless-line"]);
    return done;
  },
};

// --- One content type in other spellings ---

/** Returns the content type if there is exactly one. */
const type = ({ headers }) => {
  const said = headers.filter(([name]) => /^content[-_]type$/i.test(name));
  return said.length === 1 ? said[0] : undefined;
};
const same = {
  "same-charset": (chance, made) => {
    const said = type(made);
    if (said === undefined || /charset|,/i.test(said[1])) return false;
    said[1] += `; charset=${chance.of(["ISO-8859-1", "iso-8859-1", "windows-1252", "us-ascii", "UTF-8"])}`;
  },
  "same-twice": (chance, made) => {
    const said = type(made);
    if (said === undefined || /,|multipart/.test(said[1])) return false;
    if (chance.once(2)) said[1] += chance.of([", ", ","]) + said[1];
    else made.headers.push([...said]);
  },
  "same-percent": (chance, made) => {
    const said = type(made);
    if (said === undefined || !isJson(made)) return false;
    said[1] = "application/x-www-form-urlencoded";
    put(
      chance,
      made,
      "prompt",
      chance.of(["is 50% of 100 equal to 50?", "100%", "%zz", "a=b&c=%d"]),
    );
  },
};

// --- WebSockets ---

const socket = {
  "socket-nested": (chance, made) => {
    if (made.socket !== true || !isJson(made)) return false;
    const rest = made.body.members.filter((one) => nameOf(one) !== "type");
    const written = (members) =>
      `{${members.map(([name, value]) => `${name}:${value}`).join(",")}}`;
    const into = chance.of(
      {
        "responses-socket": ["response", "response", "params"],
        realtime: ["session", "response", "event"],
      }[made.operation.id] ?? ["session", "config", "setup"],
    );
    const open =
      chance.once(2) && made.operation.id !== "realtime" ? [member("model", OPEN[0])] : [];
    made.body.members = [
      ...made.body.members.filter((one) => nameOf(one) === "type"),
      ...open,
      [JSON.stringify(into), written(rest)],
    ];
  },
  "socket-type": (chance, made) =>
    made.socket === true &&
    isJson(made) &&
    put(
      chance,
      made,
      "type",
      chance.of([
        "response.create",
        "session.update",
        "response.append",
        "transcription_session.update",
        "setup",
        "conversation.item.create",
      ]),
    ),
};

export const CLASSES = { undocumented, lines, upgrade, front, nameless, same, socket };
