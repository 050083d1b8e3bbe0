/** The gate as a Cloudflare Worker, `portcullis/cloudflare`. */
import { type HandlerOptions, handler } from "../../http/handler.ts";
import type { Platform, Settings } from "../../http/platform.ts";
import { NETWORKS, facts } from "./facts.ts";
import { sockets } from "./sockets.ts";

export type { HandlerOptions as WorkerOptions } from "../../http/handler.ts";
export type { Fetcher, Settings as Env } from "../../http/platform.ts";
export { keyDigest } from "../../operate/account-store.ts";
export type { AccountTable } from "../../operate/account-store.ts";
export type { Limiter } from "../../operate/rate-limit.ts";

// The platform's own byte streams (Workers runtime API, "TransformStream").
declare const IdentityTransformStream: new () => TransformStream<Uint8Array, Uint8Array>;
declare const FixedLengthStream: new (bytes: number) => TransformStream<Uint8Array, Uint8Array>;

const platform: Platform = {
  name: "Cloudflare",
  networks: NETWORKS,
  facts,
  // A request that arrives has the redirect mode `manual`, and so has each one made from it.
  fetch: (request, init) => fetch(request, init),
  pipe: (bytes) =>
    bytes === undefined ? new IdentityTransformStream() : new FixedLengthStream(bytes),
  sockets,
};

/** The part of `ExecutionContext` that a Worker uses. */
export interface Context {
  waitUntil(promise: Promise<unknown>): void;
}

/** A module Worker. */
export interface Worker {
  fetch(request: Request, env: Settings, context: Context): Promise<Response>;
}

/**
 * Makes a Worker.
 *
 * @example
 * ```js
 * import { worker } from "portcullis/cloudflare";
 * import module from "portcullis/edge.wasm";
 * import bundle from "./policy.bundle";
 *
 * export default worker({ module, bundle });
 * ```
 */
export function worker(options: HandlerOptions): Worker {
  const handle = handler(options, platform);
  return {
    fetch: (request, env, context) => handle(request, env, (work) => context.waitUntil(work)),
  };
}
