/** Where the gates of a page get their access from. One request serves them all. */
import { readAccess } from "../browser/answer.ts";
import type { Access } from "../types.ts";

const ACCESS_URL = "/.well-known/portcullis/access";
/** The script element in which a server writes the answer of the access endpoint. */
const INLINE_ID = "portcullis-access";
/** Milliseconds before an answer that expires is asked for again, at least and at most. */
const SOON_MS = 5_000;
const LATE_MS = 2 ** 31 - 1;

/** Told what is known: an access, or the error that kept it from being known. */
export type Listener = (access: Access | undefined, error?: unknown) => void;

/** An access that may change. */
export class Source {
  /** The endpoint. Undefined: the access is given. */
  #url: string | undefined;
  readonly #listeners = new Set<Listener>();
  #access: Access | undefined;
  /** Counts what was waited for. What comes late counts no more. */
  #turn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(url?: string) {
    this.#url = url;
  }

  /** Tells a listener what is known now and later, until the function returned is called. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    if (this.#access !== undefined) listener(this.#access);
    else if (this.#turn === 0) this.ask();
    return () => this.#listeners.delete(listener);
  }

  /** Takes an access, or a promise of one, in place of the endpoint's answer. */
  take(given: Access | PromiseLike<Access>): void {
    this.#url = undefined;
    this.#await(given);
  }

  /** Asks the endpoint, if somebody listens. What the server wrote into the page needs no question. */
  ask(): void {
    const url = this.#url;
    if (url === undefined || this.#listeners.size === 0) return;
    const text = url === ACCESS_URL && document.getElementById(INLINE_ID)?.textContent;
    if (text) this.take(inlined(text));
    else this.#await(asked(url));
  }

  async #await(given: Access | PromiseLike<Access>): Promise<void> {
    const turn = (this.#turn += 1);
    let error: unknown;
    let access = this.#access;
    try {
      access = await given;
    } catch (cause) {
      error = cause;
    }
    if (turn !== this.#turn) return;
    this.#access = access;
    for (const listener of [...this.#listeners]) listener(access, error);
    clearTimeout(this.#timer);
    const wait = Date.parse(access?.toJSON().expires ?? "") - Date.now();
    if (wait < LATE_MS) this.#timer = setTimeout(() => this.ask(), Math.max(SOON_MS, wait));
  }
}

async function inlined(text: string): Promise<Access> {
  return readAccess(text);
}

/** Asks the endpoint. A page with its answer in it does not need the script that asks. */
async function asked(url: string): Promise<Access> {
  const { fetchAccess } = await import("../browser/fetch.ts");
  return fetchAccess(url);
}

const sources = new Map<string, Source>();

/** Returns the source of an endpoint; by default that of the page. */
export function sourceOf(url = ACCESS_URL): Source {
  let source = sources.get(url);
  if (source === undefined) sources.set(url, (source = new Source(url)));
  return source;
}

/**
 * Gives the access to all gates of the page that name no endpoint of their own: one of a local
 * gate, or one asked for with the user's credential.
 */
export function provideAccess(access: Access | PromiseLike<Access>): void {
  sourceOf().take(access);
}

// A page that comes back into view asks again. The answer of less than a minute ago is kept.
globalThis.document?.addEventListener("visibilitychange", () => {
  if (!document.hidden) for (const source of sources.values()) source.ask();
});
