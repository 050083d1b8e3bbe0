/** As `portcullis/browser`, with the edge module inside the script: `portcullis/browser/inline`. */
export { readAccess } from "./answer.ts";
export { ACCESS_URL, fetchAccess } from "./fetch.ts";
export type { AccessOptions } from "./fetch.ts";
export { loadGate } from "./load-inline.ts";
export type { PageGateOptions } from "./load.ts";
export { PortcullisError } from "../error.ts";
export type { Code } from "../error.ts";
export type { Access, AccessAnswer, DeniedFamily, ModelVerdict } from "../types.ts";
export type { Account } from "../account.ts";
export type { Gate } from "../gate.ts";
