/**
 * An inference origin that serves only what the gate has judged.
 *
 * Environment: `ACCESS_KEYS`, the gate's keys, `id:hmac-sha256:…` or `id:ed25519:…`;
 * `ENFORCED_KEY`, the origin's own key; `PORT`, 9000 by default.
 */
import { createServer } from "node:http";
import { NonceCache, acknowledge, accessKeys, verify } from "portcullis/origin";

const { ACCESS_KEYS, ENFORCED_KEY, PORT = "9000" } = process.env;
/** Which family of the policy each model belongs to. */
const FAMILIES = { "mythos-5": "mythos-class", "fable-5": "mythos-class", "haiku-4": "open" };

const keys = await accessKeys(ACCESS_KEYS);
const nonces = new NonceCache();

const server = createServer(async (request, response) => {
  const { method, url: target, headers } = request;
  const access = await verify({ method, target, headers }, keys, { nonces });
  // A code such as `access_missing`: the request did not come through the gate as it is.
  if (typeof access === "string") return send(response, 403, { error: access });
  const model = await modelOf(request);
  const family = FAMILIES[model] ?? "*";
  if (access.denied.includes(family)) return send(response, 403, { error: "model_restricted" });
  response.setHeader("portcullis-enforced", await acknowledge(access, 200, ENFORCED_KEY));
  send(response, 200, { model, served: true });
});
server.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`origin ready on http://127.0.0.1:${server.address().port}`);
});

/** The model that the origin is going to run; without one it runs a default of its own. */
async function modelOf(request) {
  const text = (await request.toArray()).join("");
  return text === "" ? "haiku-4" : (JSON.parse(text).model ?? "haiku-4");
}

function send(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
