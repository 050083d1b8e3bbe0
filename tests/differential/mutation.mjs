/**
 * What an attacker does to a request: one table for each carrier. Reports name a mutation by its
 * key here.
 */
import { CLASSES, unsocketed } from "./class.mjs";
import { CLOSED, OPEN } from "./judge.mjs";
import { bytes, spoken, utf8 } from "./request.mjs";

/** Applies up to four mutations. Some requests get none. */
export function mutate(chance, made) {
  const times = chance.weighed([
    [1, 0],
    [4, 1],
    [3, 2],
    [1, 3],
    [1, 4],
  ]);
  for (let time = 0; time < times; time += 1) {
    const table = chance.weighed([
      [12, TABLES[made.body.kind]],
      [2, id],
      [2, path],
      [2, query],
      [2, header],
      [1, method],
      [1, raw],
      ...classes,
    ]);
    if (table === undefined || (made.raw !== undefined && table === TABLES[made.body.kind]))
      continue;
    // Most entries of a class fit few requests, so several are tried.
    for (let tries = classes.some(([, one]) => one === table) ? 6 : 1; tries > 0; tries -= 1) {
      const name = chance.of(Object.keys(table));
      if (table[name](chance, made) === false) continue;
      made.mutations.push(name);
      break;
    }
  }
  return made;
}

const classes = Object.entries(CLASSES).map(([name, table]) => [
  name === "undocumented" ? 3 : 2,
  table,
]);

/** Applies one entry of a class and nothing else. Returns whether it fits the request. */
export function mutateBy(chance, made, name) {
  const [, table] = classes.find(([, entries]) => Object.hasOwn(entries, name));
  if (table[name](chance, made) === false) return false;
  made.mutations.push(name);
  return true;
}

const anyId = (chance) =>
  chance.weighed([
    [3, CLOSED[0]],
    [1, OPEN[0]],
  ]);

// --- Model ids, at any location ---

/** Rewrites each id in the written request. Returns false if there is none. */
function rewrite(made, change) {
  let found = false;
  const once = (text) =>
    text?.replace(/mythos[-_]5(?!-lite)|haiku-4/i, (match) => {
      if (found) return match;
      found = true;
      return change(match);
    });
  const { body } = made;
  if (made.raw !== undefined) made.raw = once(made.raw);
  else if (body.kind === "requests")
    found = body.parts.some(({ inner }) => inner !== undefined && rewrite(inner, change));
  else if (body.kind === "json" || body.kind === "base64")
    body.members = body.members.map(([name, value]) => [
      name,
      name.includes("messages") ? value : once(value),
    ]);
  else if (body.kind === "form")
    body.fields = body.fields.map(([name, value]) => [
      name,
      name.includes("prompt") ? value : once(value),
    ]);
  else if (body.kind === "multipart") body.parts.forEach((part) => (part.data = once(part.data)));
  if (!found) made.query = made.query.map(([name, value]) => [name, once(value)]);
  if (!found) made.path = once(made.path);
  return found;
}

const hex = (code, digits) => code.toString(16).padStart(digits, "0");
const escaped = (chance, char) => {
  const written = `\\u${hex(char.charCodeAt(0), 4)}`;
  return chance.once(2) ? written : written.toUpperCase().replace("\\U", "\\u");
};
const some = (chance, text, change) => {
  const at = chance.below(text.length);
  return [...text]
    .map((char, index) => (index === at || chance.once(4) ? change(char) : char))
    .join("");
};

const id = {
  "id-json-escape": (chance, made) =>
    rewrite(made, (text) => some(chance, text, (char) => escaped(chance, char))),
  "id-percent": (chance, made) =>
    rewrite(made, (text) => some(chance, text, (char) => `%${hex(char.charCodeAt(0), 2)}`)),
  "id-percent-twice": (chance, made) =>
    rewrite(made, (text) => some(chance, text, (char) => `%25${hex(char.charCodeAt(0), 2)}`)),
  "id-case": (chance, made) =>
    rewrite(made, (text) => some(chance, text, (char) => char.toUpperCase())),
  "id-prefix": (chance, made) =>
    rewrite(
      made,
      (text) =>
        chance.of(["openai/", "x/y/", "models/", "ft:", "@cf/acme/", "us.", "~", "="]) + text,
    ),
  "id-suffix": (chance, made) =>
    rewrite(
      made,
      (text) =>
        text +
        chance.of([
          "-20260601",
          ":free",
          "@latest",
          "-v1:0",
          "\\n",
          "\\u0000",
          "\\u0000x",
          " ",
          "%00",
          "%20",
          "/",
          "+",
          ",haiku-4",
          "#x",
          "?x",
        ]),
    ),
  "id-blank": (chance, made) =>
    rewrite(
      made,
      (text) => chance.of([" ", "\t", "\\t", "\\u00a0", "\\ufeff", "\\u200b", "+", "%09"]) + text,
    ),
  "id-inside": (chance, made) =>
    rewrite(
      made,
      (text) =>
        text.slice(0, 3) +
        chance.of([
          "\\u200b",
          "\\u00ad",
          "\\u0000",
          utf8("\u200b"),
          "\x00",
          "\\ud800",
          "%E2%80%8B",
          "\x01",
        ]) +
        text.slice(3),
    ),
  "id-separator": (chance, made) =>
    rewrite(made, (text) =>
      text.replace(/[-_]/, () =>
        chance.of([
          "_",
          ".",
          "--",
          "\\u2010",
          "\\u2011",
          "\\uff0d",
          utf8("\u2013"),
          " ",
          "+",
          "%2D",
          "\\/",
          "\\-",
        ]),
      ),
    ),
  "id-wide": (chance, made) =>
    rewrite(made, (text) =>
      some(chance, text, (char) =>
        char === "-" ? "\\uff0d" : `\\u${hex(char.charCodeAt(0) + 0xfee0, 4)}`,
      ),
    ),
  "id-overlong": (chance, made) =>
    rewrite(made, (text) =>
      some(chance, text, (char) =>
        String.fromCharCode(0xc0 | (char.charCodeAt(0) >> 6), 0x80 | (char.charCodeAt(0) & 0x3f)),
      ),
    ),
  "id-long": (chance, made) =>
    rewrite(made, (text) => "x".repeat(chance.of([63, 2_040, 2_048])) + "/" + text),
};

// --- JSON ---

const index = (chance, list) => chance.below(list.length);
const modelAt = (members) =>
  members.findIndex(([name]) => /model|session|requests|tools|fallbacks/i.test(name));
const rename =
  (change) =>
  (chance, { body }) => {
    const at = modelAt(body.members);
    if (at < 0) return false;
    body.members[at] = [change(body.members[at][0], chance), body.members[at][1]];
  };
const revalue =
  (change) =>
  (chance, { body }) => {
    const at = modelAt(body.members);
    if (at < 0) return false;
    body.members[at] = [body.members[at][0], change(body.members[at][1], chance)];
  };
/** Changes the text between the quotes of a written name. */
const inside = (change) => rename((name, chance) => `"${change(name.slice(1, -1), chance)}"`);
const besides =
  (change) =>
  (chance, { body }) =>
    void body.members.splice(chance.below(body.members.length + 1), 0, change(chance));
const whole = (change) => (chance, made) => void (made.raw = change(bytes(made.body), chance));
const blanks = [
  " ",
  "\t",
  "\r",
  "\n",
  "\f",
  "\v",
  "\xa0",
  "\x00",
  "\xc2\xa0",
  "\xe2\x80\xa8",
  "\xef\xbb\xbf",
  "/**/",
  "//\n",
  "#\n",
  "\x1e",
  "\x85",
];

const json = {
  "json-duplicate": (chance, { body }) => {
    const at = modelAt(body.members);
    if (at < 0) return false;
    body.members.splice(chance.below(body.members.length + 1), 0, [
      body.members[at][0],
      chance.once(4) ? "null" : `"${anyId(chance)}"`,
    ]);
  },
  "json-location": besides((chance) => {
    const said = `"${anyId(chance)}"`;
    return chance.of([
      ['"models"', `[${said}]`],
      ['"fallbacks"', `[${said}]`],
      ['"fallbacks"', `[{"model":${said}}]`],
      ['"tools"', `[{"type":"image_generation","model":${said}}]`],
      ['"model"', said],
      ['"Model"', said],
      ['"session"', `{"model":${said}}`],
      ['"extra_body"', `{"model":${said}}`],
      ['"metadata"', `{"model":${said}}`],
    ]);
  }),
  "json-key-escape": inside((name, chance) => some(chance, name, (char) => escaped(chance, char))),
  "json-key-case": inside((name, chance) => some(chance, name, (char) => char.toUpperCase())),
  "json-key-underscore": inside(
    (name, chance) => name.slice(0, 2) + chance.of(["_", "-"]) + name.slice(2),
  ),
  "json-key-fold": inside((name) =>
    name.replaceAll("s", "\\u017f").replaceAll("k", "\\u212a").replace("m", "\\uff4d"),
  ),
  "json-key-kelvin": inside((name) =>
    utf8(name.replaceAll("s", "\u017f").replaceAll("k", "\u212a")),
  ),
  "json-key-around": inside((name, chance) =>
    chance.once(2)
      ? chance.of(blanks) + name
      : name +
        chance.of([...blanks, "\\u0000", "\\u0000x", "\\ufeff", "\\ud800", "\\u0001", "[]", "[0]"]),
  ),
  "json-key-inside": inside(
    (name, chance) =>
      name.slice(0, 3) +
      chance.of([
        "\\u0000",
        "\\ud800",
        "\\udc00",
        "\\u200b",
        "\\u00ad",
        "\x80",
        "\xff",
        "\xc0\xad",
        "\\u0007",
        "\x07",
        "\\x",
        "\\\n",
        "\\u00",
      ]) +
      name.slice(3),
  ),
  "json-key-unquoted": rename((name, chance) =>
    chance.once(2) ? name.slice(1, -1) : `'${name.slice(1, -1)}'`,
  ),
  "json-value-list": revalue((value, chance) =>
    chance.of([
      `[${value}]`,
      `{"id":${value}}`,
      `{"model":${value}}`,
      `[${value},"${anyId(chance)}"]`,
    ]),
  ),
  "json-value-odd": revalue((value, chance) =>
    chance.of([
      "null",
      "5",
      "true",
      '""',
      "{}",
      "[]",
      "NaN",
      "1e999",
      `${value}${value}`,
      `${value}+${value}`,
      value.replaceAll('"', "'"),
    ]),
  ),
  "json-number": besides((chance) => [
    '"n"',
    chance.of([
      "NaN",
      "Infinity",
      "-Infinity",
      "1e999",
      "-0",
      "01",
      "+1",
      ".5",
      "1.",
      "0x10",
      "1_0",
      "9".repeat(400),
      "1E+2",
      "-",
      "--1",
      "1e",
      "1n",
    ]),
  ]),
  "json-depth": besides((chance) => {
    const depth = chance.of([20, 127, 128, 129, 511, 512, 999, 1_100]);
    return [
      '"d"',
      chance.once(2)
        ? "[".repeat(depth) + "]".repeat(depth)
        : '{"a":'.repeat(depth) + "1" + "}".repeat(depth),
    ];
  }),
  "json-string": besides((chance) => [
    '"s"',
    chance.of([
      '"\\\\"',
      '"\\""',
      '"\\\\\\""',
      '"\\x"',
      '"\\\'"',
      '"\\u12"',
      '"\\ud800"',
      '"\\ud800\\udc00"',
      '"\\udc00\\ud800"',
      '"a\nb"',
      '"a\tb"',
      '"\x7f"',
      '"\xff"',
      '"\xc0\x80"',
      '"\xed\xa0\x80"',
      '"\xf4\x90\x80\x80"',
      '"\\/"',
      "''",
      '"\x00"',
      '"\\u0000"',
      '"\\","model":"mythos-5","y":"\\""',
    ]),
  ]),
  "json-key-empty": besides((chance) => [
    chance.of(['""', '" "', '"\\u0000"', "1", "null", '"a" "b"', '"__proto__"', '"constructor"']),
    chance.of(["1", '{"model":"mythos-5"}', '"mythos-5"']),
  ]),
  "json-blank": (chance, { body }) => void (body.space = chance.of(blanks)),
  "json-comma": (chance, { body }) => {
    const at = index(chance, body.members);
    body.members[at] = [
      body.members[at][0],
      body.members[at][1] + chance.of([",", ",,", ";", "", ":"]),
    ];
  },
  "json-comment": (chance, { body }) => {
    const at = index(chance, body.members);
    const comment = chance.of(["/*", "//", "#", "/*x*/", "<!--"]);
    body.members[at] = [
      body.members[at][0],
      `${body.members[at][1]}${comment}${chance.of(["\n", "*/", ' */"', "-->"])}`,
    ];
  },
  "json-front": (chance, { body }) =>
    void (body.front = chance.of([
      "\xef\xbb\xbf",
      "\xff\xfe",
      "\xfe\xff",
      "\x00",
      " ",
      "\n\n",
      ")]}',\n",
      "while(1);",
      "{}",
      "[",
      "data: ",
      "\x1e",
      "1 ",
      '"x"',
      "\xa0",
      "model=mythos-5&",
    ])),
  "json-tail": (chance, { body }) =>
    void (body.tail = chance.of([
      " ",
      "\n",
      "\r\n",
      "\x00",
      "x",
      "}",
      ",",
      `{"model":"${anyId(chance)}"}`,
      `\n{"model":"${anyId(chance)}"}`,
      "\x1a",
      "\xef\xbb\xbf",
      "//x",
      ";",
      "&model=mythos-5",
    ])),
  "json-truncated": whole((text, chance) =>
    text.slice(0, -1 - chance.below(Math.min(text.length - 1, 12))),
  ),
  "json-utf16": whole((text, chance) => {
    const wide = Buffer.from(Buffer.from(text, "latin1").toString("utf8"), "utf16le");
    if (chance.once(2)) wide.swap16();
    const mark = chance.of(["", "", wide[0] === 0 ? "\xfe\xff" : "\xff\xfe"]);
    return mark + wide.toString("latin1");
  }),
  "json-utf32": whole((text) =>
    [...Buffer.from(text, "latin1").toString("utf8")].map((char) => `${char}\0\0\0`).join(""),
  ),
  "json-array": whole((text, chance) =>
    chance.of([
      `[${text}]`,
      `[${text},{"model":"${anyId(chance)}"}]`,
      `{"body":${text}}`,
      `{"data":{"model":"${anyId(chance)}"},"x":${text}}`,
      JSON.stringify(text),
    ]),
  ),
  "json-as-form": (chance, made) => {
    // A form declared as JSON, or JSON declared as a form.
    const at = made.headers.findIndex(([name]) => name === "content-type");
    if (at < 0) return false;
    made.headers[at] = [
      "content-type",
      chance.of([
        "application/x-www-form-urlencoded",
        "text/plain",
        "text/html",
        "application/octet-stream",
        "application/jsonl",
        "application/vnd.api+json",
        "multipart/form-data; boundary=x",
      ]),
    ];
  },
};

// --- Urlencoded forms and the query ---

const pairs = (get, set) => ({
  duplicate: (chance, made) => set(made, spliced(chance, get(made), ["model", anyId(chance)])),
  brackets: (chance, made) =>
    renamed(
      chance,
      get(made),
      (name) =>
        name + chance.of(["[]", "[0]", "[x]", "[][]", "[", "]", "%5B%5D", "[[]]", "[model]", ".x"]),
    ),
  inner: (chance, made) =>
    set(
      made,
      spliced(chance, get(made), [
        chance.of(["x[model]", "body[model]", "a.model", "[model]", "model.x"]),
        anyId(chance),
      ]),
    ),
  case: (chance, made) =>
    renamed(chance, get(made), (name) => some(chance, name, (char) => char.toUpperCase())),
  escape: (chance, made) =>
    renamed(chance, get(made), (name) =>
      some(chance, name, (char) => `%${hex(char.charCodeAt(0), 2)}`),
    ),
  "escape-twice": (chance, made) =>
    renamed(chance, get(made), (name) =>
      some(chance, name, (char) => `%25${hex(char.charCodeAt(0), 2)}`),
    ),
  around: (chance, made) =>
    renamed(chance, get(made), (name) =>
      chance.once(2)
        ? chance.of(["+", "%20", "%00", "%0a", "%ef%bb%bf", " ", "?", "&", "\xa0", "_"]) + name
        : name + chance.of(["+", "%20", "%00", "%00x", "=", "%5b", ";", "%c2%a0"]),
    ),
  value: (chance, made) =>
    set(
      made,
      get(made).map(([name, value]) => [
        name,
        chance.once(3)
          ? chance.of([
              undefined,
              "",
              `${value}%`,
              `${value}%zz`,
              `${value}%u006d`,
              `=${value}`,
              `${value}=x`,
              `+${value}`,
              `"${value}"`,
              `${value}%00`,
              `%EF%BB%BF${value}`,
              `${value}%ff`,
              `[${value}]`,
              `{"model":"mythos-5"}`,
            ])
          : value,
      ]),
    ),
  semicolon: (chance, made) =>
    set(made, spliced(chance, get(made), ["x", `1;model=${anyId(chance)}`])),
  ampersand: (chance, made) =>
    set(made, spliced(chance, get(made), ["x", `1%26model=${anyId(chance)}`])),
  many: (chance, made) =>
    set(made, [
      ...Array.from({ length: chance.of([100, 999, 1_001, 1_023]) }, (_, at) => [`a${at}`, "1"]),
      ...get(made),
    ]),
});
const spliced = (chance, list, pair) => {
  const to = [...list];
  to.splice(chance.below(to.length + 1), 0, pair);
  return to;
};
const renamed = (chance, list, change) => {
  const at = list.findIndex(([name]) => name === "model");
  if (at < 0) return false;
  list[at] = [change(list[at][0]), list[at][1]];
};
const prefixed = (prefix, table) =>
  Object.fromEntries(Object.entries(table).map(([name, change]) => [`${prefix}-${name}`, change]));

const form = {
  ...prefixed(
    "form",
    pairs(
      ({ body }) => body.fields,
      (made, fields) => void (made.body.fields = fields),
    ),
  ),
  "prompt-json": (chance, made) =>
    void (made.body.fields = made.body.fields.map(([name, value]) => [
      name,
      name === "prompt" ? encodeURIComponent(`{"model":"${anyId(chance)}"}`) : value,
    ])),
  "form-separator": (chance, { body }) =>
    void (body.ampersand = chance.of([";", "&&", "&amp;", "\n", "\r\n", "%26", "&;"])),
  "form-front": whole(
    (text, chance) =>
      chance.of([
        "\n",
        " ",
        "?",
        "&",
        "=",
        "\xef\xbb\xbf",
        "{",
        '{"model":"mythos-5"}&',
        "\x00",
        "--x\r\n",
      ]) + text,
  ),
  "form-tail": whole(
    (text, chance) =>
      text + chance.of(["\n", "\r\n", "&", "=", "\x00", "#", "&model", "&=mythos-5"]),
  ),
  "form-type": (chance, made) =>
    retype(
      made,
      chance.of([
        "application/x-www-form-urlencoded; charset=utf-8",
        "application/x-www-form-urlencoded; charset=utf-16",
        "application/x-www-form-urlencoded; charset=iso-8859-1",
        "Application/X-WWW-Form-UrlEncoded",
        "application/x-www-form-urlencoded;",
        "application/x-www-form-urlencoded,",
        "application/x-www-form-urlencoded-x",
        " application/x-www-form-urlencoded",
        "text/plain",
        "application/json",
        "application/x-www-form-urlencoded, application/json",
        "x-www-form-urlencoded",
      ]),
    ),
};

const query = {
  ...prefixed(
    "query",
    pairs(
      (made) => made.query,
      (made, query) => void (made.query = query),
    ),
  ),
  "query-add": (chance, made) => void made.query.push(["model", anyId(chance)]),
  "query-separator": (chance, made) =>
    void (made.ampersand = chance.of([";", "&&", "?", "&amp;", "%26"])),
  "query-method": (chance, made) =>
    void made.query.push(["_method", chance.of(["POST", "GET", "put"])]),
};

function retype(made, value) {
  const at = made.headers.findIndex(([name]) => name === "content-type");
  if (at < 0) return false;
  made.headers[at] = ["content-type", value];
}

// --- Multipart ---

const modelPart = ({ parts }) =>
  parts.find(({ headers }) => /name="?(model|session|purpose|file)/.test(headers[0])) ?? parts[0];
const aPart = (chance, body) => (chance.once(3) ? chance.of(body.parts) : modelPart(body));
const disposition =
  (change) =>
  (chance, { body }) => {
    const part = aPart(chance, body);
    part.headers[0] = change(part.headers[0], chance);
  };
const insertPart =
  (change) =>
  (chance, { body }) =>
    void body.parts.splice(chance.below(body.parts.length + 1), 0, change(chance, body));

const multipart = {
  "multipart-duplicate": insertPart((chance) => ({
    headers: ['Content-Disposition: form-data; name="model"'],
    data: anyId(chance),
  })),
  "multipart-nameless": insertPart((chance) => ({
    headers: [
      chance.of([
        "Content-Disposition: form-data",
        "Content-Disposition: attachment; name=model",
        'Content-Disposition: inline; name="model"',
        "X: y",
        'Content-Disposition: form-data; filename="model"',
        'Content-Type: text/plain; name="model"',
        'Content-Disposition: form-data; name=""',
      ]),
    ],
    data: anyId(chance),
  })),
  "multipart-name": disposition((header, chance) =>
    header.replace(/name="([^"]*)"/, (_, name) =>
      chance.of([
        `name=${name}`,
        `name='${name}'`,
        `name = "${name}"`,
        `name="${name}`,
        `name=${name}"`,
        `NAME="${name}"`,
        `name="\\${name}"`,
        `name="${name}\\"`,
        `name="${name.replace("o", "%6f")}"`,
        `name="${name}%00"`,
        `name="${name}\\""`,
        `name=" ${name} "`,
        `name="${name}";name="x"`,
        `name="x";name="${name}"`,
        `name="${name.toUpperCase()}"`,
        `name*=UTF-8''${name}`,
        `name*0=${name.slice(0, 2)};name*1=${name.slice(2)}`,
        `name="x"; name*=UTF-8''${name}`,
        `name="${name}"; name*=utf-8''x`,
        `name="=?utf-8?q?${name}?="`,
        `name="=?utf-8?b?${Buffer.from(name).toString("base64")}?="`,
        `x="; name=${name}"`,
        `name="${name}[]"`,
        `name="${name}\x00"`,
        `name="${name}"x`,
        `name="${name}",x`,
        `name="${name}";`,
        `;name="${name}"`,
        `x;name="${name}"`,
        `name=="${name}"`,
        `name="mo" "del"`,
      ]),
    ),
  ),
  "multipart-filename": disposition(
    (header, chance) =>
      header +
      chance.of([
        '; filename=""',
        '; filename="x"',
        "; filename=x",
        "; filename*=UTF-8''x",
        '; filename="a;name=\\"y\\""',
        '; filename="x\\"; name=\\"model"',
        '; filename="\\\\"',
        '; filename="C:\\x"',
        ";filename",
        '; filename="a"; filename="b"',
        "; size=1",
        '; filename="é"',
      ]),
  ),
  "multipart-kind": disposition((header, chance) =>
    header
      .replace(
        "form-data",
        chance.of([
          "Form-Data",
          "attachment",
          "file",
          "inline",
          "form-data ",
          '"form-data"',
          "",
          "form-data,",
          "x form-data",
        ]),
      )
      .replace(
        "Content-Disposition",
        chance.of([
          "content-disposition",
          "CONTENT-DISPOSITION",
          "Content-Disposition",
          "Content-Disposition ",
          " Content-Disposition",
          "Content_Disposition",
          "Content-Disposition\t",
        ]),
      ),
  ),
  "multipart-header-twice": (chance, { body }) => {
    const part = aPart(chance, body);
    part.headers.splice(
      chance.below(2),
      0,
      chance.of([
        'Content-Disposition: form-data; name="x"',
        'Content-Disposition: form-data; name="model"',
        "Content-Type: text/plain",
        "X-Note: a",
      ]),
    );
  },
  "multipart-fold": disposition((header, chance) =>
    header.replace(";", `;${chance.of(["\r\n ", "\r\n\t", "\n ", "\r ", "\r\n  \r\n "])}`),
  ),
  "multipart-part-header": (chance, { body }) =>
    void aPart(chance, body).headers.push(
      chance.of([
        "Content-Type: text/plain; charset=utf-16",
        "Content-Type: text/plain; charset=utf-7",
        "Content-Type: text/plain",
        "Content-Type: application/json",
        "Content-Type: multipart/mixed; boundary=y",
        "Content-Transfer-Encoding: base64",
        "Content-Transfer-Encoding: quoted-printable",
        "Content-Transfer-Encoding: binary",
        "Content-Transfer-Encoding: 8bit",
        "Content-Transfer-Encoding: BASE64",
        "Content-Length: 3",
        "Content-Encoding: gzip",
        "X",
        ":",
        "X:\x00",
        "Content-Type: text/plain; charset=us-ascii",
        "Content-Type: text/plain; charset=iso-8859-1",
        "Content-Type: text/plain; charset=ibm037",
        "Content-Type: application/x-www-form-urlencoded",
      ]),
    ),
  "multipart-base64": (chance, { body }) => {
    const part = aPart(chance, body);
    part.headers.push("Content-Transfer-Encoding: base64");
    part.data = Buffer.from(part.data, "latin1").toString("base64");
  },
  "multipart-quoted": (chance, { body }) => {
    const part = aPart(chance, body);
    part.headers.push("Content-Transfer-Encoding: quoted-printable");
    part.data = part.data.replace(
      /[-o]/g,
      (char) => `=${hex(char.charCodeAt(0), 2).toUpperCase()}`,
    );
  },
  "multipart-charset-field": insertPart((chance) => ({
    headers: ['Content-Disposition: form-data; name="_charset_"'],
    data: chance.of(["utf-16", "utf-7", "ibm037", "utf-8"]),
  })),
  "multipart-nested": insertPart((chance) => ({
    headers: [
      "Content-Type: multipart/mixed; boundary=y",
      chance.of(['Content-Disposition: form-data; name="x"', "X: y"]),
    ],
    data: `--y\r\nContent-Disposition: form-data; name="model"\r\n\r\n${anyId(chance)}\r\n--y--`,
  })),
  "multipart-json": insertPart((chance) => ({
    headers: [
      `Content-Disposition: form-data; name="${chance.of(["data", "request", "payload_json", "session", "model"])}"`,
      "Content-Type: application/json",
    ],
    data: `{"model":"${anyId(chance)}"}`,
  })),
  "prompt-json": (chance, { body }) =>
    void (body.parts.at(-1).data = `{"model":"${anyId(chance)}"}`),
  "multipart-end": (chance, { body }) =>
    void (body.end = chance.of(["\n", "\r", "\n\r", "\r\r\n", "\r\n\r\n"])),
  "multipart-end-once": whole((text, chance) => {
    const ends = [...text.matchAll(/\r\n/g)];
    const at = chance.of(ends).index;
    return (
      text.slice(0, at) +
      chance.of(["\n", "\r", "", "\r\n\r\n", " \r\n", "\t\r\n", "\0\r\n"]) +
      text.slice(at + 2)
    );
  }),
  "multipart-preamble": (chance, { body }) =>
    void (body.preamble = chance.of([
      "\r\n",
      "\n",
      "x\r\n",
      "x",
      "--",
      `--${body.boundary}x\r\n`,
      `--${body.boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\n${anyId(chance)}\r\n\r\n`,
      " ",
      `Content-Disposition: form-data; name="model"\r\n\r\n${anyId(chance)}\r\n`,
    ])),
  "multipart-epilogue": (chance, { body }) =>
    void (body.epilogue = chance.of([
      "",
      "\r\n\r\n",
      "x",
      "\r\nx",
      `\r\n--${body.boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\n${anyId(chance)}\r\n--${body.boundary}--\r\n`,
      "\n",
      "--",
    ])),
  "multipart-close": (chance, { body }) =>
    void (body.close = chance.of(["", "-", "\r\n", "--x", " --", "- -", "---"])),
  "multipart-near": insertPart((chance, body) => ({
    headers: ['Content-Disposition: form-data; name="x"'],
    data: `a${chance.of(["\r\n", "\n", "\r", ""])}${chance.of(["--", "-", " --", "\0--"])}${body.boundary}${chance.of(["", " ", "\t", "x", "\r\n", "--", "\n", "\r"])}${chance.of(["", `\nContent-Disposition: form-data; name="model"\n\nmythos-5`, `\r\nContent-Disposition: form-data; name="model"\r\n\r\nmythos-5`])}`,
  })),
  "multipart-boundary": (chance, made) => {
    const { boundary } = made.body;
    return retype(
      made,
      `${made.body.media}; ${chance.of([`boundary="${boundary}"`, `boundary='${boundary}'`, `boundary=${boundary}; boundary=y`, `boundary=y; boundary=${boundary}`, `Boundary=${boundary}`, `boundary=${boundary} `, `boundary =${boundary}`, `boundary= ${boundary}`, `boundary=${boundary},x`, `boundary=${boundary};charset=utf-8`, `boundary*=utf-8''${boundary}`, `boundary*0=${boundary}`, `charset=utf-16; boundary=${boundary}`, `boundary=\"${boundary}`, `boundary=${boundary}\"`, `boundary=--${boundary}`, `x="; boundary=y"; boundary=${boundary}`, `boundary=${boundary}\t`, `boundary=${boundary.toUpperCase()}`, `xboundary=y; boundary=${boundary}`, `boundary=\\${boundary}`, "boundary=", ""])}`,
    );
  },
  "multipart-type": (chance, made) =>
    retype(
      made,
      chance.of([
        `multipart/form-data; boundary=${made.body.boundary}`,
        `multipart/mixed; boundary=${made.body.boundary}`,
        `Multipart/Mixed; boundary=${made.body.boundary}`,
        `multipart/related; boundary=${made.body.boundary}`,
        `Multipart/Form-Data; boundary=${made.body.boundary}`,
        `multipart/form-data boundary=${made.body.boundary}`,
        `multipart/form-data, x; boundary=${made.body.boundary}`,
        `multipart/form-datax; boundary=${made.body.boundary}`,
        `application/x-multipart; boundary=${made.body.boundary}`,
        "application/json",
        "application/x-www-form-urlencoded",
        `multipart/*; boundary=${made.body.boundary}`,
        `text/plain; boundary=${made.body.boundary}`,
        "multipart/form-data",
      ]),
    ),
  "multipart-boundary-rename": (chance, made) => {
    const boundary = chance.of([
      "a",
      "-",
      "--",
      "a b",
      "a'b",
      "a(b)",
      "a:b",
      "x".repeat(70),
      "x".repeat(71),
      "",
      " ",
      'a"b',
      "a,b",
      "é",
      "a=b",
      "a/b",
      "a;b",
    ]);
    made.body.boundary = boundary;
    return retype(
      made,
      `${made.body.media}; boundary=${/[^-a-z]/.test(boundary) && chance.once(2) ? `"${boundary}"` : boundary}`,
    );
  },
  "multipart-jsonl": (chance, { body }) => {
    const part = body.parts.find(({ headers }) =>
      headers.some((header) => header.includes("jsonl")),
    );
    if (part === undefined) return false;
    part.data = chance.of([
      part.data.replace(/\n/g, "\r\n"),
      part.data.trimEnd(),
      `\n\n${part.data}`,
      `\xef\xbb\xbf${part.data}`,
      part.data.replace(/\n/g, " \n "),
      part.data.replace(/\n/g, "\r"),
      part.data.replace(/\n/g, "\xe2\x80\xa8"),
      part.data.replace(/\n/g, "\x85"),
      part.data.replace(/\n/g, ","),
      `[${part.data.trimEnd().replace(/\n/g, ",")}]`,
      `${part.data}garbage`,
      part.data.replace('"model"', '"\\u006dodel"'),
      part.data.replace('"body"', '"body":{"model":"mythos-5"},"body"'),
      part.data.replace(/\n/g, "\x0b"),
      part.data.replace(/\n/g, "\x0c"),
      part.data.replace(/\n/g, "\x1e"),
    ]);
  },
  "multipart-purpose": (chance, { body }) => {
    const part = body.parts.find(({ headers }) => headers[0].includes("purpose"));
    if (part === undefined) return false;
    const value = chance.of([
      "batch",
      "Batch",
      " batch",
      "batch\r\n",
      "batch\n",
      "user_data",
      "b\u0061tch",
      "",
      '"batch"',
      "fine-tune",
      "batch_output",
      "assistants",
    ]);
    if (chance.once(2)) part.data = value;
    else body.parts.splice(chance.below(3), 0, { headers: [...part.headers], data: value });
  },
};

// --- Batches: whole requests in parts ---

const CREDENTIALS = [
  ["Authorization", "Bearer k"],
  ["authorization", "Bearer other"],
  ["x-goog-api-key", "other"],
  ["X_Goog_Api_Key", "other"],
  ["x-api-key", "k"],
  ["api-key", "other"],
];
const aRequest = (change) => (chance, made) => {
  const whole = made.body.parts.filter(({ data }) => data === undefined);
  return whole.length > 0 && change(chance, chance.of(whole), made);
};

const requests = {
  ...Object.fromEntries(
    [
      "preamble",
      "epilogue",
      "close",
      "end",
      "end-once",
      "boundary",
      "boundary-rename",
      "type",
      "nameless",
    ].map((name) => [`multipart-${name}`, multipart[`multipart-${name}`]]),
  ),
  // Mutations of a single request, applied to a request in a batch.
  ...Object.fromEntries(
    ["inner", "inner-again", "inner-more", "inner-else"].map((name) => [
      name,
      aRequest((chance, { inner }, made) => {
        const before = inner.mutations.length;
        mutate(chance, inner);
        made.mutations.push(...inner.mutations.slice(before));
      }),
    ]),
  ),
  "part-type": aRequest((chance, part) => {
    part.headers[0] = chance.of([
      "Content-Type: Application/HTTP",
      "content-type:application/http",
      "Content-Type: application/http; msgtype=request",
      "Content-Type: application/http; msgtype=response",
      "Content-Type: application/http; charset=utf-16",
      "Content-Type: text/plain",
      "Content-Type: message/http",
      "Content-Type: application/json",
      "Content-Type: application/httpx",
      "Content-Type: multipart/mixed; boundary=y",
      "Content-Type: application/http, text/plain",
      'Content-Type: "application/http"',
      "Content-Type: application / http",
      "Content-Type : application/http",
      "X: y",
      "Content-Type:\r\n application/http",
    ]);
  }),
  "part-header": aRequest(
    (chance, part) =>
      void part.headers.splice(
        chance.below(part.headers.length + 1),
        0,
        chance.of([
          "Content-Transfer-Encoding: base64",
          "Content-Transfer-Encoding: quoted-printable",
          "Content-Transfer-Encoding: 8bit",
          "Content-Length: 40",
          "Content-Length: 1000",
          "Content-Length: x",
          'Content-Disposition: form-data; name="model"',
          'Content-Disposition: attachment; filename="x"',
          "Content-Type: text/plain",
          "Content-Type: application/http",
          "MIME-Version: 1.0",
          "X",
          "X:\x00",
          " folded",
          "Content-Encoding: gzip",
          "Content-Location: /v1/models/mythos-5",
        ]),
      ),
  ),
  "part-base64": aRequest((chance, part) => {
    part.headers.push(
      `Content-Transfer-Encoding: ${chance.of(["base64", "BASE64", "quoted-printable"])}`,
    );
    part.data = Buffer.from(spoken(part), "latin1").toString("base64");
  }),
  "part-again": (chance, { body }) =>
    void body.parts.splice(chance.below(body.parts.length + 1), 0, chance.of(body.parts)),
  "part-document": (chance, { body }) =>
    void body.parts.splice(chance.below(body.parts.length + 1), 0, {
      headers: [chance.of(["Content-Type: application/json", "X: y", "Content-Type: audio/wav"])],
      data: chance.of([`{"model":"${anyId(chance)}"}`, "RIFF", ""]),
    }),
  "inner-version": aRequest(
    (chance, part) =>
      void (part.version = chance.of([
        " HTTP/1.0",
        " HTTP/2",
        "",
        " HTTP/1.1 x",
        " http/1.1",
        " HTTP/1.1 ",
        "  HTTP/1.1",
        "\tHTTP/1.1",
        " HTTP/0.9",
        " HTTP/1.10",
        " ",
      ])),
  ),
  "inner-absolute": aRequest(
    (chance, { inner }) =>
      void (inner.path =
        chance.of([
          "https://generativelanguage.googleapis.com",
          "http://h:80",
          "HTTPS://h",
          "//h",
          "https:/",
          "http://a@b",
          "https://h\\x",
          "x:",
        ]) + inner.path),
  ),
  "inner-relative": aRequest(
    (chance, { inner }) =>
      void (inner.path = inner.path.replace(/^\//, chance.of(["", "./", "../", "?/../"]))),
  ),
  "inner-method": aRequest(
    (chance, { inner }) =>
      void (inner.method = chance.of([
        "get",
        "POST\t",
        " POST",
        "PUT",
        "DELETE",
        "HEAD",
        "OPTIONS",
        "POST ",
        "M-POST",
        "POST,GET",
      ])),
  ),
  "inner-header": aRequest(
    (chance, { inner }) =>
      void inner.headers.splice(
        chance.below(inner.headers.length + 1),
        0,
        chance.of([
          ["x", "y\r\n folded"],
          ["x ", "y"],
          [" x", "y"],
          ["x-model", anyId(chance)],
          ["X_Model", anyId(chance)],
          ["transfer-encoding", "chunked"],
          ["Transfer-Encoding", "identity"],
          ["host", "h"],
          ["host", "a, b"],
          ["expect", "100-continue"],
          ["connection", "close"],
          ["connection", "upgrade"],
          ["content-type", "text/plain"],
          ["content-encoding", "gzip"],
          ["x-http-method-override", "POST"],
          ["x-original-url", "/v1/models/mythos-5"],
          ["x", "\x00"],
          ["x", "caf\xc3\xa9"],
          ["x", "a\rb"],
          ["", "y"],
          ["user-agent", "mythos-5"],
        ]),
      ),
  ),
  "inner-credential": aRequest((chance, { inner }) => {
    if (chance.once(2)) inner.headers.push(chance.of(CREDENTIALS));
    else
      inner.query.push([
        chance.of(["key", "access_token", "KEY", "%6bey"]),
        chance.of(["other", "k"]),
      ]);
  }),
  "inner-length": aRequest(
    (chance, part) =>
      void (part.length = chance.of([
        -1,
        -2,
        -5,
        -20,
        1,
        2,
        100,
        "+5",
        "0",
        "x",
        "",
        "0x10",
        "5, 5",
        "99999999999999999999",
        "-1",
        "1_0",
        " 7",
      ])),
  ),
  "inner-lengths": aRequest((chance, part) => {
    part.length ??= 0;
    part.inner.headers.push([
      chance.of(["content-length", "Content_Length"]),
      chance.of(["0", "5", "100"]),
    ]);
  }),
  "inner-end": aRequest(
    (chance, part) => void (part.end = chance.of(["\n", "\r", "\n\r", "\r\r\n"])),
  ),
  "inner-front": aRequest(
    (chance, part) =>
      void (part.front = chance.of(["\r\n", "\n", " ", "\t", "\xef\xbb\xbf", "\0"])),
  ),
  "inner-tail": aRequest(
    (chance, part) =>
      void (part.tail = chance.of(["\r\n\r\n", "\n", " ", "x", "\0", "}", "\r\n--", "\x0c"])),
  ),
  // A further request, as on a connection.
  "inner-pipeline": aRequest(
    (chance, part) =>
      void (part.tail =
        chance.of(["", "\r\n"]) +
        chance.of([
          `POST /v1beta/models/${anyId(chance)}:generateContent HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}`,
          `GET /v1beta/models/${anyId(chance)} HTTP/1.1\r\nHost: h\r\n\r\n`,
          `POST /v1/chat/completions HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{"model":"${anyId(chance)}"}`,
        ])),
  ),
  "inner-batch": aRequest((chance, { inner }) => {
    inner.method = "POST";
    inner.path = "/batch";
    inner.headers = [["content-type", "multipart/mixed; boundary=c"]];
    inner.raw = `--c\r\nContent-Type: application/http\r\n\r\nGET /v1/models/${anyId(chance)} HTTP/1.1\r\n\r\n\r\n--c--`;
  }),
};

// --- Base64 in JSON ---

const twist =
  (change) =>
  (chance, { body }) =>
    void body.twists.push((text) => change(text, chance));
const inserted = (text, chance, what) => {
  const at = chance.below(text.length + 1);
  return text.slice(0, at) + what + text.slice(at);
};

const base64 = {
  ...json,
  "base64-url": twist((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
  "base64-mixed": twist((text, chance) =>
    some(chance, text, (char) => ({ "+": "-", "/": "_" })[char] ?? char),
  ),
  "base64-unpadded": twist((text) => text.replace(/=+$/, "")),
  "base64-padding": twist((text, chance) => text + "=".repeat(1 + chance.below(3))),
  "base64-padding-inside": twist((text, chance) =>
    inserted(text, chance, chance.of(["=", "==", "A=", "=="])),
  ),
  "base64-blank": twist((text, chance) =>
    inserted(text, chance, chance.of([" ", "\\n", "\\r\\n", "\\t", "\\u00a0", "\\f", "\\u200b"])),
  ),
  "base64-lines": twist((text, chance) =>
    text.replace(/.{1,76}/g, (line) => line + chance.of(["\\n", "\\r\\n"])),
  ),
  "base64-junk": twist((text, chance) =>
    inserted(
      text,
      chance,
      chance.of(["!", "*", ".", ",", "-", "_", "%", "\\u0000", "\xc3\xa9", "~", "----", "____"]),
    ),
  ),
  "base64-char": twist((text, chance) =>
    inserted(text, chance, chance.of(["A", "Q", "0", "z", "AA", "AAA", "IA", "fQ"])),
  ),
  "base64-again": twist(
    (text, chance) => text + Buffer.from(`{"model":"${anyId(chance)}"}`).toString("base64"),
  ),
  "base64-bits": twist((text) =>
    text.replace(
      /([A-Za-z0-9+/])(=+)$/,
      (_, last, pads) => String.fromCharCode(last.charCodeAt(0) + 1) + pads,
    ),
  ),
  "base64-escape": twist((text, chance) =>
    some(chance, text, (char) => (char === "/" ? "\\/" : escaped(chance, char))),
  ),
  "base64-twice": twist((text) => Buffer.from(text, "latin1").toString("base64")),
  "base64-plain": twist((text) =>
    JSON.stringify(Buffer.from(text, "base64").toString("latin1")).slice(1, -1),
  ),
  "base64-object": (chance, { body }) => {
    body.quoted = false;
    body.twists.push((text) => Buffer.from(text, "base64").toString("latin1"));
  },
  "base64-front": twist(
    (text, chance) =>
      chance.of(["=", " ", "data:application/json;base64,", "base64:", "\\ufeff", "77u/"]) + text,
  ),
  "base64-whole": twist((text, chance) => {
    const plain = Buffer.from(text, "base64").toString("latin1");
    return Buffer.from(
      chance.of([
        `\xef\xbb\xbf${plain}`,
        ` ${plain} `,
        `${plain}\0`,
        `${plain}${plain}`,
        `[${plain}]`,
        `${plain}\n`,
        Buffer.from(plain, "utf16le").toString("latin1"),
      ]),
      "latin1",
    ).toString("base64");
  }),
};

// --- Path, headers, method, bytes ---

const path = {
  "path-escape": (chance, made) =>
    void (made.path = some(chance, made.path, (char) =>
      char === "%" ? char : `%${hex(char.charCodeAt(0), 2)}`,
    )),
  "path-escape-twice": (chance, made) =>
    void (made.path = some(chance, made.path, (char) =>
      char === "%" ? char : `%25${hex(char.charCodeAt(0), 2)}`,
    )),
  "path-slash": (chance, made) =>
    void (made.path = made.path.replace(/\//g, (slash) =>
      chance.once(2)
        ? chance.of([
            "//",
            "/./",
            "%2f",
            "\\",
            "/;x/",
            "/;/",
            "/%2e/",
            "%5c",
            "/x/../",
            "/x/..;/",
            "///",
            "/%252e%252e/../",
          ])
        : slash,
    )),
  "path-case": (chance, made) =>
    void (made.path = some(chance, made.path, (char) => char.toUpperCase())),
  "path-front": (chance, made) =>
    void (made.path =
      chance.of([
        "/",
        // Not `/api`: `/api/v1/files` is OpenRouter's own upload, which has no model.
        "/llm",
        "/proxy/openai",
        "//h",
        "http://h",
        "https://h:1",
        "/.",
        "/..",
        "/x/..",
        "\\",
        "HTTP://h",
        "/v1/..",
        "/%2e%2e",
        "/a/b/../..",
      ]) + made.path),
  "path-tail": (chance, made) =>
    void (made.path += chance.of([
      "/",
      "//",
      "/.",
      "/..",
      "/x/..",
      ";x",
      ";model=mythos-5",
      "#x",
      "%20",
      "%00",
      ".json",
      "%3Fmodel=mythos-5",
      "%23",
      "/%2e",
      "%2f",
      "?",
      "%0a",
      "\\",
      ".",
    ])),
  "path-params": (chance, made) =>
    void (made.path = made.path.replace(
      /\/([^/]*)$/,
      (_, last) => `/${last}${chance.of([";a=b", ";", ";jsessionid=1", "%3Ba=b"])}`,
    )),
  "path-odd": (chance, made) =>
    void (made.path = some(chance, made.path, (char) =>
      chance.of(["\t", "%09", "%c0%af", "%u002f", "%zz", "%", "%ff", char + "%00", char]),
    )),
};

const header = {
  "header-model": (chance, made) =>
    void made.headers.push([
      chance.of(["x-model", "X-Model", "x_model", "X_MODEL"]),
      chance.of([anyId(chance), `haiku-4, ${anyId(chance)}`, ` ${anyId(chance)} `]),
    ]),
  "header-type-again": (chance, made) =>
    void made.headers.splice(chance.below(made.headers.length + 1), 0, [
      chance.of(["content-type", "Content-Type", "content_type"]),
      chance.of([
        "application/json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=y",
        "",
      ]),
    ]),
  "header-type-none": (chance, made) =>
    void (made.headers = made.headers.filter(([name]) => name !== "content-type")),
  "header-type": (chance, made) =>
    retype(
      made,
      chance.of([
        "application/json",
        "application/json; charset=utf-16",
        "application/json; charset=utf-16le",
        "application/json;charset=latin1",
        "application/json, text/plain",
        "text/json",
        "text/plain",
        "text/plain;charset=utf-8",
        "*/*",
        "",
        "application/json;",
        "application/json; x",
        "APPLICATION/JSON",
        "application/x-json",
        "application/json; boundary=x",
        "application/x-ndjson",
        "application/jsonl",
        "application/octet-stream",
        "form",
        "json",
        "application/xml",
        "application/sdp",
        "application/vnd.x+json; charset=utf-8",
        '"application/json"',
        "application/graphql",
      ]),
    ),
  "header-method": (chance, made) =>
    void made.headers.push([
      chance.of([
        "x-http-method-override",
        "X-HTTP-Method",
        "x-method-override",
        "x_http_method_override",
      ]),
      chance.of(["POST", "GET", "post", "DELETE"]),
    ]),
  "header-path": (chance, made) =>
    void made.headers.push([
      chance.of(["x-original-url", "x-rewrite-url"]),
      chance.of(["/v1/models/mythos-5", "/health"]),
    ]),
  "header-coding": (chance, made) =>
    void made.headers.push(["content-encoding", chance.of(["identity", "gzip", ""])]),
  "header-odd": (chance, made) =>
    void made.headers.push([
      chance.of(["x-a", "x-note", "cookie"]),
      chance.of([
        "caf\u00e9",
        "\t",
        "a\tb",
        "\u0080",
        "x".repeat(2_000),
        "model=mythos-5",
        '{"model":"mythos-5"}',
      ]),
    ]),
};

Object.assign(header, {
  "trailer-model": (chance, made) =>
    trailed(made, [
      chance.of(["x-model", "X-Model", "x_model", "X_MODEL"]),
      chance.of([anyId(chance), `haiku-4, ${anyId(chance)}`]),
    ]),
  "trailer-odd": (chance, made) =>
    trailed(
      made,
      chance.of([
        ["x-checksum", "1"],
        ["content-type", "text/plain"],
        ["Content-Encoding", "gzip"],
        ["content-length", "0"],
        ["transfer-encoding", "chunked"],
        ["server-timing", "mythos-5"],
        ["x-http-method-override", chance.of(["POST", "GET"])],
        ["connection", "upgrade"],
        ["upgrade", "websocket"],
        ["host", "mythos-5"],
        ["x", "caf\u00e9"],
        ["authorization", "Bearer other"],
      ]),
    ),
});

/** Adds a trailer. Only a request with a body can have one. */
function trailed(made, trailer) {
  if (
    made.socket === true ||
    made.body.kind === "none" ||
    made.trailers?.some(([name]) => name === trailer[0])
  )
    return false;
  made.trailers = [...(made.trailers ?? []), trailer];
}

const method = {
  "method-case": (chance, made) => void (made.method = made.method.toLowerCase()),
  "method-other": (chance, made) => {
    made.method = chance.of(["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "QUERY", "POST"]);
    unsocketed(made);
  },
};

const INTERESTING = [
  "\x00",
  '"',
  "\\",
  "{",
  "}",
  "[",
  "]",
  ":",
  ",",
  "\r",
  "\n",
  "-",
  "=",
  "&",
  ";",
  "%",
  "\xff",
  "\x80",
  "\xef\xbb\xbf",
  "'",
  "/",
  "+",
  "\t",
  "m",
  "--",
];

const raw = {
  "raw-flip": whole((text, chance) =>
    at(text, chance, (char) => String.fromCharCode(char.charCodeAt(0) ^ (1 << chance.below(8)))),
  ),
  "raw-insert": whole((text, chance) => at(text, chance, (char) => chance.of(INTERESTING) + char)),
  "raw-replace": whole((text, chance) => at(text, chance, () => chance.of(INTERESTING))),
  "raw-delete": whole((text, chance) => at(text, chance, () => "")),
  "raw-cut": whole((text, chance) => text.slice(0, chance.below(text.length + 1))),
  "raw-repeat": whole((text, chance) => {
    const from = chance.below(text.length + 1);
    const to = from + chance.below(60);
    return text.slice(0, to) + text.slice(from);
  }),
};

function at(text, chance, change) {
  if (text === "") return text;
  const spot = chance.below(text.length);
  return text.slice(0, spot) + change(text[spot]) + text.slice(spot + 1);
}

/** Joins the front of one body with the tail of another. */
export function splice(chance, made, other) {
  const [front, tail] = [bytes(made.body), bytes(other.body)];
  made.raw =
    front.slice(0, chance.below(front.length + 1)) + tail.slice(chance.below(tail.length + 1));
  made.mutations.push("raw-splice");
  return made;
}

const TABLES = { json, form, multipart, requests, base64 };
