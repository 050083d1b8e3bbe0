/** Loads a policy with the edge module as a file. */
import type { Gate } from "../gate.ts";
import { type PageGateOptions, load } from "./load.ts";

/**
 * Loads a policy in a page. The edge module is the file `edge_bg.wasm` of the package, which
 * bundlers copy beside the page's scripts. esbuild does not: use `portcullis/browser/inline`, or
 * give the file as `module`.
 *
 * @throws PortcullisError `fetch_failed` if a file cannot be fetched, and what `Gate.load` throws
 * @example
 * ```js
 * import { loadGate } from "portcullis/browser";
 *
 * const gate = await loadGate({ bundle: "/public.bundle" });
 * const account = gate.accountByName({ us_person: true });
 * gate.access({ place: { country: "FR" }, account }).may("mythos-5");
 * ```
 */
export async function loadGate(options: PageGateOptions): Promise<Gate> {
  // Bundlers look for exactly this form.
  return load(options, () => new URL("../../wasm/edge_bg.wasm", import.meta.url));
}
