/**
 * The operations that a package's sources name: method and path, as its clients call them or its
 * server serves them.
 *
 * It reads the texts of the sources and runs nothing. It knows the idioms of the generators that
 * vendors use. A path without a method nearby has the method `?`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const SOURCES = /\.(js|mjs|cjs|py)$|\/service-2\.json$/;
const SKIPPED = /(^|\/)(node_modules|tests?|examples|docs|\.git)$/;
/** The text before a path, by idiom. The first group is the method if the call names it. */
const CALLS = [
  // Stainless: `_client.post(path `/x/${id}``, `self._post("/x"`; FastAPI: `@router.post("/x")`.
  String.raw`(?:_client|client|self|router|app|api)\s*\.\s*_?(get|post|put|patch|delete|head|websocket|getAPIList|get_api_list)\(\s*(?:\(0, \w+\.path\)\s*|path\s*|path_template\(\s*|f)?`,
  // Speakeasy, Google, Fern, and paths that are written out or kept as constants: the method is
  // nearby.
  String.raw`(?:pathToFunc|formatMap|_path\w*)\(\s*`,
  String.raw`\burl(?:Join)?\.join\([^"\x60']*`,
  String.raw`\b(?:url|path|endpoint)["']?\s*[:=]\s*(?:path\s*)?(?=["'\x60](?:/|\$\{))`,
  String.raw`\b[A-Z][A-Z_]+\s*:\s*(?=["']/)`,
  String.raw`\breturn\s+(?=\x60\$\{[\w.]*[bB]ase_?U(?:rl|RL)\}/)`,
];
const CALL = new RegExp(String.raw`(?:${CALLS.join("|")})(["'\x60])((?:(?!\2)[^\n])*?)\2`, "g");
const METHOD = /\b(?:httpMethod|http_method|method)["']?\s*[:=]\s*["'](\w+)["']/gi;
/** The greatest distance between a path and its method, in characters. */
const NEAR = 4000;

/**
 * Returns operations as `METHOD /path`, sorted and without duplicates. Paths without a version get
 * `base` in front.
 */
export function operationsOf(folder, base = "") {
  const found = new Set();
  for (const file of files(folder)) {
    const text = readFileSync(file, "utf8");
    if (file.endsWith(".json")) {
      // A service model of AWS.
      for (const { http } of Object.values(JSON.parse(text).operations)) {
        const path = pathOf(http.requestUri);
        if (path !== undefined) found.add(`${http.method} ${based(path, base)}`);
      }
      continue;
    }
    for (const match of text.matchAll(CALL)) {
      const [whole, call, , written] = match;
      const path = pathOf(written);
      if (path === undefined) continue;
      found.add(`${methodOf(text, match.index, whole.length, call)} ${based(path, base)}`);
    }
  }
  return [...found].sort();
}

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const name = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!SKIPPED.test(name)) yield* files(name);
    } else if (SOURCES.test(name)) yield name;
  }
}

/** Returns a path with its captures as `{}`: `/x/${id}:verb`, `/x/{id}`, `x/%s`. */
function pathOf(written) {
  const text = written
    .replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, "{}")
    .replaceAll(/\{[^{}]*\}/g, "{}")
    .split(/[?#]/)[0];
  // The text may begin with the address of the service.
  const path = `/${text.replace(/^\{\}(?=\/)/, "").replace(/^https?:\/\/[^/]+/, "")}`
    .replaceAll(/\/+/g, "/")
    .replace(/(?<=.)\/$/, "");
  return /^(\/[\w.~@:+{}-]+)+$/.test(path) && /[a-z]/.test(path) ? path : undefined;
}

function methodOf(text, at, length, call) {
  const around = text.slice(at, at + length + NEAR);
  if (call !== undefined && !/api_?list/i.test(call))
    return call === "websocket" ? "WS" : call.toUpperCase();
  // The search ends at the next call.
  const own = around.slice(0, length + (around.slice(length).search(CALL_BEGINS) + 1 || NEAR));
  const after = [...own.matchAll(METHOD)][0]?.[1];
  if (after !== undefined) return after.toUpperCase();
  if (call !== undefined) return "GET";
  const before = [...text.slice(Math.max(0, at - NEAR / 2), at).matchAll(METHOD)].at(-1)?.[1];
  return before?.toUpperCase() ?? "?";
}

const CALL_BEGINS = new RegExp(CALLS.join("|"));

/** Google's clients keep the version in a variable in front. */
function based(path, base) {
  if (base !== "" && path.startsWith("/{}/")) return `${base}${path.slice(3)}`;
  return /^\/v\d/.test(path) || path.startsWith(base) ? path : `${base}${path}`;
}
