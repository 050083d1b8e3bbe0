/**
 * Shortens the script of a wasm module, in place: `node tools/shorten.mjs MODULE SCRIPT`.
 *
 * The names of the module's imports and exports become letters in both files. They are long, and
 * the digits of a hash in some of them do not compress. The tool removes code for runtimes that the
 * package does not support, and makes one function of code that wasm-bindgen repeats in every
 * function.
 */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { Cursor, sections } from "./module.mjs";

/** An argument in memory, up to its use. */
const PASSED =
  /^ *(?:const|var) (ptr\d) = (.*);\n *(?:const|var) (len\d) = WASM_VECTOR_LEN;\n([^]*?)\1, \3/gm;

/**
 * A pattern in wasm-bindgen's script, the number of its matches if that is fixed, the replacement.
 */
const ANY = Symbol("any number, also none");
const CUTS = [
  [/^if \(Symbol\.dispose\) .*\n/gm, 3, ""],
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
  // One class has what all classes of handles do.
  [/^export class (?=\w+ \{\n)(\w+)/gm, 3, "export class $1 extends Handle"],
  [/^    static __wrap\(ptr\) \{\n[^]*?\n    \}\n/gm, 3, ""],
  [/^    __destroy_into_raw\(\) \{\n[^]*?\n    \}\n/gm, 3, ""],
  [
    /^    free\(\) \{\n.*\n( *wasm\.\w+_free\(ptr, )0\);\n\s*\}\n/gm,
    3,
    "    static drop(ptr, finalized) {\n$1finalized);\n    }\n",
  ],
  [
    /^const \w+Finalization = \(typeof FinalizationRegistry === 'undefined'\)\n[^]*?\n\}\);\n/gm,
    3,
    "",
  ],
  [/let ret;\n\s*ret = (.*);\n\s*return ret(?! ===)/g, undefined, "return $1"],
  [/^export function start\(\) \{\n[^]*?\n\}\n/gm, 1, ""],
  // The package's types ensure the classes of arguments.
  [/^ *_assertClass\(\w+, \w+\);\n/gm, undefined, ""],
  [/^function _assertClass\([^]*?\n\}\n/gm, 1, ""],
  // Arguments are passed where they are used. They are evaluated from left to right.
  [/, wasm\.__wbindgen_malloc(?:, wasm\.__wbindgen_realloc)?\)/g, undefined, ")"],
  [PASSED, undefined, "$4$2, WASM_VECTOR_LEN"],
  [PASSED, undefined, "$4$2, WASM_VECTOR_LEN"],
  // The third argument is a text of the edge module only.
  [PASSED, ANY, "$4$2, WASM_VECTOR_LEN"],
  [/^(function pass\w+\(arg), malloc(?:, realloc)?\)/gm, 2, "$1)"],
  [/ = (m|re)alloc\(/g, 4, " = wasm.__wbindgen_$1alloc("],
  // Texts and bytes come back by a place on the stack.
  [/^ *let deferred\d_[01];\n/gm, undefined, ""],
  [
    /try \{\n *const retptr = .*\n *(wasm\.\w+)\(retptr, (.*)\);\n[^}]*return getString.*\n *\} finally \{\n[^}]*\}\n/g,
    undefined,
    "return take(decodeText, $1, $2);\n",
  ],
  [
    /try \{\n *const retptr = .*\n *(wasm\.\w+)\(retptr, (.*)\);\n[^}]*return v\d;\n *\} finally \{\n[^}]*\}\n/g,
    2,
    "return take(copyBytes, $1, $2);\n",
  ],
  [/^function getStringFromWasm0\([^]*?\n\}\n/gm, 1, ""],
  ["getStringFromWasm0", 1, "decodeText"],
  [/^function getArrayU8FromWasm0\([^]*?\n\}\n/gm, 1, ""],
  [
    /    if \(cachedDataViewMemory0 === null \|\| .*\{/g,
    1,
    "    if (cachedDataViewMemory0?.buffer !== wasm.memory.buffer) {",
  ],
  [
    /    if \(cachedUint8ArrayMemory0 === null \|\| .*\{/g,
    1,
    "    if (!cachedUint8ArrayMemory0?.byteLength) {",
  ],
  [/\b__wbg_ptr\b/g, undefined, "ptr"],
];

/** What the replacements use. */
const SHARED = `
const handles = new FinalizationRegistry(({ type, ptr, instance }) => {
    if (instance === __wbg_instance_id) type.drop(ptr, 1);
});
class Handle {
    static __wrap(ptr) {
        const handle = Object.create(this.prototype);
        handle.ptr = ptr;
        handles.register(handle, { type: this, ptr, instance: __wbg_instance_id }, handle);
        return handle;
    }
    free() {
        const ptr = this.ptr;
        this.ptr = 0;
        handles.unregister(this);
        this.constructor.drop(ptr, 0);
    }
}
function take(read, call, ...values) {
    const at = wasm.__wbindgen_add_to_stack_pointer(-16);
    try {
        call(at, ...values);
        const view = getDataViewMemory0(), ptr = view.getUint32(at, true), len = view.getUint32(at + 4, true);
        const taken = read(ptr, len);
        wasm.__wbindgen_free(ptr, len, 1);
        return taken;
    } finally {
        wasm.__wbindgen_add_to_stack_pointer(16);
    }
}
function copyBytes(ptr, len) {
    return getUint8ArrayMemory0().slice(ptr, ptr + len);
}
`;

/** The memory of the running instance, which wasm-bindgen does not export. */
const MEMORY = "export function instanceMemory() {\n    return wasm.memory;\n}\n";
const MEMORY_TYPE = "export function instanceMemory(): WebAssembly.Memory;\n";

const IMPORTS = 2;
const EXPORTS = 7;
/** The kind of an import that is a function: its type follows, one number. */
const FUNCTION = 0;

const [modulePath, scriptPath] = process.argv.slice(2);
const module = readFileSync(modulePath);
let script = readFileSync(scriptPath, "utf8");
for (const [pattern, times, rest] of CUTS) {
  const found =
    typeof pattern === "string" ? script.split(pattern).length - 1 : script.match(pattern)?.length;
  if (times !== ANY && (!found || (times !== undefined && found !== times)))
    throw new Error(`${scriptPath}: ${pattern} is there ${found} times`);
  script = script.replace(pattern, rest);
}
script = SHARED + MEMORY + script;
appendFileSync(scriptPath.replace(/js$/, "d.ts"), MEMORY_TYPE);
const parts = [module.subarray(0, 8)];
for (const { id, content, whole } of sections(module)) {
  const shorten = { [IMPORTS]: shortImport, [EXPORTS]: shortExport }[id];
  if (shorten === undefined) {
    parts.push(whole);
    continue;
  }
  const cursor = new Cursor(content, 0);
  const count = cursor.number();
  const entries = Array.from({ length: count }, (_, index) => shorten(cursor, letters(index)));
  const kept = entries.filter((entry) => entry.length > 0);
  parts.push(Buffer.from([id]), ...sized(Buffer.concat([leb(kept.length), ...kept.flat()])));
}
writeFileSync(modulePath, Buffer.concat(parts));
writeFileSync(scriptPath, script);

/** Returns an import under another name, a key of an object in the script. */
function shortImport(cursor, short) {
  const [from, name] = [cursor.vector(), cursor.vector().toString()];
  if (cursor.byte() !== FUNCTION) throw new Error(`${modulePath}: ${name} is no function`);
  const key = new RegExp(`^(\\s+)${name}:`, "gm");
  if (script.match(key)?.length !== 1)
    throw new Error(`${scriptPath}: \`${name}\` is not there once`);
  script = script.replace(key, `$1${short}:`);
  return [
    ...sized(from),
    ...sized(Buffer.from(short)),
    Buffer.from([FUNCTION]),
    leb(cursor.number()),
  ];
}

/**
 * Returns an export under another name, a property in the script. An unused one is left out. The
 * memory keeps its name, by which tests measure it.
 */
function shortExport(cursor, short) {
  const [name, kind, at] = [cursor.vector().toString(), cursor.byte(), cursor.number()];
  const pattern = new RegExp(`(\\bwasm\\.)${name}\\b`, "g");
  if (!pattern.test(script)) return [];
  if (name === "memory") short = name;
  script = script.replace(pattern, `$1${short}`);
  return [...sized(Buffer.from(short)), Buffer.from([kind]), leb(at)];
}

/** `a` to `z`, then `aa`, `ba` and so on. */
function letters(index) {
  const more = Math.floor(index / 26);
  return String.fromCharCode(97 + (index % 26)) + (more === 0 ? "" : letters(more - 1));
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
