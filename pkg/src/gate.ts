/**
 * A policy, loaded and ready to decide.
 *
 * Facts and requests come in, verdicts go out. A gate fetches, forwards and stores nothing;
 * `http/handler.ts` puts its verdicts into effect.
 */
import { Edge, fault } from "../wasm/edge.js";
import { UNRESTRICTED, accessOf } from "./access.ts";
import { Account } from "./account.ts";
import { type Code, PortcullisError, broken, invalid } from "./error.ts";
import { type CheckedHead, headOf } from "./head.ts";
import { type Bytes, bytesOf, isList, isMissing, record } from "./input.ts";
import { Screening } from "./screening.ts";
import type {
  Access,
  BundleInfo,
  DeniedFamily,
  Facts,
  GateOptions,
  Head,
  HeldRequest,
  SettledFacts,
  StreamedRequest,
  SwitchState,
  Verdict,
} from "./types.ts";
import type { Decoder } from "./wasm/decoder.ts";
import { type CompiledModule, enter, generation, start, startSync } from "./wasm/instance.ts";
import {
  GUARDED,
  INVALID,
  LICENSED,
  READ,
  access,
  accountText,
  headerText,
  member,
  settled,
  valueAt,
} from "./wasm/wire.ts";

/**
 * The beginning of a screening: facts and target are known, headers and body are not.
 *
 * @internal
 */
export interface Begun {
  /** Whether a guarded API serves the target. */
  readonly guarded: boolean;
  /** Undefined if the request passes unread. */
  readonly screening: Screening | undefined;
}

/**
 * A loaded policy that judges requests.
 *
 * @example
 * ```js
 * const gate = await Gate.load({ module, bundle });
 * const account = gate.account({ export: { us_person_ear: true } });
 * const head = { method: "POST", url: "/v1/chat/completions", headers };
 * const { verdict } = gate.judge({ ...head, body }, { place: { country: "FR" }, account });
 * ```
 */
export class Gate {
  /** The description of the bundle. */
  readonly info: BundleInfo;
  readonly #options: CheckedOptions;
  /** The switches thrown so far, for an instance that is loaded again. */
  readonly #switched = new Map<string, SwitchState>();
  #edge!: Edge;
  #generation = -1;
  #revision = 0;
  #unknown: Account;
  #plain: Verdict[] = [];

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
    this.info = JSON.parse(this.#enter((edge) => edge.info())) as BundleInfo;
    this.#unknown = this.accountByName({});
  }

  /**
   * Loads a policy. Starts the edge module if this isolate runs none yet, and checks the bundle in
   * linear time.
   *
   * @throws PortcullisError `module_unusable`, `input_invalid`, `list_key_wrong` or a `bundle_`
   *   code
   * @example
   * ```js
   * import { readFile } from "node:fs/promises";
   *
   * const module = await readFile(new URL(import.meta.resolve("portcullis/edge.wasm")));
   * const gate = await Gate.load({ module, bundle: await readFile("policy.bundle") });
   * ```
   */
  static async load(options: GateOptions): Promise<Gate> {
    record(options, "the options");
    await start(options.module);
    return new Gate(options);
  }

  /** Does the same synchronously, for platforms that provide compiled modules. */
  static loadSync(options: GateOptions<CompiledModule>): Gate {
    record(options, "the options");
    startSync(options.module);
    return new Gate(options);
  }

  /**
   * Classifies an account record. Each fact is read where the policy's `claim` pointer (RFC 6901)
   * points. A value of a wrong type is unknown. The record is copied.
   *
   * @throws PortcullisError `input_invalid` if the record is no object of data. For a caller
   *   without a record leave `account` out of the facts.
   */
  account(data: unknown): Account {
    return this.#account(data, (record, { claim }) => valueAt(record, claim));
  }

  /** Classifies an account given as `{ fact: value }`. */
  accountByName(facts: Readonly<Record<string, unknown>>): Account {
    return this.#account(facts, (record, { name }) => member(record, name));
  }

  /**
   * Returns what a caller may and may not use.
   *
   * @param request An operation that takes the model's name in its JSON body. The answers hold for
   *   that operation. It may be left out if no rule of the policy depends on the operation
   *   (`info.needs.operation`). The answers then hold for every operation.
   * @throws PortcullisError `input_invalid`, also if the request is left out and a rule depends on
   *   the operation
   */
  access(facts: Facts, request?: Pick<Head, "method" | "url">): Access {
    const { needs, dialects } = this.info;
    if (request === undefined && needs.operation) throw invalid("the policy needs an operation");
    const { method, url } = headOf(
      // A target below a guarded prefix that is no operation.
      request === undefined ? { method: "POST", url: `${dialects[0]?.prefix ?? ""}/` } : request,
    );
    const headers = [["content-type", "application/json"]] as const;
    const head = { method, url, headers };
    const known = settled(facts);
    if ((this.#access(head, known) & READ) === 0) return UNRESTRICTED;
    return accessOf(this.#families(head, known), (body) =>
      this.#judgeHeld({ ...head, body }, known),
    );
  }

  /**
   * Judges a request.
   *
   * A `Request`, of any realm or package, is read up to the point where its verdict is settled;
   * clone it to forward it. A plain object `{ method, url, headers, body }` is judged
   * synchronously.
   *
   * @throws PortcullisError `input_invalid` for facts, heads and bodies of the wrong kind, and for
   *   a body that other code has read or reads; `body_unusable` for a body that breaks off;
   *   `trapped`, `replaced`
   */
  judge(request: StreamedRequest, facts: Facts): Promise<Verdict>;
  judge(request: HeldRequest, facts: Facts): Verdict;
  judge(request: StreamedRequest | HeldRequest, facts: Facts): Verdict | Promise<Verdict> {
    return isStreamed(request)
      ? this.#judgeStreamed(request, facts)
      : this.#judgeHeld(request, facts);
  }

  async #judgeStreamed(request: StreamedRequest, facts: Facts): Promise<Verdict> {
    const { body, bodyUsed } = request;
    if (
      isMissing(request.headers) ||
      bodyUsed !== false ||
      (!isMissing(body) && (typeof body.getReader !== "function" || body.locked))
    )
      throw invalid("no headers, or a body that is in use or is no Web stream");
    const head = headOf(request);
    const known = settled(facts);
    const bits = this.#access(head, known);
    return (bits & READ) === 0 ? this.#passed(bits) : drain(this.#read(head, known, bits), request);
  }

  #judgeHeld(request: HeldRequest, facts: Facts): Verdict {
    const head = headOf(request);
    // A server's own request object is a stream or keeps its body elsewhere, so it would seem to
    // have no body.
    const prototype: unknown = Object.getPrototypeOf(request);
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
      throw invalid("the request is neither a `Request` nor a plain object");
    const { body: given } = request;
    const body = isMissing(given) ? undefined : bytesOf(given, "the body");
    const known = settled(facts);
    const bits = this.#access(head, known);
    if ((bits & READ) === 0) return this.#passed(bits);
    const screening = this.#read(head, known, bits);
    try {
      if (body !== undefined && screening.wantsBody) screening.feed(body);
      return screening.finish();
    } finally {
      screening.release();
    }
  }

  /**
   * Begins to judge a request whose body arrives in pieces.
   *
   * @returns Undefined if the request passes unread. Otherwise release the screening at the end.
   * @throws PortcullisError `input_invalid`
   */
  open(head: Head, facts: Facts): Screening | undefined {
    return this.begin(head, facts).screening;
  }

  /** @internal Does the same, and tells whether a guarded API serves the target. */
  begin(head: Head, facts: Facts): Begun {
    const read = headOf(head);
    const known = settled(facts);
    const bits = this.#access(read, known);
    return {
      guarded: (bits & GUARDED) !== 0,
      screening: (bits & READ) === 0 ? undefined : this.#read(read, known, bits),
    };
  }

  /**
   * @internal Calls `work` with the module, which then knows what the caller of a {@link Session}
   *   may use now.
   */
  step<T>(
    head: Head,
    facts: Facts,
    work: (edge: Edge, restricted: boolean, guarded: boolean, headers: () => string) => T,
  ): T {
    const read = headOf(head);
    const bits = this.#access(read, settled(facts));
    return this.#enter((edge) =>
      work(edge, (bits & READ) !== 0, (bits & GUARDED) !== 0, () => headerText(read.headers)),
    );
  }

  /** Counts the switches thrown. A verdict from before the last one may be out of date. */
  get revision(): number {
    return this.#revision;
  }

  /**
   * Turns one restriction or licence `on`, `off` or to `shadow`. The state stays until the next
   * switch, also after the module's instance was replaced.
   *
   * @returns False if the policy has no such rule
   * @throws PortcullisError `input_invalid` for any other state
   */
  switch(id: string, state: SwitchState): boolean {
    if (typeof id !== "string" || !["on", "off", "shadow"].includes(state))
      throw invalid("no id or no state of a rule");
    const known = this.#enter((edge) => edge.switch(id, state));
    if (known) {
      this.#switched.set(id, state);
      this.#revision += 1;
    }
    return known;
  }

  /**
   * Returns the wasm memory. Open screenings still work to their end; a later use loads the bundle
   * again.
   */
  free(): void {
    if (this.#generation === generation()) this.#edge.free();
    this.#generation = -1;
    this.#unknown.free();
    this.#unknown = this.accountByName({});
  }

  #account(
    data: unknown,
    find: (record: object, fact: BundleInfo["facts"][number]) => unknown,
  ): Account {
    const record = copied(data);
    const found = this.info.facts.map((fact) => find(record, fact));
    const values = accountText([member(record, "subject"), ...found]);
    return new Account(this, () => this.#enter((edge) => edge.account(values)));
  }

  #access({ method, url, headers }: CheckedHead, facts: SettledFacts): number {
    const account = facts.account ?? this.#unknown;
    const accounts: readonly unknown[] = isList(account)
      ? account.length === 0
        ? [this.#unknown]
        : account
      : [account];
    // Headers can ask for another method, which matters only to rules about operations.
    const lines = this.info?.needs.operation === true ? headerText(headers) : "";
    const bits = this.#enter((edge) => {
      edge.begin();
      for (const one of accounts) {
        if (!(one instanceof Account)) throw invalid("an account is not from `gate.account`");
        one.use(this, (handle) => edge.candidate(handle));
      }
      return access(edge, method, url, lines, facts);
    });
    if ((bits & INVALID) !== 0) throw invalid("`asn`, `ip` or `network` has no valid value");
    return bits;
  }

  /**
   * Returns the verdict on a request that passes unread. It is always the same, unless a licence
   * plays a part.
   */
  #passed(bits: number): Verdict {
    const ask = (): Verdict => this.#enter((edge) => JSON.parse(edge.verdict()) as Verdict);
    return (bits & LICENSED) === 0 ? (this.#plain[bits & GUARDED] ??= ask()) : ask();
  }

  /**
   * Reads the headers. Call it directly after `#access`, because the module keeps one caller's
   * denied set.
   */
  #read(head: CheckedHead, facts: SettledFacts, bits: number): Screening {
    const headers = headerText(head.headers);
    const reader = this.#enter((edge) => edge.read(headers));
    return new Screening(
      (bits & GUARDED) !== 0,
      reader,
      this.#families(head, facts),
      this.#options.decoder,
    );
  }

  /**
   * Returns a function that lists the denied families. The list is made at the first call, since
   * most callers need none.
   */
  #families(head: CheckedHead, facts: SettledFacts): () => readonly DeniedFamily[] {
    let found: readonly DeniedFamily[] | undefined;
    return () => {
      if (found === undefined) {
        this.#access(head, facts);
        found = JSON.parse(this.#enter((edge) => edge.deniedFamilies())) as DeniedFamily[];
      }
      return found;
    };
  }

  #enter<T>(work: (edge: Edge) => T): T {
    if (this.#generation !== generation()) {
      this.#edge = enter(() => load(this.#options, this.#switched));
      this.#generation = generation();
    }
    return enter(() => work(this.#edge));
  }
}

/** The options of a gate, after their check. */
interface CheckedOptions {
  readonly bundle: Uint8Array;
  readonly listKey: Uint8Array | undefined;
  readonly decoder: Decoder | undefined;
}

function load(
  { bundle, listKey }: CheckedOptions,
  switched: ReadonlyMap<string, SwitchState>,
): Edge {
  const edge = Edge.load(bundle, listKey);
  if (edge === undefined)
    throw new PortcullisError(
      fault(bundle, listKey) as Code,
      "the bundle cannot be used, or not with this list key",
    );
  for (const [id, state] of switched) edge.switch(id, state);
  return edge;
}

/** Copies a record. A record with anything but data in it has no copy. */
function copied(data: unknown): object {
  try {
    return structuredClone(record(data, "the account record"));
  } catch (cause) {
    throw cause instanceof PortcullisError
      ? cause
      : invalid("the account record holds values that are no data", cause);
  }
}

/** Recognises a `Request` by its shape, since other packages and realms have their own classes. */
function isStreamed(request: StreamedRequest | HeldRequest): request is StreamedRequest {
  return (
    typeof (request as Partial<StreamedRequest> | null | undefined)?.arrayBuffer === "function"
  );
}

async function drain(screening: Screening, request: StreamedRequest): Promise<Verdict> {
  const { body } = request;
  let reader: ReadableStreamDefaultReader<unknown> | undefined;
  try {
    if (body === null || !screening.wantsBody) return screening.finish();
    if (body === undefined) {
      screening.feed(await request.arrayBuffer().catch(broken));
      return screening.finish();
    }
    reader = body.getReader() as ReadableStreamDefaultReader<unknown>;
    for (;;) {
      const { done, value } = await reader.read().catch(broken);
      if (done) return screening.finish();
      // Runtimes differ in how they send a stream of strings.
      if (typeof value === "string") throw invalid("the body is a stream of strings");
      if (screening.feed(value as Bytes)) return screening.finish();
    }
  } finally {
    screening.release();
    reader?.cancel().catch(() => undefined);
  }
}
