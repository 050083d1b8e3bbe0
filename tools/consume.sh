#!/usr/bin/env bash
# Packs the package, installs it into an empty project and compiles a program against it: what a consumer sees, nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
away=$(mktemp -d)
trap 'rm -rf "$away"' EXIT
tarball=$(npm pack --silent --pack-destination "$away" --workspace pkg)
mkdir -p "$away/node_modules/portcullis"
tar -xzf "$away/$tarball" -C "$away/node_modules/portcullis" --strip-components=1
cp pkg/test/consumer.ts "$away/"
printf '{"type":"module"}\n' >"$away/package.json"
tsc --noEmit --strict --exactOptionalPropertyTypes --skipLibCheck false --target es2022 --module nodenext --lib es2023,dom,dom.iterable,esnext.disposable --types '' "$away/consumer.ts"
echo "package: types hold in a fresh project, $(wc -c <"$away/$tarball") bytes packed"
