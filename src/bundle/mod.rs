//! What travels: one file that holds the whole compiled policy.
//!
//! Input: the bytes of a bundle, from anywhere. Output: a [`Bundle`] that has been checked once and is then only looked up.
//! It does not decide, and it does not fetch: [`reach`](crate::reach) decides, the deployment fetches.

mod check;
mod info;
pub(crate) mod layout;
mod read;
mod signature;
#[cfg(any(feature = "author", fuzzing))]
mod write;

#[allow(unused_imports, reason = "the reach reads rows and keys by these")]
pub(crate) use check::{PROGRAM_DEPTH, class_count, is_wide, keyed, slot_of};
#[allow(unused_imports, reason = "the sections are read by the modules that own them")]
pub(crate) use read::Table;
pub use read::{Bundle, BundleError, OwnedBundle, Sections};
#[cfg(any(feature = "author", fuzzing))]
#[allow(unused_imports, reason = "lowering writes")]
pub(crate) use write::{Header, Writer};
