/**
 * A Worker for the tests: the gate, with rules and a clock that a request can change. It reports
 * the size of the module's memory.
 */
import { initSync } from "../../pkg/wasm/edge.js";
import { Gate } from "portcullis";
import { worker } from "portcullis/cloudflare";
import module from "portcullis/edge.wasm";
import bundle from "./policy.bundle";

const now = Date.now;
let ahead = 0;
Date.now = () => now() + ahead;
const gates = new Set();
const load = Gate.loadSync;
Gate.loadSync = (options) => {
  const gate = load(options);
  gates.add(gate);
  return gate;
};
const gate = worker({ module, bundle });

export default {
  async fetch(request, env, context) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/memory") return new Response(String(initSync().memory.buffer.byteLength));
    if (pathname === "/later")
      return new Response(String((ahead += Number(searchParams.get("ms")))));
    if (pathname !== "/switch") return gate.fetch(request, env, context);
    if (gates.size === 0)
      await gate.fetch(new Request("http://gate/.well-known/portcullis/status"), env, context);
    const done = [...gates].map((one) =>
      one.switch(searchParams.get("rule"), searchParams.get("state")),
    );
    return Response.json(done);
  },
};
