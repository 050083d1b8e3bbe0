/** The rules as expressions of CEL, for the two engines that read it. */
import { factName, flat } from "../rules.mjs";

/** Rules in one expression. An expression of hundreds would exceed the engines' depth. */
const TOGETHER = 50;

/** Expressions one of which is true if the request is denied, and one for each rule by its id. */
export function source(policy) {
  const rules = flat(policy).map((rule) => [rule.id, expression(rule)]);
  const joined = [];
  for (let at = 0; at < rules.length; at += TOGETHER)
    joined.push(
      rules
        .slice(at, at + TOGETHER)
        .map(([, text]) => `(${text})`)
        .join(" || "),
    );
  return JSON.stringify({ joined, rules });
}

function expression({ models, from, until, when, unless }) {
  const parts = [];
  if (models !== undefined) parts.push(`model in ${JSON.stringify(models)}`);
  if (from !== undefined) parts.push(`now >= ${from}.0`);
  if (until !== undefined) parts.push(`now < ${until}.0`);
  if (when !== undefined) parts.push(`(${disjunction(when)})`);
  if (unless.length > 0) parts.push(`!(${disjunction(unless)})`);
  return parts.join(" && ");
}

const disjunction = (conjunctions) =>
  conjunctions.map((tests) => `(${tests.map(text).join(" && ")})`).join(" || ");

function text({ fact, in: values, has }) {
  const name = factName(fact, "account.");
  if (values?.length === 1) return `${name} == ${JSON.stringify(values[0])}`;
  if (values !== undefined) return `${name} in ${JSON.stringify(values)}`;
  if (has !== undefined) return `${JSON.stringify(has)} in ${name}`;
  return `${name} > now`;
}

/** What the engines get for one decision. */
export const bindings = ({ model, place: { country, region }, account, now }) => ({
  model,
  country,
  region,
  account,
  now,
});
