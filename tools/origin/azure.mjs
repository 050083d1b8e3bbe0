/**
 * Azure OpenAI's own paths. The path names the deployment, and the response names the model behind
 * it.
 */
import { openai } from "./openai.mjs";

const UNDER = "^/openai/deployments/(?<model>[^/]+)/.*";

export const azure = openai
  .filter(({ at }) => !/models|files|batches/.test(at.source))
  .map((shape) => ({ ...shape, at: new RegExp(UNDER + shape.at.source) }));
