/** Modules that trap on demand: what was built, with a check put in front of some functions. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import binaryen from "binaryen";

const WASM = fileURLToPath(new URL("../../pkg/wasm/", import.meta.url));

/** Methods that take a body, with the number of the parameter that is its length. */
export const READING = { "Reader.feed": 2, "Edge.decide": 3, "Edge.message": 5 };
export const DECODING = { "Decoder.feed": 2 };

/**
 * Returns the module of this name, in which methods trap at this length. The module's script knows
 * by which names the methods are exported.
 */
export function trapping(name, methods, length) {
  const script = readFileSync(`${WASM}${name}.js`, "utf8");
  const module = binaryen.readBinary(readFileSync(`${WASM}${name}_bg.wasm`));
  const {
    MutableGlobals,
    NontrappingFPToInt,
    SignExt,
    SIMD128,
    BulkMemory,
    BulkMemoryOpt,
    Multivalue,
    ReferenceTypes,
  } = binaryen.Features;
  module.setFeatures(
    MutableGlobals |
      NontrappingFPToInt |
      SignExt |
      SIMD128 |
      BulkMemory |
      BulkMemoryOpt |
      Multivalue |
      ReferenceTypes,
  );
  const exports = Array.from({ length: module.getNumExports() }, (_, index) =>
    binaryen.getExportInfo(module.getExportByIndex(index)),
  );
  for (const [method, parameter] of Object.entries(methods)) {
    const [type, own] = method.split(".");
    const [, wanted] = new RegExp(
      `class ${type} [^]*?\\n    ${own}\\([\\w, ]+\\) \\{[^]*?\\bwasm\\.(\\w+)\\(this`,
    ).exec(script);
    const found = exports.find((known) => known.name === wanted);
    const {
      name: inner,
      params,
      results,
      vars,
      body,
    } = binaryen.getFunctionInfo(module.getFunction(found.value));
    const given = module.local.get(parameter, binaryen.i32);
    const long = module.i32.eq(given, module.i32.const(length));
    const patched = module.block(null, [module.if(long, module.unreachable()), body], results);
    module.removeFunction(inner);
    module.addFunction(inner, params, results, vars, patched);
  }
  return Buffer.from(module.emitBinary());
}
