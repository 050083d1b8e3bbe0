import type { BundleInfo, CredentialSlot } from "./gate.ts";

/** Browsers cannot set headers on a WebSocket, so OpenAI takes the key as a subprotocol of this form. */
const SUBPROTOCOL = "openai-insecure-api-key.";

/** The places of all guarded dialects, each once. */
export function slots(info: BundleInfo): CredentialSlot[] {
  const found = new Map<string, CredentialSlot>();
  for (const { credentials } of info.dialects) {
    for (const slot of credentials) found.set(`${slot.in} ${slot.name.toLowerCase()}`, slot);
  }
  return [...found.values()];
}

/**
 * Every credential in the request, each once: which of them the origin will use is the origin's choice, so each is a
 * candidate caller. Two header lines of one name arrive joined by a comma.
 */
export function credentials(slots: readonly CredentialSlot[], headers: Headers, url: string): string[] {
  const found = new Set<string>();
  let query: URLSearchParams | undefined;
  for (const slot of slots) {
    if (slot.in === "query") {
      const at = url.indexOf("?");
      if (at < 0) continue;
      query ??= new URLSearchParams(url.slice(at + 1));
      for (const [name, value] of query) if (name.toLowerCase() === slot.name.toLowerCase()) add(found, signer(value));
    } else {
      const value = headers.get(slot.name);
      if (value === null) continue;
      for (const part of value.split(",")) add(found, bare(slot, part.trim()));
    }
  }
  return [...found];
}

function bare(slot: CredentialSlot, value: string): string {
  if (slot.name.toLowerCase() === "sec-websocket-protocol") return value.startsWith(SUBPROTOCOL) ? value.slice(SUBPROTOCOL.length) : "";
  if (/^(?:SignedHeaders|Signature)=/.test(value)) return "";
  // Whatever the slot's own scheme: an origin that accepts `x-api-key: Bearer k` sees the key `k`.
  return signer(value).replace(/^bearer\s+/i, "");
}

/** Of what AWS signs, the id of the key (Signature Version 4: `AWS4-HMAC-SHA256 Credential=id/20261126/us-east-1/bedrock/aws4_request, SignedHeaders=.., Signature=..`). */
function signer(value: string): string {
  return value.replace(/^(?:AWS4-\S+\s+)?(?:Credential=)?([^/\s]+)\/\d{8}\/.*aws4_request$/, "$1");
}

function add(found: Set<string>, value: string): void {
  const text = value.trim();
  if (text !== "") found.add(text);
}
