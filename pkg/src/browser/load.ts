/** Loads a policy in a page. */
import { PortcullisError } from "../error.ts";
import { Gate } from "../gate.ts";
import type { Buffered } from "../input.ts";
import type { ModuleSource } from "../wasm/instance.ts";

/** What {@link loadGate} takes. */
export interface PageGateOptions {
  /** Where the bundle is, or its bytes. Everybody can read it: `portcullis compile --public`. */
  readonly bundle: string | URL | Buffered;
  /** Where the edge module is, or the module itself. By default the file of the package. */
  readonly module?: string | URL | ModuleSource | undefined;
  /** Ends the loading. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Loads a policy in a page. The edge module is the file `edge_bg.wasm` of the package, which
 * bundlers copy beside the page's scripts.
 *
 * @throws PortcullisError `fetch_failed` if a file cannot be fetched, and what `Gate.load` throws
 * @example
 * ```js
 * import { loadGate } from "portcullis/browser";
 *
 * const gate = await loadGate({ bundle: "/policy.bundle" });
 * const account = gate.accountByName({ us_person: true });
 * gate.access({ place: { country: "FR" }, account }).may("mythos-5");
 * ```
 */
export async function loadGate(options: PageGateOptions): Promise<Gate> {
  // Bundlers look for exactly this form.
  const module = options.module ?? new URL("../../wasm/edge_bg.wasm", import.meta.url);
  return loadFrom(options, isAddress(module) ? fetched(module, options.signal) : module);
}

/** Loads a policy with a given module. */
export async function loadFrom(
  { bundle, signal }: Pick<PageGateOptions, "bundle" | "signal">,
  module: ModuleSource,
): Promise<Gate> {
  // Both files travel at the same time.
  const [source, bytes] = await Promise.all([
    module,
    isAddress(bundle) ? fetched(bundle, signal).then((response) => response.arrayBuffer()) : bundle,
  ]);
  return Gate.load({ module: source, bundle: bytes });
}

function isAddress(value: unknown): value is string | URL {
  return typeof value === "string" || value instanceof URL;
}

async function fetched(url: string | URL, signal: AbortSignal | undefined): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, signal === undefined ? {} : { signal });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new PortcullisError("fetch_failed", `${url} cannot be fetched`, { cause });
  }
  if (response.ok) return response;
  throw new PortcullisError("fetch_failed", `${url}: status ${response.status}`);
}
