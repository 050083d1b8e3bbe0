/** Keys as variables hold them: `id:algorithm:base64`, several with commas between. */
import { PortcullisError } from "../error.ts";

export interface KeyText {
  readonly id: string;
  readonly alg: "hmac-sha256" | "ed25519";
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** @throws PortcullisError `key_invalid`; `what` names the variable, since no part of a key must reach a log. */
export function keyTexts(text: string, what: string): KeyText[] {
  if (typeof text !== "string") throw new PortcullisError("key_invalid", `${what} is no text`);
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
    // A MAC key shorter than its digest is weaker than it (RFC 2104 section 3); an Ed25519 key is 32 bytes.
    if (alg === "ed25519" ? bytes.length !== 32 : bytes.length < 32)
      throw new PortcullisError("key_invalid", `${what} must hold 32 bytes`);
    return { id, alg: alg as KeyText["alg"], bytes };
  });
}

/** A seed as WebCrypto takes private keys: RFC 8410 section 7. */
export function pkcs8(seed: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(0x30, 46, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 34, 4, 32, ...seed);
}

export function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
