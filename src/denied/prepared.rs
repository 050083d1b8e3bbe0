//! Tables that an evaluator derives once from a bundle: the ends of slots, adjacent restrictions
//! that close the same models, licences that lift the same.

use alloc::vec::Vec;

use super::tables::Tables;
use super::tables::{Region, end_of};
use crate::bundle::layout as l;
use crate::bundle::layout::{NONE, Span, section};
use crate::bundle::view::{Bundle, is_wide};
use crate::compact::sort;

/// Adjacent slots in the `when` region whose restrictions close the same models. Row range
/// `from..to`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) mask: u32,
}

/// Adjacent rows of licences that lift the same restrictions for the same models.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LiftGroup {
    pub(crate) to: u32,
    /// `NONE`: everything that a restriction closes.
    pub(crate) mask: u32,
    /// Span of `Prepared::lifts`.
    lifts: Span,
}

/// Rows of a restriction that has more than one word of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wide {
    pub(crate) when: Span,
    pub(crate) unless: Span,
}

#[derive(Debug)]
pub(crate) struct Prepared {
    /// Identifies the bundle; compared with the tag of an account.
    pub(crate) tag: u64,
    /// Number of words of each of the three regions.
    pub(crate) regions: [usize; 3],
    pub(crate) places: [Region; 3],
    /// Words of a vector, and of its summary.
    pub(crate) vector_words: u32,
    pub(crate) vector_summaries: u32,
    /// The last row of each slot of at most one word, as bits of the words of the `when` region.
    pub(crate) ends: Vec<u64>,
    /// Leading words of the `unless` region that belong to slots. The rows of wide restrictions
    /// follow them.
    pub(crate) aligned_words: u32,
    pub(crate) groups: Vec<Group>,
    /// For each word: the first group with rows in this word or a later one.
    first_group: Vec<u32>,
    /// Restrictions of more than one word.
    pub(crate) wide: Vec<Wide>,
    pub(crate) lift_groups: Vec<LiftGroup>,
    /// For each licence: its group.
    lift_group_of: Vec<u32>,
    /// Words of the `when` region, and in them the slot ends that are lifted. Ascending within the
    /// span of a group.
    lifts: Vec<(u32, u64)>,
}

impl Prepared {
    pub(crate) fn new(bundle: Bundle<'_>) -> Self {
        let meta = bundle.meta();
        let counts = meta.map_or([0; 3], |m| [m.when_words, m.unless_words, m.licence_words]);
        let (mut vector_words, mut vector_summaries) = (0, 0);
        let (mut regions, mut places) = ([0; 3], [Region::default(); 3]);
        for ((words, region), place) in counts.into_iter().zip(&mut regions).zip(&mut places) {
            *region = words as usize;
            *place = Region {
                first_word: vector_words,
                end_word: vector_words + words,
                first_summary: vector_summaries,
            };
            vector_words += words;
            vector_summaries += 2 * words.div_ceil(64);
        }
        let restrictions = bundle.table::<l::Restriction>(section::RESTRICTIONS);
        let mut prepared = Self {
            tag: crate::facts::account::tag(bundle),
            regions,
            places,
            vector_words,
            vector_summaries,
            ends: alloc::vec![0; regions[0]],
            aligned_words: 0,
            groups: Vec::new(),
            first_group: Vec::with_capacity(regions[0]),
            wide: Vec::new(),
            lift_groups: Vec::new(),
            lift_group_of: Vec::new(),
            lifts: Vec::new(),
        };
        for rule in restrictions.iter() {
            if is_wide(&rule) {
                prepared.wide.push(Wide { when: rule.when, unless: rule.unless });
            } else if let Some((word, bit)) = end_of(&rule)
                && let Some(ends) = prepared.ends.get_mut(word as usize)
            {
                *ends |= 1 << bit;
                if rule.unless.len > 0 {
                    prepared.aligned_words = prepared.aligned_words.max(word + 1);
                }
            }
        }
        let rows = u32::try_from(regions[0] * 64).unwrap_or(0);
        let owners = bundle.table::<u32>(section::ROW_OWNERS);
        let mut last = NONE;
        for (row, owner) in (0..rows).zip(owners.iter()) {
            if owner == NONE {
                continue;
            }
            if owner != last {
                last = owner;
                let mask = restrictions.get(owner).map_or(NONE, |rule| rule.mask);
                if prepared.groups.last().is_none_or(|group| group.mask != mask) {
                    prepared.groups.push(Group { from: row, to: row, mask });
                }
            }
            if let Some(group) = prepared.groups.last_mut() {
                group.to = row + 1;
            }
        }
        let mut first = 0;
        for word in 0..rows / 64 {
            while prepared.groups.get(first as usize).is_some_and(|group| group.to <= word * 64) {
                first += 1;
            }
            prepared.first_group.push(first);
        }
        prepared.read_licences(
            bundle,
            owners.span(Span { at: rows, len: u32::try_from(regions[2] * 64).unwrap_or(0) }).iter(),
        );
        prepared
    }

    fn read_licences(&mut self, bundle: Bundle<'_>, owners: impl Iterator<Item = u32>) {
        let restrictions = bundle.table::<l::Restriction>(section::RESTRICTIONS);
        let licences = bundle.table::<l::Licence>(section::LICENCES);
        let indices = bundle.table::<u32>(section::INDICES);
        self.lift_group_of = alloc::vec![NONE; licences.len()];
        // The bundle stores each list of lifted restrictions once and shares it, so its words are
        // shared too.
        let mut written: Vec<(Span, Span)> = Vec::new();
        let mut last: Option<(Span, u32)> = None;
        for (row, owner) in (0..).zip(owners) {
            let Some(licence) = licences.get(owner) else { continue };
            if last != Some((licence.lifts, licence.mask)) {
                let found = written
                    .binary_search_by_key(&(licence.lifts.at, licence.lifts.len), |(list, _)| {
                        (list.at, list.len)
                    });
                let lifts = match found {
                    Ok(known) => written.get(known).map_or(licence.lifts, |(_, words)| *words),
                    Err(free) => {
                        let at = self.lifts.len();
                        let mut ends: Vec<(u32, u32)> = Vec::new();
                        for index in indices.span(licence.lifts).iter() {
                            ends.extend(restrictions.get(index).and_then(|rule| end_of(&rule)));
                        }
                        sort::sort(&mut ends);
                        for (word, bit) in ends {
                            match self.lifts.get_mut(at..).and_then(<[_]>::last_mut) {
                                Some((last, bits)) if *last == word => *bits |= 1 << bit,
                                _ => self.lifts.push((word, 1 << bit)),
                            }
                        }
                        let short = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
                        let words = Span { at: short(at), len: short(self.lifts.len() - at) };
                        written.insert(free, (licence.lifts, words));
                        words
                    }
                };
                self.lift_groups.push(LiftGroup { to: row, mask: licence.mask, lifts });
                last = Some((licence.lifts, licence.mask));
            }
            if let Some(group) = self.lift_groups.last_mut() {
                group.to = row + 1;
            }
            if let Some(slot) = self.lift_group_of.get_mut(owner as usize) {
                *slot = u32::try_from(self.lift_groups.len() - 1).unwrap_or(NONE);
            }
        }
    }

    /// Returns the words and slot ends that a group of licences lifts.
    pub(crate) fn lifts_of(&self, group: &LiftGroup) -> &[(u32, u64)] {
        let at = group.lifts.at as usize;
        self.lifts.get(at..at + group.lifts.len as usize).unwrap_or_default()
    }

    /// Returns the group of licences that a row belongs to.
    pub(crate) fn lift_group(&self, tables: &Tables<'_>, row: u32) -> Option<u32> {
        let licence = self.licence_of(tables, row)?;
        self.lift_group_of.get(licence as usize).copied().filter(|group| *group != NONE)
    }

    /// Returns the licence that a row of the licence region belongs to.
    pub(crate) fn licence_of(&self, tables: &Tables<'_>, row: u32) -> Option<u32> {
        let rows = u32::try_from(self.regions[0]).ok()?.checked_mul(64)?;
        tables.owners.get(rows.checked_add(row)?).filter(|owner| *owner != NONE)
    }

    /// Returns the restriction whose slot ends at this bit of a word.
    pub(crate) fn restriction_at(&self, tables: &Tables<'_>, word: u32, bit: u32) -> Option<u32> {
        tables.owners.get(word.checked_mul(64)?.checked_add(bit)?).filter(|owner| *owner != NONE)
    }

    /// Returns the first group that has rows in this word or a later one.
    pub(crate) fn first_group(&self, word: u32) -> u32 {
        self.first_group.get(word as usize).copied().unwrap_or(0)
    }

    /// Returns the groups that have rows in this word or a later one.
    pub(crate) fn groups_from(&self, word: u32) -> &[Group] {
        self.groups.get(self.first_group(word) as usize..).unwrap_or_default()
    }

    /// Returns the first row from `row` on that belongs to a restriction whose models are not all
    /// denied yet.
    pub(crate) fn open_from(&self, tables: &Tables<'_>, row: u32, denied: &[u64]) -> u32 {
        for group in self.groups_from(row / 64).iter().skip_while(|group| group.to <= row) {
            if tables.mask(group.mask).iter().zip(denied).any(|(mask, denied)| mask & !denied != 0)
            {
                return row.max(group.from);
            }
        }
        u32::MAX
    }
}
