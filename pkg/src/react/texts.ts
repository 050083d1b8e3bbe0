/** The words of a gate. This file imports nothing. */

/** The words of a gate. All but `appeal` follow the label of the model and a colon. */
export interface GateTexts {
  /** Nothing is known yet. */
  readonly pending: string;
  /** The access could not be got. */
  readonly failed: string;
  /** The policy does not know the model, so the answer to a request decides. */
  readonly deferred: string;
  /** The user may not use the model, and the policy has no message. */
  readonly denied: string;
  /** The text of the link to a review. */
  readonly appeal: string;
}

export const ENGLISH: GateTexts = Object.freeze({
  pending: "checking whether you can use it.",
  failed: "whether you can use it could not be checked.",
  deferred: "whether you can use it is decided when you do.",
  denied: "you cannot use it.",
  appeal: "Ask for a review",
});
