/**
 * Removes request headers that must not reach the origin: the gate's own, headers in which other
 * platforms report a place (here any client can send them), and credentials where the origin does
 * not read them. `_` counts as `-`, because many servers treat the two alike.
 */
import type { HeaderMap } from "./platform.ts";

/** A copy of the runtime's headers, which has checked them: the gate takes it for such. */
export class HeaderLines extends Map<string, string> {
  constructor(headers: Headers) {
    super();
    // In workerd this takes half the time of iterating.
    headers.forEach((value, name) => this.set(name, value));
  }

  override get [Symbol.toStringTag](): string {
    return "Headers";
  }
}

// One platform a line; the sources are the vendors' documentation of 2026. Names are folded before
// the test.
const REMOVED = new RegExp(
  `^(?:${[
    "portcullis-.*",
    // The gate reads the body at once, and workerd would take the origin's 100 for its response.
    "expect",
    "awswaf-clientip-geo-.*|cloudfront-viewer-.*",
    "cdn-request(?:country|state)code", // Bunny
    "fastly-geo-.*",
    "geoip-.*|x-geoip-.*", // Gcore, nginx
    "visitor-ip-(?:country|region)", // Contentstack
    "x-akamai-edgescape",
    "x-appengine-.*|x-client-region.*|x-client-geo-.*", // Google
    "x-country(?:-code)?|x-geo-.*", // common names in configurations of Envoy and nginx
    "x-nf-geo", // Netlify
    "x-vercel-ip-.*",
  ].join("|")})$`,
);

/**
 * Returns the names of the headers to remove.
 *
 * @param slots Headers that hold credentials; the value tells whether the origin reads the header
 */
export function headersToRemove(headers: HeaderMap, slots: ReadonlyMap<string, boolean>): string[] {
  const names = [...headers.keys()].filter((name) => isRemoved(name) || isRemovedSlot(name, slots));
  for (const list of ["connection", "trailer"]) {
    // A hop that obeys `Connection: portcullis-access` would drop the gate's header; a trailer
    // would add to it.
    if (
      headers
        .get(list)
        ?.split(",")
        .some((token) => isRemoved(token.trim().toLowerCase()))
    )
      names.push(list);
  }
  return names;
}

/** `name` is in lower case. */
function isRemoved(name: string): boolean {
  return REMOVED.test(folded(name));
}

/**
 * A slot's name spelled with `_` is always removed: no client sends it, and an origin might read
 * it.
 */
function isRemovedSlot(name: string, slots: ReadonlyMap<string, boolean>): boolean {
  const plain = folded(name);
  return plain === name ? slots.get(name) === false : slots.has(plain);
}

/** Returns the names of the headers that do not hold for a decoded body. */
export function codingHeaders(headers: HeaderMap): string[] {
  return [...headers.keys()].filter((name) => /^content-(?:encoding|length)$/.test(folded(name)));
}

function folded(name: string): string {
  return name.includes("_") ? name.replaceAll("_", "-") : name;
}
