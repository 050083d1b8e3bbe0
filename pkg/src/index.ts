export { Account, Gate, Reading, passes } from "./gate.ts";
export type { Decoder, Decoding } from "./decode.ts";
export type { BundleInfo, CredentialSlot, DeniedFamily, GateOptions, HeldRequest, Judgement, Reach, Refusal } from "./gate.ts";
export type { Facts, Head, Place } from "./facts.ts";
export { Session } from "./session.ts";
export type { SocketRefusal } from "./session.ts";
export type { ModuleSource } from "./instance.ts";
export { PortcullisError } from "./error.ts";
export type { Code } from "./error.ts";
