//! Facts of a caller's account, as classes of one bundle.
//!
//! Input: the raw values of an account record or of a token. Output: an [`Account`], which is
//! computed once for each credential and looked up with each request. This module does not know the
//! kind of record: the caller of [`Account::classify`] withholds facts about a person if the record
//! describes an entity.

use alloc::vec::Vec;

use super::class::{listed_number, order_class, place_class, text_class};
use super::digest::{list_digest, list_key_check};
use super::place::read_code;
use super::value::{Value, order_of, time_of};
use crate::bundle::layout as l;
use crate::bundle::layout::{Record as _, column, fact, list, program, section};
use crate::bundle::view::Bundle;
use crate::bundle::view::keyed;
use crate::limits;

/// The class of each fact of one account, for one bundle. Under any other bundle it counts as an
/// unknown account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// [`tag`] of the bundle.
    bundle: u64,
    /// Class by column. Columns of built-in facts have 0, "unknown".
    classes: Vec<u32>,
    /// Columns that compare with `now`, and the time to compare. There are few of them.
    times: Vec<(u32, i64)>,
}

impl Account {
    /// Returns an account with all facts unknown.
    #[must_use]
    pub fn unknown(bundle: Bundle<'_>) -> Self {
        let columns = bundle.table::<l::Column>(section::COLUMNS).len();
        Self { bundle: tag(bundle), classes: alloc::vec![0; columns], times: Vec::new() }
    }

    /// Looks up the class of each fact.
    ///
    /// `get` returns the value of a declared fact by its index, if the record has one. A value of
    /// another type than the declared one is unknown. `list_key` is the deployment's key of secret
    /// lists. Without the right key, membership in such a list is unknown.
    #[must_use]
    pub fn classify<'v>(
        bundle: Bundle<'_>,
        list_key: Option<&[u8]>,
        mut get: impl FnMut(u16) -> Option<Value<'v>>,
    ) -> Self {
        let mut account = Self::unknown(bundle);
        let mut last: Option<(u16, Option<Value<'v>>)> = None;
        let columns = bundle.table::<l::Column>(section::COLUMNS);
        for ((number, column), class) in (0..).zip(columns.iter()).zip(&mut account.classes) {
            if column.fact >= fact::BUILT_IN {
                continue;
            }
            // Columns of one fact are adjacent.
            let value = match last {
                Some((fact, value)) if fact == column.fact => value,
                _ => get(column.fact),
            };
            last = Some((column.fact, value));
            let (Some(value), Some(fact)) =
                (value, bundle.table::<l::Fact>(section::FACTS).get(u32::from(column.fact)))
            else {
                continue;
            };
            if column.kind == column::VERSUS_NOW {
                if fact.kind == fact::TIME
                    && let Some(time) = time_of(value)
                {
                    account.times.push((number, time));
                }
            } else {
                *class = class_of(bundle, list_key, &column, &fact, value).unwrap_or(0);
            }
        }
        account
    }

    /// Returns whether the account was classified for the bundle with this [`tag`].
    pub(crate) fn is_for(&self, tag: u64) -> bool {
        self.bundle == tag
    }

    /// Returns the class in every column at this time. Accounts with the same classes are the same
    /// caller to every rule.
    pub fn classes(&self, now: i64) -> impl Iterator<Item = u32> + '_ {
        (0..).zip(&self.classes).map(
            move |(column, class)| {
                if *class == 0 { self.class_at(column, now) } else { *class }
            },
        )
    }

    /// Returns the interval around `now` in which the classes stay the same: from the first instant
    /// up to, not including, the second.
    #[must_use]
    pub fn period(&self, now: i64) -> (i64, i64) {
        let (mut from, mut until) = (i64::MIN, i64::MAX);
        for (_, time) in &self.times {
            // The class changes at the time itself, and again 1 ms later.
            for edge in [*time, time.saturating_add(1)] {
                if edge <= now {
                    from = from.max(edge);
                } else {
                    until = until.min(edge);
                }
            }
        }
        (from, until)
    }

    /// Returns the class in a column.
    #[inline]
    pub(crate) fn class(&self, column: u32) -> u32 {
        self.classes.get(column as usize).copied().unwrap_or(0)
    }

    /// Returns the class in a column that compares with `now`.
    #[inline]
    pub(crate) fn class_at(&self, column: u32, now: i64) -> u32 {
        let time = self.times.iter().find(|(number, _)| *number == column);
        time.map_or(0, |(_, time)| match time.cmp(&now) {
            core::cmp::Ordering::Less => 1,
            core::cmp::Ordering::Equal => 2,
            core::cmp::Ordering::Greater => 3,
        })
    }
}

/// Returns a number that identifies a bundle, so that an account classified for an earlier bundle
/// is not used for the columns of another.
pub(crate) fn tag(bundle: Bundle<'_>) -> u64 {
    bundle.digest().first_chunk().map_or(0, |head| u64::from_le_bytes(*head))
}

fn class_of(
    bundle: Bundle<'_>,
    list_key: Option<&[u8]>,
    column: &l::Column,
    fact: &l::Fact,
    value: Value<'_>,
) -> Option<u32> {
    Some(match (fact.kind, column.kind, value) {
        (fact::BOOL, column::BOOL, Value::Bool(value)) => 1 + u32::from(value),
        (fact::ENUM | fact::TEXT, _, Value::Text(text)) => {
            if fact.kind == fact::ENUM {
                let mut declared =
                    keyed::<l::Str>(bundle.section(section::KEYS), fact.values)?.iter();
                declared.find(|known| bundle.text(*known) == text)?;
            }
            match column.kind {
                column::TEXT => text_class(bundle, column, text),
                column::LISTED => 1 + u32::from(listed_text(bundle, list_key, column.aux, text)?),
                _ => return None,
            }
        }
        (fact::PLACE, column::PLACE, Value::Text(text)) => {
            place_class(bundle, column, read_code(text)?)
        }
        (fact::NUMBER, column::ORDER, Value::Number(number)) => {
            order_class(bundle, column, order_of(number)?)
        }
        (fact::NUMBER, column::LISTED, Value::Number(number)) => {
            let list = bundle.table::<l::List>(section::LISTS).get(column.aux)?;
            1 + u32::from(listed_number(bundle, &list, order_of(number)?))
        }
        (fact::TIME, column::ORDER, value) => order_class(bundle, column, time_of(value)?),
        (fact::LIST, column::PROGRAM, Value::List(elements)) => {
            match run(bundle, list_key, column.aux, elements)? {
                FALSE => 1,
                TRUE => 2,
                _ => 0,
            }
        }
        _ => return None,
    })
}

/// Returns whether a text is in a list of texts. `None`: unknown, since the key is missing or
/// wrong.
fn listed_text(bundle: Bundle<'_>, list_key: Option<&[u8]>, list: u32, text: &str) -> Option<bool> {
    let list = bundle.table::<l::List>(section::LISTS).get(list)?;
    let digest = if list.secret == 1 {
        let key = list_key?;
        (list_key_check(key) == list.salt).then(|| list_digest(key, text))?
    } else {
        list_digest(&list.salt, text)
    };
    let digests = bundle.table::<[u8; 16]>(section::DIGESTS).span(list.items);
    Some(digests.search(|entry| entry.cmp(&digest)).is_some())
}

/// Returns whether a code is in a list of places. `None`: unknown, since it is no code, or since
/// the answer depends on a region that it does not name.
fn listed_place(bundle: Bundle<'_>, list: &l::List, text: &str) -> Option<bool> {
    let place = read_code(text)?;
    let country = place.country?;
    let keys = keyed::<l::PlaceKey>(bundle.section(section::KEYS), list.items)?;
    let has = |region: Option<[u8; 3]>| {
        let found = keys.search(|key| {
            key.country.cmp(&country).then_with(|| key.region.cmp(&region.unwrap_or(key.region)))
        });
        found.is_some()
    };
    if has(Some([0; 3])) {
        return Some(true);
    }
    let listed = has(place.region);
    if listed && place.region.is_none() { None } else { Some(listed) }
}

/// Values of a program, in the order of truth: `and` takes the lesser, `or` the greater.
const FALSE: u64 = 0;
const UNKNOWN: u64 = 1;
const TRUE: u64 = 2;

/// Runs an `exists` or `all` over the elements. `None`: the fact is unknown.
fn run(bundle: Bundle<'_>, list_key: Option<&[u8]>, at: u32, elements: &[&str]) -> Option<u64> {
    let (&quantifier, code) =
        bundle.section(section::PROGRAMS).get(at as usize..)?.split_first()?;
    if elements.is_empty() || elements.len() > limits::LIST_ELEMENTS {
        return None;
    }
    let mut result = if quantifier == program::EXISTS { FALSE } else { TRUE };
    for element in elements {
        let value = test(bundle, list_key, code, element)?;
        result = if quantifier == program::EXISTS { result.max(value) } else { result.min(value) };
    }
    Some(result)
}

fn test(
    bundle: Bundle<'_>,
    list_key: Option<&[u8]>,
    mut code: &[u8],
    element: &str,
) -> Option<u64> {
    // INVARIANT: the stack has at most 32 values of two bits. Opening the bundle has checked this
    // (`PROGRAM_DEPTH`).
    let mut stack = 0u64;
    let truth =
        |value: Option<bool>| value.map_or(UNKNOWN, |value| if value { TRUE } else { FALSE });
    loop {
        let (&operator, rest) = code.split_first()?;
        let (value, operand) = match operator {
            program::END => return Some(stack & 3),
            program::EQUALS => {
                (truth(Some(bundle.text(l::Str::read(rest)?) == element)), l::Str::SIZE)
            }
            program::STARTS_WITH => {
                (truth(Some(element.starts_with(bundle.text(l::Str::read(rest)?)))), l::Str::SIZE)
            }
            program::LISTED => {
                let index = u32::read(rest)?;
                let list = bundle.table::<l::List>(section::LISTS).get(index)?;
                let listed = match list.kind {
                    list::PLACE => listed_place(bundle, &list, element),
                    _ => listed_text(bundle, list_key, index, element),
                };
                (truth(listed), 4)
            }
            program::CONSTANT => (truth(Some(*rest.first()? == 1)), 1),
            program::NOT => {
                let value = TRUE - (stack & 3).min(TRUE);
                stack >>= 2;
                (value, 0)
            }
            program::AND | program::OR => {
                let (right, left) = (stack & 3, stack >> 2 & 3);
                stack >>= 4;
                (if operator == program::AND { left.min(right) } else { left.max(right) }, 0)
            }
            _ => return None,
        };
        stack = stack << 2 | value;
        code = rest.get(operand..)?;
    }
}
