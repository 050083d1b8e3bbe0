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

/** Names of the headers that must not go on. */
export function unforwardable(headers: Headers): string[] {
  const names = [...headers.keys()].filter(stripped);
  // A hop that obeys `Connection: portcullis-reach` would drop the header that the gate sets.
  if (headers.get("connection")?.split(",").some((token) => stripped(token.trim()))) names.push("connection");
  return names;
}

function fold(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}
