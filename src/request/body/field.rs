//! Reads a field of a form: which state of the automaton its name leads to, and what its value
//! mentions. Both kinds of form use this module.
//!
//! ```text
//! session[model]   keys `session`, `model` from the operation's start state
//! models[], m[0]   an element of the value or, if it has no elements, the value itself
//! a.b              as a[b], unless `a.b` is a key
//! ```
//!
//! Input: decoded names and values. Output: texts into [`Findings`]. If parsers read a field
//! differently, the reason is returned and the caller reads on. Form parsers differ more than JSON
//! parsers do: a name that is wanted only after folding is a mention, but it does not count as the
//! model that the operation names.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::bundle::layout as l;
use crate::bundle::layout::{NONE, role, section};
use crate::bundle::view::Bundle;
use crate::limits;
use crate::mention::findings::{Carrier, Findings};
use crate::mention::json::Json;
use crate::mention::json_lines::JsonLines;
use crate::mention::key::{Key, is_model_like};
use crate::reason::Reason;

/// The state to which a name leads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// The state of the value. `NONE` if the value is not wanted.
    state: u32,
    /// Every parser reads the name in this way.
    exact: bool,
    /// The API documents the name. Otherwise a wildcard or the model-like key matched it.
    named: bool,
    /// For an undocumented name below a documented one: the state of the document that the value
    /// may be.
    below: u32,
    /// The name may occur more than once: it means an element of a list, or several names match it.
    repeats: bool,
    /// Hash of the folded name, which tells it from other names.
    print: u64,
}

impl Target {
    /// The target of a part without a name: a document in place of the body.
    pub(crate) fn whole(start: u32) -> Self {
        Self { state: start, exact: true, named: true, below: NONE, repeats: true, print: 0 }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.state != NONE
    }

    /// Returns the target if the value is a file. A file is the user's own data, unless the API
    /// documents a field of this name.
    pub(crate) fn of_file(self) -> Self {
        if self.named { self } else { Self { state: NONE, ..self } }
    }
}

/// Reads the names of one form.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    start: u32,
    key: Key,
    /// Hashes of the wanted names so far, and whether each may occur again.
    seen: Vec<(u64, bool)>,
    count: usize,
}

impl Fields {
    /// Creates a reader whose fields are below this state of the automaton.
    #[inline(never)] // large, and called from many places
    pub(crate) fn new(start: u32) -> Self {
        Self { start, key: Key::EMPTY, seen: Vec::new(), count: 0 }
    }

    /// Returns the target of a name. A problem with the name is returned beside it, because the
    /// value is read in any case.
    pub(crate) fn target(
        &mut self,
        bundle: Bundle<'_>,
        name: &[u8],
    ) -> (Target, Result<(), Reason>) {
        self.count += 1;
        let mut target = self.walk(bundle, name);
        if !target.is_wanted() {
            return (target, Ok(()));
        }
        let state = bundle.table::<l::State>(section::STATES).get(target.state);
        if state
            .as_ref()
            .is_some_and(|state| state.is_inert() || !target.named && state.role == role::NOTHING)
        {
            target.state = NONE;
            return (target, Ok(()));
        }
        target.repeats |= state.is_some_and(|state| {
            state.element != NONE && !matches!(state.role, role::NESTED_JSON | role::LINES)
        });
        let twice = self
            .seen
            .iter()
            .any(|(print, repeats)| *print == target.print && !(*repeats && target.repeats));
        if twice {
            return (target, Err(Reason::DuplicateKey));
        }
        if self.seen.len() < limits::PARAMETERS {
            self.seen.push((target.print, target.repeats));
        }
        if state.is_some_and(|state| state.role == role::SELECTOR) && !target.exact {
            return (target, Err(Reason::AmbiguousKey));
        }
        (target, Ok(()))
    }

    /// Returns the number of names read so far.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    fn walk(&mut self, bundle: Bundle<'_>, name: &[u8]) -> Target {
        let mut target = Target {
            state: self.start,
            exact: true,
            named: true,
            below: NONE,
            repeats: false,
            print: FNV_START,
        };
        let mut segments = name.split(|&b| b == b'[');
        let base = segments.next().unwrap_or_default();
        // `URLSearchParams` drops a `?` at the very start.
        let trimmed = base.trim_ascii();
        let trimmed = trimmed.strip_prefix(b"?").unwrap_or(trimmed);
        target.exact = trimmed.len() == base.len();
        let mut deeper = target;
        if base.is_empty() && name.len() > 1 {
            // To qs, `[model]` is `model`.
            target.exact = false;
        } else {
            self.step(bundle, &mut target, trimmed);
        }
        if !(target.is_wanted() && target.named) && trimmed.contains(&b'.') {
            for part in trimmed.split(|&b| b == b'.') {
                self.step(bundle, &mut deeper, part);
            }
            if !target.is_wanted() || deeper.is_wanted() && deeper.named {
                target = Target { exact: false, ..deeper };
            }
        }
        for segment in segments {
            let end = segment.iter().position(|&b| b == b']');
            let (inner, rest) =
                segment.split_at_checked(end.unwrap_or(segment.len())).unwrap_or_default();
            // Some parsers drop the text after the bracket, others take it for a key.
            target.exact &= rest == b"]";
            if inner.iter().all(u8::is_ascii_digit) {
                let state = bundle.table::<l::State>(section::STATES).get(target.state);
                let step = state.map_or(NONE, |state| {
                    if state.element == NONE { state.other } else { state.element }
                });
                target.repeats = true;
                if step != NONE {
                    target.state = step;
                }
            } else {
                self.step(bundle, &mut target, inner);
            }
            if is_model_like(rest) {
                self.step(bundle, &mut target, rest.get(1..).unwrap_or_default());
            }
        }
        target
    }

    fn step(&mut self, bundle: Bundle<'_>, target: &mut Target, name: &[u8]) {
        let Some(state) = bundle.table::<l::State>(section::STATES).get(target.state) else {
            target.state = NONE;
            return;
        };
        self.key.clear();
        self.key.push(name);
        for byte in self.key.folded().unwrap_or_default().iter().chain(b"[") {
            target.print = (target.print ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
        }
        match self.key.find(bundle, state.keys) {
            Some(wanted) => {
                target.state = wanted.target;
                target.named = !wanted.like;
                // Several different names match the model-like key.
                target.repeats |= wanted.like;
                target.exact &= wanted.exact;
            }
            // Below a model id, some parsers make it an object, others drop the brackets.
            None if state.other == NONE
                && role::is_mention(state.role)
                && !self.is_start(target.state) =>
            {
                target.exact = false
            }
            None => {
                if target.named && !self.is_start(target.state) || target.below != NONE {
                    target.below = state.other;
                }
                target.state = state.other;
                target.named = false;
            }
        }
    }

    fn is_start(&self, state: u32) -> bool {
        state == self.start
    }
}

// FNV-1a, 64 bits. Names are few, and a sender who makes two of them collide gets a refusal.
const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// How a value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FieldKind {
    /// Nothing in it is wanted.
    Skip,
    /// Only white space has arrived. The next byte tells a text from a document.
    Blank,
    /// A text, held up to a bound.
    Text,
    /// A JSON document, fed to its reader in pieces.
    Document,
    /// JSON Lines, fed to their reader in pieces.
    JsonLines,
}

/// How the headers of a multipart part declare it. A field of a urlencoded form is `PLAIN`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    /// It has a file name.
    pub(crate) file: bool,
    /// Its content type is JSON.
    pub(crate) json: bool,
}

impl Manner {
    pub(crate) const PLAIN: Self = Self { file: false, json: false };
}

/// Reads one value at a time.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    kind: FieldKind,
    role: u8,
    /// State of the document that the value may be. `NONE` if it is read as a text.
    document: u32,
    /// The name is undocumented. The value counts only if it is a document that holds a request.
    probe: bool,
    text: Vec<u8>,
    json: Json,
    lines: Option<Box<JsonLines>>,
    /// Findings of a probe. They stay apart until it is clear whether they count.
    probe_findings: Option<Box<Findings>>,
    /// Findings of the lines of files, and the first problem with them.
    batch: Option<Box<Findings>>,
    batch_doubt: Option<Reason>,
}

impl Value {
    #[inline(never)] // large, and called from many places
    pub(crate) fn new() -> Self {
        Self {
            kind: FieldKind::Skip,
            role: role::NOTHING,
            document: NONE,
            probe: false,
            text: Vec::new(),
            json: Json::new(NONE),
            lines: None,
            probe_findings: None,
            batch: None,
            batch_doubt: None,
        }
    }

    /// Returns whether the value is skipped.
    #[inline]
    pub(crate) fn is_skipped(&self) -> bool {
        self.kind == FieldKind::Skip
    }

    /// Returns whether the value is skipped, or undocumented and white space so far.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.kind == FieldKind::Skip || self.kind == FieldKind::Blank && self.probe
    }

    /// Begins a value.
    pub(crate) fn begin(
        &mut self,
        bundle: Bundle<'_>,
        target: Target,
        start: u32,
        manner: Manner,
        findings: &mut Findings,
    ) -> Result<(), Reason> {
        self.kind = FieldKind::Skip;
        self.probe = false;
        self.text.clear();
        self.document = NONE;
        let Some(state) = bundle.table::<l::State>(section::STATES).get(target.state) else {
            // An undocumented field may hold a whole request.
            if !manner.file && !target.named {
                self.kind = FieldKind::Blank;
                self.probe = true;
                self.document = if target.below == NONE { start } else { target.below };
            }
            return Ok(());
        };
        self.role = match state.role {
            role::PRIMARY if !target.exact => role::MENTION,
            role::DEPLOYMENT if !target.exact => role::OPAQUE,
            // A text whose beginning decides about the role is not a reference that a table could
            // resolve.
            role::BINDS if state.prefix_len != 0 => role::DELEGATES,
            role => role,
        };
        self.kind = FieldKind::Blank;
        let deeper = state.keys.len != 0 || state.other != NONE || state.element != NONE;
        match state.role {
            role::LINES => {
                // If the selector says that the file is not a batch, its lines are not requests.
                self.kind = if findings.selected_batch() == Some(false) {
                    FieldKind::Skip
                } else {
                    FieldKind::JsonLines
                };
                self.lines = Some(Box::new(JsonLines::new(state.element)));
            }
            role::NESTED_JSON => self.document = state.element,
            _ if deeper || manner.json => self.document = target.state,
            _ => {}
        }
        let is_text =
            role::is_mention(state.role) || matches!(state.role, role::SELECTOR | role::HINT);
        if is_text && manner.file { Err(Reason::MultipartFile) } else { Ok(()) }
    }

    /// Reads a piece of the value.
    pub(crate) fn take(
        &mut self,
        bundle: Bundle<'_>,
        piece: &[u8],
        findings: &mut Findings,
    ) -> Result<(), Reason> {
        if self.kind == FieldKind::Blank {
            let Some(&first) = piece.iter().find(|b| !b.is_ascii_whitespace()) else {
                if !self.probe {
                    self.hold(piece);
                }
                return Ok(());
            };
            self.kind = match first {
                b'{' | b'[' if self.document != NONE => {
                    self.json.restart(self.document);
                    FieldKind::Document
                }
                _ if self.probe => FieldKind::Skip,
                _ => FieldKind::Text,
            };
        }
        match self.kind {
            FieldKind::Skip | FieldKind::Blank => Ok(()),
            FieldKind::Text => {
                self.hold(piece);
                if self.text.len() <= limits::MODEL_ID_BYTES {
                    return Ok(());
                }
                self.kind = FieldKind::Skip;
                if role::is_mention(self.role)
                    || matches!(self.role, role::SELECTOR | role::NESTED_JSON)
                {
                    return Err(Reason::IdTooLong);
                }
                // No id is as long as this, but a list of ids may be.
                findings.record_present(if self.role == role::HINT {
                    role::SUSPECT
                } else {
                    self.role
                });
                Ok(())
            }
            FieldKind::Document if self.probe => {
                let probe = self
                    .probe_findings
                    .get_or_insert_with(|| Box::new(findings.fresh_for_part(bundle)));
                if self.json.feed(bundle, piece, probe).is_err() {
                    self.kind = FieldKind::Skip;
                }
                Ok(())
            }
            FieldKind::Document => {
                self.json.feed(bundle, piece, findings).inspect_err(|_| self.kind = FieldKind::Skip)
            }
            FieldKind::JsonLines => {
                let batch =
                    self.batch.get_or_insert_with(|| Box::new(findings.fresh_for_part(bundle)));
                if let Some(lines) = &mut self.lines
                    && let Err(reason) = lines.feed(bundle, piece, batch)
                {
                    self.batch_doubt.get_or_insert(reason);
                    self.kind = FieldKind::Skip;
                }
                Ok(())
            }
        }
    }

    /// Holds the text up to one byte more than the longest id, which is enough to see that it is
    /// too long.
    fn hold(&mut self, piece: &[u8]) {
        let room = (limits::MODEL_ID_BYTES + 1).saturating_sub(self.text.len());
        self.text.extend_from_slice(piece.get(..room).unwrap_or(piece));
    }

    /// Ends the value.
    pub(crate) fn end(
        &mut self,
        bundle: Bundle<'_>,
        findings: &mut Findings,
    ) -> Result<(), Reason> {
        let kind = core::mem::replace(&mut self.kind, FieldKind::Skip);
        if let Some(probe) = self.probe_findings.take()
            && (probe.mentioned()
                || probe.binds()
                || probe.suspect()
                || probe.any_of(findings.watched()))
        {
            // A request in an undocumented field has an effect only if some server unpacks it.
            findings.absorb(&probe);
            return Err(Reason::FormSyntax);
        }
        match kind {
            FieldKind::Document if self.probe => Ok(()),
            FieldKind::Document => self.json.finish(bundle, findings),
            FieldKind::Text | FieldKind::Blank if !self.probe => match self.role {
                role::NESTED_JSON if kind == FieldKind::Blank => Ok(()),
                role::NESTED_JSON => Err(Reason::JsonSyntax),
                role => findings.text(bundle, role, &self.text, Carrier::Body),
            },
            FieldKind::JsonLines => {
                if let (Some(lines), Some(batch)) = (&mut self.lines, &mut self.batch)
                    && let Err(reason) = lines.finish(bundle, batch)
                {
                    self.batch_doubt.get_or_insert(reason);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Ends the form. The lines of a file count unless the selector said that the file is not a
    /// batch.
    pub(crate) fn finish(&mut self, findings: &mut Findings) -> Result<(), Reason> {
        let said = findings.selected_batch();
        let Some(mut batch) = self.batch.take().filter(|_| said != Some(false)) else {
            return Ok(());
        };
        if said.is_none() {
            // Without a selector the file may be something else than a batch, so its lines need not
            // name a model.
            batch.forget_requests();
        }
        findings.absorb(&batch);
        match self.batch_doubt {
            // An API that takes any file on this path has no selector. A file that does not begin
            // with lines of requests is not a batch.
            Some(reason) if said.is_none() && !batch.mentioned() && reason.is_no_text() => {}
            Some(_) if said.is_none() => findings.record_present(role::SUSPECT),
            Some(reason) => return Err(reason),
            None => {}
        }
        Ok(())
    }
}
