/**
 * What a gate remembers, so that a caller, a place, an id or a head is looked at once.
 *
 * ```text
 * account  -> its kind: accounts that no rule can tell apart   valid within a period
 * place    -> its number: places that no rule can tell apart
 * kind and place -> an answer: what such callers may not use   valid within a period
 * model id -> the patterns that occur in it
 * head     -> the number under which the module keeps it
 * target   -> whether a guarded API serves it
 * ```
 *
 * It holds for one bundle, one instance of the module and one state of the switches. Answers and
 * heads are not used if rules of the policy depend on the operation. A caller whose network number
 * or address is given is not remembered if rules depend on it. All parts are bounded: what is full
 * is emptied.
 */
import type { Edge, Account as Handle } from "../wasm/edge.js";
import { type Account, kindOf, setKind } from "./account.ts";
import { type Clocked, type Period, periodOf } from "./clock.ts";
import type { Access, SettledFacts } from "./types.ts";
import { HEADS_KEPT, NO_NUMBER } from "./wasm/wire.ts";

/** Kinds of account, and answers, that are kept. */
const KINDS_KEPT = 16_384;
const ANSWERS_KEPT = 32_768;
/** Spellings of places with a short way to their number, and all that are kept. */
const PLACES_SHORT = 4_096;
const PLACES_KEPT = 65_536;
/** Targets, addresses and header names that are kept. */
const TEXTS_KEPT = 1_024;
/** Operations whose model ids are kept. */
const OPERATIONS_KEPT = 16;
/** Model ids that are kept, at least and at most. */
const IDS_KEPT = 1_024;
const IDS_MOST = 32_768;

/** The answers for accounts that no rule can tell apart, by the number of the place. */
export type Kind = (Answer | undefined)[];

/** What callers of one kind may not use, within a period. */
export class Answer {
  readonly period: Period;
  /** The number of the denied set in the module; -1: the caller is unrestricted. */
  readonly denied: number;
  /** The words of the denied set; empty if the caller is unrestricted. */
  readonly words: Int32Array;
  readonly licensed: boolean;
  /** The facts of the first such caller. */
  readonly facts: SettledFacts;
  /** The ids of the denied families, once somebody asked. */
  deniedIds: string | undefined;
  /** The answer for the calling code, once somebody asked. */
  access: Access | undefined;

  /** @param text What `Edge.answer` returned */
  constructor(text: string, licensed: boolean, facts: SettledFacts) {
    const [from, until, denied, words] = text.split(" ");
    this.period = periodOf(from, until);
    this.denied = denied ? Number(denied) : -1;
    this.words = Int32Array.from(words?.split(",") ?? [], Number);
    this.licensed = licensed;
    this.facts = facts;
    this.deniedIds = undefined;
    this.access = undefined;
  }
}

/** A model id, with the patterns that occur in it. */
export interface Model {
  readonly id: string;
  readonly isOpen: boolean;
  readonly patterns: readonly number[];
  /** The first of them; -1 if there are more. */
  readonly only: number;
}

/** The ids that an operation was asked about, two ways for each hash. */
export class Models {
  readonly #method: string;
  readonly #url: string;
  readonly #known: (Model | undefined)[];
  readonly #isSampled: boolean;

  /** @param patterns The number of patterns of the policy, roughly */
  constructor(method: string, url: string, patterns: number) {
    this.#method = method;
    this.#url = url;
    // A policy of many patterns meets many ids, and its ids differ in a few letters.
    this.#isSampled = patterns * 16 <= IDS_KEPT;
    const size = Math.min(IDS_MOST, Math.max(IDS_KEPT, 2 ** Math.ceil(Math.log2(patterns * 16))));
    this.#known = new Array<Model | undefined>(size).fill(undefined);
  }

  /** Returns what is known of an id; undefined if it must be learned. */
  find(id: string): Model | undefined {
    const at = this.#slot(id);
    const known = this.#known[at];
    if (known !== undefined && known.id === id) return known;
    const other = this.#known[at + 1];
    return other !== undefined && other.id === id ? other : undefined;
  }

  /** Reads an id that is valid. Undefined: no request can name a model so. */
  learn(edge: Edge, id: string): Model | undefined {
    const text = edge.model(this.#method, this.#url, id);
    if (text === "") return undefined;
    const [isOpen, ...patterns] = text.split(",").map(Number);
    const only = patterns.length === 1 ? (patterns[0] as number) : -1;
    const model: Model = { id, isOpen: isOpen === 1, patterns, only };
    const at = this.#slot(id);
    this.#known[at + 1] = this.#known[at];
    this.#known[at] = model;
    return model;
  }

  #slot(id: string): number {
    const step = this.#isSampled ? (id.length >> 3) + 1 : 1;
    let hash = id.length;
    for (let at = id.length - 1; at >= 0; at -= step)
      hash = Math.imul(hash, 31) + id.charCodeAt(at);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    return (hash ^ (hash >>> 13)) & (this.#known.length - 2);
  }
}

/** A head that was looked up. */
export interface KeptHead {
  readonly url: string;
  /** Names and values of the headers that bear on something, one after the other. */
  readonly headers: readonly string[];
  /** The same as lines. */
  readonly lines: string;
  /** Its number in the module; `NO_NUMBER`: such requests are read one by one. */
  readonly number: number;
  /** Counts how often the heads were forgotten before it was learned. */
  readonly era: number;
  /** Ids that the module knows by number, each alone in a list, and their numbers; at the number
   * modulo 16. */
  readonly ids: (readonly string[])[];
  readonly numbers: number[];
}

/** See the head of this file. */
export class Memory {
  /** Where operations are looked up if the calling code names none. */
  readonly models: Models;
  readonly #kinds = new Map<string, Kind>();
  /** Stands for the kinds that are kept. Accounts that hold an earlier one get another kind. */
  #era = {};
  #answers = 0;
  readonly #places = new Map<string, number>();
  readonly #numbers = new Map<string, number>();
  readonly #shortA = new Int32Array(PLACES_SHORT).fill(-1);
  readonly #shortB = new Int32Array(PLACES_SHORT).fill(-1);
  readonly #shortNumber = new Int32Array(PLACES_SHORT);
  readonly #guarded = new Map<string, boolean>();
  readonly #addresses = new Set<string>();
  readonly #bearings = new Map<string, number>();
  readonly #heads = new Map<string, KeptHead>();
  readonly #operations = new Map<string, Models>();
  #headCount = 0;
  #headEra = 0;
  #lastHead: KeptHead | undefined;

  constructor(url: string, patterns: number) {
    this.models = new Models("POST", url, patterns);
  }

  /** Returns the ids that an operation was asked about. */
  modelsOf(method: string, url: string): Models {
    const key = `${method} ${url}`;
    let models = this.#operations.get(key);
    if (models === undefined) {
      if (this.#operations.size >= OPERATIONS_KEPT) this.#operations.clear();
      this.#operations.set(key, (models = new Models(method, url, 0)));
    }
    return models;
  }

  /** Returns the kind of an account at this time; undefined if it must be looked up, or is none. */
  kind(account: object, facts: Clocked): Kind | undefined {
    return kindOf(account, this.#era, facts) as Kind | undefined;
  }

  /** Looks the kind of an account up. */
  learnKind(edge: Edge, account: Account, handle: Handle, now: number): Kind {
    const [from, until, key = ""] = edge.kind(handle, now).split(" ");
    if (this.#kinds.size >= KINDS_KEPT) this.#empty();
    let kind = this.#kinds.get(key);
    if (kind === undefined) this.#kinds.set(key, (kind = []));
    setKind(account, this.#era, kind, periodOf(from, until));
    return kind;
  }

  /** Keeps an answer for callers of this kind at the place of this number. */
  learnAnswer(kind: Kind, place: number, answer: Answer): void {
    if (this.#answers >= ANSWERS_KEPT) this.#empty();
    else {
      kind[place] = answer;
      this.#answers += 1;
    }
  }

  #empty(): void {
    this.#kinds.clear();
    this.#era = {};
    this.#answers = 0;
  }

  /** Returns the number of a place by its codes; -1 if it must be looked up. */
  placeNumber(country: string, region: string): number {
    const { length } = region;
    if (country.length === 2 && length < 7) {
      const first = country.charCodeAt(0);
      const second = country.charCodeAt(1);
      let all = first | second;
      let a = first | (second << 7);
      let b = length << 28;
      for (let at = 0; at < length; at += 1) {
        const code = region.charCodeAt(at);
        all |= code;
        if (at < 2) a |= code << (14 + 7 * at);
        else b |= code << (7 * (at - 2));
      }
      if (all < 128) {
        const at = slot(a, b);
        if (this.#shortA[at] === a && this.#shortB[at] === b)
          return this.#shortNumber[at] as number;
        const number = this.#places.get(`${country} ${region}`);
        if (number === undefined) return -1;
        this.#shortA[at] = a;
        this.#shortB[at] = b;
        this.#shortNumber[at] = number;
        return number;
      }
    }
    return this.#places.get(`${country} ${region}`) ?? -1;
  }

  /** Looks a place up. */
  learnPlace(edge: Edge, country: string, region: string): number {
    const key = edge.place(country, region);
    let number = this.#numbers.get(key);
    if (number === undefined) this.#numbers.set(key, (number = this.#numbers.size));
    // The short way may keep what is forgotten here, since a place never changes its number.
    if (this.#places.size >= PLACES_KEPT) this.#places.clear();
    this.#places.set(`${country} ${region}`, number);
    return number;
  }

  /** Whether a guarded API serves a target; undefined if it must be looked up. */
  isGuarded(url: string): boolean | undefined {
    return this.#guarded.get(url);
  }

  learnGuarded(url: string, guarded: boolean): void {
    if (url.length > TEXTS_KEPT) return;
    if (this.#guarded.size >= TEXTS_KEPT) this.#guarded.clear();
    this.#guarded.set(url, guarded);
  }

  /** Whether an address was found to be one. */
  isAddress(ip: string): boolean {
    return this.#addresses.has(ip);
  }

  learnAddress(ip: string): void {
    if (this.#addresses.size >= TEXTS_KEPT) this.#addresses.clear();
    this.#addresses.add(ip);
  }

  /** Returns what a header can bear on, as `Edge.bearing` does. */
  bearing(edge: Edge, name: string): number {
    const known = this.#bearings.get(name);
    if (known !== undefined) return known;
    const bearing = edge.bearing(name);
    if (this.#bearings.size >= TEXTS_KEPT) this.#bearings.clear();
    if (name.length <= TEXTS_KEPT) this.#bearings.set(name, bearing);
    return bearing;
  }

  /** Returns what is kept of a head with these headers; undefined if it must be looked up. */
  head(url: string, headers: readonly string[]): KeptHead | undefined {
    const last = this.#lastHead;
    // Most requests have the head of the one before.
    if (last !== undefined && last.url === url && isSame(last.headers, headers)) return last;
    const known = this.#heads.get(key(url, headers));
    if (known !== undefined) this.#lastHead = known;
    return known;
  }

  learnHead(url: string, headers: readonly string[], lines: string, number: number): KeptHead {
    // Heads whose requests are read one by one take no room in the module.
    if (number !== NO_NUMBER) this.#headCount += 1;
    const head = { url, headers, lines, number, era: this.#headEra, ids: [], numbers: [] };
    this.#heads.set(key(url, headers), head);
    return (this.#lastHead = head);
  }

  /** Whether no further head can be kept, here or in the module. */
  get isFullOfHeads(): boolean {
    return this.#headCount >= HEADS_KEPT || this.#heads.size >= TEXTS_KEPT;
  }

  /** Whether a head has not been forgotten. */
  keeps(head: KeptHead): boolean {
    return head.era === this.#headEra;
  }

  forgetHeads(): void {
    this.#headEra += 1;
    this.#heads.clear();
    this.#lastHead = undefined;
    this.#headCount = 0;
  }
}

function slot(a: number, b: number): number {
  return (Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b)) >>> 20;
}

function key(url: string, headers: readonly string[]): string {
  return `${url}\n${headers.join("\n")}`;
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at += 1) if (one[at] !== other[at]) return false;
  return true;
}
