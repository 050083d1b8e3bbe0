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
/** Attempts, and milliseconds before the second one; each later wait is twice as long. */
const ATTEMPTS = 3;
const WAIT_MS = 250;
/** Milliseconds that an attempt may take, and that a server may ask to wait. */
const TIMEOUT_MS = 5_000;
/** Bytes that an answer may have. */
const ANSWER_LIMIT = 4 * 1024 * 1024;

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

interface Kept {
  readonly access: Promise<Access>;
  /** Infinity while the answer is awaited. */
  until: number;
}

const kept = new Map<string, Kept>();

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
export function fetchAccess(
  url: string | URL = ACCESS_URL,
  { credential, operation, signal, fresh }: AccessOptions = {},
): Promise<Access> {
  if (credential !== undefined && (typeof credential !== "string" || !/^[!-~]+$/.test(credential)))
    return Promise.reject(invalid("`credential` is no token"));
  if (signal?.aborted) return Promise.reject(signal.reason as Error);
  let target = String(url);
  if (operation !== undefined)
    target += `${target.includes("?") ? "&" : "?"}operation=${encodeURIComponent(operation)}`;
  const key = `${target} ${credential ?? ""}`;
  let entry = kept.get(key);
  if (entry === undefined || fresh === true || Date.now() >= entry.until)
    entry = keep(key, ask(target, credential));
  return signal === undefined ? entry.access : withSignal(entry.access, signal);
}

function keep(key: string, access: Promise<Access>): Kept {
  const entry: Kept = { access, until: Number.POSITIVE_INFINITY };
  kept.delete(key);
  if (kept.size >= KEPT) kept.delete(kept.keys().next().value as string);
  kept.set(key, entry);
  access.then(
    (answer) => {
      const now = Date.now();
      const end = Date.parse(answer.toJSON().expires ?? "") || Number.POSITIVE_INFINITY;
      entry.until = Math.min(now + LONGEST_MS, Math.max(now + SHORTEST_MS, end));
    },
    () => {
      if (kept.get(key) === entry) kept.delete(key);
    },
  );
  return entry;
}

async function ask(target: string, credential: string | undefined): Promise<Access> {
  for (let attempt = 1; ; attempt += 1) {
    let failure: PortcullisError;
    let wait = WAIT_MS * 2 ** (attempt - 1) * (0.5 + Math.random());
    try {
      const response = await fetch(target, {
        headers: {
          accept: "application/json",
          ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
        },
        cache: "no-store",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const { status } = response;
      if (response.ok) return readAccess(await bounded(response));
      const again = status === 429 || status > 499;
      failure = new PortcullisError(
        status === 429 ? "access_limited" : again ? "access_unreachable" : "access_refused",
        `the access endpoint answered with status ${status}`,
      );
      if (!again) throw failure;
      wait = Math.max(wait, Number(response.headers.get("retry-after")) * 1_000 || 0);
    } catch (cause) {
      if (cause instanceof PortcullisError) throw cause;
      failure = new PortcullisError("access_unreachable", "the access endpoint did not answer", {
        cause,
      });
    }
    if (attempt === ATTEMPTS || wait > TIMEOUT_MS) throw failure;
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

async function bounded(response: Response): Promise<string> {
  if (Number(response.headers.get("content-length")) > ANSWER_LIMIT)
    throw new PortcullisError("answer_invalid", "the answer of the access endpoint is too long");
  return response.text();
}

/** Gives up waiting once the signal says so. Others may still wait for the same answer. */
function withSignal<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
