/** The one error class of the package and its codes. */

/**
 * Why a bundle, a module, a key or an input cannot be used. The first eight codes come from the
 * crate.
 */
export type Code =
  | "bundle_truncated"
  | "bundle_trailing_bytes"
  | "bundle_too_large"
  | "bundle_foreign_file"
  | "bundle_format"
  | "bundle_digest"
  | "bundle_malformed"
  /** The list key differs from the key that the bundle was compiled with. */
  | "list_key_wrong"
  /** The bundle has a secret list and the deployment has no list key, so membership is unknown. */
  | "list_key_missing"
  /** A rule of the bundle needs a fact that this platform does not report. */
  | "platform_lacks"
  /** A key of the deployment is malformed or too short. */
  | "key_invalid"
  /** The wasm module does not compile or start. */
  | "module_unusable"
  /** The wasm instance trapped on this request and was replaced. Refuse the request. */
  | "trapped"
  /**
   * Another request trapped while this one was read, and the instance was replaced. Refuse the
   * request.
   */
  | "replaced"
  /** The calling code uses a screening after its `release`. */
  | "released"
  /** A memory bound is reached. Refuse the request; the client may try again. */
  | "exhausted"
  /** The body broke off, or a request of this method cannot carry a body past the gate. */
  | "body_unusable"
  /** The body arrives more slowly than the stated minimum. */
  | "body_slow"
  /** The access endpoint cannot be reached, or fails. */
  | "access_unreachable"
  /** The access endpoint has had too many questions. */
  | "access_limited"
  /** The access endpoint does not take the question. */
  | "access_refused"
  /** A text is no answer of the access endpoint. */
  | "answer_invalid"
  /** A file that a page needs cannot be fetched. */
  | "fetch_failed"
  /** The calling code passed a value of the wrong kind. Such a value never counts as absent. */
  | "input_invalid";

/**
 * Every failure of this package.
 *
 * `code` is stable. `message` is for people and may change.
 *
 * @example
 * ```js
 * try {
 *   gate.judge(request, facts);
 * } catch (error) {
 *   if (error instanceof PortcullisError && error.code === "trapped") return unavailable();
 *   throw error;
 * }
 * ```
 */
export class PortcullisError extends Error {
  override readonly name = "PortcullisError";
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Makes an `input_invalid` error. */
export function invalid(message: string, cause?: unknown): PortcullisError {
  return new PortcullisError("input_invalid", message, cause === undefined ? {} : { cause });
}

/** Makes the error for a body that breaks off: the client is gone, or the framing is wrong. */
export function brokenOff(cause: unknown): PortcullisError {
  return new PortcullisError("body_unusable", "the body broke off", { cause });
}

/** Throws {@link brokenOff}. */
export function broken(cause: unknown): never {
  throw brokenOff(cause);
}
