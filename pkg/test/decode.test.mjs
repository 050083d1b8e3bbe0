/**
 * The decoder undoes what Node's encoders write, at every level and window, however it is divided
 * into chunks. It refuses what is incomplete.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  brotliCompressSync,
  constants as c,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import { Decoder } from "portcullis/decode";

const decoder = new Decoder(readFileSync(new URL("../wasm/decode_bg.wasm", import.meta.url)));
const BROKEN = 2;
const TOO_LARGE = 3;

const levels = (encode, key, all) =>
  all.map(
    (level) => (data) => encode(data, key === "level" ? { level } : { params: { [key]: level } }),
  );
const ENCODERS = [
  [
    "gzip",
    [
      ...levels(gzipSync, "level", [0, 1, 6, 9]),
      (data) => gzipSync(data, { strategy: c.Z_HUFFMAN_ONLY }),
      (data) => gzipSync(data, { strategy: c.Z_FIXED, memLevel: 1 }),
    ],
  ],
  [
    "deflate",
    [
      ...levels(deflateSync, "level", [0, 1, 6, 9]),
      ...levels(deflateRawSync, "level", [0, 1, 6, 9]),
      (data) => deflateSync(data, { windowBits: 9 }),
    ],
  ],
  [
    "br",
    [
      ...levels(brotliCompressSync, c.BROTLI_PARAM_QUALITY, [0, 1, 2, 5, 9]),
      ...[10, 16, 17, 18, 22, 24].map((lgwin) => (data) => brotli(data, lgwin)),
    ],
  ],
  [
    "zstd",
    [
      ...levels(zstdCompressSync, c.ZSTD_c_compressionLevel, [-5, 1, 3, 9, 19]),
      ...levels(zstdCompressSync, c.ZSTD_c_windowLog, [10, 17, 23]),
      ...levels(zstdCompressSync, c.ZSTD_c_checksumFlag, [1]),
      ...levels(zstdCompressSync, c.ZSTD_c_contentSizeFlag, [0]),
    ],
  ],
];

/** The best that the encoder can, which is slow, for what is short. */
function brotli(data, lgwin) {
  return brotliCompressSync(data, {
    params: {
      [c.BROTLI_PARAM_LGWIN]: lgwin,
      [c.BROTLI_PARAM_QUALITY]: data.length < 50_000 ? 11 : 6,
    },
  });
}

const BODIES = [
  Buffer.from("x"),
  Buffer.from('{"model":"haiku-4","messages":[{"role":"user","content":"hi"}]}'),
  Buffer.from('The quick brown fox said \\"jump\\" over lazy dogs.\\n'.repeat(9_000)),
  noise(300_000, 256),
  noise(1_000_000, 12),
  Buffer.concat([noise(70_000, 64), Buffer.alloc(1_000_000, "ab"), noise(70_000, 3)]),
  Buffer.from("门在城堡边缘落下，挡住了受限制的模型请求。".repeat(500)),
];

for (const [coding, encoders] of ENCODERS) {
  test(`${coding}: ${encoders.length} ways to write it, ${BODIES.length} bodies`, () => {
    for (const [way, encode] of encoders.entries()) {
      for (const [index, body] of BODIES.entries()) {
        const coded = encode(body);
        for (const size of [coded.length, 65_536, 999]) {
          const { failure, bytes } = decode(coding, coded, size);
          assert.equal(failure, 0, `${way} ${index}`);
          assert.ok(bytes.equals(body), `${way} ${index}`);
        }
      }
    }
  });

  test(`${coding}: cut at every byte it is refused, and so it is with something after it`, () => {
    for (const encode of encoders) {
      const coded = encode(BODIES[1]);
      for (let end = 1; end < coded.length; end += 1)
        assert.equal(
          decode(coding, coded.subarray(0, end)).failure,
          BROKEN,
          `${end} of ${coded.length}`,
        );
      assert.equal(decode(coding, Buffer.concat([coded, Buffer.from("\0")])).failure, BROKEN);
    }
  });

  test(`${coding}: flipped bits never give a body that differs without a word, where there is a checksum`, () => {
    const [encode] = coding === "zstd" ? [encoders[8]] : encoders;
    const coded = encode(BODIES[1]);
    for (let bit = 0; bit < coded.length * 8; bit += 1) {
      const bad = Buffer.from(coded);
      bad[bit >> 3] ^= 1 << (bit & 7);
      const { failure, bytes } = decode(coding, bad);
      if (coding !== "br" && failure === 0) assert.ok(bytes.equals(BODIES[1]), `bit ${bit}`);
    }
  });
}

test("random stacks of codings are undone", () => {
  let state = 7;
  const random = (n) => (state = (state * 1_103_515_245 + 12_345) & 0x7fffffff) % n;
  for (let round = 0; round < 60; round += 1) {
    let coded = BODIES[random(BODIES.length)];
    const body = coded;
    const names = [];
    for (let depth = 1 + random(3); depth > 0; depth -= 1) {
      const [name, encoders] = ENCODERS[random(ENCODERS.length)];
      coded = encoders[random(encoders.length)](coded);
      names.push(name);
    }
    assert.ok(decode(names.join(", "), coded, 1 + random(5_000)).bytes.equals(body), names.join());
  }
});

test("bombs are refused before they have used much", () => {
  const zeros = Buffer.alloc(100e6);
  for (const [codings, coded] of [
    ["gzip", gzipSync(zeros)],
    ["br", brotliCompressSync(zeros, { params: { [c.BROTLI_PARAM_QUALITY]: 5 } })],
    ["zstd", zstdCompressSync(zeros)],
    ["gzip,gzip,gzip", gzipSync(gzipSync(gzipSync(zeros)))],
  ]) {
    const { failure, bytes } = decode(codings, coded);
    assert.equal(failure, TOO_LARGE, codings);
    assert.ok(bytes.length < 30e6, `${codings}: ${bytes.length}`);
  }
});

/** Everything that comes out, and the number of what went wrong. */
function decode(codings, coded, size = coded.length) {
  const decoding = decoder.open(codings, false);
  const pieces = [];
  const take = () => {
    for (let piece = decoding.next(); piece !== undefined; piece = decoding.next())
      pieces.push(piece);
  };
  try {
    for (let at = 0; at < coded.length; at += size) {
      decoding.feed(coded.subarray(at, at + size));
      take();
    }
    decoding.feed(undefined);
    take();
    return { failure: decoding.failure, bytes: Buffer.concat(pieces) };
  } finally {
    decoding.free();
  }
}

/** Bytes below `values` without a pattern. */
function noise(length, values) {
  let state = 1;
  return Buffer.from(
    Array.from(
      { length },
      () => ((state = (state * 1_664_525 + 1_013_904_223) >>> 0) >>> 16) % values,
    ),
  );
}
