/**
 * What a runtime must provide, so that `http/handler.ts` runs on it. This file holds types only.
 *
 * An adapter implements {@link Platform} in a few lines and passes it to `handler`. See
 * `adapter/cloudflare/`.
 */
import type { SigningSettings } from "../access-header/sign.ts";
import type { AccountTable } from "../operate/account-store.ts";
import type { Limiter } from "../operate/rate-limit.ts";
import type { Facts } from "../types.ts";
import type { Sockets } from "../websocket/sockets.ts";

/** Variables, secrets and bindings of a deployment. All are optional. */
export interface Settings extends SigningSettings {
  /**
   * Where requests go: a URL, or a binding with a `fetch` method. By default the URL of the request
   * itself.
   */
  readonly ORIGIN?: string | Fetcher;
  /** Account records, each under the `keyDigest` of its credential. */
  readonly KEYS?: AccountTable;
  /** The secret of `keyDigest`. Without it no account is looked up, and the status page says so. */
  readonly KEY_SECRET?: string;
  /**
   * Where the origin reads credentials: names of headers, and of query parameters after a `?`,
   * separated by commas. Credentials elsewhere then count for nothing and are removed from the
   * request. By default the locations of all guarded APIs. Each name must contain one of the words
   * `authorization`, `auth`, `key`, `token`, `credential` and `secret`.
   */
  readonly CREDENTIAL_SLOTS?: string;
  /**
   * The secret of the bundle's secret lists: at least 32 hexadecimal digits, as `portcullis compile
   * --list-key` takes.
   */
  readonly LIST_KEY?: string;
  /**
   * Origins of web pages that may read refusals and ask the access endpoint, separated by commas.
   * `*`: all pages may read refusals.
   */
  readonly CORS_ORIGINS?: string;
  /**
   * A limit of the platform for the access endpoint, by address. Without it each isolate limits by
   * itself: 240 questions of an address at once, and 4 a second.
   */
  readonly ACCESS_LIMITER?: Limiter;
  /**
   * `1`: the adapter takes the place from request headers. For local tests only, since clients can
   * send any place.
   */
  readonly LOCAL?: string;
}

/** A binding that requests can be sent to. */
export interface Fetcher {
  fetch(request: Request): Promise<Response>;
}

/** Request headers by lower-case name. Lines of one name are joined. */
export type HeaderMap = ReadonlyMap<string, string>;

/** Facts that the runtime knows from the connection. The handler adds the account. */
export type ConnectionFacts = Pick<Facts, "place" | "network" | "asn" | "ip">;

/** A runtime. */
export interface Platform {
  /** The name in error messages: `Cloudflare`. */
  readonly name: string;
  /** The network kinds that `facts` can report. A policy that needs another kind does not start. */
  readonly networks: readonly string[];
  /** Reads the facts of a request. It must ignore every header that a client can set. */
  facts(request: Request, headers: HeaderMap, settings: Settings): ConnectionFacts;
  /** Sends a request, or what `init` says to a URL, and follows no redirect. */
  fetch(request: Request | string, init?: RequestInit): Promise<Response>;
  /**
   * Makes the stream that a request body is sent through; `bytes`: its declared length, if it has
   * one.
   */
  pipe(bytes: number | undefined): TransformStream<Uint8Array, Uint8Array>;
  /** WebSockets. Without them every upgrade gets status 501. */
  readonly sockets?: Sockets;
}
