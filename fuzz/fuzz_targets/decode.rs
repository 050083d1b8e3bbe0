//! Any bytes decode or fail, with the same result wherever they are cut, and within the bound on
//! decoded bytes.
//!
//! Input: a byte that chooses the codings, a byte for the size of the chunks, then the coded body.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::{Decoder, Memory, Reason, limits};

const CODINGS: [&str; 8] = ["gzip", "deflate", "br", "zstd", "gzip,zstd", "br,deflate", "zstd,br,gzip", "deflate,gzip"];

fn decode(codings: &str, signed: bool, body: &[u8], size: usize) -> (Vec<u8>, Option<Reason>) {
    let mut all = Vec::new();
    let result = (|| {
        let mut decoder = Decoder::new(codings, signed, &Memory::default())?;
        for piece in body.chunks(size).map(Some).chain([None]) {
            match piece {
                Some(piece) => decoder.feed(piece),
                None => decoder.end(),
            }
            while let Some(piece) = decoder.next()? {
                all.extend_from_slice(piece);
            }
        }
        Ok(())
    })();
    (all, result.err())
}

fuzz_target!(|input: &[u8]| {
    let [choice, size, body @ ..] = input else { return };
    let codings = CODINGS[usize::from(*choice) % CODINGS.len()];
    let (all, failed) = decode(codings, false, body, usize::MAX);
    assert!(all.len() as u64 <= limits::DECODED_FREE + body.len() as u64 * limits::DECODED_RATIO);
    assert!(failed.is_some() || !all.is_empty() || body.is_empty());
    assert!(decode(codings, false, body, usize::from(*size) + 1) == (all.clone(), failed), "{codings}");
    let (signed, refused) = decode(codings, true, body, usize::MAX);
    assert!(refused.is_some() || signed == all && failed.is_none(), "{codings}");
});
