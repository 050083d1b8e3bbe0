//! The module that undoes content codings, loaded when the first coded body comes.
//!
//! Input: codings and coded bytes. Output: pieces of decoded bytes. Numbers for reasons are those of `Reason::CODING`, from 1.

use alloc::vec::Vec;

use wasm_bindgen::prelude::*;

use crate::coding;
use crate::reason::Reason;

/// What all decoders of an instance share.
#[wasm_bindgen]
#[derive(Default)]
pub struct Decoders(coding::memory::Memory);

/// A body being decoded.
#[wasm_bindgen]
pub struct Decoder {
    decoder: Option<coding::Decoder>,
    trouble: usize,
}

/// Nothing to start; but the glue calls it in every instance that replaces one that trapped, and fails if it is not there.
#[wasm_bindgen(start)]
fn start() {}

#[wasm_bindgen]
impl Decoders {
    /// No decoder is open.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// A decoder for these codings, with commas between, in the order in which they were applied. `signed`: the body goes on as it came.
    pub fn open(&self, codings: &str, signed: bool) -> Decoder {
        match coding::Decoder::new(codings, signed, &self.0) {
            Ok(decoder) => Decoder { decoder: Some(decoder), trouble: 0 },
            Err(reason) => Decoder { decoder: None, trouble: number(reason) },
        }
    }
}

#[wasm_bindgen]
impl Decoder {
    /// Takes the next coded bytes; what `next` gives must be taken before.
    pub fn feed(&mut self, bytes: &[u8]) {
        if let Some(decoder) = &mut self.decoder {
            decoder.feed(bytes);
        }
    }

    /// There are no more coded bytes.
    pub fn end(&mut self) {
        if let Some(decoder) = &mut self.decoder {
            decoder.end();
        }
    }

    /// The next decoded piece; `undefined` if it needs more bytes, was all, or failed.
    pub fn next(&mut self) -> Option<Vec<u8>> {
        match self.decoder.as_mut()?.next() {
            Ok(piece) => piece.map(<[u8]>::to_vec),
            Err(reason) => {
                self.trouble = number(reason);
                None
            }
        }
    }

    /// Why it failed; 0: it did not.
    pub fn trouble(&self) -> usize {
        self.trouble
    }
}

fn number(reason: Reason) -> usize {
    1 + Reason::CODING.iter().position(|known| *known == reason).unwrap_or_default()
}
