//! ANDs bit vectors, block by block and word by word, and finds the restrictions that apply.
//!
//! ```text
//! block of 64 words   each vector has two summary words: the words that have a row, and those
//!                     that lack one (the vector "cares" about these)
//!   alive  = live & first summary of each pick       a pick is the vector of one column's class
//!   word w = live & word w of each pick that cares   for each alive w that can still change
//!                                                    the denied set
//! slots of a word     E has the last row of each slot
//!   any(x)  = (((x & !E) + !E) | x) & E              the sum carries into the last row exactly if
//!                                                    an earlier row of the slot is set
//!   applies = any(when) & !any(unless)
//! ```

use super::prepared::Prepared;
use super::tables::Tables;
use super::tables::{Region, WIDE_END};
use super::window::Window;
use crate::bundle::layout as l;
use crate::bundle::layout::{Span, section};
use crate::bundle::view::{Bundle, Table};

/// The vector of one class, in one region.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pick {
    /// Index of the first word of the base vector in `VECTORS`, and of its summary in `SUMMARIES`.
    words: u32,
    summary: u32,
    /// Differences of the class, and the first of them that is not passed yet.
    diffs: Span,
    next: u32,
    /// The region's range of words within a vector.
    first_word: u32,
    end_word: u32,
    /// In the current block: words that lack a row, and words among the differences. The latter
    /// begin at `next`.
    cares: u64,
    differs: u64,
}

impl Pick {
    pub(crate) fn new(
        bundle: Bundle<'_>,
        prepared: &Prepared,
        region: usize,
        class: &l::Class,
    ) -> Self {
        let Region { first_word, end_word, first_summary } =
            prepared.places.get(region).copied().unwrap_or_default();
        // The differences of the first region come first. Those of the others must be searched for.
        let next = if first_word == 0 || class.diffs.len == 0 {
            class.diffs.at
        } else {
            first_at(bundle.table(section::DIFFS), class.diffs, first_word)
        };
        Self {
            words: class.base.saturating_mul(prepared.vector_words).saturating_add(first_word),
            summary: class
                .base
                .saturating_mul(prepared.vector_summaries)
                .saturating_add(first_summary),
            diffs: class.diffs,
            next,
            first_word,
            end_word,
            cares: 0,
            differs: 0,
        }
    }

    /// Begins a block and returns which of its words have a row. Blocks must be visited in
    /// ascending order.
    fn begin(&mut self, tables: &Tables<'_>, block: u32) -> u64 {
        let pair = self.summary + 2 * block;
        let (mut some, mut cares) = (
            tables.summaries.get(pair).unwrap_or(0),
            tables.summaries.get(pair + 1).unwrap_or(u64::MAX),
        );
        let first = self.first_word + block * 64;
        let (end, end_word) = (self.diffs.at + self.diffs.len, self.end_word.min(first + 64));
        let mut differs = 0;
        let mut at = self.next;
        while at < end
            && let Some(diff) = tables.diffs.get(at)
            && diff.word < end_word
        {
            at += 1;
            if diff.word < first {
                self.next = at;
                continue;
            }
            let bit = 1u64 << (diff.word - first);
            differs |= bit;
            some = if diff.bits == 0 { some & !bit } else { some | bit };
        }
        cares |= differs;
        (self.cares, self.differs) = (cares, differs);
        some
    }

    /// Returns one word of the current block.
    fn word(&self, tables: &Tables<'_>, block: u32, bit: u32) -> u64 {
        if self.differs >> bit & 1 == 1 {
            let before = (self.differs & ((1 << bit) - 1)).count_ones();
            tables.diffs.get(self.next + before).map_or(0, |diff| diff.bits)
        } else {
            tables.vectors.get(self.words + block * 64 + bit).unwrap_or(0)
        }
    }

    /// Returns one word of the vector, in any block.
    fn any_word(&self, tables: &Tables<'_>, word: u32) -> u64 {
        let at = first_at(tables.diffs, self.diffs, self.first_word + word);
        let diff = tables.diffs.get(at).filter(|diff| {
            at < self.diffs.at + self.diffs.len && diff.word == self.first_word + word
        });
        diff.map_or_else(|| tables.vectors.get(self.words + word).unwrap_or(0), |diff| diff.bits)
    }
}

/// Returns the index of the first difference of a span whose word is at least `word`.
fn first_at(diffs: Table<'_, l::Diff>, span: Span, word: u32) -> u32 {
    let (mut low, mut high) = (span.at, span.at.saturating_add(span.len));
    while low < high {
        let middle = low + (high - low) / 2;
        match diffs.get(middle) {
            Some(diff) if diff.word < word => low = middle + 1,
            _ => high = middle,
        }
    }
    low
}

/// A block of a region that is being decided.
#[derive(Clone, Copy)]
struct Block {
    number: u32,
    /// Words that may have a row left.
    alive: u64,
    /// The number of picks that care about an alive word. These picks come first.
    caring: usize,
}

impl Block {
    fn begin(
        tables: &Tables<'_>,
        (_, summary): (&[u64], &[u64]),
        picks: &mut [Pick],
        number: u32,
    ) -> Self {
        let mut alive = summary.get(number as usize).copied().unwrap_or(0);
        let mut begun = 0;
        for pick in picks.iter_mut() {
            if alive == 0 {
                break;
            }
            alive &= pick.begin(tables, number);
            begun += 1;
        }
        // Move the picks that care about an alive word to the front. Most columns test few rows.
        let mut caring = 0;
        for at in 0..begun {
            if picks.get(at).is_some_and(|pick| pick.cares & alive != 0) {
                picks.swap(at, caring);
                caring += 1;
            }
        }
        Self { number, alive, caring }
    }

    /// Returns the rows left in one word.
    #[inline]
    fn rows(
        self,
        tables: &Tables<'_>,
        (live, _): (&[u64], &[u64]),
        picks: &[Pick],
        bit: u32,
    ) -> u64 {
        let mut rows = live.get((self.number * 64 + bit) as usize).copied().unwrap_or(0);
        for pick in picks.get(..self.caring).unwrap_or_default() {
            if pick.cares >> bit & 1 == 1 {
                rows &= pick.word(tables, self.number, bit);
                if rows == 0 {
                    break;
                }
            }
        }
        rows
    }
}

/// Returns the ends of those slots of a word that have a row.
fn any(rows: u64, ends: u64) -> u64 {
    ((rows & !ends).wrapping_add(!ends) | rows) & ends
}

/// A step of [`applying`], passed to its callback.
pub(crate) enum Step {
    /// The search has reached this row. The callback returns the first row from which restrictions
    /// may still close something.
    At(u32),
    /// The restrictions that end at these bits of this word apply. The return value is ignored.
    Applies(u32, u64),
}

/// Finds the restrictions that apply.
pub(crate) fn applying(
    tables: &Tables<'_>,
    prepared: &Prepared,
    window: &Window,
    when: &mut [Pick],
    unless: &mut [Pick],
    tell: &mut dyn FnMut(Step) -> u32,
) {
    let (live_when, live_unless) = (live(prepared, window, WHEN), live(prepared, window, UNLESS));
    for number in (0..).take(prepared.regions[WHEN].div_ceil(64)) {
        let first = number * 64;
        let idle = live_when.1.get(number as usize).is_none_or(|summary| *summary == 0);
        if idle || tell(Step::At(first * 64)) >= (first + 64) * 64 {
            continue;
        }
        let block = Block::begin(tables, live_when, when, number);
        let mut alive = block.alive;
        let mut cancels: Option<Block> = None;
        let mut group = None;
        while alive != 0 {
            let bit = alive.trailing_zeros();
            let word = first + bit;
            // The callback is asked once for each group, and again after a restriction of the group
            // has applied.
            let own = prepared.first_group(word);
            if group != Some(own) {
                group = Some(own);
                let open = tell(Step::At(word * 64)) / 64;
                if open > word {
                    alive &= if open - first < 64 { u64::MAX << (open - first) } else { 0 };
                    continue;
                }
            }
            alive &= alive - 1;
            let rows = block.rows(tables, live_when, when, bit);
            if rows == 0 {
                continue;
            }
            let ends = prepared.ends.get(word as usize).copied().unwrap_or(0);
            let mut applies = any(rows, ends);
            if applies != 0 && word < prepared.aligned_words {
                let begun = match cancels {
                    Some(begun) => begun,
                    None => Block::begin(tables, live_unless, unless, number),
                };
                cancels = Some(begun);
                if begun.alive >> bit & 1 == 1 {
                    applies &= !any(begun.rows(tables, live_unless, unless, bit), ends);
                }
            }
            if applies != 0 {
                tell(Step::Applies(word, applies));
                group = None;
            }
        }
    }
    for rule in &prepared.wide {
        let has = |live: (&[u64], &[u64]), picks: &[Pick], rows: Span| {
            (rows.at / 64..rows.at.saturating_add(rows.len).div_ceil(64)).any(|word| {
                let start = live.0.get(word as usize).copied().unwrap_or(0);
                picks.iter().fold(start, |rows, pick| {
                    if rows == 0 { 0 } else { rows & pick.any_word(tables, word) }
                }) != 0
            })
        };
        let open = tell(Step::At(rule.when.at)) < rule.when.at.saturating_add(rule.when.len);
        if open && has(live_when, when, rule.when) && !has(live_unless, unless, rule.unless) {
            tell(Step::Applies(rule.when.at / 64, 1 << WIDE_END));
        }
    }
}

/// Visits the surviving rows of the licence region in ascending order. `visit` returns the row from
/// which it wants more.
pub(crate) fn surviving(
    tables: &Tables<'_>,
    prepared: &Prepared,
    window: &Window,
    picks: &mut [Pick],
    visit: &mut dyn FnMut(u32) -> u32,
) {
    let live = live(prepared, window, LICENCE);
    let mut from = 0u32;
    for number in (0..).take(prepared.regions[LICENCE].div_ceil(64)) {
        if live.1.get(number as usize).is_none_or(|summary| *summary == 0)
            || (number + 1) * 4_096 <= from
        {
            continue;
        }
        let block = Block::begin(tables, live, picks, number);
        let mut alive = block.alive;
        while alive != 0 {
            let bit = alive.trailing_zeros();
            alive &= alive - 1;
            let first = (number * 64 + bit) * 64;
            if from >= first + 64 {
                continue;
            }
            let mut rows =
                block.rows(tables, live, picks, bit) & u64::MAX << from.saturating_sub(first);
            while rows != 0 {
                let row = first + rows.trailing_zeros();
                from = visit(row).max(row + 1);
                rows &= if from - first < 64 { u64::MAX << (from - first) } else { 0 };
            }
        }
    }
}

const WHEN: usize = 0;
const UNLESS: usize = 1;
const LICENCE: usize = 2;

/// Returns the live rows of a region and their summary.
fn live<'e>(prepared: &Prepared, window: &'e Window, region: usize) -> (&'e [u64], &'e [u64]) {
    (window.live(prepared, region), window.summary(prepared, region))
}
