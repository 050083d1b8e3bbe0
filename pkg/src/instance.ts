/**
 * The one instance of the edge module in this isolate. The generated glue holds it, so all gates share it; what this file
 * adds is the generation, by which an object of an instance that trapped and was replaced is known for what it is.
 */
import init, { initSync, __wbg_reset_state as reset } from "../wasm/edge.js";
import { PortcullisError } from "./error.ts";

/** What the edge module may be given as: compiled, its bytes, or a response that carries them. */
export type ModuleSource = WebAssembly.Module | BufferSource | Response | PromiseLike<Response>;

let current = 0;

/** Counts the instances that were replaced. Handles from an earlier generation point into memory that is gone. */
export function generation(): number {
  return current;
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

/**
 * Runs `work`, which calls into the instance. A trap leaves wasm memory in an unknown state, so the instance is replaced
 * before anyone else enters it; `since` is the generation that the handles used by `work` belong to.
 */
export function enter<T>(since: number, work: () => T): T {
  if (since !== current) throw new PortcullisError("replaced", "the edge instance was replaced while this request was read");
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof WebAssembly.RuntimeError)) throw cause;
    current += 1;
    reset();
    throw new PortcullisError("trapped", `the edge module trapped and was replaced: ${cause.message}`, { cause });
  }
}
