/** `@bufbuild/cel`: its documentation plans an expression once and evaluates the plan. */
import { celEnv, parse, plan } from "@bufbuild/cel";
import { bindings } from "./cel.mjs";

export { source } from "./cel.mjs";

export function load(source) {
  const environment = celEnv();
  const denials = JSON.parse(source).joined.map((text) => plan(environment, parse(text)));
  return {
    account: (record) => record,
    decide(request) {
      const values = bindings(request);
      for (const denial of denials) {
        const result = denial(values);
        if (result === true) return false;
        if (result !== false) throw new Error(String(result));
      }
      return true;
    },
  };
}
