/**
 * Which inbound headers never reach the origin: our own, which only the gate may set, and the places that other platforms
 * report, which on this one anybody can write. `_` counts as `-`, since many servers fold the two.
 */

/** Header that names the families denied to the caller of a deferred request. */
export const REACH_HEADER = "portcullis-reach";

// Sources: shared table of geo signals (vendor documentation, 2026). Prefixes end in `-`.
const FOREIGN = new Set([
  "cdn-requestcountrycode", // Bunny
  "cdn-requeststatecode",
  "geoip-country-code", // Gcore
  "x-akamai-edgescape",
  "x-client-geo-location", // names that Google's load balancer examples give `client_region`
  "x-client-region",
  "x-country-code",
  "x-nf-geo", // Netlify
  "visitor-ip-country", // Contentstack
  "visitor-ip-region",
]);
const FOREIGN_PREFIXES = ["cloudfront-viewer-", "fastly-geo-", "x-appengine-", "x-geo-", "x-geoip-", "x-vercel-ip-", "awswaf-clientip-geo-"];
const OWN_PREFIX = "portcullis-";

/** True if the header must not be forwarded. */
export function stripped(name: string): boolean {
  const folded = fold(name);
  return folded.startsWith(OWN_PREFIX) || FOREIGN.has(folded) || FOREIGN_PREFIXES.some((prefix) => folded.startsWith(prefix));
}

/** The headers that may go on; the very same object if all may. */
export function forwardable(headers: Headers): Headers {
  let kept: Headers | undefined;
  for (const name of headers.keys()) {
    if (stripped(name)) (kept ??= new Headers(headers)).delete(name);
  }
  // A hop that obeys `Connection: portcullis-reach` would drop the header that the gate sets.
  const connection = headers.get("connection");
  if (connection !== null) {
    const tokens = connection.split(",").map((token) => token.trim());
    const rest = tokens.filter((token) => !stripped(token));
    if (rest.length < tokens.length) {
      kept ??= new Headers(headers);
      if (rest.length > 0) kept.set("connection", rest.join(", "));
      else kept.delete("connection");
    }
  }
  return kept ?? headers;
}

function fold(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}
