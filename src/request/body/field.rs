//! A field of a form: where its name leads, and what its value mentions. Both kinds of form read their fields here.
//!
//! ```text
//! session[model]   keys `session`, `model` from the operation's start state
//! models[], m[0]   an element of the value, or where it has none the value itself
//! a.b              as a[b], where `a.b` is no key
//! ```
//!
//! Input: names and values, the carrier's encoding undone. Output: into [`Findings`]; what parsers read differently is returned as
//! the reason, and the caller reads on. Form parsers differ more than JSON parsers: a name that is wanted only when folded is a
//! mention, but does not say that the operation names its model.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::bundle::layout as l;
use crate::bundle::layout::{NONE, role, section};
use crate::bundle::view::Bundle;
use crate::limits;
use crate::mention::findings::{Carrier, Findings};
use crate::mention::json::Json;
use crate::mention::json_lines::Lines;
use crate::mention::key::{Key, is_model_like};
use crate::reason::Reason;

/// Where a name leads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// The state of the value; `NONE`: it is not wanted.
    state: u32,
    /// Every parser reads the name this way.
    exact: bool,
    /// It is a key that somebody documents; else it is wanted as any key is.
    named: bool,
    /// The state of a document that the value may be all the same, of a name that nobody documents below one that somebody does.
    below: u32,
    /// One of several: a second one of the name is no contradiction.
    repeats: bool,
    /// Tells the folded name from others.
    print: u64,
}

impl Target {
    /// Of a part without a name: a document that stands where the body would.
    pub(crate) fn whole(start: u32) -> Self {
        Self { state: start, exact: true, named: true, below: NONE, repeats: true, print: 0 }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.state != NONE
    }

    /// A file is the user's own, unless it stands where somebody documents one.
    pub(crate) fn of_file(self) -> Self {
        if self.named { self } else { Self { state: NONE, ..self } }
    }
}

/// The fields of one form.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    start: u32,
    key: Key,
    /// Prints of the wanted names that came, and whether each may come again.
    seen: Vec<(u64, bool)>,
    count: usize,
}

impl Fields {
    /// Fields that stand below this state of the automaton.
    #[inline(never)] // it is large, and made in many places
    pub(crate) fn new(start: u32) -> Self {
        Self { start, key: Key::EMPTY, seen: Vec::new(), count: 0 }
    }

    /// Where the name leads. What is wrong with it is returned beside, since its value is read all the same.
    pub(crate) fn target(&mut self, bundle: Bundle<'_>, name: &[u8]) -> (Target, Result<(), Reason>) {
        self.count += 1;
        let mut target = self.walk(bundle, name);
        if !target.is_wanted() {
            return (target, Ok(()));
        }
        let state = bundle.table::<l::State>(section::STATES).get(target.state);
        if state.as_ref().is_some_and(|state| state.is_inert() || !target.named && state.role == role::NOTHING) {
            target.state = NONE;
            return (target, Ok(()));
        }
        target.repeats |=
            state.is_some_and(|state| state.element != NONE && !matches!(state.role, role::NESTED_JSON | role::LINES));
        let twice = self.seen.iter().any(|(print, repeats)| *print == target.print && !(*repeats && target.repeats));
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

    /// How many names were asked for.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    fn walk(&mut self, bundle: Bundle<'_>, name: &[u8]) -> Target {
        let mut target = Target { state: self.start, exact: true, named: true, below: NONE, repeats: false, print: FNV_START };
        let mut segments = name.split(|&b| b == b'[');
        let base = segments.next().unwrap_or_default();
        // `URLSearchParams` drops a `?` ahead of all.
        let trimmed = base.trim_ascii();
        let trimmed = trimmed.strip_prefix(b"?").unwrap_or(trimmed);
        target.exact = trimmed.len() == base.len();
        let mut deeper = target;
        if base.is_empty() && name.len() > 1 {
            // `[model]` is `model` to qs.
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
            let (inner, rest) = segment.split_at_checked(end.unwrap_or(segment.len())).unwrap_or_default();
            // What follows the bracket is dropped by some parsers, and a key of its own to others.
            target.exact &= rest == b"]";
            if inner.iter().all(u8::is_ascii_digit) {
                let state = bundle.table::<l::State>(section::STATES).get(target.state);
                let step = state.map_or(NONE, |state| if state.element == NONE { state.other } else { state.element });
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
                // Several are different names.
                target.repeats |= wanted.like;
                target.exact &= wanted.exact;
            }
            // A name below a model: some parsers would make it an object, others drop the brackets.
            None if state.other == NONE && role::is_mention(state.role) && !self.is_start(target.state) => target.exact = false,
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

// FNV-1a, 64 bits: names are few, and a sender who makes two collide gets a refusal.
const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// What is done with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Nothing in it is wanted.
    Skip,
    /// Only white space came: the next byte tells text from a document.
    Blank,
    /// It is held, up to a bound.
    Text,
    /// It is a document, fed on as it comes.
    Document,
    /// It is JSON Lines, fed on as it comes.
    Lines,
}

/// How a part of a multipart body is sent; a field of an urlencoded form is `PLAIN`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    /// It has a file name.
    pub(crate) file: bool,
    /// Its content type says JSON.
    pub(crate) json: bool,
}

impl Manner {
    pub(crate) const PLAIN: Self = Self { file: false, json: false };
}

/// The reader of one value at a time.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    kind: Kind,
    role: u8,
    /// State of the document that the value may be; `NONE`: it is read as text.
    document: u32,
    /// Nothing is wanted at the name: it matters only if the value is a whole request.
    probe: bool,
    text: Vec<u8>,
    json: Json,
    lines: Option<Box<Lines>>,
    /// What a probe, or the lines of a file, mention: to be told apart from the rest.
    apart: Option<Box<Findings>>,
    /// What the lines of files mention, and what is wrong with them.
    batch: Option<Box<Findings>>,
    batch_doubt: Option<Reason>,
}

impl Value {
    #[inline(never)] // it is large, and made in many places
    pub(crate) fn new() -> Self {
        Self {
            kind: Kind::Skip,
            role: role::NOTHING,
            document: NONE,
            probe: false,
            text: Vec::new(),
            json: Json::new(NONE),
            lines: None,
            apart: None,
            batch: None,
            batch_doubt: None,
        }
    }

    /// Nothing of the value is looked at.
    #[inline]
    pub(crate) fn is_skipped(&self) -> bool {
        self.kind == Kind::Skip
    }

    /// Nothing but white space came of a value that nobody wants.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.kind == Kind::Skip || self.kind == Kind::Blank && self.probe
    }

    /// A value begins.
    pub(crate) fn begin(
        &mut self,
        bundle: Bundle<'_>,
        target: Target,
        start: u32,
        manner: Manner,
        findings: &mut Findings,
    ) -> Result<(), Reason> {
        self.kind = Kind::Skip;
        self.probe = false;
        self.text.clear();
        self.document = NONE;
        let Some(state) = bundle.table::<l::State>(section::STATES).get(target.state) else {
            // A request in a field that nobody documents.
            if !manner.file && !target.named {
                self.kind = Kind::Blank;
                self.probe = true;
                self.document = if target.below == NONE { start } else { target.below };
            }
            return Ok(());
        };
        self.role = match state.role {
            role::PRIMARY if !target.exact => role::MENTION,
            role::DEPLOYMENT if !target.exact => role::OPAQUE,
            // A text on which the role depends is no reference.
            role::BINDS if state.prefix_len != 0 => role::DELEGATES,
            role => role,
        };
        self.kind = Kind::Blank;
        let deeper = state.keys.len != 0 || state.other != NONE || state.element != NONE;
        match state.role {
            role::LINES => {
                // Once it is said that the file is no batch, its lines are no requests.
                self.kind = if findings.selected_batch() == Some(false) { Kind::Skip } else { Kind::Lines };
                self.lines = Some(Box::new(Lines::new(state.element)));
            }
            role::NESTED_JSON => self.document = state.element,
            _ if deeper || manner.json => self.document = target.state,
            _ => {}
        }
        let is_text = role::is_mention(state.role) || matches!(state.role, role::SELECTOR | role::HINT);
        if is_text && manner.file { Err(Reason::MultipartFile) } else { Ok(()) }
    }

    /// A piece of the value.
    pub(crate) fn take(&mut self, bundle: Bundle<'_>, piece: &[u8], findings: &mut Findings) -> Result<(), Reason> {
        if self.kind == Kind::Blank {
            let Some(&first) = piece.iter().find(|b| !b.is_ascii_whitespace()) else {
                if !self.probe {
                    self.hold(piece);
                }
                return Ok(());
            };
            self.kind = match first {
                b'{' | b'[' if self.document != NONE => {
                    self.json.restart(self.document);
                    Kind::Document
                }
                _ if self.probe => Kind::Skip,
                _ => Kind::Text,
            };
        }
        match self.kind {
            Kind::Skip | Kind::Blank => Ok(()),
            Kind::Text => {
                self.hold(piece);
                if self.text.len() <= limits::MODEL_ID_BYTES {
                    return Ok(());
                }
                self.kind = Kind::Skip;
                if role::is_mention(self.role) || matches!(self.role, role::SELECTOR | role::NESTED_JSON) {
                    return Err(Reason::IdTooLong);
                }
                // No id is as long as that; a list of ids may be.
                findings.present(if self.role == role::HINT { role::SUSPECT } else { self.role });
                Ok(())
            }
            Kind::Document if self.probe => {
                let apart = self.apart.get_or_insert_with(|| Box::new(findings.apart(bundle)));
                if self.json.feed(bundle, piece, apart).is_err() {
                    self.kind = Kind::Skip;
                }
                Ok(())
            }
            Kind::Document => self.json.feed(bundle, piece, findings).inspect_err(|_| self.kind = Kind::Skip),
            Kind::Lines => {
                let batch = self.batch.get_or_insert_with(|| Box::new(findings.apart(bundle)));
                if let Some(lines) = &mut self.lines
                    && let Err(reason) = lines.feed(bundle, piece, batch)
                {
                    self.batch_doubt.get_or_insert(reason);
                    self.kind = Kind::Skip;
                }
                Ok(())
            }
        }
    }

    /// Keeps one byte more than an id has at most: then it is too long.
    fn hold(&mut self, piece: &[u8]) {
        let room = (limits::MODEL_ID_BYTES + 1).saturating_sub(self.text.len());
        self.text.extend_from_slice(piece.get(..room).unwrap_or(piece));
    }

    /// The value ends.
    pub(crate) fn end(&mut self, bundle: Bundle<'_>, findings: &mut Findings) -> Result<(), Reason> {
        let kind = core::mem::replace(&mut self.kind, Kind::Skip);
        if let Some(apart) = self.apart.take()
            && (apart.mentioned() || apart.binds() || apart.suspect() || apart.any_of(findings.watched()))
        {
            // Who put a request there hopes that somebody unpacks it.
            findings.absorb(&apart);
            return Err(Reason::FormSyntax);
        }
        match kind {
            Kind::Document if self.probe => Ok(()),
            Kind::Document => self.json.finish(bundle, findings),
            Kind::Text | Kind::Blank if !self.probe => match self.role {
                role::NESTED_JSON if kind == Kind::Blank => Ok(()),
                role::NESTED_JSON => Err(Reason::JsonSyntax),
                role => findings.text(bundle, role, &self.text, Carrier::Body),
            },
            Kind::Lines => {
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

    /// The form ends: the lines of a file count unless the selector said that it is no batch.
    pub(crate) fn finish(&mut self, findings: &mut Findings) -> Result<(), Reason> {
        let said = findings.selected_batch();
        let Some(mut batch) = self.batch.take().filter(|_| said != Some(false)) else { return Ok(()) };
        if said.is_none() {
            // Lines of a file that may as well be no batch need not name anything.
            batch.no_requests();
        }
        findings.absorb(&batch);
        match self.batch_doubt {
            // APIs that take any file by this path know no such field: what does not begin as a list of requests is none.
            Some(reason) if said.is_none() && !batch.mentioned() && reason.is_no_text() => {}
            Some(_) if said.is_none() => findings.present(role::SUSPECT),
            Some(reason) => return Err(reason),
            None => {}
        }
        Ok(())
    }
}
