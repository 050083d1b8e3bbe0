/**
 * The routes of a dialect file and of the dialects that it mounts: `{ methods, segments }`. A
 * segment is a text, `{ suffix }` for a capture, or `{ tail: true }`.
 *
 * It reads only the part of TOML that these files use. The gate does not use it.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../../src/dialect/", import.meta.url));
/** A comment, a table header, a key, a bracket, a text, or `true`. */
const TOKEN = /#.*|^\[+([^\]]+)\]+|^((?:"[^"]*"|[\w-])+)\s*=\s*|(\[)|(\])|"([^"]*)"|\b(true)\b/gm;
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/** Returns the routes of one dialect. `folder` holds the files. */
export function routesOf(dialect, folder = FOLDER) {
  const file = tables(readFileSync(`${folder}/${dialect}.toml`, "utf8"));
  const own = operationsOf(file);
  const routes = own.flatMap(({ routes }) => routes);
  const ids = new Set(own.map(({ id }) => id));
  for (const { name, keys } of file.filter((table) => table.name === "mount")) {
    const only = keys.only ?? [];
    for (const { id, routes: mounted } of operationsOf(
      tables(readFileSync(`${folder}/${keys.dialect}.toml`, "utf8")),
    )) {
      if (ids.has(id) || (only.length > 0 && !only.includes(id))) continue;
      for (const { methods, segments } of mounted) {
        for (const under of [keys.under].flat()) {
          const above = path(under);
          routes.push({ methods, segments: [...above, ...segments] });
          if (keys.versionless && isVersion(segments[0]))
            routes.push({ methods, segments: [...above, ...segments.slice(1)] });
        }
      }
    }
  }
  return routes;
}

/**
 * Says whether a route covers an operation of a package. A word in the operation needs the same
 * word in the route: a capture does not cover it.
 */
export function covers(route, { method, segments }) {
  if (method !== "?" && !route.methods.includes(method)) return false;
  for (const [at, segment] of route.segments.entries()) {
    if (segment.tail)
      return segments.length > at && segments.slice(at).every((rest) => rest.suffix !== undefined);
    const other = segments[at];
    if (other === undefined) return false;
    const fits = typeof segment === "string" ? segment === other : segment.suffix === other.suffix;
    if (!fits) return false;
  }
  return route.segments.length === segments.length;
}

/**
 * Says the same where the part before a verb may be a name of several segments: `models/x` in
 * `{model}:generateContent`.
 */
export function coversName(route, { method, segments }) {
  const verb = segments.at(-1)?.suffix;
  return (
    (method === "?" || route.methods.includes(method)) &&
    verb?.startsWith(":") === true &&
    route.segments.at(-1)?.suffix === verb
  );
}

/** Returns a path as segments: `{name}` and `{name}:verb` are captures, `{name...}` is the rest. */
export function path(text) {
  return text
    .split("/")
    .filter((segment) => segment !== "")
    .map((segment) => {
      const capture = /^\{([^}]*)\}(.*)$/.exec(segment);
      if (capture === null) return segment.toLowerCase();
      return capture[1].endsWith("...") ? { tail: true } : { suffix: capture[2].toLowerCase() };
    });
}

function operationsOf(file) {
  return file.flatMap(({ name, keys }) => {
    if (name.startsWith("operation."))
      return [{ id: name.slice("operation.".length), routes: [keys.at].flat().flatMap(routesAt) }];
    if (name === "quiet")
      return Object.entries(keys).map(([id, at]) => ({
        id,
        routes: [at].flat().flatMap(routesAt),
      }));
    return [];
  });
}

/** Returns `GET,POST /(a|b)/{c}` as routes. */
function routesAt(text) {
  const alternative = /\(([^)]*)\)/.exec(text);
  if (alternative !== null) {
    const [before, after] = [
      text.slice(0, alternative.index),
      text.slice(alternative.index + alternative[0].length),
    ];
    return alternative[1].split("|").flatMap((word) => routesAt(`${before}${word}${after}`));
  }
  const [words, at] = text.split(" ");
  const methods = words === "ANY" ? [...METHODS, "WS"] : words.split(",");
  return [{ methods, segments: path(at) }];
}

function isVersion(segment) {
  return typeof segment === "string" && /^v\d/.test(segment);
}

/** Returns the tables in the order of the file: texts, lists of texts, and bare words. */
function tables(text) {
  const found = [{ name: "", keys: {} }];
  let key;
  let list;
  for (const [, table, named, open, close, value, word] of text.matchAll(TOKEN)) {
    if (table !== undefined) found.push({ name: table.replaceAll('"', ""), keys: {} });
    else if (named !== undefined) key = named.replaceAll('"', "");
    else if (open !== undefined) list = [];
    else if (close !== undefined) {
      found.at(-1).keys[key] = list;
      list = undefined;
    } else if (value !== undefined) {
      if (list === undefined) found.at(-1).keys[key] = value;
      else list.push(value);
    } else if (word !== undefined) found.at(-1).keys[key] = true;
  }
  return found;
}
