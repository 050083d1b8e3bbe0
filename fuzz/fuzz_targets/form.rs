//! Any bytes are refused or read as a form, with the same result wherever chunks end.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portcullis::fuzz::{ProbeKind, Probe, bundle};
use portcullis::{OwnedBundle, Reason};

static BUNDLE: LazyLock<OwnedBundle> = LazyLock::new(bundle);

/// Returns the reader's result for a body in chunks of this size.
fn read(kind: ProbeKind, body: &[u8], size: usize) -> (Result<(), Reason>, Vec<String>, [bool; 4]) {
    let bundle = BUNDLE.view();
    let mut probe = Probe::new(bundle, kind, 0).unwrap();
    let result = body.chunks(size).try_for_each(|chunk| probe.feed(bundle, chunk)).and_then(|()| probe.finish(bundle));
    let (mentions, flags) = probe.found();
    (result, mentions.into_iter().map(str::to_owned).collect(), flags)
}

fuzz_target!(|input: &[u8]| {
    let Some((&size, body)) = input.split_first() else { return };
    for kind in [ProbeKind::Form, ProbeKind::Multipart] {
        let whole = read(kind, body, usize::MAX);
        assert_eq!(read(kind, body, 1), whole, "{kind:?}");
        assert_eq!(read(kind, body, usize::from(size) + 2), whole, "{kind:?}");
    }
});
