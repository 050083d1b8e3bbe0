/** Answers questions about what a caller may use. */
import { invalid } from "./error.ts";
import type { Access, DeniedFamily, Verdict } from "./types.ts";
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

/**
 * Makes the access of a restricted caller.
 *
 * `may` judges a request that names the model in a JSON body. The request's operation is usually
 * unknown, so the best verdict on it is `defer` with the reason `unknown_operation`. An unlisted
 * model has another reason.
 *
 * @param denied Lists the denied families
 * @param judge Judges a request with this JSON body
 */
export function accessOf(
  denied: () => readonly DeniedFamily[],
  judge: (body: string) => Verdict,
): Access {
  return {
    unrestricted: false,
    get denied() {
      return denied();
    },
    may(model) {
      const { verdict, reason, mentions } = judge(JSON.stringify({ model: checked(model) }));
      if (verdict === "refuse") throw invalid("no id of a model");
      return (verdict === "pass" || reason === "unknown_operation") && mentions.includes(model);
    },
  };
}
