//! br (RFC 7932): one stream, without a checksum. Nothing may follow it.
//!
//! Input: coded bytes. Output: decoded bytes. `brotli-decompressor` decodes the format. It is
//! restricted to the standard's windows of at most 16 MB, and allocates them as they fill.

use alloc::boxed::Box;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::step::Step;
use crate::reason::Reason;

type DecoderState = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

/// A br stream.
pub(crate) struct Brotli {
    state: Box<DecoderState>,
    started: bool,
    over: bool,
}

impl Brotli {
    pub(crate) fn new() -> Self {
        let alloc = StandardAlloc::default;
        Self {
            state: Box::new(DecoderState::new_strict(alloc(), alloc(), alloc())),
            started: false,
            over: false,
        }
    }

    pub(crate) fn step(&mut self, from: &[u8], to: &mut [u8]) -> Result<Step, Reason> {
        if self.over {
            return Ok(Step::default());
        }
        if !self.started {
            match from.first() {
                None => return Ok(Step::default()),
                // "Large window" brotli is another format under the same name.
                Some(first) if first & 0x7f == 0x11 => return Err(Reason::ContentCoding),
                Some(_) => self.started = true,
            }
        }
        let (mut left, mut consumed, mut room, mut produced, mut total) =
            (from.len(), 0, to.len(), 0, 0);
        let state = &mut self.state;
        match BrotliDecompressStream(
            &mut left,
            &mut consumed,
            from,
            &mut room,
            &mut produced,
            to,
            &mut total,
            state,
        ) {
            BrotliResult::ResultSuccess => self.over = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultFailure => return Err(Reason::CodingBroken),
        }
        Ok(Step { consumed, produced })
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.over
    }
}
