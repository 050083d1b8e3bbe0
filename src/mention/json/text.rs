//! What the decoded text of a string is for: a key, an id, a nested document.

use alloc::boxed::Box;

use super::{Event, Json, Position, Sink, is_nested};
use crate::bundle::layout::{self as l, NONE, role};
use crate::bundle::view::Bundle;
use crate::compact::split::pieces;
use crate::limits;
use crate::mention::findings::{Carrier, Findings};
use crate::mention::key::Wanted;
use crate::reason::Reason;

impl Position {
    /// Begins a text where something is wanted.
    pub(super) fn begin_text(&mut self, bundle: Bundle<'_>, findings: &mut Findings) {
        let Some(state) = self.next_state(bundle) else { return };
        match state.role {
            role::NOTHING if !self.live.is_empty() => {
                if self.holds_rows(bundle, &state) {
                    self.doubt_it(Reason::ModelType);
                }
            }
            // The text decides whether a reference binds.
            role::MENTION
            | role::PRIMARY
            | role::OPAQUE
            | role::DEPLOYMENT
            | role::HINT
            | role::SELECTOR
            | role::MUST_NAME_TYPE
            | role::BINDS
            | role::BINDS_IF_UNNAMED => {
                self.role = state.role;
                self.sink = Sink::Text;
                self.text.clear();
            }
            role::CURSOR => {
                self.role = state.role;
                self.sink = Sink::Text;
                self.text.clear();
                self.event = Event::Cursor;
            }
            // An element that is not an object has no known meaning.
            role::ROW => self.doubt_it(Reason::ModelType),
            of if is_nested(of) && !self.is_nested && state.element != NONE => {
                self.sink = if of == role::NESTED_JSON { Sink::Nested } else { Sink::Base64 };
                (self.bits, self.waiting) = (0, 0);
                match &mut self.nested {
                    Some(nested) => nested.restart(state.element),
                    None => {
                        let mut nested = Box::new(Json::new(state.element));
                        nested.set_single_byte(self.single_byte);
                        nested.position.is_nested = true;
                        self.nested = Some(nested);
                    }
                }
            }
            // A text in place of a document, the outermost included: some servers parse it once
            // more.
            role::NESTED_JSON
            | role::NESTED_BASE64
            | role::LINES
            | role::REQUEST
            | role::NOTHING => findings.record_present(role::SUSPECT),
            role => findings.record_present(role),
        }
    }

    /// Adds a decoded piece of a text or key.
    pub(super) fn take(&mut self, bundle: Bundle<'_>, piece: &[u8], findings: &mut Findings) {
        match self.sink {
            Sink::Skip => {}
            Sink::Key => self.key.push(piece),
            Sink::Text => {
                let mut rest = piece;
                loop {
                    let room = limits::MODEL_ID_BYTES.saturating_sub(self.text.len());
                    self.text.extend_from_slice(rest.get(..room).unwrap_or(rest));
                    if rest.len() <= room || is_conditional(self.role) {
                        return;
                    }
                    if self.role != role::HINT {
                        break;
                    }
                    // No id is this long, but a list of ids may be. It is judged in parts that
                    // overlap.
                    findings.record_present(role::SUSPECT);
                    let _ = findings.text(bundle, role::HINT, &self.text, Carrier::Body);
                    let half = self.text.get(limits::MODEL_ID_BYTES / 2..);
                    self.text = half.unwrap_or_default().to_vec();
                    rest = rest.get(room..).unwrap_or_default();
                }
                self.doubt_it(Reason::IdTooLong);
                self.sink = Sink::Skip;
            }
            Sink::Nested => self.nest(bundle, piece, findings),
            Sink::Base64 => self.unbase(bundle, piece, findings),
        }
    }

    pub(super) fn nest(&mut self, bundle: Bundle<'_>, piece: &[u8], findings: &mut Findings) {
        if let Some(nested) = &mut self.nested
            && let Err(reason) = nested.feed(bundle, piece, findings)
        {
            self.doubt_it(reason);
            self.sink = Sink::Skip;
        }
    }

    /// Decodes Base64 of a nested document (RFC 4648 section 4). Padding ends it, so text after
    /// padding is an ambiguity. So is every other character, including those of the URL alphabet:
    /// some decoders take them for bits, others skip them, and the results differ.
    pub(super) fn unbase(&mut self, bundle: Bundle<'_>, piece: &[u8], findings: &mut Findings) {
        for part in piece.chunks(64) {
            let mut bytes = [0; 48];
            let mut length = 0;
            let mut bad = false;
            for &byte in part {
                let value = match byte {
                    b'A'..=b'Z' => byte - b'A',
                    b'a'..=b'z' => byte - b'a' + 26,
                    b'0'..=b'9' => byte - b'0' + 52,
                    b'+' => 62,
                    b'/' => 63,
                    b'=' => {
                        self.waiting = PADDED;
                        continue;
                    }
                    _ => PADDED,
                };
                bad = value == PADDED || self.waiting == PADDED;
                if bad {
                    break;
                }
                self.bits = self.bits << 6 | u16::from(value);
                self.waiting += 6;
                if self.waiting >= 8 {
                    self.waiting -= 8;
                    let [whole, _] = (self.bits << (8 - self.waiting)).to_be_bytes();
                    if let Some(location) = bytes.get_mut(length) {
                        *location = whole;
                    }
                    length += 1;
                }
            }
            // The bytes before the wrong character count, so that the verdict does not depend on
            // where chunks end.
            self.nest(bundle, bytes.get(..length).unwrap_or_default(), findings);
            if bad && self.sink != Sink::Skip {
                self.doubt_it(Reason::JsonSyntax);
                self.sink = Sink::Skip;
            }
            if self.sink == Sink::Skip {
                return;
            }
        }
    }

    /// Ends a text.
    pub(super) fn end_text(&mut self, bundle: Bundle<'_>, findings: &mut Findings) {
        match self.sink {
            Sink::Skip | Sink::Key => {}
            Sink::Text if is_conditional(self.role) => self.end_kind(bundle, findings),
            Sink::Text if self.role == role::CURSOR => self.event = Event::CursorEnd,
            Sink::Text => {
                if let Err(reason) = findings.text(bundle, self.role, &self.text, Carrier::Body) {
                    self.doubt_it(reason);
                }
            }
            Sink::Nested | Sink::Base64 => {
                if let Some(nested) = &mut self.nested
                    && let Err(reason) = nested.finish(bundle, findings)
                {
                    self.doubt_it(reason);
                }
            }
        }
    }

    /// Ends a text whose beginning decides about the role. Its reference binds, or the `MUST_NAME`
    /// object around it runs a model.
    pub(super) fn end_kind(&mut self, bundle: Bundle<'_>, findings: &mut Findings) {
        let Some(state) = self.next_state(bundle) else { return };
        let mut words =
            pieces(bundle.text(l::Str { at: state.prefix_at, len: state.prefix_len.into() }), b' ');
        let prefix = words.next().unwrap_or_default().as_bytes();
        let Some((front, rest)) = self.text.split_at_checked(prefix.len()) else { return };
        if !front.eq_ignore_ascii_case(prefix)
            || words.any(|word| rest.eq_ignore_ascii_case(word.as_bytes()))
        {
            return;
        }
        if self.role != role::MUST_NAME_TYPE {
            // A longer text was cut off. A text that counts only by its beginning is not a
            // reference.
            let whole = prefix.is_empty() && self.text.len() < limits::MODEL_ID_BYTES;
            findings.reference(
                bundle,
                self.role,
                if whole { &self.text } else { &[] },
                Carrier::Body,
            );
        } else if let Some(level) = self.live.iter_mut().rev().find(|level| level.judged.is_some())
        {
            level.runs = true;
        }
    }

    /// Ends a key of an object in which some keys are wanted, and sets the state of its value.
    pub(super) fn end_key(&mut self, bundle: Bundle<'_>, wanted: Option<Wanted>) {
        self.next = NONE;
        let Some(level) = self.live.last_mut() else { return };
        let Some(wanted) = wanted else {
            self.next = level.other;
            return;
        };
        self.next = wanted.target;
        if wanted.like {
            // Several different keys match the model-like key.
            return;
        }
        // INVARIANT: a state has at most KEYS_PER_OBJECT keys. A further one would count as seen.
        let bit = 1u64.checked_shl(wanted.number).unwrap_or(level.seen);
        let twice = level.seen & bit != 0 || bit == 0;
        level.seen |= bit;
        if !wanted.exact || twice {
            self.doubt_key(bundle, wanted.exact);
        }
    }

    /// Notes that a key occurs twice, or in a spelling that only some parsers take for it. If the
    /// value is the user's own data, the gate ignores which one counts.
    #[inline(never)] // seldom called
    pub(super) fn doubt_key(&mut self, bundle: Bundle<'_>, exact: bool) {
        if !self.next_state(bundle).is_some_and(|state| state.is_inert()) {
            self.doubt_it(if exact { Reason::DuplicateKey } else { Reason::AmbiguousKey });
        }
    }
}

/// Returns whether a text of this role may be of any length, because only its beginning counts.
pub(crate) fn is_conditional(role: u8) -> bool {
    matches!(role, role::MUST_NAME_TYPE | role::BINDS | role::BINDS_IF_UNNAMED)
}

/// In `Position::waiting`: Base64 has ended. As a value: not a character of Base64.
pub(crate) const PADDED: u8 = u8::MAX;
