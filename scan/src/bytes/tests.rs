//! The fast ways beside naive ones. The first tests run in wasm, too, where the vector code is
//! another one than natively.

use super::*;
#[cfg(not(target_arch = "wasm32"))]
use proptest::prelude::*;
use std::vec::Vec;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn plain_naive(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|&b| !(0x20..0x80).contains(&b) || b == b'"' || b == b'\\')
        .unwrap_or(bytes.len())
}

fn text_naive(bytes: &[u8]) -> (usize, Stop) {
    let end = bytes.iter().position(|&b| b < 0x20 || b == b'"' || b == b'\\');
    let whole = end.unwrap_or(bytes.len());
    match core::str::from_utf8(&bytes[..whole]) {
        Ok(_) => (whole, if end.is_some() { Stop::Special } else { Stop::End }),
        Err(error) if error.error_len().is_none() && end.is_none() => {
            (error.valid_up_to(), Stop::Split)
        }
        Err(error) => (error.valid_up_to(), Stop::Invalid),
    }
}

/// Returns how far a string is well-formed, and whether its closing quote follows.
fn skip_naive(bytes: &[u8]) -> (usize, bool) {
    let mut at = 0;
    loop {
        let rest = &bytes[at..];
        at += match rest {
            [b'"', ..] => return (at, true),
            [b'\\', b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|d| d.is_ascii_hexdigit()) => {
                6
            }
            [b'\\', e, ..] if b"\"\\/bfnrt".contains(e) => 2,
            [] | [b'\\', ..] | [0..0x20, ..] => return (at, false),
            [0..0x80, ..] => 1,
            _ => match sequence(rest) {
                Sequence::Whole(length) => length,
                _ => return (at, false),
            },
        };
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![20 => b'a'..=b'z', 2 => any::<u8>(), 1 => Just(b'"'), 1 => Just(b'\\'), 1 => 0x7fu8..=0xff]
}

#[test]
fn every_byte_at_every_place_of_a_block() {
    for byte in 0..=255u8 {
        for at in 0..80 {
            let mut bytes = [b'x'; 80];
            bytes[at] = byte;
            assert_eq!(plain(&bytes), plain_naive(&bytes), "{byte:#x} at {at}");
            assert_eq!(find(byte, &bytes), bytes.iter().position(|&b| b == byte));
        }
    }
}

#[test]
fn every_sequence_of_two_and_the_edges_of_longer_ones() {
    let edges = [
        0x00, 0x22, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xf0, 0xf4,
        0xff,
    ];
    for a in 0..=255u8 {
        for b in 0..=255u8 {
            assert_eq!(text(&[a, b]), text_naive(&[a, b]), "{a:#x} {b:#x}");
            for c in edges {
                assert_eq!(text(&[a, b, c]), text_naive(&[a, b, c]), "{a:#x} {b:#x} {c:#x}");
                for d in edges {
                    assert_eq!(
                        text(&[a, b, c, d]),
                        text_naive(&[a, b, c, d]),
                        "{a:#x} {b:#x} {c:#x} {d:#x}"
                    );
                }
            }
        }
    }
}

/// Checks `skip` where whole blocks follow, so that it sees everything.
fn assert_skip(front: usize, text: &[u8]) {
    let bytes = [&[b'x'; 80][..front], text, b"\"\" and more", &[b'x'; 80]].concat();
    let (length, closed) = skip_naive(&bytes);
    let fast = skip(&bytes);
    // An escape whose backslash ends a block is left to the caller.
    let escape = bytes.get(fast.0) == Some(&b'\\') && !fast.1;
    assert!(fast == (length, closed) || escape && fast.0 <= length, "{fast:?} {length} {text:x?}");
    assert_eq!(skip_naive(&bytes[..fast.0]).0, fast.0, "{text:x?} between characters");
}

#[test]
fn a_string_ends_where_its_bytes_say_whatever_sequences_are_in_it() {
    for a in 0..=255u8 {
        for b in 0..=255u8 {
            assert_skip(usize::from(a % 70), &[a, b]);
            for c in [0x22, 0x5c, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc2] {
                assert_skip(usize::from((a ^ b ^ c) % 70), &[a, b, c]);
                if a >= 0xe0 {
                    for d in [0x22, 0x7f, 0x80, 0xbf, 0xc2] {
                        assert_skip(usize::from((a ^ b ^ c ^ d) % 70), &[a, b, c, d]);
                    }
                }
            }
        }
    }
}

#[test]
fn strings_of_any_mixture_end_where_they_do_naively() {
    let pieces: [&[u8]; 24] = [
        b"a",
        b" words and words ",
        b"\\n",
        b"\\\"",
        b"\\\\",
        b"\\u00e9",
        "é".as_bytes(),
        "Слово ".as_bytes(),
        "ไทย".as_bytes(),
        "हिन्दी".as_bytes(),
        "한국어".as_bytes(),
        "门在城堡边缘落下，".as_bytes(),
        "😀".as_bytes(),
        "\u{800}\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{10ffff}".as_bytes(),
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xc0\x80",
        b"\xe0\x9f\xbf",
        b"\xf0\x8f\xbf\xbf",
        b"\xf5",
        b"\x80",
        b"\xe4\xb8",
        b"\n",
        b"\\x",
    ];
    let mut state = 1u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % 1_000_003).unwrap() % below
    };
    for _ in 0..20_000 {
        // Malformed pieces are last in the list and seldom taken.
        let text: Vec<u8> = (0..next(24))
            .flat_map(|_| pieces[if next(30) == 0 { next(24) } else { next(14) }])
            .copied()
            .collect();
        assert_skip(next(70), &text);
        assert_eq!(super::text(&text), text_naive(&text), "{text:x?}");
    }
}

#[cfg(not(target_arch = "wasm32"))]
proptest! {
    #[test]
    fn runs_are_as_long_as_naive_ones(bytes in proptest::collection::vec(byte(), 0..200)) {
        prop_assert_eq!(plain(&bytes), plain_naive(&bytes));
        prop_assert_eq!(text(&bytes), text_naive(&bytes));
    }

    #[test]
    fn a_string_is_skipped_up_to_what_must_be_looked_at(pieces in prop::collection::vec(prop_oneof![
        6 => "[a-z ]{1,30}", 4 => prop::sample::select(vec!["\\n", "\\\"", "\\\\", "\\u00e9", "\\ud83d\\ude00", "\\/", "\\t"]).prop_map(str::to_owned),
        1 => "[а-яé一-龥😀]{1,30}", 1 => prop::sample::select(vec!["\\x", "\\u12g4", "\\", "\n", "\"", "\\\\\\\\\\"]).prop_map(str::to_owned)], 0..30)) {
        let bytes = pieces.concat().into_bytes();
        let (length, closed) = skip(&bytes);
        let (whole, end) = skip_naive(&bytes);
        if closed {
            prop_assert_eq!((length, true), (whole, end));
        } else {
            // `skip` may stop early, but only between characters.
            prop_assert!(length <= whole && skip_naive(&bytes[..length]).0 == length, "{} of {}", length, whole);
            prop_assert!(whole - length < 80 || bytes[length] >= 0x80, "{} of {}", length, whole);
        }
    }

    #[test]
    fn white_space_and_integers_are_passed_over(text in "[ \n]{0,40}x?[ ]{0,3}", list in prop::collection::vec(prop_oneof![
        9 => "(0|[1-9][0-9]{0,9})", 1 => prop::sample::select(vec!["01", "", "-1", "1.5", "1e5", "x", "00", "[1", " 1", "1 "]).prop_map(str::to_owned)], 0..80),
        comma in prop::sample::select(vec![",", ", "])) {
        prop_assert_eq!(blank(text.as_bytes()), text.len() - text.trim_start().len());
        let list = list.join(comma);
        let length = integers(list.as_bytes());
        let passed = list[..length].trim_end();
        prop_assert!(passed.is_empty() || passed.ends_with(','), "{}", passed);
        for number in passed.trim_end_matches(',').split(',').map(str::trim_start).filter(|_| !passed.is_empty()) {
            prop_assert!(number == "0" || number.bytes().all(|b| b.is_ascii_digit()) && !number.is_empty() && !number.starts_with('0'), "{}", number);
        }
    }

    #[test]
    fn bytes_are_found_where_they_stand(bytes in prop::collection::vec(prop_oneof![9 => Just(b'x'), 1 => Just(b'-'), 1 => Just(b'\n')], 0..200)) {
        prop_assert_eq!(find(b'\n', &bytes), bytes.iter().position(|&b| b == b'\n'));
        prop_assert_eq!(find_either(b'-', b'\n', &bytes), bytes.iter().position(|&b| b != b'x'));
        let dashes = (0..bytes.len()).find(|&at| bytes[at] == b'-' && bytes.get(at + 1).is_none_or(|&b| b == b'-'));
        prop_assert_eq!(find_dashes(&bytes), dashes);
    }

    #[test]
    fn words_of_any_script_are_one_run(words in "[a-zа-яぁ-ん一-龥😀-😏 ]{0,90}", cut in 0usize..300) {
        prop_assert_eq!(text(words.as_bytes()), (words.len(), Stop::End));
        let cut = cut.min(words.len());
        prop_assert_eq!(text(&words.as_bytes()[..cut]), text_naive(&words.as_bytes()[..cut]));
        let front = (0..=cut).rev().find(|&at| words.is_char_boundary(at)).unwrap_or(0);
        prop_assert_eq!(text(&words.as_bytes()[..cut]).0, words[..front].len());
    }
}
