/** The package's main entry: load a policy and judge requests, on any runtime. */
export type { Account } from "./account.ts";
export { PortcullisError } from "./error.ts";
export type { Code } from "./error.ts";
export { Gate } from "./gate.ts";
export type { Buffered, Bytes } from "./input.ts";
export type { Screening } from "./screening.ts";
export type {
  Access,
  BundleInfo,
  CredentialSlot,
  DeniedFamily,
  Facts,
  GateOptions,
  Head,
  HeaderLines,
  HeldRequest,
  Place,
  Refusal,
  SocketRefusal,
  StreamedRequest,
  SwitchState,
} from "./types.ts";
export { passes } from "./verdict.ts";
export type { Verdict, VerdictJson } from "./verdict.ts";
export type { Decoder, Decoding } from "./wasm/decoder.ts";
export type { CompiledModule, ModuleSource } from "./wasm/instance.ts";
export { Session, isUpgrade } from "./websocket/session.ts";
