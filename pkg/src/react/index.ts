"use client";
/** React components and hooks, `portcullis/react`. Gating in a page is advice; the edge enforces. */
export { ModelGate } from "./model-gate.ts";
export type { GateMode, ModelGateProps } from "./model-gate.ts";
export { AccessProvider, useAccess } from "./provider.ts";
export type { AccessProviderProps } from "./provider.ts";
export type { AccessState, AccessStatus } from "./source.ts";
export { useModelAccess } from "./model-access.ts";
export type { ModelAccess } from "./model-access.ts";
export type { GateTexts } from "./texts.ts";
export type { PortcullisError } from "../error.ts";
export type { Access, AccessAnswer, DeniedFamily, ModelVerdict } from "../types.ts";
