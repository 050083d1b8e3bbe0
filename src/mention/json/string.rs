//! Strings (RFC 8259, section 7): UTF-8, escapes and surrogates.

use alloc::boxed::Box;

use super::{Event, Json, Mode, Sink, is_nested};
use crate::bundle::layout::{NONE, role};
use crate::bundle::view::Bundle;
use crate::compact::hex::hex;
use crate::mention::findings::Findings;
use crate::reason::Reason;
use portcullis_scan::bytes::{self, Sequence, Stop};

impl Json {
    /// Begins a text where something is wanted.
    pub(super) fn begin_text(&mut self, bundle: Bundle<'_>, findings: &mut Findings) {
        let Some(state) = self.next_state(bundle) else { return };
        match state.role {
            role::NOTHING if self.depth > 0 => {
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
                        let nested = Self {
                            is_nested: true,
                            single_byte: self.single_byte,
                            ..Self::new(state.element)
                        };
                        self.nested = Some(Box::new(nested));
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

    /// Reads a string. Returns the index at which the next token may begin, or the end of the
    /// bytes.
    pub(super) fn string(
        &mut self,
        bundle: Bundle<'_>,
        bytes: &[u8],
        mut at: usize,
        findings: &mut Findings,
    ) -> Result<usize, Reason> {
        loop {
            if self.sink == Sink::Skip {
                let (length, closed) = bytes::skip(bytes.get(at..).unwrap_or_default());
                at += length;
                if closed {
                    self.end_text(bundle, findings);
                    return Ok(at + 1);
                }
            }
            let rest = bytes.get(at..).unwrap_or_default();
            let (length, stop) = bytes::text(rest);
            if self.sink != Sink::Skip && length > 0 {
                self.take(bundle, rest.get(..length).unwrap_or_default(), findings);
            }
            at += length;
            match (stop, rest.get(length)) {
                (Stop::Special, Some(b'"')) => {
                    self.end_text(bundle, findings);
                    return Ok(at + 1);
                }
                (Stop::Special, Some(b'\\')) => match rest.get(length + 1) {
                    // Common escapes of prompts, where nothing is wanted of the text.
                    Some(b'n' | b'"' | b'\\' | b't' | b'r' | b'/' | b'b' | b'f')
                        if self.sink == Sink::Skip =>
                    {
                        at += 2
                    }
                    Some(&byte) => {
                        self.escape(bundle, byte, findings)?;
                        at += 2;
                        while self.mode == Mode::Hex {
                            let Some(&byte) = bytes.get(at) else { return Ok(at) };
                            self.digit(bundle, byte, findings)?;
                            at += 1;
                        }
                    }
                    None => {
                        self.mode = Mode::Escape;
                        return Ok(at + 1);
                    }
                },
                (Stop::Special, _) => return Err(Reason::JsonSyntax),
                (Stop::Invalid, Some(&byte)) if self.single_byte => {
                    self.take(bundle, &[byte], findings);
                    at += 1;
                }
                (Stop::Invalid, _) => return Err(Reason::BodyUtf8),
                (Stop::Split, _) => {
                    self.mode = Mode::Sequence;
                    self.count = 0;
                    return Ok(at);
                }
                (Stop::End, _) => return Ok(at),
            }
        }
    }

    /// Reads one more byte of a sequence that the end of a chunk divided. Returns false if the byte
    /// does not belong to the sequence.
    pub(super) fn sequence(
        &mut self,
        bundle: Bundle<'_>,
        byte: u8,
        findings: &mut Findings,
    ) -> Result<bool, Reason> {
        if let Some(location) = self.rest.get_mut(self.count) {
            *location = byte;
        }
        self.count += 1;
        let rest = self.rest;
        let read = rest.get(..self.count).unwrap_or_default();
        match bytes::sequence(read) {
            Sequence::Cut => {}
            Sequence::Bad if self.single_byte => {
                self.mode = Mode::Text;
                self.take(bundle, read.split_last().map_or(&[], |(_, before)| before), findings);
                return Ok(false);
            }
            Sequence::Bad => return Err(Reason::BodyUtf8),
            Sequence::Whole(_) => {
                self.mode = Mode::Text;
                self.take(bundle, read, findings);
            }
        }
        Ok(true)
    }

    /// Reads the character after a backslash.
    pub(super) fn escape(
        &mut self,
        bundle: Bundle<'_>,
        byte: u8,
        findings: &mut Findings,
    ) -> Result<(), Reason> {
        let means = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 8,
            b'f' => 12,
            b'u' => {
                self.mode = Mode::Hex;
                self.unit = 0;
                self.count = 0;
                return Ok(());
            }
            _ => return Err(Reason::JsonSyntax),
        };
        self.mode = Mode::Text;
        self.take(bundle, &[means], findings);
        Ok(())
    }

    /// Reads a digit of `\uXXXX`.
    pub(super) fn digit(
        &mut self,
        bundle: Bundle<'_>,
        byte: u8,
        findings: &mut Findings,
    ) -> Result<(), Reason> {
        let Some(digit) = hex(byte) else { return Err(Reason::JsonSyntax) };
        self.unit = self.unit << 4 | u16::from(digit);
        self.count += 1;
        if self.count == 4 {
            self.mode = Mode::Text;
            if self.sink != Sink::Skip {
                self.code_unit(bundle, self.unit, findings);
            }
        }
        Ok(())
    }

    /// Adds the UTF-16 code unit of an escape.
    pub(super) fn code_unit(&mut self, bundle: Bundle<'_>, unit: u16, findings: &mut Findings) {
        let high = u32::from(self.high);
        let mut code = u32::from(unit);
        if high != 0 && unit & 0xfc00 == 0xdc00 {
            self.high = 0;
            code = 0x10000 + ((high & 0x3ff) << 10 | code & 0x3ff);
        }
        match char::from_u32(code) {
            Some(character) => {
                self.take(bundle, character.encode_utf8(&mut [0; 4]).as_bytes(), findings)
            }
            None if unit & 0xfc00 == 0xd800 => {
                self.lone(bundle, findings);
                self.high = unit;
            }
            None => {
                self.lone(bundle, findings);
                self.high = unit;
                self.lone(bundle, findings);
            }
        }
    }

    /// Adds the waiting high surrogate, if there is one, as a surrogate without its other half.
    pub(super) fn lone(&mut self, bundle: Bundle<'_>, findings: &mut Findings) {
        if core::mem::take(&mut self.high) == 0 {
            return;
        }
        if self.sink == Sink::Key {
            self.key.push_lone();
        } else {
            // This is how UTF-8 would encode a surrogate if it could. Readers of ids and of nested
            // documents reject it.
            self.take(bundle, &[0xed, 0xa0, 0x80], findings);
        }
    }
}
