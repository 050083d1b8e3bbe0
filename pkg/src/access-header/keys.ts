/** Keys in text form, `id:algorithm:base64`. Several keys are separated by commas. */
import { PortcullisError } from "../error.ts";

/**
 * Carries what a caller may not use, from the gate to the origin. `docs/access-header.md` has the
 * format.
 */
export const ACCESS_HEADER = "portcullis-access";
/** Carries the origin's acknowledgement to the gate. */
export const ENFORCED_HEADER = "portcullis-enforced";

export interface KeyText {
  readonly id: string;
  readonly alg: "hmac-sha256" | "ed25519";
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Reads keys.
 *
 * @param what Names the setting in the error. No part of a key may reach a log.
 * @throws PortcullisError `key_invalid`
 */
export function keyTexts(text: string, what: string): KeyText[] {
  if (typeof text !== "string") throw new PortcullisError("key_invalid", `${what} is no string`);
  const keys = text.split(",").filter((one) => one.trim() !== "");
  return keys.map((one) => {
    const [, id, alg, coded] =
      /^([\w.-]{1,64}):(hmac-sha256|ed25519):([A-Za-z0-9+/]+={0,2})$/.exec(one.trim()) ?? [];
    const bytes =
      coded === undefined || coded.length % 4 !== 0
        ? undefined
        : Uint8Array.from(atob(coded), (char) => char.charCodeAt(0));
    if (id === undefined || bytes === undefined)
      throw new PortcullisError("key_invalid", `${what} is not \`id:algorithm:base64\``);
    // A MAC key must be as long as the digest (RFC 2104 section 3); an Ed25519 key has 32 bytes.
    if (alg === "ed25519" ? bytes.length !== 32 : bytes.length < 32)
      throw new PortcullisError("key_invalid", `${what} must hold 32 bytes`);
    return { id, alg: alg as KeyText["alg"], bytes };
  });
}

/** Wraps an Ed25519 seed as WebCrypto imports private keys (RFC 8410 section 7). */
export function pkcs8(seed: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(
    ...[0x30, 46, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 34, 4, 32],
    ...seed,
  );
}

export function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** The text of an acknowledgement, without its signature. */
export function acknowledgement(nonce: string, status: number, keyId: string): string {
  return `nonce="${nonce}", status=${status}, keyid="${keyId}", alg="hmac-sha256"`;
}
