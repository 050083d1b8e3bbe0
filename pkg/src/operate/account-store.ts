/**
 * Looks up accounts by credential.
 *
 * The table holds account records under the keyed digest of the credential, never the credential
 * itself. Records that were looked up are kept in memory under the same digest, in a bounded number
 * and for a limited time.
 */
import { mac } from "../../wasm/edge.js";
import type { Account } from "../account.ts";
import { PortcullisError, invalid } from "../error.ts";
import type { Gate } from "../gate.ts";
import { enter } from "../wasm/instance.ts";

/**
 * Milliseconds for which a record, or its absence, is kept. A revoked key is refused after this
 * plus the table's delay.
 */
export const KEPT_MS = 60_000;
/** Records kept in an isolate. At some 2 KB each this is 8 MB of a Worker's 128 MB. */
export const KEPT_RECORDS = 4_096;
/**
 * Credentials without a record that are kept, at some 200 bytes each. They are counted apart, so
 * they displace no record.
 */
export const KEPT_ABSENCES = 4_096;

/** A table of account records as JSON, such as a Workers KV namespace. */
export interface AccountTable {
  get(key: string, type: "text"): Promise<string | null>;
}

interface Entry {
  readonly account: Account;
  readonly until: number;
}

/**
 * Returns the key under which the table holds a credential's record: HMAC-SHA256 of the credential,
 * in hexadecimal digits.
 *
 * @throws PortcullisError `key_invalid` for an empty secret, `input_invalid` for an empty
 *   credential
 * @example
 * ```js
 * await env.KEYS.put(await keyDigest(env.KEY_SECRET, "sk-1"), JSON.stringify(record));
 * ```
 */
export async function keyDigest(secret: string, credential: string): Promise<string> {
  checkSecret(secret);
  checkCredential(credential);
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

/** With an empty secret a reader of the table could test guessed credentials. */
function checkSecret(secret: string): void {
  if (typeof secret !== "string" || secret === "")
    throw new PortcullisError(
      "key_invalid",
      "the secret of the account table is empty, or no string",
    );
}

/** A value of another type would have the digest of its string form. */
function checkCredential(credential: string): void {
  if (typeof credential !== "string" || credential === "")
    throw invalid("the credential is empty, or no string");
}

/** Looks up accounts in a table and keeps them. */
export class AccountStore {
  readonly #gate: Gate;
  readonly #table: AccountTable;
  readonly #secret: Uint8Array;
  // Both by the digest in Base64, as the edge module makes it without an await.
  readonly #records = new Map<string, Entry>();
  readonly #absences = new Map<string, number>();
  readonly #unknown: Account;

  /**
   * @throws PortcullisError `key_invalid` for an empty secret, `input_invalid` for an object
   *   without `get`
   */
  constructor(gate: Gate, table: AccountTable, secret: string) {
    checkSecret(secret);
    if (typeof (table as Partial<AccountTable> | null)?.get !== "function")
      throw invalid("the account table is none");
    this.#gate = gate;
    this.#table = table;
    this.#secret = new TextEncoder().encode(secret);
    this.#unknown = gate.accountByName({});
  }

  /**
   * Returns a credential's account, without a promise if it is kept. Without a record, or if the
   * table fails, its facts are unknown.
   */
  account(credential: string): Account | Promise<Account> {
    checkCredential(credential);
    const name = enter(() => mac(this.#secret, credential));
    const now = Date.now();
    const entry = this.#records.get(name);
    if (entry !== undefined && now < entry.until) return entry.account;
    return now < (this.#absences.get(name) ?? 0) ? this.#unknown : this.#lookUp(name, now);
  }

  async #lookUp(name: string, now: number): Promise<Account> {
    let account = this.#unknown;
    let text: string | null;
    try {
      const key = hex(Uint8Array.from(atob(name), (byte) => byte.charCodeAt(0)));
      text = await this.#table.get(key, "text");
    } catch {
      return account;
    }
    try {
      if (text !== null) account = this.#gate.account(JSON.parse(text));
    } catch {
      // A record that cannot be read says nothing.
    }
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

  #drop(name: string): void {
    this.#absences.delete(name);
    this.#records.get(name)?.account.free();
    this.#records.delete(name);
  }
}

/** Returns the first key, since a Map keeps insertion order. */
function oldest(map: ReadonlyMap<string, unknown>): string {
  return map.keys().next().value ?? "";
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
