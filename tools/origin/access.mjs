/** What the stub origin does with the gate's mark: it checks it, acknowledges it, and says in its echo what it read. */
import {
  ENFORCED_HEADER,
  Seen,
  acknowledge,
  reachKeys,
  verify,
} from "../../pkg/dist/access-header/verify.js";

/**
 * `keys`: the gate's, `key`: the origin's own, as their variables have them. The stub runs no model, so that there is nothing
 * for it to withhold: to acknowledge is all it has to do.
 */
export async function reachCheck({ keys, key }) {
  const known = await reachKeys(keys);
  const seen = new Seen();
  return async (entry) => {
    const headers = new Headers();
    for (let at = 0; at < entry.raw.length; at += 2)
      headers.append(entry.raw[at], entry.raw[at + 1]);
    const reach = await verify({ method: entry.method, target: entry.url, headers }, known, {
      seen,
    });
    entry.reach = reach;
    return typeof reach === "string"
      ? undefined
      : async (status) => [ENFORCED_HEADER, await acknowledge(reach, status, key)];
  };
}
