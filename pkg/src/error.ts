/** Why a bundle, a module or an input could not be used; the first eight are the codes of the Rust side. */
export type Code =
  | "bundle_truncated"
  | "bundle_trailing_bytes"
  | "bundle_too_large"
  | "bundle_foreign_file"
  | "bundle_format"
  | "bundle_digest"
  | "bundle_malformed"
  /** The list key is not the one that the bundle was compiled with. */
  | "list_key_wrong"
  /** The bundle has a secret list, and the deployment no list key: nobody could be told to be on it. */
  | "list_key_missing"
  /** A rule of the bundle rests on something that this platform cannot tell. */
  | "platform_lacks"
  /** A key of the deployment is not `id:algorithm:base64`, or too short. */
  | "key_invalid"
  /** The wasm module could not be compiled or started. */
  | "module_unusable"
  /** The wasm instance trapped while it read this request; it was replaced, and the request must be refused. */
  | "trapped"
  /** The instance was replaced, because of another request, while this one was being read: it must be refused too. */
  | "replaced"
  /** A bound of memory: the request must be refused, and may be tried again. */
  | "exhausted"
  /** A body that broke off, or that a request of this method cannot take past the gate. */
  | "body_unusable"
  /** A body that comes slower than a stated pace. */
  | "body_slow"
  /** What the caller of this package handed over is not of a kind that can be read: it never counts as absent. */
  | "input_invalid";

/** Every failure of this package. `code` is stable, the message is for people. */
export class PortcullisError extends Error {
  override readonly name = "PortcullisError";
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export function invalid(message: string, cause?: unknown): PortcullisError {
  return new PortcullisError("input_invalid", message, cause === undefined ? {} : { cause });
}
