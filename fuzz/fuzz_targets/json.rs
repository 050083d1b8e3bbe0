//! Any bytes are refused or read, the same wherever chunks end. Everything that is read is JSON,
//! and all JSON is read.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portcullis::fuzz::{ProbeKind, Probe, bundle};
use portcullis::{OwnedBundle, Reason};

static BUNDLE: LazyLock<OwnedBundle> = LazyLock::new(bundle);

/// What a reader says of a body that arrives in pieces of this size.
fn read(kind: ProbeKind, state: u32, body: &[u8], size: usize) -> (Result<(), Reason>, Vec<String>, [bool; 4]) {
    let bundle = BUNDLE.view();
    let mut probe = Probe::new(bundle, kind, state).unwrap();
    let result = body.chunks(size).try_for_each(|chunk| probe.feed(bundle, chunk)).and_then(|()| probe.finish(bundle));
    let (mentions, flags) = probe.found();
    (result, mentions.into_iter().map(str::to_owned).collect(), flags)
}

fuzz_target!(|input: &[u8]| {
    let Some((&size, body)) = input.split_first() else { return };
    let whole = read(ProbeKind::Json, 0, body, usize::MAX);
    assert_eq!(read(ProbeKind::Json, 0, body, 1), whole);
    assert_eq!(read(ProbeKind::Json, 0, body, usize::from(size) + 2), whole);
    assert_eq!(read(ProbeKind::JsonLines, 0, body, usize::from(size) + 1), read(ProbeKind::JsonLines, 0, body, usize::MAX));

    let syntax = read(ProbeKind::Json, u32::MAX, body, usize::MAX).0;
    let is_json = str::from_utf8(body).is_ok_and(|text| {
        let mut parser = serde_json::Deserializer::from_str(text);
        parser.disable_recursion_limit();
        <serde::de::IgnoredAny as serde::Deserialize>::deserialize(&mut parser).and_then(|_| parser.end()).is_ok()
    });
    assert!(syntax.is_ok() == is_json || syntax == Err(Reason::JsonDepth), "{syntax:?}");
});
