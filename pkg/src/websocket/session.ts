/**
 * A WebSocket that is being judged: its upgrade, then each client message, under what the caller may use by then.
 *
 * While the caller may use everything, messages go by unread. If that ends in mid-session, nobody knows what the connection
 * runs, and it is refused: who connects again is judged from the start.
 */
import { type Reader, isUpgrade as asks } from "../../wasm/edge.js";
import { type Bytes, bytesOf } from "../input.ts";
import { invalid } from "../error.ts";
import { type Facts, whole } from "../wasm/wire.ts";
import { Gate, type Judgement, passes } from "../gate.ts";
import { type Head, headOf } from "../http/head.ts";
import { enter, generation } from "../wasm/instance.ts";

/** How a socket is told that it is refused, in the words of the API that its client speaks. */
export interface SocketRefusal {
  /** The text message to send first; empty where the API knows none. */
  readonly event: string;
  /** What to close with. */
  readonly code: number;
  readonly reason: string;
}

/** Characters or bytes of a message that the edge module is given at a time, so that its memory does not grow to the largest. */
const PIECE = 64 * 1024;
const encoder = new TextEncoder();

/**
 * Whether a request asks for a WebSocket. Ask it once: what asks for none is judged as an ordinary request, and must go on without its `Upgrade`
 * header. A gate must have been loaded.
 */
export function isUpgrade({
  method,
  headers,
}: {
  readonly method: string;
  readonly headers: { get(name: string): string | null | undefined };
}): boolean {
  const upgrade = headers.get("upgrade");
  return typeof upgrade === "string" && enter(generation(), () => asks(method, upgrade));
}

export class Session {
  #caseId = "";
  readonly #head: Head;
  #gate: Gate | undefined;
  #generation = -1;
  #reader: Reader | undefined;
  /** Some message was judged or went by; some went by unread. */
  #begun = false;
  #missed = false;
  #guarded = false;
  /** As of the last judgement the caller may use everything. */
  #open = false;
  #judgement: Judgement | undefined;
  #refusal: SocketRefusal | undefined;
  #operation = "";

  constructor(head: Head) {
    this.#head = headOf(head);
  }

  /** Names the case in the refusal, if it comes to one. */
  get caseId(): string {
    return this.#caseId;
  }

  set caseId(id: string) {
    this.#caseId = whole(id, "caseId");
  }

  /** Whether the target lies where a guarded API is served, as of the last judgement. */
  get guarded(): boolean {
    return this.#guarded;
  }

  /**
   * Judges the upgrade, or the next client message; undefined: the caller may use everything. Without a message, what the
   * connection is known to run is judged again. Once it is refused it stays so.
   */
  judge(gate: Gate, facts: Facts, message?: Bytes): Judgement | undefined {
    if (!(gate instanceof Gate)) throw invalid("`gate` is none");
    const said =
      message === undefined || typeof message === "string"
        ? message
        : bytesOf(message, "the message");
    if (this.#refusal !== undefined) return this.#judgement;
    // What another policy or a replaced instance had read is gone with it.
    if (gate !== this.#gate || this.#generation !== generation()) {
      this.release();
      this.#missed = this.#begun;
    }
    this.#gate = gate;
    this.#generation = generation();
    const fresh = this.#reader === undefined;
    const open = gate.step(this.#head, facts, (edge, nonEmpty, guarded, headers) => {
      this.#guarded = guarded;
      if (!nonEmpty) return true;
      if (this.#reader === undefined) {
        this.#reader = edge.read(headers());
        this.#operation = this.#reader.operation();
      } else edge.message(this.#reader, typeof said === "object", this.#missed);
      return false;
    });
    this.#open = open;
    if (!open && fresh) {
      const judgement = this.#finish();
      // That was the head alone.
      return passes(judgement) && (said !== undefined || this.#missed)
        ? this.judge(gate, facts, said)
        : judgement;
    }
    this.#begun ||= said !== undefined;
    if (!open) {
      this.#feed(said ?? "");
      return this.#finish();
    }
    this.#missed ||= said !== undefined;
    return undefined;
  }

  /** What was read is gone, with an instance that was replaced: the session must be judged again. */
  get isLost(): boolean {
    return this.#reader !== undefined && this.#generation !== generation();
  }

  /**
   * Reads a message of the origin's, or looks once more without one. True: it may go to the client, after those that were held;
   * false: it is to be held, until an allowed model is known to run; undefined: it names what is denied, and the session is refused.
   */
  hear(message: Bytes = ""): boolean | undefined {
    const said = typeof message === "string" ? message : bytesOf(message, "the message");
    const reader = this.#reader;
    if (this.#refusal !== undefined) return undefined;
    if (reader === undefined || this.#open) return true;
    for (const piece of pieces(said)) enter(this.#generation, () => reader.hear(piece));
    const heard = enter(this.#generation, () => reader.heard());
    if (heard < 2) return heard === 1;
    this.#read(reader);
    return undefined;
  }

  /** Refuses the session, since the origin does not say what runs and no more can be held. */
  giveUp(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    enter(this.#generation, () => reader.unnamed());
    this.#read(reader);
  }

  /** The last one; undefined: the caller may use everything. */
  get judgement(): Judgement | undefined {
    return this.#open ? undefined : this.#judgement;
  }

  /** What the upgrade asks for, for a log: dialect, blank and operation. */
  get operation(): string {
    return this.#operation;
  }

  /** What to tell the client if the judgement is `deny` or `refuse`; undefined otherwise. */
  get refusal(): SocketRefusal | undefined {
    return this.#refusal;
  }

  /** Ids of the families that the caller may not use as of the last judgement, each in quotes and blanks between. */
  get denied(): string {
    const reader = this.#reader;
    return reader === undefined ? "" : enter(this.#generation, () => reader.denied());
  }

  /** Gives the wasm memory back; harmless if that has happened. */
  release(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader !== undefined && this.#generation === generation()) reader.free();
  }

  #feed(message: string | Uint8Array): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    for (const piece of pieces(message))
      if (enter(this.#generation, () => reader.feed(piece))) return;
  }

  #finish(): Judgement {
    const reader = this.#reader as Reader;
    enter(this.#generation, () => reader.finish());
    return this.#read(reader);
  }

  #read(reader: Reader): Judgement {
    const judgement = enter(this.#generation, () => {
      const found = JSON.parse(reader.verdict()) as Judgement;
      if (!passes(found)) this.#refusal = JSON.parse(reader.socket(this.caseId)) as SocketRefusal;
      return found;
    });
    this.#judgement = judgement;
    if (!passes(judgement)) this.release();
    return judgement;
  }
}

function* pieces(message: string | Uint8Array): Generator<Uint8Array> {
  for (let at = 0, to = 0; at < message.length; at = to) {
    to = Math.min(at + PIECE, message.length);
    if (typeof message === "string") {
      // Not between the halves of a surrogate pair.
      if (to < message.length && (message.charCodeAt(to - 1) & 0xfc00) === 0xd800) to -= 1;
      yield encoder.encode(message.slice(at, to));
    } else {
      yield message.subarray(at, to);
    }
  }
}
