/** Prints a page that shows the right state without any script: node dist/render.js BUNDLE */
import { readFile } from "node:fs/promises";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { loadGate } from "portcullis/browser";
import "portcullis/element";
import { AccessProvider, ModelGate } from "portcullis/react";

const gate = await loadGate({
  bundle: await readFile(process.argv[2] as string),
  module: await readFile(new URL(import.meta.resolve("portcullis/edge.wasm"))),
});
const access = gate.access({ place: { country: "FR" } });
const models = ["haiku-4", "mythos-5"];
const picker = createElement(
  AccessProvider,
  { initial: access.toJSON() },
  models.map((model) =>
    createElement(
      ModelGate,
      { key: model, model, mode: "explain" },
      createElement("button", null, model),
    ),
  ),
);
const elements = models.map((model) => {
  const state = access.may(model) ? "allowed" : "denied";
  return `<model-gate model="${model}" state="${state}"><button>${model}</button></model-gate>`;
});
const local = models.map((model) => `${model} ${access.may(model)}`).join(", ");
console.log(`<!doctype html>
<html lang="en">
  <head><title>Node</title><link rel="icon" href="data:,"></head>
  <body>${elements.join("")}<div id="react">${renderToString(picker)}</div><p id="local">${local}</p></body>
</html>`);
