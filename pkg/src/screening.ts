/** A request that is being judged while its body arrives. */
import type { Reader } from "../wasm/edge.js";
import { PortcullisError, invalid } from "./error.ts";
import { pairs } from "./head.ts";
import { type Bytes, bytesOf, isStatus, whole } from "./input.ts";
import type { DeniedFamily, Refusal } from "./types.ts";
import { Verdict, type Wording, type Words, passes } from "./verdict.ts";
import type { Decoder, Decoding } from "./wasm/decoder.ts";
import { enter, generation } from "./wasm/instance.ts";
import {
  CHECK_ACKNOWLEDGED,
  CHECK_FILTER,
  CHECK_NOTHING,
  DECODED,
  UNCHECKED_PASS,
  WITHHELD_UNPROVEN,
  checkOf,
  headerText,
} from "./wasm/wire.ts";

/**
 * Bytes of a body that are copied into the module at a time. They are still in the processor's
 * cache when it reads.
 */
const COPIED_BYTES = 64 * 1024;

const NO_BYTES = new Uint8Array(0);

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
 * The short way to judge a request: its head and its caller are remembered.
 *
 * @internal
 */
export interface Brief {
  /**
   * Judges a whole body. Returns the decision as `Edge.decide` does; undefined if the memory was
   * emptied in the meantime.
   */
  decide(body: Uint8Array): number | undefined;
  /** The ids of the denied families, once the long way told them. */
  deniedIds: string | undefined;
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
  readonly #decoder: Decoder | undefined;
  /** Begins the long way. Undefined: the screening is released. */
  #open: (() => Reader) | undefined;
  /** Undefined: there is no short way, or it decided nothing. */
  #brief: Brief | undefined;
  /** The body that passed the short way. */
  #passed: Uint8Array | undefined;
  /** The generation of the reader. */
  #generation = -1;
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
    open: () => Reader,
    families: () => readonly DeniedFamily[],
    decoder: Decoder | undefined,
    brief?: Brief,
  ) {
    this.guarded = guarded;
    this.#families = families;
    this.#decoder = decoder;
    this.#open = open;
    this.#brief = brief;
    if (brief === undefined) this.#begun();
  }

  /** Returns the reader, and begins the long way if it has not begun. */
  #begun(): Reader | undefined {
    const open = this.#open;
    if (this.#reader === undefined && open !== undefined) {
      this.#reader = open();
      this.#generation = generation();
    }
    return this.#reader;
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
    const reader = this.#begun();
    return (
      reader !== undefined && this.#verdict === undefined && this.#enter(() => reader.wantsBody())
    );
  }

  /**
   * Whether the head is remembered, so that the body has no content coding and `passesBriefly` may
   * judge it.
   *
   * @internal
   */
  get isBrief(): boolean {
    return this.#brief !== undefined;
  }

  /**
   * Whether the verdict is known, and the origin does not decide which model runs.
   *
   * @internal
   */
  get hasPassed(): boolean {
    return this.#passed !== undefined || this.#verdict?.verdict === "pass";
  }

  /**
   * Judges a whole body the short way.
   *
   * @returns True if the request passes and its response needs no check. The long way then need not
   *   begin. False: the short way decides nothing, and the body must be fed.
   * @internal
   */
  passesBriefly(body: Uint8Array): boolean {
    const decision = this.#brief?.decide(body);
    if (decision === undefined || (decision & UNCHECKED_PASS) !== 0) {
      this.#brief = undefined;
      return false;
    }
    this.#check = CHECK_NOTHING;
    this.#passed = body;
    return true;
  }

  /**
   * Whether the body has content codings that this screening undoes.
   *
   * @internal
   */
  get coded(): boolean {
    const reader = this.#begun();
    if (reader === undefined || this.#decoder === undefined) return false;
    return (this.#codings ??= this.#enter(() => reader.codings())) !== "";
  }

  /**
   * Whether a digest or signature covers the body, so that it must be forwarded unchanged.
   *
   * @internal
   */
  get signed(): boolean {
    const reader = this.#begun();
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
    const reader = this.#begun();
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
    const reader = this.#begun();
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
    const reader = this.#begun();
    if (reader !== undefined && this.#verdict === undefined) {
      const passed = this.#passed;
      this.#passed = undefined;
      if (passed !== undefined) this.scan(passed);
      if (this.coded) for (const piece of this.decode(undefined)) this.scan(piece);
      this.#enter(() => {
        this.#check = checkOf(reader.finish());
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
    const reader = this.#begun();
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
    this.#use((reader) => reader.beginResponse(status, lines, unread === true));
  }

  /**
   * Reads the next bytes of the response; `undefined` ends it.
   *
   * @internal
   */
  feedResponse(piece: Bytes | undefined): Releasable {
    const bytes = piece === undefined ? undefined : bytesOf(piece, "a piece of the response");
    return this.#use((reader) => {
      const free = bytes === undefined ? reader.endResponse() : reader.feedResponse(bytes);
      const list = this.#check === CHECK_FILTER ? reader.rows() : NO_BYTES;
      return { bytes: free >> 1, isCut: (free & 1) !== 0, list };
    });
  }

  /**
   * Returns the cursors, backwards and forwards, of a list page that has no entry left. They are
   * empty otherwise.
   *
   * @internal
   */
  cursors(): readonly [string, string] {
    return this.#use((reader) => [reader.cursor(false), reader.cursor(true)] as const);
  }

  /**
   * Turns the verdict into a denial or refusal, for a `WITHHELD_` reason.
   *
   * @internal
   */
  withhold(why: number): Refusal | undefined {
    this.#use((reader) => {
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
    return this.#use((reader) => reader.lastWords(this.caseId));
  }

  #use<T>(work: (reader: Reader) => T): T {
    if (this.#passed !== undefined) this.finish();
    const reader = this.#begun();
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
    const brief = this.#brief;
    if (this.#verdict !== undefined) return this.#deniedIds;
    if (brief?.deniedIds !== undefined) return brief.deniedIds;
    const reader = this.#begun();
    if (reader === undefined) return this.#deniedIds;
    const ids = this.#enter(() => reader.deniedIds());
    if (brief !== undefined) brief.deniedIds = ids;
    return ids;
  }

  /** The families of which the caller may not use some or all models, with the reasons. */
  get denied(): readonly DeniedFamily[] {
    return this.#families();
  }

  /** Returns the wasm memory. Further calls do nothing. */
  release(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    this.#open = undefined;
    this.#passed = undefined;
    this.#decoding?.free();
    this.#decoding = undefined;
    if (reader !== undefined && this.#generation === generation()) reader.free();
  }
}

function released(): PortcullisError {
  return new PortcullisError("released", "the screening is released");
}
