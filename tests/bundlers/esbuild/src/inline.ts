import { loadGate } from "portcullis/browser/inline";
import "portcullis/element";
import "portcullis/model-gate.css";

const gate = await loadGate({ bundle: "/public.bundle" });
const access = gate.access({ place: { country: "FR" } });
(document.getElementById("local") as HTMLElement).textContent = ["haiku-4", "mythos-5"]
  .map((id) => `${id} ${access.may(id)}`)
  .join(", ");
