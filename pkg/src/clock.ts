/** Instants and periods, in milliseconds since the epoch. */
import { instant } from "./input.ts";

/** An instant that is never reached: the module's largest. */
const NEVER = Number.MAX_SAFE_INTEGER;

/** Something that is judged at one time. Undefined: the clock was not read yet. */
export interface Clocked {
  now: number | undefined;
}

/** Returns the time, and reads the clock for the first time. */
export function timeOf(clocked: Clocked): number {
  return (clocked.now ??= instant(undefined));
}

/** From the first instant up to, not including, the second. Undefined: always. */
export type Period = { readonly from: number; readonly until: number } | undefined;

/** Returns a period as the module writes it. */
export function periodOf(from: string | undefined, until: string | undefined): Period {
  const period = { from: Number(from), until: Number(until) };
  return period.from === 0 && period.until === NEVER ? undefined : period;
}

/**
 * Whether the time is within a period. The clock is read only if the period has a begin or an end.
 */
export function holds(period: Period, clocked: Clocked): boolean {
  if (period === undefined) return true;
  const now = timeOf(clocked);
  return period.from <= now && now < period.until;
}
