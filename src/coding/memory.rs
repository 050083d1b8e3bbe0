//! Bounds the memory of all decoders of a process or an isolate.
//!
//! Input: the memory that each decoder is about to take. Output: whether it may. This module only
//! counts; it allocates nothing.

use alloc::rc::Rc;
use core::cell::Cell;

use crate::limits;

/// The rest of [`limits::DECODERS_MEMORY`] for the decoders that share it. Clones share the same
/// memory.
#[derive(Clone, Debug)]
pub struct Memory(Rc<Cell<usize>>);

/// The share of one coding. Dropping it returns the memory.
#[derive(Debug)]
pub(crate) struct Share {
    memory: Memory,
    least: usize,
    taken: usize,
}

impl Default for Memory {
    fn default() -> Self {
        Self(Rc::new(Cell::new(limits::DECODERS_MEMORY)))
    }
}

impl Memory {
    /// Returns a share of at least this many bytes, or `None` if they are not available.
    pub(crate) fn share(&self, least: usize) -> Option<Share> {
        let mut share = Share { memory: self.clone(), least, taken: 0 };
        share.covers(0).then_some(share)
    }
}

impl Share {
    /// Returns whether the share can hold a window of this many bytes besides its minimum. It grows
    /// to a power of two, as windows do.
    pub(crate) fn covers(&mut self, window: usize) -> bool {
        let wanted = self.least + if window == 0 { 0 } else { window.next_power_of_two() };
        let Some(more) = wanted.checked_sub(self.taken) else { return true };
        let Some(left) = self.memory.0.get().checked_sub(more) else { return false };
        self.memory.0.set(left);
        self.taken = wanted;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.0.set(self.memory.0.get() + self.taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_given_back() {
        let memory = Memory::default();
        let mut first = memory.share(limits::DECODERS_MEMORY / 2).unwrap();
        assert!(first.covers(1 << 20) && first.covers(1 << 20) && first.covers(3));
        assert!(!first.covers(limits::DECODERS_MEMORY / 2 + 1));
        assert!(memory.share(limits::DECODERS_MEMORY / 2).is_none());
        drop(first);
        assert!(memory.share(limits::DECODERS_MEMORY).is_some());
    }
}
