//! What arrives: which models does a request mention?
//!
//! ```text
//! method, url ----> route -> operations -+
//! path, query, headers -------------------+-> findings: patterns that occur, what else bears on the verdict
//! body, chunk by chunk -> json | form | multipart
//! ```
//!
//! Input: the request as the platform gives it. Output: [`Findings`](findings::Findings), which
//! the verdict holds against the reach. It does not know who the caller is.

mod field;
mod findings;
mod form;
mod json;
mod key;
mod lines;
mod model_id;
mod multipart;
mod reason;
mod run;
#[cfg(all(test, feature = "author"))]
#[expect(clippy::unwrap_used, reason = "tests")]
mod sketch;

pub use findings::Carrier;
pub use reason::Reason;
