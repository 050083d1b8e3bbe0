/**
 * Relays a WebSocket past the gate. The caller's messages go on in order, each only once it is judged under what the caller
 * may use by then; the origin's go back as they come.
 *
 * ```text
 * upgrade refused        accepted, told in the API's own words, closed with 1008, since a client sees nothing of a refused upgrade
 * origin does not open   its answer is held to what an ordinary request of this head may be told
 * message refused        told, closed with 1008 on both sides; nothing that follows goes on
 * model not known        what the origin says is held until it, or the client, names one that may be used; a denied name ends the session,
 *                        and so does the end of its time
 * one side closes        the other is closed with the same code and reason
 * one side vanishes      the origin is told 1001 (going away), the client 1011 (the origin failed)
 * its life ends          both are told 1001; sessions of callers under restriction have one
 * too much is held       by all sessions and bodies of the isolate: both are told 1013 (try again later)
 * ```
 *
 * What is not bounded here: the platform takes messages of up to 32 MiB, queues what a slow peer has not read yet, and does
 * not tell how much that is. The gate itself holds one message, and those that wait for the caller's facts to be renewed or for a name.
 */
import { STREAM_LIFE_MS } from "../http/response.ts";
import { Budget } from "../http/request-body.ts";
import type { Facts } from "../wasm/wire.ts";
import type { Gate } from "../gate.ts";
import { passes } from "../gate.ts";
import { Session } from "./session.ts";

export { isUpgrade } from "./session.ts";

/** Milliseconds after which facts are gathered anew, when the next message comes, from either side. As long as an account record is believed. */
export const FACTS_MS = 60_000;
/** Milliseconds after which what a session is known to run is judged again, when the origin sends a message. */
export const AGAIN_MS = 1_000;
/** Characters and bytes of messages that wait for facts; a session that sends more meanwhile is closed with 1009. */
export const WAITING_BYTES = 4 * 1024 * 1024;

/** Characters and bytes of the origin's messages that are held until an allowed model is known to run. */
export const HELD_BYTES = 256 * 1024;
/** Milliseconds that the first of them waits before the session is given up. */
export const HELD_MS = 10_000;

/** A socket that is to be relayed. */
export interface Upgrade {
  readonly request: Request;
  /** What all sessions hold is taken from it; left out, this one has its own. */
  readonly budget?: Budget | undefined;
  /** The gate as it is by now, and what it knows of the caller. */
  gate(): Gate;
  facts(): Promise<Facts>;
  /** Opens the connection to the origin; `acknowledged`: that one sees itself to what the caller may not use. */
  connect(session: Session): Promise<{ readonly answer: Response; readonly acknowledged: boolean }>;
  /** What a client who may not use everything gets for an answer that opens no socket; left out, 502. */
  unopened?(answer: Response, facts: Facts, caseId: string): Promise<Response>;
  /** An item of `Sec-WebSocket-Protocol` is a credential; left out, each may be one. */
  holdsKey?(protocol: string): boolean;
  newCase(): string;
  /** {@link HELD_MS} if left out. */
  readonly hold?: number | undefined;
  /** {@link STREAM_LIFE_MS} if left out. */
  readonly life?: number | undefined;
  /** The upgrade was judged, or the session has ended with this judgement. */
  decided?(session: Session): void;
  /** The session of this case could not go on. */
  fault(cause: unknown, caseId: string): void;
}

type Message = string | ArrayBuffer;
type Side = WebSocket & { accept(): void };
type Opened = Response & { readonly webSocket?: Side | null };
declare const WebSocketPair: new () => { 0: WebSocket; 1: Side };

const ORIGIN_FAILED = 1011;

/** The answer opens a socket. */
export function isOpen(answer: Response): boolean {
  return ((answer as Opened).webSocket ?? null) !== null;
}

/** Judges the upgrade and, if it passes, relays what follows for as long as it may. */
export async function relay(upgrade: Upgrade, facts: Facts): Promise<Response> {
  const session = new Session(upgrade.request);
  let relayed = false;
  try {
    session.caseId = upgrade.newCase();
    const judgement = session.judge(upgrade.gate(), facts);
    if (judgement !== undefined) upgrade.decided?.(session);
    if (judgement !== undefined && !passes(judgement)) return turnAway(upgrade, session);
    const { answer, acknowledged } = await upgrade.connect(session);
    const origin = (answer as Opened).webSocket ?? undefined;
    if (origin === undefined && judgement !== undefined)
      return (
        (await upgrade.unopened?.(answer, facts, session.caseId)) ??
        new Response(null, { status: 502 })
      );
    if (origin === undefined || !session.guarded) return answer;
    relayed = true;
    const { 0: client, 1: caller } = new WebSocketPair();
    new Relay(upgrade, session, facts, caller, origin, acknowledged);
    const headers = new Headers(answer.headers);
    for (const name of [
      "connection",
      "upgrade",
      "sec-websocket-accept",
      "sec-websocket-extensions",
    ])
      headers.delete(name);
    return opened(client, headers);
  } finally {
    if (!relayed) session.release();
  }
}

/** The two sides of a session. */
class Relay {
  readonly #upgrade: Upgrade;
  readonly #session: Session;
  readonly #caller: Side;
  readonly #origin: Side;
  readonly #acknowledged: boolean;
  readonly #budget: Budget;
  #facts: Facts;
  #gate: Gate;
  #revision: number;
  #judged = Date.now();
  #gathered = Date.now();
  #waiting: [Side, Message][] | undefined;
  #bytes = 0;
  #held: Message[] = [];
  #heldBytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #life: ReturnType<typeof setTimeout> | undefined;
  #ended = false;

  constructor(
    upgrade: Upgrade,
    session: Session,
    facts: Facts,
    caller: Side,
    origin: Side,
    acknowledged: boolean,
  ) {
    this.#acknowledged = acknowledged;
    this.#budget = upgrade.budget ?? new Budget();
    this.#upgrade = upgrade;
    this.#session = session;
    this.#facts = facts;
    this.#caller = caller;
    this.#origin = origin;
    this.#gate = upgrade.gate();
    this.#revision = this.#gate.revision;
    if (session.denied !== "") {
      const over = () =>
        this.#both(1001, "the session has lasted as long as one may; connect again");
      this.#life = setTimeout(() => this.#guarded(over), upgrade.life ?? STREAM_LIFE_MS);
    }
    this.#listen(caller, origin, 1001, "the client is gone");
    this.#listen(origin, caller, ORIGIN_FAILED, "the origin is gone");
  }

  #listen(from: Side, to: Side, gone: number, why: string): void {
    // Else binary messages come as blobs, which are read asynchronously and so out of order.
    from.binaryType = "arraybuffer";
    from.addEventListener("message", ({ data }) =>
      this.#guarded(() => this.#take(from, data as Message)),
    );
    from.addEventListener("close", ({ code, reason }) => {
      const end = () => (code === 1006 ? this.#end(to, gone, why) : this.#end(to, code, reason));
      // What was sent before the close goes first.
      if (this.#waiting !== undefined) this.#last = end;
      else end();
    });
    from.addEventListener("error", () => this.#end(to, gone, why));
    from.accept();
  }

  /** What is to be done once no message waits. */
  #last: (() => void) | undefined;

  #take(from: Side, data: Message): void {
    if (this.#waiting !== undefined) {
      if (this.#bytes + size(data) > WAITING_BYTES) return this.#both(1009, "too much at once");
      if (!this.#takes(data)) return;
      this.#bytes += size(data);
      this.#waiting.push([from, data]);
      return;
    }
    // Facts are sorted for one policy: another needs them anew.
    if (Date.now() - this.#gathered < FACTS_MS && this.#upgrade.gate() === this.#gate)
      return this.#pass(from, data);
    this.#waiting = [[from, data]];
    this.#gather();
  }

  #gather(): void {
    const gate = this.#upgrade.gate();
    this.#upgrade.facts().then(
      (facts) =>
        this.#guarded(() =>
          this.#upgrade.gate() === gate ? this.#resume(gate, facts) : this.#gather(),
        ),
      (cause: unknown) => this.#fail(cause),
    );
  }

  #resume(gate: Gate, facts: Facts): void {
    this.#facts = facts;
    this.#gate = gate;
    this.#gathered = Date.now();
    // Whoever speaks first is judged anew, the origin too.
    this.#revision = -1;
    const waiting = this.#waiting ?? [];
    this.#forget();
    for (const [from, data] of waiting) this.#pass(from, data);
    this.#last?.();
  }

  #pass(from: Side, data: Message): void {
    if (this.#ended) return;
    if (from === this.#caller) {
      if (!this.#passes(view(data))) return;
      this.#origin.send(data);
      if (this.#held.length > 0 && this.#session.hear() === true) this.#release();
      return;
    }
    // A switch that is thrown, or a rule whose hour comes, ends what it closes although the client is silent.
    const again =
      this.#session.isLost ||
      this.#gate.revision !== this.#revision ||
      Date.now() - this.#judged >= AGAIN_MS;
    if (again && !this.#passes()) return;
    const goes = this.#session.hear(view(data));
    if (goes === undefined) return this.#cut();
    if (!goes && !this.#acknowledged && !isError(data)) return this.#hold(data);
    if (goes) this.#release();
    this.#caller.send(data);
  }

  #hold(data: Message): void {
    const giveUp = () => {
      this.#session.giveUp();
      this.#cut();
    };
    if (this.#heldBytes + size(data) > HELD_BYTES) return giveUp();
    if (!this.#takes(data)) return;
    this.#held.push(data);
    this.#heldBytes += size(data);
    this.#timer ??= setTimeout(() => this.#guarded(giveUp), this.#upgrade.hold ?? HELD_MS);
  }

  #release(): void {
    for (const data of this.#held) this.#caller.send(data);
    this.#drop();
  }

  #drop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#held = [];
    this.#budget.give(this.#heldBytes);
    this.#heldBytes = 0;
  }

  /** Nothing waits any more. */
  #forget(): void {
    this.#waiting = undefined;
    this.#budget.give(this.#bytes);
    this.#bytes = 0;
  }

  /** Another message may be held; else the session is over. */
  #takes(data: Message): boolean {
    const fits = this.#budget.take(size(data));
    if (!fits) this.#both(1013, "too much is held; connect again");
    return fits;
  }

  /** Judges the message, or what the session is known to run; what does not pass ends the session. */
  #passes(message?: string | Uint8Array): boolean {
    this.#revision = this.#gate.revision;
    this.#judged = Date.now();
    const judgement = this.#session.judge(this.#gate, this.#facts, message);
    if (judgement === undefined || passes(judgement)) return true;
    this.#cut();
    return false;
  }

  /** The session is refused. */
  #cut(): void {
    const { refusal } = this.#session;
    this.#ended = true;
    clearTimeout(this.#life);
    this.#drop();
    this.#forget();
    this.#upgrade.decided?.(this.#session);
    shut(this.#origin, 1008, "refused by policy");
    if (refusal !== undefined) tell(this.#caller, refusal);
  }

  /** A fault of the gate's own ends the session: nothing goes on unjudged. */
  #guarded(work: () => void): void {
    if (this.#ended) return;
    try {
      work();
    } catch (cause) {
      this.#fail(cause);
    }
  }

  #fail(cause: unknown): void {
    if (this.#ended) return;
    this.#upgrade.fault(cause, this.#session.caseId);
    this.#both(ORIGIN_FAILED, "the gate failed; connect again");
  }

  #both(code: number, reason: string): void {
    this.#end(this.#origin, code, reason);
    shut(this.#caller, code, reason);
  }

  #end(other: Side, code: number, reason: string): void {
    this.#session.release();
    clearTimeout(this.#life);
    this.#drop();
    this.#forget();
    if (this.#ended) return;
    this.#ended = true;
    shut(other, code, reason);
  }
}

/** A refused upgrade would hide the message, so the socket is opened, told and closed. */
function turnAway({ request, holdsKey }: Upgrade, { refusal }: Session): Response {
  const { 0: client, 1: caller } = new WebSocketPair();
  caller.accept();
  if (refusal !== undefined) tell(caller, refusal);
  const headers = new Headers();
  // A browser that offered protocols takes no answer without one of them, but what holds a key is not to be repeated, even if nothing else was offered.
  const offered = request.headers
    .get("sec-websocket-protocol")
    ?.split(",")
    .map((one) => one.trim());
  const protocol = offered?.find((one) => one !== "" && holdsKey?.(one) === false);
  if (protocol !== undefined) headers.set("sec-websocket-protocol", protocol);
  return opened(client, headers);
}

function tell(caller: Side, { event, code, reason }: NonNullable<Session["refusal"]>): void {
  try {
    if (event !== "") caller.send(event);
  } catch {
    // It is gone already.
  }
  shut(caller, code, reason);
}

/** An event that tells of a fault holds nothing that a model said. */
function isError(data: Message): boolean {
  if (typeof data !== "string" || data.length > 16 * 1024) return false;
  try {
    return (JSON.parse(data) as { type?: unknown } | null)?.type === "error";
  } catch {
    return false;
  }
}

function size(data: Message): number {
  return typeof data === "string" ? data.length : data.byteLength;
}

function view(data: Message): string | Uint8Array {
  return typeof data === "string" ? data : new Uint8Array(data);
}

/** Closes with what the other side closed with; 1005 says that it gave no code, which is sent by giving none. */
function shut(side: Side, code: number, reason: string): void {
  try {
    if (code === 1005) side.close();
    else side.close(code, reason);
  } catch {
    // It is closed already.
  }
}

function opened(client: WebSocket, headers: Headers): Response {
  return new Response(null, { status: 101, webSocket: client, headers } as ResponseInit);
}
