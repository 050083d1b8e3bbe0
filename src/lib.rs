//! Portcullis turns away requests for restricted AI models, by where the caller is and who the caller is, before they reach the
//! inference origin. This crate is the evaluator; the npm package puts it in front of an origin.
//!
//! ```text
//!  policy (TOML, JSON) --policy--> Policy --compile--> bundle            author, once a change
//!  ---------------------------------------------------------------------------------------------
//!  bundle ---------------------> Bundle                                  edge, once a bundle
//!  place, network, account ----> Candidate --begin--> DeniedSet              edge, each request: often empty, and then all is said
//!  method, URL, headers, body -> RequestReader ------------> mentions           only if the denied set is not empty; the body chunk by chunk
//!  DeniedSet x mentions -----------> Verdict -----------> Refusal            pass, deny, refuse, defer
//! ```
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
//! let account = gate.account(false, |fact, _| (fact == "us_person").then_some(OwnedValue::Bool(false)));
//! let caller = Caller { accounts: vec![account], ..Caller::default() };
//!
//! let head = Head { method: "POST", url: "/v1/chat/completions", headers: &[("content-type", "application/json")] };
//! let Begun::Inspect(unread) = gate.begin(head.method, head.url, &caller, 0) else { return Err("no denied set".into()) };
//! let mut pending = gate.inspect(unread, &head);
//! gate.feed(&mut pending, br#"{"messages": [], "mod"#);
//! gate.feed(&mut pending, br#"el": "mythos-5"}"#);
//! let verdict = gate.finish(&mut pending);
//! assert_eq!((verdict.kind, verdict.status, verdict.families), (VerdictKind::Deny, 403, vec!["mythos-class".to_string()]));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "author"))]
//! # fn main() {}
//! ```
//!
//! Features, none on by default: `author` (policies), `cli` (the command line), `decode` (content codings; part of the two), `edge`, `decoder` and
//! `console` (the wasm modules), `origin` and `ed25519` (for inference origins). No feature changes a decision.

// docs.rs shows with each item the feature that it needs; only the nightly compiler there can.
#![cfg_attr(docsrs, feature(doc_cfg))]
// What only authors and their tools call is compiled for everyone and linked for nobody.
#![cfg_attr(not(feature = "author"), allow(dead_code))]
// The edge module stands on `core` and `alloc` alone: the standard library's panic messages and its allocator weigh 8 KB.
#![cfg_attr(all(target_arch = "wasm32", feature = "edge", not(feature = "author")), no_std)]

extern crate alloc;

// Leaves: every bound, every stable code, small helpers, the head of an HTTP request.
mod compact;
mod http;
pub mod limits;
mod reason;

// What people write, which APIs there are, and how both become a bundle.
#[cfg(feature = "author")]
mod compile;
#[cfg(feature = "author")]
pub mod dialect;
#[cfg(feature = "author")]
pub mod policy;

// What travels.
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

// Ways to look at a policy and at its decisions.
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
pub use crate::compile::{CompileError, compile, problems};
pub use crate::denied::{Candidate, DeniedSet, Evaluator, Grounds, SwitchState};
pub use crate::facts::account::Account;
pub use crate::facts::address::read_ip;
pub use crate::facts::network::Network;
pub use crate::facts::place::{Place, PlaceReading, read_code, read_place};
pub use crate::facts::value::{OwnedValue, Value, order_of, read_time};
pub use crate::gate::{Begun, Caller, Gate, GateError, Inspection, PassedRequest, UnreadRequest};
pub use crate::http::head::Head;
pub use crate::mention::findings::Carrier;
pub use crate::reason::Reason;
pub use crate::refusal::{Refusal, Socket};
pub use crate::request::reader::RequestReader;
pub use crate::request::route::{Route, route};
pub use crate::response::{Response, ResponseStage};
#[cfg(fuzzing)]
pub use crate::testing::fuzz;
pub use crate::verdict::egress::ResponseCheck;
pub use crate::verdict::{Ground, Outcome, Verdict, VerdictKind};
