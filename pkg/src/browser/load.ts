/** Loads a policy in a page. */
import { PortcullisError } from "../error.ts";
import { Gate } from "../gate.ts";
import type { Buffered } from "../input.ts";
import type { ModuleSource } from "../wasm/instance.ts";

/** What `loadGate` takes. */
export interface PageGateOptions {
  /** Where the bundle is, or its bytes. Everybody can read it: `portcullis compile --public`. */
  readonly bundle: string | URL | Buffered;
  /** Where the edge module is, or the module itself. By default that of the package. */
  readonly module?: string | URL | ModuleSource | undefined;
  /** Ends the loading. */
  readonly signal?: AbortSignal | undefined;
}

/** Loads a policy with the module of the options, or else with that of the package. */
export async function load(
  { bundle, module: own, signal }: PageGateOptions,
  standard: () => string | URL | ModuleSource,
): Promise<Gate> {
  const module = own ?? standard();
  // Both files travel at the same time.
  const [source, bytes] = await Promise.all([
    isAddress(module) ? fetched(module, signal) : module,
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
