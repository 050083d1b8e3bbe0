/**
 * The component `ModelGate`. It is plain React and does without the element `<model-gate>`, so that
 * servers render it whole and nothing must be defined before a page is hydrated.
 */
import { Fragment, type ReactElement, type ReactNode, createElement, useId, version } from "react";
import { type ModelAccess, useModelAccess } from "./model-access.ts";
import { useTexts } from "./provider.ts";
import type { GateTexts } from "./texts.ts";

/** What a gate does with its content while the model is not open to the user. */
export type GateMode = "hide" | "disable" | "explain";

/** What {@link ModelGate} takes. */
export interface ModelGateProps {
  /** The model's id, as a request names it. */
  readonly model: string;
  /**
   * `hide` (default) shows `fallback` or nothing; `disable` shows the content, which nobody can
   * use; `explain` shows the reason besides.
   */
  readonly mode?: GateMode | undefined;
  /** What the content is called in the reason. By default the model's id. */
  readonly label?: string | undefined;
  /** What `hide` shows in place of the content. */
  readonly fallback?: ReactNode;
  /** Words the reason, in place of message and link. */
  readonly reason?: ((model: ModelAccess) => ReactNode) | undefined;
  /** Draws everything, in place of `children`. `mode` counts no more. */
  readonly render?: ((model: ModelAccess) => ReactNode) | undefined;
  /** Words of this gate, in place of those of the provider. */
  readonly texts?: Partial<GateTexts> | undefined;
  /** Classes of the outermost element, besides `model-gate`. */
  readonly className?: string | undefined;
  readonly children?: ReactNode;
}

/** React 18 knows no `inert`, and writes it as any attribute. React 19 takes a boolean. */
const INERT = Number.parseInt(version, 10) < 19 ? ("" as never) : true;

/**
 * Hides, disables or explains its content while the user may not use a model. It is closed until
 * something is known.
 *
 * In the modes `disable` and `explain` the content stands in a
 * `<div class="model-gate" data-state="allowed|denied|unknown" data-mode>`, whose parts have the
 * classes `model-gate-content`, `model-gate-reason` and `model-gate-appeal`. `portcullis/react.css`
 * dims what is disabled.
 *
 * @throws PortcullisError as {@link useModelAccess}
 */
export function ModelGate(props: ModelGateProps): ReactElement {
  const { model, mode = "hide", label = model, children } = props;
  const access = useModelAccess(model);
  const texts = useTexts(props.texts);
  const id = useId();
  if (props.render !== undefined) return createElement(Fragment, null, props.render(access));
  const isOpen = access.state === "allowed";
  if (mode === "hide")
    return createElement(Fragment, null, isOpen ? children : (props.fallback ?? null));
  const isExplained = mode === "explain" && !isOpen;
  const text = `${label}: ${reasonOf(access, texts)}`;
  return createElement(
    "div",
    {
      className: props.className === undefined ? "model-gate" : `model-gate ${props.className}`,
      "data-state": access.state,
      "data-mode": mode,
      // Assistive technology meets a group that is disabled, since it passes over inert content.
      ...(!isOpen && { role: "group", "aria-label": label, "aria-disabled": true }),
      ...(isExplained && { "aria-describedby": id }),
      // Without a visible reason the tooltip is the description.
      ...(!isOpen && !isExplained && { title: text }),
    },
    // The content keeps its place, and so its state, when the gate opens or closes.
    createElement(
      "div",
      { className: "model-gate-content", ...(!isOpen && { inert: INERT }) },
      children,
    ),
    isExplained &&
      createElement(
        "div",
        { className: "model-gate-reason", id, role: "note" },
        props.reason?.(access) ?? standard(text, access.appeal, texts.appeal),
      ),
  );
}

/** Words why a model is closed. */
function reasonOf(model: ModelAccess, texts: GateTexts): string {
  if (model.state === "denied") return model.message ?? texts.denied;
  if (model.pending) return texts.pending;
  return model.error === undefined ? texts.deferred : texts.failed;
}

function standard(text: string, appeal: string | null, word: string): ReactElement {
  if (appeal === null) return createElement(Fragment, null, text);
  return createElement(
    Fragment,
    null,
    text,
    " ",
    createElement("a", { className: "model-gate-appeal", href: appeal }, word),
  );
}
