/** Modules that trap on demand: what was built, with one check put in front of one function. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import binaryen from "binaryen";

/**
 * Returns the module of this name, in which the export, which takes bytes, traps at this length.
 */
export function trapping(name, wanted, length) {
  const path = fileURLToPath(new URL(`../../pkg/wasm/${name}_bg.wasm`, import.meta.url));
  const module = binaryen.readBinary(readFileSync(path));
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
  for (let index = 0; index < module.getNumExports(); index += 1) {
    const found = binaryen.getExportInfo(module.getExportByIndex(index));
    if (found.name !== wanted) continue;
    const {
      name: inner,
      params,
      results,
      vars,
      body,
    } = binaryen.getFunctionInfo(module.getFunction(found.value));
    // Parameters: the object, the address of the bytes, their number.
    const long = module.i32.eq(module.local.get(2, binaryen.i32), module.i32.const(length));
    const patched = module.block(null, [module.if(long, module.unreachable()), body], results);
    module.removeFunction(inner);
    module.addFunction(inner, params, results, vars, patched);
    return Buffer.from(module.emitBinary());
  }
  throw new Error(`the ${name} module exports no ${wanted}`);
}
