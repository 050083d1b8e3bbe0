/**
 * Reads the facts that Cloudflare knows about a connection.
 *
 * Who can set them: the runtime builds `request.cf` from the connection (Workers runtime API,
 * "IncomingRequestCfProperties", 2026), unless another Worker made the request, which the header
 * `CF-Worker` shows. Cloudflare sets `CF-Connecting-IP` over any copy that a client sends ("HTTP
 * request headers", 2026). No other header is a fact.
 */
import type { ConnectionFacts, HeaderMap, Settings } from "../../http/platform.ts";
import type { Place } from "../../types.ts";

interface Cf {
  readonly country?: string;
  readonly regionCode?: string;
  readonly asn?: number;
}

/** Network kinds that Cloudflare reports: `tor`, by the country `T1`. */
export const NETWORKS = ["tor"];

export function facts(request: Request, headers: HeaderMap, settings: Settings): ConnectionFacts {
  const { country, regionCode, asn } = (request as unknown as { cf?: Cf }).cf ?? {};
  const place: Place =
    settings.LOCAL === "1"
      ? { country: headers.get("cf-ipcountry"), region: headers.get("cf-region-code") }
      : { country, region: regionCode };
  return {
    // Behind another Worker the caller's own place is unknown, so it is a second candidate.
    place: headers.has("cf-worker") ? [place, {}] : place,
    asn,
    ip: headers.get("cf-connecting-ip"),
  };
}
