//! An operation that a request may mean.

use super::layout::{NONE, NONE16};

/// One interpretation of a request's method and target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationMatch {
    /// Index of the operation. [`OperationMatch::UNKNOWN`] has an index that no dialect has; the id
    /// of an unknown operation is the empty text.
    pub operation: u32,
    /// Index of the dialect.
    pub dialect: u16,
}

impl OperationMatch {
    /// An unknown operation of an unknown dialect.
    pub const UNKNOWN: Self = Self { operation: NONE, dialect: NONE16 };
}
