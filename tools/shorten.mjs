/**
 * Shortens the script of a wasm module, in place: `node tools/shorten.mjs MODULE SCRIPT`.
 *
 * The names of the module's imports become letters in both files, because wasm-bindgen's names end
 * with 16 digits of a hash, which do not compress. The tool removes code for runtimes that the
 * package does not support, and makes one function of code that wasm-bindgen repeats in every
 * function.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { Cursor, sections } from "./module.mjs";

/**
 * A pattern in wasm-bindgen's script, the number of its matches if that is fixed, the replacement.
 */
const CUTS = [
  [/^if \(Symbol\.dispose\) .*\n/gm, 3, ""],
  [/\(typeof FinalizationRegistry === 'undefined'\)\n\s+\? .*\n\s+: /g, 3, ""],
  [/^if \(!\('encodeInto' in cachedTextEncoder\)\) \{\n[^]*?\n\}\n/gm, 1, ""],
  [
    /    if \(module !== undefined\) \{\n[^]*?initSync[^]*?\n    \}\n/g,
    1,
    "    ({module} = module);\n",
  ],
  [/    if \(realloc === undefined\) \{\n[^]*?\n    \}\n/g, 1, ""],
  [/if \(typeof \w+ !== 'undefined'\)(?: \{)?(?= numBytesDecoded| WASM_VECTOR_LEN)/g, 2, ""],
  // Nothing schedules a new instance: the package calls the reset function itself.
  [/^ *__wbg_call_guard\(\);\n/gm, undefined, ""],
  [/^function __wbg_call_guard\(\) \{\n[^]*?\n\}\n/gm, 1, ""],
  [/^.*__wbg_reinit_scheduled = false;\n/gm, 2, ""],
  // `wasm/trap-guard.ts` recognises objects of an instance that was replaced.
  [
    /^ *if \((?:this|\(\w+\))\.__wbg_inst !== undefined && .*\n.*throw new Error\('Invalid stale .*\n *\}\n/gm,
    undefined,
    "",
  ],
  [/^ *Object\.defineProperty\((?:obj|this), '__wbg_inst', .*\n/gm, 3, ""],
  [/let ret;\n\s*ret = (.*);\n\s*return ret/g, undefined, "return $1"],
  // The package's types ensure the classes of arguments.
  [/^ *_assertClass\(\w+, \w+\);\n/gm, 2, ""],
  [/^function _assertClass\([^]*?\n\}\n/gm, 1, ""],
  [/^ *let deferred\d_[01];\n/gm, undefined, ""],
  [/^ *wasm\.__wbindgen_free\(deferred.*\n/gm, undefined, ""],
  [/^ *deferred\d_[01] = r[01];\n/gm, undefined, ""],
  [
    /^ *var r0 = .*\n *var r1 = .*\n *return getStringFromWasm0\(r0, r1\);/gm,
    undefined,
    "return takeString(retptr);",
  ],
  [
    /^ *var r0 = .*\n *var r1 = .*\n *var v\d = getArrayU8FromWasm0\(r0, r1\)\.slice\(\);\n *wasm\.__wbindgen_free.*\n *return v\d;/gm,
    2,
    "return takeBytes(retptr);",
  ],
  [
    /(passStringToWasm0\(\w+), wasm\.__wbindgen_malloc, wasm\.__wbindgen_realloc\)/g,
    undefined,
    "$1)",
  ],
  [
    "function passStringToWasm0(arg, malloc, realloc) {",
    1,
    "function passStringToWasm0(arg) {\n    const { __wbindgen_malloc: malloc, __wbindgen_realloc: realloc } = wasm;",
  ],
];

/** The functions that the replacements call. */
const SHARED = `
function takeString(at) {
    const view = getDataViewMemory0(), ptr = view.getInt32(at, true), len = view.getInt32(at + 4, true);
    const text = getStringFromWasm0(ptr, len);
    wasm.__wbindgen_free(ptr, len, 1);
    return text;
}
function takeBytes(at) {
    const view = getDataViewMemory0(), ptr = view.getInt32(at, true), len = view.getInt32(at + 4, true);
    const bytes = getArrayU8FromWasm0(ptr, len).slice();
    wasm.__wbindgen_free(ptr, len, 1);
    return bytes;
}
`;

const IMPORTS = 2;
/** The kind of an import that is a function: its type follows, one number. */
const FUNCTION = 0;

const [modulePath, scriptPath] = process.argv.slice(2);
const module = readFileSync(modulePath);
let script = readFileSync(scriptPath, "utf8");
const parts = [module.subarray(0, 8)];
for (const { id, content, whole } of sections(module)) {
  parts.push(
    ...(id === IMPORTS
      ? [Buffer.from([id]), ...sized(shortened(new Cursor(content, 0)))]
      : [whole]),
  );
}
for (const [pattern, times, rest] of CUTS) {
  const found =
    typeof pattern === "string" ? script.split(pattern).length - 1 : script.match(pattern)?.length;
  if (!found || (times !== undefined && found !== times))
    throw new Error(`${scriptPath}: ${pattern} is there ${found} times`);
  script = script.replace(pattern, rest);
}
writeFileSync(modulePath, Buffer.concat(parts));
writeFileSync(scriptPath, script + SHARED);

/** The section's content with the names `a`, `b`, ... */
function shortened(cursor) {
  const count = cursor.number();
  const imports = [leb(count)];
  for (let index = 0; index < count; index += 1) {
    const [from, name] = [cursor.vector(), cursor.vector().toString()];
    if (cursor.byte() !== FUNCTION || index >= 26)
      throw new Error(`${modulePath}: ${name} is no function, or one too many`);
    const short = String.fromCharCode(97 + index);
    // The script's side is a key of an object.
    const key = new RegExp(`^(\\s+)${name}:`, "gm");
    if (script.match(key)?.length !== 1)
      throw new Error(`${scriptPath}: \`${name}\` is not there once`);
    script = script.replace(key, `$1${short}:`);
    imports.push(
      ...sized(from),
      ...sized(Buffer.from(short)),
      Buffer.from([FUNCTION]),
      leb(cursor.number()),
    );
  }
  return Buffer.concat(imports);
}

/** Bytes behind their length. */
function sized(bytes) {
  return [leb(bytes.length), bytes];
}

function leb(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
}
