/**
 * The public address of this repository. `node tools/repository.mjs URL` sets `repository` and
 * `homepage` of the crate, and `repository`, `homepage` and `bugs` of the package.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (path) => new URL(`../${path}`, import.meta.url);
const CRATE = at("Cargo.toml");
const PACKAGE = at("pkg/package.json");

/** Returns the present addresses of crate and package, by name. */
export function addresses() {
  const crate = readFileSync(CRATE, "utf8");
  const { repository, homepage, bugs } = JSON.parse(readFileSync(PACKAGE, "utf8"));
  const of = (name) => new RegExp(`^${name} = "(.*)"$`, "m").exec(crate)?.[1];
  return {
    crate: of("repository"),
    crateHome: of("homepage"),
    package: repository?.url,
    packageHome: homepage,
    bugs: bugs?.url,
  };
}

export function set(url) {
  if (!/^https:\/\/[^/]+\/.+[^/]$/.test(url))
    throw new Error("usage: node tools/repository.mjs https://HOST/OWNER/NAME");
  const crate = readFileSync(CRATE, "utf8")
    .replace(/^(repository|homepage) = .*\n/gm, "")
    .replace(/^(license = .*\n)/m, `$1repository = "${url}"\nhomepage = "${url}"\n`);
  writeFileSync(CRATE, crate);
  const text = readFileSync(PACKAGE, "utf8")
    .replace(/^ {2}"(repository|homepage|bugs)": .*\n/gm, "")
    .replace(
      /^( {2}"license": .*\n)/m,
      `$1  "repository": { "type": "git", "url": "git+${url}.git", "directory": "pkg" },\n  "homepage": "${url}",\n  "bugs": { "url": "${url}/issues" },\n`,
    );
  writeFileSync(PACKAGE, text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) set(process.argv[2] ?? "");
