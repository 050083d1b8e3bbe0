// A bundler for Workers makes bytes of a compiled policy.
declare module "*.bundle" {
  const bytes: ArrayBuffer;
  export default bytes;
}
