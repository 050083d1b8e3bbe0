/**
 * The access endpoint: tells a page what its user may use.
 *
 * The answer is for the caller whose credential is sent, or for one of whom nothing but the
 * connection is known. It is the same for a credential that is absent, unknown or revoked, and
 * takes as long: one look-up. Each address is limited before the look-up.
 */
import type { PortcullisError } from "../error.ts";
import type { Gate } from "../gate.ts";
import { isMissing } from "../input.ts";
import { OWN_PATHS } from "../operate/status.ts";
import { type RateLimit, addressKey } from "../operate/rate-limit.ts";
import type { Access, Facts } from "../types.ts";
import type { Settings } from "./platform.ts";

export const ACCESS_PATH = `${OWN_PATHS}access`;

/** What the endpoint needs of a request. */
export interface AccessQuestion {
  readonly request: Request;
  readonly settings: Settings;
  readonly gate: Gate;
  readonly limit: RateLimit;
  /** Names of the headers that hold credentials. */
  readonly credentialHeaders: Iterable<string>;
  readonly ip: Facts["ip"];
  /** Gathers the facts, which looks accounts up. */
  facts(): Promise<Facts>;
}

/** Answers a request to {@link ACCESS_PATH}. */
export async function accessEndpoint(question: AccessQuestion): Promise<Response> {
  const { request, settings, gate, limit, ip } = question;
  const { method, url } = request;
  const headers = pageHeaders(question);
  if (method === "OPTIONS") return new Response(null, { status: 204, headers });
  if (method !== "GET" && method !== "HEAD") {
    headers.set("allow", "GET, HEAD, OPTIONS");
    return failure(405, "method_not_allowed", "this address takes GET", headers);
  }
  const key = addressKey(ip);
  const shared = settings.ACCESS_LIMITER;
  if (
    !limit.admits(key, Date.now()) ||
    (!isMissing(shared) && !(await shared.limit({ key })).success)
  ) {
    headers.set("retry-after", "10");
    return failure(429, "rate_limited", "too many questions from this address", headers);
  }
  const facts = await question.facts();
  const operation = new URL(url).searchParams.get("operation") ?? "";
  let access: Access;
  try {
    access = operation === "" ? gate.access(facts) : gate.access(facts, { operation });
  } catch (cause) {
    if (operation === "" || (cause as PortcullisError).code !== "input_invalid") throw cause;
    return failure(400, "operation_unknown", "no guarded API has this operation", headers);
  }
  const body = method === "HEAD" ? null : JSON.stringify(access);
  headers.set("content-type", "application/json");
  return new Response(body, { headers });
}

/**
 * Returns headers that keep the answer out of every cache and let the deployment's pages read it.
 * Only pages that `CORS_ORIGINS` names may: `*` names none, since the answer is one user's.
 */
function pageHeaders({ request, settings, credentialHeaders }: AccessQuestion): Headers {
  const headers = new Headers({ "cache-control": "private, no-store", vary: "origin" });
  const origin = request.headers.get("origin");
  const pages = String(settings.CORS_ORIGINS ?? "").split(",");
  if (origin === null || origin === "*" || !pages.some((page) => page.trim() === origin))
    return headers;
  headers.set("access-control-allow-origin", origin);
  headers.set("access-control-expose-headers", "retry-after");
  if (request.method === "OPTIONS") {
    headers.set("access-control-allow-methods", "GET, HEAD");
    headers.set("access-control-allow-headers", [...credentialHeaders].join(", "));
    headers.set("access-control-max-age", "600");
  }
  return headers;
}

function failure(status: number, code: string, message: string, headers: Headers): Response {
  headers.set("content-type", "application/json");
  return new Response(JSON.stringify({ error: { code, message } }), { status, headers });
}
