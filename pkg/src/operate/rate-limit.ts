/** Limits how often an address may ask. */
import type { SettledFacts } from "../types.ts";

/** Questions that an address may ask at once, and each second after that. */
const BURST = 240;
const PER_SECOND = 4;
/** Addresses that are kept. The one that asked first is forgotten first. */
const ADDRESSES_KEPT = 4_096;

/** A platform's own limit, which all isolates share (Workers runtime API, "Rate limiting"). */
export interface Limiter {
  limit(options: { readonly key: string }): Promise<{ readonly success: boolean }>;
}

/** Counts questions by address, within one isolate. */
export class RateLimit {
  /** What each address has left, and since when. */
  readonly #left = new Map<string, { left: number; at: number }>();

  /** Returns whether an address may ask now, and counts the question. */
  admits(key: string, now: number): boolean {
    const known = this.#left.get(key);
    if (known === undefined) {
      if (this.#left.size >= ADDRESSES_KEPT)
        this.#left.delete(this.#left.keys().next().value as string);
      this.#left.set(key, { left: BURST - 1, at: now });
      return true;
    }
    // A clock that was set back gives nothing.
    const gained = Math.max(0, (now - known.at) / 1_000) * PER_SECOND;
    known.left = Math.min(BURST, known.left + gained);
    known.at = now;
    if (known.left < 1) return false;
    known.left -= 1;
    return true;
  }
}

/**
 * Returns what an address is counted under: an IPv4 address, or the network of 64 bits of an IPv6
 * address, which one subscriber has. Callers without an address are counted together.
 */
export function addressKey(ip: SettledFacts["ip"]): string {
  if (typeof ip !== "string" || ip === "") return "unknown";
  if (!ip.includes(":")) return ip;
  const [front = "", back] = ip.toLowerCase().split("::");
  const groups = front === "" ? [] : front.split(":");
  const behind = back === undefined || back === "" ? [] : back.split(":");
  // `::` stands for as many groups of zeros as are missing.
  if (back !== undefined)
    groups.push(...new Array<string>(Math.max(0, 8 - groups.length - behind.length)).fill("0"));
  const network = [...groups, ...behind].slice(0, 4);
  return network.map((group) => group.replace(/^0+(?=.)/, "")).join(":");
}
