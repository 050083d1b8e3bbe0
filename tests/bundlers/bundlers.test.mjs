/**
 * The packed package in fresh projects: each builds, checks its types strictly, and shows the right
 * state in Chromium and Firefox. It installs from the npm registry, so it is no part of `make test`.
 *
 * `ONLY=vite,webpack` runs these alone, `KEEP=1` keeps the folder.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { Gate } from "portcullis";
import { launch, openPage, watched } from "../pages/browsers.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const AWAY = mkdtempSync(join(tmpdir(), "portcullis-bundlers-"));
const CSP =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; img-src data:";
/** Next writes scripts into its pages, which need a nonce of the deployment or this word. */
const NEXT_CSP = CSP.replace("script-src", "script-src 'unsafe-inline'");
const TYPES = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};
const REASON = /Mythos-class models are suspended for foreign nationals\./;
const ONLY = process.env.ONLY?.split(",");
const checked = [];

let browsers;
let tarball;
let answer;
const bundle = compilePublic();

before(async () => {
  const name = run(
    ROOT,
    "npm",
    "pack",
    "--silent",
    "--pack-destination",
    AWAY,
    "--workspace",
    "pkg",
  );
  tarball = join(AWAY, name.trim().split("\n").at(-1));
  const module = readFileSync(`${ROOT}pkg/wasm/edge_bg.wasm`);
  const gate = await Gate.load({ module, bundle });
  answer = JSON.stringify(gate.access({ place: { country: "FR" } }));
  browsers = await launch();
});

after(async () => {
  for (const { browser } of browsers ?? []) await browser.close();
  if (!process.env.KEEP) rmSync(AWAY, { recursive: true });
  else console.log(AWAY);
});

check("vite", async (project) => {
  const site = await serve(join(project, "dist"));
  await everywhere(site, "/", { element: true, react: true });
  sizes("vite", join(project, "dist"));
});

for (const name of ["webpack", "rollup"])
  check(name, async (project) => {
    const style = name === "webpack" ? "main.css" : "model-gate.css";
    await element(name, join(project, "dist"), { script: "main.js", style });
    sizes(name, join(project, "dist"));
  });

check("esbuild", async (project) => {
  for (const kind of ["inline", "file"])
    await element("esbuild", join(project, "dist"), { script: `${kind}.js`, style: `${kind}.css` });
  sizes("esbuild", join(project, "dist"));
});

check("plain", async (project) => {
  const style = "node_modules/portcullis/dist/element/model-gate.css";
  await element("plain", project, { script: "main.js", style });
});

check("node", async (project) => {
  const file = join(project, "public.bundle");
  writeFileSync(file, bundle);
  const page = run(project, "node", "dist/render.js", file);
  writeFileSync(join(project, "dist/index.html"), page);
  // The page has no script: what the server wrote is what it shows.
  const site = await serve(join(project, "dist"));
  await everywhere(site, "/", { written: true, react: true });
});

check("next", async (project) => {
  const site = await serve(undefined);
  const port = String(await freePort());
  const next = spawn("node_modules/.bin/next", ["start", "--port", port], {
    cwd: project,
    env: { ...process.env, ACCESS_URL: `${site.url}/.well-known/portcullis/access` },
    stdio: "ignore",
  });
  try {
    site.upstream = `http://127.0.0.1:${port}`;
    for (let tries = 0; tries < 100; tries += 1) {
      if (
        await fetch(site.upstream).then(
          (it) => it.ok,
          () => false,
        )
      )
        break;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    // The server rendered the state, before any script.
    const text = await (await fetch(site.url)).text();
    assert.match(text, /data-state="denied"/);
    assert.match(text, REASON);
    await everywhere(site, "/", { react: true });
    sizes("next", join(project, ".next/static"));
  } finally {
    next.kill();
  }
});

for (const name of ONLY ?? []) assert.ok(checked.includes(name), `there is no project ${name}`);

/** Installs the package into a copy of the template, builds it, and calls `then` with its folder. */
function check(name, then) {
  checked.push(name);
  const skip = ONLY !== undefined && !ONLY.includes(name);
  test(name, { skip, timeout: 600_000 }, async () => {
    const project = join(AWAY, name);
    cpSync(fileURLToPath(new URL(name, import.meta.url)), project, { recursive: true });
    const file = join(project, "package.json");
    const template = JSON.parse(readFileSync(file, "utf8"));
    template.dependencies = { ...template.dependencies, portcullis: `file:${tarball}` };
    writeFileSync(file, JSON.stringify(template));
    run(project, "npm", "install", "--no-audit", "--no-fund", "--no-package-lock");
    if (template.scripts?.build !== undefined) {
      const said = run(project, "npm", "run", "build");
      assert.doesNotMatch(said, /warning|\(!\)/i, said);
    }
    await then(project);
  });
}

/** Writes a page with two elements beside its script, and opens it. */
async function element(title, folder, { script, style }) {
  const gate = (model) =>
    `<model-gate model="${model}" mode="explain"><button>${model}</button></model-gate>`;
  writeFileSync(
    join(folder, "index.html"),
    `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>${title}</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/${style}" />
    <script type="module" src="/${script}"></script>
  </head>
  <body>${gate("haiku-4")}${gate("mythos-5")}<p id="local"></p></body>
</html>`,
  );
  await everywhere(await serve(folder), "/", { element: true });
}

/** Opens a page in both browsers and checks what it shows. */
async function everywhere(site, path, { element, written, react }) {
  for (const { name, browser } of browsers) {
    const page = await openPage(browser);
    const isQuiet = await watched(page);
    await page.goto(site.url + path);
    await page.waitForFunction(() => document.getElementById("local")?.textContent !== "");
    assert.equal(await page.textContent("#local"), "haiku-4 true, mythos-5 false", name);
    if (element) {
      await page.waitForSelector("model-gate[model=haiku-4][state=allowed]");
      await page.waitForSelector("model-gate[model=mythos-5][state=denied]");
      assert.match(await page.textContent("model-gate[model=mythos-5] [part=message]"), REASON);
    }
    if (written)
      assert.deepEqual(
        await page.$$eval("model-gate", (all) => all.map((one) => one.getAttribute("state"))),
        ["allowed", "denied"],
      );
    if (react) {
      const closed = await page.waitForSelector("#react .model-gate[data-state=denied]");
      assert.match(await closed.textContent(), REASON);
      assert.equal((await page.$$("#react .model-gate[data-state=allowed]")).length, 1);
    }
    isQuiet();
    await page.context().close();
  }
}

/** Serves a folder, the public bundle and the access endpoint; the rest comes from `upstream`. */
async function serve(folder) {
  const site = { url: "", upstream: undefined };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://site");
    const csp = site.upstream === undefined ? CSP : NEXT_CSP;
    response.setHeader("content-security-policy", csp);
    if (pathname === "/public.bundle") return response.end(bundle);
    if (pathname === "/.well-known/portcullis/access") {
      response.setHeader("content-type", "application/json");
      return response.end(answer);
    }
    if (site.upstream !== undefined) {
      const { accept = "*/*" } = request.headers;
      const upstream = await fetch(site.upstream + request.url, { headers: { accept } });
      response.statusCode = upstream.status;
      response.setHeader("content-type", upstream.headers.get("content-type") ?? "");
      return response.end(Buffer.from(await upstream.arrayBuffer()));
    }
    try {
      const name = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
      const bytes = readFileSync(join(folder, name));
      response.setHeader("content-type", TYPES[extname(name)] ?? "application/octet-stream");
      response.end(bytes);
    } catch {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  site.url = `http://127.0.0.1:${server.address().port}`;
  return site;
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Prints the weight of the scripts. */
function sizes(name, folder) {
  for (const file of readdirSync(folder, { recursive: true }))
    if (/\.(?:js|wasm|css)$/.test(file)) {
      const bytes = readFileSync(join(folder, file));
      console.log(`bundlers: ${name}: ${file}: ${gzipSync(bytes, { level: 9 }).length} bytes gzip`);
    }
}

function compilePublic() {
  const out = join(AWAY, "public.bundle");
  const policy = `${ROOT}policies/mythos-suspension.toml`;
  const keep = ["--keep", "fact:billing"];
  run(ROOT, process.env.PORTCULLIS, "compile", policy, "--public", ...keep, "--out", out);
  return readFileSync(out);
}

/** Runs a command and returns what it said. */
function run(cwd, command, ...rest) {
  const { stdout, stderr, status, error } = spawnSync(command, rest, { cwd, encoding: "utf8" });
  if (status === 0) return command === "node" ? stdout : stdout + stderr;
  throw new Error(`${command} ${rest.join(" ")}\n${stdout}\n${stderr}`, { cause: error });
}
