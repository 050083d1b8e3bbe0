/** The custom element `<model-gate>`. */
import type { Access, ModelVerdict } from "../types.ts";
import { Source, sourceOf } from "./source.ts";

/** What a gate knows of its model. */
export type ModelState = "allowed" | "denied" | "unknown";

/** Milliseconds after which a gate stops waiting. */
const TIMEOUT_MS = 8_000;

const STYLE = `
:host{display:block}
:host(:not([state=allowed],[mode=disable],[mode=explain])){display:none!important}
:host(:not([state=allowed])) [part=content]{opacity:var(--model-gate-opacity,.5)}
:host([state=allowed]) [part=reason],:host(:not([mode=explain])) [part=appeal]{display:none}
[part=reason]{color:var(--model-gate-color)}
[part=appeal]{color:inherit}
:host(:not([mode=explain])) [part=reason]{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}`;

let sheet: CSSStyleSheet | undefined;

// A server that renders the page has no elements, and only needs the module to load.
const Base = (globalThis.HTMLElement ?? Object) as typeof HTMLElement;

/**
 * Hides, disables or explains its content while the user may not use a model.
 *
 * ```html
 * <model-gate model="mythos-5" mode="explain"><button>Mythos 5</button></model-gate>
 * ```
 *
 * - `model`: the model's id, as a request names it.
 * - `mode`: `hide` (default) shows nothing; `disable` shows the content, which nobody can use; and
 *   `explain` shows the reason besides.
 * - `state`: `allowed`, `denied` or `unknown`. The gate writes it; a server may write the first one.
 *   Everything but `allowed` is closed.
 * - `src`: the access endpoint, if it is not that of the page's host.
 * - `label`: what the content is called in the reason, by default its text.
 * - `timeout`: milliseconds after which a gate stops waiting, by default 8,000. The state stays
 *   `unknown`, and the reason says why.
 *
 * Parts `content`, `reason`, `message` and `appeal`; slot `reason`; properties
 * `--model-gate-opacity` and `--model-gate-color`. Event `gatechange`, whose
 * `detail` is `{ state, verdict }`, and `gateerror`, whose `detail` is the error. Both bubble.
 */
export class ModelGate extends Base {
  static readonly observedAttributes = ["model", "src", "label", "timeout"];

  /** The words of a gate, which a page may replace. */
  static readonly texts = {
    pending: "checking whether you can use it.",
    failed: "whether you can use it could not be checked.",
    deferred: "whether you can use it is decided when you do.",
    denied: "you cannot use it.",
    appeal: "Ask for a review",
  };

  #given: Source | undefined;
  #leave: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #access: Access | undefined;
  #verdict: ModelVerdict | undefined;
  #why: "pending" | "failed" | "deferred" | "denied" = "pending";

  /** The access, if this gate does not use that of the page; `null`: it does. */
  get access(): Access | null {
    return this.#access ?? null;
  }

  set access(access: Access | PromiseLike<Access> | null) {
    this.#given = undefined;
    this.#access = undefined;
    if (access !== null) (this.#given = new Source()).take(access);
    this.#join();
  }

  /** The verdict on the model; `null`: it is not known. */
  get verdict(): ModelVerdict | null {
    return this.#verdict ?? null;
  }

  connectedCallback(): void {
    if (this.shadowRoot === null) {
      const root = this.attachShadow({ mode: "open" });
      if (sheet === undefined) (sheet = new CSSStyleSheet()).replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
      root.innerHTML =
        "<div part=content><slot></slot></div><div part=reason role=note><slot name=reason>" +
        "<span part=message></span> <a part=appeal></a></slot></div>";
    }
    // A page may have set the property before this class was known.
    if (Object.hasOwn(this, "access")) {
      const { access } = this;
      delete (this as { access?: unknown }).access;
      this.access = access;
    } else this.#join();
  }

  disconnectedCallback(): void {
    this.#leave?.();
    clearTimeout(this.#timer);
  }

  attributeChangedCallback(name: string): void {
    if (name === "src" || name === "timeout") this.#join();
    else this.#show();
  }

  /** Listens to where the access comes from. */
  #join(): void {
    if (!this.isConnected || this.shadowRoot === null) return;
    this.disconnectedCallback();
    this.#why = "pending";
    const wait = Number(this.getAttribute("timeout") ?? TIMEOUT_MS);
    this.#timer = setTimeout(
      () => this.#fail(new DOMException("no access in time", "TimeoutError")),
      wait >= 0 ? wait : TIMEOUT_MS,
    );
    this.#show();
    const source = this.#given ?? sourceOf(this.getAttribute("src") ?? undefined);
    this.#leave = source.listen((access, error) => {
      if (error !== undefined) return this.#fail(error);
      clearTimeout(this.#timer);
      this.#access = access;
      this.#show();
    });
  }

  #fail(error: unknown): void {
    clearTimeout(this.#timer);
    if (this.#access === undefined) this.#why = "failed";
    this.#show();
    this.#send("gateerror", error);
  }

  #show(): void {
    const root = this.shadowRoot;
    if (root === null) return;
    const model = this.getAttribute("model") ?? "";
    const before = this.getAttribute("state");
    // What the server wrote holds until more is known.
    let state = (this.#access === undefined && before) || "unknown";
    this.#verdict = undefined;
    try {
      this.#verdict = this.#access?.verdict(model);
    } catch (error) {
      this.#why = "failed";
      this.#send("gateerror", error);
    }
    const { verdict, message, appeal } = this.#verdict ?? {};
    if (verdict === "pass") state = "allowed";
    if (verdict === "deny") state = this.#why = "denied";
    if (verdict === "defer") this.#why = "deferred";
    const part = <T extends HTMLElement>(name: string) => root.querySelector(`[part=${name}]`) as T;
    part("content").inert = state !== "allowed";
    const name = this.getAttribute("label") || this.textContent?.trim().slice(0, 80) || model;
    part("message").textContent = `${name}: ${message || ModelGate.texts[this.#why]}`;
    const link = part<HTMLAnchorElement>("appeal");
    link.textContent = ModelGate.texts.appeal;
    // The link comes from the policy. Only a page of the Web may open.
    link.hidden = !/^https?:/i.test(appeal ?? "");
    link.href = link.hidden ? "" : (appeal as string);
    if (state === before) return;
    this.setAttribute("state", state);
    this.#send("gatechange", { state, verdict: this.verdict });
  }

  #send(type: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }
}
