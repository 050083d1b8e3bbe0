/**
 * What one would write by hand in JavaScript: the small policy as code, a growing one as a loop
 * over its rules.
 */
import { flat } from "../rules.mjs";

export const source = (policy) => (policy.id === "small" ? "small" : JSON.stringify(flat(policy)));

export function load(source) {
  if (source === "small") return { account: (record) => record, decide: small };
  const rules = JSON.parse(source).map(ruleOf);
  return {
    account: (record) => record,
    decide(request) {
      for (const rule of rules) if (denies(rule, request)) return false;
      return true;
    },
    grounds(request) {
      const found = [];
      for (const rule of rules) if (denies(rule, request)) found.push(rule.id);
      return found;
    },
  };
}

const EMBARGOED = new Set(["CU", "IR", "KP", "SY"]);
const OCCUPIED = new Set(["UA-43", "UA-14", "UA-09"]);
const TRAINING = new Set(["US", "CA", "GB", "AU", "NZ", "JP", "FR", "DE", "UA"]);
const PREVIEW = new Set(["CN", "RU", "BY", "VE"]);
const ANNEX = new Set(["org-000007", "org-000021", "org-000099"]);
const PROOF = new Set(["document_verified", "employer_attested"]);
const SUSPENDED = Date.parse("2026-06-12T21:21:00Z");
const LETTER = Date.parse("2026-06-26T00:00:00Z");
const OPEN_ENDS = Date.parse("2026-07-01T00:00:00Z");
const OPEN_BEGINS = Date.parse("2027-01-01T00:00:00Z");
const FAMILY = new Map([
  ["mythos-5", "mythos"],
  ["mythos-mini-5", "mythos"],
  ["fable-5", "mythos"],
  ["atlas-bio-2", "research"],
  ["atlas-chem-2", "research"],
  ["mythos-next-preview", "preview"],
  ["fable-next-preview", "preview"],
  ["haiku-4", "open"],
  ["haiku-mini-4", "open"],
  ["sonnet-5", "open"],
  ["opus-6", "open"],
]);

function small({ model, place: { country, region }, account, now }) {
  if (EMBARGOED.has(country) || OCCUPIED.has(region) || EMBARGOED.has(account.billing))
    return false;
  switch (FAMILY.get(model)) {
    case "mythos":
      if (now < SUSPENDED) return true;
      if (
        account.flags.includes("us_person") &&
        PROOF.has(account.evidence) &&
        account.verified_until > now
      )
        return true;
      return (
        model === "mythos-5" &&
        now >= LETTER &&
        ((account.relation === "staff" && ANNEX.has(account.org)) ||
          account.flags.includes("employee"))
      );
    case "research":
      return account.flags.includes("trained") && TRAINING.has(country);
    case "preview":
      return account.plan === "partner" && !(PREVIEW.has(country) && account.relation !== "staff");
    case "open":
      if (now < OPEN_ENDS && (country === "FR" || country === "DE")) return false;
      return now < OPEN_BEGINS || account.plan !== "free";
    default:
      return true;
  }
}

/** A rule with a set for each fact that it tests. */
export function ruleOf({ id, models, from = -Infinity, until = Infinity, when, unless }) {
  return {
    id,
    models: models && new Set(models),
    from,
    until,
    when: when?.map(conjunctionOf),
    unless: unless.map(conjunctionOf),
  };
}

function conjunctionOf(tests) {
  const set = (fact) => {
    const found = tests.find((test) => test.fact === fact && test.in);
    return found && new Set(found.in);
  };
  return {
    model: set("model"),
    country: set("country"),
    region: set("region"),
    org: set("org"),
    billing: set("billing"),
    plan: set("plan"),
    relation: set("relation"),
    evidence: set("evidence"),
    flags: tests.filter(({ has }) => has).map(({ has }) => has),
    later: tests.some(({ later }) => later),
  };
}

export function denies(rule, request) {
  if (rule.models !== undefined && !rule.models.has(request.model)) return false;
  if (request.now < rule.from || request.now >= rule.until) return false;
  return (rule.when === undefined || some(rule.when, request)) && !some(rule.unless, request);
}

function some(conjunctions, request) {
  for (const one of conjunctions) if (holds(one, request)) return true;
  return false;
}

function holds(one, { model, place, account, now }) {
  if (one.model !== undefined && !one.model.has(model)) return false;
  if (one.country !== undefined && !one.country.has(place.country)) return false;
  if (one.region !== undefined && !one.region.has(place.region)) return false;
  if (one.org !== undefined && !one.org.has(account.org)) return false;
  if (one.billing !== undefined && !one.billing.has(account.billing)) return false;
  if (one.plan !== undefined && !one.plan.has(account.plan)) return false;
  if (one.relation !== undefined && !one.relation.has(account.relation)) return false;
  if (one.evidence !== undefined && !one.evidence.has(account.evidence)) return false;
  if (one.later && account.verified_until <= now) return false;
  for (const flag of one.flags) if (!account.flags.includes(flag)) return false;
  return true;
}
