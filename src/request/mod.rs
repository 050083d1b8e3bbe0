//! What arrives: which models does a request mention?
//!
//! ```text
//! method, url ----> route -> operations -+
//! path, query, headers -------------------+-> findings: patterns that occur, what else bears on the verdict
//! body, chunk by chunk -> json | form | multipart
//! ```
//!
//! Input: the request as the platform gives it. Output: [`Findings`](crate::mention::findings::Findings), which
//! [`verdict`](crate::verdict) holds against the reach. It does not know who the caller is.

pub(crate) mod batch;
pub(crate) mod body;
pub(crate) mod inspection;
pub(crate) mod query;
pub(crate) mod route;
