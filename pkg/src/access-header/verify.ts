/** The origin's side of `Portcullis-Access`: reads and verifies the header of a request. */
import { PortcullisError, invalid } from "../error.ts";
import { pairs } from "../head.ts";
import { instant, isMissing, record } from "../input.ts";
import type { HeaderLines } from "../types.ts";
import { ACCESS_HEADER, type KeyText, base64, keyTexts, pkcs8 } from "./keys.ts";
import type { NonceStore } from "./nonce-cache.ts";
import { type Values, fields } from "./structured-fields.ts";

/** Seconds for which a header is valid. */
export const LIFETIME_S = 60;
/** Seconds by which the clocks of gate and origin may differ. */
export const SKEW_S = 10;
/** Characters of a header that are read. Servers accept 8 to 64 KB of headers. */
export const HEADER_CHARACTERS = 65_536;

/** The verified content of an access header. */
export interface VerifiedAccess {
  /** Ids of the denied families; `*`: models that no family of the policy lists. */
  readonly denied: readonly string[];
  /** `defer`: the origin decides which model runs, so only the origin can enforce `denied`. */
  readonly verdict: "pass" | "defer";
  /** The policy's id and version, and the first 16 hexadecimal digits of its bundle's digest. */
  readonly policy: string;
  readonly version: number;
  readonly bundle: string;
  /** The headers in which the gate looked for credentials, in lower case. */
  readonly slots: readonly string[];
  /** Seconds since the epoch. */
  readonly created: number;
  /** Unique to the request. */
  readonly nonce: string;
  /** The id of the key that signed the header. */
  readonly keyId: string;
}

/** Why an access header cannot be trusted. The crate has the same codes. */
export type AccessCode =
  /** The request did not come through the gate, or is not guarded. */
  | "access_missing"
  | "access_malformed"
  /** No key has this id and algorithm. */
  | "access_key_unknown"
  | "access_signature_wrong"
  | "access_expired"
  | "access_not_yet_valid"
  | "access_method_wrong"
  | "access_target_wrong"
  | "access_credential_wrong"
  | "access_replayed"
  /** The nonce cache is full, so a replay would not be recognised. */
  | "access_cache_full";

/** A request for servers without a `Request`. `target`: path and query as received. */
export interface ArrivedRequest {
  readonly method: string;
  readonly target: string;
  /** A `Headers`, pairs, or an object like Node's `req.headers`. */
  readonly headers: HeaderLines;
}

/** The gate's keys by id. Each `key` is a `CryptoKey`. */
export type AccessKeys = ReadonlyMap<
  string,
  { readonly alg: KeyText["alg"]; readonly key: object }
>;

/**
 * Reads the gate's keys: `id:hmac-sha256:…` or `id:ed25519:…` (a public key), separated by commas.
 * During a change of keys give the old and the new one.
 *
 * @throws PortcullisError `key_invalid`
 * @example
 * ```js
 * const keys = await accessKeys(process.env.ACCESS_KEYS);
 * ```
 */
export async function accessKeys(text: string): Promise<AccessKeys> {
  const keys = keyTexts(text, "the key").map(async ({ id, alg, bytes }) => {
    const algorithm = alg === "ed25519" ? { name: "Ed25519" } : { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", bytes, algorithm, false, ["verify"]);
    return [id, { alg, key }] as const;
  });
  return new Map(await Promise.all(keys));
}

/**
 * Returns the public half of a gate's key, `id:ed25519:…`, for its origins.
 *
 * @throws PortcullisError `key_invalid`
 */
export async function publicKey(secret: string): Promise<string> {
  const [key] = keyTexts(secret, "the key");
  if (key?.alg !== "ed25519")
    throw new PortcullisError("key_invalid", "only an `ed25519` key has a public half");
  const imported = await crypto.subtle.importKey(
    "pkcs8",
    pkcs8(key.bytes),
    { name: "Ed25519" },
    true,
    ["sign"],
  );
  const { x = "" } = await crypto.subtle.exportKey("jwk", imported);
  return `${key.id}:ed25519:${x.replaceAll("-", "+").replaceAll("_", "/")}=`;
}

/**
 * Verifies the access header of a request. Call it before other code rewrites the target.
 *
 * @param request A `Request`, Node's `req`, or `{ method, target, headers }`
 * @param options `now`: milliseconds since the epoch. `nonces`: without a store a header can be
 *   used again while it is valid.
 * @returns The content of the header, or the code of the error
 * @throws PortcullisError `input_invalid` for arguments of the wrong kind. Answer no request then.
 * @example
 * ```js
 * const access = await verify(request, keys, { nonces });
 * if (typeof access === "string") return new Response(access, { status: 403 });
 * ```
 */
export async function verify(
  request: Request | ArrivedRequest,
  keys: AccessKeys,
  options: { readonly now?: number; readonly nonces?: NonceStore } = {},
): Promise<VerifiedAccess | AccessCode> {
  const { method, headers, target } = arrived(request);
  const { now, nonces } = record(options, "the options") as typeof options;
  const ms = instant(now);
  if (typeof (keys as Partial<AccessKeys> | undefined)?.get !== "function")
    throw invalid("`keys` are not the result of `accessKeys`");
  if ("take" in options || (!isMissing(nonces) && typeof nonces.take !== "function"))
    throw invalid("`nonces` is no store of nonces");
  const text = headers.get(ACCESS_HEADER);
  if (text === undefined) return "access_missing";
  const header = read(text);
  if (header === undefined) return "access_malformed";
  const { access, alg } = header;
  const key = keys.get(access.keyId);
  if (key?.alg !== alg) return "access_key_unknown";
  const algorithm = alg === "ed25519" ? "Ed25519" : "HMAC";
  const line = encoder.encode(`${ACCESS_HEADER}: ${header.signed}`);
  if (!(await crypto.subtle.verify(algorithm, key.key as CryptoKey, header.signature, line)))
    return "access_signature_wrong";
  const seconds = Math.floor(ms / 1000);
  const until = access.created + LIFETIME_S + SKEW_S;
  if (access.created > seconds + SKEW_S) return "access_not_yet_valid";
  if (seconds > until) return "access_expired";
  if (header.method !== method) return "access_method_wrong";
  if (header.target !== (await digest(target))) return "access_target_wrong";
  let credentials = "";
  for (const name of access.slots) {
    const value = headers.get(name);
    if (value !== undefined) credentials += `${name}: ${value}\n`;
  }
  if (header.credential !== (await digest(credentials))) return "access_credential_wrong";
  const taken = isMissing(nonces) ? "fresh" : await nonces.take(access.nonce, until, seconds);
  if (taken !== "fresh") return taken === "full" ? "access_cache_full" : "access_replayed";
  return access;
}

const encoder = new TextEncoder();
export const NONCE = /^[\w-]{16,64}$/;

interface ParsedHeader {
  readonly access: VerifiedAccess;
  readonly method: string;
  readonly target: string;
  readonly credential: string;
  readonly alg: string;
  /** The signed text, and its signature. */
  readonly signed: string;
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** Returns method, target and headers. Lines of one name are joined, as in a `Headers`. */
function arrived(request: Request | ArrivedRequest): {
  readonly method: string;
  readonly target: string;
  readonly headers: ReadonlyMap<string, string>;
} {
  const { method, headers, target, url } = Object(request) as Partial<ArrivedRequest & Request>;
  if (typeof method !== "string" || typeof (target ?? url) !== "string" || isMissing(headers))
    throw invalid("the request has no method, target or headers");
  const lines = new Map<string, string>();
  for (const [name, value] of pairs(headers)) {
    const key = name.toLowerCase();
    const bare = value.replace(/^[ \t]+|[ \t]+$/g, "");
    const before = lines.get(key);
    lines.set(key, before === undefined ? bare : `${before}, ${bare}`);
  }
  // The `url` of Node's request is the target, the `url` of a `Request` is the whole address.
  const address = url ?? "";
  const path = address.startsWith("/")
    ? address
    : address.slice(address.indexOf("/", address.indexOf("://") + 3));
  return { method, target: target ?? path, headers: lines };
}

function read(text: string): ParsedHeader | undefined {
  if (text.length > HEADER_CHARACTERS) return undefined;
  const at = text.lastIndexOf(", sig=:");
  const members = at < 0 ? undefined : fields(text);
  if (members === undefined) return undefined;
  const of = <Kind extends keyof Values>(name: string, kind: Kind): Values[Kind] => {
    const item = members.get(name);
    if (item?.kind !== kind) throw new RangeError(name);
    return item.value as Values[Kind];
  };
  try {
    const verdict = of("verdict", "token");
    const nonce = of("nonce", "string");
    if ((verdict !== "pass" && verdict !== "defer") || !NONCE.test(nonce)) return undefined;
    // The signature covers only the members before it, so it must be the last one.
    if ([...members.keys()].at(-1) !== "sig") return undefined;
    const access: VerifiedAccess = {
      denied: of("denied", "list"),
      verdict,
      policy: of("policy", "string"),
      version: of("version", "integer"),
      bundle: of("bundle", "string"),
      slots: of("slots", "list"),
      created: of("created", "integer"),
      nonce,
      keyId: of("keyid", "string"),
    };
    if (!access.slots.every((name) => /^[a-z0-9-]+$/.test(name))) return undefined;
    const signature = Uint8Array.from(atob(of("sig", "bytes")), (char) => char.charCodeAt(0));
    return {
      access,
      method: of("method", "string"),
      target: of("target", "bytes"),
      credential: of("credential", "bytes"),
      alg: of("alg", "string"),
      signed: text.slice(0, at),
      signature,
    };
  } catch {
    return undefined;
  }
}

/** Returns the first 16 bytes of SHA-256, in Base64. */
async function digest(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
  return base64(bytes.subarray(0, 16));
}
