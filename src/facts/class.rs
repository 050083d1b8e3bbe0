//! Finds the class of a value in a column of the bundle.
//!
//! Input: a value, and the keys of a column or the items of a list. Output: a class; 0 is
//! "unknown".

use core::net::IpAddr;

use super::place::Place;
use crate::bundle::layout as l;
use crate::bundle::layout::section;
use crate::bundle::view::Bundle;
use crate::bundle::view::keyed;

/// Returns the class of a known text.
pub(crate) fn text_class(bundle: Bundle<'_>, column: &l::Column, text: &str) -> u32 {
    const OTHER: u32 = 1;
    let Some(keys) = keyed::<l::TextKey>(bundle.section(section::KEYS), column.keys) else {
        return 0;
    };
    // Find the last key that is not greater than the text. An exact key precedes a prefix key of
    // the same text.
    let (mut low, mut high) = (0, column.keys.len);
    while low < high {
        let middle = low + (high - low) / 2;
        match keys.get(middle) {
            Some(key) if bundle.text(key.text) <= text => low = middle + 1,
            _ => high = middle,
        }
    }
    let mut class = low + 1;
    if class > OTHER + 1
        && let Some(key) = keys.get(class - 3)
        && key.prefix == 0
        && bundle.text(key.text) == text
    {
        return class - 1;
    }
    // INVARIANT: any key that the text starts with is at or before this one. If it is before, this
    // key starts with it too, so it is an ancestor.
    while let Some(key) = class.checked_sub(2).and_then(|index| keys.get(index)) {
        let own = bundle.text(key.text);
        if if key.prefix == 1 { text.starts_with(own) } else { text == own } {
            return class;
        }
        class = key.parent;
    }
    OTHER
}

/// Returns the class of a place. A country without a key for "region unknown" does not distinguish
/// its regions.
pub(crate) fn place_class(bundle: Bundle<'_>, column: &l::Column, place: Place) -> u32 {
    const ANY: [u8; 3] = [b'*', 0, 0];
    let Some(country) = place.country else { return 0 };
    let Some(keys) = keyed::<l::PlaceKey>(bundle.section(section::KEYS), column.keys) else {
        return 0;
    };
    let find = |region: [u8; 3]| {
        keys.search(|key| (key.country, key.region).cmp(&(country, region)))
            .map(|(index, _)| index + 2)
    };
    find(place.region.unwrap_or([0; 3])).or_else(|| find(ANY)).unwrap_or(1)
}

/// Returns the class of a number or time among the keys of an ORDER column.
pub(crate) fn order_class(bundle: Bundle<'_>, column: &l::Column, value: i64) -> u32 {
    let Some(keys) = keyed::<i64>(bundle.section(section::KEYS), column.keys) else { return 0 };
    let (mut low, mut high) = (0, column.keys.len);
    while low < high {
        let middle = low + (high - low) / 2;
        match keys.get(middle) {
            Some(key) if key < value => low = middle + 1,
            _ => high = middle,
        }
    }
    1 + 2 * low + u32::from(keys.get(low) == Some(value))
}

/// Returns whether a number is in a list of numbers.
pub(crate) fn listed_number(bundle: Bundle<'_>, list: &l::List, number: i64) -> bool {
    keyed::<i64>(bundle.section(section::KEYS), list.items)
        .is_some_and(|keys| keys.search(|key| key.cmp(&number)).is_some())
}

/// Returns whether an address is in a list of ranges. An IPv4-mapped IPv6 address counts as the
/// IPv4 address.
pub(crate) fn listed_ip(bundle: Bundle<'_>, list: &l::List, ip: IpAddr) -> bool {
    use core::cmp::Ordering;
    fn beside<T: Ord>(first: T, last: T, address: T) -> Ordering {
        if last < address {
            Ordering::Less
        } else if first > address {
            Ordering::Greater
        } else {
            Ordering::Equal
        }
    }
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let ip = u32::from(ip);
            let ranges = bundle.table::<l::Cidr4>(section::CIDR4).span(list.items);
            ranges.search(|range| beside(range.first, range.last, ip)).is_some()
        }
        IpAddr::V6(ip) => {
            let ip = u128::from(ip);
            let ranges = bundle.table::<l::Cidr6>(section::CIDR6).span(list.items6);
            ranges.search(|range| beside(range.first, range.last, ip)).is_some()
        }
    }
}
