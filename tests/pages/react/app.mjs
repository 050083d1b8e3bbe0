/** The components that the tests of `portcullis/react` render, on the server and in the page. */
import { StrictMode, createElement as h, useState } from "react";
import { AccessProvider, ModelGate, useAccess, useModelAccess } from "portcullis/react";

export const MODELS = ["haiku-4", "mythos-5", "other-1"];
const MODES = ["hide", "disable", "explain"];

/** How often each component was rendered, by its name. */
export const renders = {};

/** @param props Those of `AccessProvider`, and `models` */
export function App({ models = MODELS, ...props }) {
  return h(
    StrictMode,
    null,
    h(
      AccessProvider,
      props,
      h(Status),
      models.map((model) => h(Probe, { model, key: model })),
      models.flatMap((model) => MODES.map((mode) => h(Gated, { model, mode, key: model + mode }))),
    ),
  );
}

function Status() {
  const { access, status, error, refresh } = useAccess();
  return h(
    "p",
    { id: "status", "data-status": status, "data-code": error?.code, "data-known": `${!!access}` },
    h("button", { id: "refresh", onClick: refresh }, "Refresh"),
  );
}

function Probe({ model }) {
  renders[model] = (renders[model] ?? 0) + 1;
  const { error, ...rest } = useModelAccess(model);
  return h("pre", { id: `probe-${model}` }, JSON.stringify({ ...rest, code: error?.code ?? null }));
}

function Gated({ model, mode }) {
  return h(
    "section",
    { id: `${model}-${mode}` },
    h(ModelGate, { model, mode, fallback: h("i", null, "closed") }, h(Counter, { model })),
  );
}

/** A button with a state of its own. */
function Counter({ model }) {
  const [count, setCount] = useState(0);
  return h("button", { onClick: () => setCount(count + 1) }, `${model} ${count}`);
}
