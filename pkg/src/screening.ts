/** A request that is being judged while its body arrives. */
import type { Reader } from "../wasm/edge.js";
import { PortcullisError, invalid } from "./error.ts";
import { pairs } from "./head.ts";
import { type Bytes, bytesOf, isStatus, whole } from "./input.ts";
import type { DeniedFamily, Refusal } from "./types.ts";
import { Verdict, type Wording, type Words, passes } from "./verdict.ts";
import type { Decoder, Decoding } from "./wasm/decoder.ts";
import { enter, generation } from "./wasm/instance.ts";
import { CHECK_ACKNOWLEDGED, DECODED, WITHHELD_UNPROVEN, headerText } from "./wasm/wire.ts";

/**
 * Bytes of a body that are copied into the module at a time. They are still in the processor's
 * cache when it reads.
 */
const COPIED_BYTES = 64 * 1024;

/**
 * The part of a response that may go to the client.
 *
 * @internal
 */
export interface Releasable {
  /** The number of bytes, of those fed and not yet released, that may go now. */
  readonly bytes: number;
  /** Nothing more may go. */
  readonly isCut: boolean;
  /** The part of a filtered list that may go. */
  readonly list: Uint8Array;
}

/**
 * A request of a restricted caller that is being judged.
 *
 * {@link Gate.open} makes it. Feed it the body, then call `finish`. Release it at the end.
 *
 * @example
 * ```js
 * const screening = gate.open({ method, url, headers }, facts);
 * if (screening !== undefined) {
 *   for await (const chunk of body) if (screening.feed(chunk)) break;
 *   if (passes(screening.finish())) forward();
 *   else respond(screening.refusal);
 *   screening.release();
 * }
 * ```
 */
export class Screening {
  /** Whether a guarded API serves the target. */
  readonly guarded: boolean;
  #caseId = "";
  readonly #families: () => readonly DeniedFamily[];
  readonly #generation = generation();
  readonly #decoder: Decoder | undefined;
  #codings: string | undefined;
  #decoding: Decoding | undefined;
  /** The body needs no more bytes, or has no more. */
  #ended = false;
  #reader: Reader | undefined;
  #verdict: Verdict | undefined;
  #check: number | undefined;
  #kept = false;
  #refusal: Refusal | undefined;
  #deniedIds = "";
  /**
   * Whether the origin can acknowledge that it enforced the denied set. If not, requests that need
   * an acknowledgement are denied instead of deferred.
   *
   * @internal
   */
  acknowledges = true;

  /** @internal Made by {@link Gate.open}. */
  constructor(
    guarded: boolean,
    reader: Reader,
    families: () => readonly DeniedFamily[],
    decoder: Decoder | undefined,
  ) {
    this.guarded = guarded;
    this.#families = families;
    this.#decoder = decoder;
    this.#reader = reader;
  }

  /** The case id in a refusal. Set it before `finish`. */
  get caseId(): string {
    return this.#caseId;
  }

  set caseId(id: string) {
    this.#caseId = whole(id, "caseId");
  }

  /** True while more of the body is needed. False once the verdict is settled. */
  get wantsBody(): boolean {
    const reader = this.#reader;
    return (
      reader !== undefined && this.#verdict === undefined && this.#enter(() => reader.wantsBody())
    );
  }

  /**
   * Whether the body has content codings that this screening undoes.
   *
   * @internal
   */
  get coded(): boolean {
    const reader = this.#reader;
    if (reader === undefined || this.#decoder === undefined) return false;
    return (this.#codings ??= this.#enter(() => reader.codings())) !== "";
  }

  /**
   * Whether a digest or signature covers the body, so that it must be forwarded unchanged.
   *
   * @internal
   */
  get signed(): boolean {
    const reader = this.#reader;
    return reader !== undefined && this.#enter(() => reader.signed());
  }

  /**
   * Reads the next bytes of the body. Content codings are undone.
   *
   * @returns True if the verdict is settled, so that further bytes are not needed
   * @throws PortcullisError `input_invalid`, `trapped`, `replaced`
   */
  feed(piece: Bytes): boolean {
    const bytes = bytesOf(piece, "a piece of the body");
    if (!this.coded) return this.scan(bytes);
    for (const decoded of this.decode(bytes)) if (this.scan(decoded)) break;
    return this.#ended;
  }

  /**
   * Reads the next bytes of the body, after decoding.
   *
   * @internal
   */
  scan(piece: Bytes): boolean {
    const bytes = bytesOf(piece, "a piece of the body");
    const reader = this.#reader;
    if (reader === undefined || this.#verdict !== undefined) return (this.#ended = true);
    return this.#enter(() => {
      for (let at = 0; at < bytes.length; at += COPIED_BYTES) {
        if (reader.feed(bytes.subarray(at, at + COPIED_BYTES))) return (this.#ended = true);
      }
      return false;
    });
  }

  /**
   * Decodes coded bytes and yields the pieces, which are not scanned yet. `undefined` ends the
   * body.
   *
   * @returns Whether the body has ended. It also ends if it cannot be decoded; the verdict then has
   *   the reason.
   * @internal
   */
  *decode(coded: Bytes | undefined): Generator<Uint8Array, boolean> {
    const bytes = coded === undefined ? undefined : bytesOf(coded, "a piece of the body");
    const reader = this.#reader;
    // An empty body is no body, whatever codings the headers declare.
    if (this.#ended || reader === undefined || (this.#decoding === undefined && !bytes?.length))
      return bytes === undefined;
    if (this.#decoding === undefined) {
      this.#decoding = this.#decoder?.open(this.#codings ?? "", this.signed);
      this.#enter(() => reader.decoded(DECODED));
    }
    const decoding = this.#decoding as Decoding;
    this.#ended = bytes === undefined;
    decoding.feed(bytes);
    for (let piece = decoding.next(); piece !== undefined; piece = decoding.next()) yield piece;
    const { failure } = decoding;
    if (failure === DECODED) return this.#ended;
    this.#enter(() => reader.decoded(failure));
    return (this.#ended = true);
  }

  /**
   * Ends the body and returns the verdict. Further calls return the same verdict.
   *
   * @throws PortcullisError `trapped`, `replaced`, or `released` after `release` without a verdict
   */
  finish(): Verdict {
    const reader = this.#reader;
    if (reader !== undefined && this.#verdict === undefined) {
      if (this.coded) for (const piece of this.decode(undefined)) this.scan(piece);
      this.#enter(() => {
        reader.finish();
        this.#check = reader.check();
        if (this.#check === CHECK_ACKNOWLEDGED && !this.acknowledges)
          reader.withhold(WITHHELD_UNPROVEN);
        this.#settle(reader);
      });
      this.#decoding?.free();
      this.#decoding = undefined;
    }
    if (this.#verdict === undefined) throw released();
    return this.#verdict;
  }

  #settle(reader: Reader): void {
    const words = JSON.parse(reader.verdict()) as Words & Verdict;
    const goes = passes(words);
    this.#deniedIds = goes ? reader.deniedIds() : "";
    const refusal = goes ? undefined : (JSON.parse(reader.refusal(this.caseId)) as Refusal);
    this.#refusal = refusal;
    const wording = (caseId?: string) => (caseId === undefined ? words : refusal);
    const { verdict, reason, status, mentions } = words;
    this.#verdict = new Verdict(verdict, reason, status, mentions, wording as Wording);
  }

  /** The verdict; undefined before `finish`. A response that the gate withholds changes it. */
  get verdict(): Verdict | undefined {
    return this.#verdict;
  }

  /**
   * The operation, for a log: dialect and operation id, as in `openai createChatCompletion`. Empty
   * if no dialect has such an operation.
   */
  get operation(): string {
    const reader = this.#reader;
    return reader === undefined ? "" : this.#enter(() => reader.operation());
  }

  /**
   * How the origin's response must be checked, a `CHECK_` number; undefined before `finish`.
   *
   * @internal
   */
  get check(): number | undefined {
    return this.#check;
  }

  /**
   * Begins to read the origin's response.
   *
   * @param unread The response passes unread and only its format is wanted.
   * @internal
   */
  beginResponse(response: Pick<Response, "status" | "headers">, unread: boolean): void {
    const { status, headers } = Object(response) as typeof response;
    if (!isStatus(status)) throw invalid("no status of a response");
    const lines = headerText(pairs(headers));
    this.#open((reader) => reader.beginResponse(status, lines, unread === true));
  }

  /**
   * Reads the next bytes of the response; `undefined` ends it.
   *
   * @internal
   */
  feedResponse(piece: Bytes | undefined): Releasable {
    const bytes = piece === undefined ? undefined : bytesOf(piece, "a piece of the response");
    return this.#open((reader) => ({
      bytes: bytes === undefined ? reader.endResponse() : reader.feedResponse(bytes),
      isCut: reader.isCut(),
      list: reader.rows(),
    }));
  }

  /**
   * Returns the cursors, backwards and forwards, of a list page that has no entry left. They are
   * empty otherwise.
   *
   * @internal
   */
  cursors(): readonly [string, string] {
    return this.#open((reader) => [reader.cursor(false), reader.cursor(true)] as const);
  }

  /**
   * Turns the verdict into a denial or refusal, for a `WITHHELD_` reason.
   *
   * @internal
   */
  withhold(why: number): Refusal | undefined {
    this.#open((reader) => {
      reader.withhold(why);
      this.#settle(reader);
    });
    return this.#refusal;
  }

  /**
   * Returns the refusal as the last part of a response that has begun; empty if its format has
   * none.
   *
   * @internal
   */
  closingError(): Uint8Array {
    return this.#open((reader) => reader.lastWords(this.caseId));
  }

  #open<T>(work: (reader: Reader) => T): T {
    const reader = this.#reader;
    if (reader === undefined) throw released();
    return this.#enter(() => work(reader));
  }

  #enter<T>(work: () => T): T {
    return enter(work, this.#generation);
  }

  /**
   * Keeps the screening after `done`, because its response is still being read.
   *
   * @internal
   */
  keep(): void {
    this.#kept = true;
  }

  /**
   * Ends the request. Releases the screening unless `keep` was called.
   *
   * @internal
   */
  done(): void {
    if (!this.#kept) this.release();
  }

  /** The response for the client if the verdict is `deny` or `refuse`; undefined otherwise. */
  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  /**
   * Ids of the denied families as the access header lists them: each in quotes, separated by
   * spaces; `*`: models of no family. Empty after a denial or refusal.
   *
   * @internal
   */
  get deniedIds(): string {
    const reader = this.#reader;
    return reader === undefined || this.#verdict !== undefined
      ? this.#deniedIds
      : this.#enter(() => reader.deniedIds());
  }

  /** The families of which the caller may not use some or all models, with the reasons. */
  get denied(): readonly DeniedFamily[] {
    return this.#families();
  }

  /** Returns the wasm memory. Further calls do nothing. */
  release(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    this.#decoding?.free();
    this.#decoding = undefined;
    if (reader !== undefined && this.#generation === generation()) reader.free();
  }
}

function released(): PortcullisError {
  return new PortcullisError("released", "the screening is released");
}
