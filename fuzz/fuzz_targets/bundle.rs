//! Any bytes as a bundle: reading fails, or the bundle decides without a panic.
//!
//! A wrong digest would reject random bytes at once, so the target corrects it before reading. The
//! seeds are bundles:
//! `portcullis compile fuzz/fuzz_targets/bundle.toml --list-key KEY -o fuzz/corpus/bundle/seed`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::{Account, Candidate, Head, Network, OwnedBundle, Place, Evaluator, RequestReader, SwitchState, Value, read_code, route};
use sha2::{Digest as _, Sha256};

fuzz_target!(|data: &[u8]| {
    let mut bytes = data.to_vec();
    reseal(&mut bytes);
    let Ok(owned) = OwnedBundle::new(bytes) else { return };
    let bundle = owned.view();

    const ELEMENTS: &[&str] = &["US", "UA-43", "x"];
    let values = [Value::Bool(true), Value::Text("b"), Value::Number(1.0), Value::Text("UA-43"), Value::List(ELEMENTS)];
    let known = Account::classify(bundle, Some(b"key"), |fact| values.get(usize::from(fact) % values.len()).copied());
    let unknown = Account::unknown(bundle);
    let place = read_code("UA-43").unwrap_or(Place::UNKNOWN);
    let ip = Some([192, 0, 2, 1].into());
    let candidates = [
        Candidate { place, network: Network(1), asn: Some(13_335), ip, account: &known },
        Candidate { place: Place::UNKNOWN, network: Network(0), asn: None, ip: None, account: &unknown },
    ];
    let mut evaluator = Evaluator::new(bundle);
    for (method, url) in [("POST", "/v1/messages?model=mythos-5"), ("GET", "/v1/models/mythos-5-20260601"), ("PUT", "/a/b")] {
        let route = route(bundle, method, url);
        for (now, stale) in [(0, false), (1_790_000_000_000, true)] {
            let denied_set = evaluator.denied_set(bundle, &candidates, &route.operation_matches, now, stale).clone();
            let _ = (denied_set.is_empty(), denied_set.is_everything(bundle), denied_set.denies(1));
            let headers = [("content-type", "application/json"), ("anthropic-version", "2023-06-01")];
            let mut reader = RequestReader::new(bundle, &route, &Head { method, url, headers: &headers }, &denied_set);
            reader.feed(bundle, br#"{"model": "mythos-5", "tools": [{"type": "advisor", "model": ["x"]}]}"#);
            let outcome = reader.finish(bundle, &denied_set);
            evaluator.grounds(bundle, &candidates, &route.operation_matches, now, stale, &outcome.patterns);
        }
        evaluator.switch(bundle, "foreign", SwitchState::Shadow);
    }
});

fn reseal(bytes: &mut [u8]) {
    let Some(end) = bytes.get(64..68).and_then(|at| at.try_into().ok()).map(u32::from_le_bytes) else { return };
    if let Some(digest) = bytes.get(48..end as usize).map(Sha256::digest) {
        bytes[16..48].copy_from_slice(&digest);
    }
}
