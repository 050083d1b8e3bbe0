/**
 * Reads the bytes of a wasm module, section by section (WebAssembly Core Specification, "Binary
 * Format").
 */
import binaryen from "binaryen";

const {
  SIMD128,
  BulkMemory,
  SignExt,
  NontrappingFPToInt,
  MutableGlobals,
  Multivalue,
  ReferenceTypes,
} = binaryen.Features;

/** The features of wasm that our modules use, for binaryen. `wasm.sh` has the same ones. */
export const FEATURES =
  SIMD128 |
  BulkMemory |
  SignExt |
  NontrappingFPToInt |
  MutableGlobals |
  Multivalue |
  ReferenceTypes;

/** Reads a sequence of values, starting at an offset. */
export class Cursor {
  constructor(bytes, at) {
    this.bytes = bytes;
    this.at = at;
  }

  byte() {
    return this.bytes[this.at++];
  }

  /** Reads an unsigned LEB128 number. */
  number() {
    let [value, shift, byte] = [0, 0, 0];
    do {
      byte = this.byte();
      value |= (byte & 127) << shift;
      shift += 7;
    } while (byte & 128);
    return value;
  }

  /** Reads bytes after their length. */
  vector() {
    const length = this.number();
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

/** Returns each section: its number, its content, and all its bytes. */
export function* sections(bytes) {
  const cursor = new Cursor(bytes, 8);
  while (cursor.at < bytes.length) {
    const start = cursor.at;
    const id = cursor.byte();
    const content = cursor.vector();
    yield { id, content, whole: bytes.subarray(start, cursor.at) };
  }
}
