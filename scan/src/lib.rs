//! Scans the bytes of a body: the part of the gate that is compiled for speed.
//!
//! ```text
//! json    the grammar of a document: skips, validates, tells a visitor of what is wanted
//! bytes   how far a string continues, where a line ends
//! simd    16 or 64 bytes compared at once
//! ```
//!
//! The rest of the edge module is compiled for size. Cargo has one `opt-level` a package, so the
//! inner loops are a package of their own. A function that is generic or `#[inline]` is compiled in
//! the package that calls it. So no function that other packages call is either of them, and the
//! visitor is a trait object.
//!
//! The package knows nothing of policies, requests or models.

#![cfg_attr(not(test), no_std)]

pub mod bytes;
pub mod json;
mod simd;
