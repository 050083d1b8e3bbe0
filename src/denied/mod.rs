//! Computes the denied set: the model patterns that a caller may not use.
//!
//! Input: a checked bundle, the candidates and the operation matches of a request, all known before
//! the body is read. Output: one bit for each pattern. This module knows nothing of what the
//! request mentions and produces no text.
//!
//! ```text
//! window.rs   keeps the rows of the rules in force, after everything that depends on `now` alone;
//!             reused until `now` leaves the window's interval
//! for each candidate and operation match:
//!   mod.rs      looks up the class of each column that a live row tests; skips a class in which
//!               every row survives
//!   rows.rs     ANDs the classes' vectors, 64 words at a time; the summaries skip words without a
//!               row
//!   rows.rs     a restriction applies if one of its `when` rows survives and none of its `unless`
//!               rows; computed for all slots of a word at once
//!   licence.rs  subtracts what the surviving licences lift, wholly or in part
//!   licence.rs  ORs the masks, once for adjacent restrictions that close the same models
//! the denied set is the union
//!
//! region    the rows of all `when`, of all `unless` or of all licences
//! slot      the rows of a restriction, in one word if they fit
//! summary   one bit for each word of a vector: whether the word has a row
//! ```
//!
//! After the first decision in a window nothing here allocates. Rows that take no part in a
//! decision cost one summary bit for each 64 of them.

mod licence;
mod prepared;
mod rows;
mod tables;
mod window;

use alloc::vec::Vec;
use core::net::IpAddr;

use self::licence::Lifted;
use self::prepared::Prepared;
use self::rows::Pick;
use self::tables::Tables;
use self::window::NO_SWITCH;
use self::window::{Watched, Window};
use crate::bundle::layout as l;
use crate::bundle::layout::{NONE, column, fact, list, section};
use crate::bundle::operation::OperationMatch;
use crate::bundle::view::Bundle;
use crate::facts::account::Account;
use crate::facts::class::{listed_ip, listed_number, order_class, place_class, text_class};
use crate::facts::network::Network;
use crate::facts::place::Place;
use crate::facts::value::order_of;
use crate::limits;

/// A possible caller of the request.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Place of the address, according to a database.
    pub place: Place,
    /// Kinds of network that the request comes through.
    pub network: Network,
    /// Autonomous system number (ASN).
    pub asn: Option<u32>,
    /// IP address.
    pub ip: Option<IpAddr>,
    /// Facts of the credential's account.
    pub account: &'a Account,
}

/// The state of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchState {
    /// Not in force.
    Off,
    /// In force.
    On,
    /// Decided and recorded, never acted on. Only restrictions have this state.
    Shadow,
}

impl SwitchState {
    /// Returns the state of this name: `on`, `off` or `shadow`.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "off" => Some(Self::Off),
            "on" => Some(Self::On),
            "shadow" => Some(Self::Shadow),
            _ => None,
        }
    }
}

/// The models that a caller may not use: one bit for each pattern. Bit 0 is for ids in which no
/// pattern occurs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeniedSet {
    /// Denied patterns.
    pub denied: Vec<u64>,
    /// Patterns that restrictions in shadow would deny.
    pub shadow: Vec<u64>,
}

impl DeniedSet {
    /// Returns whether nothing is denied, so that the request passes unread.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.denied.iter().all(|word| *word == 0)
    }

    /// Returns whether everything is denied, including ids in which no pattern occurs: an embargo.
    #[must_use]
    pub fn is_everything(&self, bundle: Bundle<'_>) -> bool {
        let patterns = bundle.table::<l::Pattern>(section::PATTERNS).len();
        let ones: u32 = self.denied.iter().map(|word| word.count_ones()).sum();
        patterns > 0 && ones as usize >= patterns
    }

    /// Returns whether ids in which this pattern occurs are denied.
    #[must_use]
    pub fn denies(&self, pattern: u32) -> bool {
        self.denied.get(pattern as usize / 64).is_some_and(|word| word >> (pattern % 64) & 1 == 1)
    }
}

/// The rules that are the grounds of a denied set, as ascending indices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grounds {
    /// Restrictions in force that deny one of the requested patterns.
    pub restrictions: Vec<u16>,
    /// Licences that lift something that these restrictions would otherwise deny.
    pub licences: Vec<u16>,
}

/// Computes denied sets under one bundle. It does not borrow the bundle: every call must pass the
/// same one.
#[derive(Debug)]
pub struct Evaluator {
    prepared: Prepared,
    window: Window,
    /// State of each switch, restrictions before licences. `NO_SWITCH`: as the bundle says.
    switches: Vec<u8>,
    picks: [Vec<Pick>; 3],
    lifted: Lifted,
    licensed: bool,
    denied_set: DeniedSet,
}

/// All values that classes are looked up by.
#[derive(Clone, Copy)]
struct Facts<'a> {
    place: Place,
    network: Network,
    asn: Option<u32>,
    ip: Option<IpAddr>,
    account: Option<&'a Account>,
    operation_match: OperationMatch,
    now: i64,
}

impl Evaluator {
    /// Prepares for a bundle, in time linear in its rules.
    #[must_use]
    pub fn new(bundle: Bundle<'_>) -> Self {
        let prepared = Prepared::new(bundle);
        let mask_words = bundle.meta().map_or(0, |meta| meta.mask_words as usize);
        let rules = bundle.table::<l::Restriction>(section::RESTRICTIONS).len()
            + bundle.table::<l::Licence>(section::LICENCES).len();
        let columns = bundle.table::<l::Column>(section::COLUMNS).len();
        let room = || Vec::with_capacity(columns);
        Self {
            window: Window::default(),
            switches: alloc::vec![NO_SWITCH; rules],
            picks: [room(), room(), room()],
            lifted: Lifted::new(&prepared),
            licensed: false,
            denied_set: DeniedSet {
                denied: alloc::vec![0; mask_words],
                shadow: alloc::vec![0; mask_words],
            },
            prepared,
        }
    }

    /// Sets a rule to a state that overrides the bundle's. Returns `false` if there is no such
    /// rule, or if the rule is a licence and the state is shadow.
    pub fn switch(&mut self, bundle: Bundle<'_>, rule_id: &str, state: SwitchState) -> bool {
        let restrictions = bundle.table::<l::Restriction>(section::RESTRICTIONS);
        let licences = bundle.table::<l::Licence>(section::LICENCES);
        let found =
            restrictions.iter().position(|rule| bundle.text(rule.id) == rule_id).or_else(|| {
                let licence = licences.iter().position(|rule| bundle.text(rule.id) == rule_id)?;
                (state != SwitchState::Shadow).then_some(restrictions.len() + licence)
            });
        let Some(slot) = found.and_then(|index| self.switches.get_mut(index)) else { return false };
        *slot = match state {
            SwitchState::Off => l::state::OFF,
            SwitchState::On => l::state::ON,
            SwitchState::Shadow => l::state::SHADOW,
        };
        self.window.forget();
        true
    }

    /// Removes every switch, so that each rule has the state that the bundle says.
    pub fn unswitch(&mut self) {
        self.switches.fill(NO_SWITCH);
        self.window.forget();
    }

    /// Returns the union of what each candidate may not use under each operation match.
    ///
    /// If `stale` is set, if the bundle has expired, or if there are more candidates than
    /// [`limits::CANDIDATES`], the union includes what a caller with an unknown account and place
    /// may not use. An empty list of candidates counts as one unknown caller, and an empty list of
    /// operation matches as one unknown operation.
    pub fn denied_set(
        &mut self,
        bundle: Bundle<'_>,
        candidates: &[Candidate<'_>],
        operation_matches: &[OperationMatch],
        now_ms: i64,
        stale: bool,
    ) -> &DeniedSet {
        self.window.settle(bundle, &self.prepared, &self.switches, now_ms);
        self.denied_set.denied.fill(0);
        self.denied_set.shadow.fill(0);
        self.licensed = false;
        if !self.window.is_idle() {
            let operation_matches = self.window.distinct(operation_matches);
            let stale = stale || now_ms >= bundle.expires();
            each_caller(candidates, operation_matches, now_ms, stale, &mut |facts| {
                self.add(bundle, facts)
            });
        }
        &self.denied_set
    }

    /// Adds what one caller may not use.
    fn add(&mut self, bundle: Bundle<'_>, facts: &Facts<'_>) {
        let tables = Tables::new(bundle);
        pick(bundle, &self.window, &self.prepared, &mut self.picks, facts);
        let Self { prepared, window, picks: [when, unless, licences], lifted, denied_set, .. } =
            self;
        lifted.clear();
        let mut licences_applied = false;
        rows::applying(&tables, prepared, window, when, unless, &mut |step| match step {
            // Restrictions in shadow write to a mask of their own. A restriction whose models are
            // all denied may then still close something in that mask, so no row is skipped.
            rows::Step::At(row) => {
                if window.has_shadow() {
                    row
                } else {
                    prepared.open_from(&tables, row, &denied_set.denied)
                }
            }
            rows::Step::Applies(word, bits) => {
                if !licences_applied {
                    licences_applied = true;
                    rows::surviving(&tables, prepared, window, licences, &mut |row| {
                        let group = prepared.lift_group(&tables, row);
                        group.map_or(row + 1, |group| lifted.add(prepared, group))
                    });
                }
                let bits = bits & !lifted.whole(word);
                let shadow = bits & window.shadow_of(word);
                lifted.deny(&tables, prepared, word, bits & !shadow, &mut denied_set.denied);
                if shadow != 0 {
                    lifted.deny(&tables, prepared, word, shadow, &mut denied_set.shadow);
                }
                0
            }
        });
        self.licensed |= self.lifted.is_used();
    }

    /// Returns whether a licence lifts something for the callers of the last [`Self::denied_set`].
    #[must_use]
    pub fn is_licensed(&self) -> bool {
        self.licensed
    }

    /// Returns the interval in which the last denied set stays the same, as far as it depends on
    /// `now` alone: from the first instant up to, not including, the second. An expiry of the
    /// bundle and instants of accounts are left out.
    #[must_use]
    pub fn period(&self) -> (i64, i64) {
        self.window.period()
    }

    /// Returns the restrictions in force that deny any of these patterns, and the licences that
    /// lift any of them. An empty list of patterns means all patterns.
    ///
    /// This is off the hot path: it scans every rule and allocates.
    pub fn grounds(
        &mut self,
        bundle: Bundle<'_>,
        candidates: &[Candidate<'_>],
        operation_matches: &[OperationMatch],
        now_ms: i64,
        stale: bool,
        patterns: &[u64],
    ) -> Grounds {
        self.window.settle(bundle, &self.prepared, &self.switches, now_ms);
        let restrictions = bundle.table::<l::Restriction>(section::RESTRICTIONS);
        let licences = bundle.table::<l::Licence>(section::LICENCES);
        let mut denying = alloc::vec![false; restrictions.len()];
        let mut lifting = alloc::vec![false; licences.len()];
        let stale = stale || now_ms >= bundle.expires();
        let operation_matches = self.window.distinct(operation_matches);
        each_caller(candidates, operation_matches, now_ms, stale, &mut |facts| {
            self.ground(bundle, facts, patterns, &mut denying, &mut lifting);
        });
        Grounds { restrictions: numbers(&denying), licences: numbers(&lifting) }
    }

    /// Sets the flags of the restrictions that deny any of these patterns to one caller, and of the
    /// licences that lift something.
    fn ground(
        &mut self,
        bundle: Bundle<'_>,
        facts: &Facts<'_>,
        patterns: &[u64],
        denying: &mut [bool],
        lifting: &mut [bool],
    ) {
        let tables = Tables::new(bundle);
        pick(bundle, &self.window, &self.prepared, &mut self.picks, facts);
        let Self { prepared, window, picks: [when, unless, licence_picks], denied_set, .. } = self;
        let mut live: Vec<u32> = Vec::new();
        rows::surviving(&tables, prepared, window, licence_picks, &mut |row| {
            if let Some(licence) = prepared.licence_of(&tables, row)
                && live.last() != Some(&licence)
            {
                live.push(licence);
            }
            row + 1
        });
        let mut applying: Vec<(u32, u64)> = Vec::new();
        rows::applying(&tables, prepared, window, when, unless, &mut |step| match step {
            rows::Step::At(row) => row,
            rows::Step::Applies(word, bits) => {
                applying.push((word, bits & !window.shadow_of(word)));
                0
            }
        });
        let restrictions = bundle.table::<l::Restriction>(section::RESTRICTIONS);
        let licences = bundle.table::<l::Licence>(section::LICENCES);
        let indices = bundle.table::<u32>(section::INDICES);
        let mut fitting: Vec<(u32, u32)> = Vec::new();
        for (word, mut bits) in applying {
            while bits != 0 {
                let owner = prepared.restriction_at(&tables, word, bits.trailing_zeros());
                bits &= bits - 1;
                let Some(number) = owner else { continue };
                let Some(rule) = restrictions.get(number) else { continue };
                fitting.clear();
                for licence in &live {
                    if let Some(record) = licences.get(*licence)
                        && indices.span(record.lifts).iter().any(|lifts| lifts == number)
                    {
                        fitting.push((*licence, record.mask));
                    }
                }
                for at in 0..denied_set.denied.len() {
                    let wanted = if patterns.is_empty() {
                        u64::MAX
                    } else {
                        patterns.get(at).copied().unwrap_or(0)
                    };
                    let requested = tables.mask(rule.mask).at(at) & wanted;
                    let mut left = requested;
                    for (licence, mask) in &fitting {
                        let lifted =
                            if *mask == NONE { u64::MAX } else { tables.mask(*mask).at(at) };
                        left &= !lifted;
                        set(lifting, *licence, requested & lifted != 0);
                    }
                    set(denying, number, left != 0);
                }
            }
        }
    }
}

fn set(flags: &mut [bool], number: u32, on: bool) {
    if let Some(flag) = flags.get_mut(number as usize) {
        *flag |= on;
    }
}

fn numbers(flags: &[bool]) -> Vec<u16> {
    let mut numbers = Vec::new();
    for (number, flag) in (0..).zip(flags) {
        if *flag {
            numbers.push(number);
        }
    }
    numbers
}

/// Visits every caller to decide on: each candidate under each operation match, and, if `stale`,
/// the same with unknown place and account.
fn each_caller(
    candidates: &[Candidate<'_>],
    operation_matches: &[OperationMatch],
    now: i64,
    stale: bool,
    decide: &mut dyn FnMut(&Facts<'_>),
) {
    let stale = stale || candidates.len() > limits::CANDIDATES;
    let operation_matches =
        if operation_matches.is_empty() { &[OperationMatch::UNKNOWN] } else { operation_matches };
    for operation_match in operation_matches.iter().copied() {
        for candidate in candidates {
            let Candidate { place, network, asn, ip, account } = *candidate;
            let mut facts =
                Facts { place, network, asn, ip, account: Some(account), operation_match, now };
            decide(&facts);
            if stale {
                (facts.place, facts.account) = (Place::UNKNOWN, None);
                decide(&facts);
            }
        }
        if candidates.is_empty() {
            let network = Network::default();
            decide(&Facts {
                place: Place::UNKNOWN,
                network,
                asn: None,
                ip: None,
                account: None,
                operation_match,
                now,
            });
        }
    }
}

/// Looks up the class of each watched column, and keeps the classes that exclude rows of a region.
fn pick(
    bundle: Bundle<'_>,
    window: &Window,
    prepared: &Prepared,
    picks: &mut [Vec<Pick>; 3],
    facts: &Facts<'_>,
) {
    let classes = bundle.table::<l::Class>(section::CLASSES);
    let facts =
        Facts { account: facts.account.filter(|account| account.is_for(prepared.tag)), ..*facts };
    picks.iter_mut().for_each(Vec::clear);
    for watched in window.watched() {
        let class = class_of(bundle, watched, &facts);
        // INVARIANT: opening the bundle has checked that the classes of a column exist.
        let Some(class) =
            watched.column.classes.at.checked_add(class).and_then(|at| classes.get(at))
        else {
            continue;
        };
        let restricts = watched.regions & !class.full;
        if restricts != 0 {
            for (region, picks) in (0..).zip(picks.iter_mut()) {
                if restricts >> region & 1 == 1 {
                    picks.push(Pick::new(bundle, prepared, region, &class));
                }
            }
        }
    }
}

fn class_of(bundle: Bundle<'_>, watched: &Watched, facts: &Facts<'_>) -> u32 {
    let Watched { column, number, .. } = watched;
    let list = || bundle.table::<l::List>(section::LISTS).get(column.aux);
    match column.fact {
        fact::B_PLACE => place_class(bundle, column, facts.place),
        fact::B_NETWORK => 1 + u32::from(facts.network.has(column.aux)),
        fact::B_ASN => {
            let Some(asn) = facts.asn.and_then(|asn| order_of(f64::from(asn))) else { return 0 };
            match column.kind {
                column::ORDER => order_class(bundle, column, asn),
                _ => list()
                    .filter(|list| list.kind == list::NUMBER)
                    .map_or(0, |list| 1 + u32::from(listed_number(bundle, &list, asn))),
            }
        }
        fact::B_IP => match (facts.ip, list().filter(|list| list.kind == list::CIDR)) {
            (Some(ip), Some(list)) => 1 + u32::from(listed_ip(bundle, &list, ip)),
            _ => 0,
        },
        fact::B_OPERATION | fact::B_DIALECT => {
            let id = if column.fact == fact::B_OPERATION {
                bundle
                    .table::<l::Operation>(section::OPERATIONS)
                    .get(facts.operation_match.operation)
                    .map(|operation| operation.id)
            } else {
                bundle
                    .table::<l::Dialect>(section::DIALECTS)
                    .get(u32::from(facts.operation_match.dialect))
                    .map(|dialect| dialect.id)
            };
            text_class(bundle, column, id.map_or("", |id| bundle.text(id)))
        }
        _ => match facts.account {
            Some(account) if column.kind == column::VERSUS_NOW => {
                account.class_at(*number, facts.now)
            }
            Some(account) => account.class(*number),
            None => 0,
        },
    }
}

#[cfg(all(test, feature = "author"))]
#[expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
