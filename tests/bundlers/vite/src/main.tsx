import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { loadGate } from "portcullis/browser";
import "portcullis/element";
import "portcullis/model-gate.css";
import { AccessProvider, ModelGate } from "portcullis/react";
import "portcullis/react.css";

const MODELS = { "haiku-4": "Haiku 4", "mythos-5": "Mythos 5" };

createRoot(document.getElementById("react") as HTMLElement).render(
  <StrictMode>
    <AccessProvider>
      {Object.entries(MODELS).map(([id, name]) => (
        <ModelGate key={id} model={id} label={name} mode="explain">
          <button>{name}</button>
        </ModelGate>
      ))}
    </AccessProvider>
  </StrictMode>,
);

const gate = await loadGate({ bundle: "/public.bundle" });
const access = gate.access({ place: { country: "FR" } });
(document.getElementById("local") as HTMLElement).textContent = Object.keys(MODELS)
  .map((id) => `${id} ${access.may(id)}`)
  .join(", ");
