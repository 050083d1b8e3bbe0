//! Any bytes as a response: the outcome is the same wherever chunks end, a filtered list holds
//! nothing that was not in the response, and a filtered JSON list is JSON. Seeds: the bodies of
//! `tests/corpus/responses`.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use portcullis::compile;
use portcullis::policy::{Options, Source, load};
use portcullis::{Begun, Caller, ResponseCheck, Gate, Head, OwnedBundle, ResponseStage};

const TYPES: [&str; 3] = ["application/json", "text/event-stream", "application/vnd.amazon.eventstream"];
const CALLS: [(&str, &str, &[u8]); 4] = [
    ("POST", "/v1/messages", br#"{"model":"auto"}"#),
    ("POST", "/v1/messages", br#"{"model":"best-available"}"#),
    ("POST", "/bedrock/model/auto/invoke-with-response-stream", b"{}"),
    ("GET", "/v1/models", b""),
];

thread_local! {
    static GATE: RefCell<Gate> = {
        let text = include_str!("../../tests/corpus/responses/policy.toml").to_owned();
        let loaded = load(vec![Source::new("policy.toml", text)], &mut Options::default());
        let bundle = compile(&loaded.policy.unwrap(), None).unwrap();
        RefCell::new(Gate::new(OwnedBundle::new(bundle).unwrap(), None).unwrap())
    };
}

/// Returns the check, the last stage and the released bytes.
fn read(gate: &mut Gate, call: usize, kind: usize, body: &[u8], size: usize) -> (ResponseCheck, ResponseStage, Vec<u8>) {
    let (method, url, request) = CALLS[call];
    let head = Head { method, url, headers: &[("content-type", "application/json"), ("anthropic-version", "2023-06-01")] };
    let Begun::Inspect(unread) = gate.begin(method, url, &Caller::default(), 0) else { unreachable!() };
    let mut inspection = gate.inspect(unread, &head);
    gate.feed(&mut inspection, request);
    let verdict = gate.finish(&mut inspection);
    let mut response = gate.response(&inspection, verdict.check, 200, &[("content-type", TYPES[kind])]);
    let (mut at, mut went) = (0, Vec::new());
    for chunk in body.chunks(size) {
        let free = response.feed(gate.bundle(), chunk);
        went.extend_from_slice(&body[at..at + free]);
        at += free;
        went.extend(response.take());
        if matches!(response.stage(), ResponseStage::Cut(_)) {
            return (verdict.check, response.stage(), went);
        }
    }
    let free = response.finish(gate.bundle());
    went.extend_from_slice(&body[at..at + free]);
    went.extend(response.take());
    (verdict.check, response.stage(), went)
}

fuzz_target!(|input: &[u8]| {
    let [choice, size, body @ ..] = input else { return };
    let (call, kind) = (usize::from(*choice) % CALLS.len(), usize::from(*choice) / CALLS.len() % TYPES.len());
    GATE.with_borrow_mut(|gate| {
        let whole = read(gate, call, kind, body, body.len().max(1));
        assert_eq!(read(gate, call, kind, body, 1), whole);
        assert_eq!(read(gate, call, kind, body, usize::from(*size) + 2), whole);
        let (check, stage, went) = whole;
        if check == ResponseCheck::Filter {
            assert!(went.len() <= body.len() + 4_096);
            if !matches!(stage, ResponseStage::Cut(_)) {
                let mut parser = serde_json::Deserializer::from_slice(&went);
                parser.disable_recursion_limit();
                let read = <serde::de::IgnoredAny as serde::Deserialize>::deserialize(&mut parser);
                assert!(read.and_then(|_| parser.end()).is_ok(), "{}", String::from_utf8_lossy(&went));
            }
        } else {
            assert!(body.starts_with(&went));
        }
    });
});
