/** Defines `<model-gate>`, `portcullis/element`. Gating in a page is advice; the edge enforces. */
import { ModelGate } from "./model-gate.ts";

export { ModelGate };
export type { ModelState } from "./model-gate.ts";
export { provideAccess } from "./source.ts";

if (typeof customElements !== "undefined" && customElements.get("model-gate") === undefined)
  customElements.define("model-gate", ModelGate);

declare global {
  interface HTMLElementTagNameMap {
    "model-gate": ModelGate;
  }
}
