//! A decider for a policy's text: what the tests that judge whole requests begin with.

use portcullis::OwnedBundle;
use portcullis::analysis::Decider;
use portcullis::policy::{Options, Source, compile, load};

/// Compiles the policy and loads its bundle; panics with the policy's problems.
pub(crate) fn decider(text: &str, options: &mut Options<'_>) -> Decider {
    let loaded = load(vec![Source::new("p.toml", text)], options);
    let policy = loaded.policy.unwrap_or_else(|| panic!("{:?}", loaded.problems));
    Decider::new(OwnedBundle::new(compile(&policy, None).unwrap()).unwrap(), None).unwrap()
}
