/**
 * A policy, loaded and ready to decide. Facts and requests come in, judgements go out; nothing is fetched, forwarded or
 * kept here: the platform adapters do that.
 */
import { Account as Handle, Edge, type Reader } from "../wasm/edge.js";
import { type Buffered, type Bytes, bytesOf } from "./input.ts";
import type { Decoder, Decoding } from "./wasm/decoder.ts";
import { type Code, PortcullisError, invalid } from "./error.ts";
import {
  type Facts,
  type Settled,
  factsLine,
  isList,
  isMissing,
  record,
  settled,
  whole,
} from "./wasm/wire.ts";
import {
  type Head,
  type HeaderLines,
  type ReadHead,
  headOf,
  headerLines,
  isStatus,
  methods,
  pairs,
} from "./http/head.ts";
import {
  type CompiledModule,
  type ModuleSource,
  enter,
  generation,
  start,
  startSync,
} from "./wasm/instance.ts";

/** What a gate is made of. */
export interface GateOptions<Source = ModuleSource> {
  /** The edge module, `portcullis/edge.wasm`. All gates of an isolate share the first one given. */
  readonly module: Source;
  /** A bundle, as `portcullis compile` writes it: a buffer or a view of one. */
  readonly bundle: Buffered;
  /** The secret that the bundle's secret lists are keyed with. Without it, membership in them is unknown. */
  readonly listKey?: Buffered | null | undefined;
  /** What undoes content codings. Without it, a coded body that must be read is refused. */
  readonly decoder?: Decoder | null | undefined;
}

/** Where a guarded dialect takes a credential. */
export interface CredentialSlot {
  /** `protocol`: an item of `Sec-WebSocket-Protocol` that starts with `name`, for browsers cannot set headers there. */
  readonly in: "header" | "query" | "protocol";
  readonly name: string;
  readonly scheme: "bearer" | "plain";
}

/** What a bundle says of itself. */
export interface BundleInfo {
  readonly id: string;
  readonly title: string;
  readonly version: number;
  /** Milliseconds since the epoch, after which the bundle is stale; null: never. */
  readonly expires: number | null;
  /** SHA-256 of the content, hex. */
  readonly digest: string;
  readonly dialects: readonly {
    readonly id: string;
    readonly prefix: string;
    readonly credentials: readonly CredentialSlot[];
  }[];
  readonly facts: readonly { readonly name: string; readonly claim: string }[];
  /** Whether some list needs `listKey`. */
  readonly secretLists: boolean;
  /** What a rule rests on that not every platform supplies; `operation`: on which operation of an API it is. */
  readonly needs: {
    readonly region: boolean;
    readonly asn: boolean;
    readonly ip: boolean;
    readonly operation: boolean;
    readonly network: readonly string[];
  };
}

/** A family of models that a caller may not use. */
export interface DeniedFamily {
  readonly id: string;
  readonly title: string;
  /** What the person should be told. */
  readonly message: string;
  /** Ids of the restrictions that say so. */
  readonly restrictions: readonly string[];
}

/** What a caller may not use, before any request names a model. */
export interface Reach {
  /** True if nothing is denied. */
  readonly empty: boolean;
  readonly families: readonly DeniedFamily[];
}

/** What becomes of a request. */
export interface Judgement {
  readonly verdict: "pass" | "deny" | "refuse" | "defer";
  /** 200 for `pass` and `defer`. */
  readonly status: number;
  /** Model ids found in the request; empty if it did not have to be read. */
  readonly mentions: readonly string[];
  readonly families: readonly string[];
  readonly restrictions: readonly string[];
  readonly licences: readonly string[];
  /** Stable code. */
  readonly reason: string;
}

/** The answer that a denied or refused caller gets, in the words of the API that it speaks. */
export interface Refusal {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** A head and a body in hand, in a plain object, for callers that hold the whole request. */
export interface HeldRequest extends Head {
  /** Left out, or null: there is none. */
  readonly body?: Bytes | null | undefined;
}

/** What of a `Request` is asked for, whoever made its class. */
export interface StreamedRequest extends Head {
  readonly headers: HeaderLines;
  /** Left out where the runtime has no streams of requests. */
  readonly body?: { readonly locked: boolean; getReader(): unknown } | null | undefined;
  readonly bodyUsed: boolean;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** What an answer must be held against, as the edge module counts. */
export const CHECK = Object.freeze({
  nothing: 0,
  filter: 1,
  lenient: 2,
  strict: 3,
  acknowledged: 4,
});
/** Why an answer does not go: what was read of it, nothing tells what ran, its time is up, too much is held. */
export const WITHHELD = Object.freeze({ cut: 0, unproven: 1, outlived: 2, exhausted: 3 });

/** What may go of an answer: so many of the bytes that were taken or, of a list, these rows. */
export interface Freed {
  readonly free: number;
  readonly cut: boolean;
  readonly rows: Uint8Array;
}

/** What a rule may be switched to. */
export type SwitchState = "on" | "off" | "shadow";

// Bits of the edge module's `reach`.
const NON_EMPTY = 1;
const GUARDED = 4;
const LICENSED = 16;
const INVALID = 32;
const NOTHING: Reach = Object.freeze({ empty: true, families: Object.freeze([]) });
/** Bytes of a body that are copied into the module at a time. */
const COPIED_BYTES = 64 * 1024;

/**
 * A caller's account, its values sorted into the classes that the policy can tell apart. Make it once and keep it: a
 * decision then only looks classes up. It remembers what it was made from, so a replaced instance makes it again.
 */
export class Account {
  readonly #gate: Gate;
  readonly #make: () => Handle;
  #handle: Handle | undefined;
  #made = -1;
  #freed = false;

  /** @internal Made by {@link Gate.account} and {@link Gate.accountByName}. */
  constructor(gate: Gate, make: () => Handle) {
    this.#gate = gate;
    this.#make = make;
  }

  /** @internal */
  use(gate: Gate, work: (handle: Handle) => void): void {
    if (gate !== this.#gate)
      throw new PortcullisError("input_invalid", "this account was sorted for another policy");
    if (this.#handle === undefined || this.#made !== generation()) {
      this.#handle = this.#make();
      this.#made = generation();
    }
    try {
      work(this.#handle);
    } finally {
      if (this.#freed) this.free();
    }
  }

  /** Gives its wasm memory back. Using it again is allowed and costs making it again. */
  free(): void {
    this.#freed = true;
    // Freeing a handle of a replaced instance would free somebody else's memory.
    if (this.#made === generation()) this.#handle?.free();
    this.#handle = undefined;
  }
}

export class Gate {
  readonly info: BundleInfo;
  readonly #options: Made;
  /** What was switched, for an instance that is loaded again. */
  readonly #switched = new Map<string, SwitchState>();
  #edge!: Edge;
  #generation = -1;
  #revision = 0;
  #unknown: Account;
  #plain: Judgement[] = [];

  private constructor({ bundle, listKey, decoder }: Omit<GateOptions, "module">) {
    if (typeof bundle === "string" || typeof listKey === "string")
      throw invalid("`bundle` and `listKey` are bytes");
    if (!isMissing(decoder) && typeof decoder.open !== "function")
      throw invalid("`decoder` is none");
    this.#options = {
      bundle: bytesOf(bundle, "`bundle`"),
      listKey: isMissing(listKey) ? undefined : bytesOf(listKey, "`listKey`"),
      decoder: decoder ?? undefined,
    };
    this.#unknown = this.accountByName({});
    this.info = JSON.parse(this.#enter((edge) => edge.info())) as BundleInfo;
  }

  /**
   * Starts the module, if this isolate has none yet, and checks the bundle, in time linear in its size.
   * @throws PortcullisError `module_unusable`, `input_invalid` or one of the `bundle_` codes
   */
  static async load(options: GateOptions): Promise<Gate> {
    record(options, "the options");
    await start(options.module);
    return new Gate(options);
  }

  /** The same, at once, where the platform hands out compiled modules. */
  static loadSync(options: GateOptions<CompiledModule>): Gate {
    record(options, "the options");
    startSync(options.module);
    return new Gate(options);
  }

  /**
   * Sorts an account record: facts where the policy's `claim` pointers say; wrong types in there are unknown. It is copied, so that it may change.
   * @throws PortcullisError `input_invalid` for what is no object; who has no record is told by leaving `account` out of the facts
   */
  account(data: unknown): Account {
    const kept = copied(data);
    return new Account(this, () => this.#enter((edge) => edge.account(kept)));
  }

  /** The same from `{ fact: value }`. */
  accountByName(facts: Readonly<Record<string, unknown>>): Account {
    const kept = copied(facts);
    return new Account(this, () => this.#enter((edge) => edge.accountByName(kept)));
  }

  /** What this caller may not use; with a request, on that operation, else on one that nobody knows. */
  reach(facts: Facts, request: Pick<Head, "method" | "url"> = this.#anywhere()): Reach {
    const head = headOf(request);
    const known = settled(facts);
    const bits = this.#reach(head, known);
    if ((bits & NON_EMPTY) === 0) return NOTHING;
    const ask = this.#families(head, known);
    return {
      empty: false,
      get families() {
        return ask();
      },
    };
  }

  /**
   * Judges a request. A `Request`, of whatever realm or package, is read to its end, unless the verdict is settled before; clone it to forward it.
   * @throws PortcullisError `input_invalid` for a body that is neither bytes nor a text, that somebody else has read or reads, and for facts that are none
   */
  judge(request: StreamedRequest, facts: Facts): Promise<Judgement>;
  judge(request: HeldRequest, facts: Facts): Judgement;
  judge(request: StreamedRequest | HeldRequest, facts: Facts): Judgement | Promise<Judgement> {
    return isStreamed(request)
      ? this.#judgeStreamed(request, facts)
      : this.#judgeHeld(request, facts);
  }

  async #judgeStreamed(request: StreamedRequest, facts: Facts): Promise<Judgement> {
    const { body, bodyUsed } = request;
    if (
      isMissing(request.headers) ||
      bodyUsed !== false ||
      (!isMissing(body) && (typeof body.getReader !== "function" || body.locked))
    ) {
      throw invalid("no headers, or a body that is read already or no Web stream");
    }
    const head = headOf(request);
    const known = settled(facts);
    const bits = this.#reach(head, known);
    return (bits & NON_EMPTY) === 0
      ? this.#passed(bits)
      : drain(this.#read(head, known, bits), request);
  }

  #judgeHeld(request: HeldRequest, facts: Facts): Judgement {
    const head = headOf(request);
    // A server's own request would seem to have no body: it is a stream itself, or keeps the body elsewhere.
    const above: unknown = Object.getPrototypeOf(request);
    if (above !== null && Object.getPrototypeOf(above) !== null)
      throw invalid("the request is neither a `Request` nor a plain object");
    const { body: given } = request;
    const body = isMissing(given) ? undefined : bytesOf(given, "the body");
    const known = settled(facts);
    const bits = this.#reach(head, known);
    if ((bits & NON_EMPTY) === 0) return this.#passed(bits);
    const reading = this.#read(head, known, bits);
    try {
      if (body !== undefined && reading.wantsBody) reading.feed(body);
      return reading.finish();
    } finally {
      reading.release();
    }
  }

  /**
   * Begins to judge a request whose body comes in pieces; undefined if the caller may use everything, so that nothing need
   * be read. The reading must be finished or released.
   */
  open(head: Head, facts: Facts): Reading | undefined {
    return this.approach(head, facts).reading;
  }

  /** The same, and whether the target lies where a guarded API is served. */
  approach(
    head: Head,
    facts: Facts,
  ): { readonly guarded: boolean; readonly reading: Reading | undefined } {
    const read = headOf(head);
    const known = settled(facts);
    const bits = this.#reach(read, known);
    return {
      guarded: (bits & GUARDED) !== 0,
      reading: (bits & NON_EMPTY) === 0 ? undefined : this.#read(read, known, bits),
    };
  }

  /** @internal The steps of a {@link Session}: what the caller may not use now, and then work on the module that knows it. */
  step<T>(
    head: Head,
    facts: Facts,
    work: (edge: Edge, nonEmpty: boolean, guarded: boolean, headers: () => string) => T,
  ): T {
    const read = headOf(head);
    const bits = this.#reach(read, settled(facts));
    return this.#enter((edge) =>
      work(edge, (bits & NON_EMPTY) !== 0, (bits & GUARDED) !== 0, () => headerLines(read.headers)),
    );
  }

  /** Counts the changes of what this gate rests on: who was judged before the last one is to be judged again. */
  get revision(): number {
    return this.#revision;
  }

  /**
   * Turns one restriction or licence `on`, `off` or to `shadow`; false if the policy has none of that id. It holds until it is switched again, also
   * where the module is replaced or the policy loaded again.
   * @throws PortcullisError `input_invalid` for any other state
   */
  switch(id: string, state: SwitchState): boolean {
    if (typeof id !== "string" || !["on", "off", "shadow"].includes(state))
      throw invalid("no id of a rule, or a state other than on, off and shadow");
    const known = this.#enter((edge) => edge.switch(id, state));
    if (known) {
      this.#switched.set(id, state);
      this.#revision += 1;
    }
    return known;
  }

  /** Gives its wasm memory back; what it has begun to read is read to its end. Using it again is allowed and costs loading it again. */
  free(): void {
    if (this.#generation === generation()) this.#edge.free();
    this.#generation = -1;
    this.#unknown.free();
    this.#unknown = this.accountByName({});
  }

  #reach(head: ReadHead, facts: Settled): number {
    const byOperation = this.info?.needs.operation === true;
    const text = `${byOperation ? methods(head) : head.method}\n${head.url}\n${factsLine(facts)}`;
    const account = facts.account ?? this.#unknown;
    const accounts: readonly unknown[] = isList(account)
      ? account.length === 0
        ? [this.#unknown]
        : account
      : [account];
    const bits = this.#enter((edge) => {
      edge.begin();
      for (const one of accounts) {
        if (!(one instanceof Account))
          throw invalid("an account is not from `gate.account` or `gate.accountByName`");
        one.use(this, (handle) => edge.candidate(handle));
      }
      return edge.reach(text, facts.now);
    });
    if ((bits & INVALID) !== 0) throw invalid("`asn`, `ip` or `network` is not what facts may be");
    return bits;
  }

  /** The verdict on a request that nothing closes; where no licence had a part in it, it is always the same. */
  #passed(bits: number): Judgement {
    const ask = (): Judgement => this.#enter((edge) => JSON.parse(edge.verdict()) as Judgement);
    return (bits & LICENSED) === 0 ? (this.#plain[bits & GUARDED] ??= ask()) : ask();
  }

  /** The second step, at once after the first: the edge module keeps one reach. */
  #read(head: ReadHead, facts: Settled, bits: number): Reading {
    const headers = headerLines(head.headers);
    const reader = this.#enter((edge) => edge.read(headers));
    return new Reading(
      (bits & GUARDED) !== 0,
      reader,
      this.#families(head, facts),
      this.#options.decoder,
    );
  }

  /** Which families are closed and why is more than whether any is, and seldom asked: it is worked out when it is. */
  #families({ method, url, headers }: ReadHead, facts: Settled): () => readonly DeniedFamily[] {
    let found: readonly DeniedFamily[] | undefined;
    return () => {
      if (found === undefined) {
        this.#reach({ method, url, headers }, facts);
        found = JSON.parse(this.#enter((edge) => edge.families())) as DeniedFamily[];
      }
      return found;
    };
  }

  #anywhere(): Pick<Head, "method" | "url"> {
    return { method: "POST", url: `${this.info.dialects[0]?.prefix ?? ""}/` };
  }

  #enter<T>(work: (edge: Edge) => T): T {
    if (this.#generation !== generation()) {
      this.#edge = enter(generation(), () => load(this.#options, this.#switched));
      this.#generation = generation();
    }
    return enter(this.#generation, () => work(this.#edge));
  }
}

/** A request that is being judged, of a caller who may not use everything. */
export class Reading {
  /** Whether the target lies where a guarded API is served. */
  readonly guarded: boolean;
  #caseId = "";
  readonly #families: () => readonly DeniedFamily[];
  readonly #generation = generation();
  readonly #decoder: Decoder | undefined;
  #codings: string | undefined;
  #decoding: Decoding | undefined;
  /** No more bytes are wanted, or there are none. */
  #ended = false;
  #reader: Reader | undefined;
  #judgement: Judgement | undefined;
  #check: number | undefined;
  #kept = false;
  /** The origin can say that it has enforced the reach. Without, what nothing else can tell is denied instead of deferred. */
  acknowledges = true;
  #refusal: Refusal | undefined;
  #denied = "";

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

  /** Names the case in the refusal, if it comes to one. */
  get caseId(): string {
    return this.#caseId;
  }

  set caseId(id: string) {
    this.#caseId = whole(id, "caseId");
  }

  /** False: the verdict is settled, or there is nothing to read. */
  get wantsBody(): boolean {
    const reader = this.#reader;
    return (
      reader !== undefined &&
      this.#judgement === undefined &&
      enter(this.#generation, () => reader.wantsBody())
    );
  }

  /** Whether the body is under content codings, which are then undone here. */
  get coded(): boolean {
    const reader = this.#reader;
    if (reader === undefined || this.#decoder === undefined) return false;
    return (this.#codings ??= enter(this.#generation, () => reader.codings())) !== "";
  }

  /** Whether a digest or a signature covers the body, so that it must go on as it came. */
  get signed(): boolean {
    const reader = this.#reader;
    return reader !== undefined && enter(this.#generation, () => reader.signed());
  }

  /** Takes the next bytes of the body. True: settled, no further byte can change the verdict to the better. */
  feed(piece: Bytes): boolean {
    const bytes = bytesOf(piece, "a piece of the body");
    if (!this.coded) return this.scan(bytes);
    for (const decoded of this.decode(bytes)) if (this.scan(decoded)) break;
    return this.#ended;
  }

  /** The same for bytes that are not coded, or no longer. */
  scan(piece: Bytes): boolean {
    const bytes = bytesOf(piece, "a piece of the body");
    const reader = this.#reader;
    if (reader === undefined || this.#judgement !== undefined) return (this.#ended = true);
    return enter(this.#generation, () => {
      // What is copied into the module in small pieces is still in the processor's cache when it is read.
      for (let at = 0; at < bytes.length; at += COPIED_BYTES) {
        if (reader.feed(bytes.subarray(at, at + COPIED_BYTES))) return (this.#ended = true);
      }
      return false;
    });
  }

  /**
   * The pieces that more coded bytes give, or, undefined, the end of them; they are not scanned yet. It returns whether that was all: if the
   * bytes cannot be decoded, it is, and the judgement says why.
   */
  *decode(coded: Bytes | undefined): Generator<Uint8Array, boolean> {
    const bytes = coded === undefined ? undefined : bytesOf(coded, "a piece of the body");
    const reader = this.#reader;
    // A body of no bytes is none, whatever the headers say of it.
    if (this.#ended || reader === undefined || (this.#decoding === undefined && !bytes?.length))
      return bytes === undefined;
    if (this.#decoding === undefined) {
      this.#decoding = this.#decoder?.open(this.#codings ?? "", this.signed);
      enter(this.#generation, () => reader.decoded(0));
    }
    const decoding = this.#decoding as Decoding;
    this.#ended = bytes === undefined;
    decoding.feed(bytes);
    for (let piece = decoding.next(); piece !== undefined; piece = decoding.next()) yield piece;
    const { trouble } = decoding;
    if (trouble === 0) return this.#ended;
    enter(this.#generation, () => reader.decoded(trouble));
    return (this.#ended = true);
  }

  /** The body has ended, or the verdict is settled. Further calls give the same judgement. */
  finish(): Judgement {
    const reader = this.#reader;
    if (reader !== undefined && this.#judgement === undefined) {
      if (this.coded) for (const piece of this.decode(undefined)) this.scan(piece);
      enter(this.#generation, () => {
        reader.finish();
        this.#check = reader.check();
        if (this.#check === CHECK.acknowledged && !this.acknowledges)
          reader.withhold(WITHHELD.unproven);
        this.#told(reader);
      });
      this.#decoding?.free();
      this.#decoding = undefined;
    }
    if (this.#judgement === undefined)
      throw new PortcullisError("replaced", "the reading is released");
    return this.#judgement;
  }

  #told(reader: Reader): void {
    this.#judgement = JSON.parse(reader.verdict()) as Judgement;
    const goes = passes(this.#judgement);
    this.#denied = goes ? reader.denied() : "";
    if (!goes) this.#refusal = JSON.parse(reader.refusal(this.caseId)) as Refusal;
  }

  /** As it is by now: an answer that does not go makes another of it. */
  get judgement(): Judgement | undefined {
    return this.#judgement;
  }

  /** What the request asks for, for a log: dialect, blank and operation; empty where no dialect knows it. */
  get operation(): string {
    const reader = this.#reader;
    return reader === undefined ? "" : enter(this.#generation, () => reader.operation());
  }

  /** What the origin's answer must be held against, one of {@link CHECK}; undefined until the reading is finished. */
  get check(): number | undefined {
    return this.#check;
  }

  /** Begins to read the origin's answer. `unread`: only its form is wanted. */
  beginAnswer(answer: Pick<Response, "status" | "headers">, unread: boolean): void {
    const { status, headers } = Object(answer) as typeof answer;
    if (!isStatus(status)) throw invalid("no status of an answer");
    const lines = headerLines(pairs(headers));
    this.#answer((reader) => reader.beginAnswer(status, lines, unread === true));
  }

  /** Takes the next bytes of the answer: how many of those that were taken may go, and whether no more may. */
  feedAnswer(piece: Bytes): Freed {
    const bytes = bytesOf(piece, "a piece of the answer");
    return this.#answer((reader) => freed(reader, reader.feedAnswer(bytes)));
  }

  /** The answer has ended. */
  endAnswer(): Freed {
    return this.#answer((reader) => freed(reader, reader.endAnswer()));
  }

  /** Where a page of a list goes on, backwards and forwards, of which no row is left; empty otherwise. */
  cursors(): readonly [string, string] {
    return this.#answer((reader) => [reader.cursor(false), reader.cursor(true)] as const);
  }

  /** Turns the judgement into a denial or refusal, for one of the reasons of {@link WITHHELD}. */
  withhold(why: number): Refusal | undefined {
    this.#answer((reader) => {
      reader.withhold(why);
      this.#told(reader);
    });
    return this.#refusal;
  }

  /** The refusal in the form of an answer that has begun; empty: there is none. */
  lastWords(): Uint8Array {
    return this.#answer((reader) => reader.lastWords(this.caseId));
  }

  #answer<T>(work: (reader: Reader) => T): T {
    const reader = this.#reader;
    if (reader === undefined) throw new PortcullisError("replaced", "the reading is released");
    return enter(this.#generation, () => work(reader));
  }

  /** The answer is still being read when the request is done with: whoever reads it releases the reading. */
  keep(): void {
    this.#kept = true;
  }

  /** The request is done with. */
  done(): void {
    if (!this.#kept) this.release();
  }

  /** What to answer if the judgement is `deny` or `refuse`; undefined otherwise. */
  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  /** Ids of the families that the caller may not use, each in quotes and blanks between, for the origin; `*`: models of no family. */
  get denied(): string {
    const reader = this.#reader;
    return reader === undefined || this.#judgement !== undefined
      ? this.#denied
      : enter(this.#generation, () => reader.denied());
  }

  /** What the caller may not use, and why. */
  get families(): readonly DeniedFamily[] {
    return this.#families();
  }

  /** Gives the reader's wasm memory back; harmless if that has happened. */
  release(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    this.#decoding?.free();
    this.#decoding = undefined;
    if (reader !== undefined && this.#generation === generation()) reader.free();
  }
}

function freed(reader: Reader, free: number): Freed {
  return { free, cut: reader.isCut(), rows: reader.rows() };
}

/** Whether the request goes on to the origin. */
export function passes(judgement: Judgement): boolean {
  const verdict = judgement?.verdict;
  return verdict === "pass" || verdict === "defer";
}

/** The options of a gate, read. */
interface Made {
  readonly bundle: Uint8Array;
  readonly listKey: Uint8Array | undefined;
  readonly decoder: Decoder | undefined;
}

function load({ bundle, listKey }: Made, switched: ReadonlyMap<string, SwitchState>): Edge {
  let edge: Edge;
  try {
    edge = new Edge(bundle, listKey);
  } catch (cause) {
    const code = (cause as { code?: Code }).code;
    if (!(cause instanceof Error) || code === undefined) throw cause;
    throw new PortcullisError(code, cause.message, { cause });
  }
  for (const [id, state] of switched) edge.switch(id, state);
  return edge;
}

/** A record of our own: what it holds stays what it was, and no getter runs while the module reads it. */
function copied(data: unknown): Readonly<Record<string, unknown>> {
  try {
    return structuredClone(record(data, "the account record"));
  } catch (cause) {
    throw cause instanceof PortcullisError
      ? cause
      : invalid("the account record holds what is no data", cause);
  }
}

/** Told by its shape: classes of other packages and realms are none of this one's. */
function isStreamed(request: StreamedRequest | HeldRequest): request is StreamedRequest {
  return (
    typeof (request as Partial<StreamedRequest> | null | undefined)?.arrayBuffer === "function"
  );
}

async function drain(reading: Reading, request: StreamedRequest): Promise<Judgement> {
  const { body } = request;
  let reader: ReadableStreamDefaultReader<unknown> | undefined;
  try {
    if (body === null || !reading.wantsBody) return reading.finish();
    if (body === undefined) {
      reading.feed(await request.arrayBuffer().catch(broken));
      return reading.finish();
    }
    reader = body.getReader() as ReadableStreamDefaultReader<unknown>;
    for (;;) {
      const { done, value } = await reader.read().catch(broken);
      if (done) return reading.finish();
      // What such a stream is sent as, every runtime has its own answer to.
      if (typeof value === "string") throw invalid("the body is a stream of texts");
      if (reading.feed(value as Bytes)) return reading.finish();
    }
  } finally {
    reading.release();
    reader?.cancel().catch(() => undefined);
  }
}

function broken(cause: unknown): never {
  throw new PortcullisError("body_unusable", "the body broke off", { cause });
}
