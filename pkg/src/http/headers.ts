/**
 * Which inbound headers never reach the origin: our own, which only the gate may set, the places that other platforms
 * report, which on this one anybody can write, and credentials in places that the origin is not to read. `_` counts as
 * `-`, since many servers fold the two.
 */

/** What the origin is told of the caller of a guarded request; `docs/reach-header.md` has its format. */
export const REACH_HEADER = "portcullis-reach";
/** By which an origin acknowledges it. */
export const ENFORCED_HEADER = "portcullis-enforced";

// One platform a line; sources are the vendors' documentation of 2026. Names are folded before they are tested.
const STRIPPED = new RegExp(
  `^(?:${[
    "portcullis-.*",
    "expect", // The body is taken without asking; workerd would take the origin's 100 for the answer.
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

/** Names of the headers that must not go on; `slots` are those of credentials, true where the origin reads it. */
export function unforwardable(
  headers: ReadonlyMap<string, string>,
  slots: ReadonlyMap<string, boolean>,
): string[] {
  const names = [...headers.keys()].filter((name) => stripped(name) || withheld(name, slots));
  for (const list of ["connection", "trailer"]) {
    // A hop that obeys `Connection: portcullis-reach` would drop the header that the gate sets; a trailer would add to it.
    if (
      headers
        .get(list)
        ?.split(",")
        .some((token) => stripped(token.trim().toLowerCase()))
    )
      names.push(list);
  }
  return names;
}

/** `name` in lower case. */
function stripped(name: string): boolean {
  return STRIPPED.test(folded(name));
}

/** A slot's name in another spelling holds a credential that is nobody's: no client sends it, and an origin might read it. */
function withheld(name: string, slots: ReadonlyMap<string, boolean>): boolean {
  const plain = folded(name);
  return plain === name ? slots.get(name) === false : slots.has(plain);
}

/** Names of the headers that are no longer true of a body that was decoded. */
export function codingHeaders(headers: ReadonlyMap<string, string>): string[] {
  return [...headers.keys()].filter((name) => /^content-(?:encoding|length)$/.test(folded(name)));
}

function folded(name: string): string {
  return name.includes("_") ? name.replaceAll("_", "-") : name;
}
