//! Portcullis turns away requests for restricted AI models, by where the caller is and who the caller is, before they reach the
//! inference origin. This crate is the evaluator; the npm package puts it in front of an origin.
//!
//! ```text
//!  policy (TOML, JSON) --policy--> Policy --compile--> bundle            author, once a change
//!  ---------------------------------------------------------------------------------------------
//!  bundle ---------------------> Bundle                                  edge, once a bundle
//!  place, network, account ----> Candidate --reach--> Reach              edge, each request: often empty, and then all is said
//!  method, URL, headers, body -> Reader ------------> mentions           only if the reach is not empty; the body chunk by chunk
//!  Reach x mentions -----------> Verdict -----------> Refusal            pass, deny, refuse, defer
//! ```
//!
//! ```
//! # #[cfg(feature = "author")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use portcullis::{Approach, Caller, Gate, Head, Kind, OwnedBundle, OwnedValue, policy};
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
//! let bundle = policy::compile(&policy, None).map_err(|errors| errors[0].to_string())?;
//!
//! let mut gate = Gate::new(OwnedBundle::new(bundle)?, None)?;
//! let account = gate.account(false, |fact, _| (fact == "us_person").then_some(OwnedValue::Bool(false)));
//! let caller = Caller { accounts: vec![account], ..Caller::default() };
//!
//! let head = Head { method: "POST", url: "/v1/chat/completions", headers: &[("content-type", "application/json")] };
//! let Approach::Read(unread) = gate.approach(head.method, head.url, &caller, 0) else { return Err("no reach".into()) };
//! let mut pending = gate.read(unread, &head);
//! gate.feed(&mut pending, br#"{"messages": [], "mod"#);
//! gate.feed(&mut pending, br#"el": "mythos-5"}"#);
//! let verdict = gate.conclude(&mut pending);
//! assert_eq!((verdict.kind, verdict.status, verdict.families), (Kind::Deny, 403, vec!["mythos-class".to_string()]));
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

pub mod limits;

// What travels.
mod bundle;
// What is known of the caller.
mod facts;
// Facts x bundle -> reach.
mod reach;
// What arrives: which models it mentions, once content codings are undone.
#[cfg(feature = "decode")]
mod decode;
mod request;
// Reach x mentions -> verdict, and its words.
mod emit;
mod order;
mod piece;
mod refusal;
mod verdict;
// What the origin answers: may the caller have it?
mod answer;
// All of it put together.
mod gate;
// What the origin is told of it.
#[cfg(any(feature = "edge", feature = "origin"))]
mod mark;

// What people write, which APIs there are, and ways to look at both.
#[cfg(feature = "author")]
pub mod analysis;
#[cfg(feature = "author")]
pub mod dialect;
#[cfg(feature = "author")]
pub mod policy;

// The other end: for who runs the models.
#[cfg(feature = "origin")]
pub mod origin;

#[cfg(any(feature = "edge", feature = "decoder", feature = "console"))]
mod face;

pub use answer::{Answer, Check, Stage};
pub use bundle::{Bundle, BundleError, OwnedBundle, Sections};
#[cfg(feature = "decode")]
pub use decode::{Decoder, Memory};
pub use facts::{Account, Network, OwnedValue, Place, Seen, Value, order_of, read_code, read_ip, read_place, read_time};
pub use gate::{Approach, Caller, Gate, GateError, Passed, Pending, Unread};
pub use reach::{Candidate, Grounds, Reach, Reacher, Reading, State};
pub use refusal::{Refusal, Socket};
#[cfg(fuzzing)]
pub use request::probe;
pub use request::{Carrier, Head, Reader, Reason, Route, route};
pub use verdict::{Ground, Kind, Outcome, Verdict};
