/** The operations under attack, and the operations that a server may route a path to. */
import { readFileSync } from "node:fs";

const ALL = JSON.parse(readFileSync(new URL("operation.json", import.meta.url), "utf8"));

/** Returns the operations of the dialects that the policy guards. */
export function operations(policy) {
  const guarded = /^dialects = \[([^\]]*)\]/m.exec(policy)[1];
  return ALL.filter(({ dialect }) => guarded.includes(`"${dialect}"`)).map((operation) => ({
    method: "POST",
    ...operation,
  }));
}

/**
 * Routes paths. A path that ends like the path of an operation leads to it, since gateways are
 * mounted under any prefix.
 */
export class Router {
  #routes;

  constructor(operations) {
    this.#routes = operations.map((operation) => ({
      operation,
      pattern: new RegExp(`(?:^|/)${pattern(operation.path.slice(1))}$`, "s"),
    }));
  }

  /**
   * Returns the operations and the models in their paths, for one path that a server made of the
   * target.
   */
  find(path) {
    const found = [];
    for (const { operation, pattern } of this.#routes) {
      const match = pattern.exec(path);
      if (match !== null)
        found.push({
          operation,
          models: match.slice(1),
          front: path.slice(0, match.index).split("/"),
        });
    }
    return found;
  }

  /** Returns the same for every path that a server may make of the target. */
  access(target) {
    return [...spellings(target)].flatMap((path) => this.find(path));
  }
}

function pattern(path) {
  return path
    .split(/(\{model(?:\.{3})?\})/)
    .map(
      (part) =>
        ({ "{model}": "([^/]+)", "{model...}": "(.+)" })[part] ?? part.replace(/[.\-]/g, "\\$&"),
    )
    .join("");
}

/** Steps that servers and proxies apply to a path, each or none, in any order. */
const STEPS = [
  decode,
  (path) => path.replace(/\/{2,}/g, "/"),
  resolve,
  (path) => path.replace(/;[^/]*/g, ""),
  (path) => path.replace(/\\/g, "/"),
  (path) => path.replace(/[?#].*$/s, ""),
  (path) => path.replace(/\/+$/, ""),
  (path) => path.toLowerCase(),
  (path) => path.replace(/(?:\s|\.json)+$/i, ""),
  (path) => path.replace(VERB, ""),
];
/** Verbs of other servers, which read the same body. */
export const VERBS = [
  "stream",
  "generate",
  "wait",
  "run",
  "img2img",
  "submit",
  "batchCreate",
  "streamRuns",
];
const VERB = new RegExp(`(?:/|/x1/|:)(?:${VERBS.join("|")})$`);
const ROUNDS = 4;
const MOST = 96;

function spellings(target) {
  const cut = target.indexOf("?");
  const path = (cut < 0 ? target : target.slice(0, cut)).replace(
    /^[a-z][a-z0-9+.-]*:\/\/[^/\\?#]*/i,
    "",
  );
  const seen = new Set([path]);
  let last = [path];
  for (let round = 0; round < ROUNDS && seen.size < MOST; round += 1) {
    const next = [];
    for (const one of last) {
      for (const step of STEPS) {
        const stepped = step(one);
        if (!seen.has(stepped)) {
          seen.add(stepped);
          next.push(stepped);
        }
      }
    }
    last = next;
  }
  return seen;
}

/** Decodes percent-escapes once. Anything else stays. */
export function decode(text) {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function resolve(path) {
  const to = [];
  for (const segment of path.split("/")) {
    if (segment === "..") to.pop();
    else if (segment !== ".") to.push(segment);
  }
  return `/${to.filter((segment, at) => at > 0 || segment !== "").join("/")}`;
}
