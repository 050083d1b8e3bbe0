/**
 * `@marcbachmann/cel-js`. Its README recommends an `Environment` with declared variables, and
 * expressions that are parsed once.
 */
import { Environment } from "@marcbachmann/cel-js";
import { bindings } from "./cel.mjs";

export { source } from "./cel.mjs";

export function load(source) {
  const { joined, rules } = JSON.parse(source);
  const environment = new Environment({ limits: { maxListElements: 10_000 } })
    .registerVariable("model", "string")
    .registerVariable("country", "string")
    .registerVariable("region", "string")
    .registerVariable("account", "map")
    .registerVariable("now", "double");
  const denials = joined.map((text) => environment.parse(text));
  let each;
  return {
    account: (record) => record,
    decide(request) {
      const values = bindings(request);
      for (const denial of denials) if (denial(values)) return false;
      return true;
    },
    grounds(request) {
      each ??= rules.map(([id, text]) => [id, environment.parse(text)]);
      const values = bindings(request);
      return each.filter(([, denial]) => denial(values)).map(([id]) => id);
    },
  };
}
