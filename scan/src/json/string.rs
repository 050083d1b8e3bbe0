//! Strings (RFC 8259, section 7): UTF-8, escapes and surrogates.

use super::{Error, Mode, Reader, Visitor};
use crate::bytes::{self, Sequence, Stop};

impl Reader {
    /// Reads a string. Returns the index at which the next token may begin, or the end of the
    /// bytes.
    pub(super) fn string(
        &mut self,
        bytes: &[u8],
        mut at: usize,
        visitor: &mut dyn Visitor,
    ) -> Result<usize, Error> {
        loop {
            if !self.is_read {
                let (length, closed) = bytes::skip(bytes.get(at..).unwrap_or_default());
                at += length;
                if closed {
                    self.end(visitor);
                    return Ok(at + 1);
                }
            }
            let rest = bytes.get(at..).unwrap_or_default();
            let (length, stop) = bytes::text(rest);
            if self.is_read && length > 0 {
                self.piece(rest.get(..length).unwrap_or_default(), visitor);
            }
            at += length;
            match (stop, rest.get(length)) {
                (Stop::Special, Some(b'"')) => {
                    self.end(visitor);
                    return Ok(at + 1);
                }
                (Stop::Special, Some(b'\\')) => match rest.get(length + 1) {
                    // Common escapes of prompts, where nothing is wanted of the text.
                    Some(b'n' | b'"' | b'\\' | b't' | b'r' | b'/' | b'b' | b'f')
                        if !self.is_read =>
                    {
                        at += 2
                    }
                    Some(&byte) => {
                        self.escape(byte, visitor)?;
                        at += 2;
                        while self.mode == Mode::Hex {
                            let Some(&byte) = bytes.get(at) else { return Ok(at) };
                            self.digit(byte, visitor)?;
                            at += 1;
                        }
                    }
                    None => {
                        self.mode = Mode::Escape;
                        return Ok(at + 1);
                    }
                },
                (Stop::Special, _) => return Err(Error::Syntax),
                (Stop::Invalid, Some(&byte)) if self.single_byte => {
                    self.piece(&[byte], visitor);
                    at += 1;
                }
                (Stop::Invalid, _) => return Err(Error::Utf8),
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
    pub(super) fn sequence(&mut self, byte: u8, visitor: &mut dyn Visitor) -> Result<bool, Error> {
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
                self.piece(read.split_last().map_or(&[], |(_, before)| before), visitor);
                return Ok(false);
            }
            Sequence::Bad => return Err(Error::Utf8),
            Sequence::Whole(_) => {
                self.mode = Mode::Text;
                self.piece(read, visitor);
            }
        }
        Ok(true)
    }

    /// Reads the character after a backslash.
    pub(super) fn escape(&mut self, byte: u8, visitor: &mut dyn Visitor) -> Result<(), Error> {
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
            _ => return Err(Error::Syntax),
        };
        self.mode = Mode::Text;
        self.piece(&[means], visitor);
        Ok(())
    }

    /// Reads a digit of `\uXXXX`.
    pub(super) fn digit(&mut self, byte: u8, visitor: &mut dyn Visitor) -> Result<(), Error> {
        let Some(digit) = hex(byte) else { return Err(Error::Syntax) };
        self.unit = self.unit << 4 | u16::from(digit);
        self.count += 1;
        if self.count == 4 {
            self.mode = Mode::Text;
            if self.is_read {
                self.code_unit(self.unit, visitor);
            }
        }
        Ok(())
    }

    /// Adds the UTF-16 code unit of an escape.
    pub(super) fn code_unit(&mut self, unit: u16, visitor: &mut dyn Visitor) {
        let high = u32::from(self.high);
        let mut code = u32::from(unit);
        if high != 0 && unit & 0xfc00 == 0xdc00 {
            self.high = 0;
            code = 0x10000 + ((high & 0x3ff) << 10 | code & 0x3ff);
        }
        match char::from_u32(code) {
            Some(character) => self.piece(character.encode_utf8(&mut [0; 4]).as_bytes(), visitor),
            None if unit & 0xfc00 == 0xd800 => {
                self.lone(visitor);
                self.high = unit;
            }
            None => {
                self.lone(visitor);
                self.high = unit;
                self.lone(visitor);
            }
        }
    }

    /// Adds the waiting high surrogate, if there is one, as a surrogate without its other half.
    fn lone(&mut self, visitor: &mut dyn Visitor) {
        if core::mem::take(&mut self.high) != 0 && self.is_read {
            self.is_read = visitor.lone();
        }
    }

    /// Adds decoded text, in pieces that divide no UTF-8 sequence.
    fn piece(&mut self, piece: &[u8], visitor: &mut dyn Visitor) {
        self.lone(visitor);
        if self.is_read {
            self.is_read = visitor.piece(piece);
        }
    }

    /// Handles the closing quote.
    fn end(&mut self, visitor: &mut dyn Visitor) {
        self.mode = if self.is_key { Mode::Colon } else { Mode::After };
        self.lone(visitor);
        if !self.is_read {
            return;
        }
        if self.is_key {
            self.wanted = visitor.end_key();
        } else {
            self.stop = visitor.end_text();
        }
    }
}

/// Returns the value of a hexadecimal digit in either case.
fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
