/** Responses of the gate's own: refusals in the words of an API, and errors of the gate. */
import { PortcullisError } from "../error.ts";
import { isMissing } from "../input.ts";
import type { Refusal } from "../types.ts";
import type { Settings } from "./platform.ts";

/** Makes the response for a denied or refused request. */
export function refusalResponse(
  request: Request,
  settings: Settings,
  refusal: Refusal | undefined,
): Response {
  if (refusal === undefined) throw new PortcullisError("replaced", "a refusal without words");
  const headers = new Headers(refusal.headers as [string, string][]);
  return respond(request, settings, refusal.status, headers, refusal.body);
}

/**
 * Makes the response for an error of the gate, or for a body that cannot be read.
 *
 * The API is unknown then, so the body has a form that clients of both common APIs understand. They
 * retry after 408, 502 and 503, and not after 400 and 501.
 */
export function gatewayError(
  request: Request,
  settings: Settings,
  status: 400 | 408 | 501 | 502 | 503,
  code: string,
  message: string,
  caseId = "",
): Response {
  const headers = new Headers({ "content-type": "application/json", "cache-control": "no-store" });
  if (caseId !== "") {
    headers.set("x-request-id", caseId);
    headers.set("request-id", caseId);
  }
  const body = {
    type: "error",
    error: { type: "api_error", message, param: null, code },
    request_id: caseId,
  };
  return respond(request, settings, status, headers, JSON.stringify(body));
}

/**
 * Completes a response: allows the deployment's pages to read it, and leaves the body of a HEAD
 * request out.
 */
function respond(
  request: Request,
  { CORS_ORIGINS: pages }: Settings,
  status: number,
  headers: Headers,
  body: string,
): Response {
  const origin = request.headers.get("origin");
  if (origin !== null && !isMissing(pages)) {
    headers.append("vary", "origin");
    // A list in the configuration arrives as an array. It must not break a refusal.
    const allowed = String(pages)
      .split(",")
      .map((one) => one.trim());
    const listed = allowed.includes(origin);
    if (listed || allowed.includes("*")) {
      headers.set("access-control-allow-origin", listed ? origin : "*");
      headers.set(
        "access-control-expose-headers",
        "link, request-id, x-request-id, x-should-retry",
      );
    }
  }
  return new Response(request.method === "HEAD" ? null : body, { status, headers });
}
