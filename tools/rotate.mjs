/**
 * Replaces each rotation by a constant with two shifts in a wasm module: `node tools/rotate.mjs IN
 * OUT`.
 *
 * V8's baseline compiler has no code for a rotation and calls a C function for each. It compiles
 * what runs first, and the digest of a bundle is most of what runs when a policy is loaded: 1.8 µs
 * a block of SHA-256 with rotations, 0.3 µs with shifts. V8's optimising compiler makes rotations
 * of the shifts again. The Rust compiler does too, so this tool runs behind it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import binaryen from "binaryen";
import { FEATURES } from "./module.mjs";

/** A rotation in the text form of the module, in the order of its stack. */
const ROTATION = /i32\.const (\d+)\s+i32\.rot([lr])\b/g;
/** The head of a function, up to the end of its line. */
const FUNCTION = /^ \(func .*$/m;

const [from, to] = process.argv.slice(2);
const module = binaryen.readBinary(readFileSync(from));
module.setFeatures(FEATURES);
let count = 0;
const functions = module.emitStackIR().split(/^(?= \(func )/m);
const text = functions.map((one) => {
  const shifted = one.replace(ROTATION, (_, constant, way) => {
    count += 1;
    const left = way === "l" ? Number(constant) : 32 - constant;
    return `local.tee $rotated i32.const ${left} i32.shl
      local.get $rotated i32.const ${32 - left} i32.shr_u i32.or`;
  });
  return shifted === one ? one : shifted.replace(FUNCTION, "$& (local $rotated i32)");
});
if (count === 0) throw new Error(`${from}: no rotation; has the Rust compiler other code for it?`);
const rewritten = binaryen.parseText(text.join(""));
rewritten.setFeatures(FEATURES);
writeFileSync(to, rewritten.emitBinary());
console.log(`wasm: ${count} rotations replaced by shifts`);
