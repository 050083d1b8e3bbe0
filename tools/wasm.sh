#!/usr/bin/env bash
# Builds the wasm modules and their glue into pkg/wasm/: the edge module, which decides; the
# decoding module, which the gate uses for compressed bodies; the console module for authors.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
# The features that rustc uses and the runtimes have. The module does not list them, so binaryen
# needs them as options.
features="--enable-simd --enable-bulk-memory --enable-sign-ext --enable-nontrapping-float-to-int --enable-mutable-globals --enable-multivalue --enable-reference-types"

# Panic locations name source files. This removes the folders of this machine and of its package
# cache.
flags=CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS
cargo fetch --quiet --locked --target wasm32-unknown-unknown
for folder in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
  export "$flags=${!flags:-} --remap-path-prefix=$folder="
done

# module NAME[:FEATURE] WASM-OPT-LEVEL [glue options]
module() {
  local name=${1%:*} feature=${1#*:} level=$2
  shift 2
  echo "wasm: $name"
  local compiler=${!flags:-}
  # The compiler inlines a little more than for size alone: 250 bytes less after gzip.
  if [ "$name" = edge ]; then compiler+=" -Cllvm-args=-inline-threshold=8"; fi
  env "$flags=$compiler" cargo build --quiet --lib --profile edge --target wasm32-unknown-unknown --features "$feature"
  # The slow part runs again only for a changed module or script.
  local built="$target/wasm32-unknown-unknown/edge/portcullis.wasm" stamp="pkg/wasm/.$name.built" state
  state=$(sha256sum "$built" tools/{wasm.sh,snip.mjs,rotate.mjs,shorten.mjs,module.mjs} | sha256sum)
  if [ -f "pkg/wasm/${name}_bg.wasm" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$state" ]; then
    return
  fi
  if [ "$name" = edge ]; then
    # Without the note that the module may use reference types, wasm-bindgen keeps JavaScript's
    # values in its script, which is smaller.
    # shellcheck disable=SC2086
    wasm-opt $features --strip-target-features --debuginfo "$built" -o "$target/glue/edge.wasm"
    built="$target/glue/edge.wasm"
  fi
  wasm-bindgen --target web --omit-default-module-path --out-dir "$target/glue" --out-name "$name" "$@" "$built"
  if [ "$name" = edge ]; then
    node tools/snip.mjs "$target/glue/${name}_bg.wasm" "$target/glue/${name}_bg.wasm"
    node tools/rotate.mjs "$target/glue/${name}_bg.wasm" "$target/glue/${name}_bg.wasm"
  fi
  # The stack ends at address 0 and the data begin at 1 MB, so the first kilobyte is unused.
  # shellcheck disable=SC2086
  wasm-opt $features $level --low-memory-unused --strip-debug --strip-producers "$target/glue/${name}_bg.wasm" -o "pkg/wasm/${name}_bg.wasm"
  if [ "$name" = edge ]; then node tools/shorten.mjs "pkg/wasm/${name}_bg.wasm" "$target/glue/$name.js"; fi
  # Readers of the types need the comments. The deployed script does not.
  tsc --ignoreConfig --allowJs --removeComments --target es2022 --module esnext --outDir pkg/wasm "$target/glue/$name.js"
  cp "$target/glue/$name.d.ts" "$target/glue/${name}_bg.wasm.d.ts" pkg/wasm/
  echo "$state" >"$stamp"
}

mkdir -p pkg/wasm "$target/glue"
# The reset function lets the gate replace an instance that trapped. Of the functions with one caller
# only small ones are inlined: V8 compiles each function apart, at its first call, but similar large
# functions compress better apart.
module edge "-O3 --converge --one-caller-inline-max-function-size=30" --experimental-reset-state-function
module console -Oz
# A hostile body that makes a decoder allocate more than its bound ends in a trap at this limit.
export "$flags=${!flags:-} -Clink-arg=--max-memory=100663296"
module decode:decoder -O3 --experimental-reset-state-function
