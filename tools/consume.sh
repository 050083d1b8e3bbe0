#!/usr/bin/env bash
# Packs the package, installs it into an empty project, compiles a program against it and bundles
# the README's Worker. The project has nothing else that this repository has.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
away=$(mktemp -d)
trap 'rm -rf "$away"' EXIT
tarball=$(npm pack --silent --pack-destination "$away" --workspace pkg)
publint run "$away/$tarball" --strict >"$away/publint.log" || { cat "$away/publint.log"; exit 1; }
attw "$away/$tarball" --profile esm-only --no-definitely-typed >"$away/attw.log" || { cat "$away/attw.log"; exit 1; }
echo "package: publint and are-the-types-wrong report no problem"
mkdir -p "$away/node_modules/portcullis" "$away/node_modules/@types"
tar -xzf "$away/$tarball" -C "$away/node_modules/portcullis" --strip-components=1
cp pkg/test/consumer.ts pkg/test/consumer-worker.ts "$away/"
printf '{"type":"module"}\n' >"$away/package.json"
# Node's own types, which declare neither `WebAssembly` nor `CryptoKey`.
cp -r node_modules/@types/node "$away/node_modules/@types/"
cp -r "$(dirname "$(node -p 'require.resolve("undici-types/package.json", { paths: [require.resolve("@types/node/package.json")] })')")" "$away/node_modules/undici-types"

# check LIBS TYPES FILE..: strict, including the package's own declarations.
check() {
  (cd "$away" && tsc --noEmit --strict --exactOptionalPropertyTypes --skipLibCheck false --target es2022 --module nodenext --lib "$1" --types "$2" "${@:3}")
}
check es2022,dom '' consumer.ts consumer-worker.ts
check es2022,webworker '' consumer.ts consumer-worker.ts
check es2023 node consumer.ts
echo "package: the types compile in a new project, $(wc -c <"$away/$tarball") bytes packed"

# Each block of the README whose first line names a file becomes that file.
mkdir "$away/src"
awk -v to="$away/" '/^```/ { file = ""; fresh = !fresh; next } fresh && file == "" && /^(\/\/|#) [a-z.\/-]+$/ { file = to $2; next } fresh && file != "" { print >file }' pkg/README.md
cp pkg/wasm/policy.bundle "$away/src/"
(cd "$away" && WRANGLER_HIDE_BANNER=true WRANGLER_SEND_METRICS=false WRANGLER_LOG_PATH="$away" CI=1 "$root/node_modules/.bin/wrangler" deploy --dry-run --outdir bundled >wrangler.log 2>&1) || { cat "$away/wrangler.log"; exit 1; }
for part in edge.wasm decode.wasm policy.bundle; do
  compgen -G "$away/bundled/*-$part" >/dev/null || { echo "package: the bundle of the README's Worker lacks $part"; exit 1; }
done
echo "package: the README's Worker bundles, with both modules and the policy"
