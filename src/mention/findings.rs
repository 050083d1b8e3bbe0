//! What the readers found in a request, as they find it.
//!
//! Input: texts and other values at locations of a known role, from the path, the query, the headers and the body. Output: which
//! patterns occurred, and what else bears on the verdict. It is bounded: bits for all mentions, texts for the first few.
//! It does not decide: [`verdict`](crate::verdict) holds it against the denied set.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::alias::Scope;
use super::model_id;
use super::model_id::Occurrences;
use crate::bundle::layout::role;
use crate::bundle::view::Bundle;
use crate::http::head::has_word;
use crate::limits;
use crate::reason::Reason;

/// Where in the request a mention stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// A segment of the path.
    Path,
    /// A query parameter.
    Query,
    /// A header.
    Header,
    /// The body: JSON, form, multipart or JSON Lines.
    Body,
    /// A client message on a WebSocket, by number from 1 on.
    Message(u32),
}

/// A mention as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    pub(crate) text: String,
    pub(crate) carrier: Carrier,
    /// It counts only if a denied pattern occurs in it.
    pub(crate) hint: bool,
}

/// What was found so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    /// Patterns that occurred in mentions. Bit 0: an id in which none occurs.
    occurred: Vec<u64>,
    /// Patterns that occurred where only a denied one counts: hints and opaque names.
    hinted: Vec<u64>,
    kept: Vec<Mention>,
    scope: Scope,
    judged: usize,
    names: usize,
    /// A request in a batch names no model.
    unnamed: bool,
    flags: u8,
    scratch: Vec<u8>,
    /// Patterns at the first of which the search ends.
    watched: Vec<u64>,
    ended: bool,
    /// The client message that is being read; 0: none yet.
    message: u32,
    /// `flags` as the head left them.
    head: u8,
    /// What may be a credential in the head, with the name of its location.
    secrets: Vec<u8>,
}

/// Words of which every location of a credential has one; those that a deployer makes up, too: the worker starts with no other.
const SECRET_WORDS: [&[u8]; 6] =
    [b"authorization", b"key", b"token", b"credential", b"auth", b"secret"];

fn binding(flags: u8) -> bool {
    flags & flag::BINDS != 0
        || flags & (flag::BINDS_IF_UNNAMED | flag::NAMED) == flag::BINDS_IF_UNNAMED
}

/// Bits of `Findings::flags`.
mod flag {
    pub(crate) const NAMED: u8 = 1;
    pub(crate) const BINDS: u8 = 1 << 1;
    pub(crate) const BINDS_IF_UNNAMED: u8 = 1 << 2;
    pub(crate) const SUSPECT: u8 = 1 << 3;
    pub(crate) const SELECTED: u8 = 1 << 4;
    pub(crate) const SELECTED_BATCH: u8 = 1 << 5;
    pub(crate) const MENTIONED: u8 = 1 << 6;
    pub(crate) const FOREIGN: u8 = 1 << 7;
}

impl Findings {
    #[inline(never)] // it is large, and made in many places
    pub(crate) fn new(bundle: Bundle<'_>) -> Self {
        let words = bundle.meta().map_or(1, |meta| meta.mask_words as usize);
        Self { occurred: vec![0; words], hinted: vec![0; words], ..Self::default() }
    }

    /// Names are resolved by the policy's tables that hold for this request, which may stand inside another.
    pub(crate) fn resolving(mut self, scope: Scope, around: Option<&Self>) -> Self {
        self.scope = scope;
        if let Some(around) = around {
            self.scope = self.scope.inside(&around.scope);
        }
        self
    }

    /// Empty ones for a part of the same request, to be told apart.
    pub(crate) fn apart(&self, bundle: Bundle<'_>) -> Self {
        Self { scope: self.scope, ..Self::new(bundle) }
    }

    /// Empty ones for another reading of the same body.
    pub(crate) fn beside(&self, bundle: Bundle<'_>) -> Self {
        let mut other = self.apart(bundle);
        (other.flags, other.message) = (self.flags, self.message);
        other.secrets.extend_from_slice(&self.secrets);
        other.watch(&self.watched);
        other
    }

    /// A denied pattern was found, after which nothing counts.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// A text at a location of this role. The carrier's own encoding is undone; escapes that are left are undone here, and
    /// every reading on the way counts.
    ///
    /// # Errors
    ///
    /// In the roles of a mention: not printable ASCII, too long, a malformed escape, too many. A hint never errs.
    pub(crate) fn text(
        &mut self,
        bundle: Bundle<'_>,
        role: u8,
        text: &[u8],
        carrier: Carrier,
    ) -> Result<(), Reason> {
        if self.ended {
            return Ok(());
        }
        match role {
            role if role::is_mention(role) => self.mention(bundle, role, text, carrier),
            role::HINT => {
                self.hint(bundle, text, carrier);
                Ok(())
            }
            role::SELECTOR => {
                self.flags |= flag::SELECTED;
                if holds_batch(text) {
                    self.flags |= flag::SELECTED_BATCH;
                }
                Ok(())
            }
            _ => {
                self.reference(bundle, role, text, carrier);
                Ok(())
            }
        }
    }

    /// A text by which something stored at the origin is called. If it binds and the whole of it is a name that the policy resolves, what
    /// is stored under it is known; else it stands there, whatever it is.
    pub(crate) fn reference(
        &mut self,
        bundle: Bundle<'_>,
        role: u8,
        text: &[u8],
        carrier: Carrier,
    ) {
        if self.ended {
            return;
        }
        if matches!(role, role::BINDS | role::BINDS_IF_UNNAMED) && !text.is_empty() {
            model_id::fold(text, &mut self.scratch);
            if self.scope.resolve(bundle, &self.scratch, &mut self.occurred) {
                self.names += 1;
                self.flags |= flag::MENTIONED | flag::NAMED;
                self.keep(text, carrier, false);
                self.ended = !self.watched.is_empty() && self.any_of(&self.watched);
                return;
            }
        }
        self.present(role);
    }

    /// Another reading of a text that was given to [`Findings::text`]: judged, not listed a second time.
    ///
    /// # Errors
    ///
    /// As [`Findings::text`].
    pub(crate) fn also(&mut self, bundle: Bundle<'_>, role: u8, text: &[u8]) -> Result<(), Reason> {
        let listed = core::mem::take(&mut self.kept);
        let result = self.text(bundle, role, text, Carrier::Query);
        self.kept = listed;
        result
    }

    /// From here on the first mention of one of these patterns ends the search: nothing after it counts, so that what is found does
    /// not depend on where the chunks of a body end.
    pub(crate) fn watch(&mut self, denied: &[u64]) {
        self.watched.clear();
        self.watched.extend_from_slice(denied);
        self.ended = self.any_of(denied);
    }

    /// Another client message begins. Patterns that occurred on the connection so far stay, and what else the last message said goes.
    /// Tells whether that one, or the head, named a model.
    pub(crate) fn next(&mut self, denied: &[u64]) -> bool {
        let named = self.named();
        if self.message == 0 {
            self.head = self.flags;
        }
        self.flags = self.head;
        self.message = self.message.saturating_add(1);
        self.judged = 0;
        self.unnamed = false;
        // So that what a message is denied for is always listed.
        self.kept.truncate(limits::MENTIONS_KEPT / 2);
        self.watch(denied);
        named
    }

    /// The patterns at the first of which the search ends.
    pub(crate) fn watched(&self) -> &[u64] {
        &self.watched
    }

    /// The prefix of the dialects that the request may be of.
    pub(crate) fn prefix<'a>(&self, bundle: Bundle<'a>) -> &'a str {
        self.scope.prefix(bundle)
    }

    /// A header or a parameter (`mark` tells which) of the head, which is a credential by its name, perhaps.
    #[inline(never)] // called from two places
    pub(crate) fn secret(&mut self, mark: u8, name: &[u8], text: &[u8]) {
        if has_word(name, &SECRET_WORDS) {
            // Names differ in case and by `_`; those of credentials are told apart by their length. Its bytes stand in no text.
            self.secrets.push(mark);
            self.secrets.extend_from_slice(&name.len().to_le_bytes());
            self.secrets.extend_from_slice(text);
            self.secrets.push(b'\n');
        }
    }

    /// A request inside this one has a credential that this one does not have.
    pub(crate) fn foreign(&self) -> bool {
        self.flags & flag::FOREIGN != 0
    }

    /// How often a location that says which model runs was filled.
    pub(crate) fn names(&self) -> usize {
        self.names
    }

    /// A request in a batch has ended, and has named no model.
    pub(crate) fn unnamed(&mut self) {
        self.unnamed |= !self.ended;
    }

    /// The requests found so far turn out to be none.
    pub(crate) fn no_requests(&mut self) {
        self.unnamed = false;
    }

    /// All was read: a request that named no model runs one of which nothing is known.
    pub(crate) fn close(&mut self) {
        if self.unnamed {
            self.unknown();
        }
    }

    /// A model of which nothing is known is mentioned.
    pub(crate) fn unknown(&mut self) {
        if self.ended {
            return;
        }
        if let Some(word) = self.occurred.first_mut() {
            *word |= 1;
        }
        self.ended = !self.watched.is_empty() && self.any_of(&self.watched);
    }

    /// Something stands at a location of this role, whatever it is.
    pub(crate) fn present(&mut self, role: u8) {
        if self.ended {
            return;
        }
        self.flags |= match role {
            role::BINDS | role::DELEGATES => flag::BINDS,
            role::BINDS_IF_UNNAMED => flag::BINDS_IF_UNNAMED,
            role::SUSPECT => flag::SUSPECT,
            _ => 0,
        };
    }

    /// Some declared pattern occurred in a mention.
    pub(crate) fn known(&self) -> bool {
        let mut words = self.occurred.iter();
        words.next().is_some_and(|word| word & !1 != 0) || words.any(|word| *word != 0)
    }

    /// Makes ready for another text to be judged by itself; the first mentions stay listed.
    pub(crate) fn reset(&mut self) {
        self.occurred.fill(0);
        self.hinted.fill(0);
        self.judged = 0;
        self.unnamed = false;
        self.flags = 0;
    }

    /// Lists no mention any more.
    pub(crate) fn forget(&mut self) {
        self.kept.clear();
    }

    /// A mention's name may lead to another model than it says: an alias, or a name that moves.
    pub(crate) fn moves(&self, bundle: Bundle<'_>) -> bool {
        self.kept.len() >= limits::MENTIONS_KEPT
            || self
                .kept
                .iter()
                .any(|mention| model_id::moves(bundle, mention.text.as_bytes(), &self.scope))
    }

    /// Adds what was found elsewhere (the lines of a file that turned out to be a batch).
    pub(crate) fn absorb(&mut self, other: &Self) {
        if self.ended {
            return;
        }
        for (mine, theirs) in self.occurred.iter_mut().zip(&other.occurred) {
            *mine |= theirs;
        }
        for (mine, theirs) in self.hinted.iter_mut().zip(&other.hinted) {
            *mine |= theirs;
        }
        for mention in &other.kept {
            if self.kept.len() < limits::MENTIONS_KEPT && !self.kept.contains(mention) {
                self.kept.push(mention.clone());
            }
        }
        // All of them side by side, in their order.
        let mut rest = self.secrets.as_slice();
        while !rest.starts_with(&other.secrets) {
            let Some((_, tail)) = rest.split_first() else {
                self.flags |= flag::FOREIGN;
                break;
            };
            rest = tail;
        }
        self.judged = self.judged.saturating_add(other.judged);
        self.names = self.names.saturating_add(other.names);
        self.unnamed |= other.unnamed;
        self.flags |= other.flags;
        self.ended = !self.watched.is_empty() && self.any_of(&self.watched);
    }

    /// How often MENTION or PRIMARY was seen: a caller that compares two readings knows whether one came in between.
    pub(crate) fn judged(&self) -> usize {
        self.judged
    }

    /// The patterns that occurred in mentions, hints and opaque names: what a denied bit is looked for in.
    pub(crate) fn any_of(&self, denied: &[u64]) -> bool {
        self.occurred
            .iter()
            .zip(&self.hinted)
            .zip(denied)
            .any(|((occurred, hinted), denied)| (occurred | hinted) & denied != 0)
    }

    /// The patterns that count under this denied set: those of mentions, and denied ones of hints and opaque names.
    pub(crate) fn counted(&self, denied: &[u64]) -> Vec<u64> {
        let mut counted = self.hinted.clone();
        for (at, (word, occurred)) in counted.iter_mut().zip(&self.occurred).enumerate() {
            *word = *word & denied.get(at).copied().unwrap_or_default() | occurred;
        }
        counted
    }

    /// Of these, the denied ones.
    pub(crate) fn denied(&self, denied: &[u64]) -> Vec<u64> {
        let mut counted = self.counted(denied);
        for (at, word) in counted.iter_mut().enumerate() {
            *word &= denied.get(at).copied().unwrap_or_default();
        }
        counted
    }

    /// An id was mentioned in which no pattern occurs, or an opaque name.
    pub(crate) fn unlisted(&self) -> bool {
        self.occurred.first().is_some_and(|word| word & 1 != 0)
    }

    /// A location that says which model runs was filled.
    pub(crate) fn named(&self) -> bool {
        self.flags & flag::NAMED != 0
    }

    /// Some model was mentioned (hints apart).
    pub(crate) fn mentioned(&self) -> bool {
        self.flags & flag::MENTIONED != 0
    }

    /// A stored object binds what runs.
    pub(crate) fn binds(&self) -> bool {
        binding(self.flags)
    }

    /// The client message itself, and not the head, leaves open what runs.
    pub(crate) fn reopens(&self) -> bool {
        let own = self.flags & !self.head;
        self.unlisted() || binding(own) || own & flag::SUSPECT != 0
    }

    /// Puts another value in place of [`unlisted`](Self::unlisted), and gives it.
    pub(crate) fn replace_unlisted(&mut self, unlisted: bool) -> bool {
        let before = self.unlisted();
        if let Some(word) = self.occurred.first_mut() {
            *word = *word & !1 | u64::from(unlisted);
        }
        before
    }

    /// A key that looks like a model stood where nobody knows what it means.
    pub(crate) fn suspect(&self) -> bool {
        self.flags & flag::SUSPECT != 0
    }

    /// What the selector field (the `purpose` of a file) said: `None` if there was none.
    pub(crate) fn selected_batch(&self) -> Option<bool> {
        (self.flags & flag::SELECTED != 0).then_some(self.flags & flag::SELECTED_BATCH != 0)
    }

    /// The first mentions, as they were written; of hints, those in which a denied pattern occurs.
    pub(crate) fn listed(&self, bundle: Bundle<'_>, denied: &[u64]) -> Vec<String> {
        let mut listed = Vec::new();
        for mention in &self.kept {
            if !mention.hint || self.holds(bundle, &mention.text, denied) {
                listed.push(mention.text.clone());
            }
        }
        listed
    }

    /// The first mentions, with where they stood.
    pub(crate) fn kept(&self) -> &[Mention] {
        &self.kept
    }

    /// Whether one of these patterns occurs in a mention, or in what it resolves to. Not for the hot path: it takes its own space.
    pub(crate) fn holds(&self, bundle: Bundle<'_>, id: &str, patterns: &[u64]) -> bool {
        let mut bits = vec![0; patterns.len()];
        let mut found = Occurrences { names: &mut bits, targets: None, scope: self.scope };
        model_id::hint(bundle, id.as_bytes(), &mut Vec::new(), &mut found);
        bits.iter().zip(patterns).any(|(found, wanted)| found & wanted != 0)
    }

    fn mention(
        &mut self,
        bundle: Bundle<'_>,
        role: u8,
        text: &[u8],
        carrier: Carrier,
    ) -> Result<(), Reason> {
        self.judged += 1;
        if self.judged > limits::MENTIONS_JUDGED {
            return Err(Reason::TooManyMentions);
        }
        if text.len() > limits::MODEL_ID_BYTES {
            return Err(Reason::IdTooLong);
        }
        self.flags |= flag::MENTIONED;
        if matches!(role, role::PRIMARY | role::DEPLOYMENT) {
            self.names += 1;
            self.flags |= flag::NAMED;
        }
        let (names, targets) = match role {
            _ if role::is_opaque(role) => (&mut self.hinted, Some(self.occurred.as_mut_slice())),
            _ => (&mut self.occurred, None),
        };
        let judged = model_id::judge(
            bundle,
            text,
            &mut self.scratch,
            &mut Occurrences { names, targets, scope: self.scope },
        );
        if judged.is_ok() {
            self.keep(text, carrier, false);
        }
        // Of an id that cannot be read to its end, too: what was read of it counts.
        self.ended = !self.watched.is_empty() && self.any_of(&self.watched);
        judged
    }

    fn hint(&mut self, bundle: Bundle<'_>, text: &[u8], carrier: Carrier) {
        let mut found = Occurrences { names: &mut self.hinted, targets: None, scope: self.scope };
        model_id::hint(bundle, text, &mut self.scratch, &mut found);
        // An unlisted hint is no mention.
        if let Some(word) = self.hinted.first_mut() {
            *word &= !1;
        }
        self.keep(text, carrier, true);
        self.ended = !self.watched.is_empty() && self.any_of(&self.watched);
    }

    fn keep(&mut self, text: &[u8], carrier: Carrier, hint: bool) {
        let carrier = if self.message == 0 { carrier } else { Carrier::Message(self.message) };
        for part in model_id::parts(text) {
            if self.kept.len() >= limits::MENTIONS_KEPT {
                return;
            }
            let Ok(part) = core::str::from_utf8(part) else { continue };
            let known = self.kept.iter_mut().find(|mention| mention.text == part);
            match known {
                Some(mention) => mention.hint &= hint,
                None => self.kept.push(Mention { text: part.to_owned(), carrier, hint }),
            }
        }
    }
}

/// The patterns that occur in an id; 0: in some part of it none does.
#[cfg(feature = "author")]
pub(crate) fn patterns_in(bundle: Bundle<'_>, id: &str) -> Vec<u32> {
    let mut findings = Findings::new(bundle);
    if findings.text(bundle, role::MENTION, id.as_bytes(), Carrier::Body).is_err() {
        return vec![0];
    }
    let words = findings.occurred.iter().zip(0u32..);
    words
        .flat_map(|(word, at)| {
            (0..64).filter(move |bit| word >> bit & 1 != 0).map(move |bit| 64 * at + bit)
        })
        .collect()
}

/// The lenient reading on purpose: a selector that some server might take for `batch` counts as it.
fn holds_batch(text: &[u8]) -> bool {
    text.windows(5).any(|window| window.eq_ignore_ascii_case(b"batch"))
}
