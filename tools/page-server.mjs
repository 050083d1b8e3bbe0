/** The server behind the gate that renders the example of `www/examples/server/`. */
import { readFileSync } from "node:fs";
import { page } from "../www/examples/server/page.mjs";

const headers = readFileSync(new URL("../www/_headers", import.meta.url), "utf8");
/** The policy of the static pages holds for the rendered one too. */
const CSP = /Content-Security-Policy: (.+)/.exec(headers)[1];

/**
 * Returns an origin's `reply` that renders the page and leaves all other requests to `other`. Set
 * `gate` to the gate's address once it listens.
 */
export function pageServer(other) {
  const server = {
    gate: "",
    async reply(entry, response) {
      const { pathname, searchParams } = new URL(entry.url, "http://origin");
      if (pathname !== "/examples/server/") return other(entry, response);
      try {
        const text = await page(server.gate, searchParams.get("user") ?? "");
        response.setHeader("content-type", "text/html; charset=utf-8");
        response.setHeader("content-security-policy", CSP);
        response.setHeader("cache-control", "private, no-store");
        response.end(text);
      } catch (error) {
        response.statusCode = 500;
        response.end(String(error));
      }
    },
  };
  return server;
}
