//! What travels: one file that holds the whole compiled policy.
//!
//! Input: the bytes of a bundle, from anywhere. Output: a [`Bundle`] that has been checked once and is then only looked up.
//! It does not decide, and it does not fetch: [`reach`](crate::denied) decides, the deployment fetches.

pub(crate) mod check;
pub(crate) mod describe;
pub(crate) mod error;
pub(crate) mod layout;
pub(crate) mod open;
pub(crate) mod operation;
mod signature;
pub(crate) mod view;
#[cfg(any(feature = "author", fuzzing))]
pub(crate) mod write;
