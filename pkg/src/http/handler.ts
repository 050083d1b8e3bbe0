/**
 * Puts verdicts into effect: receives requests, judges them, and forwards or refuses them.
 *
 * It runs on any runtime with Web standards. A {@link Platform} supplies the rest.
 *
 * ```text
 * request -> credentials, facts -> gate.begin
 *   unrestricted, or unguarded target   forward, unread
 *   restricted caller                   checkBody -> refusal, or forward -> checkResponse
 *     head remembered, short body       judged in one call; the rest only if it must be
 *   WebSocket                           relay
 * ```
 */
// The order of these imports is the order of the files in a bundle. Similar files side by side save
// 60 bytes compressed.
import { Gate } from "../gate.ts";
import { isUpgrade } from "../websocket/session.ts";
import { Budget } from "../operate/budget.ts";
import {
  type Sending,
  type Sent,
  checkBody,
  forwardUnread,
  isUndeclared,
  shortBody,
} from "./request-body.ts";
import { type RelayContext, relay } from "../websocket/relay.ts";
import { AccountStore } from "../operate/account-store.ts";
import { checkResponse, prepareHeaders } from "./response.ts";
import { CredentialSlots } from "./credentials.ts";
import { type AccessStatement, Signer, withoutAcknowledgement } from "../access-header/sign.ts";
import { HeaderLines, codingHeaders, headersToRemove } from "./headers.ts";
import { gatewayError, refusalResponse } from "./refusal.ts";
import { PortcullisError, invalid } from "../error.ts";
import { type Buffered, isMissing } from "../input.ts";
import { OWN_PATHS, STATUS_PATH, log, status } from "../operate/status.ts";
import { ACCESS_PATH, type AccessQuestion, accessEndpoint } from "./access-endpoint.ts";
import { RateLimit } from "../operate/rate-limit.ts";
import type { Screening } from "../screening.ts";
import { passes } from "../verdict.ts";
import type { Facts, Place } from "../types.ts";
import type { Decoder } from "../wasm/decoder.ts";
import type { CompiledModule } from "../wasm/instance.ts";
import type { Sockets } from "../websocket/sockets.ts";
import { CANDIDATES, CHECK_NOTHING } from "../wasm/wire.ts";
import type { HeaderMap, Platform, Settings } from "./platform.ts";
import { discard } from "./stream.ts";

/** What a handler is made of. */
export interface HandlerOptions {
  /** `import module from "portcullis/edge.wasm"` */
  readonly module: CompiledModule;
  /** The compiled policy, as bytes. */
  readonly bundle: Buffered;
  /**
   * Undoes content codings: `new Decoder(decode)`, from `portcullis/decode` and
   * `portcullis/decode.wasm`. Without it, coded bodies of restricted callers are refused.
   */
  readonly decoder?: Decoder;
  /**
   * Milliseconds, less than 2^31, that a stream to a restricted caller may last. By default an
   * hour.
   */
  readonly streamLife?: number;
  /** The same for a WebSocket. */
  readonly socketLife?: number;
  /**
   * Milliseconds in which each 64 KB of a judged body, or its end, must arrive. A body of declared
   * length up to 1 MB has the sum for its whole length. By default half a minute.
   */
  readonly bodyWait?: number;
  /**
   * Milliseconds in which a WebSocket's origin, or its client, must name a model. By default ten
   * seconds.
   */
  readonly socketHold?: number;
}

/**
 * Handles a request.
 *
 * @param waitUntil Keeps the runtime from stopping before a promise settles
 */
export type Handler = (
  request: Request,
  settings: Settings,
  waitUntil: (work: Promise<unknown>) => void,
) => Promise<Response>;

/** What an isolate keeps between requests. */
interface IsolateState {
  readonly platform: Platform;
  readonly options: HandlerOptions;
  readonly gate: Gate;
  readonly slots: CredentialSlots;
  /** Used when there are too many credentials: it removes every one. */
  readonly noSlots: CredentialSlots;
  readonly signer: Signer | undefined;
  readonly accounts: AccountStore | undefined;
  readonly budget: Budget;
  /** Limits questions to the access endpoint. */
  readonly limit: RateLimit;
  /** What the deployment lacks although it runs. */
  readonly problems: readonly string[];
  traps: number;
}

/** A request, with what is known about it before it is judged. */
interface Exchange {
  readonly request: Request;
  readonly headers: HeaderMap;
  readonly settings: Settings;
  readonly state: IsolateState;
  /** The request asks for a WebSocket. Any other request is forwarded without `Upgrade`. */
  readonly upgrade: boolean;
  /** The distinct credentials. */
  readonly credentials: readonly string[];
  /**
   * There are more credentials than the gate looks up. It looks up none, and the caller counts as
   * stale. The origin receives none of them either, because the account that it would use could be
   * more restricted than an unknown one.
   */
  readonly stale: boolean;
}

/** A credential that no caller has: it holds a blank. */
const NOBODY = "no credential";
const UNRESTRICTED: AccessStatement = { denied: "", verdict: "pass" };
const UNGUARDED_SLOTS: ReadonlyMap<string, boolean> = new Map();

/**
 * Makes a handler. The policy is loaded at once, since a platform starts an isolate while the
 * client's connection is still being opened. A policy with a secret list needs the settings, so it
 * is loaded at the first request. If that fails, every request gets status 503.
 */
export function handler(options: HandlerOptions, platform: Platform): Handler {
  let state: IsolateState | PortcullisError | undefined;
  const early = loadEarly(options);
  return (request, settings, waitUntil) =>
    handle(request, settings, waitUntil, (state ??= init(options, platform, settings, early)));
}

/** Loads a policy without a list key; undefined if it needs one, or cannot be loaded. */
function loadEarly(options: HandlerOptions): Gate | undefined {
  try {
    const { module, bundle, decoder } = options;
    const gate = Gate.loadSync({ module, bundle, decoder });
    if (!gate.info.secretLists) return gate;
    gate.free();
  } catch {
    // The first request loads it again, and reports the error.
  }
  return undefined;
}

function init(
  options: HandlerOptions,
  platform: Platform,
  settings: Settings,
  early: Gate | undefined,
): IsolateState | PortcullisError {
  try {
    const { module, bundle, decoder, streamLife, socketHold, socketLife, bodyWait } = options;
    const { LIST_KEY, KEYS, KEY_SECRET, CREDENTIAL_SLOTS, LOCAL } = settings;
    // `setTimeout` takes 1 to 2^31 - 1 milliseconds. With other values it fires at once.
    for (const ms of [streamLife, socketHold, socketLife, bodyWait])
      if (!isMissing(ms) && !(typeof ms === "number" && ms > 0 && ms < 2 ** 31))
        throw invalid("a time of the options is no number of milliseconds");
    const listKey = LIST_KEY === undefined ? undefined : hexBytes(LIST_KEY);
    const gate = early ?? Gate.loadSync({ module, bundle, listKey, decoder });
    const { info } = gate;
    // Membership would be unknown, and some restrictions let unknown callers pass.
    if (listKey === undefined && info.secretLists)
      throw new PortcullisError(
        "list_key_missing",
        "the policy has a secret list, LIST_KEY is not set",
      );
    const lacking = info.needs.network.filter((kind) => !platform.networks.includes(kind));
    if (lacking.length > 0)
      throw new PortcullisError(
        "platform_lacks",
        `${platform.name} does not report ${lacking.join(", ")}`,
      );
    const accounts =
      KEYS !== undefined && KEY_SECRET !== undefined
        ? new AccountStore(gate, KEYS, KEY_SECRET)
        : undefined;
    const slots = new CredentialSlots(info, CREDENTIAL_SLOTS);
    const noSlots = new CredentialSlots(info, CREDENTIAL_SLOTS, true);
    const signer = Signer.of(settings, info, slots.headers.keys());
    const problems: string[] = [];
    const warn = (event: string, message: string) => {
      problems.push(event);
      log({ event, message });
    };
    if (info.facts.length > 0 && KEYS !== undefined && accounts === undefined)
      warn("key_secret_missing", "KEY_SECRET is not set: all accounts are unknown");
    if (LOCAL === "1") warn("place_claimed", "LOCAL is 1: clients can send any place");
    const budget = new Budget(bodyWait);
    return {
      platform,
      options,
      gate,
      slots,
      noSlots,
      signer,
      accounts,
      budget,
      limit: new RateLimit(),
      problems,
      traps: 0,
    };
  } catch (cause) {
    const error =
      cause instanceof PortcullisError
        ? cause
        : new PortcullisError("module_unusable", String(cause), { cause });
    log({ event: "no_bundle", code: error.code, message: error.message });
    return error;
  }
}

async function handle(
  request: Request,
  settings: Settings,
  waitUntil: (work: Promise<unknown>) => void,
  state: IsolateState | PortcullisError,
): Promise<Response> {
  const { method, url } = request;
  const own = url.includes(OWN_PATHS) ? new URL(url).pathname : "";
  if (own === STATUS_PATH) return status(state);
  if (state instanceof PortcullisError)
    return gatewayError(request, settings, 503, "no_bundle", "the policy cannot be loaded");
  let screening: Screening | undefined;
  try {
    const { gate, slots, signer, platform } = state;
    // Copied once: to read all of the runtime's own headers costs as much as the decision.
    const headers = new HeaderLines(request.headers);
    const head = { method, url, headers };
    const upgrade = isUpgrade(head);
    const credentials = slots.credentials(headers, url);
    const stale = credentials.length > CANDIDATES;
    const exchange: Exchange = { request, headers, settings, state, upgrade, credentials, stale };
    if (own === ACCESS_PATH) return await accessEndpoint(questionOf(exchange));
    if (upgrade && platform.sockets === undefined)
      return gatewayError(request, settings, 501, "upgrade_unsupported", "no WebSockets here");
    const found = factsOf(exchange);
    const facts = found instanceof Promise ? await found : found;
    if (upgrade) return await relay(relayContext(exchange, platform.sockets as Sockets), facts);
    const begun = gate.begin(head, facts);
    screening = begun.screening;
    if (screening === undefined)
      return await forwardUnrestricted(
        exchange,
        waitUntil,
        begun.guarded ? UNRESTRICTED : undefined,
      );
    screening.caseId = newCase();
    screening.acknowledges = signer?.acknowledges === true;
    const sending = sendingOf(exchange, screening);
    const short = screening.isBrief ? await shortBody(request, state.budget) : undefined;
    if (short !== undefined && screening.passesBriefly(short)) {
      const response = await sending.send({ body: short, signal: request.signal });
      return await checkedResponse(exchange, screening, response);
    }
    const work = judgeAndForward(exchange, screening, sending, short);
    // When the client leaves, the handler must still abort its upstream request.
    waitUntil(work.catch(() => undefined));
    return await work;
  } catch (cause) {
    const caseId = screening?.caseId || newCase();
    const fail = (status: 400 | 408 | 502 | 503, code: string, message: string) =>
      gatewayError(request, settings, status, code, message, caseId);
    if (cause instanceof PortcullisError) {
      const { code, message } = cause;
      report(state, code, caseId, cause, message);
      if (code === "body_unusable" || code === "body_slow")
        return fail(code === "body_slow" ? 408 : 400, code, message);
      return fail(503, "gate_unavailable", "the request could not be checked; try again");
    }
    // If the client has left, the upstream request failed because of that.
    if (!request.signal.aborted)
      log({ event: "origin_unreachable", case: caseId, message: String(cause) });
    return fail(502, "origin_unreachable", "the origin did not answer");
  } finally {
    screening?.done();
  }
}

/** Forwards a request of an unrestricted caller, or to an unguarded target, unread. */
function forwardUnrestricted(
  exchange: Exchange,
  waitUntil: (work: Promise<unknown>) => void,
  statement: AccessStatement | undefined,
): Promise<Response> {
  const { request, state } = exchange;
  if (!isUndeclared(request)) return forward(exchange, statement);
  const { response, sent } = forwardUnread(request.body, {
    request,
    send: (sent) => forward(exchange, statement, sent),
    budget: state.budget,
    pipe: state.platform.pipe,
  });
  waitUntil(sent);
  return response;
}

/** Returns how a request of a restricted caller is sent, and what bounds it. */
function sendingOf(exchange: Exchange, screening: Screening): Sending {
  const { request, state } = exchange;
  return {
    request,
    send: (sent) => forward(exchange, statementOf(screening), sent, screening.check ?? null),
    budget: state.budget,
    pipe: state.platform.pipe,
  };
}

/** Judges a request of a restricted caller, and forwards or refuses it. */
async function judgeAndForward(
  exchange: Exchange,
  screening: Screening,
  sending: Sending,
  short: Uint8Array<ArrayBuffer> | undefined,
): Promise<Response> {
  const { request, settings } = exchange;
  const response = await checkBody(screening, sending, short);
  if (!screening.hasPassed) logDecision(exchange, screening);
  return response === undefined
    ? refusalResponse(request, settings, screening.refusal)
    : checkedResponse(exchange, screening, response);
}

/** Makes the client's response from the origin's. */
function checkedResponse(
  exchange: Exchange,
  screening: Screening,
  response: Response,
): Promise<Response> {
  const { request, settings, state } = exchange;
  const { budget, platform, signer, options } = state;
  return checkResponse(response, {
    request,
    screening,
    budget,
    pipe: platform.pipe,
    acknowledged: signer?.acknowledged(response) === true,
    life: options.streamLife,
    refuse: (refusal) => refusalResponse(request, settings, refusal),
    withheld: () => logDecision(exchange, screening),
    again: (url) =>
      forward(
        { ...exchange, request: new Request(url, request) },
        statementOf(screening),
        { body: null, signal: request.signal },
        screening.check ?? null,
      ),
  });
}

function relayContext(exchange: Exchange, sockets: Sockets): RelayContext {
  const { request, settings, headers, state } = exchange;
  const { gate, signer, options } = state;
  return {
    request,
    sockets,
    budget: state.budget,
    life: options.socketLife,
    hold: options.socketHold,
    gate: () => gate,
    facts: async () => factsOf(exchange),
    isCredential: (protocol) => state.slots.isCredential(protocol),
    newCase,
    async connect({ guarded, deniedIds: denied }) {
      if (denied === "")
        return {
          response: await forward(exchange, guarded ? UNRESTRICTED : undefined),
          acknowledged: false,
        };
      // The messages are unknown yet. If the origin opens no socket, its response is checked.
      const response = await forward(exchange, { denied, verdict: "defer" }, undefined, null);
      return { response, acknowledged: signer?.acknowledged(response) === true };
    },
    async withoutSocket(response, facts, caseId) {
      if (!response.ok) return response;
      const plain = { ...exchange, upgrade: false };
      const head = [...headers].filter(([name]) => name !== "upgrade");
      const { method, url } = request;
      const screening = gate.open({ method, url, headers: head }, facts);
      if (screening === undefined) return response;
      try {
        screening.caseId = caseId;
        screening.acknowledges = signer?.acknowledges === true;
        if (passes(screening.finish())) return await checkedResponse(plain, screening, response);
        logDecision(plain, screening);
        discard(response);
        return refusalResponse(request, settings, screening.refusal);
      } finally {
        screening.done();
      }
    },
    decided: (session) => logDecision(exchange, session),
    fault: (cause, caseId) => report(state, "session_failed", caseId, cause, String(cause)),
  };
}

/** Returns what the access endpoint needs. */
function questionOf(exchange: Exchange): AccessQuestion {
  const { request, headers, settings, credentials, state } = exchange;
  const { gate, limit, slots, platform } = state;
  return {
    request,
    settings,
    gate,
    limit,
    credentialHeaders: slots.headers.keys(),
    ip: platform.facts(request, headers, settings).ip,
    // Without a credential a made-up one is looked up, so that both take as long.
    facts: async () =>
      factsOf({ ...exchange, credentials: credentials.length > 0 ? credentials : [NOBODY] }),
  };
}

/** Returns what the access header states. Before the verdict it states `defer`. */
function statementOf({ deniedIds: denied, hasPassed }: Screening): AccessStatement {
  return { denied, verdict: hasPassed ? "pass" : "defer" };
}

/** Gathers the facts. The account of each credential is a candidate. */
function factsOf(exchange: Exchange): Facts | Promise<Facts> {
  const { request, headers, settings, state, credentials, stale } = exchange;
  const { accounts, platform } = state;
  const found =
    accounts === undefined || stale ? [] : credentials.map((one) => accounts.account(one));
  const connection = platform.facts(request, headers, settings);
  // To wait for accounts that are kept would cost as much as to look them up.
  return found.some((one) => one instanceof Promise)
    ? Promise.all(found).then((account) => ({ ...connection, account, stale }))
    : { ...connection, account: found as Facts["account"], stale };
}

/**
 * Sends a request to the origin. Every guarded request has a `statement`, which is signed.
 *
 * @param sent By default the request's own body
 * @param check How the response will be checked, a `CHECK_` number; null before the verdict
 */
async function forward(
  exchange: Exchange,
  statement?: AccessStatement,
  sent?: Sent,
  check: number | null = CHECK_NOTHING,
): Promise<Response> {
  const { request, headers, settings, upgrade, stale, state } = exchange;
  const { signer, platform } = state;
  const { ORIGIN: origin } = settings;
  const guarded = statement !== undefined;
  const slots = stale ? state.noSlots : state.slots;
  const asked = guarded ? slots.removeFromUrl(request.url) : request.url;
  const url = typeof origin === "string" ? relocated(asked, origin) : asked;
  const removed = headersToRemove(headers, guarded ? slots.headers : UNGUARDED_SLOTS);
  // The origin must not open a socket that the gate does not relay.
  if (!upgrade && headers.has("upgrade")) removed.push("upgrade");
  if (sent?.decoded === true) removed.push(...codingHeaders(headers));
  // The request is built from what was judged: this URL, these headers, this body. A body that is
  // untouched keeps its length only if the request is made from the request itself.
  const untouched = sent === undefined ? new Request(url, request) : undefined;
  const onward = untouched?.headers ?? new Headers(request.headers);
  for (const name of removed) onward.delete(name);
  prepareHeaders(onward, check);
  let nonce: string | undefined;
  if (guarded) {
    slots.removeFrom(onward);
    nonce = await signer?.sign({ url, method: request.method, headers: onward }, statement);
  }
  const init = sent === undefined ? undefined : replaced(request, onward, sent);
  const response = await (typeof origin === "object"
    ? origin.fetch(untouched ?? new Request(url, init))
    : platform.fetch(untouched ?? url, init));
  if (response.status < 200 && platform.sockets?.opened(response) === undefined) {
    // Some runtimes return an interim response, such as 103, in place of the final one.
    discard(response);
    throw new Error(`an interim response, ${response.status}`);
  }
  return signer?.takeAcknowledgement(response, nonce) ?? withoutAcknowledgement(response);
}

function replaced({ method }: Request, headers: Headers, { body, signal }: Sent): RequestInit {
  // An empty body is no body. Runtimes accept no other body with these methods.
  const none = body === null || (body instanceof Uint8Array && body.length === 0);
  if (!none && /^(?:GET|HEAD)$/.test(method))
    throw new PortcullisError(
      "body_unusable",
      `a ${method} request with a body cannot be forwarded`,
    );
  return {
    method,
    headers,
    redirect: "manual",
    body: none ? null : body,
    // Node requires it for streams (Fetch, "RequestInit.duplex").
    duplex: "half",
    signal,
  } as RequestInit;
}

/** The last origin of a deployment, as it was written and as URLs begin with it. */
let lastOrigin = "";
let lastBase = "";

/** Moves a URL to another host. Path and query stay unchanged, because they were judged. */
function relocated(url: string, origin: string): string {
  if (origin !== lastOrigin) {
    lastBase = new URL(origin).href.replace(/\/$/, "");
    lastOrigin = origin;
  }
  const path = url.indexOf("/", url.indexOf("://") + 3);
  return lastBase + (path < 0 ? "/" : url.slice(path));
}

/** Logs an error of the gate. */
function report(
  state: IsolateState,
  event: string,
  caseId: string,
  cause: unknown,
  message: string,
): void {
  if (cause instanceof PortcullisError && cause.code === "trapped") state.traps += 1;
  log({ event, case: caseId, traps: state.traps, message });
}

/**
 * Logs a decision under the case id of its refusal. Ids of families, restrictions and operations
 * come from the policy and the dialects. The line holds one fact of the caller, the country, if it
 * is certain.
 */
function logDecision(
  { request, headers, settings, state }: Exchange,
  { caseId, verdict, operation }: Pick<Screening, "caseId" | "verdict" | "operation">,
): void {
  if (verdict === undefined) return;
  const { mentions: _, ...words } = verdict.toJSON();
  const { place } = state.platform.facts(request, headers, settings);
  // A list of places has no country, and neither has an unknown place.
  const country = `${(place as Place | undefined)?.country}`;
  log({
    event: "decision",
    case: caseId,
    ...words,
    operation,
    place: /^(?!XX)[A-Z]{2}$/.test(country) ? country : "unknown",
  });
}

function hexBytes(hex: string): Uint8Array {
  const digits = hex.trimEnd();
  if (!/^(?:[0-9a-f]{2}){16,}$/i.test(digits))
    throw new PortcullisError("key_invalid", "LIST_KEY is not 32 hexadecimal digits or more");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function newCase(): string {
  return `pc-${crypto.randomUUID()}`;
}
