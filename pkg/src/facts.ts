/** Facts as they are read from the calling code: each once, because a getter may change its mind. */
import { type Clocked, timeOf } from "./clock.ts";
import { instant, record } from "./input.ts";
import type { Facts, SettledFacts } from "./types.ts";

/** Facts that were read. */
export type ReadFacts = Omit<Facts, "now"> & Clocked;

/**
 * Reads facts.
 *
 * @throws PortcullisError `input_invalid`
 */
export function read(facts: Facts): ReadFacts {
  const { place, network, asn, ip, account, stale, now } = record(facts, "the facts") as Facts;
  return {
    place,
    network,
    asn,
    ip,
    account,
    stale,
    now: now === undefined || now === null ? undefined : instant(now),
  };
}

/** Returns facts of one instant. */
export function settled(facts: ReadFacts): SettledFacts {
  timeOf(facts);
  return facts as SettledFacts;
}
