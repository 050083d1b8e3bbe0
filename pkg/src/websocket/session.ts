/**
 * Judges a WebSocket: its upgrade, then each client message, under what the caller may use at that
 * time.
 *
 * While the caller is unrestricted, messages pass unread. If a restriction begins in mid-session,
 * the model of the connection is unknown and the session is refused. A new connection is judged
 * from its start.
 */
import { type Reader, isUpgrade as asks } from "../../wasm/edge.js";
import { invalid } from "../error.ts";
import { Gate } from "../gate.ts";
import { headOf } from "../head.ts";
import { type Bytes, bytesOf, whole } from "../input.ts";
import type { Facts, Head, SocketRefusal } from "../types.ts";
import { Verdict, type Wording, type Words } from "../verdict.ts";
import { enter, generation } from "../wasm/instance.ts";
import { NO_NUMBER, RELEASE_HOLD, RELEASE_PASS, goesOn } from "../wasm/wire.ts";

/**
 * Characters or bytes of a message that the module reads at a time, so that its memory stays small.
 */
const PIECE = 64 * 1024;
const encoder = new TextEncoder();

/**
 * Whether a request asks for a WebSocket. Judge any other request as an ordinary one, and forward
 * it without its `Upgrade` header. A gate must be loaded.
 */
export function isUpgrade({
  method,
  headers,
}: {
  readonly method: string;
  readonly headers: { get(name: string): string | null | undefined };
}): boolean {
  const upgrade = headers.get("upgrade");
  return typeof upgrade === "string" && enter(() => asks(method, upgrade));
}

/**
 * A WebSocket that is being judged.
 *
 * @example
 * ```js
 * const session = new Session({ method, url, headers });
 * session.judge(gate, facts); // the upgrade
 * session.judge(gate, facts, message); // each client message
 * if (session.refusal !== undefined) socket.close(session.refusal.code, session.refusal.reason);
 * ```
 */
export class Session {
  #caseId = "";
  readonly #head: Head;
  #gate: Gate | undefined;
  #generation = -1;
  #reader: Reader | undefined;
  /** Some message was judged or passed. */
  #begun = false;
  /** Some message passed unread. */
  #missed = false;
  #guarded = false;
  /** The caller was unrestricted when the session was last judged. */
  #unrestricted = false;
  #verdict: Verdict | undefined;
  #refusal: SocketRefusal | undefined;
  #operation = "";

  /** @throws PortcullisError `input_invalid` */
  constructor(head: Head) {
    this.#head = headOf(head);
  }

  /** The case id in a refusal. */
  get caseId(): string {
    return this.#caseId;
  }

  set caseId(id: string) {
    this.#caseId = whole(id, "caseId");
  }

  /** Whether a guarded API served the target when the session was last judged. */
  get guarded(): boolean {
    return this.#guarded;
  }

  /**
   * Judges the upgrade, or the next client message. Without a message it judges again what the
   * connection is known to run. A refused session stays refused.
   *
   * @returns Undefined if the caller is unrestricted
   * @throws PortcullisError `input_invalid`, `trapped`, `replaced`
   */
  judge(gate: Gate, facts: Facts, message?: Bytes): Verdict | undefined {
    return this.admits(gate, facts, message) === undefined ? undefined : this.#verdictNow();
  }

  /**
   * As `judge`, without the words of the verdict.
   *
   * @returns Whether the message may go on; undefined if the caller is unrestricted
   * @internal
   */
  admits(gate: Gate, facts: Facts, message?: Bytes): boolean | undefined {
    if (!(gate instanceof Gate)) throw invalid("`gate` is none");
    const said =
      message === undefined || typeof message === "string"
        ? message
        : bytesOf(message, "the message");
    if (this.#refusal !== undefined) return false;
    // Another policy, or a new instance, has not read the earlier messages.
    if (gate !== this.#gate || this.#generation !== generation()) {
      this.release();
      this.#missed = this.#begun;
    }
    this.#gate = gate;
    this.#generation = generation();
    const fresh = this.#reader === undefined;
    const decision = gate.step(this.#head, facts, (edge, restricted, guarded, headers) => {
      this.#guarded = guarded;
      if (!restricted) return undefined;
      if (this.#reader === undefined) {
        this.#reader = edge.read(headers());
        this.#operation = this.#reader.operation();
        return this.#reader.finish();
      }
      const reader = this.#reader;
      let decision = NO_NUMBER;
      let isFirst = true;
      const isBinary = typeof said === "object";
      for (const [piece, isLast] of pieces(said ?? "")) {
        decision = isFirst
          ? edge.message(reader, isBinary, this.#missed, piece, isLast)
          : reader.piece(piece, isLast);
        isFirst = false;
        if (decision !== NO_NUMBER) break;
      }
      return decision;
    });
    this.#unrestricted = decision === undefined;
    if (decision === undefined) {
      this.#begun ||= said !== undefined;
      this.#missed ||= said !== undefined;
      return undefined;
    }
    this.#verdict = undefined;
    if (!goesOn(decision)) {
      this.#begun ||= !fresh && said !== undefined;
      this.#refuse();
      return false;
    }
    // This was the verdict on the head alone.
    if (fresh && (said !== undefined || this.#missed)) return this.admits(gate, facts, said);
    this.#begun ||= said !== undefined;
    return true;
  }

  /**
   * Whether the module's instance was replaced since the session was last judged, so that it must
   * be judged again.
   *
   * @internal
   */
  get isLost(): boolean {
    return this.#reader !== undefined && this.#generation !== generation();
  }

  /**
   * Reads a message from the origin; without one it only asks again.
   *
   * @returns True: it may go to the client, after the messages held before it. False: hold it until
   *   an allowed model is known to run. Undefined: it names a denied model and the session is
   *   refused.
   * @throws PortcullisError `input_invalid`, `trapped`, `replaced`
   */
  feedOrigin(message: Bytes = ""): boolean | undefined {
    const said = typeof message === "string" ? message : bytesOf(message, "the message");
    const reader = this.#reader;
    if (this.#refusal !== undefined) return undefined;
    if (reader === undefined || this.#unrestricted) return true;
    const release = this.#enter(() => {
      let release = RELEASE_HOLD;
      for (const [piece, isLast] of pieces(said)) release = reader.feedOrigin(piece, isLast);
      return release;
    });
    if (release === RELEASE_PASS) return true;
    if (release === RELEASE_HOLD) return false;
    this.#refuse();
    return undefined;
  }

  /** Refuses the session, because the origin names no model and no more messages can be held. */
  giveUp(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    this.#enter(() => reader.giveUp());
    this.#refuse();
  }

  /** The last verdict; undefined if the caller is unrestricted. */
  get verdict(): Verdict | undefined {
    return this.#unrestricted ? undefined : this.#verdictNow();
  }

  /** The operation of the upgrade, for a log: dialect and operation id, separated by a space. */
  get operation(): string {
    return this.#operation;
  }

  /** The refusal for the client if the verdict is `deny` or `refuse`; undefined otherwise. */
  get refusal(): SocketRefusal | undefined {
    return this.#refusal;
  }

  /**
   * Ids of the families that were denied when the session was last judged, each in quotes,
   * separated by spaces.
   *
   * @internal
   */
  get deniedIds(): string {
    const reader = this.#reader;
    return reader === undefined ? "" : this.#enter(() => reader.deniedIds());
  }

  /** Returns the wasm memory. Further calls do nothing. */
  release(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader !== undefined && this.#generation === generation()) reader.free();
  }

  #enter<T>(work: () => T): T {
    return enter(work, this.#generation);
  }

  /** Returns the last verdict. Its words are read when they are asked for. */
  #verdictNow(): Verdict | undefined {
    const reader = this.#reader;
    if (this.#verdict === undefined && reader !== undefined)
      this.#verdict = this.#enter(() => verdictOf(reader));
    return this.#verdict;
  }

  /** Ends the session by the verdict. */
  #refuse(): void {
    const reader = this.#reader as Reader;
    this.#enter(() => {
      this.#verdict = verdictOf(reader);
      this.#refusal = JSON.parse(reader.socket(this.caseId)) as SocketRefusal;
    });
    this.release();
  }
}

function verdictOf(reader: Reader): Verdict {
  const words = JSON.parse(reader.verdict()) as Words & Verdict;
  const { verdict, reason, status, mentions } = words;
  return new Verdict(verdict, reason, status, mentions, (() => words) as unknown as Wording);
}

/** Yields the pieces of a message, one at least, and whether each is the last. */
function* pieces(message: string | Uint8Array): Generator<readonly [Uint8Array, boolean]> {
  for (let at = 0, to = 0; ; at = to) {
    to = Math.min(at + PIECE, message.length);
    const isLast = to === message.length;
    if (typeof message === "string") {
      // A cut between the halves of a surrogate pair would change the text.
      if (!isLast && (message.charCodeAt(to - 1) & 0xfc00) === 0xd800) to -= 1;
      yield [encoder.encode(message.slice(at, to)), isLast];
    } else {
      yield [message.subarray(at, to), isLast];
    }
    if (isLast) return;
  }
}
