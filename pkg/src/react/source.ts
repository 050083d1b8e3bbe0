/**
 * Where a provider gets its access from, and what is known of it. This file knows nothing of React.
 *
 * ```text
 * constructed (server, and first render)   an access or an answer was given: ready; else pending
 * started (after hydration)                ask now, if nothing is known or the answer has expired
 *   answered                               ready, until the answer expires
 *   failed                                 what has not expired is kept; else failed
 *   due, or visible again and due          ask
 * stopped                                  what is under way counts no more
 * ```
 */
import { readAccess } from "../browser/answer.ts";
import { fetchAccess } from "../browser/fetch.ts";
import { PortcullisError, invalid } from "../error.ts";
import type { Access, AccessAnswer } from "../types.ts";

/** Milliseconds between two questions, at least; and the longest time that a timer takes. */
const SOONEST_MS = 5_000;
const LATEST_MS = 2 ** 31 - 1;
/** Milliseconds until the next question if an answer has expired when it comes. */
const EXPIRED_MS = 60_000;
/** Milliseconds after which a question that failed for want of a connection is asked again. */
const RETRY_MS = 30_000;
/** Milliseconds by which a timer may be early. */
const EARLY_MS = 100;

/** `failed`: the access could not be got. Everything counts as closed, as while it is `pending`. */
export type AccessStatus = "pending" | "ready" | "failed";

/** What is known of the user's access. The same object while nothing changes. */
export interface AccessState {
  /** Undefined unless the status is `ready`. */
  readonly access: Access | undefined;
  readonly status: AccessStatus;
  /** Why the last question failed. An answer that has not expired is kept all the same. */
  readonly error: PortcullisError | undefined;
  /** Asks the endpoint again. Does nothing if the access was given. */
  readonly refresh: () => void;
}

/** Where the access comes from. */
export interface Origin {
  /** The access; `null`: it will be given later. Undefined: the endpoint is asked. */
  readonly access: Access | PromiseLike<Access> | null | undefined;
  readonly url: string | undefined;
  readonly credential: string | undefined;
  readonly operation: string | undefined;
  /** Milliseconds between two questions, if no answer expires earlier. */
  readonly refreshMs: number | undefined;
}

export class Source {
  /** What is known at first, on the server and at hydration. */
  readonly first: AccessState;
  #state: AccessState;
  readonly #origin: Origin;
  readonly #listeners = new Set<() => void>();
  /** Ends what the last start began. */
  #stop: AbortController | undefined;
  /** Counts the questions. Only the last one counts. */
  #turn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The instant of the next question, in milliseconds since the epoch. */
  #due = Number.POSITIVE_INFINITY;

  /** @param initial What the server knew */
  constructor(origin: Origin, initial?: AccessAnswer) {
    this.#origin = origin;
    const { access: given } = origin;
    const refresh = () => this.refresh();
    let access: Access | undefined;
    let error: PortcullisError | undefined;
    if (given !== undefined && given !== null && !isPromise(given)) access = accessOf(given);
    else if (initial !== undefined) {
      try {
        access = readAccess(initial);
      } catch (cause) {
        error = typed(cause);
      }
    }
    const status = access !== undefined ? "ready" : error === undefined ? "pending" : "failed";
    this.first = this.#state = { access, status, error, refresh };
  }

  get state(): AccessState {
    return this.#state;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Begins to ask, until the function returned is called. */
  start(): () => void {
    const { access: given } = this.#origin;
    const stop = (this.#stop = new AbortController());
    if (isPromise(given)) this.#await(given, stop.signal);
    else if (given === undefined) {
      document.addEventListener("visibilitychange", () => this.#wake(), { signal: stop.signal });
      const { access } = this.#state;
      const isOver = access === undefined || expiryOf(access) <= Date.now();
      if (isOver) this.#ask(false);
      else this.#plan(access);
    }
    return () => {
      stop.abort();
      clearTimeout(this.#timer);
    };
  }

  refresh(): void {
    if (this.#origin.access !== undefined || !this.#isStarted()) return;
    if (this.#state.access === undefined) this.#tell(undefined, undefined, "pending");
    this.#ask(true);
  }

  #isStarted(): boolean {
    return this.#stop !== undefined && !this.#stop.signal.aborted;
  }

  /** @param fresh Whether to pass over an answer that is kept */
  #ask(fresh: boolean): void {
    const { url, credential, operation } = this.#origin;
    const signal = (this.#stop as AbortController).signal;
    this.#due = Number.POSITIVE_INFINITY;
    this.#await(fetchAccess(url, { credential, operation, signal, fresh }), signal);
  }

  async #await(given: PromiseLike<Access>, signal: AbortSignal): Promise<void> {
    const turn = (this.#turn += 1);
    let access: Access | undefined;
    let error: PortcullisError | undefined;
    try {
      access = accessOf(await given);
    } catch (cause) {
      error = typed(cause);
    }
    if (turn !== this.#turn || signal.aborted) return;
    if (access !== undefined) this.#tell(access, undefined, "ready");
    else {
      const { access: before } = this.#state;
      const kept = before !== undefined && expiryOf(before) > Date.now() ? before : undefined;
      this.#tell(kept, error, kept === undefined ? "failed" : "ready");
    }
    if (this.#origin.access === undefined) this.#plan(access);
  }

  /** Sets the instant of the next question. Without an answer, only a lost connection is retried. */
  #plan(access: Access | undefined): void {
    const now = Date.now();
    const { error } = this.#state;
    if (access === undefined) {
      const isLost = error?.code === "access_unreachable" || error?.code === "access_limited";
      this.#due = now + (isLost ? RETRY_MS : Number.POSITIVE_INFINITY);
    } else {
      const left = expiryOf(access) - now;
      const wait = left > 0 ? Math.max(SOONEST_MS, left + EARLY_MS) : EXPIRED_MS;
      const { refreshMs = Number.POSITIVE_INFINITY } = this.#origin;
      this.#due = now + Math.min(wait, Math.max(SOONEST_MS, refreshMs));
    }
    this.#sleep();
  }

  #sleep(): void {
    clearTimeout(this.#timer);
    const wait = this.#due - Date.now();
    if (wait < Number.POSITIVE_INFINITY)
      this.#timer = setTimeout(() => this.#wake(), Math.min(LATEST_MS, Math.max(0, wait)));
  }

  /** Asks if it is time. A page that nobody sees waits until it is seen. */
  #wake(): void {
    if (document.hidden) return;
    if (Date.now() < this.#due) this.#sleep();
    else this.#ask(this.#origin.refreshMs !== undefined);
  }

  #tell(
    access: Access | undefined,
    error: PortcullisError | undefined,
    status: AccessStatus,
  ): void {
    this.#state = { access, status, error, refresh: this.#state.refresh };
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Milliseconds since the epoch at which the answer may change. */
function expiryOf(access: Access): number {
  return Date.parse(access.toJSON().expires ?? "") || Number.POSITIVE_INFINITY;
}

function isPromise(value: unknown): value is PromiseLike<Access> {
  return typeof (value as PromiseLike<Access> | null)?.then === "function";
}

function accessOf(value: Access): Access {
  if (typeof (value as Access | null)?.verdict === "function") return value;
  throw invalid("`access` is no access; an answer of the endpoint goes to `initial`");
}

function typed(cause: unknown): PortcullisError {
  if (cause instanceof PortcullisError) return cause;
  return new PortcullisError("access_unreachable", "the access could not be got", { cause });
}
