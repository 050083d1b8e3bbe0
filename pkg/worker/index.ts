/**
 * The Worker that `wrangler.toml` deploys and `make run` starts, with the policy that `make build`
 * compiles.
 */
import { worker } from "portcullis/cloudflare";
import { Decoder } from "portcullis/decode";
import decode from "portcullis/decode.wasm";
import module from "portcullis/edge.wasm";
import bundle from "../wasm/policy.bundle";

export default worker({ module, bundle, decoder: new Decoder(decode) });
