/**
 * A policy, loaded and ready to decide.
 *
 * Facts and requests come in, verdicts go out. A gate fetches, forwards and stores nothing;
 * `http/handler.ts` puts its verdicts into effect.
 */
import { Edge, fault } from "../wasm/edge.js";
import { type Details, FreeAccess, RestrictedAccess } from "./access.ts";
import { Account } from "./account.ts";
import { holds } from "./clock.ts";
import { type Code, PortcullisError, broken, invalid } from "./error.ts";
import { type ReadFacts, read, settled } from "./facts.ts";
import { type CheckedHead, headOf } from "./head.ts";
import { type Bytes, bytesOf, isAsn, isList, isMissing, isPlain, record, whole } from "./input.ts";
import { Answer, type KeptHead, Memory, type Models } from "./memory.ts";
import { type Brief, Screening } from "./screening.ts";
import type {
  Access,
  AccessAnswer,
  BundleInfo,
  DeniedFamily,
  Facts,
  GateOptions,
  Head,
  HeldRequest,
  Place,
  SettledFacts,
  StreamedRequest,
  SwitchState,
} from "./types.ts";
import { KINDS, NONE, Verdict, type Wording, type Words } from "./verdict.ts";
import type { Decoder } from "./wasm/decoder.ts";
import { type CompiledModule, enter, generation, start, startSync } from "./wasm/instance.ts";
import { Stage } from "./wasm/stage.ts";
import {
  BEARS_IF_SIGNED,
  BEARS_NOTHING,
  BEARS_PRESENCE,
  GUARDED,
  HEADER_CHARACTERS_KEPT,
  INVALID,
  LICENSED,
  NO_NUMBER,
  NO_OPERATION,
  NO_RESTRICTION,
  READ,
  UNGUARDED,
  accountText,
  factsLines,
  headerText,
  member,
  optional,
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
  /** The switches thrown so far. Verdicts keep those of their time. */
  #switched: Switched = new Map();
  #edge!: Edge;
  #generation = -1;
  #revision = 0;
  #unknown: Account;
  readonly #plain: Verdict[] = [];
  readonly #reasons: Reason[] = [];
  /** Texts of the patterns by number, once somebody asked. */
  #texts: readonly string[] | undefined;
  /** Headers of the head that is looked up, used again for each. */
  readonly #lines: string[] = [];
  readonly #hasStatuses: boolean;
  #memory: Memory | undefined;
  #stage!: Stage;
  /** A target below a guarded prefix that is no operation. */
  #anywhere: CheckedHead = { method: "POST", url: "/", headers: [] };

  private constructor({ bundle, listKey, decoder, remember }: Omit<GateOptions, "module">) {
    if (typeof bundle === "string" || typeof listKey === "string")
      throw invalid("`bundle` and `listKey` are bytes");
    if (!isMissing(decoder) && typeof decoder.open !== "function")
      throw invalid("`decoder` is none");
    if (!isMissing(remember) && typeof remember !== "boolean")
      throw invalid("`remember` is no boolean");
    this.#options = {
      remember: remember !== false,
      bundle: bytesOf(bundle, "`bundle`"),
      listKey: isMissing(listKey) ? undefined : bytesOf(listKey, "`listKey`"),
      decoder: decoder ?? undefined,
    };
    this.info = JSON.parse(this.#enter((edge) => edge.info())) as BundleInfo;
    this.#unknown = this.accountByName({});
    this.#hasStatuses = this.#enter((edge) => edge.hasStatuses());
    this.#anywhere = { ...this.#anywhere, url: `${this.info.dialects[0]?.prefix ?? ""}/` };
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
   * Returns what a caller may and may not use, as of now.
   *
   * @param request An operation that takes the model's name in its JSON body, or the id of one as
   *   the dialects have it: `createChatCompletion`. The answers hold for that operation. Without it
   *   they hold for every operation: what any of them denies is denied.
   * @throws PortcullisError `input_invalid`, also for an operation that no guarded dialect has
   */
  access(facts: Facts, request?: Pick<Head, "method" | "url"> | { operation: string }): Access {
    if (isPlain(request) && "operation" in request)
      return this.#accessToAny(whole(request.operation, "operation"), facts);
    if (request !== undefined)
      return this.#accessTo(request as Pick<Head, "method" | "url">, read(facts));
    if (this.info.needs.operation) return this.#accessToAny("", facts);
    const given = read(facts);
    const answer = this.#known(given) ?? this.#answer(given);
    return (answer.access ??= this.#accessOf(answer, this.#remembered().models, this.#anywhere));
  }

  /** @param id The id of an operation; empty: any operation */
  #accessToAny(id: string, facts: Facts): Access {
    const head: CheckedHead = { method: "", url: id, headers: [] };
    return this.#accessAnew(head, settled(read(facts)), this.#remembered().models);
  }

  #accessTo(request: Pick<Head, "method" | "url">, facts: ReadFacts): Access {
    const { method, url } = headOf(request);
    const head: CheckedHead = { method, url, headers: [["content-type", "application/json"]] };
    const models = this.#remembered().modelsOf(method, url);
    if (this.#options.remember && !this.info.needs.operation) {
      const answer = this.#answer(facts);
      if (answer.denied < 0 || this.#remembered().isGuarded(url))
        return this.#accessOf(answer, models, head);
    }
    return this.#accessAnew(head, settled(facts), models);
  }

  #accessAnew(head: CheckedHead, facts: SettledFacts, models: Models): Access {
    this.#access(head, facts);
    const answer = this.#enter((edge) => new Answer(edge.answer(), false, facts));
    return this.#accessOf(answer, models, head);
  }

  #accessOf({ denied, words, facts }: Answer, models: Models, head: CheckedHead): Access {
    const details = this.#detailsOf(head, facts);
    if (denied < 0) return new FreeAccess(details);
    const learn = (id: string) => this.#enter((edge) => models.learn(edge, id));
    return new RestrictedAccess(words, models, learn, details);
  }

  #detailsOf(head: CheckedHead, facts: SettledFacts): Details {
    const { id, version, expires: end } = this.info;
    const switched = this.#switched;
    return {
      list: this.#families(head, facts),
      texts: () => (this.#texts ??= JSON.parse(this.#enter((edge) => edge.patternTexts()))),
      unlisted: () => this.#enter((edge) => edge.unlisted()) as AccessAnswer["unlisted"],
      rest: () => {
        const until = this.#under(switched, (edge) => {
          this.#access(head, facts);
          return edge.until();
        });
        return {
          policy: { id, version },
          expires: Number.isFinite(until) ? new Date(until).toISOString() : null,
          stale: facts.stale === true || (end !== null && facts.now >= end),
        };
      },
    };
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
    const known = settled(read(facts));
    const bits = this.#access(head, known);
    return (bits & READ) === 0
      ? this.#passed(bits, head, known)
      : drain(this.#read(head, known, bits), request);
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
    const known = read(facts);
    return this.#judgeRemembered(head, body, known) ?? this.#judgeAnew(head, body, settled(known));
  }

  #judgeAnew(head: CheckedHead, body: Uint8Array | undefined, facts: SettledFacts): Verdict {
    const bits = this.#access(head, facts);
    if ((bits & READ) === 0) return this.#passed(bits, head, facts);
    const screening = this.#read(head, facts, bits);
    try {
      if (body !== undefined && screening.wantsBody) screening.feed(body);
      return screening.finish();
    } finally {
      screening.release();
    }
  }

  /** Judges a request by what is remembered; undefined if the request must be judged anew. */
  #judgeRemembered(
    head: CheckedHead,
    body: Uint8Array | undefined,
    facts: ReadFacts,
  ): Verdict | undefined {
    if (!this.#options.remember || this.info.needs.operation) return undefined;
    const answer = this.#answer(facts);
    return this.#enter((edge) => {
      const memory = this.#remembered();
      const guarded = memory.isGuarded(head.url);
      if (guarded === undefined) return undefined;
      if (!guarded || answer.denied < 0) {
        const bits = (guarded ? GUARDED : 0) | (guarded && answer.licensed ? LICENSED : 0);
        return this.#passed(bits, head, facts);
      }
      const kept = this.#keptHead(edge, memory, head, facts);
      if (kept === undefined || kept.number === NO_NUMBER) return undefined;
      const bits = this.#stage.judge(edge, kept.number, answer.denied, body);
      return this.#verdict(edge, bits, kept, answer, head, facts);
    });
  }

  /** Returns the verdict for the module's last decision. */
  #verdict(
    edge: Edge,
    bits: number,
    kept: KeptHead,
    { licensed }: Answer,
    { method, url }: CheckedHead,
    facts: ReadFacts,
  ): Verdict {
    const kind = KINDS[bits & 3] as Verdict["verdict"];
    const number = edge.mention();
    const at = number & 15;
    let ids = kept.numbers[at] === number ? kept.ids[at] : undefined;
    if (ids === undefined) {
      ids = Object.freeze(JSON.parse(edge.mentions()) as string[]);
      if (number !== NO_NUMBER) {
        kept.numbers[at] = number;
        kept.ids[at] = ids;
      }
    }
    const { code, status } = this.#reason(bits >>> 13);
    if (kind === "pass" && !licensed) return new Verdict(kind, code, 200, ids, undefined);
    const denies = kind === "deny";
    const decision: Decision = {
      head: { method, url, headers: [] },
      lines: kept.lines,
      facts: settled(facts),
      bits,
      mentions: ids,
      patterns: denies ? edge.patterns() : "",
      switched: this.#switched,
    };
    const known = denies ? (this.#hasStatuses ? 0 : 403) : status;
    return new Verdict(kind, code, known, ids, this.#wording(decision));
  }

  /** Puts a decision into words, under the switches of its time. */
  #wording(decision: Decision): Wording {
    return ((caseId?: string) =>
      this.#under(decision.switched, (edge) => {
        const { head, facts, lines, bits, mentions, patterns } = decision;
        this.#access(head, facts);
        for (const id of mentions) edge.mentioned(id);
        const words = edge.words(lines, bits, patterns);
        return JSON.parse(caseId === undefined ? words : edge.refusal(whole(caseId, "caseId")));
      })) as Wording;
  }

  /** Calls `work` while the switches are as they were. */
  #under<T>(switched: Switched, work: (edge: Edge) => T): T {
    if (switched === this.#switched) return this.#enter(work);
    const set = (edge: Edge, states: Switched) => {
      edge.unswitch();
      for (const [id, state] of states) edge.switch(id, state);
    };
    return this.#enter((edge) => {
      set(edge, switched);
      try {
        return work(edge);
      } finally {
        set(edge, this.#switched);
      }
    });
  }

  /** Returns the code and the status of a reason by its number. */
  #reason(number: number): Reason {
    return (this.#reasons[number] ??= this.#enter((edge) => {
      const [code = "", status] = edge.reason(number).split(" ");
      return { code, status: Number(status) };
    }));
  }

  /**
   * Returns what the module keeps of a head. The headers that bear on nothing are left out.
   * Undefined: the head is too long to be kept.
   */
  #keptHead(
    edge: Edge,
    memory: Memory,
    { method, url, headers }: CheckedHead,
    facts: ReadFacts,
  ): KeptHead | undefined {
    if (method !== "POST" || url.length > URL_KEPT) return undefined;
    const lines = this.#lines;
    lines.length = 0;
    let length = 0;
    for (const pair of headers) {
      const name = pair[0];
      const value = pair[1];
      length += name.length + value.length;
      const bearing = memory.bearing(edge, name);
      if (bearing === BEARS_NOTHING || (bearing === BEARS_IF_SIGNED && !SIGNED.test(value)))
        continue;
      lines.push(name, bearing === BEARS_PRESENCE ? "" : whole(value, name));
    }
    if (length > HEADER_CHARACTERS_KEPT) return undefined;
    const known = memory.head(url, lines);
    if (known !== undefined) return known;
    if (memory.isFullOfHeads) {
      memory.forgetHeads();
      edge.forgetHeads();
    }
    this.#access({ method, url, headers: [] }, settled(facts));
    const text = headerText(pairsOf(lines));
    return memory.learnHead(url, [...lines], text, edge.keep(text));
  }

  /**
   * Returns what is remembered of a caller of whom nothing but an account and a place is told;
   * undefined if nothing is. Both were found to be valid when they were learned.
   */
  #known(facts: ReadFacts): Answer | undefined {
    const { account, place, network, asn, ip, stale } = facts;
    if (
      this.#generation !== generation() ||
      typeof account !== "object" ||
      account === null ||
      !isPlain(place) ||
      network !== undefined ||
      asn !== undefined ||
      ip !== undefined ||
      stale !== undefined
    )
      return undefined;
    const memory = this.#memory;
    const kind = memory?.kind(account, facts);
    if (memory === undefined || kind === undefined) return undefined;
    const { country, region = "" } = place;
    if (typeof country !== "string" || typeof region !== "string") return undefined;
    const answer = kind[memory.placeNumber(country, region)];
    return answer !== undefined && holds(answer.period, facts) ? answer : undefined;
  }

  /** Returns what a caller may not use. No rule depends on the operation. */
  #answer(facts: ReadFacts): Answer {
    const memory = this.#remembered();
    const { place, network, asn, ip, account, stale } = facts;
    const { needs } = this.info;
    const one = only(account, this.#unknown);
    const where = only(place, NOWHERE);
    if (
      this.#options.remember &&
      one instanceof Account &&
      one.isFor(this) &&
      where !== undefined &&
      (network === undefined || network === null || (isList(network) && network.length === 0)) &&
      (stale === undefined || stale === null || stale === false) &&
      (asn === undefined || asn === null || (!needs.asn && isAsn(asn))) &&
      (ip === undefined || ip === null || (!needs.ip && memory.isAddress(ip)))
    ) {
      const given = where === NOWHERE ? NOWHERE : (record(where, "`place`") as Place);
      const country = optional(given.country, "country");
      const region = optional(given.region, "region");
      const number = memory.placeNumber(country, region);
      const kind = memory.kind(one, facts);
      if (number >= 0 && kind !== undefined) {
        const answer = kind[number];
        if (answer !== undefined && holds(answer.period, facts)) return answer;
      }
      // Country and region cross with a blank between them, so no country has one.
      if (!country.includes(" "))
        return this.#learnAnswer({ ...settled(facts), place: { country, region } }, one);
    }
    return this.#learnAnswer(settled(facts));
  }

  /** Asks the module what a caller may not use, and keeps the answer if the account is given. */
  #learnAnswer(facts: SettledFacts, account?: Account): Answer {
    const bits = this.#access(this.#anywhere, facts);
    const { place, ip, now } = facts;
    return this.#enter((edge) => {
      let memory = this.#remembered();
      const licensed = (bits & LICENSED) !== 0;
      let answer = new Answer(edge.answer(), licensed, facts);
      if (answer.denied === NO_NUMBER) {
        this.#forget(edge);
        memory = this.#remembered();
        answer = new Answer(edge.answer(), licensed, facts);
      }
      if (typeof ip === "string") memory.learnAddress(ip);
      if (account !== undefined) {
        const { country, region } = place as { country: string; region: string };
        const at = memory.learnPlace(edge, country, region);
        const kind = account.use(this, (handle) => memory.learnKind(edge, account, handle, now));
        memory.learnAnswer(kind, at, answer);
      }
      return answer;
    });
  }

  #remembered(): Memory {
    return this.#enter(
      (edge) => (this.#memory ??= new Memory(this.#anywhere.url, edge.patternCount())),
    );
  }

  /** Empties the memory on both sides of the boundary. */
  #forget(edge: Edge): void {
    edge.forget();
    this.#memory = undefined;
  }

  /**
   * Begins to judge a request whose body arrives in pieces.
   *
   * @returns Undefined if the request passes unread. Otherwise release the screening at the end.
   * @throws PortcullisError `input_invalid`
   */
  open(head: Head, facts: Facts): Screening | undefined {
    return this.#begin(headOf(head), read(facts), false).screening;
  }

  /**
   * @internal Does the same, and tells whether a guarded API serves the target. Nobody may change
   *   the head or the facts before the screening is released.
   */
  begin(head: Head, facts: Facts): Begun {
    return this.#begin(headOf(head), read(facts), true);
  }

  /** @param isBrief The long way may begin later. */
  #begin(checked: CheckedHead, given: ReadFacts, isBrief: boolean): Begun {
    if (this.#options.remember && !this.info.needs.operation) {
      const answer = this.#answer(given);
      const guarded = this.#remembered().isGuarded(checked.url);
      if (guarded === false || (guarded && answer.denied < 0))
        return { guarded, screening: undefined };
      const screening = guarded && isBrief ? this.#screened(checked, given, answer) : undefined;
      if (screening !== undefined) return { guarded: true, screening };
    }
    const known = settled(given);
    const bits = this.#access(checked, known);
    return {
      guarded: (bits & GUARDED) !== 0,
      screening: (bits & READ) === 0 ? undefined : this.#read(checked, known, bits),
    };
  }

  /**
   * Begins to judge a request by what is remembered; undefined if its head cannot be remembered.
   * Should the long way begin later, it begins with the switches of now.
   */
  #screened(head: CheckedHead, given: ReadFacts, answer: Answer): Screening | undefined {
    const memory = this.#remembered();
    const kept = this.#enter((edge) => this.#keptHead(edge, memory, head, given));
    if (kept === undefined || kept.number === NO_NUMBER) return undefined;
    const facts = settled(given);
    const switched = this.#switched;
    const open = () =>
      this.#under(switched, (edge) => {
        this.#access(head, facts);
        return edge.read(headerText(head.headers));
      });
    const decide = (body: Uint8Array) =>
      this.#enter((edge) =>
        memory === this.#memory && memory.keeps(kept)
          ? this.#stage.judge(edge, kept.number, answer.denied, body)
          : undefined,
      );
    const brief: Brief = {
      decide,
      get deniedIds() {
        return answer.deniedIds;
      },
      set deniedIds(ids) {
        answer.deniedIds = ids;
      },
    };
    return new Screening(true, open, this.#families(head, facts), this.#options.decoder, brief);
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
    const checked = headOf(head);
    const bits = this.#access(checked, settled(read(facts)));
    return this.#enter((edge) =>
      work(edge, (bits & READ) !== 0, (bits & GUARDED) !== 0, () => headerText(checked.headers)),
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
    return this.#enter((edge) => {
      const known = edge.switch(id, state);
      if (known) {
        this.#switched = new Map(this.#switched).set(id, state);
        this.#revision += 1;
        this.#forget(edge);
      }
      return known;
    });
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
    const { account } = facts;
    const accounts: readonly unknown[] = isList(account) ? account : [account ?? this.#unknown];
    let line = `${method}\n${url}\n${factsLines(facts)}`;
    // Headers can ask for another method, which matters only to rules about operations.
    if (this.info?.needs.operation === true) line += `\n\n${headerText(headers)}`;
    const bits = this.#enter((edge) => {
      for (const one of accounts)
        if (!(one instanceof Account)) throw invalid("an account is not from `gate.account`");
      const [first = this.#unknown, ...others] = accounts as readonly Account[];
      for (const one of others) one.use(this, (handle) => edge.also(handle));
      return first.use(this, (handle) => edge.access(handle, line, facts.now));
    });
    if ((bits & INVALID) !== 0) throw invalid("`asn`, `ip` or `network` has no valid value");
    if ((bits & NO_OPERATION) !== 0) throw invalid("no guarded API has this operation");
    if (method !== "") this.#memory?.learnGuarded(url, (bits & GUARDED) !== 0);
    return bits;
  }

  /**
   * Returns the verdict on a request that passes unread. It is always the same, unless a licence
   * plays a part.
   */
  #passed(bits: number, head: CheckedHead, facts: ReadFacts): Verdict {
    const guarded = (bits & GUARDED) !== 0;
    const { code } = this.#reason(guarded ? NO_RESTRICTION : UNGUARDED);
    if ((bits & LICENSED) === 0)
      return (this.#plain[+guarded] ??= new Verdict("pass", code, 200, NONE, undefined));
    const [known, switched] = [settled(facts), this.#switched];
    const wording = () =>
      this.#under(switched, (edge) => {
        this.#access(head, known);
        return JSON.parse(edge.verdict()) as Words;
      });
    return new Verdict("pass", code, 200, NONE, wording as Wording);
  }

  /**
   * Reads the headers. Call it directly after `#access`, because the module keeps one caller's
   * denied set.
   */
  #read(head: CheckedHead, facts: SettledFacts, bits: number): Screening {
    const headers = headerText(head.headers);
    return new Screening(
      (bits & GUARDED) !== 0,
      () => this.#enter((edge) => edge.read(headers)),
      this.#families(head, facts),
      this.#options.decoder,
    );
  }

  /**
   * Returns a function that lists the denied families. The list is made at the first call, since
   * most callers need none.
   */
  #families(head: CheckedHead, facts: SettledFacts): () => readonly DeniedFamily[] {
    const switched = this.#switched;
    let found: readonly DeniedFamily[] | undefined;
    return () => {
      found ??= JSON.parse(
        this.#under(switched, (edge) => {
          this.#access(head, facts);
          return edge.deniedFamilies();
        }),
      ) as DeniedFamily[];
      return found;
    };
  }

  #enter<T>(work: (edge: Edge) => T): T {
    if (this.#generation !== generation()) {
      this.#edge = enter(() => load(this.#options, this.#switched));
      this.#generation = generation();
      enter(() => {
        this.#stage = new Stage(this.#edge);
        this.#memory = undefined;
      });
    }
    return enter(() => work(this.#edge));
  }
}

/** The switches that were thrown. A new one makes a new map. */
type Switched = ReadonlyMap<string, SwitchState>;

interface Reason {
  readonly code: string;
  readonly status: number;
}

/** A decision, with everything that its words need. */
interface Decision {
  readonly head: CheckedHead;
  readonly lines: string;
  readonly facts: SettledFacts;
  readonly bits: number;
  readonly mentions: readonly string[];
  readonly patterns: string;
  readonly switched: Switched;
}

/** Characters of a target up to which a head is remembered. */
const URL_KEPT = 1_024;
const NOWHERE: Place = Object.freeze({});
const SIGNED = /^\s*aws4-/i;

/** The options of a gate, after their check. */
interface CheckedOptions {
  readonly remember: boolean;
  readonly bundle: Uint8Array;
  readonly listKey: Uint8Array | undefined;
  readonly decoder: Decoder | undefined;
}

function load({ bundle, listKey }: CheckedOptions, switched: Switched): Edge {
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

/** Returns the only one of a list; what stands for none; undefined if there are several. */
function only<T>(given: T | readonly T[] | null | undefined, none: T): T | undefined {
  if (!isList(given)) return given ?? none;
  return given.length > 1 ? undefined : given.length === 0 ? none : given[0];
}

/** Pairs of names and values that follow each other. */
function* pairsOf(lines: readonly string[]): Generator<readonly [string, string]> {
  for (let at = 0; at < lines.length; at += 2) yield [lines[at] as string, lines[at + 1] as string];
}
