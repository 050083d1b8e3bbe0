//! The AND of bit vectors, 64 words at a time, and what it says of slots.
//!
//! ```text
//! block of 64 words      one summary word a vector: bit w is set if word w has a row
//!   alive  = live & summary of each pick             a pick is the vector of one column's class
//!   word w = live & word w of each pick, for w alive
//! slots of a word        E has the last row of each slot
//!   any(x) = (((x & !E) + !E) | x) & E               the sum carries into the last row exactly if a row before it is set
//!   applies = any(when) & !any(unless)
//! ```

use super::epoch::Epoch;
use super::plan::{Plan, WIDE_END};
use crate::bundle::layout::{self as l, Span, section};
use crate::bundle::{Bundle, Table};

/// The sections that deciding reads, looked up once.
pub(super) struct Tables<'a> {
    vectors: Table<'a, u64>,
    summaries: Table<'a, u64>,
    diffs: Table<'a, l::Diff>,
    pub(super) owners: Table<'a, u32>,
    masks: Table<'a, u64>,
    mask_words: u32,
}

/// The bits of one mask.
#[derive(Clone, Copy)]
pub(super) struct Mask<'a>(Table<'a, u64>);

impl<'a> Mask<'a> {
    pub(super) fn iter(self) -> impl Iterator<Item = u64> + 'a {
        self.0.iter()
    }

    pub(super) fn at(self, word: usize) -> u64 {
        u32::try_from(word).ok().and_then(|word| self.0.get(word)).unwrap_or(0)
    }
}

impl<'a> Tables<'a> {
    pub(super) fn new(bundle: Bundle<'a>) -> Self {
        Self {
            vectors: bundle.table(section::VECTORS),
            summaries: bundle.table(section::SUMMARIES),
            diffs: bundle.table(section::DIFFS),
            owners: bundle.table(section::ROW_OWNERS),
            masks: bundle.table(section::MASKS),
            mask_words: bundle.meta().map_or(0, |meta| meta.mask_words),
        }
    }

    pub(super) fn mask(&self, number: u32) -> Mask<'a> {
        Mask(self.masks.span(Span { at: number.saturating_mul(self.mask_words), len: self.mask_words }))
    }
}

/// The vector of one class, in one region.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pick {
    /// First word of the base in `VECTORS`, first of its summary in `SUMMARIES`.
    words: u32,
    summary: u32,
    /// The base has every row, so the differences alone restrict.
    all: bool,
    /// Differences of the region, and the first that is not behind us.
    diffs: Span,
    next: u32,
    /// Number of the region's first word.
    first_word: u32,
}

impl Pick {
    pub(super) fn new(bundle: Bundle<'_>, plan: &Plan, region: usize, class: &l::Class) -> Self {
        let (mut before, mut own, mut total) = (0usize, 0, 0);
        let (mut summaries_before, mut summaries) = (0usize, 0);
        for (at, words) in plan.regions.iter().enumerate() {
            if at < region {
                before += words;
                summaries_before += words.div_ceil(64);
            } else if at == region {
                own = *words;
            }
            total += words;
            summaries += words.div_ceil(64);
        }
        let short = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let diffs: Table<'_, l::Diff> = bundle.table(section::DIFFS);
        let start = first_at(diffs, class.diffs, short(before));
        let end = first_at(diffs, class.diffs, short(before + own));
        Self {
            words: class.base.saturating_mul(short(total)).saturating_add(short(before)),
            summary: class.base.saturating_mul(short(summaries)).saturating_add(short(summaries_before)),
            all: class.full >> (3 + region) & 1 == 1,
            diffs: Span { at: start, len: end - start },
            next: start,
            first_word: short(before),
        }
    }

    /// The differences of a block; blocks come in ascending order, so those before it are passed for good.
    fn block(&mut self, diffs: Table<'_, l::Diff>, block: u32) -> Span {
        let first = self.first_word + block * 64;
        let end = self.diffs.at + self.diffs.len;
        while self.next < end && diffs.get(self.next).is_some_and(|diff| diff.word < first) {
            self.next += 1;
        }
        let rest = Span { at: self.next, len: end - self.next };
        let count = diffs.span(rest).iter().take_while(|diff| diff.word < first + 64).count();
        Span { at: self.next, len: u32::try_from(count).unwrap_or(0) }
    }

    /// One word of the vector.
    fn word(&self, tables: &Tables<'_>, word: u32) -> u64 {
        let at = first_at(tables.diffs, self.diffs, self.first_word + word);
        let diff = tables.diffs.get(at).filter(|diff| at < self.diffs.at + self.diffs.len && diff.word == self.first_word + word);
        diff.map_or_else(|| tables.vectors.get(self.words + word).unwrap_or(0), |diff| diff.bits)
    }
}

/// The first difference of a span that is at or behind a word.
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

/// Every word of a class's vector.
pub(super) fn class_words(bundle: Bundle<'_>, class: &l::Class, total: usize, mut visit: impl FnMut(usize, u64)) {
    let len = u32::try_from(total).unwrap_or(0);
    let base = bundle.table::<u64>(section::VECTORS).span(Span { at: class.base.saturating_mul(len), len });
    let mut diffs = bundle.table::<l::Diff>(section::DIFFS).span(class.diffs).iter().peekable();
    for (at, word) in base.iter().enumerate() {
        let diff = diffs.next_if(|diff| diff.word as usize == at);
        visit(at, diff.map_or(word, |diff| diff.bits));
    }
}

/// ANDs a block of a region. Returns which of the wanted words have a row left, and puts these in their places.
fn block(
    tables: &Tables<'_>,
    epoch: (&[u64], &[u64]),
    picks: &mut [Pick],
    number: u32,
    wanted: u64,
    words: &mut [u64; 64],
) -> u64 {
    let (live, summary) = epoch;
    let mut alive = wanted & summary.get(number as usize).copied().unwrap_or(0);
    for pick in picks.iter_mut() {
        if alive == 0 {
            return 0;
        }
        let mut bits = if pick.all { u64::MAX } else { tables.summaries.get(pick.summary + number).unwrap_or(0) };
        for diff in tables.diffs.span(pick.block(tables.diffs, number)).iter() {
            let bit = 1u64 << ((diff.word - pick.first_word) % 64);
            bits = if diff.bits == 0 { bits & !bit } else { bits | bit };
        }
        alive &= bits;
    }
    let first = number as usize * 64;
    for bit in ones(alive) {
        if let (Some(word), Some(live)) = (words.get_mut(bit as usize), live.get(first + bit as usize)) {
            *word = *live;
        }
    }
    for pick in picks.iter_mut() {
        let mut diffs = tables.diffs.span(pick.block(tables.diffs, number)).iter().peekable();
        if pick.all {
            for diff in diffs {
                let bit = (diff.word - pick.first_word) % 64;
                if alive >> bit & 1 == 1
                    && let Some(word) = words.get_mut(bit as usize)
                {
                    *word &= diff.bits;
                    alive &= !(u64::from(*word == 0) << bit);
                }
            }
        } else {
            let left = u32::try_from(live.len() - first.min(live.len())).unwrap_or(0);
            let base = tables.vectors.span(Span { at: pick.words + number * 64, len: left.min(64) });
            for bit in ones(alive) {
                while diffs.next_if(|diff| (diff.word - pick.first_word) % 64 < bit).is_some() {}
                let diff = diffs.next_if(|diff| (diff.word - pick.first_word) % 64 == bit);
                let own = diff.map_or_else(|| base.get(bit).unwrap_or(0), |diff| diff.bits);
                if let Some(word) = words.get_mut(bit as usize) {
                    *word &= own;
                    alive &= !(u64::from(*word == 0) << bit);
                }
            }
        }
        if alive == 0 {
            return 0;
        }
    }
    alive
}

/// The numbers of the bits that are set, ascending.
fn ones(mut bits: u64) -> impl Iterator<Item = u32> {
    core::iter::from_fn(move || {
        let bit = bits.trailing_zeros();
        bits &= bits.wrapping_sub(1);
        (bit < 64).then_some(bit)
    })
}

/// Which slots of a word have a row.
fn any(rows: u64, ends: u64) -> u64 {
    ((rows & !ends).wrapping_add(!ends) | rows) & ends
}

/// What `applying` tells and asks.
pub(super) enum Step {
    /// These rows come next, from the first up to the second: may they be skipped?
    Skip((u32, u32)),
    /// These slot ends of this word are those of restrictions that apply. The answer does not matter.
    Applies(u32, u64),
}

/// Finds the restrictions that apply.
pub(super) fn applying(
    tables: &Tables<'_>,
    plan: &Plan,
    epoch: &Epoch,
    when: &mut [Pick],
    unless: &mut [Pick],
    tell: &mut dyn FnMut(Step) -> bool,
) {
    let (live_when, live_unless) = (live(plan, epoch, WHEN), live(plan, epoch, UNLESS));
    let (mut words, mut cancels) = ([0u64; 64], [0u64; 64]);
    for number in (0..).take(plan.regions[WHEN].div_ceil(64)) {
        let idle = live_when.1.get(number as usize).is_none_or(|summary| *summary == 0);
        if idle || tell(Step::Skip((number * 4_096, (number + 1) * 4_096))) {
            continue;
        }
        let alive = block(tables, live_when, when, number, u64::MAX, &mut words);
        if alive == 0 {
            continue;
        }
        let aligned = plan.aligned_words.saturating_sub(number * 64);
        let aligned = if aligned < 64 { (1 << aligned) - 1 } else { u64::MAX };
        let cancelled = block(tables, live_unless, unless, number, alive & aligned, &mut cancels);
        for bit in ones(alive) {
            let word = number * 64 + bit;
            let ends = plan.ends.get(word as usize).copied().unwrap_or(0);
            let mut applies = any(words.get(bit as usize).copied().unwrap_or(0), ends);
            if cancelled >> bit & 1 == 1 {
                applies &= !any(cancels.get(bit as usize).copied().unwrap_or(0), ends);
            }
            if applies != 0 {
                tell(Step::Applies(word, applies));
            }
        }
    }
    for (_, rule) in &plan.wide {
        let has = |live: (&[u64], &[u64]), picks: &[Pick], rows: Span| {
            (rows.at / 64..rows.at.saturating_add(rows.len).div_ceil(64)).any(|word| {
                let start = live.0.get(word as usize).copied().unwrap_or(0);
                picks.iter().fold(start, |rows, pick| if rows == 0 { 0 } else { rows & pick.word(tables, word) }) != 0
            })
        };
        let slot = (rule.when.at, rule.when.at.saturating_add(rule.when.len));
        if !tell(Step::Skip(slot)) && has(live_when, when, rule.when) && !has(live_unless, unless, rule.unless) {
            tell(Step::Applies(rule.when.at / 64, 1 << WIDE_END));
        }
    }
}

/// Visits the surviving rows of the licence region, ascending; `visit` says from which row on it wants more.
pub(super) fn surviving(tables: &Tables<'_>, plan: &Plan, epoch: &Epoch, picks: &mut [Pick], visit: &mut dyn FnMut(u32) -> u32) {
    let live = live(plan, epoch, LICENCE);
    let mut words = [0u64; 64];
    let mut from = 0u32;
    for number in (0..).take(plan.regions[LICENCE].div_ceil(64)) {
        if live.1.get(number as usize).is_none_or(|summary| *summary == 0) || (number + 1) * 4_096 <= from {
            continue;
        }
        let alive = block(tables, live, picks, number, u64::MAX, &mut words);
        for bit in ones(alive) {
            let first = (number * 64 + bit) * 64;
            let mut rows = words.get(bit as usize).copied().unwrap_or(0);
            while rows != 0 {
                if from > first {
                    rows &= if from - first < 64 { u64::MAX << (from - first) } else { 0 };
                }
                if rows != 0 {
                    let row = first + rows.trailing_zeros();
                    from = visit(row).max(row + 1);
                }
            }
        }
    }
}

const WHEN: usize = 0;
const UNLESS: usize = 1;
const LICENCE: usize = 2;

/// Live rows of a region, and their summary.
fn live<'e>(plan: &Plan, epoch: &'e Epoch, region: usize) -> (&'e [u64], &'e [u64]) {
    (epoch.live(plan, region), epoch.summary(plan, region))
}
