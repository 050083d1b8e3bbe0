//! The evaluator in a browser: the whole corpus must be decided as natively, byte for byte.
//!
//! `make test-wasm` lays the cases and the native verdicts beside each other and runs this in headless Chromium and Firefox.
#![cfg(all(target_arch = "wasm32", feature = "author"))]
#![expect(clippy::unwrap_used, reason = "tests")]

use portcullis::analysis::Decider;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const POLICY: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/target/browser/policy.toml"));
const REQUESTS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/target/browser/requests.jsonl"));
const VERDICTS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/target/browser/verdicts.jsonl"));

#[wasm_bindgen_test]
fn the_corpus_is_decided_as_natively() {
    let bundle = portcullis::policy::compile_text(POLICY).unwrap();
    let mut decider = Decider::new(bundle, None).unwrap();
    let mut count = 0;
    for (request, native) in REQUESTS.lines().zip(VERDICTS.lines()) {
        assert_eq!(decider.decide(request, 1_795_000_000_000).unwrap(), native, "{request}");
        count += 1;
    }
    assert_eq!(count, REQUESTS.lines().count(), "a verdict for each request");
    assert!(count >= 50, "the corpus is there: {count} cases");
}
