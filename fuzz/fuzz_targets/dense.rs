//! What is told of a document, and whether it is one, does not depend on whether blocks of it are
//! passed over at once: a reader that gets one byte at a time passes over nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_scan::json::{Begun, Error, Reader, Visitor};

/// Wants the values of keys that begin with a letter before `m`, and all elements of some lists.
#[derive(Default)]
struct Notes {
    told: Vec<u8>,
    elements: Vec<bool>,
}

impl Visitor for Notes {
    fn short_key(&mut self, _: [u64; 2], text: &[u8]) -> bool {
        self.begin_key();
        self.told.extend_from_slice(text);
        self.end_key()
    }
    fn begin_key(&mut self) {
        self.told.push(b'<');
    }
    fn end_key(&mut self) -> bool {
        let begin = self.told.iter().rposition(|&byte| byte == b'<').unwrap();
        self.told.push(b'>');
        self.told[begin + 1] < b'm'
    }
    fn element(&mut self) -> bool {
        self.elements.last() == Some(&true)
    }
    fn begin_text(&mut self) -> Begun {
        self.told.push(b'"');
        Begun::Wanted
    }
    fn piece(&mut self, piece: &[u8]) -> bool {
        self.told.extend_from_slice(piece);
        true
    }
    fn lone(&mut self) -> bool {
        self.told.push(0xff);
        true
    }
    fn end_text(&mut self) -> bool {
        self.told.push(b'"');
        false
    }
    fn scalar(&mut self) {
        // Of a row of integers only the first may be told.
        if self.told.last() != Some(&b'1') {
            self.told.push(b'1');
        }
    }
    fn open(&mut self, object: bool) -> Begun {
        self.elements.push(self.told.len() % 2 == 1);
        self.told.push(if object { b'{' } else { b'[' });
        Begun::Wanted
    }
    fn close(&mut self) -> bool {
        self.told.push(b'}');
        self.elements.pop();
        false
    }
}

/// Returns whether these pieces are a document, and what is told of it.
fn read<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
    kind: u8,
) -> Result<(bool, Vec<u8>), Error> {
    let (mut reader, mut notes) = (Reader::new(kind & 1 != 0), Notes::default());
    reader.set_single_byte(kind & 2 != 0);
    for piece in pieces {
        assert_eq!(reader.read(piece, &mut notes)?, piece.len());
    }
    Ok((reader.may_end(), notes.told))
}

fuzz_target!(|input: &[u8]| {
    let [kind, cut, body @ ..] = input else { return };
    // Blanks follow, so that the last block is a whole one.
    let bytes = [body, &[b' '; 64]].concat();
    let (front, back) = bytes.split_at(usize::from(*cut) * 4 % bytes.len());
    let simple = read(bytes.chunks(1), *kind);
    assert_eq!(read([&*bytes].into_iter(), *kind), simple);
    assert_eq!(read([front, back].into_iter(), *kind), simple);
});
