// What the bundler of a Worker makes of these files.
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
declare module "*.bundle" {
  const bytes: ArrayBuffer;
  export default bytes;
}
