/** What the gate is measured against: workers that pass everything, and workers written by hand. */

/** Passes every request. */
export const BARE = `export default { fetch(request, env) {
  return fetch(new Request(env.ORIGIN + request.url.slice(request.url.indexOf("/", 8)), request));
} };`;

/**
 * A worker that knows one API and the one rule of the test policy. It believes account records for
 * a minute, as the gate does.
 *
 * @param reads `json`: the body is read by `request.json()` and made again; `text`: it is read by
 *   `request.text()`, parsed, and sent as it was.
 */
export function byHand(reads) {
  const [read, model, body] =
    reads === "json"
      ? ["request.json()", "read.model", "JSON.stringify(read)"]
      : ["request.text()", "JSON.parse(read).model", "read"];
  return `import { keyDigest } from "portcullis/cloudflare";
const known = new Map();
async function person(env, key) {
  const kept = known.get(key);
  if (kept !== undefined && Date.now() < kept.until) return kept.person;
  const record = JSON.parse(await env.KEYS.get(await keyDigest(env.KEY_SECRET, key)));
  const person = record?.export?.us_person_ear === true;
  known.set(key, { person, until: Date.now() + 60_000 });
  return person;
}
export default { async fetch(request, env) {
  const { headers, method } = request;
  const url = env.ORIGIN + request.url.slice(request.url.indexOf("/", 8));
  const country = headers.get("cf-ipcountry");
  const key = headers.get("authorization")?.replace(/^Bearer /, "") ?? "";
  if ((country === "US" || country === "PR") && (await person(env, key)))
    return fetch(new Request(url, request));
  const read = await ${read};
  if (!/^haiku-4$/.test(${model})) return new Response("no", { status: 403 });
  return fetch(url, { method, headers, body: ${body}, redirect: "manual" });
} };`;
}
