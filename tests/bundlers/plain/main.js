import { loadGate } from "/node_modules/portcullis/dist/browser/index.js";
import "/node_modules/portcullis/dist/element/index.js";

const gate = await loadGate({ bundle: "/public.bundle" });
const access = gate.access({ place: { country: "FR" } });
document.getElementById("local").textContent = ["haiku-4", "mythos-5"]
  .map((id) => `${id} ${access.may(id)}`)
  .join(", ");
