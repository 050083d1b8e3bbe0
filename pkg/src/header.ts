/**
 * Which inbound headers never reach the origin: our own, which only the gate may set, and the places that other platforms
 * report, which on this one anybody can write. `_` counts as `-`, since many servers fold the two.
 */

/** Header that names the families denied to the caller of a deferred request. */
export const REACH_HEADER = "portcullis-reach";

// One platform a line; sources are the vendors' documentation of 2026. Names are folded before they are tested.
const STRIPPED = new RegExp(
  `^(?:${[
    "portcullis-.*",
    "awswaf-clientip-geo-.*|cloudfront-viewer-.*",
    "cdn-request(?:country|state)code", // Bunny
    "fastly-geo-.*",
    "geoip-.*|x-geoip-.*", // Gcore, nginx
    "visitor-ip-(?:country|region)", // Contentstack
    "x-akamai-edgescape",
    "x-appengine-.*|x-client-region.*|x-client-geo-.*", // Google
    "x-country(?:-code)?|x-geo-.*", // what operators commonly call it: Envoy, nginx
    "x-nf-geo", // Netlify
    "x-vercel-ip-.*",
  ].join("|")})$`,
);

/** True if the header must not be forwarded; `name` in lower case. */
export function stripped(name: string): boolean {
  return STRIPPED.test(name.includes("_") ? name.replaceAll("_", "-") : name);
}

/** Names of the headers that must not go on. */
export function unforwardable(headers: Headers): string[] {
  const names = [...headers.keys()].filter(stripped);
  // A hop that obeys `Connection: portcullis-reach` would drop the header that the gate sets.
  if (headers.get("connection")?.split(",").some((token) => stripped(token.trim().toLowerCase()))) names.push("connection");
  return names;
}
