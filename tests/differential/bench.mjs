/**
 * Gives requests to the gate and to the parsers, and compares the results.
 *
 * A *bypass*: a server reads a closed model, and the gate says `pass`. An *over-block*: the gate
 * denies or refuses, although every parser that the body is meant for accepts it and all models
 * that any parser reads are open; tolerance.json lists the intended cases. A *twin*: a request
 * whose headers have two readings gets another verdict than the same request whose headers have
 * one.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { judgeLine } from "../line.mjs";
import { cli, compile } from "../worker/setup.mjs";
import { Child } from "./child.mjs";
import { isSocket, plainly } from "./class.mjs";
import { plain } from "./coding.mjs";
import { isClosed, isClosedAsItStands, isOpen } from "./judge.mjs";
import { Router, operations } from "./operation.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
/** The policy of the corpus, so a difference can become a case there. */
const POLICY = at("../corpus/policy.toml");
const TARGET = process.env.CARGO_TARGET_DIR ?? at("../../target");
const TOLERATED = JSON.parse(readFileSync(at("tolerance.json"), "utf8"));
const CALLER = { place: { country: "FR" }, account: { us_person: false } };
const JSON_PARSERS = [
  "b64-node",
  "b64-python",
  "b64-go",
  "b64-rust",
  "v8",
  "express-json",
  "cpython",
  "orjson",
  "litellm",
  "serde_json",
  "serde_json-struct",
  "go-struct",
  "go-map",
];
const FORM_PARSERS = [
  "undici",
  "busboy",
  "express-simple",
  "express-extended",
  "starlette",
  "werkzeug",
  "django",
  "cgi",
  "go-form",
  "multer",
];
/**
 * Parsers that split a batch. If one of them rejects it or sees other requests in it, the batch is
 * ambiguous.
 */
const SPLITTERS = [
  "dicer",
  "llhttp",
  "email",
  "python-multipart",
  "go-mixed",
  "multer-mixed",
  "httparse-mixed",
];
/** Parsers that read the head of a request. */
const HEADS = ["httparse", "go-head"];
/** How many requests found in a batch are read. */
const UNPACKED = 16;
/** Names of headers and query parameters that hold credentials, at Google and elsewhere. */
const CREDENTIALS = [
  "authorization",
  "x-goog-api-key",
  "x-api-key",
  "api-key",
  "key",
  "access_token",
];
const METHOD_HEADERS = ["x-http-method-override", "x-http-method", "x-method-override"];

/**
 * Faulty gates. The bench must find differences for each of them, which proves that it can fail.
 */
const STUBS = {
  pass: () => ({ verdict: "pass", reason: "stub" }),
  refuse: () => ({ verdict: "refuse", reason: "stub" }),
  /** Treats any upgrade header with `websocket` in it as a WebSocket. */
  upgrade: ({ headers }) => ({
    verdict: Object.entries(headers).some(
      ([name, value]) => /^(upgrade|:protocol)$/i.test(name) && /websocket/i.test(value),
    )
      ? "defer"
      : "pass",
    reason: "stub",
  }),
};

export class Bench {
  operations;
  #router;
  #byId;
  #parsers;
  #gate;
  #edge;

  constructor(policy) {
    this.operations = operations(policy);
    this.#router = new Router(this.operations);
    this.#byId = new Map(this.operations.map((operation) => [operation.id, operation]));
  }

  static async open({ gate = "portcullis", edge = false } = {}) {
    const bench = new Bench(readFileSync(POLICY, "utf8"));
    bench.#parsers = [
      new Child("node", process.execPath, [at("parser/node.mjs")]),
      new Child("python", at("../../.tools/python/bin/python"), [at("parser/python.py")]),
      new Child("rust", join(TARGET, "differential/release/portcullis-parser"), []),
      new Child("go", join(TARGET, "differential/parser-go"), []),
    ];
    if (gate === "portcullis") {
      const child = new Child(
        "portcullis",
        cli(),
        ["decide", "--policy", POLICY, "--requests", "-"],
        { stderr: "ignore" },
      );
      bench.#gate = child;
    } else {
      bench.#gate = { ask: async (lines) => lines.map(STUBS[gate]), close() {} };
    }
    if (edge) {
      const [{ Gate, Session }, { Decoder }] = await Promise.all([
        import("portcullis"),
        import("portcullis/decode"),
      ]);
      const wasm = (name) => readFileSync(at(`../../pkg/wasm/${name}_bg.wasm`));
      const loaded = await Gate.load({
        module: wasm("edge"),
        bundle: compile(POLICY),
        decoder: new Decoder(wasm("decode")),
      });
      bench.#edge = (line) => judgeLine(loaded, line, Session);
    }
    await Promise.all(
      bench.#parsers.map((parser) => parser.ask([{ operations: bench.operations }])),
    );
    return bench;
  }

  close() {
    for (const child of [...this.#parsers, this.#gate]) child.close();
  }

  /** Returns the outcome of each of these written requests. */
  async try(requests) {
    const asked = requests.map((request) => {
      const { operation, method, target, trailers = [] } = request;
      const headers = request.headers.filter(([name]) => name.toLowerCase() !== "content-encoding");
      return {
        method,
        target,
        headers,
        trailers,
        body: Buffer.from(plain(request), "latin1").toString("base64"),
        locations: operation.locations,
        ...userData([asAsked(request)]),
        container: operation.container === true,
      };
    });
    const cut = requests.filter(({ chunks }) => chunks !== undefined);
    const twins = requests.filter(({ twin }) => twin);
    const [verdicts, whole, plainer, told] = await Promise.all([
      this.#gate.ask(requests.map(gateLine)),
      this.#gate.ask(cut.map((request) => gateLine({ ...request, chunks: undefined }))),
      this.#gate.ask(twins.map((request) => gateLine(plainly(request)))),
      this.#told(asked),
    ]);
    const unpacked = await this.#unpack(told);
    return requests.map((request, index) => {
      const outcome = this.#judge(request, verdicts[index], told[index], unpacked[index]);
      const said = JSON.stringify(verdicts[index]);
      for (const [kind, other] of [
        ["chunks", whole[cut.indexOf(request)]],
        ["twin", plainer[twins.indexOf(request)]],
      ]) {
        if (outcome.kind !== "bypass" && other !== undefined && JSON.stringify(other) !== said)
          return { ...outcome, kind, parsers: [JSON.stringify(other)] };
      }
      return outcome;
    });
  }

  /** Returns the reply of each process for each request. */
  async #told(asked) {
    const answers = await Promise.all(this.#parsers.map((parser) => parser.ask(asked)));
    return asked.map((_, index) => answers.map((answer) => answer[index]));
  }

  /** Collects the requests that parsers found in each batch and gives them to all parsers. */
  async #unpack(told) {
    const found = told.map((answers) => {
      const requests = new Map();
      for (const [parser, nested] of answers.flatMap(({ nested = [] }) => nested)) {
        for (const { method, target, headers, body } of nested) {
          const key = JSON.stringify([method, target, headers, body]);
          if (!requests.has(key))
            requests.set(key, {
              parser,
              request: {
                method,
                target,
                headers,
                body: Buffer.from(body, "base64").toString("latin1"),
                operation: { locations: [] },
                mutations: [],
              },
            });
        }
      }
      return [...requests.values()].slice(0, UNPACKED);
    });
    const flat = found.flat();
    const asked = flat.map(({ request }) => {
      const reached = this.#router.access(request.target).map(({ operation }) => operation);
      const locations = [...new Set(reached.flatMap((operation) => operation.locations))];
      return {
        ...request,
        trailers: [],
        body: Buffer.from(request.body, "latin1").toString("base64"),
        locations,
        ...userData(reached),
        container: false,
      };
    });
    const answers = await this.#told(asked);
    return found.map((some) => some.map((one) => ({ ...one, told: answers[flat.indexOf(one)] })));
  }

  /** Returns the edge module's verdict if it differs from the native one. */
  edge(request, verdict) {
    if (this.#edge === undefined) return undefined;
    const line = gateLine(request);
    let judged;
    try {
      judged = this.#edge(line);
    } catch (error) {
      // No runtime gives a worker such a target, so the package rejects it as invalid input.
      if (error.code === "input_invalid" && !/^(?:\/|[a-z][a-z0-9+.-]*:)/i.test(request.target))
        return undefined;
      throw error;
    }
    const told = JSON.stringify({ id: line.id, ...judged });
    return told === JSON.stringify(verdict) ? undefined : told;
  }

  #judge(request, verdict, told, unpacked) {
    const reads = this.#counted(request, told);
    const rejects = told.flatMap((answer) => answer.rejects);
    let meant = ["json", "base64"].includes(request.kind) ? JSON_PARSERS : FORM_PARSERS;
    if (
      request.operation.container &&
      this.#runs(request, told).some(({ operation }) => operation.container)
    ) {
      meant = SPLITTERS;
      if (
        new Set(
          told
            .flatMap(({ nested = [] }) => nested)
            .map(([, requests]) =>
              JSON.stringify(
                requests.map(({ method, target, body }) => [
                  method,
                  target,
                  Buffer.from(body, "base64").toString("latin1").trimEnd(),
                ]),
              ),
            ),
        ).size > 1
      )
        rejects.push(SPLITTERS[0]);
      for (const { parser, request: inner, told: answers } of unpacked) {
        for (const [by, text] of this.#counted(inner, answers))
          reads.push([`${parser} ${by}`, text]);
        for (const [name, value] of credentials(inner))
          if (!credentials(request).some(([other, text]) => other === name && text === value))
            reads.push([`${parser} credential`, name]);
        const form = inner.headers.some(
          ([name, value]) => name.toLowerCase() === "content-type" && /form/i.test(value),
        )
          ? FORM_PARSERS
          : JSON_PARSERS;
        if (
          inner.body !== "" &&
          answers.some((answer) => answer.rejects.some((by) => form.includes(by)))
        )
          rejects.push(SPLITTERS[0]);
        if (answers.some((answer) => answer.rejects.some((by) => HEADS.includes(by))))
          rejects.push(SPLITTERS[0]);
      }
    }
    const names = ([parser, text]) =>
      parser.includes("-like") ? isClosedAsItStands(text) : isClosed(text);
    const closed = reads.filter((read) => names(read) || read[0].endsWith(" credential"));
    const outcome = { request, verdict, reads, rejects, kind: "agreed" };
    if (verdict.error !== undefined) return { ...outcome, kind: "fault", parsers: [] };
    const stated = broken(request, verdict);
    if (stated !== undefined)
      return { ...outcome, kind: stated, stated: true, parsers: ["expected"] };
    if (closed.length > 0) {
      outcome.parsers = [...new Set(closed.map(([parser]) => parser))].sort();
      // A message on a known WebSocket is never deferred: the gate forwards it or ends the session.
      const known =
        request.socket === true &&
        !request.operation.unknown &&
        request.method === request.operation.method &&
        request.target.split("?", 1)[0] === request.operation.path;
      const through =
        known && closed.some(([parser]) => !/^(path|front)/.test(parser))
          ? ["pass", "defer"]
          : ["pass"];
      return { ...outcome, kind: through.includes(verdict.verdict) ? "bypass" : "kept" };
    }
    if (
      !["deny", "refuse"].includes(verdict.verdict) ||
      reads.length === 0 ||
      !reads.every(([, text]) => isOpen(text))
    )
      return outcome;
    // By another method than the operation's, a query or a body that names a closed model counts all the same.
    if (
      verdict.reason === "model_restricted" &&
      request.mutations.includes("method-other") &&
      told.some((answer) => answer.reads.some(names))
    )
      return outcome;
    outcome.parsers = [...new Set(reads.map(([parser]) => parser))].sort();
    // If one of these parsers rejects the request, it is ambiguous, and the gate should refuse it.
    if (rejects.some((parser) => meant.includes(parser) || HEADS.includes(parser)))
      return { ...outcome, kind: "ambiguous" };
    const isMeant = ({ reasons = [verdict.reason], mutations, carriers = [request.carrier] }) =>
      reasons.includes(verdict.reason) &&
      carriers.some((carrier) => carrier === request.carrier || carrier === request.kind) &&
      request.mutations.some((name) => new RegExp(`^(?:${mutations})$`).test(name));
    const tolerated = TOLERATED.find(isMeant);
    return { ...outcome, kind: tolerated === undefined ? "over-block" : "tolerated" };
  }

  /**
   * Returns the parsers' results that count: those that an operation which runs a model would use,
   * if some server routes the request to it.
   */
  #counted(request, told) {
    const runs = this.#runs(request, told);
    const reads = runs.flatMap(({ operation, models }) =>
      models.map((model) => [operation.unknown ? "path-like" : "path", model]),
    );
    const takesBody = runs.some(
      ({ operation }) =>
        operation.method === "POST" ||
        (operation.carriers.includes("message") && request.socket === true),
    );
    // A gateway in front may choose the model by a path segment that it removes.
    for (const segment of new Set(runs.flatMap(({ front }) => front ?? [])))
      if (isClosed(segment) || isOpen(segment)) reads.push(["front-like", segment]);
    const takesQuery = runs.some(({ operation }) => operation.query);
    for (const [parser, text] of told.flatMap((answer) => answer.reads)) {
      if (/-(?:query|header)$/.test(parser) && !parser.includes("-like") ? takesQuery : takesBody)
        reads.push([parser, text]);
    }
    return reads;
  }

  /**
   * Returns the operations that some server routes the request to, with the models in their paths.
   */
  #runs(request, told) {
    const methods = this.#methods(request);
    const routed = this.#router.access(request.target);
    for (const { paths = [], routes = [] } of told) {
      for (const path of paths) routed.push(...this.#router.find(path));
      for (const [, id, models] of routes) routed.push({ operation: this.#byId.get(id), models });
    }
    return routed.filter(
      ({ operation }) =>
        methods.has(operation.method) ||
        (operation.method === "GET" && (methods.has("HEAD") || methods.has("DELETE"))),
    );
  }

  #methods({ method, target, headers }) {
    const methods = new Set([method.toUpperCase()]);
    if (methods.has("CONNECT")) methods.add("GET");
    for (const [name, value] of headers)
      if (METHOD_HEADERS.includes(name.toLowerCase().replaceAll("_", "-")))
        methods.add(value.toUpperCase());
    for (const [, asked] of target.matchAll(/[?&]_method=(\w+)/g)) methods.add(asked.toUpperCase());
    return methods;
  }
}

/**
 * Returns the kind of difference if the verdict is not among those that the request itself expects.
 */
function broken(request, { verdict, reason }) {
  const { expected, mutations } = request;
  if (
    expected === undefined ||
    isSocket(request) ||
    mutations.some((name) => !expected.among.includes(name))
  )
    return undefined;
  return expected.verdicts.includes(verdict) || expected.reasons.includes(reason)
    ? undefined
    : expected.kind;
}

/**
 * Returns the operation. A verb at the end makes it an operation of another server, which may run a
 * model.
 */
function asAsked({ operation, mutations }) {
  return mutations.includes("end-verb") ? { ...operation, runs: true } : operation;
}

/** Returns the locations of the user's own data, in the body and in a line of it. */
function userData(operations) {
  const lines = [...new Set(["metadata", ...operations.flatMap(({ data = [] }) => data)])];
  return operations.some(({ runs }) => runs === false) ? { lines } : { lines, data: lines };
}

/** Returns the request as a line for `portcullis decide` and the corpus. */
export function gateLine(request) {
  const headers = {};
  for (const [name, value] of request.headers)
    headers[name] = Object.hasOwn(headers, name) ? [headers[name], value].flat() : value;
  const line = {
    id: request.id ?? null,
    method: request.method,
    url: request.target,
    headers,
    ...CALLER,
  };
  const coded = Buffer.from(request.body, "latin1").toString("base64");
  if (request.socket === true) line.frames = [{ b64: coded }];
  else if (request.body !== "") line.body_b64 = coded;
  if (request.chunks !== undefined) line.chunks = request.chunks;
  if (request.trailers !== undefined) line.trailers = Object.fromEntries(request.trailers);
  return line;
}

/**
 * Returns the credentials in head, query and trailers as pairs of name and value. A line for the
 * gate has the trailers as headers.
 */
function credentials({ target, headers, trailers = [] }) {
  const query = target.includes("?")
    ? [...new URLSearchParams(target.slice(target.indexOf("?") + 1))]
    : [];
  return [
    ...[...headers, ...trailers].map(([name, value]) => [name.replaceAll("_", "-"), value.trim()]),
    ...query,
  ]
    .map(([name, value]) => [name.toLowerCase(), value])
    .filter(([name]) => CREDENTIALS.includes(name));
}
