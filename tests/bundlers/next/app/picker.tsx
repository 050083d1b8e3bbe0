"use client";
import { useEffect, useState } from "react";
import { loadGate } from "portcullis/browser";
import { AccessProvider, type AccessAnswer, ModelGate } from "portcullis/react";

const MODELS = { "haiku-4": "Haiku 4", "mythos-5": "Mythos 5" };

export function Picker({ initial }: { readonly initial: AccessAnswer }) {
  const [local, setLocal] = useState("");
  useEffect(() => {
    const load = async () => {
      const gate = await loadGate({ bundle: "/public.bundle" });
      const access = gate.access({ place: { country: "FR" } });
      const told = Object.keys(MODELS).map((id) => `${id} ${access.may(id)}`);
      setLocal(told.join(", "));
    };
    void load();
  }, []);
  return (
    <AccessProvider initial={initial}>
      <div id="react">
        {Object.entries(MODELS).map(([id, name]) => (
          <ModelGate key={id} model={id} label={name} mode="explain">
            <button>{name}</button>
          </ModelGate>
        ))}
      </div>
      <p id="local">{local}</p>
    </AccessProvider>
  );
}
