//! Sorting, splitting, bit sets, hexadecimal digits, Base64 and JSON in fewer bytes of code than
//! the standard library and serde need.

#[cfg(any(feature = "edge", feature = "origin"))]
pub(crate) mod base64;
pub(crate) mod bits;
pub(crate) mod hex;
pub(crate) mod json;
pub(crate) mod sort;
pub(crate) mod split;
