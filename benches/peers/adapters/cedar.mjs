/**
 * `@cedar-policy/cedar-wasm`: the policy set is parsed once (`preparsePolicySet`), and the entities
 * of an account and of a model are made once.
 */
import * as cedar from "@cedar-policy/cedar-wasm/web";
import { TEXT_FACTS, factName, flat } from "../rules.mjs";

export function source(policy) {
  const policies = { all: "permit(principal, action, resource);" };
  for (const rule of flat(policy)) policies[rule.id] = forbid(rule);
  return JSON.stringify(policies);
}

const model = (id) => `Model::${JSON.stringify(id)}`;

function forbid({ models, from, until, when, unless }) {
  const parts = [];
  if (models !== undefined) parts.push(`[${models.map(model).join(", ")}].contains(resource)`);
  if (from !== undefined) parts.push(`context.now >= ${from}`);
  if (until !== undefined) parts.push(`context.now < ${until}`);
  if (when !== undefined) parts.push(any(when));
  if (unless.length > 0) parts.push(`!${any(unless)}`);
  return `forbid(principal, action, resource) when { ${parts.join(" && ")} };`;
}

const any = (conjunctions) =>
  `(${conjunctions.map((tests) => `(${tests.map(test).join(" && ")})`).join(" || ")})`;

function test({ fact, in: values, has, later }) {
  if (fact === "model") return `[${values.map(model).join(", ")}].contains(resource)`;
  const name = factName(fact, "principal.", "context.");
  if (later) return `${name} > context.now`;
  if (has !== undefined) return `${name}.contains(${JSON.stringify(has)})`;
  return values.length === 1
    ? `${name} == ${JSON.stringify(values[0])}`
    : `${JSON.stringify(values)}.contains(${name})`;
}

export function load(source, module) {
  cedar.initSync({ module });
  const answer = cedar.preparsePolicySet("peers", { staticPolicies: JSON.parse(source) });
  if (answer.type !== "success") throw new Error(JSON.stringify(answer));
  const action = { type: "Action", id: "use" };
  const ask = ({ model, place: { country, region }, account, now }) => {
    const result = cedar.statefulIsAuthorized({
      principal: account.uid,
      action,
      resource: { type: "Model", id: model },
      context: { country, region, now },
      preparsedPolicySetId: "peers",
      entities: [account],
    });
    if (result.type !== "success") throw new Error(JSON.stringify(result));
    return result.response;
  };
  return {
    account: (record) => ({
      uid: { type: "Account", id: record.org },
      attrs: {
        ...Object.fromEntries(TEXT_FACTS.map((fact) => [fact, record[fact]])),
        flags: record.flags,
        verified_until: record.verified_until,
      },
      parents: [],
    }),
    decide: (request) => ask(request).decision === "allow",
    grounds(request) {
      const { decision, diagnostics } = ask(request);
      return decision === "allow" ? [] : diagnostics.reason;
    },
  };
}
