/**
 * The gate as a Cloudflare Worker: it maps what the platform knows of a caller to facts, and puts verdicts into effect.
 *
 * Who can set what this file trusts: `request.cf` is built by the runtime from the connection (Workers runtime API,
 * "IncomingRequestCfProperties", 2026), except that another Worker may have made the request, which `CF-Worker` tells;
 * `CF-Connecting-IP` is set by Cloudflare over any inbound copy ("HTTP request headers", 2026). No other header is a fact.
 */
import { prepare, vet } from "./answer.ts";
import { Budget, type Send, screen } from "./body.ts";
import type { Buffered } from "./bytes.ts";
import { Slots } from "./credential.ts";
import type { Decoder } from "./decode.ts";
import { PortcullisError, invalid } from "./error.ts";
import { type Facts, type Place, isMissing } from "./facts.ts";
import { Gate, type Judgement, type Reading, type Refusal } from "./gate.ts";
import { ENFORCED_HEADER, codingHeaders, unforwardable } from "./header.ts";
import type { CompiledModule } from "./instance.ts";
import { KeyTable, type Table } from "./key-table.ts";
import { type Mark, type MarkKeys, Marker, without } from "./mark.ts";
import { type Upgrade, isUpgrade, relay } from "./socket.ts";

export { keyDigest } from "./key-table.ts";

/** Variables, secrets and bindings of the deployment; all are optional but `ORIGIN`, where the zone has no origin of its own. */
export interface Env extends MarkKeys {
  /** Where requests go on to: a URL, or a service binding. Left out: the zone's own origin. */
  readonly ORIGIN?: string | Fetcher;
  /** KV namespace of account records, each under the {@link keyDigest} of the credential. */
  readonly KEYS?: Table;
  /** Secret of that digest. */
  readonly KEY_SECRET?: string;
  /**
   * The places in which the origin reads a credential, with commas between: header names, and query parameters after a `?`.
   * Credentials elsewhere are then no candidates, and do not reach it. Left out: the places of all guarded APIs.
   */
  readonly CREDENTIAL_SLOTS?: string;
  /** Secret of the bundle's secret lists, hex, as `portcullis compile` was given it. */
  readonly LIST_KEY?: string;
  /** Origins of web pages that may read refusals, separated by commas; `*`: all. */
  readonly CORS_ORIGINS?: string;
  /** `1` takes the place from `CF-IPCountry` and `cf-region-code` headers. For local set-ups: there anyone can claim any place. */
  readonly LOCAL?: string;
}

/** A service binding. */
export interface Fetcher {
  fetch(request: Request): Promise<Response>;
}

export interface WorkerOptions {
  /** `import module from "portcullis/edge.wasm"` */
  readonly module: CompiledModule;
  /** The compiled policy: its bytes, as the bundler hands out a data module. */
  readonly bundle: Buffered;
  /**
   * What undoes content codings: `new Decoder(decode)`, of `portcullis/decode` and `import decode from "portcullis/decode.wasm"`. Without it, coded
   * bodies of callers under restriction are refused.
   */
  readonly decoder?: Decoder;
  /** Milliseconds, less than 2^31, that a stream to a caller under restriction may last; an hour if left out. */
  readonly streamLife?: number;
  /** Milliseconds, likewise, that a WebSocket's origin may leave unsaid which model runs; ten seconds if left out. */
  readonly socketHold?: number;
}

export interface Context {
  waitUntil(promise: Promise<unknown>): void;
}

export interface Worker {
  fetch(request: Request, env: Env, context: Context): Promise<Response>;
}

interface Cf {
  readonly country?: string;
  readonly regionCode?: string;
  readonly asn?: number;
}

/** The headers of a request by their names in lower case, lines of one name joined, as the runtime has them. */
type Inbound = ReadonlyMap<string, string>;

/** What the origin is told of a caller who may use everything. */
const UNRESTRICTED: Mark = { denied: "", verdict: "pass" };
const NO_SLOTS: ReadonlyMap<string, boolean> = new Map();
const STATUS_PATH = "/.well-known/portcullis/status";

/** The Worker: `export default worker({ module, bundle })`. */
export function worker(options: WorkerOptions): Worker {
  let post: Post | PortcullisError | undefined;
  return {
    async fetch(request, env, context) {
      post ??= man(options, env);
      if (request.url.includes(STATUS_PATH) && new URL(request.url).pathname === STATUS_PATH) return status(post);
      if (post instanceof PortcullisError) return trouble(request, env, 503, "no_bundle", "the policy cannot be loaded");
      return guard(request, env, context, post);
    },
  };
}

/** What an isolate keeps. */
interface Post {
  readonly gate: Gate;
  readonly slots: Slots;
  readonly marker: Marker | undefined;
  readonly keys: KeyTable | undefined;
  readonly budget: Budget;
  readonly options: WorkerOptions;
  traps: number;
}

function man(options: WorkerOptions, env: Env): Post | PortcullisError {
  try {
    const { module, bundle, decoder, streamLife, socketHold } = options;
    // A timer that is none ends at once, or never.
    for (const ms of [streamLife, socketHold]) if (!isMissing(ms) && !(typeof ms === "number" && ms > 0 && ms < 2 ** 31)) throw invalid("`streamLife` and `socketHold` are milliseconds");
    const listKey = env.LIST_KEY === undefined ? undefined : bytes(env.LIST_KEY);
    const gate = Gate.loadSync({ module, bundle, listKey, decoder });
    const lacking = gate.info.needs.network.filter((kind) => kind !== "tor");
    if (lacking.length > 0) throw new PortcullisError("platform_lacks", `Cloudflare does not tell ${lacking.join(", ")}`);
    const keys = env.KEYS !== undefined && env.KEY_SECRET !== undefined ? new KeyTable(gate, env.KEYS, env.KEY_SECRET) : undefined;
    const slots = new Slots(gate.info, env.CREDENTIAL_SLOTS);
    return { gate, slots, marker: Marker.of(env, gate.info, slots.headers.keys()), keys, budget: new Budget(), options, traps: 0 };
  } catch (cause) {
    const error = cause instanceof PortcullisError ? cause : new PortcullisError("module_unusable", String(cause), { cause });
    report({ event: "no_bundle", code: error.code, message: error.message });
    return error;
  }
}

async function guard(request: Request, env: Env, context: Context, post: Post): Promise<Response> {
  let reading: Reading | undefined;
  try {
    // Asked for once: each question to the runtime's own headers costs as much as the decision.
    const headers: Inbound = new Map(request.headers);
    const facts = await factsOf(request, headers, env, post);
    if (isUpgrade(request)) return await relay(socket(request, headers, env, post), facts);
    const approach = post.gate.approach(request, facts);
    reading = approach.reading;
    if (reading === undefined) return await forward(request, headers, env, post, approach.guarded ? UNRESTRICTED : undefined);
    reading.caseId = newCase();
    reading.acknowledges = post.marker?.acknowledges === true;
    const work = enforce(request, headers, env, post, reading);
    // A client that goes away must not take the handler with it, which has an upstream request to break off.
    context.waitUntil(work.then(nothing, nothing));
    return await work;
  } catch (cause) {
    const caseId = reading?.caseId || newCase();
    if (cause instanceof PortcullisError) {
      if (cause.code === "trapped") post.traps += 1;
      report({ event: cause.code, case: caseId, traps: post.traps, message: cause.message });
      if (cause.code === "body_unusable") return trouble(request, env, 400, cause.code, cause.message, caseId);
      return trouble(request, env, 503, "gate_unavailable", "the request could not be checked; try again", caseId);
    }
    report({ event: "origin_unreachable", case: caseId, message: String(cause) });
    return trouble(request, env, 502, "origin_unreachable", "the origin did not answer", caseId);
  } finally {
    reading?.done();
  }
}

async function enforce(request: Request, headers: Inbound, env: Env, post: Post, reading: Reading): Promise<Response> {
  const send: Send = (judgement, body, signal, decoded = false) => {
    return forward(request, headers, env, post, markOf(reading, judgement), { body: body ?? null, signal, decoded, reading });
  };
  const { answer } = await screen(request, reading, send, post.budget);
  if (answer === undefined) return refuse(request, env, reading.refusal);
  return vet(answer, {
    request,
    reading,
    budget: post.budget,
    acknowledged: post.marker?.acknowledged(answer) === true,
    life: post.options.streamLife,
    refuse: (refusal) => refuse(request, env, refusal),
    again: (url) => forward(new Request(url, request), headers, env, post, markOf(reading, undefined), { body: null, signal: undefined, decoded: false, reading }),
  });
}

/** What a relay asks of its surroundings, for as long as it lasts. */
function socket(request: Request, headers: Inbound, env: Env, post: Post): Upgrade {
  return {
    request,
    gate: () => post.gate,
    facts: () => factsOf(request, headers, env, post),
    async connect({ guarded, denied }) {
      // What its messages will ask for is not known yet.
      const mark: Mark = denied === "" ? UNRESTRICTED : { denied, verdict: "defer" };
      const answer = await forward(request, headers, env, post, guarded ? mark : undefined);
      return { answer, acknowledged: post.marker?.acknowledged(answer) === true };
    },
    newCase,
    hold: post.options.socketHold,
    fault(cause, caseId) {
      if (cause instanceof PortcullisError && cause.code === "trapped") post.traps += 1;
      report({ event: "session_failed", case: caseId, traps: post.traps, message: String(cause) });
    },
  };
}

/** Before the scan has ended the request may yet be deferred, so it counts as deferred. */
function markOf({ denied }: Reading, judgement: Judgement | undefined): Mark {
  return { denied, verdict: judgement?.verdict === "pass" ? "pass" : "defer" };
}

/** The candidates: each place that the request may come from, with each account that its credentials stand for. */
async function factsOf(request: Request, headers: Inbound, env: Env, post: Post): Promise<Facts> {
  const cf = (request as unknown as { cf?: Cf }).cf ?? {};
  const seen: Place =
    env.LOCAL === "1"
      ? { country: headers.get("cf-ipcountry") ?? "", region: headers.get("cf-region-code") ?? "" }
      : { country: cf.country, region: cf.regionCode };
  const found = post.slots.credentials(headers, request.url);
  const { keys } = post;
  const unknown = found.length === 0 || keys === undefined;
  return {
    // Another Worker stands between the caller and us: whose place this is, nobody can say.
    place: headers.has("cf-worker") ? [seen, {}] : seen,
    asn: cf.asn,
    ip: headers.get("cf-connecting-ip"),
    account: unknown ? undefined : await Promise.all(found.map((credential) => keys.account(credential))),
  };
}

interface Replacement {
  readonly body: BodyInit | null;
  readonly signal: AbortSignal | undefined;
  readonly decoded: boolean;
  readonly reading: Reading;
}

/** Sends the request on; with `mark`, which every guarded one has, as one that the gate has judged. */
async function forward(request: Request, headers: Inbound, env: Env, { slots, marker }: Post, mark?: Mark, replacement?: Replacement): Promise<Response> {
  const { ORIGIN: origin } = env;
  const guarded = mark !== undefined;
  const asked = guarded ? slots.cleared(request.url) : request.url;
  const url = typeof origin === "string" ? relocated(asked, origin) : asked;
  const dropped = unforwardable(headers, guarded ? slots.headers : NO_SLOTS);
  // The runtime would open a socket whatever the method, and nobody would read what goes over it.
  if (headers.has("upgrade") && !isUpgrade(request)) dropped.push("upgrade");
  let onward = request;
  let nonce: string | undefined;
  if (url !== request.url || dropped.length > 0 || guarded || replacement !== undefined) {
    // What is sent is built from what was judged: this URL, these headers, this body. Made from the request, a body that
    // was not touched keeps its length; made from its stream it would lose it.
    onward = replacement === undefined ? new Request(url, request) : new Request(url, replaced(request, replacement));
    if (replacement?.decoded === true) dropped.push(...codingHeaders(headers));
    for (const name of dropped) onward.headers.delete(name);
    if (replacement !== undefined) prepare(onward.headers, replacement.reading);
    if (guarded) {
      slots.clear(onward.headers);
      nonce = await marker?.mark(onward, mark);
    }
  }
  const response = await (typeof origin === "object" ? origin.fetch(onward) : fetch(onward));
  if (marker !== undefined) return marker.answered(response, nonce);
  return response.headers.has(ENFORCED_HEADER) ? without(response) : response;
}

function replaced({ method, headers }: Request, { body, signal }: Replacement): RequestInit {
  // An empty body is none. Another is more than the runtime takes with these methods.
  const none = body === null || (body instanceof Uint8Array && body.length === 0);
  if (!none && /^(?:GET|HEAD)$/.test(method)) throw new PortcullisError("body_unusable", `a body of a ${method} request cannot be forwarded`);
  return { method, headers, redirect: "manual", body: none ? null : body, ...(signal === undefined ? {} : { signal }) };
}

/** The same path and query at another host, untouched: they are what was judged. */
function relocated(url: string, origin: string): string {
  const path = url.indexOf("/", url.indexOf("://") + 3);
  return origin.replace(/\/$/, "") + (path < 0 ? "/" : url.slice(path));
}

function refuse(request: Request, env: Env, refusal: Refusal | undefined): Response {
  if (refusal === undefined) throw new PortcullisError("replaced", "a refusal without words");
  const headers = new Headers(refusal.headers as [string, string][]);
  allowPage(request, env, headers);
  return new Response(request.method === "HEAD" ? null : refusal.body, { status: refusal.status, headers });
}

/**
 * The gate itself is in trouble, or nothing can be read. Nothing has read which API the caller speaks, so the body is one that both kinds of client
 * take for their own; 503 and 502 are retried by all of them, 400 by none.
 */
function trouble(request: Request, env: Env, code: 400 | 502 | 503, reason: string, message: string, caseId = ""): Response {
  const headers = new Headers({ "content-type": "application/json", "cache-control": "no-store" });
  if (caseId !== "") {
    headers.set("x-request-id", caseId);
    headers.set("request-id", caseId);
  }
  allowPage(request, env, headers);
  const body = { type: "error", error: { type: "api_error", message, param: null, code: reason }, request_id: caseId };
  return new Response(request.method === "HEAD" ? null : JSON.stringify(body), { status: code, headers });
}

/** Lets the pages of the deployment read a refusal. */
function allowPage(request: Request, env: Env, headers: Headers): void {
  const origin = request.headers.get("origin");
  // A list in the configuration comes as one; it is no reason to fail where a refusal is told.
  const allowed = isMissing(env.CORS_ORIGINS) ? undefined : String(env.CORS_ORIGINS).split(",").map((one) => one.trim());
  if (origin === null || allowed === undefined) return;
  headers.append("vary", "origin");
  if (!allowed.includes(origin) && !allowed.includes("*")) return;
  headers.set("access-control-allow-origin", allowed.includes(origin) ? origin : "*");
  headers.set("access-control-expose-headers", "link, request-id, x-request-id, x-should-retry");
}

function status(post: Post | PortcullisError): Response {
  const headers = { "cache-control": "no-store" };
  if (post instanceof PortcullisError) return Response.json({ error: post.code }, { status: 503, headers });
  const { digest, version, expires } = post.gate.info;
  return Response.json({ digest, version, expires: expires === null ? null : new Date(expires).toISOString() }, { headers });
}

/** One line for the platform's log; it holds no credential, no account and no text of a request. */
function report(line: Record<string, string | number>): void {
  console.error(JSON.stringify({ portcullis: line }));
}

function bytes(hex: string): Uint8Array {
  if (!/^([0-9a-f]{2})+$/i.test(hex)) throw new PortcullisError("input_invalid", "LIST_KEY is not hex");
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function newCase(): string {
  return `pc-${crypto.randomUUID()}`;
}

function nothing(): void {}
