//! Amazon's event stream (`application/vnd.amazon.eventstream`).
//!
//! ```text
//! total length u32 | headers length u32 | CRC of these | headers | payload | CRC of all before
//! ```
//!
//! Input: chunks, cut anywhere; numbers are big-endian. Output: the payload of each frame as a
//! document, and the ends of frames. Both checksums are verified: if reader and client disagreed on
//! a length, everything after it would be uncertain. Headers are skipped (Smithy, "Event stream
//! specification").

use alloc::vec::Vec;

use super::document::Document;
use super::watch::Watch;
use crate::bundle::view::Bundle;
use crate::limits;
use crate::reason::Reason;

const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;

/// An event stream that is being read.
pub(crate) struct Frames {
    document: Document,
    /// The prelude, then the checksum at the end.
    fixed: [u8; PRELUDE],
    count: usize,
    /// Bytes of headers and of payload that are still to come.
    headers: usize,
    payload: usize,
    crc: u32,
    failed: bool,
}

impl Frames {
    pub(crate) fn new(states: &[u32]) -> Self {
        let document = Document::new(states);
        Self {
            document,
            fixed: [0; PRELUDE],
            count: 0,
            headers: 0,
            payload: 0,
            crc: !0,
            failed: false,
        }
    }

    /// Reads a piece that follows `at` held bytes.
    pub(crate) fn feed(
        &mut self,
        bundle: Bundle<'_>,
        mut bytes: &[u8],
        mut at: usize,
        watch: &mut Watch,
    ) {
        while !bytes.is_empty() && watch.cut.is_none() {
            let wanted = match (self.count < PRELUDE, self.headers, self.payload) {
                _ if self.failed => bytes.len(),
                (true, ..) => PRELUDE - self.count,
                (_, 0, 0) => PRELUDE + CHECKSUM - self.count,
                (_, 0, payload) => payload,
                (_, headers, _) => headers,
            };
            let (piece, rest) = bytes.split_at_checked(wanted).unwrap_or((bytes, &[]));
            bytes = rest;
            at += piece.len();
            if self.failed {
                watch.unit(at, Some(Reason::AnswerUnreadable));
            } else if self.headers + self.payload == 0 || self.count < PRELUDE {
                self.fixed(bundle, piece, at, watch);
            } else {
                self.crc = crc(self.crc, piece);
                if self.headers > 0 {
                    self.headers -= piece.len();
                } else {
                    self.payload -= piece.len();
                    self.document.feed(bundle, piece, &mut watch.findings);
                }
            }
        }
        if watch.cut.is_none() && watch.findings.any_of(&watch.denied) {
            watch.judge();
        }
    }

    /// Takes bytes of the prelude, or of the checksum after the payload.
    fn fixed(&mut self, bundle: Bundle<'_>, piece: &[u8], at: usize, watch: &mut Watch) {
        for &byte in piece {
            if let Some(slot) = self.fixed.get_mut(self.count % PRELUDE) {
                *slot = byte;
            }
            self.count += 1;
        }
        if self.count == PRELUDE {
            let (total, headers) = (self.number(0), self.number(4));
            self.crc = crc(!0, self.fixed.get(..8).unwrap_or_default());
            let payload =
                total.checked_sub(PRELUDE + CHECKSUM).and_then(|rest| rest.checked_sub(headers));
            match payload
                .filter(|_| !self.crc == self.checksum(8) && total <= limits::RESPONSE_FRAME_BYTES)
            {
                Some(payload) => (self.headers, self.payload) = (headers, payload),
                None => self.fail(at, watch),
            }
            self.crc = crc(self.crc, self.fixed.get(8..).unwrap_or_default());
        } else if self.count == PRELUDE + CHECKSUM {
            self.count = 0;
            if !self.crc != self.checksum(0) {
                self.fail(at, watch);
                return;
            }
            let trouble = self.document.end(bundle, &mut watch.findings);
            watch.unit(at, trouble);
        }
    }

    fn fail(&mut self, at: usize, watch: &mut Watch) {
        self.failed = true;
        watch.unit(at, Some(Reason::AnswerUnreadable));
    }

    pub(crate) fn finish(&mut self, watch: &mut Watch) {
        let whole = self.count == 0 && !self.failed;
        watch.unit(watch.held, (!whole).then_some(Reason::AnswerUnreadable));
    }

    fn checksum(&self, at: usize) -> u32 {
        self.fixed
            .get(at..)
            .and_then(<[u8]>::first_chunk)
            .map_or(0, |bytes| u32::from_be_bytes(*bytes))
    }

    fn number(&self, at: usize) -> usize {
        usize::try_from(self.checksum(at)).unwrap_or(usize::MAX)
    }
}

/// Computes the CRC-32 of gzip, four bits at a time. A table of 16 words is fast enough for a
/// stream that arrives at reading speed.
fn crc(mut crc: u32, bytes: &[u8]) -> u32 {
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..2 {
            crc = crc >> 4 ^ NIBBLES.get(crc as usize & 15).copied().unwrap_or_default();
        }
    }
    crc
}

const NIBBLES: [u32; 16] = {
    let mut table = [0u32; 16];
    let mut index = 0u32;
    while index < 16 {
        let mut value = index;
        let mut bit = 0;
        while bit < 4 {
            value = if value & 1 == 0 { value >> 1 } else { value >> 1 ^ 0xedb8_8320 };
            bit += 1;
        }
        #[expect(clippy::indexing_slicing, reason = "checked by the compiler: it runs there")]
        {
            table[index as usize] = value;
        }
        index += 1;
    }
    table
};

/// Headers of an exception. Each has a name after its length, type 7 (text), and the text after its
/// length in two bytes.
const EXCEPTION: &[u8] = b"\x0d:message-type\x07\0\x09exception\x0f:exception-type\x07\0\x13validationException\x0d:content-type\x07\0\x10application/json";

/// Builds an exception frame. The SDKs know `validationException` in every stream. They throw other
/// exceptions as untyped errors, with the message of the payload.
pub(crate) fn exception(body: &str) -> Vec<u8> {
    let total = PRELUDE + EXCEPTION.len() + body.len() + CHECKSUM;
    let mut frame = Vec::with_capacity(total);
    for length in [total, EXCEPTION.len()] {
        frame.extend_from_slice(&u32::try_from(length).unwrap_or_default().to_be_bytes());
    }
    frame.extend_from_slice(&(!crc(!0, &frame)).to_be_bytes());
    frame.extend_from_slice(EXCEPTION);
    frame.extend_from_slice(body.as_bytes());
    frame.extend_from_slice(&(!crc(!0, &frame)).to_be_bytes());
    frame
}
