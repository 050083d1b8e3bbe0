//! Sorting, splitting and JSON writing in fewer bytes than `std` and serde need.

pub(crate) mod json;
pub(crate) mod sort;
pub(crate) mod split;
