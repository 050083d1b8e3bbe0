/**
 * The gate as a Cloudflare Worker: it maps what the platform knows of a caller to facts, and puts verdicts into effect.
 *
 * Who can set what this file trusts: `request.cf` is built by the runtime from the connection (Workers runtime API,
 * "IncomingRequestCfProperties", 2026), except that another Worker may have made the request, which `CF-Worker` tells;
 * `CF-Connecting-IP` is set by Cloudflare over any inbound copy ("HTTP request headers", 2026). No other header is a fact.
 */
import { drop, prepare, vet } from "./response.ts";
import { Budget, type Send, isUndeclared, passOn, screen } from "./request-body.ts";
import type { Buffered } from "../input.ts";
import { CANDIDATES, Slots } from "./credentials.ts";
import type { Decoder } from "../wasm/decoder.ts";
import { PortcullisError, invalid } from "../error.ts";
import { type Facts, type Place, isMissing } from "../wasm/wire.ts";
import { Gate, type Judgement, type Reading, type Refusal, passes } from "../gate.ts";
import { ENFORCED_HEADER, codingHeaders, unforwardable } from "./headers.ts";
import type { CompiledModule } from "../wasm/instance.ts";
import { KeyTable, type Table } from "../operate/account-store.ts";
import { type Mark, type MarkKeys, Marker, without } from "../access-header/sign.ts";
import { type Upgrade, isOpen, isUpgrade, relay } from "../websocket/relay.ts";

export { keyDigest } from "../operate/account-store.ts";

/** Variables, secrets and bindings of the deployment; all are optional but `ORIGIN`, where the zone has no origin of its own. */
export interface Env extends MarkKeys {
  /** Where requests go on to: a URL, or a service binding. Left out: the zone's own origin. */
  readonly ORIGIN?: string | Fetcher;
  /** KV namespace of account records, each under the {@link keyDigest} of the credential. */
  readonly KEYS?: Table;
  /** Secret of that digest. Without it nothing is looked up, so that nothing is known of any caller's account; the status says so. */
  readonly KEY_SECRET?: string;
  /**
   * The places in which the origin reads a credential, with commas between: header names, and query parameters after a `?`.
   * Credentials elsewhere are then no candidates, and do not reach it. Left out: the places of all guarded APIs. Each name has one of the
   * words `authorization`, `auth`, `key`, `token`, `credential` and `secret` in it, by which it is known inside a batch, too.
   */
  readonly CREDENTIAL_SLOTS?: string;
  /** Secret of the bundle's secret lists: hexadecimal digits, 64 say and no fewer than 32, as in the file that `portcullis compile` was given. */
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
  /** The same for a WebSocket. */
  readonly socketLife?: number;
  /** Milliseconds, likewise, in which the next 64 KB of a body that is read, or its end, must come; half a minute if left out. */
  readonly bodyWait?: number;
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
      if (request.url.includes(STATUS_PATH) && new URL(request.url).pathname === STATUS_PATH)
        return status(post);
      if (post instanceof PortcullisError)
        return trouble(request, env, 503, "no_bundle", "the policy cannot be loaded");
      return guard(request, env, context, post);
    },
  };
}

/** What an isolate keeps. */
interface Post {
  readonly gate: Gate;
  readonly slots: Slots;
  /** The same, none of which the origin is to read. */
  readonly closed: Slots;
  readonly marker: Marker | undefined;
  readonly keys: KeyTable | undefined;
  readonly budget: Budget;
  readonly options: WorkerOptions;
  /** What the deployment lacks, although it runs. */
  readonly problems: readonly string[];
  traps: number;
}

function man(options: WorkerOptions, env: Env): Post | PortcullisError {
  try {
    const { module, bundle, decoder, streamLife, socketHold, socketLife, bodyWait } = options;
    // A timer that is none ends at once, or never.
    for (const ms of [streamLife, socketHold, socketLife, bodyWait])
      if (!isMissing(ms) && !(typeof ms === "number" && ms > 0 && ms < 2 ** 31))
        throw invalid("a time of the options is no milliseconds");
    const listKey = env.LIST_KEY === undefined ? undefined : bytes(env.LIST_KEY);
    const gate = Gate.loadSync({ module, bundle, listKey, decoder });
    // Membership would be unknown, which a restriction in doubt lets pass.
    if (listKey === undefined && gate.info.secretLists)
      throw new PortcullisError(
        "list_key_missing",
        "the policy has a secret list, and LIST_KEY is not set",
      );
    const lacking = gate.info.needs.network.filter((kind) => kind !== "tor");
    if (lacking.length > 0)
      throw new PortcullisError("platform_lacks", `Cloudflare does not tell ${lacking.join(", ")}`);
    const keys =
      env.KEYS !== undefined && env.KEY_SECRET !== undefined
        ? new KeyTable(gate, env.KEYS, env.KEY_SECRET)
        : undefined;
    const slots = new Slots(gate.info, env.CREDENTIAL_SLOTS);
    const closed = new Slots(gate.info, env.CREDENTIAL_SLOTS, true);
    const marker = Marker.of(env, gate.info, slots.headers.keys());
    const problems: string[] = [];
    const tell = (event: string, message: string) => {
      problems.push(event);
      report({ event, message });
    };
    if (gate.info.facts.length > 0 && env.KEYS !== undefined && keys === undefined)
      tell(
        "key_secret_missing",
        "KEYS is bound and KEY_SECRET is not set: nothing is known of any account",
      );
    if (env.LOCAL === "1")
      tell("place_claimed", "LOCAL is 1: whoever sends a request says where it comes from");
    return {
      gate,
      slots,
      closed,
      marker,
      keys,
      budget: new Budget(bodyWait),
      options,
      problems,
      traps: 0,
    };
  } catch (cause) {
    const error =
      cause instanceof PortcullisError
        ? cause
        : new PortcullisError("module_unusable", String(cause), { cause });
    report({ event: "no_bundle", code: error.code, message: error.message });
    return error;
  }
}

/** A request as it came. */
interface Arrival {
  readonly request: Request;
  readonly headers: Inbound;
  readonly env: Env;
  readonly post: Post;
  /** It asks for a WebSocket. That is decided here, once; what asks for none goes on without `Upgrade`. */
  readonly socket: boolean;
  /** Each credential in it, up to one more than are looked up. */
  readonly credentials: readonly string[];
}

async function guard(request: Request, env: Env, context: Context, post: Post): Promise<Response> {
  let reading: Reading | undefined;
  try {
    // Asked for once: each question to the runtime's own headers costs as much as the decision.
    const headers: Inbound = new Map(request.headers);
    const socket = isUpgrade({ method: request.method, headers });
    const arrival: Arrival = {
      request,
      headers,
      env,
      post,
      socket,
      credentials: post.slots.credentials(headers, request.url),
    };
    const facts = await factsOf(arrival);
    if (socket) return await relay(upgrade(arrival), facts);
    const approach = post.gate.approach(request, facts);
    reading = approach.reading;
    if (reading === undefined)
      return await pass(arrival, context, approach.guarded ? UNRESTRICTED : undefined);
    reading.caseId = newCase();
    reading.acknowledges = post.marker?.acknowledges === true;
    const work = enforce(arrival, reading);
    // A client that goes away must not take the handler with it, which has an upstream request to break off.
    context.waitUntil(work.then(nothing, nothing));
    return await work;
  } catch (cause) {
    const caseId = reading?.caseId || newCase();
    if (cause instanceof PortcullisError) {
      if (cause.code === "trapped") post.traps += 1;
      report({ event: cause.code, case: caseId, traps: post.traps, message: cause.message });
      if (cause.code === "body_unusable")
        return trouble(request, env, 400, cause.code, cause.message, caseId);
      if (cause.code === "body_slow")
        return trouble(request, env, 408, cause.code, cause.message, caseId);
      return trouble(
        request,
        env,
        503,
        "gate_unavailable",
        "the request could not be checked; try again",
        caseId,
      );
    }
    // Nobody is there to be told.
    if (!request.signal.aborted)
      report({ event: "origin_unreachable", case: caseId, message: String(cause) });
    return trouble(request, env, 502, "origin_unreachable", "the origin did not answer", caseId);
  } finally {
    reading?.done();
  }
}

/** Sends on what is not read. */
function pass(arrival: Arrival, context: Context, mark: Mark | undefined): Promise<Response> {
  const { request, post } = arrival;
  if (!isUndeclared(request)) return forward(arrival, mark);
  const abort = breaking(request);
  const { answer, sent } = passOn(
    request.body,
    (body) => forward(arrival, mark, { body, signal: abort.signal }),
    post.budget,
    abort,
  );
  context.waitUntil(sent);
  return answer;
}

/** Breaks off what is sent on, also when the client has gone: it needs no answer, and what it began to send is not whole. */
function breaking({ signal }: Request): AbortController {
  const abort = new AbortController();
  signal.addEventListener("abort", () => abort.abort());
  return abort;
}

async function enforce(arrival: Arrival, reading: Reading): Promise<Response> {
  const { request, post } = arrival;
  const abort = breaking(request);
  const send: Send = (judgement, body, decoded) => {
    const ready = (headers: Headers) => prepare(headers, reading.check);
    return forward(arrival, markOf(reading, judgement), {
      body: body ?? null,
      signal: abort.signal,
      decoded,
      ready,
    });
  };
  const { judgement, answer } = await screen(request, reading, send, post.budget, abort);
  if (judgement.verdict !== "pass")
    record(arrival, reading.caseId, reading.judgement ?? judgement, reading.operation);
  if (answer === undefined) return refuse(arrival, reading.refusal);
  return vetted(arrival, reading, answer, abort.signal);
}

/** What the client gets for an answer to a request that was judged. */
function vetted(
  arrival: Arrival,
  reading: Reading,
  answer: Response,
  signal?: AbortSignal,
): Promise<Response> {
  const { request, post } = arrival;
  return vet(answer, {
    request,
    reading,
    budget: post.budget,
    acknowledged: post.marker?.acknowledged(answer) === true,
    life: post.options.streamLife,
    refuse: (refusal) => refuse(arrival, refusal),
    withheld: () => record(arrival, reading.caseId, reading.judgement, reading.operation),
    again: (url) => {
      const ready = (headers: Headers) => prepare(headers, reading.check);
      return forward(
        { ...arrival, request: new Request(url, request) },
        markOf(reading, undefined),
        { body: null, signal, ready },
      );
    },
  });
}

/** What a relay asks of its surroundings, for as long as it lasts. */
function upgrade(arrival: Arrival): Upgrade {
  const { request, headers, post } = arrival;
  return {
    request,
    budget: post.budget,
    life: post.options.socketLife,
    hold: post.options.socketHold,
    gate: () => post.gate,
    facts: () => factsOf(arrival),
    holdsKey: (protocol) => post.slots.holdsKey(protocol),
    newCase,
    async connect({ guarded, denied }) {
      if (denied === "")
        return {
          answer: await forward(arrival, guarded ? UNRESTRICTED : undefined),
          acknowledged: false,
        };
      // What its messages will ask for is not known yet, nor whether the origin opens a socket: any other answer is read.
      const answer = await forward(
        arrival,
        { denied, verdict: "defer" },
        { ready: (onward) => prepare(onward, undefined) },
      );
      return { answer, acknowledged: post.marker?.acknowledged(answer) === true };
    },
    async unopened(answer, facts, caseId) {
      if (!answer.ok) return answer;
      const plain = { ...arrival, socket: false };
      const reading = post.gate.open(
        {
          method: request.method,
          url: request.url,
          headers: [...headers].filter(([name]) => name !== "upgrade"),
        },
        facts,
      );
      if (reading === undefined) return answer;
      try {
        reading.caseId = caseId;
        reading.acknowledges = post.marker?.acknowledges === true;
        const judgement = reading.finish();
        if (passes(judgement)) return await vetted(plain, reading, answer);
        record(plain, caseId, judgement, reading.operation);
        void drop(answer);
        return refuse(plain, reading.refusal);
      } finally {
        reading.done();
      }
    },
    decided: (session) => record(arrival, session.caseId, session.judgement, session.operation),
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
async function factsOf(arrival: Arrival): Promise<Facts> {
  const { request, headers, post, credentials } = arrival;
  const { keys } = post;
  const seen = placeOf(arrival);
  const crowded = isCrowded(arrival);
  const unknown = credentials.length === 0 || keys === undefined || crowded;
  return {
    // Another Worker stands between the caller and us: whose place this is, nobody can say.
    place: headers.has("cf-worker") ? [seen, {}] : seen,
    asn: cfOf(request).asn,
    ip: headers.get("cf-connecting-ip"),
    account: unknown
      ? undefined
      : await Promise.all(credentials.map((credential) => keys.account(credential))),
    stale: crowded,
  };
}

function cfOf(request: Request): Cf {
  return (request as unknown as { cf?: Cf }).cf ?? {};
}

function placeOf({ request, headers, env }: Arrival): Place {
  if (env.LOCAL === "1")
    return {
      country: headers.get("cf-ipcountry") ?? "",
      region: headers.get("cf-region-code") ?? "",
    };
  const { country, regionCode } = cfOf(request);
  return { country, region: regionCode };
}

/**
 * There are more credentials than callers are told apart by. None is looked up, and the caller counts as stale; but the origin would
 * use one, of an account that may be closed more than an unknown one is. So none reaches it.
 */
function isCrowded({ credentials }: Arrival): boolean {
  return credentials.length > CANDIDATES;
}

/** What is sent in place of what came; what is left out stays. */
interface Onward {
  readonly body?: BodyInit | null;
  readonly signal?: AbortSignal | undefined;
  readonly decoded?: boolean | undefined;
  /** Makes the headers ready for an answer that is read. */
  readonly ready?: (headers: Headers) => void;
}

/** Sends the request on; with `mark`, which every guarded one has, as one that the gate has judged. */
async function forward(
  arrival: Arrival,
  mark?: Mark,
  { body, signal, decoded, ready }: Onward = {},
): Promise<Response> {
  const { request, headers, env, socket, post } = arrival;
  const { marker } = post;
  const { ORIGIN: origin } = env;
  const guarded = mark !== undefined;
  const slots = isCrowded(arrival) ? post.closed : post.slots;
  const asked = guarded ? slots.cleared(request.url) : request.url;
  const url = typeof origin === "string" ? relocated(asked, origin) : asked;
  const dropped = unforwardable(headers, guarded ? slots.headers : NO_SLOTS);
  // What is no socket here must be none at the origin, where nobody would read what goes over it.
  if (!socket && headers.has("upgrade")) dropped.push("upgrade");
  let onward = request;
  let nonce: string | undefined;
  if (url !== request.url || dropped.length > 0 || guarded || body !== undefined) {
    // What is sent is built from what was judged: this URL, these headers, this body. Made from the request, a body that
    // was not touched keeps its length; made from its stream it would lose it.
    onward =
      body === undefined
        ? new Request(url, request)
        : new Request(url, replaced(request, body, signal));
    if (decoded === true) dropped.push(...codingHeaders(headers));
    for (const name of dropped) onward.headers.delete(name);
    ready?.(onward.headers);
    if (guarded) {
      slots.clear(onward.headers);
      nonce = await marker?.mark(onward, mark);
    }
  }
  const response = await (typeof origin === "object" ? origin.fetch(onward) : fetch(onward));
  if (response.status < 200 && !isOpen(response)) {
    // The runtime hands out the first one, 103 say, as if it were the answer. No answer can be made of it.
    void drop(response);
    throw new Error(`an interim answer, ${response.status}`);
  }
  if (marker !== undefined) return marker.answered(response, nonce);
  return response.headers.has(ENFORCED_HEADER) ? without(response) : response;
}

function replaced(
  { method, headers }: Request,
  body: BodyInit | null,
  signal: AbortSignal | undefined,
): RequestInit {
  // An empty body is none. Another is more than the runtime takes with these methods.
  const none = body === null || (body instanceof Uint8Array && body.length === 0);
  if (!none && /^(?:GET|HEAD)$/.test(method))
    throw new PortcullisError("body_unusable", `a body of a ${method} request cannot be forwarded`);
  return {
    method,
    headers,
    redirect: "manual",
    body: none ? null : body,
    ...(signal === undefined ? {} : { signal }),
  };
}

/** The same path and query at another host, untouched: they are what was judged. */
function relocated(url: string, origin: string): string {
  const path = url.indexOf("/", url.indexOf("://") + 3);
  return origin.replace(/\/$/, "") + (path < 0 ? "/" : url.slice(path));
}

function refuse({ request, env }: Arrival, refusal: Refusal | undefined): Response {
  if (refusal === undefined) throw new PortcullisError("replaced", "a refusal without words");
  const headers = new Headers(refusal.headers as [string, string][]);
  allowPage(request, env, headers);
  return new Response(request.method === "HEAD" ? null : refusal.body, {
    status: refusal.status,
    headers,
  });
}

/**
 * The gate itself is in trouble, or nothing can be read. Nothing has read which API the caller speaks, so the body is one that both kinds of client
 * take for their own; 503, 502 and 408 are retried by all of them, 400 by none.
 */
function trouble(
  request: Request,
  env: Env,
  code: 400 | 408 | 502 | 503,
  reason: string,
  message: string,
  caseId = "",
): Response {
  const headers = new Headers({ "content-type": "application/json", "cache-control": "no-store" });
  if (caseId !== "") {
    headers.set("x-request-id", caseId);
    headers.set("request-id", caseId);
  }
  allowPage(request, env, headers);
  const body = {
    type: "error",
    error: { type: "api_error", message, param: null, code: reason },
    request_id: caseId,
  };
  return new Response(request.method === "HEAD" ? null : JSON.stringify(body), {
    status: code,
    headers,
  });
}

/** Lets the pages of the deployment read a refusal. */
function allowPage(request: Request, env: Env, headers: Headers): void {
  const origin = request.headers.get("origin");
  // A list in the configuration comes as one; it is no reason to fail where a refusal is told.
  const allowed = isMissing(env.CORS_ORIGINS)
    ? undefined
    : String(env.CORS_ORIGINS)
        .split(",")
        .map((one) => one.trim());
  if (origin === null || allowed === undefined) return;
  headers.append("vary", "origin");
  if (!allowed.includes(origin) && !allowed.includes("*")) return;
  headers.set("access-control-allow-origin", allowed.includes(origin) ? origin : "*");
  headers.set("access-control-expose-headers", "link, request-id, x-request-id, x-should-retry");
}

function status(post: Post | PortcullisError): Response {
  const headers = { "cache-control": "no-store" };
  if (post instanceof PortcullisError)
    return Response.json({ error: post.code }, { status: 503, headers });
  const { digest, version, expires } = post.gate.info;
  const { problems } = post;
  return Response.json(
    {
      digest,
      version,
      expires: expires === null ? null : new Date(expires).toISOString(),
      ...(problems.length > 0 ? { problems } : {}),
    },
    { headers },
  );
}

/** One line for the platform's log; it holds no credential, no account and no text of a request. */
function report(line: Record<string, unknown>): void {
  console.error(JSON.stringify({ portcullis: line }));
}

/**
 * The trace of a request that did not simply pass: under the case id that its refusal carries, what was decided and on which grounds. Families and
 * restrictions are the policy's, operations the dialects'; of the caller it holds the country alone.
 */
function record(
  arrival: Arrival,
  caseId: string,
  judgement: Judgement | undefined,
  operation: string,
): void {
  if (judgement === undefined) return;
  const { mentions: _, ...words } = judgement;
  const country = arrival.headers.has("cf-worker") ? "" : `${placeOf(arrival).country}`;
  const place = /^(?!XX)[A-Z]{2}$/.test(country) ? country : "unknown";
  console.log(
    JSON.stringify({ portcullis: { event: "decision", case: caseId, ...words, operation, place } }),
  );
}

function bytes(hex: string): Uint8Array {
  const digits = hex.trimEnd();
  if (!/^(?:[0-9a-f]{2}){16,}$/i.test(digits))
    throw new PortcullisError("key_invalid", "LIST_KEY is not 32 hexadecimal digits or more");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function newCase(): string {
  return `pc-${crypto.randomUUID()}`;
}

function nothing(): void {}
