/** Answers questions about what a caller may use. */
import { invalid } from "./error.ts";
import type { Model, Models } from "./memory.ts";
import type { Access, AccessAnswer, DeniedFamily, ModelVerdict } from "./types.ts";
import { MODEL_ID_BYTES } from "./wasm/wire.ts";

/** Printable ASCII. The module refuses any other id. */
const MODEL = /^[ -~]+$/;

/** Returns a text that a request can name a model by. */
export function checked(model: string): string {
  if (typeof model === "string" && model.length <= MODEL_ID_BYTES && MODEL.test(model))
    return model;
  throw invalid("no id of a model");
}

/**
 * Returns the verdict on a model.
 *
 * @param kind `deny` if no family is the ground, and for the families' patterns among `patterns`
 * @param patterns Texts of the denied patterns that occur in the id
 */
export function verdictOn(
  model: string,
  kind: ModelVerdict["verdict"],
  patterns: readonly string[],
  denied: readonly DeniedFamily[],
): ModelVerdict {
  const ground = denied.find((family) => patterns.some((one) => family.patterns.includes(one)));
  return {
    model,
    verdict: patterns.length > 0 ? "deny" : kind,
    family: ground?.id ?? null,
    title: ground?.title ?? null,
    message: ground?.message || null,
    appeal: ground?.appeal ?? null,
  };
}

/** What a gate tells about the access of a caller, for whoever asks. */
export interface Details {
  /** The denied families. */
  list(): readonly DeniedFamily[];
  /** Texts of all patterns, by number. */
  texts(): readonly string[];
  unlisted(): AccessAnswer["unlisted"];
  /** The parts of the answer that do not depend on the denied set. */
  rest(): Pick<AccessAnswer, "policy" | "expires" | "stale">;
}

/** The access of an unrestricted caller. */
export class FreeAccess implements Access {
  readonly #details: Details;

  constructor(details: Details) {
    this.#details = details;
  }

  get unrestricted(): boolean {
    return true;
  }

  get denied(): readonly DeniedFamily[] {
    return NONE;
  }

  may(model: string): boolean {
    return checked(model) !== "";
  }

  verdict(model: string): ModelVerdict {
    return verdictOn(checked(model), "pass", [], NONE);
  }

  toJSON(): AccessAnswer {
    const details = this.#details;
    const patterns = details.texts().slice(1);
    return {
      unrestricted: true,
      denied: NONE,
      patterns: Object.fromEntries(patterns.map((text) => [text, true])),
      unlisted: "pass",
      ...details.rest(),
    };
  }
}

const NONE: readonly DeniedFamily[] = Object.freeze([]);

/** The access of a restricted caller. */
export class RestrictedAccess implements Access {
  readonly #words: Int32Array;
  readonly #models: Models;
  readonly #learn: (model: string) => Model | undefined;
  readonly #details: Details;

  /**
   * @param words The denied set
   * @param models The ids of the operation
   * @param learn Reads an id that is valid
   */
  constructor(
    words: Int32Array,
    models: Models,
    learn: (model: string) => Model | undefined,
    details: Details,
  ) {
    this.#words = words;
    this.#models = models;
    this.#learn = learn;
    this.#details = details;
  }

  get unrestricted(): boolean {
    return false;
  }

  get denied(): readonly DeniedFamily[] {
    return this.#details.list();
  }

  may(model: string): boolean {
    if (typeof model !== "string" || model.length > MODEL_ID_BYTES) checked(model);
    const { isOpen, only, patterns } = this.#models.find(model) ?? this.#read(model);
    const words = this.#words;
    if (only >= 0) return isOpen && (((words[only >> 5] as number) >>> (only & 31)) & 1) === 0;
    for (const pattern of patterns)
      if ((((words[pattern >> 5] as number) >>> (pattern & 31)) & 1) !== 0) return false;
    return isOpen;
  }

  verdict(model: string): ModelVerdict {
    const { isOpen, patterns } = this.#models.find(model) ?? this.#read(checked(model));
    const texts = this.#details.texts();
    const closed = patterns.filter((number) => this.#denies(number));
    const other = this.#unlisted() === "deny" ? "deny" : "defer";
    const denied = closed.map((number) => texts[number] as string);
    return verdictOn(model, isOpen ? "pass" : other, denied, this.denied);
  }

  toJSON(): AccessAnswer {
    const details = this.#details;
    const patterns = details.texts().map((text, number) => [text, !this.#denies(number)] as const);
    return {
      unrestricted: false,
      denied: this.denied.map(({ restrictions: _, ...family }) => family),
      patterns: Object.fromEntries(patterns.slice(1)),
      unlisted: this.#unlisted(),
      ...details.rest(),
    };
  }

  #unlisted(): AccessAnswer["unlisted"] {
    return this.#denies(0) ? "deny" : this.#details.unlisted();
  }

  #denies(pattern: number): boolean {
    return (((this.#words[pattern >> 5] ?? 0) >>> (pattern & 31)) & 1) !== 0;
  }

  #read(model: string): Model {
    const read = this.#learn(checked(model));
    if (read === undefined) throw invalid("no id of a model");
    return read;
  }
}
