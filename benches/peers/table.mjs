/** Tables in Markdown. */

/** A table: the names of its columns, then its rows. The first column is of words. */
export function table(head, rows) {
  const lines = [head, head.map((_, index) => (index === 0 ? "---" : "---:")), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** Three digits of a number, and all of those before the point. */
export function number(value) {
  if (value === undefined) return "";
  if (value >= 100) return Math.round(value).toLocaleString("en").replaceAll(",", " ");
  return Number(value.toPrecision(3)).toString();
}

export const ratio = (value, base) => (base === undefined ? "" : `${number(value / base)}x`);

export const mb = (bytes) => (bytes / 1e6).toFixed(1);
