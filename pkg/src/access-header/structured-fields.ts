/**
 * Reads the part of RFC 9651 (structured fields) that access headers use: a dictionary of strings,
 * integers, tokens, byte sequences and lists of strings, without parameters. A repeated key is an
 * error here.
 */

/** The types of values. Byte sequences stay in Base64. */
export interface Values {
  readonly string: string;
  readonly integer: number;
  readonly token: string;
  readonly bytes: string;
  readonly list: readonly string[];
}

export type Item = {
  [Kind in keyof Values]: { readonly kind: Kind; readonly value: Values[Kind] };
}[keyof Values];

const STRING = '"(?:[ !#-\\[\\]-~]|\\\\["\\\\])*"';
const MEMBER = new RegExp(
  `([a-z*][a-z0-9_.*-]*)=(?:(${STRING})|(\\d{1,15})(?![\\d.])|([A-Za-z*][\\w!#$%&'*+.^\`|~:/-]*)|:([A-Za-z0-9+/]*={0,2}):|\\(((?:${STRING}(?: ${STRING})*)?)\\))(?:, |$)`,
  "y",
);

/**
 * Returns the members in order; undefined for any other text. Base64 must be in its canonical form.
 */
export function fields(text: string): Map<string, Item> | undefined {
  const members = new Map<string, Item>();
  MEMBER.lastIndex = 0;
  for (let at = 0; at < text.length; at = MEMBER.lastIndex) {
    const [whole, name = "", string, integer, token, bytes, list] = MEMBER.exec(text) ?? [];
    if (whole === undefined || members.has(name)) return undefined;
    if (bytes !== undefined && !canonical(bytes)) return undefined;
    members.set(
      name,
      string !== undefined
        ? { kind: "string", value: unquoted(string) }
        : integer !== undefined
          ? { kind: "integer", value: Number(integer) }
          : token !== undefined
            ? { kind: "token", value: token }
            : bytes !== undefined
              ? { kind: "bytes", value: bytes }
              : { kind: "list", value: (list?.match(new RegExp(STRING, "g")) ?? []).map(unquoted) },
    );
  }
  return text.endsWith(", ") ? undefined : members;
}

function unquoted(string: string): string {
  return string.slice(1, -1).replace(/\\(.)/g, "$1");
}

/** Whether the unused bits of Base64 are zero, so that each signature has one spelling. */
function canonical(coded: string): boolean {
  try {
    return btoa(atob(coded)) === coded;
  } catch {
    return false;
  }
}
