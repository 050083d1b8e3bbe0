/**
 * How long a worker takes to start: from the start of workerd's process to the first response, and
 * each of the first requests. The gate stands beside a bare pass-through and a worker written by
 * hand, each started anew in turns.
 *
 * Settings: `STARTS`; `BESIDE`, the folder of another build of the package, which takes turns too.
 */
import { fork } from "node:child_process";
import { Agent, request } from "node:http";
import { fileURLToPath } from "node:url";
import { keyDigest } from "portcullis/cloudflare";
import { KEY_SECRET, POLICY, compile } from "../tests/worker/setup.mjs";
import { ACCESS_KEY } from "../tools/demo.mjs";
import { prepare } from "./stand/runtime.mjs";
import { BARE, byHand } from "./stand/workers.mjs";

const STARTS = Number(process.env.STARTS || 15);
const REQUESTS = 4;

const origin = fork(fileURLToPath(new URL("worker.mjs", import.meta.url)));
const port = await new Promise((resolve) => origin.once("message", resolve));
const keys = {
  [await keyDigest(KEY_SECRET, "sk-foreign")]: { export: { us_person_ear: false } },
};
const bindings = { ORIGIN: `http://127.0.0.1:${port}`, KEY_SECRET };
const gate = { bindings: { ...bindings, ACCESS_KEY } };
const other = process.env.BESIDE;
const contenders = {
  "bare pass-through": { source: BARE, bindings },
  "by hand, `request.text()`": { source: byHand("text"), bindings },
  gate,
  ...(other && { "gate, the other build": { ...gate, pkg: other } }),
};
const bundle = compile(POLICY);
const prepared = [];
for (const [name, options] of Object.entries(contenders))
  prepared.push({ name, times: [], ...(await prepare({ bundle, keys, ...options })) });

for (let round = 0; round < STARTS; round += 1)
  for (let turn = 0; turn < prepared.length; turn += 1) {
    const { start, times } = prepared[(turn + round) % prepared.length];
    const begun = performance.now();
    const worker = await start();
    const agent = new Agent({ keepAlive: true });
    const stops = [performance.now()];
    for (let sent = 0; sent < REQUESTS; sent += 1) {
      await chat(worker.url, agent);
      stops.push(performance.now());
    }
    times.push([
      stops[1] - begun,
      stops[0] - begun,
      ...stops.slice(1).map((stop, at) => stop - stops[at]),
    ]);
    agent.destroy();
    await worker.close();
  }

console.log(
  `workerd, least and median of ${STARTS} starts, ms: process start to first response, to listening, then each request`,
);
console.log(
  `| | to the first response | to listening |${Array.from({ length: REQUESTS }, (_, at) => ` request ${at + 1} |`).join("")}`,
);
console.log(`|---|---|---|${"---|".repeat(REQUESTS)}`);
for (const { name, times, remove } of prepared) {
  const cells = times[0].map((_, column) => {
    const sorted = times.map((row) => row[column]).sort((a, b) => a - b);
    return `${sorted[0].toFixed(1)}, ${sorted[sorted.length >> 1].toFixed(1)}`;
  });
  console.log(`| ${name} | ${cells.join(" | ")} |`);
  remove();
}
origin.kill();

/** Sends a chat request of a caller under restriction. */
function chat(url, agent) {
  const body = JSON.stringify({ model: "haiku-4", messages: [{ role: "user", content: "hi" }] });
  const headers = { "content-type": "application/json", authorization: "Bearer sk-foreign" };
  return new Promise((resolve, reject) => {
    request(
      `${url}/v1/chat/completions`,
      { method: "POST", agent, headers: { ...headers, "content-length": body.length } },
      (response) =>
        response.resume().on("end", () => {
          if (response.statusCode === 200) resolve();
          else reject(new Error(String(response.statusCode)));
        }),
    )
      .on("error", reject)
      .end(body);
  });
}
