# Every target installs the tools that it needs and that are missing. `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
CARGO_HOME ?= $(HOME)/.cargo
CLI := $(TARGET)/debug/portcullis
POLICY := policies/mythos-suspension.toml
FORMATTED := "pkg/{src,test,worker}/**/*.ts" "www/examples/**/*.{html,css,js,jsx,mjs}" "examples/**/*.{mjs,ts}" "{pkg/test,tests,tools,benches}/**/*.mjs" "tests/bundlers/**/*.{html,js,ts,tsx,json}"
NODE_TEST := node --test --test-reporter=spec --test-timeout=300000 --test-force-exit

# The checkout's tools come first: the Node that the newest clients need is one of its npm packages.
export PATH := $(CURDIR)/.tools/bin:$(CURDIR)/node_modules/.bin:$(CARGO_HOME)/bin:$(PATH)
export PORTCULLIS := $(CLI)
# The same flags for all wasm, so that tests and package run the same code: SIMD for the scanner and
# for SHA-256, and no path of this machine.
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS := -Ctarget-feature=+simd128 --remap-path-prefix=$(CARGO_HOME)= --remap-path-prefix=$(CURDIR)=
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER := wasm-bindgen-test-runner

.PHONY: help build wasm package policy pages run test test-drift test-native test-wasm test-worker test-pages test-bundlers test-clients test-package test-examples test-docs test-differential test-size parsers attack bench bench-native bench-instructions bench-worker bench-peers docs fmt lint deny clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

build: package policy ## the npm package in pkg/, ready to pack

wasm: ## the edge, decoding and console modules, in pkg/wasm/
	@tools/install.sh rust bindgen node
	tools/wasm.sh
	node tools/inline.mjs

package: wasm ## the TypeScript of pkg/src, in pkg/dist/
	@echo "package: compiling TypeScript"
	rm -rf pkg/dist
	tsc -p pkg
	tsc -p pkg --declaration false --removeComments
	tsc -p pkg/worker
	cp pkg/src/element/model-gate.css pkg/dist/element/
	cp pkg/src/react/react.css pkg/dist/react/
	cp LICENSE-MIT LICENSE-APACHE pkg/

policy: ## the example policy as a bundle for the worker
	@tools/install.sh rust
	echo "policy: compiling $(POLICY)"
	cargo build --quiet --features cli --bin portcullis
	mkdir -p pkg/wasm
	sed -n 's/^export const LIST_KEY = "\(.*\)";/\1/p' tools/demo.mjs >pkg/wasm/demo-list.key
	$(CLI) compile $(POLICY) --out pkg/wasm/policy.bundle --list-key pkg/wasm/demo-list.key

pages: package ## the pages of www/, in www/dist/
	@echo "pages: bundling"
	node tools/pages.mjs

run: build pages ## the worker on http://127.0.0.1:8787 (PORT), in front of a stub origin
	@exec node tools/serve.mjs

test: lint test-drift test-native test-wasm build test-package test-worker test-pages test-clients test-examples test-docs test-differential test-size docs ## everything that CI checks

test-drift: ## the tool that compares a vendor's package with a dialect
	@tools/install.sh node
	$(NODE_TEST) tests/drift/*.test.mjs

test-native: ## the crate and the command line
	@tools/install.sh rust
	cargo test

test-wasm: ## the scan package in Node; the corpus in headless Chromium and Firefox, against the native verdicts
	@tools/install.sh rust bindgen browsers node
	cargo test --target wasm32-unknown-unknown --package portcullis-scan --lib
	cargo build --quiet --features cli --bin portcullis
	tools/browser-cases.sh $(CLI)
	for driver in CHROMEDRIVER=chromedriver GECKODRIVER=geckodriver; do
		echo "test-wasm: $${driver#*=}"
		env "$${driver%%=*}=$$(command -v "$${driver#*=}")" WASM_BINDGEN_TEST_TIMEOUT=300 cargo test --target wasm32-unknown-unknown --features author --test browser
	done

test-worker: build ## the built worker in workerd
	@$(NODE_TEST) tests/worker/*.test.mjs

test-clients: build ## the vendors' own clients against the worker
	@tools/install.sh python
	$(NODE_TEST) tests/clients/*.test.mjs

test-package: build ## the npm package in Node, and its types as a consumer sees them
	@$(NODE_TEST) pkg/test/*.test.mjs
	tools/consume.sh

test-pages: build pages ## the element, the React entry and the example pages, in Chromium and Firefox
	@tools/install.sh browsers
	$(NODE_TEST) tests/pages/*.test.mjs

test-bundlers: build ## the packed package in fresh projects of Vite, Next, webpack, Rollup, esbuild and Node (ONLY; needs the npm registry)
	@tools/install.sh browsers
	$(NODE_TEST) tests/bundlers/*.test.mjs

test-examples: build ## the programs of examples/, with real requests
	@cargo build --quiet --examples
	$(NODE_TEST) tests/examples/*.test.mjs

test-docs: build ## every block, link and screen of the documents
	@$(NODE_TEST) tests/docs/*.test.mjs

parsers: # the parsers of other servers
	@tools/install.sh rust node python golang
	echo "parsers: building"
	cargo build --quiet --release --manifest-path tests/differential/parser/rust/Cargo.toml --target-dir $(TARGET)/differential
	cd tests/differential/parser/go
	GOFLAGS=-buildvcs=false go build -o $(TARGET)/differential/parser-go .

test-differential: build parsers ## mutated requests, read by the gate and by other parsers (SEED)
	@$(NODE_TEST) tests/differential/*.test.mjs

attack: build parsers ## the same for MINUTES (30), with minimised differences
	@cargo build --quiet --release --features cli --bin portcullis
	PORTCULLIS=$(TARGET)/release/portcullis node tests/differential/attack.mjs

test-size: build ## the byte budget, and strings that must not be in the edge module
	@node tools/size.mjs

bench: bench-native bench-instructions bench-worker ## figures of docs/performance.md, and instructions beside those of before

bench-native: ## denied set, scan and decoding, natively
	@tools/install.sh rust node
	cargo bench --features author

bench-instructions: ## instructions of the hot paths, beside those of before (UPDATE)
	@tools/install.sh rust valgrind
	cargo run --quiet --release --example instructions --target-dir $(TARGET)/instructions

bench-worker: build ## the worker beside a bare pass-through, its memory, and decisions from JavaScript
	@cargo build --quiet --release --features cli --bin portcullis
	PORTCULLIS=$(TARGET)/release/portcullis node benches/decide.mjs
	node benches/scan.mjs
	node benches/worker.mjs
	node benches/start.mjs
	node benches/decode.mjs
	node benches/memory.mjs

bench-peers: build ## the package beside other policy engines (SECTIONS, NODES, STARTS, ROUNDS, JSON)
	@tools/install.sh peers
	cargo build --quiet --release --features cli --bin portcullis
	PORTCULLIS=$(TARGET)/release/portcullis node benches/peers/run.mjs --json $(or $(JSON),$(TARGET)/peers.json) $(SECTIONS)

docs: package ## the documentation of crate and package, without warnings
	@tools/install.sh rust node
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps --features cli,ed25519
	tools/typedoc/node_modules/.bin/typedoc --options tools/typedoc
	echo "docs: $(TARGET)/doc/portcullis/index.html, $(CURDIR)/target/doc/package/index.html"

fmt: ## format the sources: Rust, TypeScript, JavaScript
	@tools/install.sh rust node
	cargo fmt
	prettier --log-level=warn --write $(FORMATTED)

lint: ## formatting, clippy and the table of imports, without warnings
	@tools/install.sh rust node
	cargo fmt --check
	prettier --log-level=warn --check $(FORMATTED)
	node tools/imports.mjs
	cargo clippy --quiet --all-targets --features cli,ed25519 -- -D warnings
	cargo clippy --quiet --features origin -- -D warnings
	cargo clippy --quiet --target wasm32-unknown-unknown --features edge -- -D warnings
	cargo clippy --quiet --target wasm32-unknown-unknown --features decoder -- -D warnings
	echo "lint: clean"

deny: ## licenses, sources and known vulnerabilities of the crate's dependencies (needs the network)
	@tools/install.sh rust deny
	cargo-deny check

clean: ## remove build output; tools and npm packages stay
	@rm -rf pkg/dist pkg/wasm pkg/LICENSE-* pkg/*.tgz $(CURDIR)/target
	echo "clean: done"
