import { invalid } from "./error.ts";

// 2020-01-01 and 3000-01-01: what lies outside counts in other units, or is no clock.
const EARLIEST_MS = 1_577_836_800_000;
const LATEST_MS = 32_503_680_000_000;

/**
 * Milliseconds since the epoch; those of the clock if `now` is left out.
 * @throws PortcullisError `input_invalid` for seconds, microseconds and what is no number: a rule's time would not have come, or be over
 */
export function instant(now: unknown): number {
  const ms = now ?? Date.now();
  // NaN is on neither side.
  if (typeof ms === "number" && ms >= EARLIEST_MS && ms < LATEST_MS) return ms;
  throw invalid("`now` is not in milliseconds since the epoch");
}
