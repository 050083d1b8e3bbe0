/** A Worker for the tests: judges lines in workerd, as the package does it, and gives the verdicts back as text. */
import { Decoder } from "./decode.js";
import { Gate } from "./gate.js";
import { judgeLine } from "./line.js";
import { Session } from "./session.js";
import decode from "../wasm/decode_bg.wasm";
import module from "../wasm/edge_bg.wasm";
import bundle from "../wasm/policy.bundle";

export default {
  async fetch(request) {
    const load = () => Gate.loadSync({ module, bundle: new Uint8Array(bundle), decoder: new Decoder(decode) });
    const gate = load();
    const text = await request.text();
    const verdicts = text.split("\n").map((line) => {
      const parsed = JSON.parse(line);
      return JSON.stringify({ id: parsed.id, ...judgeLine(parsed.switch === undefined ? gate : load(), parsed, Session) });
    });
    return new Response(verdicts.join("\n"));
  },
};
