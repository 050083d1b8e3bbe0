/**
 * Signs the header `Portcullis-Access` on each guarded request that is forwarded, and checks the
 * origin's acknowledgement in `Portcullis-Enforced`. `docs/access-header.md` has the formats and
 * the reasons.
 *
 * Input: the request as it will be sent, the caller's denied families, the deployment's keys.
 * Output: the header, and whether a response acknowledges it. `verify.ts` is the origin's side.
 */
import { digest, mac } from "../../wasm/edge.js";
import { PortcullisError, invalid } from "../error.ts";
import type { BundleInfo } from "../types.ts";
import { enter } from "../wasm/instance.ts";
import {
  ACCESS_HEADER,
  ENFORCED_HEADER,
  type KeyText,
  acknowledgement,
  base64,
  keyTexts,
  pkcs8,
} from "./keys.ts";

/** What the access header states about a request. */
export interface AccessStatement {
  /** Ids of the denied families, each in quotes, separated by spaces. */
  readonly denied: string;
  /** `defer`: the origin decides which model runs. */
  readonly verdict: "pass" | "defer";
}

/** The settings with keys. */
export interface SigningSettings {
  /**
   * The key that signs the access header, `id:hmac-sha256:…` or `id:ed25519:…`, 32 bytes in Base64.
   * Without it there is no header.
   */
  readonly ACCESS_KEY?: string;
  /**
   * The origin's keys, `id:hmac-sha256:…`, separated by commas. Without them no response counts as
   * acknowledged.
   */
  readonly ENFORCED_KEY?: string;
}

/** Signs access headers and checks acknowledgements. */
export class Signer {
  /** Whether an origin can acknowledge at all. */
  readonly acknowledges: boolean;
  readonly #key: KeyText;
  readonly #origin: readonly KeyText[];
  readonly #slots: readonly string[];
  // The parts that are the same in every header.
  readonly #policy: string;
  readonly #slotList: string;
  readonly #keyFields: string;
  readonly #acknowledged = new WeakSet<Response>();
  #private: CryptoKey | undefined;

  /**
   * Makes a signer; undefined if the deployment has no key.
   *
   * @param slots Names of headers that hold credentials, in lower case
   * @throws PortcullisError `key_invalid`
   */
  static of(
    { ACCESS_KEY, ENFORCED_KEY }: SigningSettings,
    info: BundleInfo,
    slots: Iterable<string>,
  ): Signer | undefined {
    if (ACCESS_KEY !== undefined) return new Signer(ACCESS_KEY, ENFORCED_KEY, info, [...slots]);
    if (ENFORCED_KEY !== undefined)
      throw new PortcullisError("key_invalid", "ENFORCED_KEY without ACCESS_KEY");
    return undefined;
  }

  private constructor(
    key: string,
    origin: string | undefined,
    { id, version, digest }: BundleInfo,
    slots: readonly string[],
  ) {
    const [first, second] = keyTexts(key, "ACCESS_KEY");
    if (first === undefined || second !== undefined)
      throw new PortcullisError("key_invalid", "ACCESS_KEY is not one key");
    this.#key = first;
    this.#origin = keyTexts(origin ?? "", "ENFORCED_KEY");
    if (this.#origin.some(({ alg }) => alg !== "hmac-sha256"))
      throw new PortcullisError("key_invalid", "ENFORCED_KEY is not for `hmac-sha256`");
    this.acknowledges = this.#origin.length > 0;
    this.#slots = slots;
    this.#policy = `policy=${quoted(id)}, version=${version}, bundle="${digest.slice(0, 16)}"`;
    this.#slotList = `slots=(${slots.map(quoted).join(" ")})`;
    this.#keyFields = `keyid="${first.id}", alg="${first.alg}"`;
  }

  /**
   * Signs a request that goes on unchanged.
   *
   * @param created Seconds since the epoch
   * @returns The nonce of the header
   * @throws PortcullisError `input_invalid` for characters that the header cannot carry
   */
  async sign(
    request: Pick<Request, "url" | "method" | "headers">,
    statement: AccessStatement,
    nonce: string = crypto.randomUUID(),
    created = Math.floor(Date.now() / 1000),
  ): Promise<string> {
    const { denied, verdict } = statement;
    if (typeof denied !== "string" || (verdict !== "pass" && verdict !== "defer"))
      throw invalid("no access statement");
    // Ids come from the policy and the method from the client. Neither may end the header or begin
    // another member.
    const policy = `denied=(${denied}), verdict=${verdict}, ${this.#policy}`;
    if (!/^[ -~]+$/.test(policy) || !/^[!#-[\]-~]+$/.test(request.method))
      throw invalid("a character that the access header cannot carry");
    const fields = `${policy}, method="${request.method}", ${this.#request(request)}, created=${created}, nonce="${nonce}", ${this.#keyFields}`;
    request.headers.set(ACCESS_HEADER, `${fields}, sig=:${await this.#signature(fields)}:`);
    return nonce;
  }

  #request({ url, headers }: Pick<Request, "url" | "headers">): string {
    let credentials = "";
    for (const name of this.#slots) {
      const value = headers.get(name);
      if (value !== null) credentials += `${name}: ${value}\n`;
    }
    const target = url.slice(url.indexOf("/", url.indexOf("://") + 3));
    return enter(
      () => `target=:${digest(target)}:, ${this.#slotList}, credential=:${digest(credentials)}:`,
    );
  }

  #signature(fields: string): string | Promise<string> {
    const line = `${ACCESS_HEADER}: ${fields}`;
    const { alg, bytes } = this.#key;
    return alg === "hmac-sha256" ? enter(() => mac(bytes, line)) : this.#ed25519(line);
  }

  async #ed25519(line: string): Promise<string> {
    const name = "Ed25519";
    this.#private ??= await crypto.subtle.importKey("pkcs8", pkcs8(this.#key.bytes), name, false, [
      "sign",
    ]);
    const signature = await crypto.subtle.sign(name, this.#private, new TextEncoder().encode(line));
    return base64(new Uint8Array(signature));
  }

  /**
   * Removes the acknowledgement from a response and checks it.
   *
   * @param nonce The nonce of the request's access header, if it had one
   */
  takeAcknowledgement(response: Response, nonce: string | undefined): Response {
    const value = response.headers.get(ENFORCED_HEADER);
    if (value === null) return response;
    const bare = withoutAcknowledgement(response);
    if (
      nonce !== undefined &&
      this.#origin.some((key) => same(value, signed(key, nonce, response.status)))
    )
      this.#acknowledged.add(bare);
    return bare;
  }

  /** Whether the origin acknowledged a response that {@link takeAcknowledgement} returned. */
  acknowledged(response: Response): boolean {
    return this.#acknowledged.has(response);
  }
}

function signed({ id, bytes }: KeyText, nonce: string, status: number): string {
  const text = acknowledgement(nonce, status, id);
  return `${text}, sig=:${enter(() => mac(bytes, `${ENFORCED_HEADER}: ${text}`))}:`;
}

/** Returns a response without the acknowledgement, which clients must not see. */
export function withoutAcknowledgement(response: Response): Response {
  if (!response.headers.has(ENFORCED_HEADER)) return response;
  const bare = new Response(response.body, response);
  bare.headers.delete(ENFORCED_HEADER);
  return bare;
}

/** Quotes a string (RFC 9651 section 3.3.3). The calling code checks its characters. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/**
 * Compares in a time that does not depend on where two strings differ, so that no signature can be
 * guessed by parts.
 */
function same(one: string, other: string): boolean {
  let different = one.length ^ other.length;
  for (let at = 0; at < other.length; at += 1)
    different |= one.charCodeAt(at) ^ other.charCodeAt(at);
  return different === 0;
}
