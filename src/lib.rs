//! Decides whether a caller may use the AI model that a request names, from the facts about the
//! caller and from the request itself.
//!
//! The npm package puts this evaluator in front of an inference origin.
//!
//! ```text
//!  author  policy (TOML, JSON) --policy--> Policy --compile--> bundle   once a change
//!  ---------------------------------------------------------------------------------------------
//!  edge    bundle --------------------------> Bundle                   once a bundle
//!          place, network, account --begin--> DeniedSet                each request
//!          method, URL, headers, body ------> mentions                 if DeniedSet is not empty
//!          DeniedSet x mentions ------------> Verdict -> Refusal
//! ```
//!
//! The denied set is usually empty: the request then passes and nothing of it is read. Otherwise
//! [`RequestReader`] reads the body chunk by chunk. A [`Verdict`] is pass, deny, refuse or defer.
//!
//! ```
//! # #[cfg(feature = "author")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use portcullis::{Begun, Caller, Gate, Head, VerdictKind, OwnedBundle, OwnedValue, policy};
//!
//! let source = policy::Source::new("example.toml", r#"
//!     format = 1
//!     [policy]
//!     id = "example"
//!     version = 1
//!     dialects = ["openai"]
//!     [models.mythos-class]
//!     ids = ["mythos-5"]
//!     [facts]
//!     us_person = { type = "bool", claim = "/us_person" }
//!     [[restrictions]]
//!     id = "us-persons-only"
//!     models = ["mythos-class"]
//!     unless = "us_person"
//!     message = "Suspended for foreign nationals."
//! "#);
//! let loaded = policy::load(vec![source], &mut policy::Options::default());
//! let policy = loaded.policy.ok_or("the policy has errors")?;
//! let bundle = portcullis::compile(&policy, None).map_err(|errors| errors[0].to_string())?;
//!
//! let mut gate = Gate::new(OwnedBundle::new(bundle)?, None)?;
//! let account = gate.account(false, |fact, _| {
//!     (fact == "us_person").then_some(OwnedValue::Bool(false))
//! });
//! let caller = Caller { accounts: vec![account], ..Caller::default() };
//!
//! let head = Head {
//!     method: "POST",
//!     url: "/v1/chat/completions",
//!     headers: &[("content-type", "application/json")],
//! };
//! let Begun::Inspect(unread) = gate.begin(head.method, head.url, &caller, 0) else {
//!     return Err("no denied set".into());
//! };
//! let mut inspection = gate.inspect(unread, &head);
//! gate.feed(&mut inspection, br#"{"messages": [], "mod"#);
//! gate.feed(&mut inspection, br#"el": "mythos-5"}"#);
//! let verdict = gate.finish(&mut inspection);
//! assert_eq!((verdict.kind, verdict.status), (VerdictKind::Deny, 403));
//! assert_eq!(verdict.families, ["mythos-class"]);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "author"))]
//! # fn main() {}
//! ```
//!
//! No feature is on by default, and no feature changes a decision:
//!
//! - `author`: policies, dialects, compiling, analysis; `cli` and `console` turn it on
//! - `cli`: the command line
//! - `decode`: content codings; `author` and `decoder` turn it on
//! - `edge`, `decoder`, `console`: the wasm modules
//! - `origin`, `ed25519`: verifying the access header at an inference origin

// On docs.rs each item shows the feature that it needs. `doc_cfg` needs a nightly compiler.
#![cfg_attr(docsrs, feature(doc_cfg))]
// Code that only authors and their tools call is compiled in every build, and the linker drops it.
#![cfg_attr(not(feature = "author"), allow(dead_code))]
// The edge module uses `core` and `alloc` alone: the standard library's panic messages and its
// allocator weigh 8 KB.
#![cfg_attr(all(target_arch = "wasm32", feature = "edge", not(feature = "author")), no_std)]

extern crate alloc;

// Leaves: every bound, every stable code, small helpers, the head of an HTTP request.
mod compact;
mod http;
pub mod limits;
mod reason;

// Authoring: policies, dialects, and compiling both to a bundle.
#[cfg(feature = "author")]
mod compile;
#[cfg(feature = "author")]
pub mod dialect;
#[cfg(feature = "author")]
pub mod policy;

// The bundle: the only artifact that travels from author to gate.
mod bundle;

// Deciding, in the order of a request.
#[cfg(feature = "decode")]
mod coding;
mod denied;
mod facts;
mod gate;
mod mention;
mod refusal;
mod request;
mod response;
mod verdict;

// The access header, which the gate signs and an inference origin verifies.
#[cfg(any(feature = "edge", feature = "origin"))]
pub mod origin;

// Tools for looking at a policy and at its decisions.
#[cfg(feature = "author")]
pub mod analysis;

// The wasm modules.
#[cfg(any(feature = "edge", feature = "decoder", feature = "console"))]
mod binding;

#[cfg(any(test, fuzzing))]
mod testing;

pub use crate::bundle::error::BundleError;
pub use crate::bundle::operation::OperationMatch;
pub use crate::bundle::view::{Bundle, OwnedBundle, Sections};
#[cfg(feature = "decode")]
pub use crate::coding::Decoder;
#[cfg(feature = "decode")]
pub use crate::coding::memory::Memory;
#[cfg(feature = "author")]
pub use crate::compile::public::{
    Keep, KeepError, PublicError, PublicPolicy, Stricter, public_policy,
};
#[cfg(feature = "author")]
pub use crate::compile::{CompileError, compile, problems};
pub use crate::denied::{Candidate, DeniedSet, Evaluator, Grounds, SwitchState};
pub use crate::facts::account::Account;
pub use crate::facts::address::read_ip;
pub use crate::facts::network::Network;
pub use crate::facts::place::{Place, PlaceReading, read_code, read_place};
pub use crate::facts::value::{OwnedValue, Value, order_of, read_time};
pub use crate::gate::model::Model;
pub use crate::gate::{Begun, Caller, Gate, GateError, Inspection, PassedRequest, UnreadRequest};
pub use crate::http::head::Head;
pub use crate::mention::findings::Carrier;
pub use crate::mention::header::HeaderBearing;
pub use crate::reason::Reason;
pub use crate::refusal::{Refusal, Socket};
pub use crate::request::reader::RequestReader;
pub use crate::request::reader::kept_head::KeptHead;
pub use crate::request::route::{Route, route};
pub use crate::response::{Response, ResponseStage};
#[cfg(fuzzing)]
pub use crate::testing::fuzz;
pub use crate::verdict::egress::ResponseCheck;
pub use crate::verdict::{Decision, Ground, Outcome, Verdict, VerdictKind};
