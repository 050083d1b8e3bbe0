// What a bundler for Workers makes of `portcullis/edge.wasm` and `portcullis/decode.wasm`.
declare const module: WebAssembly.Module;
export default module;
