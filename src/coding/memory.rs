//! How much memory all decoders of a process or an isolate may take.
//!
//! Input: what each decoder is going to take. Output: whether it may. It counts, and allocates nothing.

use alloc::rc::Rc;
use core::cell::Cell;

use crate::limits;

/// What the decoders that share it have left of [`limits::DECODERS_MEMORY`]. A clone is the same memory.
#[derive(Clone, Debug)]
pub struct Memory(Rc<Cell<usize>>);

/// What one coding has of it, given back when it is dropped.
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
    /// A share of at least this many bytes; `None`: they are not there.
    pub(crate) fn share(&self, least: usize) -> Option<Share> {
        let mut share = Share { memory: self.clone(), least, taken: 0 };
        share.covers(0).then_some(share)
    }
}

impl Share {
    /// Whether it holds a window of this many bytes beyond what it always does; it grows for that, by doubling as windows do.
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
