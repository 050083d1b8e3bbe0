/**
 * The policy as engines get it that have neither licences nor families. Nothing here runs when the
 * file is imported, so that a bundled adapter holds only what it uses.
 */

/** Facts of a place. The others are the account's, except `model`. */
export const PLACE_FACTS = ["country", "region"];
export const TEXT_FACTS = ["org", "billing", "plan", "relation", "evidence"];

/** The name of a fact with this prefix before those of the account: `country`, `account.org`. */
export function factName(fact, account, request = "") {
  const own = fact === "model" || PLACE_FACTS.includes(fact);
  return (own ? request : account) + fact;
}

/**
 * Each rule lists its models, or has none if it closes all. Its licences are further conjunctions
 * of `unless`. Each licence is in force, so that no engine has to say when.
 */
export function flat({ families, rules, licences }) {
  const lifting = new Map();
  for (const licence of licences)
    for (const id of licence.lifts) lifting.set(id, [...(lifting.get(id) ?? []), licence]);
  return rules.map(({ id, families: closed, from, until, when, unless = [] }) => {
    const lifted = (lifting.get(id) ?? []).flatMap(({ models, when }) =>
      when.map((tests) => [{ fact: "model", in: models }, ...tests]),
    );
    return {
      id,
      models: closed === "*" ? undefined : closed.flatMap((family) => families[family]),
      from,
      until,
      when,
      unless: [...unless, ...lifted],
    };
  });
}
