/**
 * `make run`: the worker in workerd, in front of a stub origin, with demo keys and the pages of
 * `www/`. Prints a table of the verdicts for each key.
 */
import { fileURLToPath } from "node:url";
import { ACCOUNTS, ENFORCED_KEY, KEY_SECRET, LIST_KEY, ACCESS_KEY } from "./demo.mjs";
import { answer, startOrigin } from "./origin.mjs";
import { accessCheck } from "./origin/access.mjs";
import { pageServer } from "./page-server.mjs";
import { startWorker } from "./workerd.mjs";
import { keyDigest } from "portcullis/cloudflare";

const PLACES = [{ country: "US", region: "CA" }, { country: "FR" }, { country: "CU" }];
const MODELS = ["haiku-4", "mythos-5"];

const port = Number(process.env.PORT || 8787);
if (!Number.isInteger(port) || port < 0 || port > 65535)
  fail(`PORT is not a port: ${process.env.PORT}`);

const keys = {};
for (const [key, record] of Object.entries(ACCOUNTS))
  keys[await keyDigest(KEY_SECRET, key)] = record;
const pages = pageServer(answer);
const origin = await startOrigin({
  reply: pages.reply,
  access: await accessCheck({ keys: ACCESS_KEY, key: ENFORCED_KEY }),
});
const gate = await startWorker({
  port,
  keys,
  assets: fileURLToPath(new URL("../www/dist/", import.meta.url)),
  bindings: { ORIGIN: origin.url, LOCAL: "1", KEY_SECRET, LIST_KEY, ACCESS_KEY, ENFORCED_KEY },
}).catch((cause) => fail(cause.message));

pages.gate = gate.url;

let stopping = false;
async function stop() {
  if (stopping) return;
  stopping = true;
  await gate.close();
  await origin.close();
  process.exit(0);
}
process.on("SIGINT", stop);
process.on("SIGTERM", stop);

// The reader of the output may close it after the first line. The worker keeps running.
process.stdout.on("error", () => undefined);
console.log(`portcullis ready on ${gate.url}`);
await show();

/** Asks the running worker for each demo key, model and place, and prints the verdicts. */
async function show() {
  const width = Math.max(...Object.keys(ACCOUNTS).map((key) => key.length));
  const columns = PLACES.flatMap(({ country }) =>
    MODELS.map((model) => ({ country, model, title: `${model} ${country}` })),
  );
  const rows = [];
  for (const key of Object.keys(ACCOUNTS)) {
    const row = [];
    for (const { country, model } of columns)
      row.push(
        await ask(
          key,
          PLACES.find((place) => place.country === country),
          model,
        ),
      );
    rows.push([key, row]);
  }
  console.log(`\n${"".padEnd(width)}  ${columns.map(({ title }) => title.padEnd(11)).join("  ")}`);
  for (const [key, row] of rows)
    console.log(`${key.padEnd(width)}  ${row.map((cell) => cell.padEnd(11)).join("  ")}`);
  console.log(
    `\ntry: curl -s ${gate.url}/v1/chat/completions -H 'authorization: Bearer sk-demo-foreign' -H 'cf-ipcountry: FR' -H 'content-type: application/json' -d '{"model":"mythos-5","messages":[{"role":"user","content":"hi"}]}'`,
  );
  console.log(`pages: ${gate.url}/examples/`);
  console.log("stop: Ctrl-C");
}

async function ask(key, { country, region }, model) {
  const answer = await fetch(`${gate.url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${key}`,
      "cf-ipcountry": country,
      ...(region === undefined ? {} : { "cf-region-code": region }),
    },
    body: JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] }),
  });
  await answer.arrayBuffer();
  return answer.ok
    ? "pass"
    : `${answer.status === 403 || answer.status === 451 ? "deny" : "refuse"} ${answer.status}`;
}

function fail(message) {
  console.error(`make run: ${message}`);
  process.exit(1);
}
