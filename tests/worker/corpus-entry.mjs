/**
 * A Worker for the tests: judges lines in workerd, through the package, and returns the verdicts.
 */
import { Gate, Session } from "portcullis";
import { Decoder } from "portcullis/decode";
import decode from "portcullis/decode.wasm";
import module from "portcullis/edge.wasm";
import { judgeLine } from "../line.mjs";
import bundle from "./policy.bundle";

export default {
  async fetch(request) {
    const load = () =>
      Gate.loadSync({ module, bundle: new Uint8Array(bundle), decoder: new Decoder(decode) });
    const gate = load();
    const text = await request.text();
    const verdicts = text.split("\n").map((line) => {
      const parsed = JSON.parse(line);
      return JSON.stringify({
        id: parsed.id,
        ...judgeLine(parsed.switch === undefined ? gate : load(), parsed, Session),
      });
    });
    return new Response(verdicts.join("\n"));
  },
};
