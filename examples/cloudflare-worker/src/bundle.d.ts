declare module "*.bundle" {
  const bytes: ArrayBuffer;
  export default bytes;
}
