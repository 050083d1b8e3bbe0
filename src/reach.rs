//! Facts x bundle -> reach.

use alloc::vec::Vec;

use crate::bundle::Bundle;
use crate::bundle::layout::section;

/// One way of reading which operation a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Index of the operation; `NONE` if nobody knows it.
    pub operation: u32,
    /// Index of the dialect.
    pub dialect: u16,
}

/// What a caller may not use: one bit a pattern; bit 0 is an id in which no pattern occurs.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Closed.
    pub denied: Vec<u64>,
    /// Would be closed if the restrictions in shadow were on.
    pub shadow: Vec<u64>,
}

impl Reach {
    /// Nothing is closed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.denied.iter().all(|word| *word == 0)
    }

    /// All is closed, ids that no family knows included.
    #[must_use]
    pub fn is_everything(&self, bundle: Bundle<'_>) -> bool {
        let patterns = bundle.table::<crate::bundle::layout::Pattern>(section::PATTERNS).len();
        (0..patterns).all(|pattern| self.denied.get(pattern / 64).is_some_and(|word| word >> (pattern % 64) & 1 != 0))
    }

    /// This pattern is closed.
    #[must_use]
    pub fn denies(&self, pattern: u32) -> bool {
        self.denied.get(pattern as usize / 64).is_some_and(|word| word >> (pattern % 64) & 1 != 0)
    }
}

/// Why.
#[derive(Clone, Debug, Default)]
pub struct Grounds {
    /// Indices of the restrictions that deny.
    pub restrictions: Vec<u16>,
    /// Indices of the licences that lifted something.
    pub licences: Vec<u16>,
}
