/** Renders the components on the server: bundled for each version of React. */
import { createElement as h, version } from "react";
import { renderToPipeableStream, renderToString } from "react-dom/server";
import { readAccess } from "portcullis/browser";
import { AccessProvider, ModelGate, useAccess, useModelAccess } from "portcullis/react";
import { App } from "./app.mjs";

export { AccessProvider, App, ModelGate, h, readAccess, renderToPipeableStream, renderToString };
export { useAccess, useModelAccess, version };
