/** The Worker that `wrangler.toml` and `make run` start, with the policy that `make build` compiled. */
import decode from "../wasm/decode_bg.wasm";
import module from "../wasm/edge_bg.wasm";
import bundle from "../wasm/policy.bundle";
import { worker } from "./cloudflare.ts";
import { Decoder } from "./decode.ts";

export default worker({ module, bundle, decoder: new Decoder(decode) });
