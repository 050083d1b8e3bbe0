/** The one instance of the edge module in this isolate. All gates share it. */
import { initSync, __wbg_reset_state as reset } from "../../wasm/edge.js";
import { PortcullisError } from "../error.ts";
import type { Buffered } from "../input.ts";
import { TrapGuard } from "./trap-guard.ts";

/**
 * A `WebAssembly.Module`. The name is not in every runtime's types, and the type has no members.
 */
export type CompiledModule = object;
/** The edge module: compiled, as bytes, or as a response that carries the bytes. */
export type ModuleSource = CompiledModule | Buffered | Response | PromiseLike<Response>;

const guard = new TrapGuard("edge", reset);

/** See {@link TrapGuard.generation}. */
export function generation(): number {
  return guard.generation;
}

let running = false;

/**
 * Starts the instance, unless one runs already. The generated script has such a function too; it
 * weighs 260 bytes more.
 *
 * @throws PortcullisError `module_unusable`
 */
export async function start(source: ModuleSource): Promise<void> {
  if (running) return;
  let module: CompiledModule;
  try {
    const given = (await source) as Partial<Response>;
    const bytes = typeof given.arrayBuffer === "function" ? await given.arrayBuffer() : given;
    module =
      Object.prototype.toString.call(bytes) === "[object WebAssembly.Module]"
        ? bytes
        : await WebAssembly.compile(bytes as ArrayBuffer);
  } catch (cause) {
    throw unusable(cause);
  }
  startSync(module);
}

/** Does the same synchronously, for platforms that provide compiled modules. */
export function startSync(module: CompiledModule): void {
  if (running) return;
  try {
    initSync({ module: module as WebAssembly.Module });
    running = true;
  } catch (cause) {
    throw unusable(cause);
  }
}

function unusable(cause: unknown): PortcullisError {
  return new PortcullisError(
    "module_unusable",
    `the edge module does not start: ${String(cause)}`,
    { cause },
  );
}

/** See {@link TrapGuard.enter}. By default `work` uses no handle, so any instance will do. */
export function enter<T>(work: () => T, since = guard.generation): T {
  return guard.enter(since, work);
}
