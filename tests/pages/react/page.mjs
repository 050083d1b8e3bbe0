/** The script of the page: hydrates what the server rendered, or renders by itself. */
import { createElement as h, version } from "react";
import { createRoot, hydrateRoot } from "react-dom/client";
import { fetchAccess, readAccess } from "portcullis/browser";
import { App, renders } from "./app.mjs";

const { props, isRendered } = JSON.parse(document.getElementById("data").textContent);
const container = document.getElementById("root");
let root;
if (isRendered) root = hydrateRoot(container, h(App, props));
else (root = createRoot(container)).render(h(App, props));

globalThis.page = {
  version,
  renders,
  fetchAccess,
  readAccess,
  render: (next) => root.render(h(App, next)),
  unmount: () => root.unmount(),
};
