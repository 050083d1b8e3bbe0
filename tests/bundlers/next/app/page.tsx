import type { AccessAnswer } from "portcullis/react";
import { Picker } from "./picker";

// The answer belongs to one user, so the page is rendered for each request.
export const dynamic = "force-dynamic";

export default async function Page() {
  const response = await fetch(process.env["ACCESS_URL"] as string, { cache: "no-store" });
  return <Picker initial={(await response.json()) as AccessAnswer} />;
}
