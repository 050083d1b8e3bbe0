/**
 * The part of RFC 9651 (structured fields) that marks are written in: a dictionary whose values are strings, integers,
 * tokens, byte sequences and lists of strings, without parameters. A name that comes twice is an error here.
 */
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

/** The members in order; undefined if the text is anything else. Byte sequences stay in base64, in its one spelling. */
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

/** Whether the bits that padding leaves over are zero: of a signature there is one spelling. */
function canonical(coded: string): boolean {
  try {
    return btoa(atob(coded)) === coded;
  } catch {
    return false;
  }
}
