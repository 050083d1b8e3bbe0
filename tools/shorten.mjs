/**
 * Gives what a wasm module imports from its script short names, in both: `node tools/shorten.mjs MODULE SCRIPT`, in place. wasm-bindgen's names
 * end with 16 digits of a hash, which no compression makes shorter. What the script does for runtimes that none of ours is any more goes as well.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { Cursor, sections } from "./module.mjs";

/** What stands in the script as wasm-bindgen writes it, how often, and what is left of it. */
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
  [/Invalid stale object from previous Wasm instance/g, undefined, "stale"],
];

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
  const found = script.match(pattern)?.length ?? 0;
  if (found === 0 || (times !== undefined && found !== times))
    throw new Error(`${scriptPath}: ${pattern} is there ${found} times`);
  script = script.replace(pattern, rest);
}
writeFileSync(modulePath, Buffer.concat(parts));
writeFileSync(scriptPath, script);

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
