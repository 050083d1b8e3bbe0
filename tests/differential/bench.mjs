/**
 * Puts requests before the gate and before the parsers, and holds their answers against each other.
 *
 * A *bypass*: a server reads a closed model, and the gate says `pass`. An *over-block*: the gate denies or refuses, although every parser
 * that the body is meant for accepts it, and all that any reads is open; unless tolerance.json says that this is on purpose.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { judgeLine } from "../line.mjs";
import { cli, compile } from "../worker/setup.mjs";
import { Child } from "./child.mjs";
import { plain } from "./coding.mjs";
import { isClosed, isOpen } from "./judge.mjs";
import { Router, operations } from "./operation.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
/** The corpus's, so that what is found becomes a case. */
const POLICY = at("../corpus/policy.toml");
const TARGET = process.env.CARGO_TARGET_DIR ?? at("../../target");
const TOLERATED = JSON.parse(readFileSync(at("tolerance.json"), "utf8"));
const CALLER = { place: { country: "FR" }, account: { us_person: false } };
const JSON_PARSERS = ["v8", "express-json", "cpython", "orjson", "litellm", "serde_json", "serde_json-struct", "go-struct", "go-map"];
const FORM_PARSERS = ["undici", "busboy", "express-simple", "express-extended", "starlette", "werkzeug", "django", "cgi", "go-form", "multer"];
const METHOD_HEADERS = ["x-http-method-override", "x-http-method", "x-method-override"];

/** Gates that must be found out: the proof that the bench can fail. */
const STUBS = {
  pass: () => ({ verdict: "pass", reason: "stub" }),
  refuse: () => ({ verdict: "refuse", reason: "stub" }),
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
      const child = new Child("portcullis", cli(), ["decide", "--policy", POLICY, "--requests", "-"], { stderr: "ignore" });
      bench.#gate = child;
    } else {
      bench.#gate = { ask: async (lines) => lines.map(STUBS[gate]), close() {} };
    }
    if (edge) {
      const [{ Gate, Session }, { Decoder }] = await Promise.all([import("portcullis"), import("portcullis/decode")]);
      const wasm = (name) => readFileSync(at(`../../pkg/wasm/${name}_bg.wasm`));
      const loaded = await Gate.load({ module: wasm("edge"), bundle: compile(POLICY), decoder: new Decoder(wasm("decode")) });
      bench.#edge = (line) => judgeLine(loaded, line, Session);
    }
    await Promise.all(bench.#parsers.map((parser) => parser.ask([{ operations: bench.operations }])));
    return bench;
  }

  close() {
    for (const child of [...this.#parsers, this.#gate]) child.close();
  }

  /** What comes of each of these written requests. */
  async try(requests) {
    const asked = requests.map((request) => {
      const { operation, method, target } = request;
      const headers = request.headers.filter(([name]) => name.toLowerCase() !== "content-encoding");
      return { method, target, headers, body: Buffer.from(plain(request), "latin1").toString("base64"), places: operation.places };
    });
    const [verdicts, ...told] = await Promise.all([this.#gate.ask(requests.map(gateLine)), ...this.#parsers.map((parser) => parser.ask(asked))]);
    return requests.map((request, index) => this.#judge(request, verdicts[index], told.map((answers) => answers[index])));
  }

  /** The edge module's verdict, where it differs from the native one. */
  edge(request, verdict) {
    if (this.#edge === undefined) return undefined;
    const line = gateLine(request);
    const told = JSON.stringify({ id: line.id, ...this.#edge(line) });
    return told === JSON.stringify(verdict) ? undefined : told;
  }

  #judge(request, verdict, told) {
    const reads = this.#counted(request, told);
    const rejects = told.flatMap((answer) => answer.rejects);
    const closed = reads.filter(([, text]) => isClosed(text));
    const outcome = { request, verdict, reads, rejects, kind: "agreed" };
    if (verdict.error !== undefined) return { ...outcome, kind: "fault", parsers: [] };
    if (closed.length > 0) {
      outcome.parsers = [...new Set(closed.map(([parser]) => parser))].sort();
      // A message on a socket that the gate knows is not deferred: it goes on or ends the session.
      const known = request.socket === true && request.method === request.operation.method && request.target.split("?", 1)[0] === request.operation.path;
      const through = known && closed.some(([parser]) => parser !== "path") ? ["pass", "defer"] : ["pass"];
      return { ...outcome, kind: through.includes(verdict.verdict) ? "bypass" : "kept" };
    }
    if (!["deny", "refuse"].includes(verdict.verdict) || reads.length === 0 || !reads.every(([, text]) => isOpen(text))) return outcome;
    const meant = request.carrier === "json" || request.carrier === "message" ? JSON_PARSERS : FORM_PARSERS;
    outcome.parsers = [...new Set(reads.map(([parser]) => parser))].sort();
    // Where one of them gives up, the request is ambiguous, and refusing it is what the gate is for.
    if (rejects.some((parser) => meant.includes(parser) || parser === "httparse" || parser === "go-head")) return { ...outcome, kind: "ambiguous" };
    const isMeant = ({ reasons = [verdict.reason], mutations, carriers = [request.carrier] }) =>
      reasons.includes(verdict.reason) && carriers.includes(request.carrier) && request.mutations.some((name) => new RegExp(`^(?:${mutations})$`).test(name));
    const tolerated = TOLERATED.find(isMeant);
    return { ...outcome, kind: tolerated === undefined ? "over-block" : "tolerated" };
  }

  /** What the parsers read, as far as some server routes the request to an operation that runs it. */
  #counted(request, told) {
    const methods = this.#methods(request);
    const routed = this.#router.reach(request.target);
    for (const { paths = [], routes = [] } of told) {
      for (const path of paths) routed.push(...this.#router.find(path));
      for (const [, id, models] of routes) routed.push({ operation: this.#byId.get(id), models });
    }
    const runs = routed.filter(({ operation }) => methods.has(operation.method) || (operation.method === "GET" && (methods.has("HEAD") || methods.has("DELETE"))));
    const reads = runs.flatMap(({ models }) => models.map((model) => ["path", model]));
    const takesBody = runs.some(({ operation }) => operation.method === "POST" || (operation.carriers.includes("message") && request.socket === true));
    const takesQuery = runs.some(({ operation }) => operation.query);
    for (const [parser, text] of told.flatMap((answer) => answer.reads)) {
      if (/-(?:query|header)$/.test(parser) ? takesQuery : takesBody) reads.push([parser, text]);
    }
    return reads;
  }

  #methods({ method, target, headers }) {
    const methods = new Set([method.toUpperCase()]);
    for (const [name, value] of headers) if (METHOD_HEADERS.includes(name.toLowerCase().replaceAll("_", "-"))) methods.add(value.toUpperCase());
    for (const [, asked] of target.matchAll(/[?&]_method=(\w+)/g)) methods.add(asked.toUpperCase());
    return methods;
  }
}

/** The request as `portcullis decide` and the corpus have it. */
export function gateLine(request) {
  const headers = {};
  for (const [name, value] of request.headers) headers[name] = Object.hasOwn(headers, name) ? [headers[name], value].flat() : value;
  const line = { id: request.id ?? null, method: request.method, url: request.target, headers, ...CALLER };
  const coded = Buffer.from(request.body, "latin1").toString("base64");
  if (request.socket === true) line.frames = [{ b64: coded }];
  else if (request.body !== "") line.body_b64 = coded;
  if (request.chunks !== undefined) line.chunks = request.chunks;
  return line;
}
