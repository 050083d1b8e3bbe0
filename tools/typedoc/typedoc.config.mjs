/**
 * The package's API as HTML in target/doc/package, from the built declarations that consumers get.
 */
import { readFileSync } from "node:fs";

const { exports } = JSON.parse(
  readFileSync(new URL("../../pkg/package.json", import.meta.url), "utf8"),
);

export default {
  name: "portcullis (npm)",
  entryPoints: Object.values(exports)
    .map(({ types }) => types)
    .filter((types) => types?.startsWith("./dist/"))
    .map((types) => `../../pkg/${types}`),
  tsconfig: "tsconfig.json",
  out: "../../target/doc/package",
  readme: "none",
  disableSources: true,
  treatWarningsAsErrors: true,
  skipErrorChecking: true,
  logLevel: "Warn",
  // Parts of the Worker that the entry points use and no consumer names.
  intentionallyNotExported: ["KeyText"],
};
