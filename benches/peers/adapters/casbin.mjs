/**
 * `casbin`: attribute-based, each rule a line of the policy with its condition, which the matcher
 * evaluates (documentation, "ABAC", "Scaling the model for complex and large number of ABAC
 * rules"). `enforceSync` is the fastest of its calls.
 */
import { newEnforcer, newModel } from "casbin";
import { factName, flat } from "../rules.mjs";

const MODEL = `
[request_definition]
r = account, model, country, region, now
[policy_definition]
p = rule, eft
[policy_effect]
e = !some(where (p.eft == deny))
[matchers]
m = eval(p.rule)
`;

export const source = (policy) => JSON.stringify(flat(policy).map((rule) => [line(rule), "deny"]));

function line({ models, from, until, when, unless }) {
  const parts = [];
  if (models !== undefined) parts.push(`(r.model in ${JSON.stringify(models)})`);
  if (from !== undefined) parts.push(`r.now >= ${from}`);
  if (until !== undefined) parts.push(`r.now < ${until}`);
  if (when !== undefined) parts.push(any(when));
  if (unless.length > 0) parts.push(`!${any(unless)}`);
  return parts.join("&&");
}

/** Without blanks: the library takes what is in parentheses after a blank for a list. */
const any = (conjunctions) =>
  `(${conjunctions.map((tests) => `(${tests.map(test).join("&&")})`).join("||")})`;

function test({ fact, in: values, has, later }) {
  const name = factName(fact, "r.account.", "r.");
  if (later) return `${name} > r.now`;
  if (has !== undefined) return `(${JSON.stringify(has)} in ${name})`;
  return values.length === 1
    ? `${name} == ${JSON.stringify(values[0])}`
    : `(${name} in ${JSON.stringify(values)})`;
}

export async function load(source) {
  const enforcer = await newEnforcer(newModel(MODEL));
  await enforcer.addPolicies(JSON.parse(source));
  return {
    account: (record) => record,
    decide({ model, place: { country, region }, account, now }) {
      return enforcer.enforceSync(account, model, country, region, now);
    },
  };
}
