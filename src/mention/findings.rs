//! Collects what the readers find in a request.
//!
//! Input: texts and other values at locations of a known role, from the path, the query, the
//! headers and the body. Output: the patterns that occurred, and everything else that bears on the
//! verdict. Memory is bounded: all mentions share one set of bits, and only the first few are kept
//! as text. The findings decide nothing: [`verdict`](crate::verdict) compares them with the denied
//! set.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::alias::Scope;
use super::memory::IdMemory;
use super::model_id;
use super::model_id::Occurrences;
use crate::bundle::layout::role;
use crate::bundle::view::Bundle;
use crate::http::head::has_word;
use crate::limits;
use crate::reason::Reason;

/// The part of a request that carries a mention.
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
    /// A client message on a WebSocket, numbered from 1.
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

/// The findings so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    /// Patterns that occurred in mentions. Bit 0: an id in which no pattern occurs.
    occurred: Vec<u64>,
    /// Patterns that count only if they are denied: those of hints and opaque names.
    hinted: Vec<u64>,
    kept: Vec<Mention>,
    scope: Scope,
    judged_count: usize,
    name_count: usize,
    /// A request in a batch names no model.
    has_unnamed_request: bool,
    flags: u8,
    scratch: Vec<u8>,
    /// The search ends at the first of these patterns.
    watched: Vec<u64>,
    ended: bool,
    /// Number of the client message being read; 0 before the first.
    message: u32,
    /// The value of `flags` after the head was read.
    head_flags: u8,
    /// Texts of the head that may be credentials. Each follows the byte of its kind and the length
    /// of its name.
    secrets: Vec<u8>,
    /// Ids that earlier bodies of the same head named. `None`: nothing is remembered.
    memory: Option<IdMemory>,
    /// Buffers of mentions of an earlier body.
    spare: Vec<String>,
}

/// Every location of a credential has one of these words in its name. This includes the locations
/// that a deployer invents: the worker starts with no others.
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
    #[inline(never)] // large, and called from many places
    pub(crate) fn new(bundle: Bundle<'_>) -> Self {
        let words = bundle.meta().map_or(1, |meta| meta.mask_words as usize);
        Self { occurred: vec![0; words], hinted: vec![0; words], ..Self::default() }
    }

    /// Resolves names by the tables of the policy that hold for this request. `batch` holds the
    /// findings of the batch that contains the request.
    pub(crate) fn in_scope(mut self, scope: Scope, batch: Option<&Self>) -> Self {
        self.scope = scope;
        if let Some(batch) = batch {
            self.scope = self.scope.in_batch(&batch.scope);
        }
        self
    }

    /// Returns empty findings for a part of the same request. Only the tables by which names are
    /// resolved are kept.
    pub(crate) fn fresh_for_part(&self, bundle: Bundle<'_>) -> Self {
        Self { scope: self.scope, ..Self::new(bundle) }
    }

    /// Returns empty findings for another reader of the same body. The flags, the secrets and the
    /// patterns that end the search are kept.
    pub(crate) fn fresh_for_reader(&self, bundle: Bundle<'_>) -> Self {
        let mut other = self.fresh_for_part(bundle);
        (other.flags, other.message) = (self.flags, self.message);
        other.secrets.extend_from_slice(&self.secrets);
        other.watch(&self.watched);
        other
    }

    /// Returns whether a denied pattern was found, after which nothing counts.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Adds a text at a location of this role. The carrier's own encoding has been decoded. Further
    /// escapes are decoded here, and the result of every round counts.
    ///
    /// # Errors
    ///
    /// In the roles of a mention: a character outside printable ASCII, a text that is too long, a
    /// malformed escape, too many mentions. A hint is never an error.
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
                if may_mean_batch(text) {
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

    /// Adds a reference to an object stored at the origin. If the role binds and the policy
    /// resolves the whole text as a name, the models behind it are known. Otherwise only its
    /// presence counts.
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
                self.name_count += 1;
                self.flags |= flag::MENTIONED | flag::NAMED;
                self.keep(text, carrier, false);
                self.ended = !self.watched.is_empty() && self.any_of(&self.watched);
                return;
            }
        }
        self.record_present(role);
    }

    /// Adds another decoding of a text that was given to [`Findings::text`]. It counts, but it is
    /// not listed a second time.
    ///
    /// # Errors
    ///
    /// As [`Findings::text`].
    pub(crate) fn add_decoding(
        &mut self,
        bundle: Bundle<'_>,
        role: u8,
        text: &[u8],
    ) -> Result<(), Reason> {
        let listed = core::mem::take(&mut self.kept);
        let result = self.text(bundle, role, text, Carrier::Query);
        self.kept = listed;
        result
    }

    /// Sets the patterns that end the search. Nothing after the first mention of one of them
    /// counts, so that the findings do not depend on where the chunks of a body end.
    pub(crate) fn watch(&mut self, denied: &[u64]) {
        self.watched.clear();
        self.watched.extend_from_slice(denied);
        self.ended = self.any_of(denied);
    }

    /// Begins the next client message. Keeps the patterns that occurred on the connection and
    /// resets everything else that the last message added. Returns whether the head or the last
    /// message named a model.
    pub(crate) fn next(&mut self, denied: &[u64]) -> bool {
        let named = self.names_a_model();
        if self.message == 0 {
            self.head_flags = self.flags;
        }
        self.flags = self.head_flags;
        self.message = self.message.saturating_add(1);
        self.judged_count = 0;
        self.has_unnamed_request = false;
        // Leaves room in the list for the mention that denies the message.
        self.kept.truncate(limits::MENTIONS_KEPT / 2);
        self.watch(denied);
        named
    }

    /// Returns the patterns that end the search.
    pub(crate) fn watched(&self) -> &[u64] {
        &self.watched
    }

    /// Returns the prefix of the dialects that the request may belong to.
    pub(crate) fn prefix<'a>(&self, bundle: Bundle<'a>) -> &'a str {
        self.scope.prefix(bundle)
    }

    /// Records a header or a query parameter of the head whose name has a word of a credential.
    /// `kind` is `:` for a header and `=` for a parameter.
    #[inline(never)] // called from two places
    pub(crate) fn record_secret(&mut self, kind: u8, name: &[u8], text: &[u8]) {
        if has_word(name, &SECRET_WORDS) {
            // Spellings of one name differ in case and in `_` for `-`, so the length represents the
            // name. The bytes of the length occur in no text.
            self.secrets.push(kind);
            self.secrets.extend_from_slice(&name.len().to_le_bytes());
            self.secrets.extend_from_slice(text);
            self.secrets.push(b'\n');
        }
    }

    /// Returns whether a request inside this one has a credential that this one lacks.
    pub(crate) fn has_foreign_credential(&self) -> bool {
        self.flags & flag::FOREIGN != 0
    }

    /// Returns how many names were found at locations that say which model runs.
    pub(crate) fn name_count(&self) -> usize {
        self.name_count
    }

    /// Records that a request in a batch ended without naming a model.
    pub(crate) fn record_unnamed(&mut self) {
        self.has_unnamed_request |= !self.ended;
    }

    /// Records that the requests found so far are not requests after all.
    pub(crate) fn forget_requests(&mut self) {
        self.has_unnamed_request = false;
    }

    /// Ends the reading. A request in a batch that named no model counts as a mention of an
    /// unlisted one.
    pub(crate) fn end(&mut self) {
        if self.has_unnamed_request {
            self.add_unknown();
        }
    }

    /// Adds a mention of a model about which nothing is known.
    pub(crate) fn add_unknown(&mut self) {
        if self.ended {
            return;
        }
        if let Some(word) = self.occurred.first_mut() {
            *word |= 1;
        }
        self.ended = !self.watched.is_empty() && self.any_of(&self.watched);
    }

    /// Records that a location of this role is filled, whatever its value.
    pub(crate) fn record_present(&mut self, role: u8) {
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

    /// Returns whether a declared pattern occurred in a mention.
    pub(crate) fn known(&self) -> bool {
        let mut words = self.occurred.iter();
        words.next().is_some_and(|word| word & !1 != 0) || words.any(|word| *word != 0)
    }

    /// Prepares for a text that is judged by itself. The first mentions remain listed.
    pub(crate) fn reset(&mut self) {
        self.occurred.fill(0);
        self.hinted.fill(0);
        self.judged_count = 0;
        self.has_unnamed_request = false;
        self.flags = 0;
    }

    /// Empties the list of mentions.
    pub(crate) fn forget(&mut self) {
        self.kept.clear();
    }

    /// Returns whether a mentioned name may lead to another model than it says: an alias, or a name
    /// such as `-latest`.
    pub(crate) fn moves(&self, bundle: Bundle<'_>) -> bool {
        self.kept.len() >= limits::MENTIONS_KEPT
            || self.kept.iter().any(|mention| {
                let id = mention.text.as_bytes();
                let known = self.memory.as_ref().and_then(|memory| memory.find(id));
                match known {
                    Some(known) => known.moves,
                    None => model_id::moves(bundle, id, &self.scope),
                }
            })
    }

    /// From now on remembers the patterns of ids, which depend on the scope alone.
    pub(crate) fn remember_ids(&mut self) {
        self.memory = Some(IdMemory::default());
    }

    /// Returns these findings as they were when `earlier` was cloned from them, and keeps what was
    /// allocated since. Then sets the patterns that end the search.
    pub(crate) fn rewind(&mut self, earlier: &Self, denied: &[u64]) {
        self.occurred.copy_from_slice(&earlier.occurred);
        self.hinted.copy_from_slice(&earlier.hinted);
        for mention in self.kept.drain(earlier.kept.len().min(self.kept.len())..) {
            self.spare.push(mention.text);
        }
        for (mention, earlier) in self.kept.iter_mut().zip(&earlier.kept) {
            mention.hint = earlier.hint;
        }
        self.judged_count = earlier.judged_count;
        self.name_count = earlier.name_count;
        self.has_unnamed_request = earlier.has_unnamed_request;
        self.flags = earlier.flags;
        self.secrets.truncate(earlier.secrets.len());
        self.watch(denied);
    }

    /// Returns the number of the one mention's id, if it is remembered and there is no other
    /// mention.
    pub(crate) fn sole_number(&self) -> Option<u32> {
        match self.kept.as_slice() {
            [Mention { text, hint: false, .. }] => {
                Some(self.memory.as_ref()?.find(text.as_bytes())?.number)
            }
            _ => None,
        }
    }

    /// Adds other findings, for example those of the lines of a file that proves to be a batch.
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
        // The secrets of the other findings must all occur here, side by side and in the same
        // order.
        let mut rest = self.secrets.as_slice();
        while !rest.starts_with(&other.secrets) {
            let Some((_, tail)) = rest.split_first() else {
                self.flags |= flag::FOREIGN;
                break;
            };
            rest = tail;
        }
        self.judged_count = self.judged_count.saturating_add(other.judged_count);
        self.name_count = self.name_count.saturating_add(other.name_count);
        self.has_unnamed_request |= other.has_unnamed_request;
        self.flags |= other.flags;
        self.ended = !self.watched.is_empty() && self.any_of(&self.watched);
    }

    /// Returns the number of mentions so far. A caller that compares two results learns whether a
    /// mention came between them.
    pub(crate) fn judged_count(&self) -> usize {
        self.judged_count
    }

    /// Returns whether one of these patterns occurred in a mention, a hint or an opaque name.
    pub(crate) fn any_of(&self, denied: &[u64]) -> bool {
        let word = |words: &[u64], at: usize| words.get(at).copied().unwrap_or(0);
        let words = denied.len().min(self.occurred.len());
        (0..words)
            .any(|at| (word(&self.occurred, at) | word(&self.hinted, at)) & word(denied, at) != 0)
    }

    /// Returns the same as [`Self::any_of`] for the patterns that end the search, or for these
    /// where none do.
    pub(crate) fn ended_by(&self, denied: &[u64]) -> bool {
        if self.watched.is_empty() { self.any_of(denied) } else { self.ended }
    }

    /// Returns the patterns that count under this denied set: those of mentions, and the denied
    /// ones of hints and opaque names.
    pub(crate) fn counted(&self, denied: &[u64]) -> Vec<u64> {
        let mut counted = self.hinted.clone();
        for (at, (word, occurred)) in counted.iter_mut().zip(&self.occurred).enumerate() {
            *word = *word & denied.get(at).copied().unwrap_or_default() | occurred;
        }
        counted
    }

    /// Returns the numbers of all patterns that occurred, in mentions, hints and opaque names.
    pub(crate) fn patterns(&self) -> Vec<u32> {
        let mut patterns = Vec::new();
        for (base, (occurred, hinted)) in
            (0u32..).step_by(64).zip(self.occurred.iter().zip(&self.hinted))
        {
            let mut left = occurred | hinted;
            while left != 0 {
                patterns.push(base + left.trailing_zeros());
                left &= left - 1;
            }
        }
        patterns
    }

    /// Returns the denied patterns among those that count.
    pub(crate) fn denied(&self, denied: &[u64]) -> Vec<u64> {
        let mut counted = self.counted(denied);
        for (at, word) in counted.iter_mut().enumerate() {
            *word &= denied.get(at).copied().unwrap_or_default();
        }
        counted
    }

    /// Returns whether a mention contains no pattern and is not resolved: an unlisted id or an
    /// opaque name.
    pub(crate) fn unlisted(&self) -> bool {
        self.occurred.first().is_some_and(|word| word & 1 != 0)
    }

    /// Returns whether a name was found at a location that says which model runs.
    pub(crate) fn names_a_model(&self) -> bool {
        self.flags & flag::NAMED != 0
    }

    /// Returns whether a model was mentioned. Hints do not count.
    pub(crate) fn mentioned(&self) -> bool {
        self.flags & flag::MENTIONED != 0
    }

    /// Returns whether a stored object decides which model runs.
    pub(crate) fn binds(&self) -> bool {
        binding(self.flags)
    }

    /// Returns whether the client message itself, as opposed to the head, leaves open which model
    /// runs.
    pub(crate) fn reopens(&self) -> bool {
        let own = self.flags & !self.head_flags;
        self.unlisted() || binding(own) || own & flag::SUSPECT != 0
    }

    /// Replaces the value of [`unlisted`](Self::unlisted) and returns the old one.
    pub(crate) fn replace_unlisted(&mut self, unlisted: bool) -> bool {
        let before = self.unlisted();
        if let Some(word) = self.occurred.first_mut() {
            *word = *word & !1 | u64::from(unlisted);
        }
        before
    }

    /// Returns whether a key whose name suggests a model occurred where its meaning is unknown.
    pub(crate) fn suspect(&self) -> bool {
        self.flags & flag::SUSPECT != 0
    }

    /// Returns whether the selector field (the `purpose` of a file) says that the file is a batch,
    /// or `None` if there is no such field.
    pub(crate) fn selected_batch(&self) -> Option<bool> {
        (self.flags & flag::SELECTED != 0).then_some(self.flags & flag::SELECTED_BATCH != 0)
    }

    /// Returns the first mentions as they were written. Of the hints it returns those in which a
    /// denied pattern occurs.
    pub(crate) fn listed(&self, bundle: Bundle<'_>, denied: &[u64]) -> Vec<String> {
        let mut listed = Vec::new();
        for mention in &self.kept {
            if !mention.hint || self.holds(bundle, &mention.text, denied) {
                listed.push(mention.text.clone());
            }
        }
        listed
    }

    /// Returns the first mentions, with the part of the request that carried each.
    pub(crate) fn kept(&self) -> &[Mention] {
        &self.kept
    }

    /// Returns whether one of these patterns occurs in an id, or in what the id resolves to. It
    /// allocates, so it is not for the hot path.
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
        self.judged_count += 1;
        if self.judged_count > limits::MENTIONS_JUDGED {
            return Err(Reason::TooManyMentions);
        }
        if text.len() > limits::MODEL_ID_BYTES {
            return Err(Reason::IdTooLong);
        }
        self.flags |= flag::MENTIONED;
        if matches!(role, role::PRIMARY | role::DEPLOYMENT) {
            self.name_count += 1;
            self.flags |= flag::NAMED;
        }
        let opaque = role::is_opaque(role);
        let memory = self.memory.as_mut().filter(|_| !opaque);
        let judged = if let Some(memory) = memory {
            let known = memory.judge(bundle, text, &mut self.scratch, self.scope);
            known.map(|known| {
                for (word, known) in self.occurred.iter_mut().zip(known) {
                    *word |= known;
                }
            })
        } else {
            None
        };
        let judged = match judged {
            Some(()) => Ok(()),
            None => {
                let (names, targets) = if opaque {
                    (&mut self.hinted, Some(self.occurred.as_mut_slice()))
                } else {
                    (&mut self.occurred, None)
                };
                model_id::judge(
                    bundle,
                    text,
                    &mut self.scratch,
                    &mut Occurrences { names, targets, scope: self.scope },
                )
            }
        };
        if judged.is_ok() {
            self.keep(text, carrier, false);
        }
        // An id that can be read only in part counts as far as it was read.
        self.ended = !self.watched.is_empty() && self.any_of(&self.watched);
        judged
    }

    fn hint(&mut self, bundle: Bundle<'_>, text: &[u8], carrier: Carrier) {
        let mut found = Occurrences { names: &mut self.hinted, targets: None, scope: self.scope };
        model_id::hint(bundle, text, &mut self.scratch, &mut found);
        // A hint without a pattern is not a mention.
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
                None => {
                    let mut text = self.spare.pop().unwrap_or_default();
                    text.clear();
                    text.push_str(part);
                    self.kept.push(Mention { text, carrier, hint });
                }
            }
        }
    }
}

/// Returns the patterns that occur in an id. 0 means that some part of it contains no pattern.
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

/// Returns whether a selector may mean a batch. This is lenient on purpose: it includes every text
/// that some server might take for `batch`.
fn may_mean_batch(text: &[u8]) -> bool {
    text.windows(5).any(|window| window.eq_ignore_ascii_case(b"batch"))
}
