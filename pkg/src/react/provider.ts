/** Gives the access of the user to the components below. */
import {
  type ReactElement,
  type ReactNode,
  createContext,
  createElement,
  useContext,
  useEffect,
  useState,
  useSyncExternalStore,
} from "react";
import { invalid } from "../error.ts";
import type { Access, AccessAnswer } from "../types.ts";
import { type AccessState, type Origin, Source } from "./source.ts";
import { ENGLISH, type GateTexts } from "./texts.ts";

/** What {@link AccessProvider} takes. */
export interface AccessProviderProps {
  /**
   * The user's access, or a promise of it: of a local gate, or asked for by the page itself. Keep
   * the promise; one that each render makes anew starts anew. `null`: it will be given later.
   * Without it the endpoint is asked, once the page is hydrated.
   */
  readonly access?: Access | PromiseLike<Access> | null | undefined;
  /** The endpoint. By default `/.well-known/portcullis/access` on the page's own host. */
  readonly url?: string | URL | undefined;
  /** The user's credential, sent as `Authorization: Bearer`. By default none is sent. */
  readonly credential?: string | undefined;
  /** The id of an operation. By default the answer holds for every operation. */
  readonly operation?: string | undefined;
  /**
   * The answer for this user, which the server that renders the page got from the endpoint or from
   * a gate (`access.toJSON()`). With it the first render is right. It is set aside when `access`,
   * `url`, `credential` or `operation` change, since these may mean another user.
   */
  readonly initial?: AccessAnswer | undefined;
  /**
   * Milliseconds after which the endpoint is asked again, 5,000 at least. By default it is asked
   * when the answer expires.
   */
  readonly refreshMs?: number | undefined;
  /** Words of the gates below, in place of the English ones. */
  readonly texts?: Partial<GateTexts> | undefined;
  readonly children?: ReactNode;
}

const SourceContext = createContext<Source | null>(null);
const TextsContext = createContext<Partial<GateTexts>>(ENGLISH);

/**
 * Gives the access of the user to the gates and hooks below it. Nothing is open before the access
 * is known.
 *
 * It asks again when the answer expires. A page that is hidden by then asks when it is seen again.
 * If that fails, an answer that has not expired is kept; otherwise everything closes.
 *
 * @throws PortcullisError `input_invalid` if `access` is neither an access nor a promise
 * @example
 * ```js
 * import { createElement } from "react";
 * import { AccessProvider, ModelGate } from "portcullis/react";
 *
 * export const Page = () =>
 *   createElement(
 *     AccessProvider,
 *     null,
 *     createElement(
 *       ModelGate,
 *       { model: "mythos-5", mode: "explain" },
 *       createElement("button", null, "Mythos 5"),
 *     ),
 *   );
 * ```
 */
export function AccessProvider(props: AccessProviderProps): ReactElement {
  const { initial, texts, children } = props;
  const origin: Origin = {
    access: props.access,
    url: props.url === undefined ? undefined : String(props.url),
    credential: props.credential,
    operation: props.operation,
    refreshMs: props.refreshMs,
  };
  // Compared as a text, since each render may make the object anew.
  const answer = JSON.stringify(initial);
  const [kept, keep] = useState(() => ({ origin, answer, source: new Source(origin, initial) }));
  let { source } = kept;
  const isSame = (Object.keys(origin) as (keyof Origin)[]).every((key) =>
    Object.is(origin[key], kept.origin[key]),
  );
  if (!isSame || answer !== kept.answer) {
    source = new Source(origin, answer === kept.answer ? undefined : initial);
    keep({ origin, answer, source });
  }
  useEffect(() => source.start(), [source]);
  const above = useContext(TextsContext);
  return createElement(
    SourceContext.Provider,
    { value: source },
    createElement(
      TextsContext.Provider,
      { value: texts === undefined ? above : { ...above, ...texts } },
      children,
    ),
  );
}

/**
 * Returns what is known of the user's access.
 *
 * @throws PortcullisError `input_invalid` outside of an {@link AccessProvider}
 */
export function useAccess(): AccessState {
  const source = useSource("useAccess");
  return useSyncExternalStore(
    source.subscribe,
    () => source.state,
    () => source.first,
  );
}

/** @param user The hook or component that needs it */
export function useSource(user: string): Source {
  const source = useContext(SourceContext);
  if (source === null) throw invalid(`\`${user}\` needs an <AccessProvider> above it`);
  return source;
}

/** Returns the words of a gate. */
export function useTexts(own: Partial<GateTexts> | undefined): GateTexts {
  return { ...ENGLISH, ...useContext(TextsContext), ...own };
}
