/** The parts of Mistral's API that differ from OpenAI's. */
import { CATALOGUE, CREATED } from "./call.mjs";

const mistralCall = ({ headers }) => /mistral/.test(headers["user-agent"]);
const known = (id) => ({
  id,
  object: "model",
  created: CREATED,
  owned_by: "mistralai",
  type: "base",
  name: id,
  aliases: [`${id}-latest`],
  max_context_length: 32768,
  capabilities: {
    completion_chat: true,
    function_calling: false,
    completion_fim: false,
    fine_tuning: false,
    vision: false,
    classification: false,
  },
});

export const mistral = [
  {
    at: /\/v1\/models$/,
    method: "GET",
    when: mistralCall,
    whole: () => ({ object: "list", data: CATALOGUE.map(known) }),
  },
  {
    at: /\/v1\/models\/(?<model>.+)$/,
    method: "GET",
    when: mistralCall,
    whole: ({ model }) => known(model),
  },
  {
    at: /\/v1\/ocr$/,
    whole: ({ model }) => ({ model, pages: [], usage_info: { pages_processed: 0 } }),
  },
];
