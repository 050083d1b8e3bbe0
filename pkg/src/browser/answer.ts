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
const VERDICTS: readonly unknown[] = ["pass", "defer", "deny"];

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
  if (typeof value !== "object" || value === null) return false;
  const { unrestricted, denied, patterns, unlisted } = value as Partial<AccessAnswer>;
  return (
    typeof unrestricted === "boolean" &&
    Array.isArray(denied) &&
    denied.every((family) => Array.isArray((family as Partial<DeniedFamily> | null)?.patterns)) &&
    typeof patterns === "object" &&
    patterns !== null &&
    Object.values(patterns).every((may) => typeof may === "boolean") &&
    VERDICTS.includes(unlisted)
  );
}

/** A pattern of tokens. A token that ends in `*` matches any token that begins so. */
interface Pattern {
  readonly text: string;
  readonly tokens: readonly string[];
}

/** What occurs in an id. */
interface Found {
  readonly patterns: Set<string>;
  /** No pattern occurs in some part of it. */
  unlisted: boolean;
}

class AnsweredAccess implements Access {
  readonly #answer: AccessAnswer;
  /** Patterns by their first token, or by its first letter if it ends in `*`. */
  readonly #patterns = new Map<string, Pattern[]>();

  constructor(answer: AccessAnswer) {
    this.#answer = answer;
    for (const text of Object.keys(answer.patterns)) {
      const tokens = text.split("-");
      const first = tokens[0] as string;
      const key = first.endsWith("*") ? `${first[0]}*` : first;
      const known = this.#patterns.get(key);
      if (known === undefined) this.#patterns.set(key, [{ text, tokens }]);
      else known.push({ text, tokens });
    }
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
    const id = checked(model);
    if (unrestricted) return verdictOn(id, "pass", [], denied);
    const found = this.#read(id);
    const closed = [...found.patterns].filter((text) => patterns[text] !== true);
    if (found.unlisted && denied.some((family) => family.patterns.includes("*"))) closed.push("*");
    // Few operations take a list of ids, so a list does not certainly pass.
    const isList = /[ ,]/.test(id);
    const other = isList && unlisted === "pass" ? "defer" : unlisted;
    return verdictOn(id, isList || found.unlisted ? other : "pass", closed, denied);
  }

  toJSON(): AccessAnswer {
    return this.#answer;
  }

  /** Finds what occurs in an id as it is written, and after each round of percent-decoding. */
  #read(id: string): Found {
    const found: Found = { patterns: new Set(), unlisted: false };
    let text = id.toLowerCase();
    for (let round = 0; ; round += 1) {
      checked(text);
      this.#scan(text, found);
      if (!text.includes("%")) return found;
      if (round === PERCENT_ROUNDS || /%(?![\da-f]{2})/.test(text))
        throw invalid("no id of a model");
      text = text
        .replace(/%(..)/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
        .toLowerCase();
    }
  }

  /** Divides an id at commas and blanks. Each part is judged by itself. */
  #scan(text: string, found: Found): void {
    const parts = text.split(/[, ]+/).filter((part) => part !== "");
    // A stored configuration may lead to any model, whatever precedes it.
    const unknown = parts.filter((part) => !this.#occurs(part, found) || part.includes("@preset/"));
    if (parts.length === 0 || unknown.length > 0) found.unlisted = true;
  }

  /** Adds the patterns that occur in a part. Returns false if none does. */
  #occurs(part: string, { patterns }: Found): boolean {
    const exact = Object.hasOwn(this.#answer.patterns, `=${part}`);
    if (exact) patterns.add(`=${part}`);
    const tokens = part.match(/[\da-z]+/g) ?? [];
    let any = exact;
    // An exact id is a run over all tokens, so only another run over all of them counts.
    let reached = exact ? tokens.length - 1 : 0;
    for (let start = 0; start < (exact ? 1 : tokens.length); start += 1) {
      const first = tokens[start] as string;
      const candidates = [
        ...(this.#patterns.get(first) ?? []),
        ...(this.#patterns.get(`${first[0]}*`) ?? []),
      ].filter((pattern) => matches(pattern, tokens, start));
      if (candidates.length === 0) continue;
      const end = start + Math.max(...candidates.map(({ tokens: { length } }) => length));
      if (end <= reached) continue;
      for (const pattern of candidates)
        if (start + pattern.tokens.length === end) patterns.add(pattern.text);
      reached = end;
      any = true;
    }
    return any;
  }
}

function matches({ tokens: wanted }: Pattern, tokens: readonly string[], start: number): boolean {
  return wanted.every((token, at) => {
    const text = tokens[start + at];
    if (text === undefined) return false;
    return token.endsWith("*") ? text.startsWith(token.slice(0, -1)) : text === token;
  });
}
