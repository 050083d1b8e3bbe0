//! gzip (RFC 1952) and deflate, which is zlib (RFC 1950) or, as many clients send it, raw (RFC
//! 1951).
//!
//! ```text
//! gzip      header body trailer, repeated
//! deflate   first two bytes are a zlib header   -> zlib, with its checksum verified
//!           else                                -> raw
//! ```
//!
//! No encoder writes a raw stream that begins like a zlib header: it would be a stored block whose
//! padding is not zero. Input: coded bytes. Output: decoded bytes. `miniz_oxide` decodes deflate
//! itself.

use alloc::boxed::Box;

use miniz_oxide::inflate::stream::{InflateState, MinReset, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

use super::step::Step;
use crate::limits;
use crate::reason::Reason;

/// A gzip or deflate stream.
pub(crate) struct Inflate {
    at: At,
    gzip: bool,
    state: Box<InflateState>,
    /// Checksum of the current member.
    crc: crc32fast::Hasher,
    length: u32,
    members: usize,
    /// The input so far is one member without optional fields, or zlib.
    plain: bool,
}

/// The position in the stream.
#[derive(Clone, Copy, Debug)]
enum At {
    /// Before the first member, or between two.
    Start,
    /// In the ten fixed bytes of a gzip header.
    Head {
        at: u8,
        flags: u8,
    },
    /// In an optional field. `left` is how many more header bytes are allowed.
    Field {
        field: Field,
        flags: u8,
        left: usize,
    },
    /// One byte of deflate was read.
    Sniffed(u8),
    /// Two bytes were read that belong to the body.
    Prefix {
        bytes: [u8; 2],
        at: usize,
    },
    Body,
    Trailer {
        bytes: [u8; 8],
        at: usize,
    },
    /// Nothing may follow.
    Over,
}

/// Optional fields, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    ExtraLow,
    ExtraHigh(u8),
    Extra(u16),
    Name,
    Comment,
    CrcLow,
    CrcHigh(u8),
}

/// Bits of a gzip header's flags.
const HAS_CRC: u8 = 2;
const HAS_EXTRA: u8 = 4;
const HAS_NAME: u8 = 8;
const HAS_COMMENT: u8 = 16;
const RESERVED: u8 = 0xe0;

impl Inflate {
    pub(crate) fn gzip() -> Self {
        Self::of(true)
    }

    pub(crate) fn deflate() -> Self {
        Self::of(false)
    }

    fn of(gzip: bool) -> Self {
        Self {
            at: At::Start,
            gzip,
            state: InflateState::new_boxed(DataFormat::Raw),
            crc: crc32fast::Hasher::new(),
            length: 0,
            members: 0,
            plain: true,
        }
    }

    pub(crate) fn step(&mut self, from: &[u8], to: &mut [u8]) -> Result<Step, Reason> {
        match self.at {
            At::Body => self.inflate(from, to),
            At::Prefix { bytes, at } => {
                let step = self.inflate(bytes.get(at..).unwrap_or_default(), to)?;
                if let At::Prefix { .. } = self.at {
                    let at = at + step.consumed;
                    self.at = if at == bytes.len() { At::Body } else { At::Prefix { bytes, at } };
                } else if at + step.consumed < bytes.len() {
                    // The body ended within its first byte, so the second one follows the end.
                    return Err(Reason::CodingBroken);
                }
                if step.produced > 0 || from.is_empty() || !matches!(self.at, At::Body) {
                    return Ok(Step { consumed: 0, ..step });
                }
                self.inflate(from, to)
            }
            _ => {
                let Some(&byte) = from.first() else { return Ok(Step::default()) };
                if let At::Over = self.at {
                    return Ok(Step::default());
                }
                self.at = self.frame(byte)?;
                Ok(Step { consumed: 1, produced: 0 })
            }
        }
    }

    pub(crate) fn is_whole(&self) -> bool {
        match self.at {
            At::Start => self.members > 0,
            At::Over => true,
            _ => false,
        }
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.plain
    }

    /// Takes one byte that is not compressed data.
    fn frame(&mut self, byte: u8) -> Result<At, Reason> {
        match self.at {
            At::Start if self.gzip => {
                self.plain &= self.members == 0;
                self.members += 1;
                if byte != 0x1f || self.members > limits::CODED_MEMBERS {
                    return Err(Reason::CodingBroken);
                }
                self.state.reset_as(MinReset);
                self.crc = crc32fast::Hasher::new();
                self.crc.update(&[byte]);
                self.length = 0;
                Ok(At::Head { at: 1, flags: 0 })
            }
            At::Start => Ok(At::Sniffed(byte)),
            At::Sniffed(first) => {
                if first & 0x0f != 8
                    || first >> 4 > 7
                    || !u16::from_be_bytes([first, byte]).is_multiple_of(31)
                {
                    self.plain = false;
                } else if byte & 0x20 != 0 {
                    // A preset dictionary, which only sender and receiver know.
                    return Err(Reason::ContentCoding);
                } else {
                    self.state = InflateState::new_boxed(DataFormat::Zlib);
                }
                Ok(At::Prefix { bytes: [first, byte], at: 0 })
            }
            At::Head { at, flags } => {
                self.crc.update(&[byte]);
                let flags = if at == 3 { byte } else { flags };
                let right = match at {
                    1 => byte == 0x8b,
                    2 => byte == 8,
                    3 => byte & RESERVED == 0,
                    _ => true,
                };
                if !right {
                    return Err(Reason::CodingBroken);
                }
                if at < 9 {
                    return Ok(At::Head { at: at + 1, flags });
                }
                self.plain &= flags == 0;
                Ok(self.field(HAS_EXTRA, flags, limits::GZIP_HEADER_BYTES))
            }
            At::Field { field, flags, left } => {
                let left = left.checked_sub(1).ok_or(Reason::CodingBroken)?;
                let again = |field| Ok(At::Field { field, flags, left });
                if !matches!(field, Field::CrcLow | Field::CrcHigh(_)) {
                    self.crc.update(&[byte]);
                }
                match field {
                    Field::ExtraLow => again(Field::ExtraHigh(byte)),
                    Field::ExtraHigh(low) => match u16::from_le_bytes([low, byte]) {
                        0 => Ok(self.field(HAS_NAME, flags, left)),
                        length => again(Field::Extra(length)),
                    },
                    Field::Extra(1) => Ok(self.field(HAS_NAME, flags, left)),
                    Field::Extra(length) => again(Field::Extra(length - 1)),
                    Field::Name if byte == 0 => Ok(self.field(HAS_COMMENT, flags, left)),
                    Field::Comment if byte == 0 => Ok(self.field(HAS_CRC, flags, left)),
                    Field::Name | Field::Comment => again(field),
                    Field::CrcLow => again(Field::CrcHigh(byte)),
                    Field::CrcHigh(low) => {
                        let [first, second, ..] = self.crc.clone().finalize().to_le_bytes();
                        if [low, byte] == [first, second] {
                            Ok(self.body())
                        } else {
                            Err(Reason::CodingBroken)
                        }
                    }
                }
            }
            At::Trailer { mut bytes, at } => {
                if let Some(slot) = bytes.get_mut(at) {
                    *slot = byte;
                }
                if at + 1 < bytes.len() {
                    return Ok(At::Trailer { bytes, at: at + 1 });
                }
                let right = u64::from(self.length) << 32 | u64::from(self.crc.clone().finalize());
                if u64::from_le_bytes(bytes) == right {
                    Ok(At::Start)
                } else {
                    Err(Reason::CodingBroken)
                }
            }
            at => Ok(at),
        }
    }

    /// Returns the first optional field from `from` on that the flags announce, or the body.
    fn field(&mut self, from: u8, flags: u8, left: usize) -> At {
        let next = |field| At::Field { field, flags, left };
        match from {
            HAS_EXTRA if flags & HAS_EXTRA != 0 => next(Field::ExtraLow),
            HAS_EXTRA => self.field(HAS_NAME, flags, left),
            HAS_NAME if flags & HAS_NAME != 0 => next(Field::Name),
            HAS_NAME => self.field(HAS_COMMENT, flags, left),
            HAS_COMMENT if flags & HAS_COMMENT != 0 => next(Field::Comment),
            HAS_COMMENT => self.field(HAS_CRC, flags, left),
            _ if flags & HAS_CRC != 0 => next(Field::CrcLow),
            _ => self.body(),
        }
    }

    fn body(&mut self) -> At {
        self.crc = crc32fast::Hasher::new();
        At::Body
    }

    fn inflate(&mut self, from: &[u8], to: &mut [u8]) -> Result<Step, Reason> {
        let result = inflate(&mut self.state, from, to, MZFlush::None);
        let step = Step { consumed: result.bytes_consumed, produced: result.bytes_written };
        match result.status {
            // No more input, or no more room.
            Ok(MZStatus::Ok) | Err(MZError::Buf) => {}
            Ok(MZStatus::StreamEnd) => {
                self.at = if self.gzip { At::Trailer { bytes: [0; 8], at: 0 } } else { At::Over }
            }
            _ => return Err(Reason::CodingBroken),
        }
        if self.gzip {
            self.crc.update(to.get(..step.produced).unwrap_or_default());
            // Modulo 2^32, as in the trailer.
            self.length =
                self.length.wrapping_add(u32::try_from(step.produced).unwrap_or_default());
        }
        Ok(step)
    }
}
