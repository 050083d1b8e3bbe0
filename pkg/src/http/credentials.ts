/** Finds the credentials in a request, and removes those that the origin does not read. */
import { PortcullisError } from "../error.ts";
import type { BundleInfo, CredentialSlot } from "../types.ts";
import { CANDIDATES } from "../wasm/wire.ts";

const PROTOCOLS = "sec-websocket-protocol";
/** `SECRET_WORDS` of the crate, by which it recognises a credential inside a batch. */
const SECRET = /(?:^|[^a-z0-9])(?:authorization|auth|key|token|credential|secret)(?:[^a-z0-9]|$)/i;

type Fields = Headers | ReadonlyMap<string, string>;

/**
 * The locations of credentials.
 *
 * The gate cannot know which credential the origin uses, so the account of each is a candidate. If
 * the deployment names the locations that the origin reads, credentials elsewhere are removed from
 * the request.
 */
export class CredentialSlots {
  /** Headers that hold credentials; the value tells whether the origin reads the header. */
  readonly headers: ReadonlyMap<string, boolean>;
  readonly #read: readonly CredentialSlot[];
  readonly #removed: readonly CredentialSlot[];

  /**
   * @param named Names of headers, and of query parameters after a `?`, separated by commas. By
   *   default the locations of all guarded dialects.
   * @param none The origin reads none of them.
   * @throws PortcullisError `key_invalid` for a name without a word such as `key`
   */
  constructor(info: BundleInfo, named?: string, none = false) {
    const known = info.dialects.flatMap(({ credentials }) => credentials);
    const read = new Map<string, CredentialSlot>();
    const asked =
      named === undefined ? known : named.split(",").flatMap((text) => slotsOf(text.trim(), known));
    for (const slot of asked) put(read, slot);
    const removed = new Map<string, CredentialSlot>();
    for (const slot of none ? [...known, ...asked] : known) put(removed, slot);
    if (none) read.clear();
    for (const key of read.keys()) removed.delete(key);
    this.#read = [...read.values()];
    this.#removed = [...removed.values()];
    const headers = new Map<string, boolean>();
    for (const slot of [...this.#removed, ...this.#read]) {
      if (slot.in === "header") headers.set(slot.name, read.has(`header ${slot.name}`));
      // Only some items of this header are credentials. The others name the protocol and stay.
      if (slot.in === "protocol") headers.set(PROTOCOLS, true);
    }
    this.headers = headers;
  }

  /**
   * Returns the distinct credentials of a request, at most one more than {@link CANDIDATES}, because
   * then none is looked up. Header lines of one name are expected joined by commas.
   */
  credentials(headers: Fields, url: string): string[] {
    const found = new Set<string>();
    const add = (credential: string): void => {
      if (credential !== "" && found.size <= CANDIDATES) found.add(credential);
    };
    // Servers that keep headers as CGI variables treat `_` and `-` alike.
    const lower = [...headers.keys()].filter((name) => name.includes("_"));
    let query: (readonly [string, string])[] | undefined;
    for (const { in: where, name: slot } of this.#read) {
      if (where === "query") {
        query ??= parameters(url);
        for (const [name, value] of query) if (name.toLowerCase() === slot) add(bare(value.trim()));
        continue;
      }
      const header = where === "protocol" ? PROTOCOLS : slot;
      let lines = headers.get(header);
      for (const name of lower)
        if (name.replaceAll("_", "-") === header) lines = `${headers.get(name)},${lines ?? ""}`;
      for (const item of lines?.split(",") ?? []) {
        const text = item.trim();
        if (where === "header") add(bare(text));
        else if (text.toLowerCase().startsWith(slot)) add(text.slice(slot.length));
      }
    }
    return [...found];
  }

  /** Whether an item of `Sec-WebSocket-Protocol` is a credential. */
  isCredential(protocol: string): boolean {
    const text = protocol.toLowerCase();
    return [...this.#read, ...this.#removed].some(
      (slot) => slot.in === "protocol" && text.startsWith(slot.name),
    );
  }

  /**
   * Returns a URL without the credentials that the origin does not read. Other parts keep their
   * spelling.
   */
  removeFromUrl(url: string): string {
    const names = this.#named("query");
    const at = url.indexOf("?");
    if (at < 0 || names.length === 0) return url;
    const kept = url
      .slice(at + 1)
      .split("&")
      .filter(
        (part) => !parameters(`?${part}`).some(([name]) => names.includes(name.toLowerCase())),
      );
    return url.slice(0, at) + (kept.length === 0 ? "" : `?${kept.join("&")}`);
  }

  /** Removes credentials from `Sec-WebSocket-Protocol`, which holds other items too. */
  removeFrom(headers: Headers): void {
    const prefixes = this.#named("protocol");
    const items = prefixes.length === 0 ? undefined : headers.get(PROTOCOLS)?.split(",");
    if (items === undefined) return;
    const kept = items
      .filter((item) => !prefixes.some((prefix) => item.trim().toLowerCase().startsWith(prefix)))
      .join(",")
      .trim();
    if (kept === "") headers.delete(PROTOCOLS);
    else headers.set(PROTOCOLS, kept);
  }

  #named(where: CredentialSlot["in"]): string[] {
    return this.#removed.filter((slot) => slot.in === where).map(({ name }) => name);
  }
}

/** Returns the slots that a name in the setting means. */
function slotsOf(name: string, known: readonly CredentialSlot[]): readonly CredentialSlot[] {
  if (name === "") return [];
  if (name.toLowerCase() === PROTOCOLS) return known.filter((slot) => slot.in === "protocol");
  if (!SECRET.test(name))
    throw new PortcullisError(
      "key_invalid",
      `no word such as "key" in the name of a credential's location: ${name}`,
    );
  return [
    name.startsWith("?")
      ? { in: "query", name: name.slice(1), scheme: "plain" }
      : { in: "header", name, scheme: "plain" },
  ];
}

/**
 * Returns the credential in a header item; empty if it holds none.
 *
 * The slot's scheme does not matter: an origin that accepts `x-api-key: Bearer k` sees the key `k`.
 * An item that can be read as several credentials stays whole, so it matches no account.
 */
function bare(item: string): string {
  // The remaining items of an AWS signature, if no other text follows.
  if (/^(?:SignedHeaders=[^\s=]*|Signature=[\da-f]*)$/i.test(item)) return "";
  const text = signer(item)
    .replace(/^(?:bearer|token)\s+/i, "")
    .trim();
  const [, coded] = /^bedrock-api-key-([A-Za-z\d+/]+={0,2})$/.exec(text) ?? [];
  return coded === undefined ? text : (signedBy(coded) ?? text);
}

/**
 * Returns the key id of an AWS signature. Version 4: `AWS4-HMAC-SHA256
 * Credential=id/20261126/us-east-1/bedrock/aws4_request, SignedHeaders=.., Signature=..`. Version
 * 4a has no region.
 */
function signer(value: string): string {
  return value.replace(
    /^(?:AWS4-\S+\s+)?(?:Credential=)?([^/\s=]+)\/\d{8}\/(?:[^/\s]+\/){1,2}aws4_request$/,
    "$1",
  );
}

/**
 * Returns the key id of Amazon's short-term keys, which are signed URLs in Base64. With several ids
 * only AWS knows which one counts.
 */
function signedBy(coded: string): string | undefined {
  try {
    const [[name, value] = [], another] = parameters(atob(coded)).filter(
      ([name]) => name.trim().toLowerCase() === "x-amz-credential",
    );
    const id = value === undefined ? undefined : signer(value);
    return name === "X-Amz-Credential" && another === undefined && id !== value ? id : undefined;
  } catch {
    return undefined;
  }
}

function put(to: Map<string, CredentialSlot>, slot: CredentialSlot): void {
  const name = slot.name.toLowerCase();
  to.set(`${slot.in} ${name}`, { ...slot, name });
}

/**
 * Reads a query as most servers do and, if it has a `;`, also as servers do that take `;` for a
 * separator.
 */
function parameters(url: string): (readonly [string, string])[] {
  const at = url.indexOf("?");
  if (at < 0) return [];
  const query = url.slice(at + 1);
  const read = [...new URLSearchParams(query)];
  return query.includes(";") ? [...read, ...new URLSearchParams(query.replaceAll(";", "&"))] : read;
}
