//! Reads a request for the models that it mentions.
//!
//! ```text
//! method, URL ------------> route -> operations -+
//! path, query, headers --------------------------+-> findings: patterns that occur, and
//! body, in chunks -> JSON | form | multipart ----+   everything else that bears on the verdict
//! ```
//!
//! Input: the request as the platform supplies it. Output:
//! [`Findings`](crate::mention::findings::Findings), which [`verdict`](crate::verdict) compares
//! with the denied set. These modules know nothing of the caller except the denied set.

pub(crate) mod batch;
pub(crate) mod body;
pub(crate) mod query;
pub(crate) mod reader;
pub(crate) mod route;
