//! The dense way beside the simple one: a reader that gets one byte at a time never takes the dense
//! way. The tests run in wasm, too, where the vector code is another one than natively.

use super::super::tests::{Notes, Random};
use super::super::{DEPTH, Error, Mode, Reader};
use std::string::String;
use std::vec::Vec;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// What a reader knows: what may come next, whether it is a key, the open levels, the live ones, and
/// what its visitor was told.
type State = (Mode, bool, Vec<bool>, usize, Vec<String>);

fn state(reader: &Reader, notes: &Notes) -> State {
    let levels = (0..reader.depth).map(|level| reader.is_object(level)).collect();
    let is_key = reader.mode == Mode::Text && reader.is_key;
    (reader.mode, is_key, levels, reader.live, notes.told.clone())
}

/// Reads one byte at a time. Returns the state after each byte, up to an error.
fn simple(bytes: &[u8], notes: &Notes) -> (Vec<State>, Option<Error>) {
    let (mut reader, mut notes) = (Reader::new(!notes.letters.is_empty()), notes.clone());
    let mut states = vec![state(&reader, &notes)];
    for byte in bytes {
        if let Err(error) = reader.read(&[*byte], &mut notes) {
            return (states, Some(error));
        }
        states.push(state(&reader, &notes));
    }
    (states, None)
}

/// Checks that a reader is in the same state, or returns the same error, at each of these cuts.
#[track_caller]
fn assert_same(bytes: &[u8], notes: &Notes, cuts: &[usize]) {
    let (states, error) = simple(bytes, notes);
    let (mut reader, mut told) = (Reader::new(!notes.letters.is_empty()), notes.clone());
    let mut from = 0;
    for &to in cuts.iter().chain([&bytes.len()]) {
        let read = reader.read(&bytes[from..to], &mut told);
        let text = String::from_utf8_lossy(&bytes[..to]);
        if to >= states.len() {
            assert_eq!(read, Err(error.unwrap()), "{cuts:?} {text}");
            return;
        }
        assert_eq!(read, Ok(to - from), "{cuts:?} {text}");
        assert_eq!(state(&reader, &told), states[to], "{cuts:?} {text}");
        from = to;
    }
}

/// Checks it for a whole document and for prefixes of it, in particular those around an error.
#[track_caller]
fn assert_all_same(bytes: &[u8], notes: &Notes, random: &mut Random) {
    let whole = simple(bytes, notes).0.len();
    for end in [whole - 1, whole.min(bytes.len()), bytes.len()] {
        let one = random.below(end + 1);
        let other = one + random.below(end + 1 - one);
        for cuts in [&[][..], &[one], &[one, other]] {
            assert_same(&bytes[..end], notes, cuts);
        }
    }
}

const NONE: Notes = Notes { letters: "", elements: false, told: Vec::new(), text: Vec::new() };
/// Wants what is below some keys, so that levels die and revive.
const SOME: Notes = Notes { letters: "ak", elements: false, told: Vec::new(), text: Vec::new() };

/// Tokens of a list or object of short texts, whole or with something wrong.
fn document(random: &mut Random, size: usize) -> String {
    let mut text = String::new();
    while text.len() < size {
        text.clear();
        random.value(6, &mut text);
    }
    text
}

#[test]
fn documents_are_read_as_byte_by_byte_wherever_chunks_end() {
    let mut random = Random(11);
    for n in 0..1_500 {
        let mut bytes = document(&mut random, 150).into_bytes();
        for _ in 0..n % 3 {
            let at = random.below(bytes.len());
            let byte = random.of(&["{", "}", "[", "]", ":", ",", "\"", "1", " ", "\\", "\n", "é"]);
            match random.below(3) {
                0 => drop(bytes.remove(at)),
                1 => bytes[at] = byte.as_bytes()[0],
                _ => bytes.insert(at, byte.as_bytes()[0]),
            }
        }
        for notes in [&NONE, &SOME] {
            assert_all_same(&bytes, notes, &mut random);
        }
    }
}

#[test]
fn every_order_of_five_tokens_is_judged_alike() {
    const TOKENS: [&str; 10] = ["{", "}", "[", "]", ":", ",", "\"a\"", "1", " ", "\"\\u00e9\""];
    let mut random = Random(12);
    for n in 0..100_000 {
        let mut text =
            String::from(random.of(&["[", "{", "[1,", "{\"k\":", "{\"k\":1,", "[\"k\","]));
        let before = random.below(80);
        text.push_str(&" ".repeat(before));
        let mut rest = n;
        for _ in 0..5 {
            text.push_str(TOKENS[rest % 10]);
            rest /= 10;
        }
        text.push_str(random.of(&["\"b\":1", "1", "\"b\"", ""]));
        text.push_str(random.of(&[",", "]", "}", ":"]));
        text.push_str(&" ".repeat(70));
        assert_same(text.as_bytes(), &NONE, &[]);
    }
}

#[test]
fn every_byte_at_every_place() {
    let text = br#"[{"a":[1,-2.5e+3,true],"bc":"d"},{"e":{},"f":[]} , null,"g h",[[0,false],{"i":[]}]    ,{"j":"k","l":{"m":"n","o":["p"]}},10,"qrstuvwxyz"]                 "#;
    for at in 1..text.len() - 64 {
        for byte in 0..=255 {
            let mut bytes = *text;
            bytes[at] = byte;
            assert_same(&bytes, &NONE, &[]);
            bytes.copy_within(at.., at - 1);
            assert_same(&bytes, &NONE, &[at / 2]);
        }
    }
}

#[test]
fn scalars_are_judged_alike() {
    let mut random = Random(13);
    for n in 0..20_000 {
        let mut text = String::from("[");
        text.push_str(&" ".repeat(random.below(70)));
        for _ in 0..1 + random.below(8) {
            let alphabet = ["0", "1", "90", "-", "+", ".", "e", "E", "true", "null", "false", "u"];
            text.push_str(random.of(&["", "", " "]));
            for _ in 0..1 + random.below(if n % 9 == 0 { 90 } else { 3 }) {
                text.push_str(if random.below(2) == 0 { "7" } else { random.of(&alphabet) });
            }
            text.push(',');
        }
        text.push_str(&"\"\",".repeat(20));
        assert_all_same(text.as_bytes(), &NONE, &mut random);
    }
}

#[test]
fn levels_are_counted_alike() {
    let mut random = Random(14);
    for depth in [1, 60, 61, 62, 63, 64, 65, 100, 448, 449, 450, DEPTH - 1, DEPTH, DEPTH + 1] {
        for n in 0..60 {
            let mut text = String::new();
            let mut closing = Vec::new();
            for _ in 0..depth {
                let object = random.below(2) == 0;
                text.push_str(if object { "{\"k\":" } else { "[" });
                text.push_str(random.of(&["", "", "", "", " "]));
                closing.push(if object { '}' } else { ']' });
                // Levels that are opened and closed again.
                if !object && random.below(4) == 0 {
                    text.push_str("[[{}]],");
                }
            }
            text.push('1');
            if n % 4 == 0 {
                let wrong = random.below(closing.len());
                closing[wrong] = '}';
            }
            text.extend(closing.iter().rev());
            text.push_str(&" ".repeat(70));
            for notes in [&NONE, &SOME] {
                assert_same(text.as_bytes(), notes, &[]);
                assert_same(text.as_bytes(), notes, &[random.below(text.len())]);
            }
        }
    }
    for live in [440, 447, 448, 449, 450, DEPTH - 2] {
        for dead in DEPTH - live - 2..DEPTH - live + 3 {
            let text = ["{\"k\":".repeat(live), "{\"b\":".repeat(dead), " ".repeat(70)].concat();
            assert_same(text.as_bytes(), &SOME, &[]);
        }
    }
}

/// The results would also be right if the dense way passed over nothing.
#[test]
fn it_passes_over_all_but_the_last_block() {
    for item in [
        r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a",1,true,-2.5]},"#,
        r#"{ "role" : "user" , "content" : "A text that fills more than one block of sixty-four, as many do.\n" } , "#,
        "[\n    [\n        \"Слово\",\n        null\n    ]\n],\n\n                                                                              ",
        r#"12,345,6789,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,"#,
        r#"{"a":[{"b":[{"c":[{"d":[]}]}]}]},"#,
    ] {
        let text = format!("{}1]", item.repeat(40));
        let mut reader = Reader::new(false);
        reader.push(false);
        reader.mode = Mode::FirstValue;
        let at = reader.dense(text.as_bytes(), 0);
        assert!(at + 64 > text.len(), "{item} {at}");
    }
}

#[test]
fn it_stops_where_the_unwanted_level_closes() {
    let text = format!(r#"{{"a":{{"b":[1,2]}},"c":"d"}},{}"#, "\"e\",".repeat(20));
    let mut reader = Reader::new(false);
    reader.push(false);
    reader.live = 1;
    reader.push(true);
    reader.mode = Mode::FirstKey;
    let at = reader.dense(&text.as_bytes()[1..], 0);
    assert_eq!(at, text.find(",\"e\"").unwrap() - 1);
    assert_eq!((reader.mode, reader.depth), (Mode::After, 1));
}
