/**
 * Accounts by credential. The table holds account records under the keyed digest of the credential, never the credential
 * itself, and what was looked up is kept by the same digest: bounded, and for a stated time.
 */
import { mac } from "../../wasm/edge.js";
import { PortcullisError, invalid } from "../error.ts";
import type { Account, Gate } from "../gate.ts";
import { enter, generation } from "../wasm/instance.ts";

/** Milliseconds that a record, or its absence, is believed. A revoked key is refused after this plus the table's own delay. */
export const KEPT_MS = 60_000;
/** Records kept in an isolate. At some 2 KB each this is 8 MB of the 128 that a Worker has. */
export const KEPT_RECORDS = 4_096;
/** Credentials without a record that are kept, at some 200 bytes each. Made-up ones push each other out, and no record. */
export const KEPT_ABSENCES = 4_096;

/** The part of a Workers KV namespace that is used. */
export interface Table {
  get(key: string, type: "text"): Promise<string | null>;
}

interface Entry {
  readonly account: Account;
  readonly until: number;
}

/**
 * HMAC-SHA256 of the credential under the deployment's secret, hex: the key under which the table holds its record.
 * @throws PortcullisError `key_invalid`, `input_invalid` where either is empty or no text
 */
export async function keyDigest(secret: string, credential: string): Promise<string> {
  vetSecret(secret);
  vetCredential(credential);
  const text = new TextEncoder();
  const key = await crypto.subtle.importKey(
    "raw",
    text.encode(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  return hex(new Uint8Array(await crypto.subtle.sign("HMAC", key, text.encode(credential))));
}

/** Without a secret whoever reads the table could try credentials. */
function vetSecret(secret: string): void {
  if (typeof secret !== "string" || secret === "")
    throw new PortcullisError("key_invalid", "the secret of the key table is empty, or no text");
}

/** What is no text would have the digest of one that is. */
function vetCredential(credential: string): void {
  if (typeof credential !== "string" || credential === "")
    throw invalid("the credential is empty, or no text");
}

export class KeyTable {
  readonly #gate: Gate;
  readonly #table: Table;
  readonly #secret: Uint8Array;
  // Both by the digest in base64, as the edge module makes it: no request waits for it.
  readonly #records = new Map<string, Entry>();
  readonly #absences = new Map<string, number>();
  readonly #unknown: Account;

  /** @throws PortcullisError `key_invalid` for a secret that is empty, `input_invalid` for a table that is none */
  constructor(gate: Gate, table: Table, secret: string) {
    vetSecret(secret);
    if (typeof (table as Partial<Table> | null)?.get !== "function")
      throw invalid("the key table is none");
    this.#gate = gate;
    this.#table = table;
    this.#secret = new TextEncoder().encode(secret);
    this.#unknown = gate.accountByName({});
  }

  /** The account behind a credential; one of whom nothing is known if there is none or the table does not answer. */
  async account(credential: string): Promise<Account> {
    vetCredential(credential);
    const name = enter(generation(), () => mac(this.#secret, credential));
    const now = Date.now();
    const entry = this.#records.get(name);
    if (entry !== undefined && now < entry.until) return entry.account;
    if (now < (this.#absences.get(name) ?? 0)) return this.#unknown;
    let text: string | null;
    try {
      text = await this.#table.get(
        hex(Uint8Array.from(atob(name), (byte) => byte.charCodeAt(0))),
        "text",
      );
    } catch {
      return this.#unknown;
    }
    const account = text === null ? this.#unknown : this.#read(text);
    const until = now + KEPT_MS;
    this.#drop(name);
    if (account === this.#unknown) {
      if (this.#absences.size >= KEPT_ABSENCES) this.#absences.delete(oldest(this.#absences));
      this.#absences.set(name, until);
    } else {
      if (this.#records.size >= KEPT_RECORDS) this.#drop(oldest(this.#records));
      this.#records.set(name, { account, until });
    }
    return account;
  }

  #read(text: string): Account {
    try {
      return this.#gate.account(JSON.parse(text));
    } catch {
      return this.#unknown;
    }
  }

  #drop(name: string): void {
    this.#absences.delete(name);
    this.#records.get(name)?.account.free();
    this.#records.delete(name);
  }
}

/** A Map gives its keys in the order they came in. */
function oldest(map: ReadonlyMap<string, unknown>): string {
  return map.keys().next().value ?? "";
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
