/**
 * A Worker for the tests: the gate under one policy after the other. `/policy?at=1` puts the next
 * one in force and frees the gate of the previous one, whatever is under way. Requests go through
 * the worker unchanged. Sockets are relayed here, since a worker keeps its policy.
 */
import { Gate, isUpgrade } from "portcullis";
import { worker } from "portcullis/cloudflare";
import { sockets } from "../../pkg/dist/adapter/cloudflare/sockets.js";
import { Budget } from "../../pkg/dist/operate/budget.js";
import { AccountStore } from "../../pkg/dist/operate/account-store.js";
import { relay } from "../../pkg/dist/websocket/relay.js";
import { initSync } from "../../pkg/wasm/edge.js";
import module from "portcullis/edge.wasm";
import bundle from "./policy.bundle";
import successor from "./successor.bundle";

const bundles = [bundle, successor];
const load = Gate.loadSync;
let gate;
let keys;
let serving;
Gate.loadSync = (options) => (gate = load(options));

async function put(at, env, context) {
  const before = gate;
  serving = worker({ module, bundle: bundles[at] });
  await serving.fetch(new Request("http://gate/.well-known/portcullis/status"), env, context);
  keys = new AccountStore(gate, env.KEYS, env.KEY_SECRET);
  before?.free();
  return gate.info.version;
}

async function facts({ headers }) {
  const key = headers.get("authorization")?.slice("Bearer ".length);
  return {
    place: {
      country: headers.get("cf-ipcountry") ?? "",
      region: headers.get("cf-region-code") ?? "",
    },
    account: key === undefined ? undefined : await keys.account(key),
  };
}

export default {
  async fetch(request, env, context) {
    const { pathname, search, searchParams } = new URL(request.url);
    if (pathname === "/memory") return new Response(String(initSync().memory.buffer.byteLength));
    if (pathname === "/policy")
      return new Response(String(await put(Number(searchParams.get("at")), env, context)));
    if (serving === undefined) await put(0, env, context);
    if (!isUpgrade(request)) return serving.fetch(request, env, context);
    const connect = async () => ({
      response: await fetch(env.ORIGIN + pathname + search, request),
      acknowledged: false,
    });
    const fault = (cause) => console.error(String(cause));
    return relay(
      {
        request,
        sockets,
        budget: new Budget(),
        decided: () => undefined,
        withoutSocket: async (response) => response,
        isCredential: () => false,
        gate: () => gate,
        facts: () => facts(request),
        connect,
        newCase: () => "case-1",
        fault,
      },
      await facts(request),
    );
  },
};
