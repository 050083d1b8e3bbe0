//! The state of a checked response, in every format.

use alloc::vec::Vec;

use crate::mention::findings::Findings;
use crate::reason::Reason;

/// The state of a checked response, in every format.
pub(crate) struct Watch {
    pub(crate) findings: Findings,
    pub(crate) denied: Vec<u64>,
    pub(crate) strict: bool,
    /// The caller may use ids in which no pattern occurs.
    pub(crate) unlisted: bool,
    /// The response has named a model that the caller may use, or need not name one.
    pub(crate) proven: bool,
    /// Bytes that have arrived and not gone.
    pub(crate) held: usize,
    /// The part of these that may go.
    pub(crate) free: usize,
    /// A unit longer than the bound on held bytes has gone in part.
    pub(crate) split: bool,
    pub(crate) cut: Option<Reason>,
    /// Bytes of a list that may go.
    pub(crate) out: Vec<u8>,
}

impl Watch {
    /// Ends a unit, whose last byte is the last of the first `end` held bytes.
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

    /// Compares the findings with the denied set, and clears them for the next unit.
    pub(crate) fn judge(&mut self) {
        if self.findings.any_of(&self.denied) {
            self.cut = self.cut.or(Some(Reason::ModelRestricted));
            return;
        }
        self.proven |= self.findings.known() || self.unlisted && self.findings.unlisted();
        self.findings.reset();
    }

    /// The bound on held bytes is reached, so the bytes read so far decide.
    pub(crate) fn overflow(&mut self) {
        self.unit(self.held, None);
        self.split = true;
        if self.cut.is_none() && !self.proven {
            self.cut = Some(Reason::AnswerUnnamed);
        }
    }
}
