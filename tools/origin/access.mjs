/** The stub origin's use of the access header: it verifies, acknowledges and echoes the header. */
import { ENFORCED_HEADER, NonceCache, acknowledge, accessKeys, verify } from "portcullis/origin";

/**
 * `keys` are the gate's, `key` is the origin's own, both in the form of their variables. The stub
 * runs no model and withholds nothing, so it only acknowledges.
 */
export async function accessCheck({ keys, key }) {
  const known = await accessKeys(keys);
  const nonces = new NonceCache();
  return async (entry) => {
    const headers = new Headers();
    for (let at = 0; at < entry.raw.length; at += 2)
      headers.append(entry.raw[at], entry.raw[at + 1]);
    const access = await verify({ method: entry.method, target: entry.url, headers }, known, {
      nonces,
    });
    entry.access = access;
    return typeof access === "string"
      ? undefined
      : async (status) => [ENFORCED_HEADER, await acknowledge(access, status, key)];
  };
}
