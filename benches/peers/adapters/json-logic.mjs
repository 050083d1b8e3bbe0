/** `json-logic-js`: one rule of JsonLogic, which the library walks for each decision. */
import jsonLogic from "json-logic-js";
import { factName, flat } from "../rules.mjs";

export const source = (policy) => JSON.stringify({ or: flat(policy).map(rule) });

function rule({ models, from, until, when, unless }) {
  const parts = [];
  if (models !== undefined) parts.push({ in: [{ var: "model" }, models] });
  if (from !== undefined) parts.push({ ">=": [{ var: "now" }, from] });
  if (until !== undefined) parts.push({ "<": [{ var: "now" }, until] });
  if (when !== undefined) parts.push(any(when));
  if (unless.length > 0) parts.push({ "!": any(unless) });
  return { and: parts };
}

const any = (conjunctions) => ({ or: conjunctions.map((tests) => ({ and: tests.map(test) })) });

function test({ fact, in: values, has, later }) {
  const value = {
    var: factName(fact, "account."),
  };
  if (later) return { ">": [value, { var: "now" }] };
  if (has !== undefined) return { in: [has, value] };
  return values.length === 1 ? { "==": [value, values[0]] } : { in: [value, values] };
}

export function load(source) {
  const denied = JSON.parse(source);
  return {
    account: (record) => record,
    decide({ model, place: { country, region }, account, now }) {
      return !jsonLogic.apply(denied, { model, country, region, account, now });
    },
  };
}
