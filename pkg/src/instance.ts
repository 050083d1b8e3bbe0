/** The one instance of the edge module in this isolate, which all gates share. */
import init, { initSync, __wbg_reset_state as reset } from "../wasm/edge.js";
import { PortcullisError } from "./error.ts";
import { Guard } from "./trap.ts";

/** What the edge module may be given as: compiled, its bytes, or a response that carries them. */
export type ModuleSource = WebAssembly.Module | BufferSource | Response | PromiseLike<Response>;

const guard = new Guard("edge", reset);

/** As {@link Guard.generation}. */
export function generation(): number {
  return guard.generation;
}

/** Starts the instance if none runs yet. */
export async function start(source: ModuleSource): Promise<void> {
  try {
    await init({ module_or_path: source });
  } catch (cause) {
    throw new PortcullisError("module_unusable", `the edge module does not start: ${String(cause)}`, { cause });
  }
}

/** The same, at once, for platforms that hand out compiled modules. */
export function startSync(module: WebAssembly.Module): void {
  try {
    initSync({ module });
  } catch (cause) {
    throw new PortcullisError("module_unusable", `the edge module does not start: ${String(cause)}`, { cause });
  }
}

/** As {@link Guard.enter}. */
export function enter<T>(since: number, work: () => T): T {
  return guard.enter(since, work);
}
