/**
 * Checks the byte budget of the code at the edge, and that the edge module has none of a list of
 * strings. A string that it has says what leaked.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";

const PKG = fileURLToPath(new URL("../pkg/", import.meta.url));
const KB = 1024;
// With every carrier in it; the content codings are a module of their own.
const MODULE_BUDGET = 91_800;
// Loaded with the first coded body of a restricted caller, so counted apart. brotli's dictionary
// alone takes 57 KB of it.
const DECODER_BUDGET = 200 * KB;
// The first aim was 12 KB, for judging and forwarding alone. WebSockets, responses, lists, the
// access header and the checks of input kinds came later.
const SCRIPT_BUDGET = 24_000;
const DECODER_SCRIPT_BUDGET = 3 * KB;
// A page with its answer in it needs the element alone. The script that asks the endpoint is loaded
// if there is none.
const ELEMENT_BUDGET = 3 * KB;
const ASKING_BUDGET = 2_600;
// Without React, and with the script that asks the endpoint.
const REACT_BUDGET = 4_300;
const BROWSER_BUDGET = 12_800;
// The same, and the edge module: gzip finds little in Base64 but its unused bits.
const INLINE_BUDGET = MODULE_BUDGET + 15_600;

/** What each leak would mean. */
const FORBIDDEN = [
  [
    /\.cargo|\/registry\/|crates\.io|\/home\/|\/root\/|\/Users\//,
    "a path of the machine that built it",
  ],
  [/toml|annotate_snippets|jsonc_parser/i, "the parsers of policy files"],
  [/serde/i, "serde"],
  [/\bcel\b|antlr/i, "the parser of conditions"],
  [/did you mean|unknown fact|expected one of|help:/i, "texts for authors"],
  [/called `(Option|Result)::/, "unwrap or expect, and its words"],
  [
    /panicked at|attempt to (add|subtract|multiply|divide)|out of bounds|out of range for slice|RefCell already/i,
    "panic texts, which tools/snip.mjs takes out",
  ],
  [/\.rs\b|\/rustc\//, "names of source files, which tools/snip.mjs takes out"],
];

const problems = [];
const wasm = readFileSync(join(PKG, "wasm/edge_bg.wasm"));
const module = gzipSync(wasm, { level: 9 }).length;
report("edge_bg.wasm", module, MODULE_BUDGET, wasm.length);

weigh("portcullis/cloudflare", "dist/adapter/cloudflare/index.js", SCRIPT_BUDGET);

const decoder = readFileSync(join(PKG, "wasm/decode_bg.wasm"));
report("decode_bg.wasm", gzipSync(decoder, { level: 9 }).length, DECODER_BUDGET, decoder.length);
weigh("portcullis/decode", "dist/wasm/decoder.js", DECODER_SCRIPT_BUDGET);
weigh("portcullis/element", "dist/element/index.js", ELEMENT_BUDGET, ["../browser/fetch.js"]);
weigh("the endpoint's client", "dist/browser/fetch.js", ASKING_BUDGET);
weigh("portcullis/react", "dist/react/index.js", REACT_BUDGET, ["react"]);
weigh("portcullis/browser", "dist/browser/index.js", BROWSER_BUDGET);
weigh("portcullis/browser/inline", "dist/browser/inline.js", INLINE_BUDGET);

const strings = wasm.toString("latin1");
for (const [pattern, meaning] of FORBIDDEN) {
  const found = pattern.exec(strings);
  if (found === null) continue;
  const around = strings
    .slice(Math.max(0, found.index - 40), found.index + 80)
    .replace(/[^ -~]+/g, "|");
  problems.push(`edge_bg.wasm holds ${meaning}: …${around}…`);
}

for (const problem of problems) console.error(`size: ${problem}`);
if (problems.length > 0) process.exit(1);
console.log(`size: none of ${FORBIDDEN.length} kinds of forbidden string in edge_bg.wasm`);

/**
 * Measures what `wrangler deploy` sends with `minify = true`: one script, names and blanks
 * shortened.
 */
function weigh(what, entry, budget, external = []) {
  const { outputFiles, metafile } = buildSync({
    entryPoints: [join(PKG, entry)],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
    metafile: true,
    external,
  });
  const [script] = outputFiles;
  report(
    `${what}, ${Object.keys(metafile.inputs).length} scripts in one`,
    gzipSync(script.contents, { level: 9 }).length,
    budget,
    script.contents.length,
  );
}

function report(what, compressed, budget, raw) {
  console.log(`size: ${what}: ${compressed} bytes gzip of ${budget} (${raw} raw)`);
  if (compressed > budget) problems.push(`${what} is ${compressed - budget} bytes over its budget`);
}
