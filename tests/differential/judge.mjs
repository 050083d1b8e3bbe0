/**
 * Judges a text that a server read as a model's name under the policy, as a server does and apart
 * from the gate's own reader.
 */
import { decode } from "./operation.mjs";

/** Ids that the policy closes and ids that it declares open. */
export const CLOSED = ["mythos-5", "best-available"];
export const OPEN = ["haiku-4", "mythos-5-lite"];

/** Says whether a server that is lax about ids would resolve the text to a closed model. */
export function isClosed(text) {
  return readings(text).some((reading) =>
    reading.split(/[\s,]+/).some((part) => part === "best-available" || hasRun(part)),
  );
}

/**
 * Says the same of a text at an undocumented location. A server that is lax about locations takes
 * the text unchanged.
 */
export function isClosedAsItStands(text) {
  return text
    .toLowerCase()
    .split(/[\s,]+/)
    .some(hasRun);
}

/** Says whether every server resolves the text to an open model. */
export function isOpen(text) {
  return OPEN.includes(text);
}

/**
 * Says whether `mythos` and `5` are neighbours without a following `lite` (`mythos-5-lite` is
 * open).
 */
function hasRun(part) {
  const tokens = part.split(/[^a-z0-9]+/).filter((token) => token !== "");
  return tokens.some(
    (token, at) => token === "mythos" && tokens[at + 1] === "5" && tokens[at + 2] !== "lite",
  );
}

/**
 * Returns the text after decoding all escapes, in several normal forms. The partly decoded forms
 * are no names that a server resolves. A `+` separates tokens like any other sign.
 */
function readings(text) {
  let decoded = text;
  for (let round = 0; round < 3; round += 1) decoded = decode(decoded);
  return [
    decoded,
    decoded.normalize("NFKC"),
    decoded.replace(/\p{C}/gu, ""),
    decoded.split("\0", 1)[0],
  ].map((one) => one.toLowerCase());
}
