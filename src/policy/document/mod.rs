//! Reads the text of a policy file into a typed document.

pub(crate) mod quoted;
pub(crate) mod shape;
pub(crate) mod spanned;
pub(crate) mod tree;
pub(crate) mod types;
