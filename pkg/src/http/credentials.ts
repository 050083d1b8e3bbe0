import { PortcullisError } from "../error.ts";
import type { BundleInfo, CredentialSlot } from "../gate.ts";

const PROTOCOLS = "sec-websocket-protocol";
/** As `SECRET_WORDS` in `findings.rs`, by which a credential inside a batch is known. */
const SECRET = /(?:^|[^a-z0-9])(?:authorization|auth|key|token|credential|secret)(?:[^a-z0-9]|$)/i;
/** Credentials of one request that are looked up. The edge module tells no more callers apart (`CANDIDATES` of the crate's limits). */
export const CANDIDATES = 8;

/**
 * Where credentials stand. Which of them the origin will use is the origin's choice, so each is a candidate caller, unless
 * the deployer has named the places that the origin reads: then the others are taken out of the request.
 */
export class Slots {
  /** The headers among them; false: the origin is not to read it. */
  readonly headers: ReadonlyMap<string, boolean>;
  readonly #read: readonly CredentialSlot[];
  readonly #withheld: readonly CredentialSlot[];

  /**
   * `named`: header names, and query parameters after a `?`, with commas between; left out, the places of all guarded dialects. `closed`: the
   * origin is to read none of them.
   */
  constructor(info: BundleInfo, named?: string, closed = false) {
    const known = info.dialects.flatMap(({ credentials }) => credentials);
    const read = new Map<string, CredentialSlot>();
    const asked =
      named === undefined ? known : named.split(",").flatMap((text) => slotsOf(text.trim(), known));
    for (const slot of asked) put(read, slot);
    const withheld = new Map<string, CredentialSlot>();
    for (const slot of closed ? [...known, ...asked] : known) put(withheld, slot);
    if (closed) read.clear();
    for (const key of read.keys()) withheld.delete(key);
    this.#read = [...read.values()];
    this.#withheld = [...withheld.values()];
    const headers = new Map<string, boolean>();
    for (const slot of [...this.#withheld, ...this.#read]) {
      if (slot.in === "header") headers.set(slot.name, read.has(`header ${slot.name}`));
      // Only the items that are credentials are withheld: the others say which protocol it is.
      if (slot.in === "protocol") headers.set(PROTOCOLS, true);
    }
    this.headers = headers;
  }

  /**
   * Every credential in the request, each once; of more than {@link CANDIDATES} one more than that, since nobody looks at the others. Two header lines
   * of one name arrive joined by a comma.
   */
  credentials(headers: Headers | ReadonlyMap<string, string>, url: string): string[] {
    const found = new Set<string>();
    for (const credential of this.#stated(headers, url)) {
      if (credential !== "") found.add(credential);
      if (found.size > CANDIDATES) break;
    }
    return [...found];
  }

  *#stated(headers: Headers | ReadonlyMap<string, string>, url: string): Generator<string> {
    // Servers that keep headers as CGI does take `_` and `-` for one.
    const folded = [...headers.keys()]
      .filter((name) => name.includes("_"))
      .map((name) => [name.replaceAll("_", "-"), headers.get(name) ?? ""] as const);
    let query: (readonly [string, string])[] | undefined;
    for (const { in: where, name: slot } of this.#read) {
      if (where === "query") {
        query ??= parameters(url);
        for (const [name, value] of query)
          if (name.toLowerCase() === slot) yield bare(value.trim());
        continue;
      }
      const header = where === "protocol" ? PROTOCOLS : slot;
      const line = headers.get(header);
      const lines = folded.filter(([name]) => name === header).map(([, value]) => value);
      if (line !== undefined && line !== null) lines.push(line);
      for (const item of lines.flatMap((text) => text.split(","))) {
        const text = item.trim();
        if (where === "header") yield bare(text);
        else if (text.toLowerCase().startsWith(slot)) yield text.slice(slot.length);
      }
    }
  }

  /** The item of `Sec-WebSocket-Protocol` is a credential. */
  holdsKey(protocol: string): boolean {
    const text = protocol.toLowerCase();
    return [...this.#read, ...this.#withheld].some(
      (slot) => slot.in === "protocol" && text.startsWith(slot.name),
    );
  }

  /** The URL without the credentials that the origin is not to read; what stays, stays as it is. */
  cleared(url: string): string {
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

  /** Takes credentials out of a header that holds other things, too. */
  clear(headers: Headers): void {
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
    return this.#withheld.filter((slot) => slot.in === where).map(({ name }) => name);
  }
}

/** What a name of the setting stands for. */
function slotsOf(name: string, known: readonly CredentialSlot[]): readonly CredentialSlot[] {
  if (name === "") return [];
  if (name.toLowerCase() === PROTOCOLS) return known.filter((slot) => slot.in === "protocol");
  if (!SECRET.test(name))
    throw new PortcullisError(
      "key_invalid",
      `no word such as "key" in the name of a credential's place: ${name}`,
    );
  return [
    name.startsWith("?")
      ? { in: "query", name: name.slice(1), scheme: "plain" }
      : { in: "header", name, scheme: "plain" },
  ];
}

/**
 * What an item of a header holds; empty: no credential. Whatever the slot's own scheme: an origin that accepts `x-api-key: Bearer k` sees the key `k`. What may be
 * read as more than one credential stays as it is, and so is nobody's.
 */
function bare(item: string): string {
  // The rest of what AWS signs. With anything else behind them they are no such thing.
  if (/^(?:SignedHeaders=[^\s=]*|Signature=[\da-f]*)$/i.test(item)) return "";
  const text = signer(item)
    .replace(/^(?:bearer|token)\s+/i, "")
    .trim();
  const [, coded] = /^bedrock-api-key-([A-Za-z\d+/]+={0,2})$/.exec(text) ?? [];
  return coded === undefined ? text : (signedBy(coded) ?? text);
}

/** Of what AWS signs, the id of the key (Signature Version 4: `AWS4-HMAC-SHA256 Credential=id/20261126/us-east-1/bedrock/aws4_request, SignedHeaders=.., Signature=..`; 4a has no region). */
function signer(value: string): string {
  return value.replace(
    /^(?:AWS4-\S+\s+)?(?:Credential=)?([^/\s=]+)\/\d{8}\/(?:[^/\s]+\/){1,2}aws4_request$/,
    "$1",
  );
}

/** Amazon's short-term keys are signed URLs in base64: the caller is who signed it. Which of several that is, AWS alone knows. */
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

/** As most servers read a query and, where a `;` stands in it, also as those do that take it for a separator. */
function parameters(url: string): (readonly [string, string])[] {
  const at = url.indexOf("?");
  if (at < 0) return [];
  const query = url.slice(at + 1);
  const read = [...new URLSearchParams(query)];
  return query.includes(";") ? [...read, ...new URLSearchParams(query.replaceAll(";", "&"))] : read;
}
