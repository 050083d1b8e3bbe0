//! The evaluator in a browser: it must decide every request of both corpora as the native build
//! does, byte for byte.
//!
//! `make test-wasm` writes requests and native verdicts side by side under `target/browser` and
//! runs this test in headless Chromium and Firefox. The shared corpus is empty where its folder
//! does not exist.
#![cfg(all(target_arch = "wasm32", feature = "author"))]

use portcullis::analysis::Decider;
use portcullis::{OwnedBundle, policy};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

macro_rules! laid {
    ($file:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/target/browser/", $file))
    };
}

/// Decides each request, compares the verdict and returns the number of requests.
fn agrees(policy: &str, requests: &str, verdicts: &str) -> usize {
    if requests.is_empty() {
        return 0;
    }
    let loaded = policy::load(
        vec![policy::Source::new("policy.toml", policy)],
        &mut policy::Options::default(),
    );
    let bundle = portcullis::compile(&loaded.policy.unwrap(), None).unwrap();
    let mut decider = Decider::new(OwnedBundle::new(bundle).unwrap(), None).unwrap();
    for (request, native) in requests.lines().zip(verdicts.lines()) {
        // No rule of either policy has a start or an end, so every instant before the policies
        // expire gives the same verdicts.
        assert_eq!(decider.decide(request, 1_795_000_000_000).unwrap(), native, "{request}");
    }
    assert_eq!(requests.lines().count(), verdicts.lines().count(), "a verdict for each request");
    requests.lines().count()
}

#[wasm_bindgen_test]
fn the_corpora_are_decided_as_natively() {
    let own =
        agrees(laid!("own-policy.toml"), laid!("own-requests.jsonl"), laid!("own-verdicts.jsonl"));
    agrees(
        laid!("shared-policy.toml"),
        laid!("shared-requests.jsonl"),
        laid!("shared-verdicts.jsonl"),
    );
    assert!(own >= 100, "the corpus is there: {own} requests");
}
