/**
 * The decoding module in V8: megabytes of decoded bytes a second for each coding, beside Node's own
 * decoders.
 *
 * The body is a chat of random words, fed in reads of 64 KB. Each figure is the best of nine rounds
 * in which the two take turns.
 *
 *     make build && node benches/decode.mjs
 */
import { readFileSync } from "node:fs";
import * as z from "node:zlib";
import { Decoder } from "portcullis/decode";

const READ = 64 << 10;
const SIZES = [1e4, 1e5, 1e6, 1e7];
const decoder = new Decoder(readFileSync(new URL("../pkg/wasm/decode_bg.wasm", import.meta.url)));
const CODINGS = [
  ["gzip", z.gzipSync, z.gunzipSync],
  ["deflate", z.deflateSync, z.inflateSync],
  [
    "br",
    (body) => z.brotliCompressSync(body, { params: { [z.constants.BROTLI_PARAM_QUALITY]: 5 } }),
    z.brotliDecompressSync,
  ],
  ["zstd", z.zstdCompressSync, z.zstdDecompressSync],
];

console.log("| coding | bytes | module MB/s | Node's own MB/s |\n|---|---|---|---|");
for (const [coding, encode, native] of CODINGS) {
  for (const size of SIZES) {
    const body = chat(size);
    const coded = encode(body);
    if (decode(coding, coded) !== body.length) throw new Error(coding);
    const best = race([() => decode(coding, coded), () => native(coded)]);
    console.log(
      `| ${coding} | ${body.length} | ${best.map((ms) => (body.length / ms / 1e3).toFixed(0)).join(" | ")} |`,
    );
  }
}

/** Returns the number of decoded bytes. */
function decode(coding, coded) {
  const decoding = decoder.open(coding, false);
  let bytes = 0;
  const take = () => {
    for (let piece = decoding.next(); piece !== undefined; piece = decoding.next())
      bytes += piece.length;
  };
  for (let at = 0; at < coded.length; at += READ) {
    decoding.feed(coded.subarray(at, at + READ));
    take();
  }
  decoding.feed(undefined);
  take();
  decoding.free();
  return bytes;
}

/** Returns the best time of each in milliseconds. */
function race(contenders) {
  const best = contenders.map(() => Infinity);
  for (let round = 0; round < 9; round += 1) {
    for (const [which, run] of contenders.entries()) {
      const start = performance.now();
      let count = 0;
      do (run(), (count += 1));
      while (performance.now() - start < 10);
      best[which] = Math.min(best[which], (performance.now() - start) / count);
    }
  }
  return best;
}

function chat(size) {
  let state = 1;
  const random = (below) =>
    ((state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 16) % below;
  const words = Array.from({ length: 2_000 }, () =>
    Array.from({ length: 2 + random(9) }, () => String.fromCharCode(97 + random(26))).join(""),
  );
  let text = "";
  while (text.length < size)
    text += words[random(1 + random(2_000))] + (random(12) === 0 ? ".\\n" : " ");
  return Buffer.from(
    JSON.stringify({ messages: [{ role: "user", content: text }], model: "haiku-4" }),
  );
}
