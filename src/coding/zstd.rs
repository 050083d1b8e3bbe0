//! zstd (RFC 8878): a sequence of frames, with skippable frames between them.
//!
//! ```text
//! magic -> header -> block -> block ... -> checksum -> magic
//!       -> length -> skipped                        -> magic
//! ```
//!
//! Input: coded bytes. Output: decoded bytes. This module reads the framing, so that bounds are
//! checked before anything is allocated. `ruzstd` decodes the blocks, one whole block for each
//! call. Dictionaries are an error, since only sender and receiver know them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::io::Read;

use super::step::Step;
use crate::limits;
use crate::reason::Reason;

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Maximum bytes of a block (RFC 8878, section 3.1.1.2.4).
const BLOCK_BYTES: usize = 128 << 10;

/// A zstd stream.
pub(crate) struct Zstd {
    decoder: Box<FrameDecoder>,
    at: At,
    /// Bytes of the current part, until it is complete.
    held: Vec<u8>,
    /// The largest window that any frame can have filled so far.
    window: usize,
    /// The window of this frame, and the number of its blocks so far.
    frame_window: usize,
    blocks: usize,
    checksum: bool,
    /// The content size that the frame declares, and the bytes produced so far.
    declared: Option<u64>,
    produced: u64,
    frames: usize,
    members: usize,
}

/// The current part, and how many bytes of it are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Magic,
    SkippedLength,
    Skipped(usize),
    Descriptor,
    Header(usize),
    BlockHeader,
    Block {
        bytes: usize,
        last: bool,
    },
    /// The output of a block is being taken.
    Output {
        last: bool,
    },
}

impl Zstd {
    pub(crate) fn new() -> Self {
        let mut decoder = Box::new(FrameDecoder::new());
        decoder.set_max_window_size(limits::ZSTD_WINDOW_BYTES as u64);
        Self {
            decoder,
            at: At::Magic,
            held: Vec::new(),
            window: 0,
            frame_window: 0,
            blocks: 0,
            checksum: false,
            declared: None,
            produced: 0,
            frames: 0,
            members: 0,
        }
    }

    pub(crate) fn step(&mut self, from: &[u8], to: &mut [u8]) -> Result<Step, Reason> {
        let mut rest = from;
        loop {
            let wanted = match self.at {
                At::Output { last } => {
                    let produced = self.output(last, to)?;
                    if produced > 0 || to.is_empty() {
                        return Ok(Step { consumed: from.len() - rest.len(), produced });
                    }
                    continue;
                }
                At::Skipped(left) => left,
                At::Magic | At::SkippedLength => 4,
                At::Descriptor => 5,
                At::Header(bytes) | At::Block { bytes, .. } => bytes,
                At::BlockHeader => 3,
            };
            let (taken, after) =
                rest.split_at(wanted.saturating_sub(self.held.len()).min(rest.len()));
            rest = after;
            if let At::Skipped(left) = self.at {
                self.at =
                    if taken.len() == left { At::Magic } else { At::Skipped(left - taken.len()) };
            } else {
                self.held.extend_from_slice(taken);
                if self.held.len() == wanted {
                    self.at = self.read()?;
                    continue;
                }
            }
            if rest.is_empty() {
                return Ok(Step { consumed: from.len(), produced: 0 });
            }
        }
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.at == At::Magic && self.held.is_empty() && self.frames > 0
    }

    pub(crate) fn window(&self) -> usize {
        self.window
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.members == 1
    }

    /// Processes the held bytes of a complete part.
    fn read(&mut self) -> Result<At, Reason> {
        let held = self.held.as_slice();
        match self.at {
            At::Magic => {
                self.members += 1;
                if self.members > limits::CODED_MEMBERS {
                    return Err(Reason::CodingBroken);
                }
                if held == MAGIC {
                    self.frames += 1;
                    return Ok(At::Descriptor);
                }
                let skippable = held.first().is_some_and(|first| first & 0xf0 == 0x50)
                    && held.get(1..) == Some(&[0x2a, 0x4d, 0x18]);
                self.held.clear();
                if skippable { Ok(At::SkippedLength) } else { Err(Reason::CodingBroken) }
            }
            At::SkippedLength => {
                let length = usize::try_from(number(held)).unwrap_or(usize::MAX);
                self.held.clear();
                Ok(if length == 0 { At::Magic } else { At::Skipped(length) })
            }
            At::Descriptor => {
                let descriptor = held.last().copied().unwrap_or_default();
                // Bit 3 is reserved. Bit 4 is unused, and all decoders ignore it.
                if descriptor & 8 != 0 {
                    return Err(Reason::CodingBroken);
                }
                self.checksum = descriptor & 4 != 0;
                Ok(At::Header(
                    5 + window_bytes(descriptor)
                        + dictionary_bytes(descriptor)
                        + size_bytes(descriptor),
                ))
            }
            At::Header(_) => {
                self.header()?;
                let mut held = self.held.as_slice();
                self.decoder.reset(&mut held).map_err(|_| Reason::CodingBroken)?;
                self.held.clear();
                Ok(At::BlockHeader)
            }
            At::BlockHeader => {
                let header = number(held);
                let size = usize::try_from(header >> 3).unwrap_or(usize::MAX);
                let last = header & 1 != 0;
                if size > BLOCK_BYTES {
                    return Err(Reason::CodingBroken);
                }
                let body = match header >> 1 & 3 {
                    0 | 2 => size,
                    1 => 1,
                    _ => return Err(Reason::CodingBroken),
                };
                let bytes = 3 + body + if last && self.checksum { 4 } else { 0 };
                Ok(At::Block { bytes, last })
            }
            At::Block { last, .. } => {
                self.blocks += 1;
                self.window =
                    self.window.max(self.blocks.saturating_mul(BLOCK_BYTES).min(self.frame_window));
                let decoded =
                    self.decoder.decode_blocks(held, BlockDecodingStrategy::UptoBlocks(1));
                self.held.clear();
                decoded.map_err(|_| Reason::CodingBroken)?;
                Ok(At::Output { last })
            }
            at @ (At::Skipped(_) | At::Output { .. }) => Ok(at),
        }
    }

    /// Checks the fields of a header: magic, descriptor, window, dictionary, size.
    fn header(&mut self) -> Result<(), Reason> {
        let held = self.held.as_slice();
        let descriptor = held.get(4).copied().unwrap_or_default();
        let window = held.get(5).copied().unwrap_or_default();
        let at = 5 + window_bytes(descriptor);
        let dictionary = held.get(at..at + dictionary_bytes(descriptor)).unwrap_or_default();
        if dictionary.iter().any(|byte| *byte != 0) {
            return Err(Reason::ContentCoding);
        }
        let size = held.get(at + dictionary.len()..).unwrap_or_default();
        self.produced = 0;
        self.declared = match size.len() {
            0 => None,
            2 => Some(number(size) + 256),
            _ => Some(number(size)),
        };
        let bytes = if window_bytes(descriptor) == 0 {
            self.declared.unwrap_or_default()
        } else {
            let base = 1u64 << (10 + (window >> 3));
            base + base / 8 * u64::from(window & 7)
        };
        if bytes > limits::ZSTD_WINDOW_BYTES as u64 {
            return Err(Reason::ContentCoding);
        }
        self.frame_window = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.blocks = 0;
        Ok(())
    }

    /// Takes output of the last block. Returns 0 if there is no more, or no room.
    fn output(&mut self, last: bool, to: &mut [u8]) -> Result<usize, Reason> {
        let produced = self.decoder.read(to).map_err(|_| Reason::CodingBroken)?;
        self.produced += produced as u64;
        if produced == 0 && !to.is_empty() {
            self.at = if last { At::Magic } else { At::BlockHeader };
            if last {
                self.check()?;
            }
        }
        Ok(produced)
    }

    /// Checks checksum and size at the end of a frame.
    fn check(&self) -> Result<(), Reason> {
        let right = !self.checksum
            || self.decoder.get_checksum_from_data() == self.decoder.get_calculated_checksum();
        if right && self.declared.is_none_or(|declared| declared == self.produced) {
            Ok(())
        } else {
            Err(Reason::CodingBroken)
        }
    }
}

fn window_bytes(descriptor: u8) -> usize {
    usize::from(descriptor & 0x20 == 0)
}

fn dictionary_bytes(descriptor: u8) -> usize {
    match descriptor & 3 {
        3 => 4,
        bytes => usize::from(bytes),
    }
}

fn size_bytes(descriptor: u8) -> usize {
    match descriptor >> 6 {
        0 => usize::from(descriptor & 0x20 != 0),
        power => 1 << power,
    }
}

/// Reads a little-endian number of up to eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
