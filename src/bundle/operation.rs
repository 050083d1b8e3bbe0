//! One operation that a request may stand for.

use super::layout::{NONE, NONE16};

/// One way to understand what a request asks for, from its method and target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The operation, by number; [`Reading::UNKNOWN`] has one that no dialect knows, whose id is the empty text.
    pub operation: u32,
    /// The dialect, by number.
    pub dialect: u16,
}

impl Reading {
    /// Neither operation nor dialect are known ones.
    pub const UNKNOWN: Self = Self { operation: NONE, dialect: NONE16 };
}
