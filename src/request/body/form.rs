//! Reads a body of type `application/x-www-form-urlencoded`, by the parser of the URL standard and
//! with the deviations of older parsers.
//!
//! Input: chunks, divided anywhere, and the operation's start state, below which field names are
//! keys. Output: texts into [`Findings`]. `&` ends a field. Some parsers also end a field at `;`,
//! so a `;` next to a wanted field is refused. A name has at most [`limits::FIELD_BYTES`], a form
//! at most [`limits::PARAMETERS`] fields. Values are held only if they are wanted.

use alloc::vec::Vec;

use super::field::{Fields, Manner, Value};
use crate::bundle::view::Bundle;
use crate::compact::hex::hex;
use crate::limits;
use crate::mention::findings::Findings;
use crate::reason::Reason;
use portcullis_scan::bytes;

/// Reads one form.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    start: u32,
    fields: Fields,
    /// The name of the field, and the start of its value: `qs` divides a field at the first `]=`, if
    /// there is one.
    name: Vec<u8>,
    value: Value,
    /// The next byte belongs to a value, not to a name.
    in_value: bool,
    /// The name of the field is wanted.
    wanted: bool,
    /// A `;` precedes the field.
    semicolon: bool,
    /// An escape in the name lacks its digits.
    broken: bool,
    /// How much of a percent escape has been read: 0 nothing, 1 the percent sign, 2 the first
    /// digit.
    escape: u8,
    digit: u8,
    doubt: Option<Reason>,
}

impl Form {
    /// Creates a reader whose field names are keys below this state of the automaton.
    #[inline(never)] // large, and called from many places
    pub(crate) fn new(start: u32) -> Self {
        Self {
            start,
            fields: Fields::new(start),
            name: Vec::new(),
            value: Value::new(),
            in_value: false,
            wanted: false,
            semicolon: false,
            broken: false,
            escape: 0,
            digit: 0,
            doubt: None,
        }
    }

    /// Reads a chunk.
    ///
    /// # Errors
    ///
    /// A bound is exceeded: a name is too long, or there are too many fields. The reader cannot be
    /// used after an error.
    pub(crate) fn feed(
        &mut self,
        bundle: Bundle<'_>,
        bytes: &[u8],
        findings: &mut Findings,
    ) -> Result<(), Reason> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if self.in_value
                && self.name.len() >= limits::FIELD_BYTES
                && self.value.is_skipped()
                && !matches!(byte, b'&' | b';')
            {
                let rest = bytes.get(at..).unwrap_or_default();
                at += bytes::find_either(b'&', b';', rest).unwrap_or(rest.len());
                continue;
            }
            at += 1;
            match byte {
                b'&' => self.end(bundle, false, findings)?,
                b';' => self.end(bundle, true, findings)?,
                b'=' if !self.in_value => {
                    self.broken_escape();
                    self.begin(bundle, findings);
                    self.name.push(byte);
                }
                b'%' => {
                    self.broken_escape();
                    self.escape = 1;
                }
                _ if self.escape > 0 => match (hex(byte), self.escape) {
                    (Some(digit), 1) => {
                        self.digit = digit;
                        self.escape = 2;
                    }
                    (Some(digit), _) => {
                        self.escape = 0;
                        self.push(bundle, self.digit << 4 | digit, findings)?;
                    }
                    (None, _) => {
                        self.broken_escape();
                        self.push(bundle, byte, findings)?;
                    }
                },
                b'+' => self.push(bundle, b' ', findings)?,
                b'=' if self.name.ends_with(b"]") && !is_prose(&self.name) => {
                    if self.fields.target(bundle, &self.name).0.is_wanted() {
                        self.note(Err(Reason::FormSyntax));
                    }
                    self.push(bundle, byte, findings)?;
                }
                _ => self.push(bundle, byte, findings)?,
            }
        }
        Ok(())
    }

    /// Ends the form.
    ///
    /// # Errors
    ///
    /// Parsers read the form differently.
    pub(crate) fn finish(
        &mut self,
        bundle: Bundle<'_>,
        findings: &mut Findings,
    ) -> Result<(), Reason> {
        self.end(bundle, false, findings)?;
        let result = self.value.finish(findings);
        self.note(result);
        self.doubt.map_or(Ok(()), Err)
    }

    fn note(&mut self, result: Result<(), Reason>) {
        self.doubt = self.doubt.or(result.err());
    }

    /// Ends an escape that lacks its digits. Some parsers read it as text, others reject it.
    fn broken_escape(&mut self) {
        if core::mem::take(&mut self.escape) == 0 {
            return;
        }
        if !self.in_value {
            self.broken = true;
        } else if self.wanted || !self.value.is_unwanted() {
            self.note(Err(Reason::PercentEscape));
        }
    }

    fn push(
        &mut self,
        bundle: Bundle<'_>,
        byte: u8,
        findings: &mut Findings,
    ) -> Result<(), Reason> {
        if self.in_value {
            let result = self.value.take(bundle, &[byte], findings);
            self.note(result);
            if self.name.len() < limits::FIELD_BYTES {
                self.name.push(byte);
            }
            return Ok(());
        }
        if self.name.len() >= limits::FIELD_BYTES {
            return if is_prose(&self.name) { Ok(()) } else { Err(Reason::FieldTooLong) };
        }
        self.name.push(byte);
        Ok(())
    }

    /// Ends the name and begins the value.
    fn begin(&mut self, bundle: Bundle<'_>, findings: &mut Findings) {
        let (target, result) = self.fields.target(bundle, &self.name);
        self.note(result);
        if core::mem::take(&mut self.broken) && !is_prose(&self.name) {
            self.note(Err(Reason::PercentEscape));
        }
        if self.name.eq_ignore_ascii_case(b"_charset_") {
            self.note(Err(Reason::FormSyntax));
        }
        self.wanted = target.is_wanted();
        if self.wanted && self.semicolon {
            self.note(Err(Reason::FormSyntax));
        }
        self.in_value = true;
        let result = self.value.begin(bundle, target, self.start, Manner::PLAIN, findings);
        self.note(result);
    }

    fn end(
        &mut self,
        bundle: Bundle<'_>,
        semicolon: bool,
        findings: &mut Findings,
    ) -> Result<(), Reason> {
        self.broken_escape();
        if !self.in_value && !self.name.is_empty() {
            self.begin(bundle, findings);
        }
        if self.in_value {
            if semicolon && (self.wanted || !self.value.is_unwanted()) {
                self.note(Err(Reason::FormSyntax));
            }
            let result = self.value.end(bundle, findings);
            self.note(result);
        }
        self.in_value = false;
        self.wanted = false;
        self.semicolon = semicolon;
        self.name.clear();
        if self.fields.count() > limits::PARAMETERS {
            Err(Reason::TooManyParameters)
        } else {
            Ok(())
        }
    }
}

/// Returns whether the name cannot be the name of a documented field because it is part of a JSON
/// document, which curl declares as a form by default.
fn is_prose(name: &[u8]) -> bool {
    name.trim_ascii().iter().any(|byte| matches!(byte, b'"' | b'{' | b'}' | b' '))
}

#[cfg(all(test, feature = "author"))]
mod tests;
