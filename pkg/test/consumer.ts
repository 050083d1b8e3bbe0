// A program as a consumer writes it; `tools/consume.sh` compiles it against the packed package.
import { type Code, type DeniedFamily, Gate, type Judgement, PortcullisError } from "portcullis";
import { type Env, type Worker, keyDigest, worker } from "portcullis/cloudflare";

export async function denied(module: WebAssembly.Module, bundle: Uint8Array): Promise<readonly DeniedFamily[]> {
  const gate = await Gate.load({ module, bundle });
  const account = gate.account({ export: { us_person_ear: true } });
  const judgement: Judgement = gate.judge({ method: "GET", url: "/v1/models/haiku-4" }, { place: { country: "US" }, account });
  const later: Promise<Judgement> = gate.judge(new Request("https://gate.example/v1/models"), {});
  await later;
  return judgement.verdict === "deny" ? gate.reach({ account }).families : [];
}

/** The codes are a closed union, so a `switch` over them is complete. */
export function retryable(error: PortcullisError): boolean {
  const code: Code = error.code;
  switch (code) {
    case "trapped":
    case "replaced":
      return true;
    default:
      // @ts-expect-error there is no such code
      return code === "no_such_code";
  }
}

export function edge(module: WebAssembly.Module, bundle: ArrayBuffer): Worker {
  return worker({ module, bundle });
}

export const env: Env = { ORIGIN: "https://inference.example.com", CORS_ORIGINS: "*" };
export const name: Promise<string> = keyDigest("secret", "sk-1");
