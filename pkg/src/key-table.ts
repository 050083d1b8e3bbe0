/**
 * Accounts by credential. The table holds account records under the keyed digest of the credential, never the credential
 * itself, and what was looked up is kept by the same digest: bounded, and for a stated time.
 */
import { mac } from "../wasm/edge.js";
import type { Account, Gate } from "./gate.ts";
import { enter, generation } from "./instance.ts";

/** Milliseconds that a record, or its absence, is believed. A revoked key is refused after this plus the table's own delay. */
export const KEPT_MS = 60_000;
/** Records kept in an isolate. At some 2 KB each this is 8 MB of the 128 that a Worker has. */
export const KEPT_RECORDS = 4_096;

/** The part of a Workers KV namespace that is used. */
export interface Table {
  get(key: string, type: "text"): Promise<string | null>;
}

interface Entry {
  readonly account: Account;
  readonly until: number;
}

/** HMAC-SHA256 of the credential under the deployment's secret, hex: the key under which the table holds its record. */
export async function keyDigest(secret: string, credential: string): Promise<string> {
  const text = new TextEncoder();
  const key = await crypto.subtle.importKey("raw", text.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return hex(new Uint8Array(await crypto.subtle.sign("HMAC", key, text.encode(credential))));
}

export class KeyTable {
  readonly #gate: Gate;
  readonly #table: Table;
  readonly #secret: Uint8Array;
  /** By the digest in base64, as the edge module makes it: no request waits for it. */
  readonly #entries = new Map<string, Entry>();
  readonly #unknown: Account;

  constructor(gate: Gate, table: Table, secret: string) {
    this.#gate = gate;
    this.#table = table;
    this.#secret = new TextEncoder().encode(secret);
    this.#unknown = gate.accountByName({});
  }

  /** The account behind a credential; one of whom nothing is known if there is none or the table does not answer. */
  async account(credential: string): Promise<Account> {
    const name = enter(generation(), () => mac(this.#secret, credential));
    const now = Date.now();
    const entry = this.#entries.get(name);
    if (entry !== undefined && now < entry.until) return entry.account;
    let text: string | null;
    try {
      text = await this.#table.get(hex(Uint8Array.from(atob(name), (byte) => byte.charCodeAt(0))), "text");
    } catch {
      return this.#unknown;
    }
    const account = text === null ? this.#unknown : this.#read(text);
    this.#keep(name, { account, until: now + KEPT_MS });
    return account;
  }

  #read(text: string): Account {
    try {
      return this.#gate.account(JSON.parse(text));
    } catch {
      return this.#unknown;
    }
  }

  #keep(name: string, entry: Entry): void {
    this.#drop(name);
    // A Map gives its keys in the order they came in, so the first is the oldest.
    if (this.#entries.size >= KEPT_RECORDS) {
      for (const oldest of this.#entries.keys()) {
        this.#drop(oldest);
        break;
      }
    }
    this.#entries.set(name, entry);
  }

  #drop(name: string): void {
    const account = this.#entries.get(name)?.account;
    this.#entries.delete(name);
    if (account !== this.#unknown) account?.free();
  }
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
