import { worker } from "portcullis/cloudflare";
import { Decoder } from "portcullis/decode";
import decode from "portcullis/decode.wasm";
import module from "portcullis/edge.wasm";
import bundle from "./policy.bundle";

export default worker({ module, bundle, decoder: new Decoder(decode) });
