//! Answers given beside requests as lines: what would become of them. For tests, and for whoever wants to know before it happens.
//!
//! Input: a request line and an answer in pieces. Output: an [`Answered`]. It does what an adapter does, with nothing to wait for.

use alloc::vec::Vec;

use super::decide::Decider;
use super::line::RequestLine;
use crate::reason::Reason;
use crate::response::ResponseStage;
use crate::verdict::Verdict;
use crate::verdict::egress::ResponseCheck;

/// What became of an answer.
#[derive(Clone, Debug)]
pub struct Answered {
    /// What the answer was held against.
    pub check: ResponseCheck,
    /// `passed` (nothing was checked), `released`, `withheld` (nothing of it went), `cut` (a part of it went), `unsent` (the request
    /// was denied or refused, or nothing in the answer could tell what ran).
    pub outcome: &'static str,
    /// Why it was withheld or cut, or why the request was not sent.
    pub reason: Reason,
    /// What the client gets: the answer as far as it went and, where it was cut, the last words.
    pub body: Vec<u8>,
    /// The refusal's status, or the answer's own.
    pub status: u16,
    /// Where a list is left without rows: from where to ask on, backwards and forwards.
    pub cursors: Option<(Vec<u8>, Vec<u8>)>,
}

impl Decider {
    /// Decides a line, and what becomes of the answer to it. An origin that acknowledges is not assumed.
    pub fn answered(
        &mut self,
        line: &RequestLine,
        clock: i64,
        (status, headers): (u16, &[(&str, &str)]),
        pieces: &[&[u8]],
    ) -> Answered {
        let (verdict, pending) = self.look(line, line.now.unwrap_or(clock));
        let check = verdict.check;
        let mut answered = Answered {
            check,
            outcome: "passed",
            reason: verdict.reason,
            body: Vec::new(),
            status,
            cursors: None,
        };
        let Some(pending) = pending.filter(|_| verdict.passes() && check != ResponseCheck::Nothing)
        else {
            if verdict.passes() {
                answered.body = pieces.concat();
            } else {
                answered.tell("unsent", &verdict);
            }
            return answered;
        };
        if check == ResponseCheck::Acknowledged {
            let denied = self.gate.withheld(&pending, &verdict, verdict.reason, None);
            answered.tell("unsent", &denied);
            return answered;
        }
        let mut answer = self.gate.answer(&pending, check, status, headers);
        let mut held = Vec::new();
        for piece in pieces.iter().map(Some).chain([None]) {
            let free = match piece {
                Some(piece) => {
                    held.extend_from_slice(piece);
                    answer.feed(self.gate.bundle(), piece)
                }
                None => answer.finish(self.gate.bundle()),
            };
            answered.body.extend(held.drain(..free.min(held.len())));
            answered.body.extend(answer.take());
            let ResponseStage::Cut(reason) = answer.stage() else { continue };
            let refused = self.gate.withheld(&pending, &verdict, reason, Some(&answer));
            if answer.has_begun() {
                let refusal = crate::refusal::Refusal::new(&refused, "case");
                answered.body.extend(answer.last_words(&refusal));
                answered.outcome = "cut";
                answered.reason = reason;
            } else {
                answered.tell("withheld", &refused);
            }
            return answered;
        }
        answered.outcome = "released";
        answered.cursors = answer.cursors().map(|(first, last)| (first.to_vec(), last.to_vec()));
        answered
    }
}

impl Answered {
    fn tell(&mut self, outcome: &'static str, verdict: &Verdict) {
        self.outcome = outcome;
        self.reason = verdict.reason;
        self.status = verdict.status;
        self.body.clear();
    }
}
