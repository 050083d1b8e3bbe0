/**
 * `@casl/ability`. A rule's subjects are the models that it closes, since the library finds rules
 * by action and subject, and its conditions are a query of Mongo's language. Two fields cannot be
 * compared in it, so the time that is left of a proof is a field of the subject.
 */
import { buildMongoQueryMatcher, createMongoAbility, subject } from "@casl/ability";
import { $and, $nor, $or, and, nor, or } from "@ucast/mongo2js";
import { factName, flat } from "../rules.mjs";

export function source(policy) {
  const rules = flat(policy).map(({ models = "all", from, until, when, unless }) => {
    const parts = [];
    if (from !== undefined) parts.push({ now: { $gte: from } });
    if (until !== undefined) parts.push({ now: { $lt: until } });
    if (when !== undefined) parts.push(any("$or", when));
    if (unless.length > 0) parts.push(any("$nor", unless));
    const conditions = parts.length === 1 ? parts[0] : { $and: parts };
    return {
      action: "use",
      subject: models,
      inverted: true,
      ...(parts.length > 0 && { conditions }),
    };
  });
  return JSON.stringify([{ action: "use", subject: "all" }, ...rules]);
}

function any(operator, conjunctions) {
  const queries = conjunctions.map((tests) => Object.assign({}, ...tests.map(query)));
  // Two tests of one fact would overwrite each other.
  if (queries.some((one, index) => Object.keys(one).length !== conjunctions[index].length))
    throw new Error("a fact is tested twice");
  return operator === "$or" && queries.length === 1 ? queries[0] : { [operator]: queries };
}

function query({ fact, in: values, has, later }) {
  if (later) return { left: { $gt: 0 } };
  const name = factName(fact, "account.");
  return { [name]: values === undefined ? has : values.length === 1 ? values[0] : { $in: values } };
}

export function load(source) {
  const conditionsMatcher = buildMongoQueryMatcher({ $and, $or, $nor }, { and, or, nor });
  const ability = createMongoAbility(JSON.parse(source), { conditionsMatcher });
  return {
    account: (record) => record,
    decide({ model, place: { country, region }, account, now }) {
      const left = account.verified_until - now;
      return ability.can("use", subject(model, { model, country, region, account, now, left }));
    },
  };
}
