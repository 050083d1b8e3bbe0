//! Writes lists, and the programs that test the elements of list facts.
//!
//! Input: the policy's lists, the lists whose entries are needed, and the key of secret lists.
//! Output: `LISTS`, `DIGESTS`, `CIDR4`, `CIDR6`, `PROGRAMS`. Text lists are written as digests,
//! never as texts. The texts are short enough to guess, so the digests of a secret list have a key.

use super::CompileError;
use crate::bundle::check::PROGRAM_DEPTH;
use crate::bundle::layout as l;
use crate::bundle::layout::{Record as _, list, program, section};
use crate::bundle::write::Writer;
use crate::facts::digest::{list_digest, list_key_check};
use crate::facts::value::order_of;
use crate::policy::model::{ElementTest, Entries, Policy, Range};

/// Writes every list. Entries are written only for lists in which values are looked up.
pub(crate) fn write(
    writer: &mut Writer,
    policy: &Policy,
    looked_up: &[bool],
    list_key: Option<&[u8]>,
    errors: &mut Vec<CompileError>,
) {
    let nothing = l::Span { at: 0, len: 0 };
    for (entry, used) in policy.lists.iter().zip(looked_up) {
        let name = writer.text(&entry.name);
        let mut record = l::List {
            name,
            secret: u8::from(entry.secret && matches!(entry.entries, Entries::Texts(_))),
            as_of: entry.as_of.unwrap_or(i64::MIN),
            review_by: entry.review_by.unwrap_or(i64::MAX),
            items: nothing,
            items6: nothing,
            ..Default::default()
        };
        match &entry.entries {
            Entries::Places(places) => {
                record.kind = list::PLACE;
                let mut keys: Vec<_> = places
                    .iter()
                    .filter_map(|place| Some((place.country?, place.region.unwrap_or([0; 3]))))
                    .map(|(country, region)| l::PlaceKey { country, region, reserved: [0; 3] })
                    .collect();
                keys.sort_unstable_by_key(|key| (key.country, key.region));
                keys.dedup();
                if *used {
                    record.items = in_keys(writer, &keys);
                }
            }
            Entries::Numbers(numbers) => {
                record.kind = list::NUMBER;
                let mut keys: Vec<i64> = numbers.iter().copied().filter_map(order_of).collect();
                keys.sort_unstable();
                keys.dedup();
                if *used {
                    record.items = in_keys(writer, &keys);
                }
            }
            Entries::Texts(texts) => {
                record.kind = list::TEXT;
                record.salt = salt(policy, &entry.name);
                let key = if !entry.secret {
                    Some(record.salt.to_vec())
                } else if let Some(key) = list_key {
                    record.salt = list_key_check(key);
                    Some(key.to_vec())
                } else {
                    if *used {
                        errors.push(CompileError::ListKeyMissing {
                            list: entry.name.clone(),
                            span: entry.span,
                        });
                    }
                    None
                };
                if let Some(key) = key.filter(|_| *used) {
                    let mut digests: Vec<[u8; 16]> =
                        texts.iter().map(|text| list_digest(&key, text)).collect();
                    digests.sort_unstable();
                    digests.dedup();
                    record.items = writer.extend(section::DIGESTS, &digests);
                }
            }
            Entries::Ranges(ranges) => {
                record.kind = list::CIDR;
                if *used {
                    let (four, six) = merged(ranges);
                    record.items = writer.extend(section::CIDR4, &four);
                    record.items6 = writer.extend(section::CIDR6, &six);
                }
            }
        }
        writer.push(section::LISTS, &record);
    }
}

/// Returns the salt of a list that is not secret. It keeps digests of different lists unrelated.
fn salt(policy: &Policy, name: &str) -> [u8; 16] {
    list_digest(policy.id.as_bytes(), name)
}

fn in_keys<R: l::Record>(writer: &mut Writer, records: &[R]) -> l::Span {
    let keys = writer.section(section::KEYS);
    let at = u32::try_from(keys.len()).unwrap_or(u32::MAX);
    records.iter().for_each(|record| record.write(keys));
    l::Span { at, len: u32::try_from(records.len()).unwrap_or(u32::MAX) }
}

/// Sorts ranges and merges those that touch. IPv4 addresses in IPv6 form (`::ffff:192.0.2.1`)
/// become IPv4.
fn merged(ranges: &[Range]) -> (Vec<l::Cidr4>, Vec<l::Cidr6>) {
    const MAPPED: u128 = 0xffff << 32;
    let (mut four, mut six) = (Vec::new(), Vec::new());
    for range in ranges {
        match *range {
            Range::V4(first, last) => four.push((u128::from(first), u128::from(last))),
            Range::V6(first, last) if first >= MAPPED && last <= MAPPED | 0xffff_ffff => {
                four.push((first - MAPPED, last - MAPPED))
            }
            Range::V6(first, last) => six.push((first, last)),
        }
    }
    let short = |address: u128| u32::try_from(address).unwrap_or(u32::MAX);
    let four = joined(four)
        .into_iter()
        .map(|(first, last)| l::Cidr4 { first: short(first), last: short(last) })
        .collect();
    let six = joined(six).into_iter().map(|(first, last)| l::Cidr6 { first, last }).collect();
    (four, six)
}

fn joined(mut ranges: Vec<(u128, u128)>) -> Vec<(u128, u128)> {
    ranges.sort_unstable();
    let mut joined: Vec<(u128, u128)> = Vec::new();
    for (first, last) in ranges {
        match joined.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => joined.push((first, last)),
        }
    }
    joined
}

/// Writes programs and returns the offset of each.
pub(crate) fn write_programs(
    writer: &mut Writer,
    programs: &[(bool, ElementTest)],
) -> Result<Vec<u32>, CompileError> {
    let mut starts = Vec::new();
    for (exists, test) in programs {
        let mut code = vec![if *exists { program::EXISTS } else { program::ALL }];
        let depth = encode(writer, test, &mut code);
        if depth > PROGRAM_DEPTH {
            return Err(CompileError::TooDeep { limit: PROGRAM_DEPTH, found: depth });
        }
        code.push(program::END);
        let to = writer.section(section::PROGRAMS);
        starts.push(u32::try_from(to.len()).unwrap_or(u32::MAX));
        to.append(&mut code);
    }
    Ok(starts)
}

/// Appends a test in postfix order and returns the stack depth that it needs.
fn encode(writer: &mut Writer, test: &ElementTest, code: &mut Vec<u8>) -> u32 {
    match test {
        ElementTest::True | ElementTest::False => {
            code.extend([program::CONSTANT, u8::from(*test == ElementTest::True)]);
            1
        }
        ElementTest::Equals(text) | ElementTest::StartsWith(text) => {
            let equals = matches!(test, ElementTest::Equals(_));
            code.push(if equals { program::EQUALS } else { program::STARTS_WITH });
            writer.text(text).write(code);
            1
        }
        ElementTest::InList(index) => {
            code.push(program::LISTED);
            u32::try_from(*index).unwrap_or(u32::MAX).write(code);
            1
        }
        ElementTest::Not(inner) => {
            let depth = encode(writer, inner, code);
            code.push(program::NOT);
            depth
        }
        ElementTest::And(parts) | ElementTest::Or(parts) => {
            let operator =
                if matches!(test, ElementTest::And(_)) { program::AND } else { program::OR };
            let mut deepest = 0;
            for (index, part) in parts.iter().enumerate() {
                // From the second part on, the previous result occupies one stack slot.
                deepest = deepest.max(encode(writer, part, code) + u32::from(index > 0));
                if index > 0 {
                    code.push(operator);
                }
            }
            deepest
        }
    }
}

/// Reports the lists that an element test looks up.
pub(crate) fn lists_of(test: &ElementTest, found: &mut impl FnMut(usize)) {
    match test {
        ElementTest::InList(index) => found(*index),
        ElementTest::Not(inner) => lists_of(inner, found),
        ElementTest::And(parts) | ElementTest::Or(parts) => {
            parts.iter().for_each(|part| lists_of(part, found))
        }
        ElementTest::True
        | ElementTest::False
        | ElementTest::Equals(_)
        | ElementTest::StartsWith(_) => {}
    }
}
