//! What is known of a response, whatever its form.

use alloc::vec::Vec;

use crate::mention::findings::Findings;
use crate::reason::Reason;

/// What is known of an answer, whatever its form.
pub(crate) struct Watch {
    pub(crate) findings: Findings,
    pub(crate) denied: Vec<u64>,
    pub(crate) strict: bool,
    /// An id in which no pattern occurs may be used.
    pub(crate) unlisted: bool,
    /// It has named what the caller may use, or need not.
    pub(crate) proven: bool,
    /// Bytes that came and have not gone.
    pub(crate) held: usize,
    /// Of these, the ones that may go.
    pub(crate) free: usize,
    /// A unit that was longer than what may be held has gone in part.
    pub(crate) split: bool,
    pub(crate) cut: Option<Reason>,
    /// Bytes of a list that may go.
    pub(crate) out: Vec<u8>,
}

impl Watch {
    /// A unit has ended behind the first `end` bytes that are held.
    pub(crate) fn unit(&mut self, end: usize, trouble: Option<Reason>) {
        self.judge();
        if self.cut.is_some() {
            return;
        }
        if self.strict && trouble.is_some() {
            self.cut = Some(Reason::AnswerUnreadable);
        } else if self.proven {
            self.free = end;
        }
    }

    /// Holds what was found against the reach, and makes ready for more.
    pub(crate) fn judge(&mut self) {
        if self.findings.any_of(&self.denied) {
            self.cut = self.cut.or(Some(Reason::ModelRestricted));
            return;
        }
        self.proven |= self.findings.known() || self.unlisted && self.findings.unlisted();
        self.findings.reset();
    }

    /// As much is held as may be. What was read of it is all that there is to go by.
    pub(crate) fn overflow(&mut self) {
        self.unit(self.held, None);
        self.split = true;
        if self.cut.is_none() && !self.proven {
            self.cut = Some(Reason::AnswerUnnamed);
        }
    }
}
