#!/usr/bin/env bash
# Writes the corpora and their native verdicts side by side for the browser tests: browser-cases.sh
# CLI
set -euo pipefail
cd "$(dirname "$0")/.."
cli=$1
out=target/browser
shared=../shared/corpus
mkdir -p "$out"
cp tests/corpus/policy.toml "$out/own-policy.toml"
cat tests/corpus/requests/*.jsonl >"$out/own-requests.jsonl"
: >"$out/shared-policy.toml"
: >"$out/shared-requests.jsonl"
if [ -d "$shared" ]; then
  cp "$shared/policy.toml" "$out/shared-policy.toml"
  cp "$shared/requests.jsonl" "$out/shared-requests.jsonl"
else
  echo "browser-cases: skipped: the shared corpus: no $shared"
fi
for corpus in own shared; do
  if [ -s "$out/$corpus-requests.jsonl" ]; then
    "$cli" decide --policy "$out/$corpus-policy.toml" --requests "$out/$corpus-requests.jsonl" >"$out/$corpus-verdicts.jsonl"
  else
    : >"$out/$corpus-verdicts.jsonl"
  fi
done
echo "browser-cases: $(cat "$out"/*-verdicts.jsonl | wc -l) requests with native verdicts"
