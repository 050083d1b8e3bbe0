/**
 * The answer that every contender must give: the policy of policy.mjs read word by word, without
 * any thought of speed.
 */
import { PLACE_FACTS } from "./rules.mjs";

/** The ids of the rules that deny the request, in the policy's order. */
export function grounds(policy, request) {
  const family = Object.entries(policy.families).find(([, models]) =>
    models.includes(request.model),
  )?.[0];
  const inForce = ({ from = -Infinity, until = Infinity }) =>
    from <= request.now && request.now < until;
  return policy.rules
    .filter(
      (rule) =>
        (rule.families === "*" || rule.families.includes(family)) &&
        inForce(rule) &&
        (rule.when === undefined || holds(rule.when, request)) &&
        !(rule.unless !== undefined && holds(rule.unless, request)) &&
        !policy.licences.some(
          ({ lifts, models, when, ...dates }) =>
            lifts.includes(rule.id) &&
            models.includes(request.model) &&
            inForce(dates) &&
            holds(when, request),
        ),
    )
    .map(({ id }) => id);
}

/** Whether the caller is under no restriction: no model that the policy knows or not is denied. */
export function unrestricted(policy, request) {
  return [...Object.values(policy.families).flat(), "nobody-knows-it"].every(
    (model) => grounds(policy, { ...request, model }).length === 0,
  );
}

function holds(conjunctions, request) {
  return conjunctions.some((tests) => tests.every((test) => passes(test, request)));
}

function passes({ fact, in: values, has, later }, { place, record, now }) {
  const value = PLACE_FACTS.includes(fact) ? place[fact] : record[fact];
  if (values !== undefined) return values.includes(value);
  if (has !== undefined) return value.includes(has);
  return later && value > now;
}
