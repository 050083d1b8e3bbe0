/** The status page, and the lines of the log. */
import { PortcullisError } from "../error.ts";
import type { BundleInfo } from "../types.ts";

/** Where the gate answers by itself. */
export const OWN_PATHS = "/.well-known/portcullis/";
export const STATUS_PATH = `${OWN_PATHS}status`;

/** A running gate. `problems`: what the deployment lacks although it runs. */
interface Running {
  readonly gate: { readonly info: BundleInfo };
  readonly problems: readonly string[];
}

/** Makes the status page: digest, version and expiry of the policy, or the code of the error. */
export function status(state: Running | PortcullisError): Response {
  const headers = { "cache-control": "no-store" };
  if (state instanceof PortcullisError)
    return Response.json({ error: state.code }, { status: 503, headers });
  const { problems, gate } = state;
  const { digest, version, expires } = gate.info;
  const expiry = expires === null ? null : new Date(expires).toISOString();
  return Response.json(
    { digest, version, expires: expiry, ...(problems.length > 0 ? { problems } : {}) },
    { headers },
  );
}

/**
 * Writes one line of JSON to the log. Decisions go to the ordinary log, all else to the error log.
 *
 * A line holds no credential, no account and no text of a request.
 */
export function log(line: { readonly event: string } & Readonly<Record<string, unknown>>): void {
  console[line.event === "decision" ? "log" : "error"](JSON.stringify({ portcullis: line }));
}
