/**
 * The corpora in workerd: the evaluator gives the native verdicts, and the worker enforces them.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { keyDigest } from "portcullis/cloudflare";
import { ENFORCED_KEY, ACCESS_KEY } from "../../tools/demo.mjs";
import { startOrigin } from "../../tools/origin.mjs";
import { accessCheck } from "../../tools/origin/access.mjs";
import { startWorker } from "../../tools/workerd.mjs";
import { corpora } from "../corpora.mjs";
import { bodyOf, headerLines } from "../line.mjs";
import { open } from "./raw.mjs";
import { KEY_SECRET, compile } from "./setup.mjs";

const ENTRY = fileURLToPath(new URL("corpus-entry.mjs", import.meta.url));

for (const { name, policy, lines, verdicts } of corpora()) {
  test(`${name}: ${lines.length} verdicts in workerd as the command line gives them`, async () => {
    const worker = await startWorker({ bundle: compile(policy), entry: ENTRY });
    try {
      const answer = await worker.fetch("/", {
        method: "POST",
        body: lines.map((line) => JSON.stringify(line)).join("\n"),
      });
      assert.equal(answer.status, 200);
      const found = (await answer.text()).split("\n");
      for (const [index, verdict] of verdicts.entries())
        assert.equal(found[index], JSON.stringify(verdict));
    } finally {
      await worker.close();
    }
  });

  test(`${name}: requests sent to the worker are passed, deferred or turned away as the verdict says`, async () => {
    const origin = await startOrigin({
      access: await accessCheck({ keys: ACCESS_KEY, key: ENFORCED_KEY }),
    });
    const accounts = [...new Set(lines.map(({ account }) => JSON.stringify(account ?? {})))];
    const keys = Object.fromEntries(
      await Promise.all(
        accounts.map(async (text, index) => [
          await keyDigest(KEY_SECRET, `sk-${index}`),
          record(text),
        ]),
      ),
    );
    const worker = await startWorker({
      bundle: compile(policy),
      keys,
      bindings: { ORIGIN: origin.url, KEY_SECRET, ACCESS_KEY, ENFORCED_KEY, LOCAL: "1" },
    });
    let sent = 0;
    try {
      for (const [index, line] of lines.entries()) {
        if (!sendable(line)) continue;
        sent += 1;
        const key = `sk-${accounts.indexOf(JSON.stringify(line.account ?? {}))}`;
        // The second and third time caller and head are remembered.
        for (const time of [1, 2, 3]) {
          const outcome = await send(worker.url, origin, line, key);
          assert.equal(outcome, verdicts[index].verdict, `${line.id}, time ${time}`);
        }
      }
      assert.ok(sent > lines.length / 2, `${sent} of ${lines.length} could be sent`);
    } finally {
      await worker.close();
      await origin.close();
    }
  });
}

/** An account record of the corpus policy, whose claims are the names of its facts. */
function record(text) {
  return JSON.parse(text);
}

/** What HTTP can carry to the worker and what the local set-up can state. */
function sendable(line) {
  if (
    line.places !== undefined ||
    line.accounts !== undefined ||
    line.switch !== undefined ||
    line.frames !== undefined
  )
    return false;
  if (
    line.trailers !== undefined ||
    line.network !== undefined ||
    line.now !== undefined ||
    line.chunks !== undefined
  )
    return false;
  const named = headerLines(line);
  // The caller's own credential is the key of its record; and these the connection itself decides.
  if (
    named.some(([header]) =>
      /^(authorization|x-api-key|content-length|transfer-encoding|connection|upgrade|host|expect)$/i.test(
        header,
      ),
    )
  )
    return false;
  if (
    named.some(
      ([header, value]) =>
        !/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(header) || /[^\t\x20-\x7e]/.test(value),
    )
  )
    return false;
  const { pathname, search } = new URL(line.url, "https://gate.example");
  // The runtime resolves dot segments before the worker gets the URL, so the worker judges another
  // path.
  return (
    line.url.endsWith(pathname + search) &&
    !/[^\x21-\x7e]/.test(line.url) &&
    /^[A-Z]+$/.test(line.method) &&
    !/^(CONNECT|TRACE)$/.test(line.method)
  );
}

async function send(url, origin, line, key) {
  const body = bodyOf(line);
  const { country = "", region = "" } = line.place ?? {};
  const client = await open(url);
  const target = line.url.replace(/^[a-z]+:\/\/[^/]*/i, "") || "/";
  const own = [
    ["cf-ipcountry", country],
    ["cf-region-code", region],
    ["authorization", `Bearer ${key}`],
    ["connection", "close"],
  ];
  if (body !== undefined) own.push(["content-length", String(body.length)]);
  const lines = [
    ...headerLines(line).filter(([name]) => !/^cf-(ipcountry|region-code)$/i.test(name)),
    ...own,
  ];
  await client.bytes(
    `${line.method} ${target} HTTP/1.1\r\nhost: gate.example\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
  );
  const begun = origin.seen.length;
  if (body !== undefined) await client.bytes(body);
  const status = await client.status;
  client.destroy();
  if (status === 403 || status === 451) return "deny";
  if (status >= 400) return "refuse";
  const { access } = origin.seen[begun];
  // A request that is not guarded has no access header.
  return access === "access_missing" ? "pass" : (access.verdict ?? access);
}
