// The results that one parser takes out of a request, as a server would: the values at the
// locations where the operation names its models (`locations` in operation.json).
//
// A location is a path of keys, `tools/*/model`. `file#body/model`: the field holds JSON Lines.
// `session!model`: the field holds JSON. `data~model`: the text there is Base64 of JSON.
//
// The parsers in other languages have the same few lines, except for keys that are called like a
// model: the documented locations suffice to show how parsers differ.
import { named, namedFields } from "./like.mjs";

export class ParserResult {
  #locations;
  #data;
  #lines;
  #reads = [];
  #rejects = [];
  #nested = [];

  /**
   * `data` lists the locations of the user's own data. It is undefined if the operation runs no
   * model; then only its own locations name one.
   */
  constructor({ locations, data, lines }) {
    this.#locations = locations;
    this.#data = data;
    this.#lines = lines;
  }

  told() {
    return { reads: this.#reads, rejects: this.#rejects, nested: this.#nested };
  }

  reject(parser) {
    this.#rejects.push(parser);
  }

  /** Reads a body that is one JSON document, or one in each line. */
  document(parser, parse, { lines = false } = {}) {
    let value;
    try {
      value = parse();
    } catch {
      // A body that is no list of lines is no error for a reader of lines.
      if (!lines) this.reject(parser);
      return;
    }
    for (const one of lines ? value : [value]) {
      for (const location of this.#locations)
        if (!/[#!]/.test(location)) this.#location(parser, one, location);
      if (this.#data !== undefined) this.#named(parser, named(one, this.#data));
    }
  }

  /** Records the requests that the parser found in a batch. */
  unpacked(parser, requests) {
    this.#nested.push([parser, requests]);
  }

  /** Reads a form that the parser made an object of. */
  object(parser, object) {
    for (const location of this.#locations)
      if (!/[#!~]/.test(location)) this.#at(parser, object, location.split("/"), true);
    if (this.#data !== undefined) this.#named(parser, named(object, this.#data));
  }

  /** Reads fields: name, value, and whether the field was a file. */
  fields(parser, fields) {
    const batch = fields.some(([name, value]) => name === "purpose" && value.trim() === "batch");
    for (const location of this.#locations) {
      if (location.includes("~")) continue;
      const [, field, kind, rest] = /^([^#!]+)(?:([#!])(.*))?$/.exec(location);
      const names = bracketed(field);
      for (const [name, value, file] of fields) {
        // ASP.NET folds the keys of forms.
        if (!names.includes(name) && !names.includes(name.toLowerCase())) continue;
        if (kind === undefined) this.#note(parser, value);
        if (kind === "#" && batch)
          for (const line of value.split("\n")) this.#inside(parser, line, rest);
        if (kind === "!") this.#inside(parser, value, rest);
        if (kind === "!" || (kind === "#" && batch))
          for (const line of kind === "#" ? value.split("\n") : [value])
            this.#named(parser, namedIn(line, rest, this.#lines));
      }
    }
    if (this.#data !== undefined) this.#named(parser, namedFields(fields, this.#data));
  }

  /** Reads names and values of the query. */
  query(parser, pairs) {
    for (const [name, value] of pairs) {
      if (["model", "model[]"].includes(name.toLowerCase())) this.#all(`${parser}-query`, value);
      else if (this.#data !== undefined)
        this.#named(
          parser,
          typeof value === "string"
            ? namedFields([[name, value]], [])
            : named({ [name]: value }, []),
          "-like-query",
        );
    }
  }

  #named(parser, texts, suffix = "-like") {
    for (const text of texts) this.#note(parser + suffix, text);
  }

  #location(parser, value, location) {
    const [keys, inner] = location.split("~");
    if (inner === undefined) return this.#at(parser, value, keys.split("/"), false);
    const text = keys
      .split("/")
      .reduce(
        (one, key) =>
          typeof one === "object" && one !== null && Object.hasOwn(one, key) ? one[key] : undefined,
        value,
      );
    // A server that takes the text commonly takes an object too.
    if (typeof text === "object") this.#at(parser, text, inner.split("/"), false);
    if (typeof text !== "string") return;
    for (const [name, decode] of Object.entries(DECODERS)) {
      try {
        this.#at(
          `${parser}-${name}`,
          JSON.parse(new TextDecoder().decode(decode(text))),
          inner.split("/"),
          false,
        );
      } catch {
        this.reject(name);
      }
    }
  }

  #inside(parser, text, location) {
    try {
      this.#at(parser, JSON.parse(text), location.split("/"), false);
    } catch {
      // One line of many: a server may go on after it.
    }
  }

  #at(parser, value, [key, ...rest], form) {
    if (key === undefined) {
      if (form) this.#all(parser, value);
      else if (typeof value === "string") this.#note(parser, value);
      return;
    }
    if (typeof value !== "object" || value === null) return;
    if (key === "*") for (const one of Object.values(value)) this.#at(parser, one, rest, form);
    else if (Object.hasOwn(value, key)) this.#at(parser, value[key], rest, form);
  }

  /** Reads every text in the nested result of a form parser. */
  #all(parser, value) {
    if (typeof value === "string") this.#note(parser, value);
    else if (typeof value === "object" && value !== null)
      for (const one of Object.values(value)) this.#all(parser, one);
  }

  #note(parser, text) {
    this.#reads.push([parser, text]);
  }
}

/** Returns the model names in JSON within a field. A line of a batch has them in its `body`. */
function namedIn(text, location, data) {
  try {
    const value = JSON.parse(text);
    return named(location.startsWith("body/") ? value.body : value, data);
  } catch {
    return [];
  }
}

/** Buffer takes both alphabets and skips other characters. `atob` is the web's decoder. */
const DECODERS = {
  "b64-node": (text) => Buffer.from(text, "base64"),
  "b64-node-url": (text) => Buffer.from(text, "base64url"),
  "b64-atob": (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0)),
};

/** Returns `svg/model` as forms write it. */
function bracketed(location) {
  const [first, ...rest] = location.replace(/\/\*/g, "/").split("/");
  const name = first + rest.map((part) => `[${part}]`).join("");
  return rest.length === 0 ? [name, `${name}[]`] : [name];
}
