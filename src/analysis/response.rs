//! Decides what becomes of a response that is given together with a request line. For tests and for
//! trying a policy out.
//!
//! Input: a request line and a response in pieces. Output: a [`ResponseOutcome`]. This module does
//! the work of an adapter, without waiting for anything.

use alloc::vec::Vec;

use super::decide::Decider;
use super::line::RequestLine;
use crate::reason::Reason;
use crate::response::ResponseStage;
use crate::verdict::Verdict;
use crate::verdict::egress::ResponseCheck;

/// The outcome of a response.
#[derive(Clone, Debug)]
pub struct ResponseOutcome {
    /// The check that the response had to pass.
    pub check: ResponseCheck,
    /// `passed` (nothing was checked), `released`, `withheld` (nothing was sent to the client),
    /// `cut` (a part was sent), `unsent` (the request was denied or refused, or nothing in the
    /// response could show which model ran).
    pub outcome: &'static str,
    /// Why the response was withheld or cut, or why the request was not sent.
    pub reason: Reason,
    /// The bytes that the client gets: the released part of the response and, if it was cut, the
    /// closing error.
    pub body: Vec<u8>,
    /// Status of the refusal, or of the response.
    pub status: u16,
    /// For a list without remaining entries: the cursors from which to ask on, backwards and
    /// forwards.
    pub cursors: Option<(Vec<u8>, Vec<u8>)>,
}

impl Decider {
    /// Decides a line and the response to it. Assumes that the origin does not acknowledge the
    /// access header.
    pub fn decide_response(
        &mut self,
        line: &RequestLine,
        clock: i64,
        (status, headers): (u16, &[(&str, &str)]),
        pieces: &[&[u8]],
    ) -> ResponseOutcome {
        let (verdict, inspection) = self.look(line, line.now.unwrap_or(clock));
        let check = verdict.check;
        let mut decided = ResponseOutcome {
            check,
            outcome: "passed",
            reason: verdict.reason,
            body: Vec::new(),
            status,
            cursors: None,
        };
        let Some(inspection) =
            inspection.filter(|_| verdict.passes() && check != ResponseCheck::Nothing)
        else {
            if verdict.passes() {
                decided.body = pieces.concat();
            } else {
                decided.set("unsent", &verdict);
            }
            return decided;
        };
        if check == ResponseCheck::Acknowledged {
            let denied = self.gate.withheld(&inspection, &verdict, verdict.reason, None);
            decided.set("unsent", &denied);
            return decided;
        }
        let mut response = self.gate.response(&inspection, check, status, headers);
        let mut held = Vec::new();
        for piece in pieces.iter().map(Some).chain([None]) {
            let free = match piece {
                Some(piece) => {
                    held.extend_from_slice(piece);
                    response.feed(self.gate.bundle(), piece)
                }
                None => response.finish(self.gate.bundle()),
            };
            decided.body.extend(held.drain(..free.min(held.len())));
            decided.body.extend(response.take());
            let ResponseStage::Cut(reason) = response.stage() else { continue };
            let refused = self.gate.withheld(&inspection, &verdict, reason, Some(&response));
            if response.has_begun() {
                let refusal = crate::refusal::Refusal::new(&refused, "case");
                decided.body.extend(response.last_words(&refusal));
                decided.outcome = "cut";
                decided.reason = reason;
            } else {
                decided.set("withheld", &refused);
            }
            return decided;
        }
        decided.outcome = "released";
        decided.cursors = response.cursors().map(|(first, last)| (first.to_vec(), last.to_vec()));
        decided
    }
}

impl ResponseOutcome {
    fn set(&mut self, outcome: &'static str, verdict: &Verdict) {
        self.outcome = outcome;
        self.reason = verdict.reason;
        self.status = verdict.status;
        self.body.clear();
    }
}
