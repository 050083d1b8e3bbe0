/** Modules that trap on demand: what was built, with one check put in front of one function. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import binaryen from "binaryen";

const WASM = fileURLToPath(new URL("../../pkg/wasm/", import.meta.url));

/**
 * Returns the module of this name, in which a method, which takes bytes, traps at this length. The
 * module's script knows by which name the method is exported.
 */
export function trapping(name, type, method, length) {
  const script = readFileSync(`${WASM}${name}.js`, "utf8");
  const [, wanted] = new RegExp(
    `class ${type} [^]*?\\n    ${method}\\(\\w+\\) \\{[^]*?\\bwasm\\.(\\w+)\\(this`,
  ).exec(script);
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
  throw new Error(`the ${name} module exports no ${type}.${method}`);
}
