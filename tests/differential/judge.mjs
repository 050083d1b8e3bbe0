/** What a text that a server read as a model's name is under the policy, in the server's eyes and not by the gate's own reader. */
import { decode } from "./operation.mjs";

/** Ids that the policy closes, and ids that it declares open. */
export const CLOSED = ["mythos-5", "best-available"];
export const OPEN = ["haiku-4", "mythos-5-lite"];

/** A server that is lax about ids would resolve it to a closed model. */
export function isClosed(text) {
  return readings(text).some((reading) =>
    reading.split(/[\s,]+/).some((part) => part === "best-available" || hasRun(part)),
  );
}

/** The same of a text in a place that nobody documented: who is lax about places takes the text as it stands. */
export function isClosedAsItStands(text) {
  return text
    .toLowerCase()
    .split(/[\s,]+/)
    .some(hasRun);
}

/** Nobody would resolve it to anything but an open model. */
export function isOpen(text) {
  return OPEN.includes(text);
}

/** `mythos`, `5` side by side, and not as the front of the open `mythos-5-lite`. */
function hasRun(part) {
  const tokens = part.split(/[^a-z0-9]+/).filter((token) => token !== "");
  return tokens.some(
    (token, at) => token === "mythos" && tokens[at + 1] === "5" && tokens[at + 2] !== "lite",
  );
}

/** As it is once all escapes are undone: on the way there stands no name that anybody serves, and a `+` in it is a boundary like any other. */
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
