/**
 * The policies that every contender decides, in a form that favours none of them.
 *
 * A policy denies by rules; what no rule denies is allowed. A rule closes models while
 * `from <= now < until`, for callers that one of its conjunctions in `when` describes, unless one
 * in `unless` does. A licence lifts rules for some models. A conjunction is a list of tests:
 *
 * - `{ fact, in }`: the fact is one of these texts
 * - `{ fact: "flags", has }`: the account has this flag
 * - `{ fact: "verified_until", later: true }`: the instant is later than now
 *
 * Texts are compared whole. No model's id is a run of tokens of another one, so that a pattern of
 * Portcullis and an equal text mean the same. All facts are known, since the contenders differ in
 * what an unknown fact means. Times are milliseconds since the epoch.
 */
import { random } from "./random.mjs";

export const NOW = Date.parse("2026-11-30T00:00:00Z");
/** Models that no family lists. */
export const UNLISTED = ["gemma-7", "qwen-9"];

const EMBARGOED = ["CU", "IR", "KP", "SY"];
const test = (fact, ...values) => ({ fact, in: values });
const flag = (has) => ({ fact: "flags", has });
const VERIFIED = { fact: "verified_until", later: true };

/** The policy of W1: eight rules and a licence. Two of the rules are not in force. */
export const SMALL = {
  id: "small",
  families: {
    mythos: ["mythos-5", "mythos-mini-5", "fable-5"],
    research: ["atlas-bio-2", "atlas-chem-2"],
    preview: ["mythos-next-preview", "fable-next-preview"],
    open: ["haiku-4", "haiku-mini-4", "sonnet-5", "opus-6"],
  },
  rules: [
    {
      id: "embargo",
      families: "*",
      when: [[test("country", ...EMBARGOED)], [test("region", "UA-43", "UA-14", "UA-09")]],
    },
    { id: "embargo-billing", families: "*", when: [[test("billing", ...EMBARGOED)]] },
    {
      id: "mythos-persons",
      families: ["mythos"],
      from: Date.parse("2026-06-12T21:21:00Z"),
      unless: [
        [flag("us_person"), test("evidence", "document_verified", "employer_attested"), VERIFIED],
      ],
    },
    {
      id: "research-trained",
      families: ["research"],
      unless: [
        [flag("trained"), test("country", "US", "CA", "GB", "AU", "NZ", "JP", "FR", "DE", "UA")],
      ],
    },
    { id: "preview-partners", families: ["preview"], unless: [[test("plan", "partner")]] },
    {
      id: "preview-places",
      families: ["preview"],
      when: [[test("country", "CN", "RU", "BY", "VE"), test("relation", "contractor", "end_user")]],
    },
    {
      id: "open-ended",
      families: ["open"],
      until: Date.parse("2026-07-01T00:00:00Z"),
      when: [[test("country", "FR", "DE")]],
    },
    {
      id: "open-later",
      families: ["open"],
      from: Date.parse("2027-01-01T00:00:00Z"),
      when: [[test("plan", "free")]],
    },
  ],
  licences: [
    {
      id: "annex",
      lifts: ["mythos-persons"],
      models: ["mythos-5"],
      from: Date.parse("2026-06-26T00:00:00Z"),
      when: [
        [test("org", "org-000007", "org-000021", "org-000099"), test("relation", "staff")],
        [flag("employee")],
      ],
    },
  ],
};

export const COUNTRIES = [
  ...["US", "CA", "GB", "AU", "NZ", "JP", "FR", "DE", "UA", "CN", "RU", "BY", "VE", "BR", "IN"],
  ...["MX", "IT", "ES", "PL", "SE", "NO", "FI", "KR", "TH", "VN", "TR", "EG", "NG", "KE", "ZA"],
  ...EMBARGOED,
];
export const REGIONS = { US: ["US-TX", "US-CA", "US-NY"], UA: ["UA-43", "UA-14", "UA-30"] };
/** As many organisations as the accounts of requests have. */
export const ORGANISATIONS = 6_500;
export const organisation = (index) => `org-${String(index).padStart(6, "0")}`;

/**
 * The policy of W2 with this many rules, of five kinds in turns: by country and plan, by
 * organisation, by region unless a flag, by country and evidence unless proof, and licences of
 * organisations. Every fiftieth closes all models.
 */
export function grown(count) {
  const next = random(7);
  const pick = (list) => list[next(list.length)];
  const orgs = (many) => Array.from({ length: many }, () => organisation(next(20_000)));
  const families = {};
  for (let index = 0; index < 20; index += 1)
    families[`family-${index}`] = ["base", "mini", "code"].map((kind) => `m${index}-${kind}`);
  const rules = [];
  const licences = [];
  for (let index = 0; index < count; index += 1) {
    const id = `rule-${index}`;
    const closed = index % 50 === 1 ? "*" : [`family-${Math.floor(index / 5) % 20}`];
    const rule = (rest) => rules.push({ id, families: closed, ...rest });
    switch (index % 5) {
      case 0:
        rule({ when: [[test("country", pick(COUNTRIES), pick(COUNTRIES)), test("plan", "free")]] });
        break;
      case 1:
        rule({ from: NOW - next(1e9), when: [[test("org", ...orgs(3))]] });
        break;
      case 2:
        rule({
          when: [[test("region", pick([...REGIONS.US, ...REGIONS.UA]))]],
          unless: [[flag("trained")], [test("org", ...orgs(4))]],
        });
        break;
      case 3:
        rule({
          when: [[test("country", pick(COUNTRIES)), test("evidence", "none", "self_attested")]],
          unless: [[flag("us_person"), VERIFIED]],
        });
        break;
      default:
        licences.push({
          id,
          lifts: [`rule-${index - 4}`],
          models: [families[closed[0]][0]],
          when: [[test("org", ...orgs(50)), test("relation", "staff")]],
        });
    }
  }
  return { id: `grown-${count}`, families, rules, licences };
}

/** The policy of a name: `small`, `grown-100`. */
export function policyOf(name) {
  return name === "small" ? SMALL : grown(Number(name.slice("grown-".length)));
}
