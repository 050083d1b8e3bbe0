/**
 * Relays a WebSocket. The client's messages go on in order, each once it is judged under what the
 * caller may use at that time. The origin's messages go back.
 *
 * ```text
 * upgrade refused        accepted, an error event in the API's words, closed with 1008; a client
 *                        cannot see the body of a refused upgrade
 * origin does not open   its response is checked like the response to an ordinary request
 * message refused        error event, closed with 1008 on both sides; no later message goes on
 * model not known        the origin's messages are held until the origin or the client names an
 *                        allowed model; a denied model, or the time limit, ends the session
 * one side closes        the other is closed with the same code and reason
 * one side vanishes      the origin gets 1001 (going away), the client 1011 (the origin failed)
 * time limit             both sides get 1001; only sessions of restricted callers have one
 * too much is held       in the whole isolate: both sides get 1013 (try again later)
 * ```
 *
 * Not bounded here: the platform accepts messages of up to 32 MiB, queues messages that a slow peer
 * has not read, and does not report how much it queues. The gate itself holds one message, and the
 * messages that wait for fresh facts or a model.
 */
import type { Gate } from "../gate.ts";
import { type Budget, STREAM_LIFE_MS } from "../operate/budget.ts";
import type { Facts } from "../types.ts";
import { Session } from "./session.ts";
import type { Side, Sockets } from "./sockets.ts";

/**
 * Milliseconds after which the next message from either side renews the facts. Account records are
 * kept as long.
 */
const FACTS_MS = 60_000;
/** Milliseconds after which the next message from the origin has the session judged again. */
const AGAIN_MS = 1_000;
/**
 * Characters and bytes of messages that wait for facts. A session that sends more is closed with
 * 1009.
 */
const WAITING_BYTES = 4 * 1024 * 1024;
/**
 * Characters and bytes of the origin's messages that are held until an allowed model is known to
 * run.
 */
const HELD_MESSAGE_BYTES = 256 * 1024;
/** Milliseconds that the first of them waits before the session is given up. */
const HELD_MS = 10_000;

/** A WebSocket to relay, and what the relay needs from the handler. */
export interface RelayContext {
  readonly request: Request;
  readonly sockets: Sockets;
  /** Counts held messages. */
  readonly budget: Budget;
  /** Returns the gate in force. */
  gate(): Gate;
  /** Gathers the facts of the caller. */
  facts(): Promise<Facts>;
  /**
   * Opens the connection to the origin. `acknowledged`: the origin enforces the denied set itself.
   */
  connect(
    session: Session,
  ): Promise<{ readonly response: Response; readonly acknowledged: boolean }>;
  /** Makes a restricted client's response from a response that opens no socket. */
  withoutSocket(response: Response, facts: Facts, caseId: string): Promise<Response>;
  /** Whether an item of `Sec-WebSocket-Protocol` is a credential. */
  isCredential(protocol: string): boolean;
  newCase(): string;
  /** Milliseconds; by default ten seconds. */
  readonly hold?: number | undefined;
  /** Milliseconds; by default {@link STREAM_LIFE_MS}. */
  readonly life?: number | undefined;
  /** Called when the upgrade is judged, and when a verdict ends the session. */
  decided(session: Session): void;
  /** Called when an error of the gate ends the session. */
  fault(cause: unknown, caseId: string): void;
}

type Message = string | ArrayBuffer;

const ORIGIN_FAILED = 1011;

/** Judges the upgrade and, if it passes, relays the session. */
export async function relay(context: RelayContext, facts: Facts): Promise<Response> {
  const { request, sockets } = context;
  const session = new Session(request);
  let relayed = false;
  try {
    session.caseId = context.newCase();
    const admitted = session.admits(context.gate(), facts);
    if (admitted !== undefined) context.decided(session);
    if (admitted === false) return turnAway(context, session);
    const { response, acknowledged } = await context.connect(session);
    const origin = sockets.opened(response);
    if (origin === undefined && admitted !== undefined)
      return await context.withoutSocket(response, facts, session.caseId);
    if (origin === undefined || !session.guarded) return response;
    relayed = true;
    const headers = new Headers(response.headers);
    for (const name of [
      "connection",
      "upgrade",
      "sec-websocket-accept",
      "sec-websocket-extensions",
    ])
      headers.delete(name);
    const accepted = sockets.accept(headers);
    new Relay(context, session, facts, accepted.side, origin, acknowledged);
    return accepted.response;
  } finally {
    if (!relayed) session.release();
  }
}

/** The two sides of a session. */
class Relay {
  readonly #context: RelayContext;
  readonly #session: Session;
  readonly #client: Side;
  readonly #origin: Side;
  readonly #acknowledged: boolean;
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
    context: RelayContext,
    session: Session,
    facts: Facts,
    client: Side,
    origin: Side,
    acknowledged: boolean,
  ) {
    this.#acknowledged = acknowledged;
    this.#context = context;
    this.#session = session;
    this.#facts = facts;
    this.#client = client;
    this.#origin = origin;
    this.#gate = context.gate();
    this.#revision = this.#gate.revision;
    if (session.deniedIds !== "") {
      const over = () => this.#both(1001, "the session has reached its time limit; connect again");
      this.#life = setTimeout(() => this.#attempt(over), context.life ?? STREAM_LIFE_MS);
    }
    this.#listen(client, origin, 1001, "the client is gone");
    this.#listen(origin, client, ORIGIN_FAILED, "the origin is gone");
  }

  #listen(from: Side, to: Side, gone: number, why: string): void {
    // Otherwise binary messages are blobs, which are read asynchronously and so out of order.
    from.binaryType = "arraybuffer";
    from.addEventListener("message", ({ data }) =>
      this.#attempt(() => this.#take(from, data as Message)),
    );
    from.addEventListener("close", ({ code, reason }) => {
      const end = () => (code === 1006 ? this.#end(to, gone, why) : this.#end(to, code, reason));
      // Messages from before the close go first.
      if (this.#waiting !== undefined) this.#last = end;
      else end();
    });
    from.addEventListener("error", () => this.#end(to, gone, why));
    from.accept();
  }

  /** Runs once no message waits any more. */
  #last: (() => void) | undefined;

  #take(from: Side, data: Message): void {
    if (this.#waiting !== undefined) {
      if (this.#bytes + size(data) > WAITING_BYTES) return this.#both(1009, "too much at once");
      if (!this.#takes(data)) return;
      this.#bytes += size(data);
      this.#waiting.push([from, data]);
      return;
    }
    // Accounts are classified for one policy, so another policy needs new facts.
    if (Date.now() - this.#gathered < FACTS_MS && this.#context.gate() === this.#gate)
      return this.#pass(from, data);
    this.#waiting = [[from, data]];
    this.#gather();
  }

  #gather(): void {
    const gate = this.#context.gate();
    this.#context.facts().then(
      (facts) =>
        this.#attempt(() =>
          this.#context.gate() === gate ? this.#resume(gate, facts) : this.#gather(),
        ),
      (cause: unknown) => this.#fail(cause),
    );
  }

  #resume(gate: Gate, facts: Facts): void {
    this.#facts = facts;
    this.#gate = gate;
    this.#gathered = Date.now();
    // The next message has the session judged again, also a message from the origin.
    this.#revision = -1;
    const waiting = this.#waiting ?? [];
    this.#forget();
    for (const [from, data] of waiting) this.#pass(from, data);
    this.#last?.();
  }

  #pass(from: Side, data: Message): void {
    if (this.#ended) return;
    if (from === this.#client) {
      if (!this.#passes(view(data))) return;
      this.#origin.send(data);
      if (this.#held.length > 0 && this.#session.feedOrigin() === true) this.#release();
      return;
    }
    // A switch, or the date of a rule, can end a session whose client is silent.
    const again =
      this.#session.isLost ||
      this.#gate.revision !== this.#revision ||
      Date.now() - this.#judged >= AGAIN_MS;
    if (again && !this.#passes()) return;
    const goes = this.#session.feedOrigin(view(data));
    if (goes === undefined) return this.#cut();
    if (!goes && !this.#acknowledged && !isError(data)) return this.#hold(data);
    if (goes) this.#release();
    this.#client.send(data);
  }

  #hold(data: Message): void {
    const giveUp = () => {
      this.#session.giveUp();
      this.#cut();
    };
    if (this.#heldBytes + size(data) > HELD_MESSAGE_BYTES) return giveUp();
    if (!this.#takes(data)) return;
    this.#held.push(data);
    this.#heldBytes += size(data);
    this.#timer ??= setTimeout(() => this.#attempt(giveUp), this.#context.hold ?? HELD_MS);
  }

  #release(): void {
    for (const data of this.#held) this.#client.send(data);
    this.#drop();
  }

  #drop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#held = [];
    this.#context.budget.give(this.#heldBytes);
    this.#heldBytes = 0;
  }

  /** Forgets the waiting messages. */
  #forget(): void {
    this.#waiting = undefined;
    this.#context.budget.give(this.#bytes);
    this.#bytes = 0;
  }

  /** Takes a message's size from the budget; if too little is left, closes the session. */
  #takes(data: Message): boolean {
    const fits = this.#context.budget.take(size(data));
    if (!fits) this.#both(1013, "too much is held; connect again");
    return fits;
  }

  /** Judges a message, or what the session is known to run. A refusal ends the session. */
  #passes(message?: string | Uint8Array): boolean {
    this.#revision = this.#gate.revision;
    this.#judged = Date.now();
    if (this.#session.admits(this.#gate, this.#facts, message) !== false) return true;
    this.#cut();
    return false;
  }

  /** Ends a refused session. */
  #cut(): void {
    const { refusal } = this.#session;
    this.#ended = true;
    clearTimeout(this.#life);
    this.#drop();
    this.#forget();
    this.#context.decided(this.#session);
    shut(this.#origin, 1008, "refused by policy");
    if (refusal !== undefined) refuse(this.#client, refusal);
  }

  /** Runs `work`. An error of the gate ends the session, so that no message goes on unjudged. */
  #attempt(work: () => void): void {
    if (this.#ended) return;
    try {
      work();
    } catch (cause) {
      this.#fail(cause);
    }
  }

  #fail(cause: unknown): void {
    if (this.#ended) return;
    this.#context.fault(cause, this.#session.caseId);
    this.#both(ORIGIN_FAILED, "the gate failed; connect again");
  }

  #both(code: number, reason: string): void {
    this.#end(this.#origin, code, reason);
    shut(this.#client, code, reason);
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

/**
 * Refuses an upgrade. The socket is opened, because a client cannot see the body of a refused
 * upgrade.
 */
function turnAway(
  { request, sockets, isCredential }: RelayContext,
  { refusal }: Session,
): Response {
  const headers = new Headers();
  // A browser that offered protocols requires one of them in the response. A credential must not be
  // repeated.
  const protocol = request.headers
    .get("sec-websocket-protocol")
    ?.split(",")
    .map((one) => one.trim())
    .find((one) => one !== "" && !isCredential(one));
  if (protocol !== undefined) headers.set("sec-websocket-protocol", protocol);
  const { side, response } = sockets.accept(headers);
  side.accept();
  if (refusal !== undefined) refuse(side, refusal);
  return response;
}

function refuse(client: Side, { event, code, reason }: NonNullable<Session["refusal"]>): void {
  try {
    if (event !== "") client.send(event);
  } catch {
    // The client is gone.
  }
  shut(client, code, reason);
}

/** Whether a message is an error event, which holds no output of a model. */
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

/** Closes a side with the other side's code. 1005 means that it gave no code, so none is sent. */
function shut(side: Side, code: number, reason: string): void {
  try {
    if (code === 1005) side.close();
    else side.close(code, reason);
  } catch {
    // The side is closed.
  }
}
