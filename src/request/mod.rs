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

mod findings;
mod model_id;
mod reason;

pub use findings::Carrier;
pub use reason::Reason;
