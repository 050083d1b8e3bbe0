/** Answers questions about what a caller may use. */
import { invalid } from "./error.ts";
import type { Model, Models } from "./memory.ts";
import type { Access, DeniedFamily } from "./types.ts";
import { MODEL_ID_BYTES } from "./wasm/wire.ts";

/** Printable ASCII. The module refuses any other id. */
const MODEL = /^[ -~]+$/;

function checked(model: string): string {
  if (typeof model === "string" && model.length <= MODEL_ID_BYTES && MODEL.test(model))
    return model;
  throw invalid("no id of a model");
}

/** The access of every unrestricted caller. */
export const UNRESTRICTED: Access = Object.freeze({
  unrestricted: true,
  denied: Object.freeze([]),
  may: (model: string) => checked(model) !== "",
});

/** The access of a restricted caller. */
export class RestrictedAccess implements Access {
  readonly #words: Int32Array;
  readonly #models: Models;
  readonly #learn: (model: string) => Model | undefined;
  readonly #list: () => readonly DeniedFamily[];

  /**
   * @param words The denied set
   * @param models The ids of the operation
   * @param learn Reads an id that is valid
   * @param list Lists the denied families
   */
  constructor(
    words: Int32Array,
    models: Models,
    learn: (model: string) => Model | undefined,
    list: () => readonly DeniedFamily[],
  ) {
    this.#words = words;
    this.#models = models;
    this.#learn = learn;
    this.#list = list;
  }

  get unrestricted(): boolean {
    return false;
  }

  get denied(): readonly DeniedFamily[] {
    return this.#list();
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

  #read(model: string): Model {
    const read = this.#learn(checked(model));
    if (read === undefined) throw invalid("no id of a model");
    return read;
  }
}
