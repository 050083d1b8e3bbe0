/**
 * Accounts and requests. The same seed gives the same ones in every process.
 *
 * A request is `{ model, place: { country, region }, org, account, now }`. Its texts are cut out of
 * one long text each time, as a server cuts them out of what it receives, so that none of them is
 * interned and none has a hash yet. `account` is what a session keeps of its caller. `org` is the
 * text by which a server without sessions would look that up.
 */
import { COUNTRIES, NOW, ORGANISATIONS, REGIONS, UNLISTED, organisation } from "./policy.mjs";
import { random } from "./random.mjs";
import { unrestricted } from "./oracle.mjs";

/** The records of accounts. A third of the accounts have every proof that a policy asks for. */
export function recordsOf(count = ORGANISATIONS, seed = 1, first = 0) {
  const next = random(seed);
  const pick = (list) => list[next(list.length)];
  return Array.from({ length: count }, (_, index) => {
    const proven = next(3) === 0;
    const has = (name, odds) => (proven || next(odds) === 0 ? [name] : []);
    return {
      org: organisation(first + index),
      billing: next(25) === 0 ? pick(COUNTRIES) : "US",
      plan: proven ? "partner" : pick(["free", "team", "enterprise", "partner"]),
      relation: pick(["staff", "contractor", "end_user"]),
      evidence: proven
        ? "document_verified"
        : pick(["none", "self_attested", "document_verified", "employer_attested"]),
      flags: [
        ...has("us_person", 3),
        ...has("trained", 4),
        ...(next(40) === 0 ? ["employee"] : []),
      ],
      verified_until: NOW + (proven ? 1 : next(5) - 2) * 86_400_000 * (1 + next(400)),
    };
  });
}

/**
 * Requests under a policy: `length` of them, each read by `at(index)`.
 *
 * @param options.free Only of callers under no restriction. `restricted`: only of others.
 */
export class Requests {
  #text;
  #ends;
  #who;
  #accounts;
  /** The accounts by the text of their organisation, if they are to be looked up. */
  #byOrg;

  constructor(
    policy,
    records,
    { count = 10_000, seed = 3, free = false, restricted = false } = {},
  ) {
    const next = random(seed);
    const models = [...Object.values(policy.families).flat(), ...UNLISTED];
    const memo = new Map();
    const isFree = (who, country, region) => {
      const key = `${who} ${country} ${region}`;
      if (!memo.has(key))
        memo.set(
          key,
          unrestricted(policy, { place: { country, region }, record: records[who], now: NOW }),
        );
      return memo.get(key);
    };
    const texts = [];
    this.#who = [];
    while (this.#who.length < count) {
      const who = next(records.length);
      const country = next(3) === 0 ? "US" : COUNTRIES[next(COUNTRIES.length)];
      const regions = REGIONS[country] ?? [`${country}-01`];
      const region = regions[next(regions.length)];
      const model = models[next(models.length)];
      if ((free || restricted) && isFree(who, country, region) !== free) continue;
      this.#who.push(who);
      texts.push(model, country, region, records[who].org);
    }
    this.#ends = new Int32Array(texts.length + 1);
    texts.forEach((text, index) => (this.#ends[index + 1] = this.#ends[index] + text.length));
    // A text that was decoded is flat: a cut of it is a copy and not a tree.
    this.#text = Buffer.from(texts.join(""), "latin1").toString("latin1");
    this.records = records;
    this.#accounts = records;
  }

  /**
   * Sets what `account` of a request is: these, in the order of the records.
   *
   * @param map Whether the account is looked up by the text of its organisation
   */
  use(accounts, map) {
    this.#accounts = accounts;
    if (map) this.#byOrg = new Map(accounts.map((one, who) => [this.records[who].org, one]));
  }

  get length() {
    return this.#who.length;
  }

  /** Cuts a request out of the text. */
  at(index) {
    const text = this.#text;
    const ends = this.#ends;
    const first = index * 4;
    const org = text.slice(ends[first + 3], ends[first + 4]);
    return {
      model: text.slice(ends[first], ends[first + 1]),
      place: {
        country: text.slice(ends[first + 1], ends[first + 2]),
        region: text.slice(ends[first + 2], ends[first + 3]),
      },
      org,
      account: this.#byOrg === undefined ? this.#accounts[this.#who[index]] : this.#byOrg.get(org),
      now: NOW + (index & 1023),
    };
  }

  /** The number of a request's account. */
  who(index) {
    return this.#who[index];
  }

  /** The same request as the oracle reads it. */
  plain(index) {
    return { ...this.at(index), record: this.records[this.#who[index]] };
  }
}
