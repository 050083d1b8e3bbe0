/** Instants and periods, in milliseconds since the epoch. */
import { instant } from "./input.ts";

/** An instant that is never reached: the module's largest. */
export const NEVER = Number.MAX_SAFE_INTEGER;

/** Something that is judged at one time. Undefined: the clock was not read yet. */
export interface Clocked {
  now: number | undefined;
}

/** Returns the time, and reads the clock for the first time. */
export function timeOf(clocked: Clocked): number {
  return (clocked.now ??= instant(undefined));
}

/**
 * Whether the time is within a period. The clock is read only if the period has a begin or an end.
 */
export function holds(from: number, until: number, clocked: Clocked): boolean {
  if (from === 0 && until === NEVER) return true;
  const now = timeOf(clocked);
  return from <= now && now < until;
}
