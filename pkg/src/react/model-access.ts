/** What the user's access says of one model. */
import { useMemo, useSyncExternalStore } from "react";
import { checked } from "../access.ts";
import type { PortcullisError } from "../error.ts";
import { useSource } from "./provider.ts";
import type { AccessState } from "./source.ts";

/** What is known of a user's use of one model. */
export interface ModelAccess {
  /**
   * `allowed`: the user may use the model. `denied`: the user may not. `unknown`: nothing is known
   * yet, the access could not be got, or the policy does not know the model.
   */
  readonly state: "allowed" | "denied" | "unknown";
  /** Whether the state is `allowed`. */
  readonly allowed: boolean;
  /** Whether nothing is known yet. */
  readonly pending: boolean;
  /** The title of the denied family of models. */
  readonly title: string | null;
  /** Why the model is denied: a sentence for the user. */
  readonly message: string | null;
  /** The `http` or `https` URL at which the user can ask for a review. */
  readonly appeal: string | null;
  /** Why nothing is known. */
  readonly error: PortcullisError | undefined;
}

/**
 * Returns what is known of the user's use of a model: the same object while nothing changes.
 *
 * @param model The model's id as a request names it: printable ASCII, at most 2,048 characters
 * @throws PortcullisError `input_invalid` if no request can name a model so, and outside of an
 *   `AccessProvider`
 */
export function useModelAccess(model: string): ModelAccess {
  const source = useSource("useModelAccess");
  const [now, atFirst] = useMemo(() => [reader(model), reader(model)], [model]);
  return useSyncExternalStore(
    source.subscribe,
    () => now(source.state),
    () => atFirst(source.first),
  );
}

/** Makes a function that returns the same object while it has the same content. */
function reader(model: string): (state: AccessState) => ModelAccess {
  let read: AccessState | undefined;
  let last: ModelAccess | undefined;
  return (state) => {
    if (last !== undefined && state === read) return last;
    const next = modelAccess(state, model);
    read = state;
    const keys = Object.keys(next) as (keyof ModelAccess)[];
    if (last === undefined || keys.some((key) => next[key] !== last?.[key])) last = next;
    return last;
  };
}

function modelAccess({ access, status, error }: AccessState, model: string): ModelAccess {
  const found = access?.verdict(checked(model));
  // An id that is wrong is told at once, and not when an access comes.
  if (found === undefined) checked(model);
  const { verdict, title = null, message = null, appeal = null } = found ?? {};
  const state = verdict === "pass" ? "allowed" : verdict === "deny" ? "denied" : "unknown";
  return {
    state,
    allowed: state === "allowed",
    pending: status === "pending",
    title,
    message,
    // The link comes from a policy. Only a page of the Web may open.
    appeal: /^https?:/i.test(appeal ?? "") ? appeal : null,
    error: access === undefined ? error : undefined,
  };
}
