/**
 * Reads the answer of the access endpoint, without the edge module.
 *
 * A page asks for single models, and the answer holds patterns. So this file finds the patterns
 * that occur in an id by the rule of the evaluator (`src/mention/model_id.rs`): of the runs of
 * tokens that a pattern matches, those count that lie strictly inside no other one.
 */
import { checked, verdictOn } from "../access.ts";
import { PortcullisError, invalid } from "../error.ts";
import type { Access, AccessAnswer, DeniedFamily, ModelVerdict } from "../types.ts";

/** Rounds of percent-decoding, as in the evaluator. */
const PERCENT_ROUNDS = 3;
/** Stands for ids in which no pattern occurs. */
const UNLISTED = "*";

/**
 * Makes an access of an answer of the endpoint, such as one that a server wrote into the page.
 *
 * @param answer The answer, parsed or as text
 * @throws PortcullisError `answer_invalid`
 */
export function readAccess(answer: unknown): Access {
  let value = answer;
  try {
    if (typeof value === "string") value = JSON.parse(value);
  } catch {
    // Not JSON, so it is no answer.
  }
  if (isAnswer(value)) return new AnsweredAccess(value);
  throw new PortcullisError("answer_invalid", "no answer of the access endpoint");
}

function isAnswer(value: unknown): value is AccessAnswer {
  const { unrestricted, denied, patterns, unlisted } = (value ?? {}) as Partial<AccessAnswer>;
  return (
    typeof unrestricted === "boolean" &&
    Array.isArray(denied) &&
    denied.every((family) => Array.isArray((family as DeniedFamily | null)?.patterns)) &&
    Object.entries(patterns ?? [0]).every(
      ([text, may]) => PATTERN.test(text) && typeof may === "boolean",
    ) &&
    /^(?:pass|defer|deny)$/.test(String(unlisted))
  );
}

/** `=` and an exact id, or tokens of which each may end in `*`, for any rest of a token. */
const PATTERN = /^(?:=.+|[\da-z]+\*?(?:-[\da-z]+\*?)*)$/;

/** Finds the runs of a pattern: a look-ahead, so that they may overlap. */
function finderOf(text: string): RegExp {
  const tokens = text.replaceAll("-", "[^\\da-z]+").replaceAll("*", "[\\da-z]*");
  return new RegExp(`(?<![\\da-z])(?=(${tokens})(?![\\da-z]))`, "g");
}

class AnsweredAccess implements Access {
  readonly #answer: AccessAnswer;
  /** How each pattern of tokens is found. */
  readonly #finders: readonly (readonly [string, RegExp])[];

  constructor(answer: AccessAnswer) {
    this.#answer = answer;
    this.#finders = Object.keys(answer.patterns)
      .filter((text) => !text.startsWith("="))
      .map((text) => [text, finderOf(text)]);
  }

  get unrestricted(): boolean {
    return this.#answer.unrestricted;
  }

  get denied(): readonly DeniedFamily[] {
    return this.#answer.denied;
  }

  may(model: string): boolean {
    return this.verdict(model).verdict === "pass";
  }

  verdict(model: string): ModelVerdict {
    const { unrestricted, denied, patterns, unlisted } = this.#answer;
    let text = checked(model).toLowerCase();
    if (unrestricted) return verdictOn(model, "pass", [], denied);
    // Read as it is written, and after each round of percent-decoding.
    const found = new Set(this.#scan(text));
    for (let round = 0; text.includes("%"); round += 1) {
      if (round === PERCENT_ROUNDS || /%(?![\da-f]{2})/.test(text))
        throw invalid("no id of a model");
      text = text.replace(/%(..)/g, (_, digits) => String.fromCharCode(+`0x${digits}`));
      for (const one of this.#scan(checked(text).toLowerCase())) found.add(one);
      text = text.toLowerCase();
    }
    // Few operations take a list of ids, so a list does not certainly pass.
    const isList = /[ ,]/.test(model);
    const other = isList && unlisted === "pass" ? "defer" : unlisted;
    const kind = isList || found.has(UNLISTED) ? other : "pass";
    // `*` is denied if a family says so.
    const closed = [...found].filter(
      (one) =>
        patterns[one] !== true &&
        (one !== UNLISTED || denied.some((family) => family.patterns.includes(one))),
    );
    return verdictOn(model, kind, closed, denied);
  }

  toJSON(): AccessAnswer {
    return this.#answer;
  }

  /**
   * Returns the patterns that occur in a text. It is divided at commas and blanks, and each part is
   * judged by itself. `*` says that no pattern occurs in some part.
   */
  #scan(text: string): string[] {
    const parts = text.split(/[, ]+/).filter((part) => part !== "");
    if (parts.length === 0) return [UNLISTED];
    return parts.flatMap((part) => {
      const found = this.#occurring(part);
      // A stored configuration may lead to any model, whatever precedes it.
      return found.length > 0 && !part.includes("@preset/") ? found : [...found, UNLISTED];
    });
  }

  #occurring(part: string): string[] {
    const runs = this.#finders.flatMap(([text, finder]) =>
      Array.from(part.matchAll(finder), ({ index, 1: run = "" }) => ({
        text,
        from: index,
        to: index + run.length,
      })),
    );
    // An exact id is a run over all tokens.
    if (Object.hasOwn(this.#answer.patterns, `=${part}`))
      runs.push({
        text: `=${part}`,
        from: part.search(/[\da-z]/),
        to: part.replace(/[^\da-z]+$/, "").length,
      });
    return runs
      .filter(
        ({ from, to }) =>
          !runs.some((run) => run.from <= from && to <= run.to && run.to - run.from > to - from),
      )
      .map(({ text }) => text);
  }
}
