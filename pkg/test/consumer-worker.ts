// The part of a consumer's program that only a bundler for Workers can make sense of.
import { type Worker, worker } from "portcullis/cloudflare";
import { Decoder } from "portcullis/decode";
import decode from "portcullis/decode.wasm";
import module from "portcullis/edge.wasm";

const compiled: WebAssembly.Module = module;

export function gate(bundle: ArrayBuffer): Worker {
  return worker({ module: compiled, bundle, decoder: new Decoder(decode) });
}
