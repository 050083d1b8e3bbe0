//! Deciders for tests that judge whole requests, and a verdict checked against every chunk size.

#![allow(dead_code, reason = "each driver that includes this module uses a part of it")]

use portcullis::analysis::{Decider, RequestLine};
use portcullis::compile;
use portcullis::policy::{Options, Source, load};
use portcullis::{OwnedBundle, Verdict};

/// Compiles the policy and loads its bundle. Panics with the policy's problems.
pub(crate) fn decider(text: &str, options: &mut Options<'_>) -> Decider {
    let loaded = load(vec![Source::new("p.toml", text)], options);
    let policy = loaded.policy.unwrap_or_else(|| panic!("{:?}", loaded.problems));
    Decider::new(OwnedBundle::new(compile(&policy, None).unwrap()).unwrap(), None).unwrap()
}

/// Returns a policy that denies `mythos-5` to everybody and leaves `haiku-4` open. `dialects` is
/// the array of the policy file, in TOML.
pub(crate) fn policy(dialects: &str) -> String {
    format!(
        r#"
format = 1
[policy]
id = "test"
version = 1
dialects = {dialects}
[models.mythos-class]
ids = ["mythos-5"]
[models.open]
ids = ["haiku-4"]
[[restrictions]]
id = "closed"
models = ["mythos-class"]
"#
    )
}

/// Compiles the policy of `tests/corpus/requests` with these dialects instead of its own.
pub(crate) fn guarding<'a>(dialects: impl IntoIterator<Item = &'a str>) -> Decider {
    let text = include_str!("../corpus/policy.toml");
    let (before, rest) = text.split_once("dialects = [").unwrap();
    let (_, after) = rest.split_once("\n]\n").unwrap();
    let dialects: Vec<&str> = dialects.into_iter().collect();
    decider(&format!("{before}dialects = {dialects:?}\n{after}"), &mut Options::default())
}

/// Decides a line at instant 0: once with the whole body, once for each size with the body in
/// chunks of that size, and once under a head that is remembered. Panics unless all verdicts are
/// equal.
#[track_caller]
pub(crate) fn decided(decider: &mut Decider, line: &str, sizes: &[usize]) -> Verdict {
    let mut line = RequestLine::read(line).unwrap();
    let verdict = decider.verdict(&line, 0);
    let length = line.body.as_ref().map_or(0, Vec::len);
    for size in sizes {
        line.chunks = (0..length).step_by(*size).collect();
        assert_eq!(decider.verdict(&line, 0).to_json(), verdict.to_json(), "in pieces of {size}");
    }
    remembered(decider, &line, 0, &verdict);
    verdict
}

/// Decides a line under a head that is remembered, if there is such a way for it. Panics if the
/// verdict is another one.
#[track_caller]
pub(crate) fn remembered(decider: &mut Decider, line: &RequestLine, clock: i64, verdict: &Verdict) {
    if let Some(other) = decider.verdict_from_memory(line, clock) {
        assert_eq!(&other, verdict, "{} under a head that is remembered", line.id);
    }
}
