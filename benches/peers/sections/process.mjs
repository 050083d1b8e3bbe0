/** The tables of whole processes: cold start with the bytes to ship (W4), and memory. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { folder, jobs, policyFile } from "../bundle.mjs";
import { ALL, ENGINES, adapterOf, contender, path, wasmOf } from "../contenders.mjs";
import { NOW, policyOf } from "../policy.mjs";
import { race } from "../race.mjs";
import { recordsOf } from "../requests.mjs";
import { DECISIONS, STARTS } from "../settings.mjs";
import { mb, number, ratio, table } from "../table.mjs";

export async function cold(context) {
  context.title();
  const policy = policyOf("small");
  const [record] = recordsOf(1);
  const request = { model: "haiku-4", place: { country: "US", region: "US-TX" }, now: NOW };
  const names = ALL.filter((name) => !contender(name).map && name !== "plain-js, indexed");
  const prepared = [];
  for (const name of names) {
    const { adapter } = contender(name);
    const script = join(folder(), `${adapter}.mjs`);
    await build({
      stdin: {
        contents: `export { load } from "./adapters/${adapter}.mjs";`,
        resolveDir: path("."),
      },
      outfile: script,
      bundle: true,
      minify: true,
      format: "esm",
      platform: "node",
      logLevel: "error",
    });
    const source =
      name === "portcullis" ? await policyFile("small") : join(folder(), `${adapter}.source`);
    if (name !== "portcullis") writeFileSync(source, (await adapterOf(name)).source(policy));
    const wasm = contender(name).wasm && path(contender(name).wasm);
    const binary = name === "portcullis";
    const files = [readFileSync(script), ...(wasm === undefined ? [] : [wasmOf(name)])];
    const job = JSON.stringify({ script, wasm, source, binary, record, request });
    prepared.push({ name, job, files });
  }
  const times = prepared.map(() => []);
  // The columns are of one start each, so that they add up; the middle one by its total.
  for (let start = 0; start < STARTS + 8; start += 1)
    for (const [index, { job }] of prepared.entries())
      times[index].push(
        JSON.parse(
          execFileSync(
            context.node,
            ["--import", path("tasks/watch.mjs"), path("tasks/cold.mjs"), job],
            {
              encoding: "utf8",
            },
          ),
        ),
      );
  const answers = new Set(times.flat().map(({ answer }) => answer));
  const size = (files, pack) => files.reduce((sum, file) => sum + pack(file).length, 0);
  const rows = prepared.map(({ name, files }, index) => {
    const order = times[index].toSorted((a, b) => a.total - b.total);
    return {
      contender: name,
      ...order[Math.floor(order.length / 2)],
      raw: size(files, (file) => file),
      gzip: size(files, (file) => gzipSync(file, { level: 9 })),
      brotli: size(files, (file) =>
        brotliCompressSync(file, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
      ),
    };
  });
  const total = (name) => rows.find(({ contender }) => contender === name).total;
  const fastest = Math.min(...ENGINES.map(total));
  rows.sort((a, b) => a.total - b.total);
  const stages = ["import", "compile", "instantiate", "load", "first"];
  console.log(
    table(
      ["contender", "total ms", "to plain-js", "to fastest engine"].concat(
        ["import", "wasm compile", "instantiate", "load policy", "first decision"],
        ["raw bytes", "gzip -9", "brotli 11"],
      ),
      rows.map((row) => [
        row.contender,
        number(row.total),
        ratio(row.total, total("plain-js")),
        ratio(row.total, fastest),
        ...stages.map((stage) => number(row[stage])),
        row.raw,
        row.gzip,
        row.brotli,
      ]),
    ),
  );
  context.keep(rows.map((row) => ({ ...row, wrong: answers.size - 1 })));
}

export async function memory(context) {
  context.title();
  const found = [];
  for (const job of await jobs(
    ["plain-js", "plain-js, map", "portcullis", "portcullis, map"],
    "memory",
    "small",
  ))
    found.push(
      ...(await race([job], {
        ...context,
        starts: 1,
        rounds: 1,
        flags: ["--expose-gc", "--import", path("tasks/watch.mjs")],
      })),
    );
  const rows = found.map(({ contender, starts: [[result]] }) => ({ contender, ...result }));
  const held = ({ heap, rss, wasm }) => `${mb(heap)}, ${mb(rss)}, ${mb(wasm)}`;
  console.log(
    table(
      ["MB: heap, process, wasm", "before", "after the decisions", "after the accounts"].concat([
        "ns a decision",
      ]),
      rows.map(({ contender, before, decided, accounts, seconds }) => [
        contender,
        held(before),
        held(decided),
        held(accounts),
        number((seconds * 1e9) / DECISIONS),
      ]),
    ),
  );
  context.keep(rows);
}
