export { Account, Gate, Reading, passes } from "./gate.ts";
export type { Buffered, Bytes } from "./input.ts";
export type { Decoder, Decoding } from "./wasm/decoder.ts";
export type {
  BundleInfo,
  CredentialSlot,
  DeniedFamily,
  GateOptions,
  HeldRequest,
  Judgement,
  Reach,
  Refusal,
  StreamedRequest,
  SwitchState,
} from "./gate.ts";
export type { Facts, Place } from "./wasm/wire.ts";
export type { Head, HeaderLines } from "./http/head.ts";
export { Session, isUpgrade } from "./websocket/session.ts";
export type { SocketRefusal } from "./websocket/session.ts";
export type { CompiledModule, ModuleSource } from "./wasm/instance.ts";
export { PortcullisError } from "./error.ts";
export type { Code } from "./error.ts";
