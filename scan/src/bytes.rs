//! Scans runs of bytes: how far the inside of a string continues, where the next line ends.
//!
//! ```text
//! text   "The gate drops.\nИ падает."  ->  stops at the quote, a backslash, a control
//!         ^^^^^^^^^^^^^^^                   character, a malformed UTF-8 sequence
//!
//! 16 or 64 bytes a step in vector registers while no byte ends the run, then 8 bytes a step to
//! find the byte that does; UTF-8 sequences one by one, or by masks of 64 where a string is skipped
//! ```
//!
//! Input: a slice of a chunk. Output: lengths. The module knows nothing of JSON except which bytes
//! end a run, and keeps no state: a sequence that the end of the chunk divides is left to the
//! caller.
//!
//! The loops are written so that the compiler makes vector code of them (`fold` with `|` over a
//! block of fixed size): no `unsafe`, and the same source for SSE2, NEON and wasm's simd128.
//! `benches/scan.rs` checks the speed, the tests at the end check the results.

use crate::simd::{Block, Line};

/// Why a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// At a quote, a backslash or a control character.
    Special,
    /// At the end of the bytes.
    End,
    /// At the first byte of a UTF-8 sequence that continues in the next chunk.
    Split,
    /// At a byte that is not UTF-8.
    Invalid,
}

/// Returns the length of the well-formed text at the front of `bytes`, and what stops it.
pub fn text(bytes: &[u8]) -> (usize, Stop) {
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

/// Returns the length of the inside of a string, escapes included, as far as it is complete and
/// well-formed, and whether the closing quote follows.
///
/// ```text
/// block of 64   no special byte: next block
///               else masks: escaped characters, unescaped quotes, what may follow a backslash,
///               malformed UTF-8. Stops at the first byte that needs more: closing quote, control
///               character, malformed UTF-8 or escape, escape that the end of the block divides
/// ```
///
/// INVARIANT: a block starts where a character starts.
///
/// The caller examines the byte at which this stops. So this may stop early, but never late.
pub fn skip(bytes: &[u8]) -> (usize, bool) {
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
    while let Some(text) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let block = Block::new(text);
        if block.is_plain() && carry == 0 {
            at += 64;
            continue;
        }
        let (mut wrong, mut divided) = (0, 0);
        if block.has_below(0x20) {
            let foreign = block.below(0);
            if foreign != 0 {
                wrong = malformed(block, foreign);
                divided = begun(text);
                if wrong | carry == 0 && block.is_text() {
                    at += 64 - divided;
                    continue;
                }
            }
            wrong |= block.below(0x20) & !foreign;
        }
        let quotes = block.is(b'"');
        let backslashes = block.is(b'\\');
        let escaped = escaped(backslashes, &mut carry);
        let mut bad = 0;
        if escaped != 0 {
            // Most of them are quotes and ends of lines.
            bad = escaped & !(quotes | backslashes | block.is(b'n'));
            if bad != 0 {
                let units = bad & block.is(b'u');
                if bad != units {
                    bad &= !block.escapable();
                }
                if units != 0 {
                    let hex = block.hex();
                    bad &= !(units & hex >> 1 & hex >> 2 & hex >> 3 & hex >> 4);
                }
            }
            if bad & 1 != 0 {
                // The backslash is in the block before.
                return (at.saturating_sub(1), false);
            }
        }
        let closing = quotes & !escaped;
        let stops = closing | wrong | bad >> 1;
        if stops == 0 {
            at += 64 - divided;
            continue;
        }
        let first = stops.trailing_zeros();
        at += first as usize;
        // A quote may also be where a sequence ends too early.
        if wrong >> first & 1 != 0 || first == 0 && closing & 1 == 0 {
            return (at - begun(text.get(..first as usize).unwrap_or_default()), false);
        }
        if closing >> first & 1 != 0 {
            return (at, true);
        }
        carry = 0;
    }
    (at - usize::from(carry != 0), false)
}

/// Marks where the UTF-8 of a block is malformed: a byte that no sequence has, a byte that ends a
/// sequence too early, a byte that continues none. A sequence that the end of the block divides is
/// not malformed. `foreign` marks the bytes outside ASCII.
///
/// The masks follow table 3-7 of the Unicode standard, as [`sequence`] does. As signed numbers, the
/// bytes that continue a sequence (`80..BF`) are below -64.
#[inline(always)]
fn malformed(block: Block, foreign: u64) -> u64 {
    let follow = block.below(-64);
    let lead = foreign & !follow;
    // Leads of at least three and of four bytes: from E0, from F0.
    let three = foreign & !block.below(-32);
    let four = foreign & !block.below(-16);
    // C0 and C1 lead to what one byte holds.
    let mut wrong = (lead << 1 | three << 2 | four << 3) ^ follow | lead & block.below(-62);
    if three != 0 && block.has_either(0xe0, 0xed) {
        let low = block.below(-96); // 80..9F
        wrong |= block.is(0xe0) << 1 & low | block.is(0xed) << 1 & !low;
    }
    if four != 0 {
        let low = block.below(-112); // 80..8F
        wrong |= block.is(0xf0) << 1 & low | block.is(0xf4) << 1 & !low;
        wrong |= foreign & !block.below(-11); // F5 and above lead beyond Unicode.
    }
    wrong
}

/// Returns the number of bytes of the sequence that begins at the end of well-formed text and does
/// not end there.
#[inline(always)]
fn begun(text: &[u8]) -> usize {
    match text {
        [.., 0xc0..=0xff] => 1,
        [.., 0xe0..=0xff, _] => 2,
        [.., 0xf0..=0xff, _, _] => 3,
        _ => 0,
    }
}

/// Returns the length of the white space at the front.
#[inline(always)]
pub fn blank(bytes: &[u8]) -> usize {
    match bytes {
        [b' ' | b'\n' | b'\r' | b'\t', rest @ ..] => 1 + blanks(rest),
        _ => 0,
    }
}

/// Returns the length of white space after white space, as in the indentation of a formatted
/// document.
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

/// Returns the length of the sequence of `integer, comma, optional blank` at the front of `bytes`,
/// as far as whole blocks show it. Prompts and inputs of embeddings may be arrays of thousands of
/// tokens.
pub fn integers(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let block = Block::new(block);
        let (digits, commas, blanks) = (block.digits(), block.is(b','), block.is(b' '));
        let leading_zeros = block.is(b'0') & !(digits << 1);
        // INVARIANT: a block starts where a value may start.
        let stops = !(digits | commas | blanks)
            | commas & !(digits << 1)
            | blanks & !(commas << 1 | 1)
            | leading_zeros << 1 & digits;
        let seen = (stops & stops.wrapping_neg()).wrapping_sub(1);
        let length = 64 - (commas & seen).leading_zeros() as usize;
        at += length;
        if stops != 0 || length == 0 {
            break;
        }
    }
    at
}

/// Returns the characters that a backslash before them escapes. `carry` says on entry whether the
/// first character is escaped, and on return whether the first of the next block is.
#[inline(always)]
fn escaped(backslashes: u64, carry: &mut u64) -> u64 {
    let started = backslashes & !*carry;
    let follows = started << 1 | *carry;
    if started & follows == 0 {
        *carry = started >> 63;
        return follows;
    }
    // In a run of backslashes every second one is escaped.
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

/// Returns whether a byte ends a plain run: `"`, `\`, a control character, or a byte outside ASCII
/// (negative as a signed byte).
#[inline(always)]
fn special(byte: u8) -> bool {
    (byte.cast_signed() < 0x20) | (byte == b'"') | (byte == b'\\')
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Sets the high bit of each special byte of a word. Above the first special byte other high bits
/// may also be set.
#[inline(always)]
fn special_bits(word: u64) -> u64 {
    let quote = word ^ (LOW * b'"' as u64);
    let backslash = word ^ (LOW * b'\\' as u64);
    let below = word.wrapping_sub(LOW * 0x20);
    (quote.wrapping_sub(LOW) & !quote
        | backslash.wrapping_sub(LOW) & !backslash
        | below & !word
        | word)
        & HIGH
}

/// Returns the length of the run without special bytes.
pub fn plain(bytes: &[u8]) -> usize {
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

/// Returns the length of a text of at most fifteen bytes without escapes that a quote follows, and
/// the number that its bytes make, the first one lowest.
pub fn short(bytes: &[u8]) -> Option<(usize, [u64; 2])> {
    let line = bytes.first_chunk()?;
    let length = Line::new(line).special().trailing_zeros();
    if bytes.get(length as usize) != Some(&b'"') {
        return None;
    }
    let name = u128::from_le_bytes(*line) & (1u128.checked_shl(8 * length)? - 1);
    let half = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |half| u64::from_le_bytes(*half));
    let name = name.to_le_bytes();
    Some((length as usize, [half(name.first_chunk()), half(name.last_chunk())]))
}

/// Returns the length of the run of sequences outside ASCII, with single ASCII characters between
/// them.
fn foreign(bytes: &[u8]) -> (usize, Stop) {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        match rest {
            // Most scripts of the world put one blank or one comma between words of several such
            // sequences.
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

/// What is at the front of bytes that start outside ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequence {
    /// A sequence of this many bytes.
    Whole(usize),
    /// The front of a sequence.
    Cut,
    /// Not a sequence.
    Bad,
}

#[inline(always)]
const fn follows(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// Returns whether the byte may be second in a sequence of three or four bytes.
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
pub fn sequence(bytes: &[u8]) -> Sequence {
    match *bytes {
        [0xe1..=0xec | 0xee | 0xef, b, c, ..] if follows(b) & follows(c) => Sequence::Whole(3),
        [0xc2..=0xdf, b, ..] if follows(b) => Sequence::Whole(2),
        [a @ 0xe0..=0xef, b, c, ..] if second(a, b) & follows(c) => Sequence::Whole(3),
        [a @ 0xf0..=0xf4, b, c, d, ..] if second(a, b) & follows(c) & follows(d) => {
            Sequence::Whole(4)
        }
        [0xc2..=0xf4] => Sequence::Cut,
        [a @ 0xe0..=0xf4, b] if second(a, b) => Sequence::Cut,
        [a @ 0xf0..=0xf4, b, c] if second(a, b) & follows(c) => Sequence::Cut,
        _ => Sequence::Bad,
    }
}

/// Returns the index of the first `wanted`.
pub fn find(wanted: u8, bytes: &[u8]) -> Option<usize> {
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

/// Returns the index of the first byte that is one of two.
pub fn find_either(one: u8, other: u8, bytes: &[u8]) -> Option<usize> {
    let is = |byte: &u8| (*byte == one) | (*byte == other);
    let blocks = bytes.as_chunks::<64>().0;
    let clear = blocks
        .iter()
        .take_while(|block| !block.iter().fold(false, |any, byte| any | is(byte)))
        .count();
    bytes.get(clear * 64..)?.iter().position(is).map(|more| clear * 64 + more)
}

/// Returns the index of the first `-` that is followed by another one or is the last byte.
pub fn find_dashes(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    // A single dash does not end the loop, because prose and identifiers are full of them.
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
mod tests;
