/** Workers AI. */
import { CATALOGUE, words } from "./call.mjs";

const envelope = (result) => ({ result, success: true, errors: [], messages: [] });

export const cloudflare = [
  {
    at: /\/accounts\/[^/]+\/ai\/run\/(?<model>.+)$/,
    whole: ({ text }) => envelope({ response: text }),
    events: ({ text }) => [
      ...words(text).map((response) => [undefined, { response }]),
      [undefined, "[DONE]"],
    ],
  },
  {
    at: /\/ai-gateway\/gateways$/,
    method: "GET",
    whole: () => ({
      ...envelope([{ id: "stub", cache_ttl: 0 }]),
      result_info: { page: 1, per_page: 20, total_count: 1 },
    }),
  },
  {
    at: /\/ai\/models\/search$/,
    method: "GET",
    whole: () =>
      envelope(
        CATALOGUE.map((id) => ({ id: `uuid-${CATALOGUE.indexOf(id)}`, name: `@cf/acme/${id}` })),
      ),
  },
];
