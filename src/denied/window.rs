//! Computes the rows in force. They stay valid while `now` is within an interval and no switch
//! changes.

use alloc::vec::Vec;

use super::prepared::Prepared;
use super::tables::class_words;
use crate::bundle::layout as l;
use crate::bundle::layout::{Span, fact, section, state};
use crate::bundle::operation::OperationMatch;
use crate::bundle::view::Bundle;
use crate::facts::class::order_class;

/// A column that a live row tests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watched {
    pub(crate) column: l::Column,
    pub(crate) number: u32,
    /// Bits of the regions that have such a row.
    pub(crate) regions: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Window {
    /// Valid from the first instant up to, not including, the second. Empty if they are equal.
    from: i64,
    until: i64,
    /// Live rows of all regions; then one bit for each word that has a live row, region by region
    /// as in `SUMMARIES`.
    live: Vec<u64>,
    summary: Vec<u64>,
    /// Slot ends of restrictions in shadow.
    shadow: Vec<u64>,
    has_shadow: bool,
    watched: Vec<Watched>,
    /// Buffer for the vector of one class, kept to avoid allocations.
    words: Vec<u64>,
    idle: bool,
    /// Whether a watched column tests the operation or the dialect.
    reads: bool,
}

impl Window {
    /// Makes the next decision compute a new window.
    pub(crate) fn forget(&mut self) {
        self.until = self.from;
    }

    /// Returns the interval in which the window is valid.
    pub(crate) fn period(&self) -> (i64, i64) {
        (self.from, self.until)
    }

    /// Returns whether no restriction is in force.
    pub(crate) fn is_idle(&self) -> bool {
        self.idle
    }

    pub(crate) fn has_shadow(&self) -> bool {
        self.has_shadow
    }

    pub(crate) fn watched(&self) -> &[Watched] {
        &self.watched
    }

    /// Returns the first operation match alone if no live row tests operation or dialect, since all
    /// of them then decide alike.
    pub(crate) fn distinct<'r>(
        &self,
        operation_matches: &'r [OperationMatch],
    ) -> &'r [OperationMatch] {
        if self.reads {
            operation_matches
        } else {
            operation_matches.get(..1).unwrap_or(operation_matches)
        }
    }

    /// Returns the slot ends of restrictions in shadow, in a word of the `when` region.
    pub(crate) fn shadow_of(&self, word: u32) -> u64 {
        if self.has_shadow { self.shadow.get(word as usize).copied().unwrap_or(0) } else { 0 }
    }

    /// Returns the live rows of a region.
    pub(crate) fn live(&self, prepared: &Prepared, region: usize) -> &[u64] {
        slice(&self.live, &prepared.regions, region, |words| words)
    }

    /// Returns which words of a region have live rows.
    pub(crate) fn summary(&self, prepared: &Prepared, region: usize) -> &[u64] {
        slice(&self.summary, &prepared.regions, region, |words| words.div_ceil(64))
    }

    /// Computes a new window if `now` is outside this one.
    pub(crate) fn settle(
        &mut self,
        bundle: Bundle<'_>,
        prepared: &Prepared,
        switches: &[u8],
        now: i64,
    ) {
        if self.from <= now && now < self.until {
            return;
        }
        let mut interval = Interval { now, from: i64::MIN, until: i64::MAX };
        let total = prepared.regions.iter().sum();
        self.live.clear();
        self.live.resize(total, 0);
        self.shadow.clear();
        self.shadow.resize(prepared.regions[0], 0);
        let [when_words, unless_words, _] = prepared.regions;

        let restrictions = bundle.table::<l::Restriction>(section::RESTRICTIONS);
        self.has_shadow = false;
        self.idle = true;
        for (rule, switch) in restrictions.iter().zip(switches) {
            let state = if *switch == NO_SWITCH { rule.state } else { *switch };
            if interval.holds(rule.from, rule.until) && state != state::OFF {
                self.idle = false;
                set_rows(&mut self.live, 0, rule.when);
                set_rows(&mut self.live, when_words, rule.unless);
                if state == state::SHADOW
                    && let Some((word, bit)) = crate::denied::tables::end_of(&rule)
                    && let Some(ends) = self.shadow.get_mut(word as usize)
                {
                    *ends |= 1 << bit;
                    self.has_shadow = true;
                }
            }
        }
        let licences = bundle.table::<l::Licence>(section::LICENCES);
        for (rule, switch) in
            licences.iter().zip(switches.get(restrictions.len()..).unwrap_or_default())
        {
            let state = if *switch == NO_SWITCH { rule.state } else { *switch };
            if interval.holds(rule.from, rule.until) && state == state::ON {
                set_rows(&mut self.live, when_words + unless_words, rule.rows);
            }
        }

        let columns = bundle.table::<l::Column>(section::COLUMNS);
        let classes = bundle.table::<l::Class>(section::CLASSES);
        for column in columns.iter().filter(|column| column.fact == fact::B_NOW) {
            interval.narrow(bundle, &column);
            let class = column
                .classes
                .at
                .checked_add(order_class(bundle, &column, now))
                .and_then(|at| classes.get(at));
            if let Some(class) = class {
                class_words(bundle, &class, total, &mut self.words);
                for (live, bits) in self.live.iter_mut().zip(&self.words) {
                    *live &= bits;
                }
            }
        }
        self.summary.clear();
        for region in 0..prepared.regions.len() {
            for block in slice(&self.live, &prepared.regions, region, |words| words).chunks(64) {
                let bits = block
                    .iter()
                    .enumerate()
                    .fold(0u64, |bits, (bit, word)| bits | u64::from(*word != 0) << bit);
                self.summary.push(bits);
            }
        }
        self.watch(bundle, prepared, total);
        (self.from, self.until) = (interval.from, interval.until);
    }

    /// Finds the columns that live rows test: those whose don't-care vector lacks a live row.
    fn watch(&mut self, bundle: Bundle<'_>, prepared: &Prepared, total: usize) {
        let classes = bundle.table::<l::Class>(section::CLASSES);
        let [when_words, unless_words, _] = prepared.regions;
        self.watched.clear();
        self.reads = false;
        for (number, column) in (0..).zip(bundle.table::<l::Column>(section::COLUMNS).iter()) {
            if column.fact == fact::B_NOW {
                continue;
            }
            let last = column.classes.at.checked_add(column.classes.len.saturating_sub(1));
            let Some(dont_care) = last.and_then(|at| classes.get(at)) else { continue };
            let mut regions = 0;
            class_words(bundle, &dont_care, total, &mut self.words);
            for (word, (live, bits)) in self.live.iter().zip(&self.words).enumerate() {
                if live & !bits != 0 {
                    regions |= 1
                        << (u32::from(word >= when_words)
                            + u32::from(word >= when_words + unless_words));
                }
            }
            if regions != 0 {
                self.reads |= matches!(column.fact, fact::B_OPERATION | fact::B_DIALECT);
                self.watched.push(Watched { column, number, regions });
            }
        }
    }
}

/// The interval around `now` in which everything that depends on `now` alone stays the same.
struct Interval {
    now: i64,
    from: i64,
    until: i64,
}

impl Interval {
    fn edge(&mut self, at: i64) {
        if at <= self.now {
            self.from = self.from.max(at);
        } else {
            self.until = self.until.min(at);
        }
    }

    /// Returns whether a rule is in force now, and narrows the interval to where this stays so.
    fn holds(&mut self, from: i64, until: i64) -> bool {
        self.edge(from);
        self.edge(until);
        from <= self.now && self.now < until
    }

    /// Narrows the interval by a column over `now`, whose class changes at each key and 1 ms after
    /// it.
    fn narrow(&mut self, bundle: Bundle<'_>, column: &l::Column) {
        if let Some(keys) =
            crate::bundle::view::keyed::<i64>(bundle.section(section::KEYS), column.keys)
        {
            for key in keys.iter() {
                self.edge(key);
                self.edge(key.saturating_add(1));
            }
        }
    }
}

fn set_rows(live: &mut [u64], first_word: usize, rows: Span) {
    for row in rows.at..rows.at.saturating_add(rows.len) {
        if let Some(word) = live.get_mut(first_word + row as usize / 64) {
            *word |= 1 << (row % 64);
        }
    }
}

fn slice<'a>(
    all: &'a [u64],
    regions: &[usize; 3],
    region: usize,
    size: impl Fn(usize) -> usize,
) -> &'a [u64] {
    let before: usize = regions.iter().take(region).map(|words| size(*words)).sum();
    let own = regions.get(region).map_or(0, |words| size(*words));
    all.get(before..before + own).unwrap_or_default()
}

pub(crate) const NO_SWITCH: u8 = u8::MAX;
