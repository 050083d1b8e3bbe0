/**
 * A server that takes a model from any key that is called like one, however deep, and from whatever stands below such a key, outside of the user's own
 * data. It is written from the design's words ("A name in an undocumented place") and shares nothing with the gate.
 */
const NOUNS = ["model", "models", "engine", "deployment"];
const LABELS = ["id", "name"];
/** Words end at `_`, at `-` and where the case changes. */
const BETWEEN = /[_-]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/;

function isModelLike(name) {
  const words = name.split(BETWEEN).map((word) => word.toLowerCase());
  const [before, last] = [words.at(-2), words.at(-1)];
  return NOUNS.includes(last) || (LABELS.includes(last) && NOUNS.includes(before));
}

/** Texts under such keys. `data` are the paths of the user's own data, as `tools/*\/function/parameters`. */
export function named(value, data) {
  const texts = [];
  // Of a list where a document belongs, each element is one.
  for (const one of [value].flat()) walk(one, data.map((path) => path.split("/")), false, texts);
  return texts;
}

/** The same in a form, whose fields nest by brackets or dots: `options[answering_model]`. */
export function namedFields(fields, data) {
  const texts = [];
  for (const [name, value, file] of fields) {
    const keys = name.split(/[[\].]+/).filter((key) => key !== "");
    if (file || keys.length === 0) continue;
    walk(keys.reduceRight((inner, key) => ({ [key]: inner }), value), data.map((path) => path.split("/")), false, texts);
  }
  return texts;
}

function walk(value, data, taken, texts) {
  if (typeof value === "string") {
    if (taken) texts.push(value);
  } else if (Array.isArray(value)) {
    for (const one of value) step(one, "*", data, taken, texts);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, one] of Object.entries(value)) step(one, key, data, taken || isModelLike(key), texts);
  }
}

function step(value, key, data, taken, texts) {
  const left = data.filter(([first]) => first === "*" || folded(first) === folded(key)).map(([, ...rest]) => rest);
  if (!left.some((rest) => rest.length === 0)) walk(value, left, taken, texts);
}

/** Servers that fold names find the user's data under another spelling, too. */
const folded = (name) => name.toLowerCase().replaceAll("_", "");
