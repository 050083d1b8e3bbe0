/** The one instance of the edge module in this isolate, which all gates share. */
import { initSync, __wbg_reset_state as reset } from "../../wasm/edge.js";
import type { Buffered } from "../input.ts";
import { PortcullisError } from "../error.ts";
import { Guard } from "./trap-guard.ts";

/** A `WebAssembly.Module`, which not every runtime's types know and which has no members. */
export type CompiledModule = object;
/** What the edge module may be given as: compiled, its bytes, or a response that carries them. */
export type ModuleSource = CompiledModule | Buffered | Response | PromiseLike<Response>;

const guard = new Guard("edge", reset);

/** As {@link Guard.generation}. */
export function generation(): number {
  return guard.generation;
}

let running = false;

/** Starts the instance if none runs yet. The script that comes with the module can do this, too, in 260 bytes more. */
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

/** The same, at once, for platforms that hand out compiled modules. */
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

/** As {@link Guard.enter}. */
export function enter<T>(since: number, work: () => T): T {
  return guard.enter(since, work);
}
