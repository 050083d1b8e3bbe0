/** Content codings over a written body, whole and broken. The gate undoes them and forwards what it undid, so servers read what zlib makes of them. */
import zlib from "node:zlib";

const CODERS = {
  gzip: [zlib.gzipSync, zlib.gunzipSync],
  "x-gzip": [zlib.gzipSync, zlib.gunzipSync],
  deflate: [zlib.deflateSync, zlib.inflateSync],
  br: [zlib.brotliCompressSync, zlib.brotliDecompressSync],
  zstd: [zlib.zstdCompressSync, zlib.zstdDecompressSync],
};
const TAILS = ["\0", "x", "\0\0\0\0", '{"model":"mythos-5"}'];

const breaks = {
  "coding-whole": (_, coded) => coded,
  "coding-flip": (chance, coded) => {
    const flipped = Buffer.from(coded);
    if (flipped.length > 0) flipped[chance.below(flipped.length)] ^= 1 << chance.below(8);
    return flipped;
  },
  "coding-cut": (chance, coded) => coded.subarray(0, chance.below(coded.length + 1)),
  "coding-tail": (chance, coded) => Buffer.concat([coded, Buffer.from(chance.of(TAILS), "latin1")]),
  "coding-member": (chance, coded, coder) => Buffer.concat([coded, coder(Buffer.from(chance.of(TAILS), "latin1"))]),
};

/** The written request under codings; `plain` is what a server has when they are undone, nothing where zlib gives up. */
export function coded(chance, wire) {
  const names = [chance.of(Object.keys(CODERS)), ...(chance.once(6) ? [chance.of(Object.keys(CODERS))] : [])];
  let bytes = Buffer.from(wire.body, "latin1");
  for (const name of names) bytes = CODERS[name][0](bytes);
  const kind = chance.weighed([[12, "coding-whole"], ...Object.keys(breaks).map((name) => [1, name])]);
  bytes = breaks[kind](chance, bytes, CODERS[names.at(-1)][0]);
  const header = chance.weighed([[8, names.join(", ")], [1, names.join(",").toUpperCase()], [1, [...names, "identity"].join(", ")], [1, chance.of(Object.keys(CODERS))]]);
  const lies = header.toLowerCase() === names.join(", ") || header.includes("identity") || header.includes(",") ? [] : ["coding-lie"];
  return { ...wire, body: bytes.toString("latin1"), headers: [...wire.headers, ["content-encoding", header]], mutations: [...wire.mutations, kind, ...lies] };
}

/** The bytes that a server reads; nothing where they cannot be had. */
export function plain(wire) {
  // What the head of a socket says of its codings is nothing to its messages.
  if (wire.socket === true) return wire.body;
  const names = wire.headers.filter(([name]) => name.toLowerCase() === "content-encoding").flatMap(([, value]) => value.toLowerCase().split(",").map((name) => name.trim()));
  let bytes = Buffer.from(wire.body, "latin1");
  for (const name of names.reverse()) {
    if (name === "" || name === "identity") continue;
    if (CODERS[name] === undefined) return "";
    try {
      bytes = CODERS[name][1](bytes, { maxOutputLength: 1 << 20 });
    } catch {
      return "";
    }
  }
  return bytes.toString("latin1");
}
