//! Facts known of the caller before the body is read: place, network, account.
//!
//! Input: values from a platform adapter and an account record. Output: normalised facts, in which
//! "unknown" is a value of its own. Nothing here decides.

pub(crate) mod account;
pub(crate) mod address;
pub(crate) mod class;
pub(crate) mod digest;
pub(crate) mod network;
pub(crate) mod place;
pub(crate) mod value;
