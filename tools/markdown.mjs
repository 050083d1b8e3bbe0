/**
 * The documents of this repository and the parts of them that are checked: fenced blocks, links,
 * headings.
 */
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

const DOCUMENTS = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "docs/*.md",
  "pkg/README.md",
  "tests/**/README.md",
  "examples/**/README.md",
  "benches/**/README.md",
];

/**
 * Returns the paths of all documents, relative to the root. The changelog is left out, since it
 * quotes older versions.
 */
export function documents() {
  return DOCUMENTS.flatMap((pattern) => globSync(pattern, { cwd: ROOT }))
    .filter((path) => !path.includes("node_modules"))
    .sort();
}

export const read = (path) => readFileSync(ROOT + path, "utf8");

/**
 * Returns the fenced blocks of a document in order: `line` of the opening fence from 1, `language`,
 * `text`, and `exempt`, the reason in a `<!-- not run: REASON -->` on the line before it.
 * `problems` holds faulty fences and markers, each with its line.
 */
export function blocks(markdown) {
  const [found, problems] = [[], []];
  let open;
  let marker;
  markdown.split("\n").forEach((text, index) => {
    const line = index + 1;
    const fence = /^( *)(`{3,}|~{3,}) *([^`]*)$/.exec(text);
    if (open !== undefined) {
      if (fence !== null && fence[2].startsWith(open.fence) && fence[3].trim() === "") {
        found.push({ ...open, text: open.lines.join("\n") });
        open = undefined;
      } else {
        open.lines.push(
          text.startsWith(open.indent) ? text.slice(open.indent.length) : text.trimStart(),
        );
      }
      return;
    }
    if (fence !== null) {
      const [, indent, mark, info] = fence;
      const language = info.trim().split(/[\s,]/)[0];
      const reason = marker?.line === line - 1 ? marker.reason : undefined;
      if (language === "" && reason === undefined)
        problems.push({
          line,
          message: "the fence has no language, and no marker says why its text is not run",
        });
      open = { line, indent, fence: mark, language, exempt: reason, lines: [] };
      marker = undefined;
      return;
    }
    if (marker !== undefined)
      problems.push({
        line: marker.line,
        message: "a `not run` marker must be directly before a fence",
      });
    marker = undefined;
    const comment = /^\s*<!--\s*not run\b:?(.*?)-->\s*$/.exec(text);
    if (comment !== null) {
      marker = { line, reason: comment[1].trim() };
      if (marker.reason === "")
        problems.push({ line, message: "a `not run` marker says why: `<!-- not run: REASON -->`" });
    }
  });
  if (open !== undefined) problems.push({ line: open.line, message: "the fence is not closed" });
  return { blocks: found, problems };
}

/** Returns the same text with blank lines for blocks, comments and inline code, line by line. */
function prose(markdown) {
  const lines = markdown.split("\n");
  for (const { line, text } of blocks(markdown).blocks)
    lines.fill("", line - 1, line + (text === "" ? 1 : text.split("\n").length + 1));
  const blank = (text) => text.replace(/[^\n]/g, " ");
  return lines
    .join("\n")
    .replace(/<!--[\s\S]*?-->/g, blank)
    .replace(/(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g, blank);
}

/** Returns the targets of links and images, each with its line. */
export function links(markdown) {
  const text = prose(markdown);
  const patterns = [
    /\]\(\s*<?([^()\s>]+(?:\([^()\s]*\))?)>?(?:\s+"[^"]*")?\s*\)/g,
    /^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?\s*$/gm,
    /<(?:a|img)\b[^>]*?\b(?:href|src)="([^"]+)"/g,
  ];
  return patterns.flatMap((pattern) =>
    [...text.matchAll(pattern)].map(({ 1: target, index }) => ({
      target,
      line: text.slice(0, index).split("\n").length,
    })),
  );
}

/** Returns the anchors of a document, as GitHub makes them from its headings. */
export function anchors(markdown) {
  const seen = new Map();
  const found = new Set([...markdown.matchAll(/<a\s+(?:id|name)="([^"]+)"/g)].map(([, id]) => id));
  const lines = markdown.split("\n");
  for (const { line, text } of blocks(markdown).blocks)
    lines.fill("", line - 1, line + text.split("\n").length + 1);
  lines.forEach((text, index) => {
    const heading =
      /^#{1,6}\s+(.*?)\s*#*$/.exec(text)?.[1] ??
      (/^(=+|-+)\s*$/.test(lines[index + 1] ?? "") ? text.trim() : "");
    if (heading === "") return;
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, "")
      .replaceAll(" ", "-");
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    found.add(count === 0 ? slug : `${slug}-${count}`);
  });
  return found;
}
