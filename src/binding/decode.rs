//! The wasm module that undoes content codings. It is loaded when the first coded body arrives.
//!
//! Input: codings and coded bytes. Output: pieces of decoded bytes. A reason is reported by its
//! position in `Reason::CODING`, counted from 1.

use alloc::vec::Vec;

use wasm_bindgen::prelude::*;

use crate::coding;
use crate::reason::Reason;

/// The memory that all decoders of an instance share.
#[wasm_bindgen]
#[derive(Default)]
pub struct Decoders(coding::memory::Memory);

/// A body that is being decoded.
#[wasm_bindgen]
pub struct Decoder {
    decoder: Option<coding::Decoder>,
    trouble: usize,
}

/// Does nothing. The generated glue calls it in every instance that replaces a trapped one, and
/// fails if it does not exist.
#[wasm_bindgen(start)]
fn start() {}

#[wasm_bindgen]
impl Decoders {
    /// Creates the shared memory, with all of it free.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a decoder for these codings, separated by commas, in the order in which they were
    /// applied. `signed`: the coded body is forwarded unchanged.
    pub fn open(&self, codings: &str, signed: bool) -> Decoder {
        match coding::Decoder::new(codings, signed, &self.0) {
            Ok(decoder) => Decoder { decoder: Some(decoder), trouble: 0 },
            Err(reason) => Decoder { decoder: None, trouble: number(reason) },
        }
    }
}

#[wasm_bindgen]
impl Decoder {
    /// Takes the next coded bytes. Take all pieces from `next` first.
    pub fn feed(&mut self, bytes: &[u8]) {
        if let Some(decoder) = &mut self.decoder {
            decoder.feed(bytes);
        }
    }

    /// Declares that there are no more coded bytes.
    pub fn end(&mut self) {
        if let Some(decoder) = &mut self.decoder {
            decoder.end();
        }
    }

    /// Returns the next decoded piece. `undefined`: it needs more bytes, has ended, or has failed.
    pub fn next(&mut self) -> Option<Vec<u8>> {
        match self.decoder.as_mut()?.next() {
            Ok(piece) => piece.map(<[u8]>::to_vec),
            Err(reason) => {
                self.trouble = number(reason);
                None
            }
        }
    }

    /// Returns the number of the reason why it failed; 0: it has not failed.
    pub fn trouble(&self) -> usize {
        self.trouble
    }
}

fn number(reason: Reason) -> usize {
    1 + Reason::CODING.iter().position(|known| *known == reason).unwrap_or_default()
}
