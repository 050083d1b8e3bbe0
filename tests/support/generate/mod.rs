//! Random policies and callers over a small vocabulary, so that rules often match: strategies for
//! property tests, and conditions as text.
//!
//! Fixed: ten facts of all types, seven lists, three families. Random: the references between
//! rules, facts, lists and families, and the times and states of rules. Values shrink towards few
//! rules, short conditions and callers about whom nothing is known.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test that includes this module uses a part of it"
)]

mod caller;
mod condition;
mod policy;

pub(crate) use caller::{Caller, Owned, caller, callers, certain_caller, moment};
pub(crate) use condition::{cel_text, condition, oracle_text, written};
pub(crate) use policy::{LISTS, SECRET_LIST, policy, policy_of, vocabulary};

use portcullis::policy::FactKind;

/// Name and type of a fact.
pub(crate) type Declared = (&'static str, fn() -> FactKind);

/// The declared facts. Atoms refer to them by index.
pub(crate) const FACTS: [Declared; 10] = [
    ("us_person", || FactKind::Bool),
    ("employee", || FactKind::Bool),
    ("relation", || FactKind::Enum(RELATIONS.map(str::to_owned).to_vec())),
    ("org", || FactKind::Text),
    ("billing", || FactKind::Place),
    ("verified_until", || FactKind::Time),
    ("granted", || FactKind::Time),
    ("citizenships", || FactKind::List),
    ("tags", || FactKind::List),
    ("score", || FactKind::Number),
];

pub(crate) const RELATIONS: [&str; 3] = ["staff", "contractor", "end_user"];

/// Texts of facts. Some are prefixes of others, one is empty, one has non-ASCII letters.
pub(crate) const TEXTS: [&str; 9] =
    ["acme", "acme-labs", "acme-labs-eu", "ac", "beta", "", "Acme", "größe", "staff"];

/// Prefixes that conditions test for.
pub(crate) const STARTS: [&str; 6] = ["a", "ac", "acme", "acme-labs", "b", "gr"];

/// Codes of places in normal form: countries, and regions of some of them.
pub(crate) const CODES: [&str; 12] =
    ["US", "US-TX", "US-CA", "PR", "UA", "UA-43", "UA-09", "RU", "RU-43", "CU", "DE", "DE-BE"];

/// Codes of places whose region is known, or whose country has no region in [`CODES`].
pub(crate) const FULL_CODES: [&str; 10] =
    ["US-TX", "US-CA", "US-NY", "PR", "UA-43", "UA-30", "RU-43", "CU", "DE-BE", "DE-BY"];

/// Instants in several spellings. The second and the last are the same instant.
pub(crate) const TIMES: [&str; 8] = [
    "2026-06-12T21:20:59.999Z",
    "2026-06-12T21:21:00Z",
    "2026-06-12T21:21:00.001Z",
    "2026-06-26T00:00:00Z",
    "2027-06-12T00:00:00Z",
    "1969-12-31T23:59:59Z",
    "2026-06-26T02:00:00+02:00",
    "2026-06-12T17:21:00-04:00",
];

pub(crate) const NUMBERS: [f64; 8] = [0.0, -1.0, -0.5, 0.5, 1.0, 2.0, 1e300, -1e-300];

pub(crate) const ASNS: [u32; 4] = [0, 13_335, 64_512, u32::MAX];

pub(crate) const ADDRESSES: [&str; 9] = [
    "10.0.0.0",
    "10.0.0.255",
    "10.0.1.0",
    "9.255.255.255",
    "255.255.255.255",
    "2001:db8::",
    "2001:db8:ffff::1",
    "::ffff:10.0.0.1",
    "::1",
];

/// CIDR entries: address and prefix length.
pub(crate) const RANGES: [(&str, u32); 7] = [
    ("10.0.0.0", 24),
    ("10.0.0.0", 8),
    ("255.255.255.255", 32),
    ("0.0.0.0", 0),
    ("2001:db8::", 32),
    ("::1", 128),
    ("2001:db8:ffff::", 48),
];

/// Operations with their dialects. The last one is unknown.
pub(crate) const READINGS: [(&str, &str); 5] = [
    ("createChatCompletion", "openai"),
    ("createResponse", "openai"),
    ("createEmbedding", "openai"),
    ("Messages.create", "anthropic"),
    ("", ""),
];
