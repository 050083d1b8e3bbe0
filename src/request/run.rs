//! Runs of bytes: how far the inside of a string goes on, where the next line ends.
//!
//! ```text
//! text   "The gate drops.\nИ падает."  ->  stops at the quote, the backslash, a control character, a bad sequence
//!         ^^^^^^^^^^^^^^^                   one step of 16 or 32 bytes in vector registers while nothing stands out,
//!                                           then one step of 8 to find the byte that does; sequences of UTF-8 one by one
//! ```
//!
//! Input: a slice of a chunk. Output: lengths. It knows nothing of JSON beyond which bytes end a run, and keeps no state:
//! a sequence that the chunk's end cuts is handed back.
//!
//! The loops are written so that the compiler turns them into vector code (`fold` with `|` over a block of fixed size):
//! no `unsafe`, the same source for SSE2, NEON and wasm's simd128. `benches/scan` and the tests at the end hold them to it.

use super::lanes::{Block, Line};

/// Why a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// At a quote, a backslash or a control character.
    Special,
    /// At the end of the bytes.
    End,
    /// At the first byte of a UTF-8 sequence that goes on in the next chunk.
    Split,
    /// At a byte that is no UTF-8.
    Invalid,
}

/// The length of the well-formed text at the front of `bytes`, and what stops it.
#[inline]
pub(super) fn text(bytes: &[u8]) -> (usize, Stop) {
    let mut at = 0;
    loop {
        at += plain(bytes.get(at..).unwrap_or_default());
        match bytes.get(at) {
            None => return (at, Stop::End),
            Some(0..0x80) => return (at, Stop::Special),
            Some(_) => {
                let (length, stop) = foreign(bytes.get(at..).unwrap_or_default());
                at += length;
                if stop != Stop::End {
                    return (at, stop);
                }
            }
        }
    }
}

/// The length of a string's inside, escapes and all, as far as it is well-formed and seen whole; true if its closing quote follows.
///
/// ```text
/// block of 64   no special byte: next block
///               else masks: escaped characters, quotes that are not, what may follow a backslash; stop at the first byte that
///               asks for more: closing quote, control character, UTF-8, bad escape, escape that the block's end cuts
/// ```
///
/// What it stops at, the caller looks at byte by byte; so this may stop early, and never late.
pub(super) fn skip(bytes: &[u8]) -> (usize, bool) {
    let mut at = 0;
    if let Some(line) = bytes.first_chunk() {
        // Most strings are short.
        let bits = Line::new(line).special();
        at = if bits == 0 { 16 } else { bits.trailing_zeros() as usize };
        if bytes.get(at) == Some(&b'"') {
            return (at, true);
        }
    }
    let mut carry = 0;
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let block = Block::new(block);
        if block.is_plain() && carry == 0 {
            at += 64;
            continue;
        }
        let quotes = block.is(b'"');
        let backslashes = block.is(b'\\');
        let escaped = escaped(backslashes, &mut carry);
        let mut bad = escaped & !(quotes | backslashes | block.escapable());
        if bad != 0 {
            let hex = block.hex();
            bad &= !(block.is(b'u') & hex >> 1 & hex >> 2 & hex >> 3 & hex >> 4);
        }
        if bad & 1 != 0 {
            // Its backslash stands in the block before.
            return (at.saturating_sub(1), false);
        }
        let closing = quotes & !escaped;
        let stops = closing | block.odd() | bad >> 1;
        if stops == 0 {
            at += 64;
            continue;
        }
        let first = stops.trailing_zeros();
        at += first as usize;
        if closing >> first & 1 != 0 {
            return (at, true);
        }
        carry = 0;
        if bytes.get(at).is_some_and(|byte| *byte >= 0x80) {
            let (length, _) = foreign(bytes.get(at..).unwrap_or_default());
            if length == 0 {
                return (at, false);
            }
            at += length;
        } else if first == 0 {
            return (at, false);
        }
    }
    (at - usize::from(carry != 0), false)
}

/// The length of the white space at the front.
#[inline(always)]
pub(super) fn blank(bytes: &[u8]) -> usize {
    match bytes {
        [b' ' | b'\n' | b'\r' | b'\t', rest @ ..] => 1 + blanks(rest),
        _ => 0,
    }
}

/// White space after white space: the indentation of a document that somebody made readable.
fn blanks(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(line) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let other = !Line::new(line).blank();
        at += other.trailing_zeros().min(16) as usize;
        if other.trailing_zeros() < 16 {
            return at;
        }
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count()
}

/// The length of `integer, comma, perhaps a blank` as often as it stands at the front of `bytes`, as far as it is seen in blocks: prompts
/// and inputs of embeddings come as tokens, thousands of them.
pub(super) fn integers(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let block = Block::new(block);
        let (digits, commas, blanks) = (block.digits(), block.is(b','), block.is(b' '));
        let leading_zeros = block.is(b'0') & !(digits << 1);
        // INVARIANT: a block starts where a value may start.
        let stops =
            !(digits | commas | blanks) | commas & !(digits << 1) | blanks & !(commas << 1 | 1) | leading_zeros << 1 & digits;
        let seen = (stops & stops.wrapping_neg()).wrapping_sub(1);
        let length = 64 - (commas & seen).leading_zeros() as usize;
        at += length;
        if stops != 0 || length == 0 {
            break;
        }
    }
    at
}

/// The characters that a backslash ahead of them escapes. `carry`: the first one is, or the first of the next block.
#[inline(always)]
fn escaped(backslashes: u64, carry: &mut u64) -> u64 {
    let started = backslashes & !*carry;
    let follows = started << 1 | *carry;
    if started & follows == 0 {
        *carry = started >> 63;
        return follows;
    }
    // Runs of backslashes: each second one is escaped.
    let mut escaped = *carry;
    let mut rest = started;
    *carry = 0;
    while rest != 0 {
        let next = (rest & rest.wrapping_neg()) << 1;
        if next == 0 {
            *carry = 1;
        }
        escaped |= next;
        rest &= (rest - 1) & !next;
    }
    escaped
}

/// Whether a byte ends a plain run: `"`, `\`, a control character, or outside ASCII (negative as a signed byte).
#[inline(always)]
fn special(byte: u8) -> bool {
    (byte.cast_signed() < 0x20) | (byte == b'"') | (byte == b'\\')
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Sets the high bit of each special byte of a word. Above the first one it may also be set elsewhere.
#[inline(always)]
fn special_bits(word: u64) -> u64 {
    let quote = word ^ (LOW * b'"' as u64);
    let backslash = word ^ (LOW * b'\\' as u64);
    let below = word.wrapping_sub(LOW * 0x20);
    (quote.wrapping_sub(LOW) & !quote | backslash.wrapping_sub(LOW) & !backslash | below & !word | word) & HIGH
}

/// The length of the run without special bytes.
#[inline]
pub(super) fn plain(bytes: &[u8]) -> usize {
    let mut at = 0;
    if let Some(line) = bytes.first_chunk() {
        let bits = Line::new(line).special();
        if bits != 0 {
            return bits.trailing_zeros() as usize;
        }
        at = 16;
    }
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        if !Block::new(block).is_plain() {
            break;
        }
        at += 64;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let (words, tail) = rest.as_chunks::<8>();
    for word in words {
        let bits = special_bits(u64::from_le_bytes(*word));
        if bits != 0 {
            return at + bits.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + tail.iter().take_while(|&&byte| !special(byte)).count()
}

/// The length of the run of sequences outside ASCII, with single ASCII characters between them.
fn foreign(bytes: &[u8]) -> (usize, Stop) {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        match rest {
            // Words of two to six letters, with one blank or one comma between them, are how most of the world writes.
            [first @ 0..0x80, 0x80..=0xff, ..] if !special(*first) => at += 1,
            [] | [0..0x80, ..] => return (at, Stop::End),
            _ => match sequence(rest) {
                Sequence::Whole(length) => at += length,
                Sequence::Cut => return (at, Stop::Split),
                Sequence::Bad => return (at, Stop::Invalid),
            },
        }
    }
}

/// What stands at the front of bytes that start outside ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sequence {
    /// A sequence of so many bytes.
    Whole(usize),
    /// The front of a sequence.
    Cut,
    /// No sequence.
    Bad,
}

#[inline(always)]
const fn follows(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// What may stand second in a sequence of three or four bytes.
#[inline(always)]
fn second(first: u8, byte: u8) -> bool {
    match first {
        0xe0 => matches!(byte, 0xa0..=0xbf),
        0xed => matches!(byte, 0x80..=0x9f),
        0xf0 => matches!(byte, 0x90..=0xbf),
        0xf4 => matches!(byte, 0x80..=0x8f),
        _ => follows(byte),
    }
}

/// Reads one sequence of more than one byte, by table 3-7 of the Unicode standard:
///
/// ```text
/// C2..DF 80..BF
/// E0     A0..BF 80..BF          E1..EC, EE..EF 80..BF 80..BF          ED 80..9F 80..BF
/// F0     90..BF 80..BF 80..BF   F1..F3 80..BF 80..BF 80..BF           F4 80..8F 80..BF 80..BF
/// ```
#[inline(always)]
pub(super) fn sequence(bytes: &[u8]) -> Sequence {
    match *bytes {
        [0xe1..=0xec | 0xee | 0xef, b, c, ..] if follows(b) & follows(c) => Sequence::Whole(3),
        [0xc2..=0xdf, b, ..] if follows(b) => Sequence::Whole(2),
        [a @ 0xe0..=0xef, b, c, ..] if second(a, b) & follows(c) => Sequence::Whole(3),
        [a @ 0xf0..=0xf4, b, c, d, ..] if second(a, b) & follows(c) & follows(d) => Sequence::Whole(4),
        [0xc2..=0xf4] => Sequence::Cut,
        [a @ 0xe0..=0xf4, b] if second(a, b) => Sequence::Cut,
        [a @ 0xf0..=0xf4, b, c] if second(a, b) & follows(c) => Sequence::Cut,
        _ => Sequence::Bad,
    }
}

/// Where `wanted` stands first.
#[inline]
pub(crate) fn find(wanted: u8, bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for block in bytes.as_chunks::<64>().0 {
        if block.iter().fold(false, |any, &byte| any | (byte == wanted)) {
            break;
        }
        at += 64;
    }
    let (words, _) = bytes.get(at..)?.as_chunks::<8>();
    let pattern = LOW * u64::from(wanted);
    for word in words {
        let differs = u64::from_le_bytes(*word) ^ pattern;
        let bits = differs.wrapping_sub(LOW) & !differs & HIGH;
        if bits != 0 {
            return Some(at + bits.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    bytes.get(at..)?.iter().position(|&byte| byte == wanted).map(|more| at + more)
}

/// Where one of two bytes stands first.
pub(crate) fn find_either(one: u8, other: u8, bytes: &[u8]) -> Option<usize> {
    let is = |byte: &u8| (*byte == one) | (*byte == other);
    let blocks = bytes.as_chunks::<64>().0;
    let clear = blocks.iter().take_while(|block| !block.iter().fold(false, |any, byte| any | is(byte))).count();
    bytes.get(clear * 64..)?.iter().position(is).map(|more| clear * 64 + more)
}

/// Where the first `-` stands that another one follows, or that is the last byte.
pub(super) fn find_dashes(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    // One dash alone is no cause to stop: prose and identifiers are full of them.
    let shifted = bytes.get(1..).unwrap_or_default();
    for (block, next) in bytes.as_chunks::<32>().0.iter().zip(shifted.as_chunks::<32>().0) {
        if block.iter().zip(next).fold(false, |any, (&a, &b)| any | ((a == b'-') & (b == b'-'))) {
            break;
        }
        at += 32;
    }
    let rest = bytes.get(at..)?;
    let found = rest.windows(2).position(|pair| pair == b"--");
    found.or_else(|| (rest.last() == Some(&b'-')).then(|| rest.len() - 1)).map(|more| at + more)
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain_naive(bytes: &[u8]) -> usize {
        bytes.iter().position(|&b| !(0x20..0x80).contains(&b) || b == b'"' || b == b'\\').unwrap_or(bytes.len())
    }

    fn text_naive(bytes: &[u8]) -> (usize, Stop) {
        let end = bytes.iter().position(|&b| b < 0x20 || b == b'"' || b == b'\\');
        let whole = end.unwrap_or(bytes.len());
        match core::str::from_utf8(&bytes[..whole]) {
            Ok(_) => (whole, if end.is_some() { Stop::Special } else { Stop::End }),
            Err(error) if error.error_len().is_none() && end.is_none() => (error.valid_up_to(), Stop::Split),
            Err(error) => (error.valid_up_to(), Stop::Invalid),
        }
    }

    /// How far a string is well-formed, and whether its closing quote follows.
    fn skip_naive(bytes: &[u8]) -> (usize, bool) {
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            at += match rest {
                [b'"', ..] => return (at, true),
                [b'\\', b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|d| d.is_ascii_hexdigit()) => 6,
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
        let edges = [0x00, 0x22, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xff];
        for a in 0..=255u8 {
            for b in 0..=255u8 {
                assert_eq!(text(&[a, b]), text_naive(&[a, b]), "{a:#x} {b:#x}");
                for c in edges {
                    assert_eq!(text(&[a, b, c]), text_naive(&[a, b, c]), "{a:#x} {b:#x} {c:#x}");
                    for d in edges {
                        assert_eq!(text(&[a, b, c, d]), text_naive(&[a, b, c, d]), "{a:#x} {b:#x} {c:#x} {d:#x}");
                    }
                }
            }
        }
    }

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
                // It may hand over early, but only at a character of its own.
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
}
