/**
 * Removes the messages of panics from a wasm module that still has its function names:
 * `node tools/snip.mjs IN OUT`.
 *
 * The module's panic handler is a trap. But the functions of core that panic format a message
 * before they call the handler, and the compiler does not see that the message is never shown, so
 * it links all the formatting code. This tool replaces the bodies of these functions by the trap.
 * wasm-opt then removes the functions without callers. Data that only they read (messages, and the
 * source locations of panics) becomes zeros.
 */
import { readFileSync, writeFileSync } from "node:fs";
import binaryen from "binaryen";
import { Cursor, FEATURES, sections } from "./module.mjs";

/** Functions of core that only panic, and functions that only format the message of a panic. */
const PANICS =
  /\bcore(\[[0-9a-f]+\])?::(panicking|fmt|slice::index::slice_\w*fail|str::slice_error_fail|cell::panic_|slice::copy_from_slice_impl::len_mismatch_fail)/;

/**
 * The messages of core and alloc as they lie in the data, and the digits of the numbers in them.
 */
const WORDS = [
  Array.from({ length: 100 }, (_, number) => String(number).padStart(2, "0")).join(""),
  "slice index starts at ",
  " but ends at ",
  "index out of bounds: the len is ",
  " but the index is ",
  "range start index ",
  "range end index ",
  " out of range for slice of length ",
  "copy_from_slice: source slice length (",
  ") does not match destination slice length (",
  "insertion index (is ",
  "removal index (is ",
  ") should be <= len (is ",
  ") should be < len (is ",
  "chunk size must be non-zero",
  "memory allocation of ",
  "Tried to shrink to a larger capacity",
  "capacity overflow",
  "RefCell already borrowed",
  "RefCell already mutably borrowed",
];

const DATA = 11;
/** The size of a `core::panic::Location`: address and length of a file name, line, column. */
const LOCATION = 16;

const [from, to] = process.argv.slice(2);
const module = binaryen.readBinary(readFileSync(from));
module.setFeatures(FEATURES);
let cut = 0;
for (let index = 0; index < module.getNumFunctions(); index++) {
  const reference = module.getFunctionByIndex(index);
  const { name, module: imported } = binaryen.getFunctionInfo(reference);
  if (imported !== "" || !PANICS.test(name)) continue;
  binaryen.Function.setBody(reference, module.unreachable());
  cut += 1;
}
if (cut === 0)
  throw new Error(`${from}: no panic function of core has its name; was the module stripped?`);
const bytes = Buffer.from(module.emitBinary());
const places = data(bytes).reduce((sum, segment) => sum + blank(segment), 0);
writeFileSync(to, bytes);
console.log(`wasm: ${cut} panic functions replaced by traps, ${places} source locations removed`);

/** Overwrites with zeros the data that only panics read. Returns the number of locations. */
function blank({ address, bytes }) {
  const names = new Set();
  let found = 0;
  for (let at = (4 - (address % 4)) % 4; at + LOCATION <= bytes.length; at += 4) {
    const [start, length] = [bytes.readUInt32LE(at) - address, bytes.readUInt32LE(at + 4)];
    if (start < 0 || length > 256 || start + length > bytes.length) continue;
    if (!/^[\w./-]+\.rs$/.test(bytes.toString("latin1", start, start + length))) continue;
    names.add(`${start} ${start + length}`);
    bytes.fill(0, at, at + LOCATION);
    found += 1;
  }
  for (const name of names) bytes.fill(0, ...name.split(" ").map(Number));
  for (const words of WORDS) {
    for (let at = bytes.indexOf(words); at >= 0; at = bytes.indexOf(words))
      bytes.fill(0, at, at + words.length);
  }
  return found;
}

/** Returns the segments of the data section, as slices of the module's own bytes. */
function data(module) {
  const segments = [];
  for (const { id, content } of sections(module)) {
    if (id !== DATA) continue;
    const cursor = new Cursor(content, 0);
    for (let left = cursor.number(); left > 0; left--) {
      // An active segment in memory 0 at a constant address: 0, i32.const, address, end.
      if (cursor.byte() !== 0 || cursor.byte() !== 0x41)
        throw new Error(`${from}: a data segment without a constant address`);
      const address = cursor.number();
      cursor.byte();
      segments.push({ address, bytes: cursor.vector() });
    }
  }
  return segments;
}
