// What one parser took out of a request, as a server would: the values at the places where the operation names its models.
//
// A place is a path of keys, `tools/*/model`. `file#body/model`: the field holds JSON Lines. `session!model`: the field holds JSON. `data~model`: the text
// there is Base64 of JSON.
// The other languages have the same few lines.
export class Reading {
  #places;
  #reads = [];
  #rejects = [];
  #nested = [];

  constructor(places) {
    this.#places = places;
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
    }
  }

  /** The requests that it found in a batch. */
  unpacked(parser, requests) {
    this.#nested.push([parser, requests]);
  }

  /** A form that the parser made an object of. */
  object(parser, object) {
    for (const place of this.#places) if (!/[#!~]/.test(place)) this.#at(parser, object, place.split("/"), true);
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
        if (kind === "#" && batch) for (const line of value.split("\n")) this.#inside(parser, line, rest);
        if (kind === "!") this.#inside(parser, value, rest);
      }
    }
  }

  /** Names and values of the query. */
  query(parser, pairs) {
    for (const [name, value] of pairs) if (["model", "model[]"].includes(name.toLowerCase())) this.#all(`${parser}-query`, value);
  }

  #place(parser, value, place) {
    const [keys, inner] = place.split("~");
    if (inner === undefined) return this.#at(parser, value, keys.split("/"), false);
    const text = keys.split("/").reduce((one, key) => (typeof one === "object" && one !== null && Object.hasOwn(one, key) ? one[key] : undefined), value);
    // A server that takes it as text commonly takes the object, too.
    if (typeof text === "object") this.#at(parser, text, inner.split("/"), false);
    if (typeof text !== "string") return;
    for (const [name, decode] of Object.entries(DECODERS)) {
      try {
        this.#at(`${parser}-${name}`, JSON.parse(new TextDecoder().decode(decode(text))), inner.split("/"), false);
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
    else if (typeof value === "object" && value !== null) for (const one of Object.values(value)) this.#all(parser, one);
  }

  #note(parser, text) {
    this.#reads.push([parser, text]);
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
