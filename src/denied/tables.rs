//! The sections of a bundle that decisions read, and where regions and slots lie in them.

use alloc::vec::Vec;

use crate::bundle::layout as l;
use crate::bundle::layout::{Span, section};
use crate::bundle::view::{Bundle, Table, is_wide, slot_of};

/// The sections that decisions read, looked up once.
pub(crate) struct Tables<'a> {
    pub(crate) vectors: Table<'a, u64>,
    pub(crate) summaries: Table<'a, u64>,
    pub(crate) diffs: Table<'a, l::Diff>,
    pub(crate) owners: Table<'a, u32>,
    pub(crate) masks: Table<'a, u64>,
    pub(crate) mask_words: u32,
}

impl<'a> Tables<'a> {
    pub(crate) fn new(bundle: Bundle<'a>) -> Self {
        Self {
            vectors: bundle.table(section::VECTORS),
            summaries: bundle.table(section::SUMMARIES),
            diffs: bundle.table(section::DIFFS),
            owners: bundle.table(section::ROW_OWNERS),
            masks: bundle.table(section::MASKS),
            mask_words: bundle.meta().map_or(0, |meta| meta.mask_words),
        }
    }

    pub(crate) fn mask(&self, number: u32) -> Mask<'a> {
        Mask(
            self.masks
                .span(Span { at: number.saturating_mul(self.mask_words), len: self.mask_words }),
        )
    }
}

/// The bits of one mask.
#[derive(Clone, Copy)]
pub(crate) struct Mask<'a>(Table<'a, u64>);

impl<'a> Mask<'a> {
    pub(crate) fn iter(self) -> impl Iterator<Item = u64> + 'a {
        self.0.iter()
    }

    pub(crate) fn at(self, word: usize) -> u64 {
        u32::try_from(word).ok().and_then(|word| self.0.get(word)).unwrap_or(0)
    }
}

/// Writes every word of a class's vector to `to`.
pub(crate) fn class_words(bundle: Bundle<'_>, class: &l::Class, total: usize, to: &mut Vec<u64>) {
    let len = u32::try_from(total).unwrap_or(0);
    to.clear();
    for word in bundle
        .table::<u64>(section::VECTORS)
        .span(Span { at: class.base.saturating_mul(len), len })
        .iter()
    {
        to.push(word);
    }
    for diff in bundle.table::<l::Diff>(section::DIFFS).span(class.diffs).iter() {
        if let Some(word) = to.get_mut(diff.word as usize) {
            *word = diff.bits;
        }
    }
}

/// The range of a region in a vector and in its summary.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Region {
    pub(crate) first_word: u32,
    pub(crate) end_word: u32,
    pub(crate) first_summary: u32,
}

/// Returns the word and bit that represent a restriction.
pub(crate) fn end_of(rule: &l::Restriction) -> Option<(u32, u32)> {
    let slot = slot_of(rule);
    if is_wide(rule) {
        return (slot.len > 0).then_some((slot.at / 64, WIDE_END));
    }
    let last = slot.at + slot.len.checked_sub(1)?;
    Some((last / 64, last % 64))
}

/// The bit that represents a wide restriction, in its first word. Other restrictions are
/// represented by the end of their slot.
pub(crate) const WIDE_END: u32 = 63;
