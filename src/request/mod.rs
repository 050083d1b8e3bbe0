//! What arrives: which models does a request mention?
//!
//! ```text
//! method, url ----> route -> operations -+
//! path, query, headers -------------------+-> findings: patterns that occur, what else bears on the verdict
//! body, chunk by chunk -> json | form | multipart
//! ```
//!
//! Input: the request as the platform gives it. Output: [`Findings`](findings::Findings), which
//! [`verdict`](crate::verdict) holds against the reach. It does not know who the caller is.

mod content;
mod deployment;
mod field;
mod findings;
mod form;
pub(crate) mod header;
mod hearing;
mod json;
mod key;
mod lanes;
mod lines;
mod model_id;
mod multipart;
mod nested;
mod path;
#[cfg(fuzzing)]
pub mod probe;
mod query;
mod reader;
mod reason;
mod route;
mod run;
#[cfg(any(all(test, feature = "author"), fuzzing))]
#[expect(clippy::unwrap_used, reason = "tests")]
mod sketch;
#[cfg(all(test, feature = "author"))]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
pub(crate) mod trial;

#[cfg(feature = "author")]
pub(crate) use deployment::host;
pub use findings::Carrier;
pub(crate) use findings::Findings;
#[cfg(feature = "author")]
pub(crate) use findings::{Mention, patterns_in};
#[cfg(any(feature = "author", feature = "edge"))]
pub(crate) use header::all_methods;
pub(crate) use json::{Event, Json};
#[cfg(feature = "author")]
pub(crate) use key::is_model_like;
#[cfg(feature = "author")]
pub(crate) use query::methods as query_methods;
pub use reader::Reader;
#[cfg(feature = "edge")]
pub(crate) use reader::is_upgrade;
pub use reason::Reason;
pub use route::{Head, Route, route};
pub(crate) use run::{find, find_either};
