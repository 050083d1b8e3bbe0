//! Portcullis turns away requests for restricted AI models, by where the caller is and who the caller is.

#![allow(dead_code)]

extern crate alloc;

pub mod limits;

mod bundle;
mod emit;
mod facts;
mod gate;
mod reach;
mod refusal;
mod request;
mod verdict;

#[cfg(feature = "author")]
pub mod dialect;
#[cfg(feature = "author")]
pub mod policy;

#[cfg(feature = "author")]
pub mod analysis;

#[cfg(any(feature = "edge", feature = "console"))]
mod face;

pub use bundle::{Bundle, BundleError, OwnedBundle, Sections};
pub use facts::{Account, Network, OwnedValue, Place, Seen, Value, order_of, read_code, read_place, read_time};
pub use gate::{Approach, Caller, Gate, GateError, Passed, Pending, Unread};
pub use reach::{Candidate, Grounds, Reach, Reacher, Reading, State};
pub use refusal::{Refusal, Socket};
#[cfg(fuzzing)]
pub use request::probe;
pub use request::{Carrier, Head, Reader, Reason, Route, route};
pub use verdict::{Ground, Kind, Outcome, Verdict};
