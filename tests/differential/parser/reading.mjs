// What one parser took out of a request, as a server would: the values at the places where the operation names its models.
//
// A place is a path of keys, `tools/*/model`. `file#body/model`: the field holds JSON Lines. `session!model`: the field holds JSON. `data~model`: the text
// there is Base64 of JSON.
// The other languages have the same few lines, except for keys that are called like a model: what parsers differ in shows in the places.
import { named, namedFields } from "./like.mjs";

export class Reading {
  #places;
  #data;
  #lines;
  #reads = [];
  #rejects = [];
  #nested = [];

  /** `data` are the places of the user's own data; undefined, if the operation runs no model: its places alone name one then. */
  constructor({ places, data, lines }) {
    this.#places = places;
    this.#data = data;
    this.#lines = lines;
  }

  told() {
    return { reads: this.#reads, rejects: this.#rejects, nested: this.#nested };
  }

  reject(parser) {
    this.#rejects.push(parser);
  }

  /** A body that is one JSON document, or one a line. */
  document(parser, parse, { lines = false } = {}) {
    let value;
    try {
      value = parse();
    } catch {
      // Anything but lines is rightly no list of lines.
      if (!lines) this.reject(parser);
      return;
    }
    for (const one of lines ? value : [value]) {
      for (const place of this.#places) if (!/[#!]/.test(place)) this.#place(parser, one, place);
      if (this.#data !== undefined) this.#named(parser, named(one, this.#data));
    }
  }

  /** The requests that it found in a batch. */
  unpacked(parser, requests) {
    this.#nested.push([parser, requests]);
  }

  /** A form that the parser made an object of. */
  object(parser, object) {
    for (const place of this.#places)
      if (!/[#!~]/.test(place)) this.#at(parser, object, place.split("/"), true);
    if (this.#data !== undefined) this.#named(parser, named(object, this.#data));
  }

  /** Name, value, whether it was a file. */
  fields(parser, fields) {
    const batch = fields.some(([name, value]) => name === "purpose" && value.trim() === "batch");
    for (const place of this.#places) {
      if (place.includes("~")) continue;
      const [, field, kind, rest] = /^([^#!]+)(?:([#!])(.*))?$/.exec(place);
      const names = bracketed(field);
      for (const [name, value, file] of fields) {
        // Servers whose form keys are folded: ASP.NET.
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

  /** Names and values of the query. */
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

  #place(parser, value, place) {
    const [keys, inner] = place.split("~");
    if (inner === undefined) return this.#at(parser, value, keys.split("/"), false);
    const text = keys
      .split("/")
      .reduce(
        (one, key) =>
          typeof one === "object" && one !== null && Object.hasOwn(one, key) ? one[key] : undefined,
        value,
      );
    // A server that takes it as text commonly takes the object, too.
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

  #inside(parser, text, place) {
    try {
      this.#at(parser, JSON.parse(text), place.split("/"), false);
    } catch {
      // One line of many; the server goes on or not.
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

  /** Every text in what a form parser nested. */
  #all(parser, value) {
    if (typeof value === "string") this.#note(parser, value);
    else if (typeof value === "object" && value !== null)
      for (const one of Object.values(value)) this.#all(parser, one);
  }

  #note(parser, text) {
    this.#reads.push([parser, text]);
  }
}

/** In JSON within a field: a batch's line names its models in its `body`. */
function namedIn(text, place, data) {
  try {
    const value = JSON.parse(text);
    return named(place.startsWith("body/") ? value.body : value, data);
  } catch {
    return [];
  }
}

/** Buffer takes both alphabets, and passes over what is in neither; `atob` is the web's. */
const DECODERS = {
  "b64-node": (text) => Buffer.from(text, "base64"),
  "b64-node-url": (text) => Buffer.from(text, "base64url"),
  "b64-atob": (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0)),
};

/** `svg/model` as forms write it. */
function bracketed(place) {
  const [first, ...rest] = place.replace(/\/\*/g, "/").split("/");
  const name = first + rest.map((part) => `[${part}]`).join("");
  return rest.length === 0 ? [name, `${name}[]`] : [name];
}
