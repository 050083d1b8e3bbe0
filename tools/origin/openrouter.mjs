/** The parts of OpenRouter's API that differ from OpenAI's. */
import { CATALOGUE, CREATED } from "./call.mjs";

const known = (id) => ({
  id: `acme/${id}`,
  canonical_slug: `acme/${id}`,
  name: id,
  created: CREATED,
  context_length: 4096,
  architecture: {
    modality: "text->text",
    input_modalities: ["text"],
    output_modalities: ["text"],
    instruct_type: null,
    tokenizer: "Other",
  },
  pricing: { prompt: "0", completion: "0" },
  top_provider: { is_moderated: false, context_length: null, max_completion_tokens: null },
  per_request_limits: null,
  supported_parameters: [],
  supported_voices: null,
  default_parameters: null,
  links: { details: `/api/v1/models/acme/${id}/endpoints` },
});

export const openrouter = [
  {
    at: /\/api\/v1\/models(?:\/user)?$/,
    method: "GET",
    whole: () => ({
      data: CATALOGUE.map(known),
      total_count: CATALOGUE.length,
      links: { first: null, last: null, next: null, prev: null },
    }),
  },
];
