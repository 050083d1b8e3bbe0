/** Answers questions about what a caller may use. */
import { invalid } from "./error.ts";
import type { Access, DeniedFamily, Verdict } from "./types.ts";
import { MODEL_ID_BYTES } from "./wasm/wire.ts";

/** Printable ASCII. The module refuses any other id. */
const MODEL = /^[ -~]+$/;

/**
 * Makes an {@link Access}.
 *
 * `may` judges a request that names the model in a JSON body. The request's operation is usually
 * unknown, so the best verdict on it is `defer` with the reason `unknown_operation`. An unlisted
 * model has another reason.
 *
 * @param denied Lists the denied families
 * @param judge Judges a request with this JSON body
 */
export function accessOf(
  unrestricted: boolean,
  denied: () => readonly DeniedFamily[],
  judge: (body: string) => Verdict,
): Access {
  return {
    unrestricted,
    get denied() {
      return unrestricted ? [] : denied();
    },
    may(model) {
      if (typeof model === "string" && model.length <= MODEL_ID_BYTES && MODEL.test(model)) {
        if (unrestricted) return true;
        const { verdict, reason, mentions } = judge(JSON.stringify({ model }));
        if (verdict !== "refuse")
          return (verdict === "pass" || reason === "unknown_operation") && mentions.includes(model);
      }
      throw invalid("no id of a model");
    },
  };
}
