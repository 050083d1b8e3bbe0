//! Undoes content codings as the bytes arrive: gzip, deflate, br, zstd, and stacks of up to three
//! of them.
//!
//! ```text
//! feed -> coded bytes, cut into blocks -> last coding -> ... -> first coding -> next: 64 KB pieces
//! ```
//!
//! Input: the value of `Content-Encoding`, and the coded body in chunks of any size. Output: the
//! decoded bytes, or the [`Reason`] why they are not certain. This module does not look at the
//! decoded content.
//!
//! Coded bytes are processed in blocks at fixed offsets of the body. So the output, its end and the
//! reason for a refusal do not depend on how the body arrives. Decoders differ on members,
//! trailers, checksums and bytes after the end. So every incomplete body is an error, and the
//! decoded bytes are the ones that are forwarded. [`limits`] has all bounds: the number of decoded
//! bytes, their ratio to the coded bytes (for each coding of a stack), windows, headers, members,
//! and the memory of all decoders that share a [`Memory`].
//!
//! ```
//! use portcullis::{Decoder, Memory};
//!
//! let mut decoder = Decoder::new("deflate", false, &Memory::default()).unwrap();
//! decoder.feed(&[0x78, 0x9c, 0x4b, 0x04, 0x00, 0x00, 0x62, 0x00, 0x62]);
//! decoder.end();
//! assert_eq!(decoder.next(), Ok(Some(b"a".as_slice())));
//! assert_eq!(decoder.next(), Ok(None));
//! ```

mod brotli;
mod inflate;
pub(crate) mod memory;
mod step;
#[cfg(test)]
#[expect(clippy::string_slice, reason = "tests")]
mod tests;
mod zstd;

use alloc::vec::Vec;

use self::brotli::Brotli;
use self::inflate::Inflate;
use self::memory::{Memory, Share};
use self::step::Step;
use self::zstd::Zstd;
use crate::limits;
use crate::reason::Reason;

/// Bytes of a piece of output, and of the buffer between two codings. The last piece may be
/// shorter.
const PIECE: usize = 64 << 10;
/// Bytes of a block of coded input.
const BLOCK: usize = 4 << 10;

/// A body that is being decoded.
pub struct Decoder {
    coded: Coded,
    /// The codings, in the order in which they are undone.
    links: Vec<Link>,
    piece: Vec<u8>,
    filled: usize,
    /// The piece was handed out.
    taken: bool,
    any: bool,
    failed: Option<Reason>,
    signed: bool,
}

/// Coded bytes that have arrived and are not decoded yet.
struct Coded {
    bytes: Vec<u8>,
    at: usize,
    /// Bytes that were handed to the first link.
    passed: u64,
    ended: bool,
}

/// One coding.
struct Link {
    stage: CodingStage,
    input: Vec<u8>,
    at: usize,
    produced: u64,
    ended: bool,
    share: Share,
}

enum CodingStage {
    Inflate(Inflate),
    Brotli(Brotli),
    Zstd(Zstd),
}

impl Decoder {
    /// Creates a decoder. `codings` are the lines of `Content-Encoding`, joined by commas, in the
    /// order in which the codings were applied.
    ///
    /// `signed`: a signature covers the coded body, so the coded body is forwarded. Then only input
    /// that every decoder reads alike is accepted: one coding, one member, no optional fields.
    ///
    /// # Errors
    ///
    /// [`Reason::ContentCoding`]: an unknown coding, or too many. [`Reason::Exhausted`]: no memory
    /// is left.
    pub fn new(codings: &str, signed: bool, memory: &Memory) -> Result<Self, Reason> {
        let mut links = Vec::new();
        for coding in codings.split(',') {
            let coding = coding.trim();
            if coding.is_empty() || coding.eq_ignore_ascii_case("identity") {
                continue;
            }
            if links.len() == if signed { 1 } else { limits::CODINGS } {
                return Err(Reason::ContentCoding);
            }
            links.push(Link::new(coding, signed, memory)?);
        }
        if links.is_empty() {
            return Err(Reason::ContentCoding);
        }
        links.reverse();
        let coded = Coded { bytes: Vec::new(), at: 0, passed: 0, ended: false };
        Ok(Self {
            coded,
            links,
            piece: alloc::vec![0; PIECE],
            filled: 0,
            taken: false,
            any: false,
            failed: None,
            signed,
        })
    }

    /// Takes the next coded bytes. Take all pieces from [`next`](Self::next) first, since undecoded
    /// bytes are kept in memory.
    pub fn feed(&mut self, bytes: &[u8]) {
        let coded = &mut self.coded;
        if self.failed.is_some() {
            return;
        }
        coded.bytes.drain(..coded.at);
        coded.at = 0;
        coded.bytes.extend_from_slice(bytes);
    }

    /// Declares that there are no more coded bytes.
    pub fn end(&mut self) {
        self.coded.ended = true;
    }

    /// Returns the next decoded piece. `None`: more coded bytes are needed or, after
    /// [`end`](Self::end), there are no more pieces.
    ///
    /// # Errors
    ///
    /// [`Reason::CodingBroken`]: damaged, incomplete, or followed by further bytes.
    /// [`Reason::ContentCoding`]: a dictionary, or a window beyond the bound.
    /// [`Reason::BodyTooLarge`]: too many bytes. [`Reason::Exhausted`]: no memory is left. Bytes
    /// decoded before the error are returned first.
    #[expect(clippy::should_implement_trait, reason = "it lends its pieces")]
    pub fn next(&mut self) -> Result<Option<&[u8]>, Reason> {
        if core::mem::take(&mut self.taken) {
            self.filled = 0;
        }
        let mut more = self.failed.is_none();
        while more && self.filled < PIECE {
            let room = self.piece.get_mut(self.filled..).unwrap_or_default();
            match pull(&mut self.links, &mut self.coded, room) {
                Ok(0) => more = false,
                Ok(count) => self.filled += count,
                Err(reason) => {
                    self.failed = Some(reason);
                    more = false;
                }
            }
        }
        if self.signed && self.coded.passed > limits::SIGNED_CODED_BYTES {
            self.failed = self.failed.or(Some(Reason::BodyTooLarge));
        }
        let over = self.failed.is_some() || self.is_over();
        if self.filled == PIECE || self.filled > 0 && over {
            self.any = true;
            self.taken = true;
            return Ok(self.piece.get(..self.filled));
        }
        if over && self.failed.is_none() {
            // Some servers treat a body that decodes to nothing as no body.
            if !self.any && self.coded.passed > 0 {
                self.failed = Some(Reason::CodingBroken);
            } else if self.signed && !self.links.iter().all(|link| link.stage.is_plain()) {
                self.failed = Some(Reason::ContentCoding);
            }
        }
        self.failed.map_or(Ok(None), Err)
    }

    fn is_over(&self) -> bool {
        self.links.last().is_some_and(|link| link.ended)
    }
}

impl Link {
    fn new(coding: &str, signed: bool, memory: &Memory) -> Result<Self, Reason> {
        let is = |known: &str| coding.eq_ignore_ascii_case(known);
        let (stage, least) = if is("gzip") || is("x-gzip") {
            (CodingStage::Inflate(Inflate::gzip()), limits::INFLATE_MEMORY)
        } else if is("deflate") {
            (CodingStage::Inflate(Inflate::deflate()), limits::INFLATE_MEMORY)
        // A brotli stream has neither a magic number nor a checksum, so it could be read as
        // something else.
        } else if is("br") && !signed {
            (CodingStage::Brotli(Brotli::new()), limits::BROTLI_MEMORY)
        } else if is("zstd") {
            (CodingStage::Zstd(Zstd::new()), limits::ZSTD_MEMORY)
        } else {
            return Err(Reason::ContentCoding);
        };
        let share = memory.share(least).ok_or(Reason::Exhausted)?;
        Ok(Self { stage, input: Vec::new(), at: 0, produced: 0, ended: false, share })
    }
}

impl Coded {
    /// Returns the next block, or at the end the remaining bytes. Empty: there is no block yet, or
    /// none any more.
    fn block(&mut self) -> &[u8] {
        let left = self.bytes.len() - self.at;
        let take = if self.ended { left.min(BLOCK) } else { left / BLOCK * BLOCK }.min(BLOCK);
        let from = self.at;
        self.at += take;
        self.passed += take as u64;
        self.bytes.get(from..self.at).unwrap_or_default()
    }

    fn is_over(&self) -> bool {
        self.ended && self.at == self.bytes.len()
    }

    /// Returns how many bytes the bytes passed so far may decode to.
    fn allowed(&self) -> u64 {
        (self.passed.saturating_mul(limits::DECODED_RATIO))
            .saturating_add(limits::DECODED_FREE)
            .min(limits::DECODED_BYTES)
    }
}

/// Fills `to` with output of the last link. Returns 0 if it needs more bytes or has ended.
fn pull(links: &mut [Link], coded: &mut Coded, to: &mut [u8]) -> Result<usize, Reason> {
    let Some((link, before)) = links.split_last_mut() else {
        return Ok(0);
    };
    while !link.ended {
        let step = link.stage.step(link.input.get(link.at..).unwrap_or_default(), to)?;
        link.at += step.consumed;
        link.produced += step.produced as u64;
        // Windows grow as they fill.
        if !link.share.covers(link.stage.window(link.produced)) {
            return Err(Reason::Exhausted);
        }
        if step.produced > 0 {
            if link.produced > coded.allowed() {
                return Err(Reason::BodyTooLarge);
            }
            return Ok(step.produced);
        }
        if step.consumed > 0 {
            continue;
        }
        if link.at < link.input.len() {
            // The coding accepts no more bytes, so these follow its end.
            return Err(Reason::CodingBroken);
        }
        link.at = 0;
        link.input.clear();
        let over = if before.is_empty() {
            link.input.extend_from_slice(coded.block());
            coded.is_over()
        } else {
            link.input.resize(PIECE, 0);
            let count = pull(before, coded, &mut link.input)?;
            link.input.truncate(count);
            before.last().is_some_and(|before| before.ended)
        };
        if link.input.is_empty() {
            if over {
                link.stage.end()?;
                link.ended = true;
            }
            return Ok(0);
        }
    }
    Ok(0)
}

impl CodingStage {
    fn step(&mut self, from: &[u8], to: &mut [u8]) -> Result<Step, Reason> {
        match self {
            Self::Inflate(stage) => stage.step(from, to),
            Self::Brotli(stage) => stage.step(from, to),
            Self::Zstd(stage) => stage.step(from, to),
        }
    }

    /// Returns an error if the coded bytes must not end here.
    fn end(&self) -> Result<(), Reason> {
        let whole = match self {
            Self::Inflate(stage) => stage.is_whole(),
            Self::Brotli(stage) => stage.is_whole(),
            Self::Zstd(stage) => stage.is_whole(),
        };
        if whole { Ok(()) } else { Err(Reason::CodingBroken) }
    }

    /// Returns how many decoded bytes the decoder keeps as its window after it has produced this
    /// many.
    fn window(&self, produced: u64) -> usize {
        match self {
            Self::Inflate(_) => 0,
            Self::Brotli(_) => {
                usize::try_from(produced).unwrap_or(usize::MAX).min(limits::BROTLI_WINDOW_BYTES)
            }
            Self::Zstd(stage) => stage.window(),
        }
    }

    /// Returns whether every decoder reads the input alike.
    fn is_plain(&self) -> bool {
        match self {
            Self::Inflate(stage) => stage.is_plain(),
            Self::Brotli(_) => false,
            Self::Zstd(stage) => stage.is_plain(),
        }
    }
}
