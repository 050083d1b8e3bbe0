#!/usr/bin/env bash
# Installs those of rust, bindgen, node, peers, python, golang, browsers, valgrind and deny that are
# missing. Prints one line for each thing that it installs, and otherwise nothing. Tools that this
# checkout builds go to .tools/, which it keeps.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'install: %s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif have sudo; then sudo "$@"; else
    say "cannot run '$*' without root or sudo"
    exit 1
  fi
}

# The pinned toolchain by name, since rustup may be set not to install it by itself
# (RUSTUP_AUTO_INSTALL=0).
rust() {
  local libdir
  if libdir=$(rustc --print target-libdir --target wasm32-unknown-unknown 2>/dev/null) && [ -d "$libdir" ] &&
    cargo clippy --version >/dev/null 2>&1 && cargo fmt --version >/dev/null 2>&1; then return; fi
  have rustup || { say "rustup is needed, see https://rustup.rs"; exit 1; }
  local channel
  channel=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
  say "Rust $channel with its wasm target"
  rustup --quiet toolchain install "$channel" --profile minimal --component rustfmt --component clippy --target wasm32-unknown-unknown --no-self-update
}

# The command line and the crate of wasm-bindgen must have the same version.
bindgen() {
  local version
  version=$(sed -n 's/^wasm-bindgen = .*"=\([0-9.]*\)".*/\1/p' Cargo.toml)
  [ "$(wasm-bindgen --version 2>/dev/null)" = "wasm-bindgen $version" ] && have wasm-bindgen-test-runner && return
  say "wasm-bindgen $version (two minutes)"
  cargo install --quiet --locked --root .tools wasm-bindgen-cli --version "$version"
}

node() {
  [ node_modules/.package-lock.json -nt package-lock.json ] && [ -e node_modules/portcullis ] && return
  have npm || { say "npm is needed (Node 20 or later)"; exit 1; }
  say "npm packages"
  npm ci --loglevel=error
  touch node_modules/.package-lock.json
}

# The engines of `make bench-peers`, and the Node that they run in. No test needs them.
peers() {
  local folder=benches/peers
  [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ] && return
  have npm || { say "npm is needed (Node 20 or later)"; exit 1; }
  say "npm packages of $folder"
  (cd "$folder" && npm ci --loglevel=error)
  touch "$folder/node_modules/.package-lock.json"
}

# One environment for all tests, with the packages of every requirements.txt below tests/.
python() {
  local wanted=.tools/python/wanted file missing=()
  mapfile -t files < <(find tests -name requirements.txt | sort)
  for file in "${files[@]}"; do
    cmp --silent "$file" "$wanted/${file//\//-}" || missing+=("$file")
  done
  [ ${#missing[@]} -eq 0 ] && return
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    have apt-get || { say "Python 3 with venv is needed"; exit 1; }
    say "python3 and python3-venv"
    as_root apt-get -qq update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends python3 python3-venv >/dev/null
  fi
  say "Python packages of ${missing[*]}"
  [ -x .tools/python/bin/python ] || python3 -m venv .tools/python
  mkdir -p "$wanted"
  for file in "${missing[@]}"; do
    .tools/python/bin/python -m pip install --quiet --disable-pip-version-check --requirement "$file"
    cp "$file" "$wanted/${file//\//-}"
  done
}

golang() {
  have go && return
  have apt-get || { say "Go is needed"; exit 1; }
  say "golang-go"
  as_root apt-get -qq update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends golang-go >/dev/null
}

browsers() {
  local packages=()
  have chromedriver && { have chromium || have google-chrome; } || packages+=(chromium chromium-driver)
  have firefox-esr || have firefox || packages+=(firefox-esr)
  if [ ${#packages[@]} -gt 0 ]; then
    have apt-get || { say "needs ${packages[*]}; install them and try again"; exit 1; }
    say "${packages[*]}"
    as_root apt-get -qq update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${packages[@]}" >/dev/null
  fi
  have geckodriver && return
  say "geckodriver (four minutes)"
  cargo install --quiet --locked --root .tools geckodriver
}

valgrind() {
  [ -n "$(type -P valgrind)" ] && return
  have apt-get || { say "valgrind is needed"; exit 1; }
  say "valgrind"
  as_root apt-get -qq update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends valgrind >/dev/null
}

# `make test` leaves it out: it takes longer to build than the whole crate.
deny() {
  have cargo-deny && return
  say "cargo-deny (many minutes)"
  cargo install --quiet --locked --root .tools cargo-deny --version 0.20.2
}

for part in "$@"; do "$part"; done
