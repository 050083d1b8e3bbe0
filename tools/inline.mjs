/** Writes the edge module as a script, for pages that cannot fetch it: the Base64 of its gzip. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const WASM = fileURLToPath(new URL("../pkg/wasm/", import.meta.url));

const packed = gzipSync(readFileSync(`${WASM}edge_bg.wasm`), { level: 9 }).toString("base64");
writeFileSync(`${WASM}edge_inline.js`, `export const EDGE_MODULE =\n  "${packed}";\n`);
writeFileSync(`${WASM}edge_inline.d.ts`, "export declare const EDGE_MODULE: string;\n");
