#!/usr/bin/env bash
# Checks the package as a consumer sees it: packs it, installs it into an empty project, compiles a
# program against it, bundles the Worker of its README and runs the README's other programs.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
away=$(mktemp -d)
trap 'rm -rf "$away"' EXIT
tarball=$(npm pack --silent --pack-destination "$away" --workspace pkg)
publint run "$away/$tarball" --strict >"$away/publint.log" || { cat "$away/publint.log"; exit 1; }
attw "$away/$tarball" --profile esm-only --no-definitely-typed --exclude-entrypoints model-gate.css react.css >"$away/attw.log" || { cat "$away/attw.log"; exit 1; }
echo "package: publint and are-the-types-wrong find nothing"
mkdir -p "$away/node_modules/portcullis" "$away/node_modules/@types"
tar -xzf "$away/$tarball" -C "$away/node_modules/portcullis" --strip-components=1
cp pkg/test/consumer.ts pkg/test/consumer-worker.ts "$away/"
printf '{"type":"module"}\n' >"$away/package.json"
# Node's own types, which know neither `WebAssembly` nor `CryptoKey`.
cp -r node_modules/@types/node "$away/node_modules/@types/"
cp -r "$(dirname "$(node -p 'require.resolve("undici-types/package.json", { paths: [require.resolve("@types/node/package.json")] })')")" "$away/node_modules/undici-types"

# check LIBS TYPES FILE..: strict, the package's own declarations, too.
check() {
  (cd "$away" && tsc --noEmit --strict --exactOptionalPropertyTypes --skipLibCheck false --target es2022 --module nodenext --lib "$1" --types "$2" "${@:3}")
}
check es2022,dom '' consumer.ts consumer-worker.ts
check es2022,webworker '' consumer.ts consumer-worker.ts
check es2023 node consumer.ts
echo "package: types hold in a fresh project, $(wc -c <"$away/$tarball") bytes packed"

# Every block of the README that names a file in its first line is that file.
mkdir "$away/src"
awk -v to="$away/" '/^```/ { file = ""; fresh = !fresh; next } fresh && file == "" && /^(\/\/|#) [a-z.\/-]+$/ { file = to $2; next } fresh && file != "" { print >file }' pkg/README.md
cp pkg/wasm/policy.bundle "$away/src/"
(cd "$away" && WRANGLER_HIDE_BANNER=true WRANGLER_SEND_METRICS=false WRANGLER_LOG_PATH="$away" CI=1 "$root/node_modules/.bin/wrangler" deploy --dry-run --outdir bundled >wrangler.log 2>&1) || { cat "$away/wrangler.log"; exit 1; }
for part in edge.wasm decode.wasm policy.bundle; do
  compgen -G "$away/bundled/*-$part" >/dev/null || { echo "package: the README's Worker is bundled without $part"; exit 1; }
done
echo "package: the README's Worker bundles, with both modules and the policy"

cp pkg/wasm/policy.bundle "$away/"
(cd "$away" && node gate.mjs) | tail -1 | grep -qx 'deny 403 false' || { echo "package: the README's gate.mjs does not say \`deny 403 false\`"; exit 1; }
key="edge-1:hmac-sha256:$(printf '%032d' 0 | base64)"
(cd "$away" && ACCESS_KEYS=$key node --input-type=module -e '
  import { handle } from "./origin.mjs";
  const response = await handle(new Request("https://origin.example/"));
  console.log(response.status, await response.text());
') | grep -qx '403 access_missing' || { echo "package: the README's origin.mjs does not say \`403 access_missing\`"; exit 1; }
echo "package: the README's programs run"
