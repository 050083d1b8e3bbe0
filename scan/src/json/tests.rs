//! Random documents, whole and damaged, wanted and not, beside serde_json and in all pieces. The
//! tests run in wasm, too, where the vector code is another one than natively.

use super::*;
use std::string::String;
use std::vec::Vec;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Wants the values of keys that begin with one of these letters, and all elements or none. Writes
/// down what it is told.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Notes {
    pub(super) letters: &'static str,
    pub(super) elements: bool,
    pub(super) told: Vec<String>,
    pub(super) text: Vec<u8>,
}

impl Notes {
    fn wants(&self, key: &[u8]) -> bool {
        key.first().is_some_and(|letter| self.letters.as_bytes().contains(letter))
    }

    fn tell(&mut self, what: &str) {
        self.told.push(format!("{what} {}", String::from_utf8_lossy(&self.text)));
        self.text.clear();
    }
}

impl Visitor for Notes {
    fn short_key(&mut self, name: [u64; 2], text: &[u8]) -> bool {
        let [low, high] = name.map(u64::to_le_bytes);
        let bytes = [low, high].concat();
        assert_eq!(bytes, [text, &[0; 16][text.len()..]].concat());
        self.text.extend_from_slice(text);
        self.end_key()
    }
    fn begin_key(&mut self) {
        assert!(self.text.is_empty());
    }
    fn end_key(&mut self) -> bool {
        let wanted = self.wants(&self.text);
        self.tell("key");
        wanted
    }
    fn element(&mut self) -> bool {
        self.elements
    }
    fn begin_text(&mut self) -> Begun {
        Begun::Wanted
    }
    fn piece(&mut self, piece: &[u8]) -> bool {
        self.text.extend_from_slice(piece);
        true
    }
    fn lone(&mut self) -> bool {
        self.text.push(b'?');
        true
    }
    fn end_text(&mut self) -> bool {
        self.tell("text");
        false
    }
    fn scalar(&mut self) {
        // Of a row of integers only the first may be told.
        if self.told.last().is_none_or(|last| last != "scalar ") {
            self.tell("scalar");
        }
    }
    fn open(&mut self, object: bool) -> Begun {
        self.tell(if object { "object" } else { "list" });
        Begun::Wanted
    }
    fn close(&mut self) -> bool {
        self.tell("end");
        false
    }
}

/// Reads bytes in pieces. Returns whether they are JSON, and what was told of them.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>, notes: &Notes) -> (Result<bool, Error>, Notes) {
    let mut notes = notes.clone();
    let mut reader = Reader::new(!notes.letters.is_empty());
    let mut result = Ok(());
    for piece in pieces {
        result = result.and_then(|()| {
            let length = reader.read(piece, &mut notes)?;
            assert_eq!(length, piece.len());
            Ok(())
        });
    }
    (result.map(|()| reader.may_end()), notes)
}

/// Xorshift: the same numbers everywhere.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % 1_000_003).unwrap() % limit
    }

    pub(super) fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    fn string(&mut self, to: &mut String) {
        const PARTS: [&str; 14] = [
            "a",
            "key",
            "words and more words ",
            "\\n",
            "\\\"",
            "\\\\",
            "\\u00e9",
            "\\ud83d\\ude00",
            "é",
            "Слово и ещё слово ",
            "门在城堡边缘落下",
            "ไทย",
            "한국",
            "😀",
        ];
        to.push('"');
        let most = if self.below(9) == 0 { 30 } else { 3 };
        for _ in 0..self.below(most) {
            to.push_str(self.of(&PARTS));
        }
        to.push('"');
    }

    fn blank(&mut self, to: &mut String) {
        if self.below(4) == 0 {
            to.push_str(self.of(&[" ", "\n                    ", "\t", "\r\n"]));
        }
    }

    pub(super) fn value(&mut self, depth: usize, to: &mut String) {
        self.blank(to);
        match self.below(if depth == 0 { 6 } else { 10 }) {
            0..3 => self.string(to),
            3 => to.push_str(self.of(&["true", "false", "null"])),
            4 | 5 => to.push_str(self.of(&["0", "-0", "12", "3.25", "-1e3", "2E-2", "100277"])),
            6 => {
                let list: Vec<String> =
                    (0..self.below(60)).map(|_| self.below(100_000).to_string()).collect();
                to.push_str(&format!("[{}]", list.join(self.of(&[",", ", "]))));
            }
            kind => {
                to.push(if kind < 8 { '[' } else { '{' });
                for n in 0..self.below(5) {
                    to.push_str(if n > 0 { "," } else { "" });
                    self.blank(to);
                    if kind >= 8 {
                        self.string(to);
                        self.blank(to);
                        to.push(':');
                    }
                    self.value(depth - 1, to);
                }
                self.blank(to);
                to.push(if kind < 8 { ']' } else { '}' });
            }
        }
        self.blank(to);
    }
}

#[test]
fn what_is_json_and_what_it_holds_does_not_depend_on_pieces_or_wants() {
    let mut random = Random(7);
    let wants = |letters, elements| Notes { letters, elements, ..Notes::default() };
    for _ in 0..6_000 {
        let mut text = String::new();
        random.value(5, &mut text);
        let mut bytes = text.into_bytes();
        if random.below(2) == 0 {
            let at = random.below(bytes.len());
            let byte = *random
                .of(&["\"", "\\", ",", "]", "}", "1", "\n", "x", "\u{7f}"])
                .as_bytes()
                .first()
                .unwrap();
            match random.below(4) {
                0 => bytes.truncate(at),
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, byte),
                _ => bytes[at] = byte ^ u8::try_from(random.below(2) * 0x80).unwrap(),
            }
        }
        let json = core::str::from_utf8(&bytes)
            .is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
        for notes in
            [wants("", false), wants("ak", true), wants("w\u{e9}", false), wants("akw", false)]
        {
            let whole = read([bytes.as_slice()].into_iter(), &notes);
            let text = String::from_utf8_lossy(&bytes);
            assert_eq!(whole.0 == Ok(true), json, "{:?} {text}", whole.0);
            let size = 1 + random.below(90);
            for size in [1, size] {
                let cut = read(bytes.chunks(size), &notes);
                assert_eq!(cut.0, whole.0, "{text}");
                assert!(cut.1 == whole.1 || !json, "{size}: {:?} {:?}", cut.1, whole.1);
            }
        }
    }
}
