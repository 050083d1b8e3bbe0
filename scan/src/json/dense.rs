//! Passes over an unwanted container where tokens are dense: many of them in a few bytes.
//!
//! ```text
//! block of 64     {"type":"number","enum":[1,20],"
//! begins          ^^      ^       ^^      ^^  ^ ^^       strings and scalars by their first bytes
//! what follows    a comma, a colon, an opening bracket, a value, a key: a mask each, by addition
//! checks          what may not be there: a few operations for all tokens of the block
//! brackets        one by one: keys after commas in objects only, other values in lists only
//! next block      begins with what is due after this one
//! ```
//!
//! Input: bytes from a token boundary, and what may come next. Output: the same for another place.
//! It returns no errors: it stops before a block that it cannot accept, and the simple way finds
//! what is wrong in it. A string is left to [`bytes::skip`] if it fills a block, or has an escape or
//! a character outside ASCII.

use super::{DEPTH, Mode, Reader};
use crate::bytes;
use crate::simd::Block;

/// The most levels that it keeps: one bit each, and one more bit.
const LEVELS: usize = 63;

/// The most bytes of a block that are judged. What is due after them is seen in the last bit.
const JUDGED: u32 = 63;

impl Reader {
    /// Passes over tokens up to where the outermost unwanted level closes, to the last whole block,
    /// or to what it does not handle. The innermost level must not be live.
    #[inline(never)] // so that the simple way keeps its variables in registers
    pub(super) fn dense(&mut self, bytes: &[u8], at: usize) -> usize {
        let levels = self.depth.saturating_sub(self.live);
        if levels >= LEVELS || self.live + LEVELS > DEPTH || bytes.len() < at + 64 {
            return at;
        }
        // Bit 0: the innermost level is an object. The highest bit that is set marks the end.
        let mut stack = 1;
        for level in self.live..self.depth {
            stack = stack << 1 | u64::from(self.is_object(level));
        }
        let mut due = Due::new(self.mode);
        let at = self.pass(bytes, at, &mut due, &mut stack);
        self.depth = self.live;
        for level in (0..stack.ilog2()).rev() {
            self.push(stack >> level & 1 != 0);
        }
        self.is_key = due.is_key(stack);
        self.is_read = false;
        self.mode = due.mode(stack);
        at
    }

    #[inline(always)]
    fn pass(&mut self, bytes: &[u8], mut at: usize, due: &mut Due, stack: &mut u64) -> usize {
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(text) = rest.first_chunk::<64>() else { return at };
            let block = Block::new(text);
            let quotes = block.is(b'"');
            // A string fills the block.
            let mut is_string = quotes < 2 && quotes | due.inside != 0;
            if !is_string {
                let in_list = due.may_begin() & !*stack != 0;
                if in_list && text.first().is_some_and(u8::is_ascii_digit) {
                    let length = bytes::integers(rest);
                    if length > 0 {
                        at += length;
                        *due = Due::new(Mode::Value);
                        continue;
                    }
                }

                let tokens = Tokens::new(block, quotes, due.inside);
                is_string = tokens.has_stop;
                if tokens.scope == 0 && !is_string
                    || tokens.other != 0 && !self.are_scalars(block, tokens.other, rest)
                {
                    return at;
                }
                let Some((next, proof)) = tokens.order(due) else { return at };
                let Some((levels, length)) = tokens.nest(text, *stack, proof) else { return at };
                *stack = levels;
                at += length as usize;
                if levels == 1 {
                    *due = Due::new(Mode::After);
                    return at;
                }
                *due = next;
            }

            if is_string {
                let either = u64::from(due.is_key(*stack));
                if due.inside == 0 {
                    if due.may_begin() == 0 || bytes.get(at) != Some(&b'"') {
                        return at;
                    }
                    at += 1;
                }
                let (length, closed) = bytes::skip(bytes.get(at..).unwrap_or_default());
                at += length;
                *due = Due { either, inside: 1, ..Due::default() };
                if !closed {
                    return at;
                }
                at += 1;
                *due = Due { either, after: 1, ..Due::default() };
            }
        }
    }

    /// Returns whether these runs of bytes are numbers and literals.
    #[inline(always)]
    fn are_scalars(&mut self, block: Block, runs: u64, bytes: &[u8]) -> bool {
        let digits = block.digits();
        let starts = runs & !(runs << 1);
        let leading_zeros = block.is(b'0') & starts;
        let mut odd = runs & (!digits | leading_zeros << 1);
        while odd != 0 {
            let from = 63 - (starts & (odd ^ (odd - 1))).leading_zeros();
            let length = (!(runs >> from)).trailing_zeros();
            let rest = bytes.get(from as usize..).unwrap_or_default();
            let is_scalar = rest.first().is_some_and(|byte| {
                matches!(byte, b't' | b'f' | b'n' | b'-' | b'0'..=b'9')
                    && self.scalar(rest, 1, *byte) == Ok(length as usize)
            });
            if !is_scalar {
                return false;
            }
            // The last bit of a block belongs to no run.
            odd &= u64::MAX << (from + length);
        }
        true
    }
}

/// What may come next, each of them 0 or 1.
#[derive(Clone, Copy, Debug, Default)]
struct Due {
    /// A value, after a colon, or after a comma where the level is known to be a list.
    colon: u64,
    /// A key in an object, a value in a list.
    comma: u64,
    /// The same, or the end of the level.
    first: u64,
    /// What follows a value or key.
    after: u64,
    /// A colon if the level is an object, since the last string was a key. Inside a string: it may
    /// be a key.
    either: u64,
    /// The rest of a string.
    inside: u64,
}

impl Due {
    #[inline(always)]
    fn new(mode: Mode) -> Self {
        let is = |other| u64::from(mode == other);
        Self {
            colon: is(Mode::Value),
            comma: is(Mode::Key),
            first: is(Mode::FirstKey) | is(Mode::FirstValue),
            after: is(Mode::After) | is(Mode::Colon),
            either: is(Mode::Colon),
            inside: 0,
        }
    }

    #[inline(always)]
    fn may_begin(&self) -> u64 {
        self.colon | self.comma | self.first
    }

    /// Returns whether the string that begins, goes on or was the last token is a key.
    #[inline(always)]
    fn is_key(&self, stack: u64) -> bool {
        (self.first | self.comma | self.either) & stack & 1 != 0
    }

    fn mode(&self, stack: u64) -> Mode {
        let is_key = self.is_key(stack);
        if self.inside != 0 {
            Mode::Text
        } else if self.after != 0 {
            if is_key { Mode::Colon } else { Mode::After }
        } else if self.first != 0 {
            if is_key { Mode::FirstKey } else { Mode::FirstValue }
        } else if is_key {
            Mode::Key
        } else {
            Mode::Value
        }
    }
}

/// What begins or ends where in a block, as far as it is judged.
#[derive(Clone, Copy, Debug)]
struct Tokens {
    /// The first and the last bytes of strings.
    begins: u64,
    ends: u64,
    /// Strings, with their quotes.
    text: u64,
    blank: u64,
    colons: u64,
    commas: u64,
    opens: u64,
    closes: u64,
    /// The rest: scalars, if the document is JSON.
    other: u64,
    /// The bytes that are judged.
    scope: u64,
    /// The string at the end of the scope has a byte that must be looked at.
    has_stop: bool,
    /// The end of the scope is inside a string.
    inside: u64,
}

impl Tokens {
    #[inline(always)]
    fn new(block: Block, quotes: u64, carry: u64) -> Self {
        let inside = parity(quotes) ^ 0u64.wrapping_sub(carry);
        let begins = quotes & inside;
        let text = inside | quotes;
        let colons = block.is(b':') & !text;
        let commas = block.is(b',') & !text;
        let opens = block.folds_to(b'{') & !text;
        let closes = block.folds_to(b'}') & !text;
        let mut blank = block.is(b' ') & !text;
        let mut stops = 0;
        if block.has_stop() {
            blank = block.blank() & !text;
            stops = block.stops() & text;
        }
        let other = !(text | blank | colons | commas | opens | closes);
        let mut end = JUDGED;
        let has_stop = stops << 1 != 0;
        if has_stop {
            end = (begins & (stops ^ stops.wrapping_sub(1))).checked_ilog2().unwrap_or(0);
        } else if other >> (JUDGED - 1) == 3 {
            end = (other & !(other << 1)).ilog2();
        }
        let scope = (1 << end) - 1;
        Self {
            begins: begins & scope,
            ends: quotes & !inside & scope,
            text: text & scope,
            blank: blank & scope,
            colons: colons & scope,
            commas: commas & scope,
            opens: opens & scope,
            closes: closes & scope,
            other: other & scope,
            scope,
            has_stop,
            inside: (text & !begins) >> end & 1,
        }
    }

    /// Returns what is due after the block, and what says of what kind levels are. `None`: a token is
    /// where none of its kind may be.
    #[inline(always)]
    fn order(&self, due: &Due) -> Option<(Due, Proof)> {
        let Self { begins, ends, text, blank, colons, commas, opens, closes, .. } = *self;
        let Self { other, scope, inside, .. } = *self;
        // The first bytes of tokens, by what is before them. A sum carries over what is blank.
        //
        // INVARIANT: what is added to a run of blanks is added to its first bit.
        let next = |ends: u64| ends.wrapping_add(blank) & !blank;
        let after_colon = next(colons << 1 | due.colon);
        let after_comma = next(commas << 1 | due.comma);
        let first = next(opens << 1 | due.first);
        let after_value = next((ends | closes) << 1 | other << 1 & !other | due.after);
        // What is behind strings that may be keys.
        let skipped = text | blank;
        let either = (begins & (after_comma | first) | due.either).wrapping_add(skipped) & !skipped;

        let bad = after_value & (begins | other | opens)
            | (after_colon | after_comma) & (colons | commas | closes)
            | first & (colons | commas)
            | colons & !either;
        let last = |mask: u64| mask >> scope.count_ones() & 1;
        let next = Due {
            colon: last(after_colon),
            comma: last(after_comma),
            first: last(first),
            after: last(after_value),
            either: last(either),
            inside,
        };
        let lists = either & !colons | (after_comma | first) & !(begins | closes);
        let proof = Proof { objects: either & colons, lists: lists & scope };
        (bad & scope == 0).then_some((next, proof))
    }

    /// Returns the levels after the block and its length. If the outermost level closes, what is
    /// after it does not belong to the block. `None`: a level is of another kind, or there are too
    /// many.
    #[inline(always)]
    fn nest(&self, text: &[u8; 64], mut levels: u64, proof: Proof) -> Option<(u64, u32)> {
        let (mut seen, mut wrong) = (0, 0);
        let mut brackets = self.opens | self.closes;
        while brackets != 0 {
            let until = brackets ^ (brackets - 1);
            let bit = brackets & until;
            brackets ^= bit;
            wrong |= proof.against(levels) & until & !seen;
            seen = until;
            let place = until.count_ones();
            let curly = text.get(place as usize - 1).map_or(0, |byte| u64::from(byte >> 5 & 1));
            if self.opens & bit != 0 {
                wrong |= levels >> LEVELS;
                levels = levels << 1 | curly;
            } else {
                wrong |= levels & 1 ^ curly;
                levels >>= 1;
                if levels == 1 {
                    return (wrong == 0).then_some((levels, place));
                }
            }
        }
        wrong |= proof.against(levels) & !seen;
        (wrong == 0).then_some((levels, self.scope.count_ones()))
    }
}

/// What follows a comma or an opening bracket says of what kind the level is.
#[derive(Clone, Copy, Debug)]
struct Proof {
    /// Colons after strings.
    objects: u64,
    /// Anything else after strings, and values that are no strings.
    lists: u64,
}

impl Proof {
    /// Marks what may not be in the innermost of these levels.
    #[inline(always)]
    fn against(self, levels: u64) -> u64 {
        if levels & 1 != 0 { self.lists } else { self.objects }
    }
}

/// Returns for each bit whether the number of bits up to it is odd.
#[inline(always)]
fn parity(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[cfg(test)]
mod tests;
