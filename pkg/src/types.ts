/** The shapes that enter and leave the package. This file holds types only. */
import type { Account } from "./account.ts";
import type { Buffered, Bytes } from "./input.ts";
import type { Decoder } from "./wasm/decoder.ts";
import type { ModuleSource } from "./wasm/instance.ts";

/** What {@link Gate.load} takes. */
export interface GateOptions<Source = ModuleSource> {
  /** The edge module, `portcullis/edge.wasm`. All gates of an isolate share the first one given. */
  readonly module: Source;
  /** A bundle, as `portcullis compile` writes it. */
  readonly bundle: Buffered;
  /**
   * The secret of the bundle's secret lists, as bytes. Without it, membership in them is unknown.
   */
  readonly listKey?: Buffered | null | undefined;
  /** Undoes content codings. Without it, a coded body that must be read is refused. */
  readonly decoder?: Decoder | null | undefined;
  /**
   * False: each caller and each head is looked at anew. The verdicts are the same, and take longer.
   * By default callers, places, model ids and heads are remembered.
   */
  readonly remember?: boolean | null | undefined;
}

/** Where a guarded dialect takes a credential. */
export interface CredentialSlot {
  /**
   * `protocol`: an item of `Sec-WebSocket-Protocol` that starts with `name`. Browsers use it for
   * sockets.
   */
  readonly in: "header" | "query" | "protocol";
  readonly name: string;
  readonly scheme: "bearer" | "plain";
}

/** The description of a bundle. */
export interface BundleInfo {
  readonly id: string;
  readonly title: string;
  readonly version: number;
  /** Milliseconds since the epoch at which the bundle becomes stale; `null`: never. */
  readonly expires: number | null;
  /** SHA-256 of the content, in hexadecimal digits. */
  readonly digest: string;
  readonly dialects: readonly {
    readonly id: string;
    readonly prefix: string;
    readonly credentials: readonly CredentialSlot[];
  }[];
  readonly facts: readonly { readonly name: string; readonly claim: string }[];
  /** Whether some list needs `listKey`. */
  readonly secretLists: boolean;
  /** Facts that some rule uses and that not every platform reports. */
  readonly needs: {
    readonly region: boolean;
    readonly asn: boolean;
    readonly ip: boolean;
    /** Some rule depends on the API operation. */
    readonly operation: boolean;
    readonly network: readonly string[];
  };
}

/**
 * Where a caller is, in the platform's own spelling: `{ country: "US", region: "TX" }`. Absent or
 * empty: unknown.
 */
export interface Place {
  /** ISO 3166-1 alpha-2, or a value that the platform uses instead: `T1`, `XX`, `US-PR`. */
  readonly country?: string | null | undefined;
  /** The part of an ISO 3166-2 code after the country, `TX`, or the whole code, `UA-43`. */
  readonly region?: string | null | undefined;
}

/**
 * Everything known about a caller before the body is read.
 *
 * A fact that is absent or `null` is unknown. A fact of another kind than stated here throws
 * `input_invalid`.
 */
export interface Facts {
  /** One place, or several candidates where trusted sources differ. */
  readonly place?: Place | readonly Place[] | null | undefined;
  /** Any of `tor`, `vpn`, `proxy`, `hosting`, `relay`, `satellite`. */
  readonly network?: readonly string[] | null | undefined;
  /** The number of the autonomous system: 13335. */
  readonly asn?: number | null | undefined;
  /** The IPv4 or IPv6 address, without port and zone. */
  readonly ip?: string | null | undefined;
  /**
   * One account for each credential in the request. An empty list is a caller without known facts.
   */
  readonly account?: Account | readonly Account[] | null | undefined;
  /**
   * The facts or the bundle are out of date: no licence applies, and rules that need proof
   * restrict.
   */
  readonly stale?: boolean | null | undefined;
  /** Milliseconds since the epoch, 2020 or later. By default the clock's time. */
  readonly now?: number | null | undefined;
}

/** Facts at one instant, so that later questions about the same request get consistent answers. */
export type SettledFacts = Facts & { readonly now: number };

/** A family of models of which a caller may not use some or all. */
export interface DeniedFamily {
  /** The family's id in the policy; `*`: models that no family lists. */
  readonly id: string;
  readonly title: string;
  /** A sentence for the caller; empty if the policy has none. */
  readonly message: string;
  /** The URL at which the caller can ask for a review; `null`: the policy has none. */
  readonly appeal: string | null;
  /** The denied patterns; `*`: ids in which no pattern of the policy occurs. */
  readonly patterns: readonly string[];
  /** Ids of the restrictions that apply. An answer of the endpoint does not tell them. */
  readonly restrictions?: readonly string[];
}

/** What a caller's use of one model comes to. */
export interface ModelVerdict {
  /** The model's id, as it was asked for. */
  readonly model: string;
  /**
   * `pass`: the caller may use the model. `deny`: the caller may not. `defer`: the policy does not
   * know the id, so the origin decides once it knows which model runs.
   */
  readonly verdict: "pass" | "deny" | "defer";
  /** The denied family; `null` if no family is the ground. */
  readonly family: string | null;
  readonly title: string | null;
  /** A sentence for the caller. */
  readonly message: string | null;
  /** The URL at which the caller can ask for a review. */
  readonly appeal: string | null;
}

/**
 * What a caller may and may not use, before a request names a model.
 *
 * @example
 * ```js
 * const access = gate.access({ place: { country: "FR" } });
 * const offered = models.filter((model) => access.may(model.id));
 * ```
 */
export interface Access {
  /** True if no restriction applies to the caller. */
  readonly unrestricted: boolean;
  /** Families with at least one denied model; empty if `unrestricted`. */
  readonly denied: readonly DeniedFamily[];
  /**
   * Whether the caller may certainly use a model. It is false for a denied model, and for an
   * unlisted model unless the policy lets unlisted models pass.
   *
   * @param model The model's id as a request names it: printable ASCII, at most 2,048 characters
   * @throws PortcullisError `input_invalid` if no request can name a model so
   */
  may(model: string): boolean;
  /**
   * Returns the same with its ground: a message and a link for the caller.
   *
   * @throws PortcullisError as `may`
   */
  verdict(model: string): ModelVerdict;
  /** Returns the answer that the access endpoint gives, for `JSON.stringify`. */
  toJSON(): AccessAnswer;
}

/** The answer of `GET /.well-known/portcullis/access`. */
export interface AccessAnswer {
  readonly unrestricted: boolean;
  readonly denied: readonly Omit<DeniedFamily, "restrictions">[];
  /** Whether the caller may use the models in whose ids a pattern occurs, for each pattern. */
  readonly patterns: Readonly<Record<string, boolean>>;
  /** What becomes of ids in which no pattern occurs. */
  readonly unlisted: "pass" | "defer" | "deny";
  readonly policy: { readonly id: string; readonly version: number };
  /** The instant at which the answer may change (RFC 3339); `null`: none is known. */
  readonly expires: string | null;
  /** The policy or the facts are out of date. */
  readonly stale: boolean;
}

/** The response for a denied or refused caller, worded for the API that the request uses. */
export interface Refusal {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** How a WebSocket client learns of a refusal, worded for the API that the session uses. */
export interface SocketRefusal {
  /** A text message to send first; empty if the API has no error event. */
  readonly event: string;
  /** The close code. */
  readonly code: number;
  readonly reason: string;
}

/**
 * Header lines: pairs, which keep repeated lines apart; a `Headers`; or an object like Node's
 * `req.headers`.
 */
export type HeaderLines =
  | Iterable<readonly [string, string]>
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/** Method, target and headers of a request, unchanged. */
export interface Head {
  readonly method: string;
  /** An absolute URL, or a path with its query. */
  readonly url: string;
  readonly headers?: HeaderLines | null | undefined;
}

/** A whole request in memory, as a plain object. */
export interface HeldRequest extends Head {
  /** Absent or `null`: no body. */
  readonly body?: Bytes | null | undefined;
}

/** The part of `Request` that the gate uses, so that any package's class works. */
export interface StreamedRequest extends Head {
  readonly headers: HeaderLines;
  /** Absent where the runtime has no request streams. */
  readonly body?: { readonly locked: boolean; getReader(): unknown } | null | undefined;
  readonly bodyUsed: boolean;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** The states of a restriction or licence. */
export type SwitchState = "on" | "off" | "shadow";
