/** Asks the access endpoint. */
import { PortcullisError, invalid } from "../error.ts";
import type { Access } from "../types.ts";
import { readAccess } from "./answer.ts";

/** Where the gate answers, on the page's own host. */
export const ACCESS_URL = "/.well-known/portcullis/access";

/** Answers that are kept at most. The one that was asked for first goes first. */
const KEPT = 16;
/** Milliseconds for which an answer is kept, at least and at most. */
const SHORTEST_MS = 5_000;
const LONGEST_MS = 60_000;
/** Attempts, and milliseconds between the first two, on average; each later wait is twice as long. */
const ATTEMPTS = 3;
const WAIT_MS = 250;
/** Milliseconds that an attempt may take, and that a server may ask to wait. */
const TIMEOUT_MS = 5_000;

/** How to ask the access endpoint. */
export interface AccessOptions {
  /** The user's credential, sent as `Authorization: Bearer`. By default none is sent. */
  readonly credential?: string | undefined;
  /** The id of an operation. By default the answer holds for every operation. */
  readonly operation?: string | undefined;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
  /** Asks again although an answer is kept. */
  readonly fresh?: boolean | undefined;
}

/** Answers by address and credential, and when each must be asked for again. */
const kept = new Map<string, { readonly access: Promise<Access>; until: number }>();

/**
 * Asks the access endpoint what the user may use.
 *
 * Questions of the same user share one request. Its answer is kept until it expires: 60 seconds at
 * most, 5 at least. A failure is not kept. An attempt that fails for want of a connection, or with
 * a status of 429 or above 499, is repeated twice.
 *
 * @param url The endpoint. By default that of the page's own host
 * @throws PortcullisError `access_unreachable`, `access_limited`, `access_refused` or
 *   `answer_invalid`; and the reason of `signal`
 */
export async function fetchAccess(
  url: string | URL = ACCESS_URL,
  { credential = "", operation = "", signal, fresh }: AccessOptions = {},
): Promise<Access> {
  if (!/^[!-~]*$/.test(credential)) throw invalid("`credential` is no token");
  signal?.throwIfAborted();
  let target = String(url);
  if (operation !== "")
    target += `${target.includes("?") ? "&" : "?"}operation=${encodeURIComponent(operation)}`;
  const key = `${target} ${credential}`;
  let entry = kept.get(key);
  if (entry === undefined || fresh || Date.now() >= entry.until) {
    const access = ask(target, credential);
    const asked = (entry = { access, until: Number.POSITIVE_INFINITY });
    kept.delete(key);
    kept.set(key, asked);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value as string);
    access.then(
      (answer) => {
        const now = Date.now();
        const end = Date.parse(answer.toJSON().expires ?? "") || Number.POSITIVE_INFINITY;
        asked.until = Math.min(now + LONGEST_MS, Math.max(now + SHORTEST_MS, end));
      },
      () => {
        if (kept.get(key) === asked) kept.delete(key);
      },
    );
  }
  const { access } = entry;
  if (signal === undefined) return access;
  // Others may wait for the same answer, so the signal ends the waiting alone.
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
    access.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

async function ask(target: string, credential: string): Promise<Access> {
  for (let attempt = 1; ; attempt += 1) {
    let status = 0;
    let wait = WAIT_MS * 2 ** attempt * Math.random();
    try {
      const response = await fetch(target, {
        headers: credential === "" ? {} : { authorization: `Bearer ${credential}` },
        cache: "no-store",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (response.ok) return readAccess(await response.text());
      status = response.status;
      wait = Math.max(wait, Number(response.headers.get("retry-after")) * 1_000 || 0);
    } catch (cause) {
      if (cause instanceof PortcullisError) throw cause;
    }
    const isFinal = status > 0 && status < 500 && status !== 429;
    if (isFinal || attempt === ATTEMPTS || wait > TIMEOUT_MS)
      throw new PortcullisError(
        isFinal ? "access_refused" : status === 429 ? "access_limited" : "access_unreachable",
        `the access endpoint ${status > 0 ? `has status ${status}` : "does not answer"}`,
      );
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}
