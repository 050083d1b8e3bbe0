//! Writes for each column and class which rows survive.
//!
//! Input: rows with their literals, and the settled columns. Output: `COLUMNS`, `CLASSES`,
//! `VECTORS`, `SUMMARIES`, `DIFFS`.
//!
//! ```text
//! for each column:  rows that read it, grouped by their literals on it (many rows have the same)
//!   for each group: the classes at which survival changes            -> events
//!   for each class, ascending: apply its events to the vector,
//!                              write it as the words that differ from a base
//! ```
//!
//! A base is any vector that is already written: the vector of all rows, the column's don't-care
//! vector, the vector of its class "other", or the column's latest base. A new base is written when
//! the differences written since the last one outweigh it (as in the ski rental problem). So a
//! column of `==` takes a word or two a class, and one of a thousand ascending thresholds a base
//! every few dozen classes.

use std::collections::{BTreeMap, HashMap};

use super::column::{ColumnKey, Keys, Settled, Truth, write_keys};
use super::dnf::{Row, atom_of};
use crate::bundle::layout as l;
use crate::bundle::layout::section;
use crate::bundle::view::class_count;
use crate::bundle::write::Writer;

/// The condition under which a row survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Survives {
    /// Every literal is certainly true.
    IfTrue,
    /// No literal is certainly false.
    UnlessFalse,
}

impl Survives {
    fn with(self, truth: Truth) -> bool {
        match self {
            Self::IfTrue => truth == Truth::True,
            Self::UnlessFalse => truth != Truth::False,
        }
    }
}

/// A row and its position among all regions.
pub(crate) struct PositionedRow {
    pub(crate) at: u32,
    pub(crate) literals: Row,
    pub(crate) survives: Survives,
}

/// Number of words in each of the three regions: when, unless, licence.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Regions(pub(crate) [u32; 3]);

impl Regions {
    fn words(self) -> usize {
        self.0.iter().map(|words| *words as usize).sum()
    }
}

/// Bases and difference lists, each written once.
struct Store<'w> {
    writer: &'w mut Writer,
    regions: Regions,
    bases: Vec<Vec<u64>>,
    /// The vector of all rows: base 0.
    all: Vec<u64>,
    numbers: HashMap<Vec<u64>, u32>,
    diffs: HashMap<Vec<(u32, u64)>, l::Span>,
}

impl Store<'_> {
    fn base(&mut self, vector: &[u64]) -> u32 {
        if let Some(known) = self.numbers.get(vector) {
            return *known;
        }
        let number = u32::try_from(self.bases.len()).unwrap_or(u32::MAX);
        for word in vector {
            self.writer.push(section::VECTORS, word);
        }
        let mut pairs = vector.iter().zip(&self.all);
        for words in self.regions.0 {
            for block in 0..words.div_ceil(64) {
                let (mut some, mut cares) = (0u64, 0u64);
                for (bit, (word, all)) in (0..(words - block * 64).min(64)).zip(pairs.by_ref()) {
                    some |= u64::from(*word != 0) << bit;
                    cares |= u64::from(word != all) << bit;
                }
                self.writer.push(section::SUMMARIES, &some);
                self.writer.push(section::SUMMARIES, &cares);
            }
        }
        self.bases.push(vector.to_vec());
        self.numbers.insert(vector.to_vec(), number);
        number
    }

    fn differences(&self, base: u32, vector: &[u64]) -> Vec<(u32, u64)> {
        let base = self.bases.get(base as usize).map(Vec::as_slice).unwrap_or_default();
        (0..)
            .zip(base.iter().zip(vector))
            .filter(|(_, (a, b))| a != b)
            .map(|(at, (_, word))| (at, *word))
            .collect()
    }

    fn class(&mut self, base: u32, differences: Vec<(u32, u64)>, full: u32) -> l::Class {
        let writer = &mut *self.writer;
        let diffs = if differences.is_empty() {
            l::Span { at: 0, len: 0 }
        } else {
            *self.diffs.entry(differences).or_insert_with_key(|differences| {
                let records: Vec<l::Diff> = differences
                    .iter()
                    .map(|(word, bits)| l::Diff { word: *word, reserved: 0, bits: *bits })
                    .collect();
                writer.extend(section::DIFFS, &records)
            })
        };
        l::Class { base, diffs, full }
    }
}

/// Writes all columns in the order of facts, so that the values of one account are looked up
/// together.
pub(crate) fn write(
    writer: &mut Writer,
    regions: Regions,
    rows: &[PositionedRow],
    settled: &Settled,
    column_of: impl Fn(u32) -> usize,
    aux: impl Fn(&ColumnKey) -> u32,
) {
    let mut full = vec![0u64; regions.words()];
    for row in rows {
        put(&mut full, row.at, true);
    }
    // Group the rows of each column by their literals on it.
    let mut said: Vec<BTreeMap<(Row, Survives), Vec<u32>>> =
        settled.columns.iter().map(|_| BTreeMap::new()).collect();
    for row in rows {
        let mut rest = row.literals.clone();
        while let Some(first) = rest.first().copied() {
            let column = column_of(atom_of(first));
            let (own, others) =
                rest.into_iter().partition(|literal| column_of(atom_of(*literal)) == column);
            rest = others;
            if let Some(groups) = said.get_mut(column) {
                groups.entry((own, row.survives)).or_default().push(row.at);
            }
        }
    }
    let mut order: Vec<usize> = (0..settled.columns.len()).collect();
    order.sort_by_key(|index| settled.columns.get(*index).map(|(key, _)| *key));

    let mut store = Store {
        writer,
        regions,
        bases: Vec::new(),
        all: full.clone(),
        numbers: HashMap::new(),
        diffs: HashMap::new(),
    };
    store.base(&full);
    for index in order {
        let (Some((key, keys)), Some(groups)) = (settled.columns.get(index), said.get(index))
        else {
            continue;
        };
        let classes = classes(&mut store, settled, keys, key.kind, groups, &full);
        let classes = store.writer.extend(section::CLASSES, &classes);
        let keys = write_keys(store.writer, keys);
        store.writer.push(
            section::COLUMNS,
            &l::Column {
                fact: key.fact,
                kind: key.kind,
                reserved: 0,
                aux: aux(key),
                keys,
                classes,
            },
        );
    }
}

fn classes(
    store: &mut Store<'_>,
    settled: &Settled,
    keys: &Keys,
    kind: u8,
    groups: &BTreeMap<(Row, Survives), Vec<u32>>,
    full: &[u64],
) -> Vec<l::Class> {
    let count =
        u32::try_from(keys.len()).ok().and_then(|keys| class_count(kind, keys)).unwrap_or(1) - 1;
    let mut dont_care = full.to_vec();
    let mut events: Vec<(u32, u32, bool)> = Vec::new();
    for ((literals, survives), rows) in groups {
        let pieces = settled.all_of(literals);
        for row in rows {
            put(&mut dont_care, *row, false);
            let mut last = None;
            for (class, truth) in &pieces {
                let alive = survives.with(*truth);
                if last != Some(alive) {
                    events.push((*class, *row, alive));
                }
                last = Some(alive);
            }
        }
    }
    events.sort_unstable();
    let mut events = events.into_iter().peekable();
    let mut vector = full.to_vec();
    let mut written = Vec::new();
    let mut candidates: Vec<u32> = vec![0];
    // Difference words of the classes since the last base, without the words in which neighbouring
    // classes differ anyway.
    let mut rented = 0usize;
    let mut last = vector.clone();
    for class in 0..count {
        while let Some((_, row, alive)) = events.next_if(|(at, ..)| *at == class) {
            put(&mut vector, row, alive);
        }
        let own = store.numbers.get(&vector).copied();
        let best = own.map(|base| (base, Vec::new())).or_else(|| {
            let all = candidates.iter().map(|base| (*base, store.differences(*base, &vector)));
            all.min_by_key(|(_, differences)| differences.len())
        });
        let (mut base, mut differences) = best.unwrap_or_default();
        let steps = last.iter().zip(&vector).filter(|(a, b)| a != b).count();
        rented += differences.len().saturating_sub(steps);
        // A difference takes twice the space of a word, and as much time to apply.
        if 2 * differences.len() > vector.len()
            || 2 * rented > vector.len()
            || (class == 1 && 4 * differences.len() > vector.len())
        {
            base = store.base(&vector);
            differences = Vec::new();
            rented = 0;
            // Keep the vector of all rows, the column's first base (usually that of "other"), and
            // the latest.
            candidates.truncate(2);
            candidates.push(base);
        }
        written.push(store.class(base, differences, full_regions(store.regions, &vector, full)));
        last.copy_from_slice(&vector);
    }
    let differences = store.differences(0, &dont_care);
    let (base, differences) = if 2 * differences.len() > dont_care.len() {
        (store.base(&dont_care), Vec::new())
    } else {
        (0, differences)
    };
    written.push(store.class(base, differences, full_regions(store.regions, &dont_care, full)));
    written
}

/// Returns the bits of the regions in which every row survives.
fn full_regions(regions: Regions, vector: &[u64], full: &[u64]) -> u32 {
    let mut bits = 0;
    let (mut vector, mut full) = (vector, full);
    for (bit, words) in regions.0.into_iter().enumerate() {
        let (own, rest) = vector.split_at_checked(words as usize).unwrap_or((vector, &[]));
        let (all, rest_of_all) = full.split_at_checked(words as usize).unwrap_or((full, &[]));
        (vector, full) = (rest, rest_of_all);
        bits |= u32::from(own == all) << bit;
    }
    bits
}

fn put(vector: &mut [u64], row: u32, alive: bool) {
    if let Some(word) = vector.get_mut(row as usize / 64) {
        let bit = 1u64 << (row % 64);
        *word = if alive { *word | bit } else { *word & !bit };
    }
}
