/**
 * Hand-written JavaScript with an index: for each model, Maps from what the rules compare (country,
 * region, organisation) to the rules. Only those that a look-up finds are tested.
 */
import { flat } from "../rules.mjs";
import { denies, ruleOf } from "./plain.mjs";

export const source = (policy) => JSON.stringify(flat(policy));

export function load(source) {
  const rules = JSON.parse(source).map((rule, place) => ({ ...ruleOf(rule), place }));
  const byModel = new Map();
  for (const rule of rules)
    for (const model of rule.models ?? [undefined]) {
      if (!byModel.has(model)) byModel.set(model, new Index());
      byModel.get(model).add(rule);
    }
  const any = byModel.get(undefined) ?? new Index();
  return {
    account: (record) => record,
    decide(request) {
      return !(any.finds(request) || (byModel.get(request.model)?.finds(request) ?? false));
    },
    grounds(request) {
      const found = new Set();
      any.collect(request, found);
      byModel.get(request.model)?.collect(request, found);
      return [...found].sort((a, b) => a.place - b.place).map(({ id }) => id);
    },
  };
}

/** The rules of one model. A rule is found by the first fact that each conjunction compares. */
class Index {
  #country = new Map();
  #region = new Map();
  #org = new Map();
  #rest = [];

  add(rule) {
    const facts = ["org", "region", "country"];
    const keys = (rule.when ?? []).map((one) => facts.find((fact) => one[fact] !== undefined));
    if (keys.length === 0 || keys.includes(undefined)) return void this.#rest.push(rule);
    const maps = { country: this.#country, region: this.#region, org: this.#org };
    rule.when.forEach((one, index) => {
      const map = maps[keys[index]];
      for (const value of one[keys[index]]) {
        if (!map.has(value)) map.set(value, []);
        map.get(value).push(rule);
      }
    });
  }

  finds(request) {
    const { place, account } = request;
    return (
      some(this.#rest, request) ||
      some(this.#country.get(place.country), request) ||
      some(this.#region.get(place.region), request) ||
      some(this.#org.get(account.org), request)
    );
  }

  collect(request, found) {
    const { place, account } = request;
    const lists = [
      this.#rest,
      this.#country.get(place.country),
      this.#region.get(place.region),
      this.#org.get(account.org),
    ];
    for (const list of lists)
      for (const rule of list ?? []) if (denies(rule, request)) found.add(rule);
  }
}

function some(rules, request) {
  if (rules === undefined) return false;
  for (const rule of rules) if (denies(rule, request)) return true;
  return false;
}
