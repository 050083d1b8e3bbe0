/** The decision on a request. */
import type { Refusal } from "./types.ts";

/** Everything about a verdict that takes words. */
export interface Words {
  readonly status: number;
  readonly families: readonly string[];
  readonly restrictions: readonly string[];
  readonly licences: readonly string[];
}

/**
 * Makes the words of a verdict, whenever it is asked: with its refusal under this case id, or
 * without a case id.
 */
export type Wording = {
  (): Words;
  (caseId: string): Refusal;
};

/** A verdict as JSON has it. */
export type VerdictJson = Pick<
  Verdict,
  "verdict" | "status" | "mentions" | "families" | "restrictions" | "licences" | "reason"
>;

/** The kinds of verdict, in the order of their numbers. */
export const KINDS = ["pass", "deny", "refuse", "defer"] as const;

/** No ids. */
export const NONE: readonly string[] = Object.freeze([]);

/**
 * The decision on a request. Kind, reason and mentions are at hand. What else takes words is made
 * when it is asked for, as it was when the request was judged.
 */
export class Verdict {
  /** `defer`: the origin decides which model runs, so its response must be checked. */
  readonly verdict: (typeof KINDS)[number];
  /** A stable code. */
  readonly reason: string;
  /** Model ids found in the request; empty if the request was not read. */
  readonly mentions: readonly string[];
  readonly #status: number;
  readonly #wording: Wording | undefined;
  #words: Words | undefined;

  /**
   * @internal
   * @param status 0: the words have it
   * @param wording Undefined: nothing but the mentions takes words
   */
  constructor(
    verdict: (typeof KINDS)[number],
    reason: string,
    status: number,
    mentions: readonly string[],
    wording: Wording | undefined,
  ) {
    this.verdict = verdict;
    this.reason = reason;
    this.#status = status;
    this.mentions = mentions;
    this.#wording = wording;
  }

  /** The HTTP status: 200 for `pass` and `defer`. */
  get status(): number {
    return this.#status === 0 ? this.#made().status : this.#status;
  }

  /** Ids of the denied families that are mentioned. */
  get families(): readonly string[] {
    return this.#made().families;
  }

  /** Ids of the restrictions that deny. */
  get restrictions(): readonly string[] {
    return this.#made().restrictions;
  }

  /** Ids of the licences that lifted something. */
  get licences(): readonly string[] {
    return this.#made().licences;
  }

  /** The response for the client if the verdict is `deny` or `refuse`; undefined otherwise. */
  refusal(caseId = ""): Refusal | undefined {
    return passes(this) ? undefined : this.#wording?.(caseId);
  }

  /** The verdict as one line of `portcullis decide` has it. */
  toJSON(): VerdictJson {
    const { verdict, status, mentions, families, restrictions, licences, reason } = this;
    return { verdict, status, mentions, families, restrictions, licences, reason };
  }

  #made(): Words {
    return (this.#words ??= this.#wording?.() ?? {
      status: 200,
      families: NONE,
      restrictions: NONE,
      licences: NONE,
    });
  }
}

/**
 * Whether a request with this verdict goes on to the origin.
 *
 * @example
 * ```js
 * if (!passes(gate.judge(request, facts))) return new Response(null, { status: 403 });
 * ```
 */
export function passes(verdict: Verdict): boolean {
  const kind = verdict?.verdict;
  return kind === "pass" || kind === "defer";
}
