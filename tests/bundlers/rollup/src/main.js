import { loadGate } from "portcullis/browser";
import "portcullis/element";

const gate = await loadGate({ bundle: "/public.bundle" });
const access = gate.access({ place: { country: "FR" } });
document.getElementById("local").textContent = ["haiku-4", "mythos-5"]
  .map((id) => `${id} ${access.may(id)}`)
  .join(", ");
