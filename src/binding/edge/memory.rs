//! The short way: what a gate remembers, and the judging of bodies at hand.
//!
//! The package keeps what the functions here return, and asks again only for callers, places, ids
//! and heads that it has not met. Nothing that is remembered depends on more than the bundle, the
//! switches and what it is remembered for. `forget` empties the memory.
//!
//! ```text
//! kind(account), place(..)  -> the classes that the rules can tell apart
//! access(..) answer()       -> period, number of the denied set, its words       per kinds
//! model(..)                 -> the patterns of an id                             per id
//! access(..) keep(headers)  -> number of a head                                  per head
//! decide(head, set, length) -> a decision in one number                          per body
//! mention(), patterns()     -> what the decision rests on, for whoever asks
//! access(..) words(..)      -> the verdict in words, for whoever asks
//! ```

use alloc::string::String;
use alloc::vec::Vec;

use wasm_bindgen::prelude::*;

use super::{Account, Edge, header_lines, held};
use crate::compact::json;
use crate::compact::split::pieces;
use crate::denied::DeniedSet;
use crate::facts::place::read_place;
use crate::http::head::Head;
use crate::limits;
use crate::mention::header::HeaderBearing;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::request::reader::kept_head::KeptHead;
use crate::verdict::egress::ResponseCheck;
use crate::verdict::{Decision, Verdict, VerdictKind};

/// What the numbers of the package stand for.
#[derive(Default)]
pub(crate) struct Memory {
    denied_sets: Vec<DeniedSet>,
    heads: Vec<KeptHead>,
    /// Where the package writes the next piece of a body.
    stage: Vec<u8>,
    /// The head and the denied set of the last decision, and the decision.
    last: Option<(usize, usize, Decision)>,
    /// What `words` puts into words, and has put.
    mentions: Vec<String>,
    verdict: Option<Verdict>,
}

/// No number.
const NONE: u32 = u32::MAX;

/// Instants at or above this one are never reached: the largest number that JavaScript counts to.
const NEVER: i64 = (1 << 53) - 1;

#[wasm_bindgen]
impl Edge {
    /// Returns the period of an account around `now`, then its classes: `from until class,class`.
    /// Accounts with the same classes are the same caller within their periods.
    pub fn kind(&self, account: &Account, now: f64) -> String {
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let now = now as i64;
        let mut text = period(account.0.period(now));
        push_list(&mut text, account.0.classes(now));
        text
    }

    /// Returns what the rules can tell of a place: bits of its network kinds, then the classes of
    /// each place that the codes may mean.
    pub fn place(&self, country: &str, region: &str) -> String {
        let read = read_place(country, region);
        let mut text = String::new();
        json::number(&mut text, u64::from(read.network.0));
        for place in read.places() {
            text.push(' ');
            push_list(&mut text, held(&self.gate).place_classes(*place).into_iter());
        }
        text
    }

    /// Remembers the denied set of the last `access`. Returns the period in which it holds, its
    /// number and its words of 32 bits, low words first: `from until number word,word`. Without a
    /// number the caller is unrestricted. With the largest number the memory is full.
    pub fn answer(&mut self) -> String {
        let mut text = period(held(&self.gate).period(self.now));
        let Some((unread, ..)) = &self.unread else { return text };
        let denied_set = unread.denied_set();
        let sets = &mut self.memory.denied_sets;
        let known = sets.iter().position(|known| known == denied_set);
        let number = known.unwrap_or(sets.len());
        let is_full = number == limits::DENIED_SETS_REMEMBERED;
        if known.is_none() && !is_full {
            sets.push(denied_set.clone());
        }
        json::number(&mut text, if is_full { u64::from(NONE) } else { number as u64 });
        text.push(' ');
        push_list(&mut text, halves(&denied_set.denied));
        text
    }

    /// Reads a model id as a request of this method and URL would name it. Returns 1 if a caller to
    /// whom none of its patterns is denied may use it, else 0; then the patterns, separated by
    /// commas. Returns nothing if no request can name a model so.
    pub fn model(&self, method: &str, url: &str, id: &str) -> String {
        let Ok(model) = held(&self.gate).model(method, url, id) else { return String::new() };
        let mut text = String::from(if model.is_open { "1," } else { "0," });
        push_list(&mut text, model.patterns.into_iter());
        text
    }

    /// Returns what a header can bear on, by its name: 0 nothing; 1 the reading of the request; 2
    /// as 1 if its value begins with `AWS4-`, else nothing; 3 its value bears on nothing.
    pub fn bearing(&self, name: &str) -> u32 {
        match held(&self.gate).bearing(name) {
            HeaderBearing::Nothing => 0,
            HeaderBearing::Reading => 1,
            HeaderBearing::ReadingIfSigned => 2,
            HeaderBearing::Presence => 3,
        }
    }

    /// Remembers the head of the last `access`, which returned READ. `headers` are the lines that
    /// bear on something. Returns its number, or the largest number if such requests are read one
    /// by one.
    pub fn keep(&mut self, headers: &str) -> u32 {
        let Some((unread, method, url)) = &self.unread else { return NONE };
        let lines = header_lines(headers);
        let kept = held(&self.gate).keep(unread, &Head { method, url, headers: &lines });
        match kept {
            Some(head) if self.memory.heads.len() < limits::HEADS_REMEMBERED => {
                self.memory.heads.push(head);
                u32::try_from(self.memory.heads.len() - 1).unwrap_or(NONE)
            }
            _ => NONE,
        }
    }

    /// Returns the address at which the package writes pieces of at most `length` bytes.
    pub fn stage(&mut self, length: usize) -> usize {
        // `Vec::resize` would write byte by byte.
        self.memory.stage = alloc::vec![0; length];
        self.memory.stage.as_ptr() as usize
    }

    /// Judges a body under a head and a denied set, by their numbers. The next `length` bytes of
    /// the body are on the stage. `more`: 0 the body is whole; 1 its first piece; 2 a further one;
    /// 3 the last. Returns [`decision`], or the largest number while the verdict is open.
    pub fn decide(&mut self, head: usize, denied_set: usize, length: usize, more: u32) -> u32 {
        let Self { gate, memory, .. } = self;
        let gate = held(gate);
        let Memory { denied_sets, heads, stage, last, .. } = memory;
        // INVARIANT: the package passes numbers that this memory gave it since the last `forget`.
        let (Some(kept), Some(denied)) = (heads.get_mut(head), denied_sets.get(denied_set)) else {
            core::arch::wasm32::unreachable()
        };
        if more < 2 {
            kept.begin(gate.bundle(), denied);
        }
        let settled = kept.feed(gate.bundle(), stage.get(..length).unwrap_or_default());
        if !settled && (more == 1 || more == 2) {
            return NONE;
        }
        let decision = kept.decide(gate.bundle(), denied);
        *last = Some((head, denied_set, decision));
        self::decision(decision)
    }

    /// Returns the number of the only mention of the last decision, which stands for one text as
    /// long as the head is remembered. The largest number: `mentions` has the ids.
    pub fn mention(&self) -> u32 {
        let kept = self.memory.last.and_then(|(head, ..)| self.memory.heads.get(head));
        kept.and_then(KeptHead::sole_mention).unwrap_or(NONE)
    }

    /// Returns the ids that the last decision's request mentions, as a JSON array.
    pub fn mentions(&self) -> String {
        let mut text = String::new();
        if let Some(outcome) = self.outcome() {
            json::strings(&mut text, outcome.mentions.iter().map(String::as_str));
        }
        text
    }

    /// Returns the denied patterns of the last decision, as words of 64 bits.
    pub fn patterns(&self) -> String {
        let mut text = String::new();
        if let Some(outcome) = self.outcome() {
            for word in outcome.denied {
                json::number(&mut text, word);
                text.push(',');
            }
        }
        text
    }

    /// Adds an id that the request of the next `words` mentions.
    pub fn mentioned(&mut self, id: &str) {
        self.memory.mentions.push(id.into());
    }

    /// Puts a decision into words, after an `access` with the same facts. `number` and `patterns`
    /// are those of the decision; `headers` as in `keep`. Returns the verdict as JSON.
    pub fn words(&mut self, headers: &str, number: u32, patterns: &str) -> String {
        let mentions = core::mem::take(&mut self.memory.mentions);
        let Some((unread, method, url)) = &self.unread else { return String::new() };
        let lines = header_lines(headers);
        let mut denied = Vec::new();
        pieces(patterns, b',').for_each(|word| denied.extend(word.parse::<u64>().ok()));
        let verdict = held(&self.gate).worded(
            unread,
            &Head { method, url, headers: &lines },
            decided(number),
            mentions,
            denied,
        );
        let text = verdict.to_json();
        self.memory.verdict = Some(verdict);
        text
    }

    /// Returns the response to the request of the last `words`, as JSON: `{status, headers: [[name,
    /// value]], body}`.
    pub fn refusal(&self, case_id: &str) -> String {
        let verdict = self.memory.verdict.as_ref();
        verdict.map(|verdict| Refusal::new(verdict, case_id).to_json()).unwrap_or_default()
    }

    /// Returns the code of a reason and its status, separated by a blank.
    pub fn reason(&self, number: usize) -> String {
        let mut text = String::new();
        if let Some(reason) = Reason::ALL.get(number) {
            text.push_str(reason.code());
            text.push(' ');
            json::number(&mut text, u64::from(reason.status()));
        }
        text
    }

    /// Returns whether some restriction asks for another status than 403, so that the status of a
    /// denial depends on its grounds.
    #[wasm_bindgen(js_name = hasStatuses)]
    pub fn has_statuses(&self) -> bool {
        held(&self.gate).has_statuses()
    }

    /// Returns the number of patterns of the policy.
    #[wasm_bindgen(js_name = patternCount)]
    pub fn pattern_count(&self) -> usize {
        held(&self.gate).pattern_count()
    }

    /// Forgets every denied set and every head.
    pub fn forget(&mut self) {
        self.memory.denied_sets.clear();
        self.forget_heads();
    }

    /// Forgets every head.
    #[wasm_bindgen(js_name = forgetHeads)]
    pub fn forget_heads(&mut self) {
        self.memory.heads.clear();
        self.memory.last = None;
    }

    /// Removes every switch.
    pub fn unswitch(&mut self) {
        held(&self.gate).unswitch();
    }
}

impl Edge {
    fn outcome(&self) -> Option<crate::verdict::Outcome> {
        let (head, denied_set, decision) = self.memory.last?;
        let denied_set = self.memory.denied_sets.get(denied_set)?;
        let kept = self.memory.heads.get(head)?;
        Some(kept.outcome(held(&self.gate).bundle(), denied_set, decision))
    }
}

/// Packs a decision: two bits of kind, three of check, eight of the error format, and the number of
/// the reason above them.
fn decision(Decision { kind, reason, check, error_format }: Decision) -> u32 {
    kind as u32 | (check as u32) << 2 | u32::from(error_format) << 5 | (reason as u32) << 13
}

/// Undoes [`decision`].
fn decided(number: u32) -> Decision {
    let field = |from: u32, bits: u32| (number >> from & ((1 << bits) - 1)) as usize;
    Decision {
        kind: VerdictKind::ALL.get(field(0, 2)).copied().unwrap_or(VerdictKind::Refuse),
        check: ResponseCheck::ALL.get(field(2, 3)).copied().unwrap_or(ResponseCheck::Strict),
        error_format: u8::try_from(field(5, 8)).unwrap_or_default(),
        reason: Reason::ALL.get(field(13, 19)).copied().unwrap_or(Reason::Exhausted),
    }
}

/// Writes two instants, each with a blank after it.
fn period((from, until): (i64, i64)) -> String {
    let mut text = String::new();
    for at in [from, until] {
        json::number(&mut text, at.clamp(0, NEVER).cast_unsigned());
        text.push(' ');
    }
    text
}

/// Adds numbers with commas between them.
fn push_list(text: &mut String, numbers: impl Iterator<Item = u32>) {
    for (at, number) in numbers.enumerate() {
        if at > 0 {
            text.push(',');
        }
        json::number(text, u64::from(number));
    }
}

/// Returns the halves of words of 64 bits, low halves first.
fn halves(words: &[u64]) -> impl Iterator<Item = u32> {
    #[expect(clippy::cast_possible_truncation, reason = "halves")]
    words.iter().flat_map(|word| [*word as u32, (*word >> 32) as u32])
}
