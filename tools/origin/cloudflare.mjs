/** Workers AI. */
import { words } from "./call.mjs";

const envelope = (result) => ({ result, success: true, errors: [], messages: [] });

export const cloudflare = [
  {
    at: /\/accounts\/[^/]+\/ai\/run\/(?<model>.+)$/,
    whole: ({ text }) => envelope({ response: text }),
    events: ({ text }) => [...words(text).map((response) => [undefined, { response }]), [undefined, "[DONE]"]],
  },
];
