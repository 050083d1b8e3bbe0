/**
 * For inference origins, `portcullis/origin`: verifies that a request comes from the gate as the
 * gate judged it, reads what its caller may not use, and acknowledges that this was enforced. It
 * needs only Web standards.
 *
 * ```js
 * const keys = await accessKeys("edge-1:hmac-sha256:…");
 * const nonces = new NonceCache();
 *
 * const access = await verify(request, keys, { nonces });
 * if (typeof access === "string") return new Response(null, { status: 403 }); // an error code
 * if (access.denied.includes(familyOf(model))) return new Response(null, { status: 403 });
 * response.headers.set("portcullis-enforced", await acknowledge(access, response.status, key));
 * ```
 */
export { acknowledge } from "./acknowledge.ts";
export { ACCESS_HEADER, ENFORCED_HEADER } from "./keys.ts";
export { NonceCache } from "./nonce-cache.ts";
export type { NonceStore, Taken } from "./nonce-cache.ts";
export { accessKeys, publicKey, verify } from "./verify.ts";
export type { AccessCode, AccessKeys, ArrivedRequest, VerifiedAccess } from "./verify.ts";
export type { HeaderLines } from "../types.ts";
