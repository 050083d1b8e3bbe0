/**
 * Takes the words of panics out of a wasm module that has its function names: `node tools/snip.mjs IN OUT`.
 *
 * A panic of the module is a trap, by its panic handler. But core's functions that panic put a message together before they call the handler, and
 * the compiler, which does not look into them, links all that formats it. Here their bodies become the trap itself; wasm-opt then drops what
 * nothing calls any more.
 */
import { readFileSync, writeFileSync } from "node:fs";
import binaryen from "binaryen";

/** Functions of core that do nothing but panic, and those that only a panic's message is formatted by. */
const PANICS = /\bcore(\[[0-9a-f]+\])?::(panicking|fmt|slice::index::slice_\w*fail|str::slice_error_fail|cell::panic_|slice::copy_from_slice_impl::len_mismatch_fail)/;

const [from, to] = process.argv.slice(2);
const module = binaryen.readBinary(readFileSync(from));
const { SIMD128, BulkMemory, SignExt, NontrappingFPToInt, MutableGlobals, Multivalue, ReferenceTypes } = binaryen.Features;
module.setFeatures(SIMD128 | BulkMemory | SignExt | NontrappingFPToInt | MutableGlobals | Multivalue | ReferenceTypes);
let cut = 0;
for (let index = 0; index < module.getNumFunctions(); index++) {
  const reference = module.getFunctionByIndex(index);
  const { name, module: imported } = binaryen.getFunctionInfo(reference);
  if (imported !== "" || !PANICS.test(name)) continue;
  binaryen.Function.setBody(reference, module.unreachable());
  cut += 1;
}
if (cut === 0) throw new Error(`${from}: no function of core's panics is named; was the module stripped?`);
writeFileSync(to, module.emitBinary());
console.log(`wasm: ${cut} functions that only word a panic are traps now`);
