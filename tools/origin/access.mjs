/** The stub origin's use of the access header: it verifies the header, acknowledges it, and echoes its content. */
import { ENFORCED_HEADER, NonceCache, acknowledge, accessKeys, verify } from "portcullis/origin";

/**
 * `keys`: the gate's, `key`: the origin's own, as their variables have them. The stub runs no model, so that there is nothing
 * for it to withhold: to acknowledge is all it has to do.
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
