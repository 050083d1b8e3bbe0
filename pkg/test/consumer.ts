// A program as a consumer writes it; `tools/consume.sh` compiles it against the packed package.
import {
  type Access,
  type Code,
  type CompiledModule,
  type DeniedFamily,
  Gate,
  PortcullisError,
  type Refusal,
  type Screening,
  type Session,
  type Verdict,
} from "portcullis";
import { Decoder } from "portcullis/decode";
import { type Env, type Worker, keyDigest, worker } from "portcullis/cloudflare";
import {
  type ArrivedRequest,
  type NonceStore,
  type VerifiedAccess,
  type AccessCode,
  NonceCache,
  acknowledge,
  accessKeys,
  verify,
} from "portcullis/origin";

export async function denied(
  module: CompiledModule,
  bundle: Uint8Array,
): Promise<readonly DeniedFamily[]> {
  const gate = await Gate.load({ module, bundle });
  const account = gate.account({ export: { us_person_ear: true } });
  const verdict: Verdict = gate.judge(
    { method: "GET", url: "/v1/models/haiku-4" },
    { place: { country: "US" }, account },
  );
  const later: Promise<Verdict> = gate.judge(new Request("https://gate.example/v1/models"), {});
  await later;
  const node: Readonly<Record<string, string | string[] | undefined>> = {
    host: "gate.example",
    accept: undefined,
  };
  gate.judge(
    { method: "POST", url: "/v1/models", headers: node, body: new ArrayBuffer(0) },
    { place: null },
  );
  // @ts-expect-error a body is bytes or a text
  gate.judge({ method: "POST", url: "/v1/models", body: { model: "haiku-4" } }, {});
  // @ts-expect-error there are three states
  gate.switch("a-rule", "armed");
  const access: Access = gate.access({ account });
  if (access.unrestricted || access.may("haiku-4")) return [];
  return verdict.verdict === "deny" ? access.denied : [];
}

/** The protocol between the package's own files is in no declaration. */
export function internal(gate: Gate, screening: Screening, session: Session): void {
  const { denied, refusal }: { denied: readonly DeniedFamily[]; refusal: Refusal | undefined } =
    screening;
  // @ts-expect-error internal
  screening.beginResponse(new Response(), denied.length === 0);
  // @ts-expect-error internal
  screening.withhold(refusal?.status);
  // @ts-expect-error internal
  gate.step({ method: "GET", url: "/" }, {}, () => session);
  // @ts-expect-error internal
  session.deniedIds.length;
}

/** The codes are a closed union, so a `switch` over them is complete. */
export function retryable(error: PortcullisError): boolean {
  const code: Code = error.code;
  switch (code) {
    case "trapped":
    case "replaced":
    case "released":
      return true;
    default:
      // @ts-expect-error there is no such code
      return code === "no_such_code";
  }
}

export function edge(module: CompiledModule, bundle: ArrayBuffer, decode?: CompiledModule): Worker {
  return decode === undefined
    ? worker({ module, bundle })
    : worker({ module, bundle, decoder: new Decoder(decode) });
}

export const env: Env = { ORIGIN: "https://inference.example.com", CORS_ORIGINS: "*" };
export const name: Promise<string> = keyDigest("secret", "sk-1");

/** An origin that has its nonces in a store of its own, and one that has them in memory. */
export async function checked(
  request: Request | ArrivedRequest,
  store?: NonceStore,
): Promise<readonly string[]> {
  const access: VerifiedAccess | AccessCode = await verify(
    request,
    await accessKeys("edge-1:hmac-sha256:"),
    {
      nonces: store ?? new NonceCache(1000),
    },
  );
  if (typeof access === "string") {
    // @ts-expect-error there is no such code
    return access === "no_such_code" ? [] : [access];
  }
  const value: string = await acknowledge(access, 200, "origin-1:hmac-sha256:");
  // @ts-expect-error an answer cannot be acknowledged for a code
  await acknowledge("access_missing", 200, value);
  return access.denied;
}
