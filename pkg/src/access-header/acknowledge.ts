/** The origin's acknowledgement that it enforced the denied families of a request. */
import { PortcullisError, invalid } from "../error.ts";
import { isStatus, record } from "../input.ts";
import { ENFORCED_HEADER, acknowledgement, base64, keyTexts } from "./keys.ts";
import { NONCE, type VerifiedAccess } from "./verify.ts";

/**
 * Makes the value of `Portcullis-Enforced`. It states that the origin enforced the denied families
 * of this request.
 *
 * @param access The result of {@link verify}
 * @param status The status of the response
 * @param key The origin's own key, `id:hmac-sha256:…`, equal to the gate's `ENFORCED_KEY`
 * @throws PortcullisError `input_invalid`, `key_invalid`
 * @example
 * ```js
 * response.headers.set("portcullis-enforced", await acknowledge(access, response.status, key));
 * ```
 */
export async function acknowledge(
  access: VerifiedAccess,
  status: number,
  key: string,
): Promise<string> {
  const { nonce } = record(access, "the access");
  if (typeof nonce !== "string" || !NONCE.test(nonce) || !isStatus(status))
    throw invalid("no result of `verify`, or no status of a response");
  const [first] = keyTexts(key, "the key");
  if (first?.alg !== "hmac-sha256")
    throw new PortcullisError("key_invalid", "the key is not for `hmac-sha256`");
  const imported = await crypto.subtle.importKey(
    "raw",
    first.bytes,
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  const text = acknowledgement(nonce, status, first.id);
  const line = new TextEncoder().encode(`${ENFORCED_HEADER}: ${text}`);
  const signature = await crypto.subtle.sign("HMAC", imported, line);
  return `${text}, sig=:${base64(new Uint8Array(signature))}:`;
}
