//! Numbers and the literals `true`, `false` and `null` (RFC 8259, sections 3 and 6).

use super::{Error, Mode, Reader};

impl Reader {
    /// Reads a value as far as the bytes go. `byte` is its first byte, which may begin one, and `at`
    /// the index of the next byte.
    pub(super) fn scalar(&mut self, bytes: &[u8], mut at: usize, byte: u8) -> Result<usize, Error> {
        self.mode = match byte {
            b't' => self.begin_literal(*b"rue\0"),
            b'f' => self.begin_literal(*b"alse"),
            b'n' => self.begin_literal(*b"ull\0"),
            b'-' => Mode::Minus,
            b'0' => Mode::Zero,
            _ => Mode::Integer,
        };
        while self.mode == Mode::Literal {
            let Some(&byte) = bytes.get(at) else { return Ok(at) };
            at = self.literal(at, byte)?;
        }
        if self.mode == Mode::After { Ok(at) } else { self.number(bytes, at) }
    }

    fn begin_literal(&mut self, rest: [u8; 4]) -> Mode {
        self.rest = rest;
        self.count = 0;
        Mode::Literal
    }

    pub(super) fn literal(&mut self, at: usize, byte: u8) -> Result<usize, Error> {
        if self.rest.get(self.count) != Some(&byte) {
            return Err(Error::Syntax);
        }
        self.count += 1;
        if matches!(self.rest.get(self.count), None | Some(0)) {
            self.mode = Mode::After;
        }
        Ok(at + 1)
    }

    /// Reads a number up to the byte that ends it.
    pub(super) fn number(&mut self, bytes: &[u8], mut at: usize) -> Result<usize, Error> {
        let mut mode = self.mode;
        while let Some(&byte) = bytes.get(at) {
            mode = match (mode, byte) {
                (Mode::Integer | Mode::Minus, b'1'..=b'9') | (Mode::Integer, b'0') => Mode::Integer,
                (Mode::Minus, b'0') => Mode::Zero,
                (Mode::Point | Mode::Fraction, b'0'..=b'9') => Mode::Fraction,
                (Mode::E | Mode::Sign | Mode::Exponent, b'0'..=b'9') => Mode::Exponent,
                (Mode::Integer | Mode::Zero, b'.') => Mode::Point,
                (Mode::Integer | Mode::Zero | Mode::Fraction, b'e' | b'E') => Mode::E,
                (Mode::E, b'+' | b'-') => Mode::Sign,
                (Mode::Integer | Mode::Zero | Mode::Fraction | Mode::Exponent, _) => {
                    mode = Mode::After;
                    break;
                }
                _ => return Err(Error::Syntax),
            };
            at += 1;
        }
        self.mode = mode;
        Ok(at)
    }
}
