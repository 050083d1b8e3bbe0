//! The bundle: one file that holds a whole compiled policy and travels from author to gate.
//!
//! Input: the bytes of a bundle, from anywhere. Output: a [`Bundle`](view::Bundle) that has been
//! checked once and then serves lookups. This module neither decides ([`denied`](crate::denied)
//! does) nor fetches (the deployment does).

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
