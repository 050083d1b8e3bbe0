//! Combines what the surviving licences of one caller lift with what the applying restrictions
//! close.

use alloc::vec::Vec;

use super::prepared::Prepared;
use super::tables::Tables;
use crate::bundle::layout::NONE;

/// Slot ends that licences lift.
#[derive(Debug)]
pub(crate) struct Lifted {
    /// Lifted for every model.
    whole: Vec<u64>,
    /// Lifted for some models, by the groups in `parts`.
    partial: Vec<u64>,
    parts: Vec<u32>,
    /// Groups of `parts` that lift the current restriction.
    fitting: Vec<u32>,
    used: bool,
}

impl Lifted {
    pub(crate) fn new(prepared: &Prepared) -> Self {
        let groups = prepared.lift_groups.len();
        let words = if groups == 0 { 0 } else { prepared.regions[0] };
        Self {
            whole: alloc::vec![0; words],
            partial: alloc::vec![0; words],
            parts: Vec::with_capacity(groups),
            fitting: Vec::with_capacity(groups),
            used: false,
        }
    }

    /// Resets for the next caller.
    pub(crate) fn clear(&mut self) {
        if self.used {
            self.whole.fill(0);
            self.partial.fill(0);
            self.parts.clear();
            self.used = false;
        }
    }

    /// Returns whether anything is lifted.
    pub(crate) fn is_used(&self) -> bool {
        self.used
    }

    /// Adds what the licences of a group lift. Returns the row at which the group ends.
    pub(crate) fn add(&mut self, prepared: &Prepared, number: u32) -> u32 {
        let Some(group) = prepared.lift_groups.get(number as usize) else { return 0 };
        self.used = true;
        let to = if group.mask == NONE {
            &mut self.whole
        } else {
            self.parts.push(number);
            &mut self.partial
        };
        for (word, bits) in prepared.lifts_of(group) {
            if let Some(lifted) = to.get_mut(*word as usize) {
                *lifted |= bits;
            }
        }
        group.to
    }

    /// Returns the slot ends of a word whose restrictions are lifted for every model.
    pub(crate) fn whole(&self, word: u32) -> u64 {
        if self.used { self.whole.get(word as usize).copied().unwrap_or(0) } else { 0 }
    }

    /// Adds to `denied` what the restrictions at these slot ends close and no licence lifts.
    pub(crate) fn deny(
        &mut self,
        tables: &Tables<'_>,
        prepared: &Prepared,
        word: u32,
        bits: u64,
        denied: &mut [u64],
    ) {
        let partial = if self.used {
            bits & self.partial.get(word as usize).copied().unwrap_or(0)
        } else {
            0
        };
        let whole = bits & !partial;
        let mut rest = bits;
        for group in prepared.groups_from(word) {
            if rest == 0 {
                return;
            }
            let own = rest & rows_within(word, group.from, group.to);
            rest &= !own;
            if own & whole != 0 {
                // One restriction of the group that no licence lifts closes the whole mask, which
                // covers everything its neighbours close.
                or(denied, tables.mask(group.mask).iter());
            } else if own != 0 {
                self.deny_rest(tables, prepared, word, own, group.mask, denied);
            }
        }
    }

    /// As [`Self::deny`], for restrictions with one mask, each lifted in part.
    fn deny_rest(
        &mut self,
        tables: &Tables<'_>,
        prepared: &Prepared,
        word: u32,
        mut bits: u64,
        mask: u32,
        denied: &mut [u64],
    ) {
        while bits != 0 {
            let bit = bits.trailing_zeros();
            // A restriction that is lifted by every licence that lifts this one closes no more than
            // this one, so it is skipped.
            let mut alike = u64::MAX;
            self.fitting.clear();
            for number in &self.parts {
                let Some(group) = prepared.lift_groups.get(*number as usize) else { continue };
                let lifts = prepared.lifts_of(group);
                let own = lifts
                    .binary_search_by_key(&word, |(word, _)| *word)
                    .ok()
                    .and_then(|at| lifts.get(at));
                if let Some((_, own)) = own.filter(|(_, own)| own >> bit & 1 == 1) {
                    alike &= own;
                    self.fitting.push(group.mask);
                }
            }
            bits &= !(alike | 1 << bit);
            for (at, denied) in denied.iter_mut().enumerate() {
                let lifted =
                    self.fitting.iter().fold(0, |lifted, mask| lifted | tables.mask(*mask).at(at));
                *denied |= tables.mask(mask).at(at) & !lifted;
            }
        }
    }
}

fn or(to: &mut [u64], from: impl Iterator<Item = u64>) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to |= from);
}

/// Returns the bits of a word that lie within `from..to`.
fn rows_within(word: u32, from: u32, to: u32) -> u64 {
    let first = word * 64;
    let below = |row: u32| match row.saturating_sub(first) {
        within @ 0..64 => (1u64 << within) - 1,
        _ => u64::MAX,
    };
    below(to) & !below(from)
}
