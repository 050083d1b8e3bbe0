/**
 * The mark on every guarded request that is forwarded, and the origin's acknowledgement of it: the headers
 * `Portcullis-Reach` and `Portcullis-Enforced`. `docs/reach-header.md` has the format and the reasons.
 *
 * In: the request as it will be sent, what its caller may not use, the keys of the deployment. Out: the header, and whether
 * an answer acknowledges it. Who checks the mark is `origin.ts`; here nothing is parsed but keys.
 */
import { digest, mac } from "../../wasm/edge.js";
import { PortcullisError, invalid } from "../error.ts";
import type { BundleInfo } from "../gate.ts";
import { ENFORCED_HEADER, REACH_HEADER } from "../http/headers.ts";
import { enter, generation } from "../wasm/instance.ts";
import { type KeyText, base64, keyTexts, pkcs8 } from "./keys.ts";

/** What the origin is told: the families closed to the caller, each in quotes and blanks between, and what is left to it. */
export interface Mark {
  readonly denied: string;
  readonly verdict: "pass" | "defer";
}

/** The part of the deployment's variables that this is about. */
export interface MarkKeys {
  /** Secret: signs the mark, as `id:hmac-sha256:…` or `id:ed25519:…` with 32 bytes of base64. Without it there is no mark. */
  readonly REACH_KEY?: string;
  /** Secret: the origin's, `id:hmac-sha256:…`, several with commas between. Without it no answer counts as acknowledged. */
  readonly ENFORCED_KEY?: string;
}

export class Marker {
  /** Whether an origin can acknowledge at all. */
  readonly acknowledges: boolean;
  readonly #key: KeyText;
  readonly #origin: readonly KeyText[];
  readonly #slots: readonly string[];
  // What is the same in every mark.
  readonly #policy: string;
  readonly #places: string;
  readonly #signer: string;
  readonly #acknowledged = new WeakSet<Response>();
  #private: CryptoKey | undefined;

  /** Undefined if the deployment has no key to sign with. `slots`: names of headers that hold credentials, in lower case. */
  static of(keys: MarkKeys, info: BundleInfo, slots: Iterable<string>): Marker | undefined {
    if (keys.REACH_KEY !== undefined)
      return new Marker(keys.REACH_KEY, keys.ENFORCED_KEY, info, [...slots]);
    if (keys.ENFORCED_KEY !== undefined)
      throw new PortcullisError(
        "key_invalid",
        "ENFORCED_KEY without REACH_KEY: there is nothing to acknowledge",
      );
    return undefined;
  }

  private constructor(
    key: string,
    origin: string | undefined,
    { id, version, digest }: BundleInfo,
    slots: readonly string[],
  ) {
    const [first, second] = keyTexts(key, "REACH_KEY");
    if (first === undefined || second !== undefined)
      throw new PortcullisError("key_invalid", "REACH_KEY is not one key");
    this.#key = first;
    this.#origin = keyTexts(origin ?? "", "ENFORCED_KEY");
    if (this.#origin.some(({ alg }) => alg !== "hmac-sha256"))
      throw new PortcullisError("key_invalid", "ENFORCED_KEY is for `hmac-sha256`");
    this.acknowledges = this.#origin.length > 0;
    this.#slots = slots;
    this.#policy = `policy=${quoted(id)}, version=${version}, bundle="${digest.slice(0, 16)}"`;
    this.#places = `slots=(${slots.map(quoted).join(" ")})`;
    this.#signer = `keyid="${first.id}", alg="${first.alg}"`;
  }

  /** Marks a request that goes on just so, and returns the nonce of its mark; `created` in seconds. */
  async mark(
    request: Request,
    mark: Mark,
    nonce: string = crypto.randomUUID(),
    created = Math.floor(Date.now() / 1000),
  ): Promise<string> {
    if (typeof mark.denied !== "string" || (mark.verdict !== "pass" && mark.verdict !== "defer"))
      throw invalid("no mark");
    // Ids are the policy's, the method is the caller's: neither may end the header, or begin another.
    const policy = `denied=(${mark.denied}), verdict=${mark.verdict}, ${this.#policy}`;
    if (!/^[ -~]+$/.test(policy) || !/^[!#-[\]-~]+$/.test(request.method))
      throw new PortcullisError("input_invalid", "a character that the mark cannot carry");
    const fields = `${policy}, method="${request.method}", ${this.#request(request)}, created=${created}, nonce="${nonce}", ${this.#signer}`;
    request.headers.set(REACH_HEADER, `${fields}, sig=:${await this.#signature(fields)}:`);
    return nonce;
  }

  #request({ url, headers }: Request): string {
    let credentials = "";
    for (const name of this.#slots) {
      const value = headers.get(name);
      if (value !== null) credentials += `${name}: ${value}\n`;
    }
    const target = url.slice(url.indexOf("/", url.indexOf("://") + 3));
    return inside(
      () => `target=:${digest(target)}:, ${this.#places}, credential=:${digest(credentials)}:`,
    );
  }

  #signature(fields: string): string | Promise<string> {
    const line = `${REACH_HEADER}: ${fields}`;
    const { alg, bytes } = this.#key;
    return alg === "hmac-sha256" ? inside(() => mac(bytes, line)) : this.#signed(line);
  }

  async #signed(line: string): Promise<string> {
    this.#private ??= await crypto.subtle.importKey(
      "pkcs8",
      pkcs8(this.#key.bytes),
      { name: "Ed25519" },
      false,
      ["sign"],
    );
    const signature = await crypto.subtle.sign(
      { name: "Ed25519" },
      this.#private,
      new TextEncoder().encode(line),
    );
    return base64(new Uint8Array(signature));
  }

  /** Takes the acknowledgement out of an answer. `nonce` is the one of the request's mark, if it had one. */
  answered(response: Response, nonce: string | undefined): Response {
    const claim = response.headers.get(ENFORCED_HEADER);
    if (claim === null) return response;
    const bare = without(response);
    if (
      nonce !== undefined &&
      this.#origin.some((key) => same(claim, acknowledgement(key, nonce, response.status)))
    )
      this.#acknowledged.add(bare);
    return bare;
  }

  /** Whether the origin says of this very answer that it has enforced the mark; `response` as {@link answered} returned it. */
  acknowledged(response: Response): boolean {
    return this.#acknowledged.has(response);
  }
}

function acknowledgement({ id, bytes }: KeyText, nonce: string, status: number): string {
  const text = `nonce="${nonce}", status=${status}, keyid="${id}", alg="hmac-sha256"`;
  return `${text}, sig=:${inside(() => mac(bytes, `${ENFORCED_HEADER}: ${text}`))}:`;
}

/** An answer without what origins and gates say to each other. */
export function without(response: Response): Response {
  const bare = new Response(response.body, response);
  bare.headers.delete(ENFORCED_HEADER);
  return bare;
}

/** A string of RFC 9651 section 3.3.3; what it cannot hold, the caller looks for. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** Takes the same time wherever the two differ, so that nobody learns a signature letter by letter. */
function same(one: string, other: string): boolean {
  let different = one.length ^ other.length;
  for (let at = 0; at < other.length; at += 1)
    different |= one.charCodeAt(at) ^ other.charCodeAt(at);
  return different === 0;
}

function inside<T>(work: () => T): T {
  return enter(generation(), work);
}
