/**
 * For inference origins: whether a request comes from the gate just as the gate judged it, what its caller may not use, and
 * the acknowledgement that this was enforced. Web standards alone, so it runs wherever the origin does.
 *
 * ```ts
 * const keys = await reachKeys("edge-1:hmac-sha256:…");
 * const seen = new Seen();
 *
 * const reach = await verify(request, keys, { seen });
 * if (typeof reach === "string") return new Response(null, { status: 403 });          // a code: why it cannot be trusted
 * if (reach.denied.includes(familyOf(model))) return new Response(null, { status: 403 });
 * response.headers.set("portcullis-enforced", await acknowledge(reach, response.status, answerKey));
 * ```
 */
import { PortcullisError, invalid } from "../error.ts";
import { isMissing, record } from "../wasm/wire.ts";
import { type HeaderLines, isStatus, pairs } from "../http/head.ts";
import { ENFORCED_HEADER, REACH_HEADER } from "../http/headers.ts";
import { instant } from "../instant.ts";
import { type KeyText, base64, keyTexts, pkcs8 } from "./keys.ts";
import { type Values, fields } from "./structured-fields.ts";

export { ENFORCED_HEADER, REACH_HEADER } from "../http/headers.ts";

/** Seconds that a mark is good for. */
export const LIFETIME_S = 60;
/** Seconds by which the clocks of gate and origin may differ. */
export const SKEW_S = 10;
/** Characters of a mark that are read. Servers take 8 to 64 KB of header. */
export const MARK_CHARACTERS = 65_536;

/** What the gate says of a request. */
export interface Reach {
  /** Ids of the families that the caller may not use; `*`: models that no family of the policy knows. */
  readonly denied: readonly string[];
  /** `defer`: what runs is decided here, so nobody but the origin can enforce it. */
  readonly verdict: "pass" | "defer";
  /** Id and version of the policy, and the first 16 hex digits of its bundle's digest. */
  readonly policy: string;
  readonly version: number;
  readonly bundle: string;
  /** Headers in which the gate looked for credentials, in lower case. */
  readonly slots: readonly string[];
  /** Seconds since the epoch. */
  readonly created: number;
  /** Of this request alone. */
  readonly nonce: string;
  /** Id of the key that it is signed with. */
  readonly keyId: string;
}

/** Why a mark is not to be trusted; the same codes as in the crate. */
export type ReachCode =
  /** There is none: the request did not come through the gate, or is not a guarded one. */
  | "reach_missing"
  | "reach_malformed"
  /** No key of that id, or one of another algorithm. */
  | "reach_key_unknown"
  | "reach_signature_wrong"
  | "reach_expired"
  | "reach_not_yet_valid"
  | "reach_method_wrong"
  | "reach_target_wrong"
  | "reach_credential_wrong"
  | "reach_replayed"
  /** The cache of nonces is full, so nobody can tell whether it is a replay. */
  | "reach_cache_full";

/** A request as it arrived, for servers that have no `Request`; `target` is path and query, as on the wire. */
export interface Arrived {
  readonly method: string;
  readonly target: string;
  /** A `Headers`, pairs, or an object as Node's `req.headers`. */
  readonly headers: HeaderLines;
}

/** Keys of the gate by id, each a `CryptoKey`. */
export type ReachKeys = ReadonlyMap<string, { readonly alg: KeyText["alg"]; readonly key: object }>;

/** Where nonces are remembered. Several machines behind one address need one that they share. */
export interface Nonces {
  /** Takes a nonce that must be remembered until `until`, in seconds; at `now`. */
  take(nonce: string, until: number, now: number): Taken | Promise<Taken>;
}

export type Taken = "fresh" | "replayed" | "full";

/** Nonces that this process has seen. What is full refuses, for to forget one would be to let it in twice. */
export class Seen implements Nonces {
  readonly #capacity: number;
  readonly #until = new Map<string, number>();

  /** `capacity`: marks of 80 seconds, each of some 100 bytes. The default is enough for 3,000 requests a second. */
  constructor(capacity = 262_144) {
    if (typeof capacity !== "number" || !(capacity > 0))
      throw invalid("`capacity` is no number of marks");
    this.#capacity = capacity;
  }

  take(nonce: string, until: number, now: number): Taken {
    // Another end would be forgotten at once.
    if (typeof nonce !== "string" || typeof until !== "number" || !(until >= now))
      throw invalid("no nonce that is to be remembered");
    if (this.#until.has(nonce)) return "replayed";
    // A Map gives its entries in the order they came in, which is nearly that in which they end.
    for (const [old, end] of this.#until) {
      if (end >= now) break;
      this.#until.delete(old);
    }
    if (this.#until.size >= this.#capacity) return "full";
    this.#until.set(nonce, until);
    return "fresh";
  }
}

/**
 * Reads the gate's keys, `id:hmac-sha256:…` or `id:ed25519:…` (the public key), several with commas between: while keys
 * change, the old and the new one.
 * @throws PortcullisError `key_invalid`
 */
export async function reachKeys(text: string): Promise<ReachKeys> {
  const keys = keyTexts(text, "the key").map(async ({ id, alg, bytes }) => {
    const algorithm = alg === "ed25519" ? { name: "Ed25519" } : { name: "HMAC", hash: "SHA-256" };
    return [
      id,
      { alg, key: await crypto.subtle.importKey("raw", bytes, algorithm, false, ["verify"]) },
    ] as const;
  });
  return new Map(await Promise.all(keys));
}

/** The public half of a gate's key, `id:ed25519:…`, for its origins. */
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
 * What the gate says of this request, or the code of why it cannot be known. Call it before anything rewrites the target.
 * `now` is in milliseconds. Without `seen` a mark may be used again while it lasts.
 * @throws PortcullisError `input_invalid` for a request, keys or a store of nonces that are none: nothing is known then, so nothing may be answered
 */
export async function verify(
  request: Request | Arrived,
  keys: ReachKeys,
  options: { readonly now?: number; readonly seen?: Nonces } = {},
): Promise<Reach | ReachCode> {
  const { method, headers, target } = arrived(request);
  const { now, seen } = record(options, "the options") as typeof options;
  const ms = instant(now);
  if (typeof (keys as Partial<ReachKeys> | undefined)?.get !== "function")
    throw invalid("`keys` are not what `reachKeys` resolves to");
  if ("take" in options || (!isMissing(seen) && typeof seen.take !== "function"))
    throw invalid("`seen` is no store of nonces");
  const text = headers.get(REACH_HEADER);
  if (text === undefined) return "reach_missing";
  const mark = read(text);
  if (mark === undefined) return "reach_malformed";
  const { reach, alg } = mark;
  const key = keys.get(reach.keyId);
  if (key?.alg !== alg) return "reach_key_unknown";
  const algorithm = alg === "ed25519" ? "Ed25519" : "HMAC";
  if (
    !(await crypto.subtle.verify(
      algorithm,
      key.key as CryptoKey,
      mark.signature,
      encoder.encode(`${REACH_HEADER}: ${mark.signed}`),
    ))
  )
    return "reach_signature_wrong";
  const seconds = Math.floor(ms / 1000);
  const until = reach.created + LIFETIME_S + SKEW_S;
  if (reach.created > seconds + SKEW_S) return "reach_not_yet_valid";
  if (seconds > until) return "reach_expired";
  if (mark.method !== method) return "reach_method_wrong";
  if (mark.target !== (await digest(target))) return "reach_target_wrong";
  let credentials = "";
  for (const name of reach.slots) {
    const value = headers.get(name);
    if (value !== undefined) credentials += `${name}: ${value}\n`;
  }
  if (mark.credential !== (await digest(credentials))) return "reach_credential_wrong";
  const taken = isMissing(seen) ? "fresh" : await seen.take(reach.nonce, until, seconds);
  if (taken !== "fresh") return taken === "full" ? "reach_cache_full" : "reach_replayed";
  return reach;
}

/**
 * The value of `Portcullis-Enforced` for an answer of this status: the origin has enforced what the mark denies. `key` is
 * the origin's own, `id:hmac-sha256:…`, the same as the gate's `ENFORCED_KEY`.
 */
export async function acknowledge(reach: Reach, status: number, key: string): Promise<string> {
  const { nonce } = record(reach, "the reach");
  if (typeof nonce !== "string" || !NONCE.test(nonce) || !isStatus(status))
    throw invalid("no reach of `verify`, or no status of an answer");
  const [first] = keyTexts(key, "the key");
  if (first?.alg !== "hmac-sha256")
    throw new PortcullisError("key_invalid", "an answer is acknowledged under `hmac-sha256`");
  const imported = await crypto.subtle.importKey(
    "raw",
    first.bytes,
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  const text = `nonce="${reach.nonce}", status=${status}, keyid="${first.id}", alg="hmac-sha256"`;
  const signature = await crypto.subtle.sign(
    "HMAC",
    imported,
    encoder.encode(`${ENFORCED_HEADER}: ${text}`),
  );
  return `${text}, sig=:${base64(new Uint8Array(signature))}:`;
}

const encoder = new TextEncoder();
const NONCE = /^[\w-]{16,64}$/;

interface Read {
  readonly reach: Reach;
  readonly method: string;
  readonly target: string;
  readonly credential: string;
  readonly alg: string;
  /** What is signed, and the signature. */
  readonly signed: string;
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** Method, target and headers; lines of one name joined, as a `Headers` has them. */
function arrived(request: Request | Arrived): {
  readonly method: string;
  readonly target: string;
  readonly headers: ReadonlyMap<string, string>;
} {
  const { method, headers, target, url } = Object(request) as Partial<Arrived & Request>;
  if (typeof method !== "string" || typeof (target ?? url) !== "string" || isMissing(headers))
    throw invalid("the request has no method, target or headers");
  const lines = new Map<string, string>();
  for (const [name, value] of pairs(headers)) {
    const key = name.toLowerCase();
    const bare = value.replace(/^[ \t]+|[ \t]+$/g, "");
    const before = lines.get(key);
    lines.set(key, before === undefined ? bare : `${before}, ${bare}`);
  }
  // Node's own request has the target alone, a `Request` the whole address.
  const address = url ?? "";
  const path = address.startsWith("/")
    ? address
    : address.slice(address.indexOf("/", address.indexOf("://") + 3));
  return { method, target: target ?? path, headers: lines };
}

function read(text: string): Read | undefined {
  if (text.length > MARK_CHARACTERS) return undefined;
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
    // The signature must be the last member, or what follows it would not be signed.
    if ([...members.keys()].at(-1) !== "sig") return undefined;
    const reach: Reach = {
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
    if (!reach.slots.every((name) => /^[a-z0-9-]+$/.test(name))) return undefined;
    const signature = Uint8Array.from(atob(of("sig", "bytes")), (char) => char.charCodeAt(0));
    return {
      reach,
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

/** The first 16 bytes of SHA-256, in base64. */
async function digest(text: string): Promise<string> {
  return base64(
    new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text))).subarray(0, 16),
  );
}
