//! Reads entries of lists, from the policy or from a list file: place codes, texts, address ranges,
//! numbers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::facts::place::{Place, read_code};
use crate::facts::value::order_of;
use crate::policy::diagnostic::code;
use crate::policy::diagnostic::problem::{Edit, Problem};
use crate::policy::document::shape::is_number;
use crate::policy::document::spanned::Spanned;
use crate::policy::document::types::{Entry, ListKind};
use crate::policy::model::{Entries, Range, Span};

/// Territories of the United States outside the states. They have codes of their own but belong to
/// the same country in law (15 CFR 772.1).
const TERRITORIES: [&[u8; 2]; 6] = [b"PR", b"GU", b"VI", b"AS", b"MP", b"UM"];

/// Advice on an entry that contains several values.
const EACH: &str =
    "write each as an entry of its own: one a line in a file, one in quotes in a policy";

/// Reads the entries of a list. Wrong ones are reported and left out.
pub(crate) fn read(
    kind: ListKind,
    values: &[Spanned<Entry>],
    whole: Span,
    problems: &mut Vec<Problem>,
) -> Entries {
    let mut seen = BTreeMap::new();
    let mut fresh = |key: String, value: &Spanned<Entry>, problems: &mut Vec<Problem>| match seen
        .insert(key, value.span)
    {
        Some(first) => {
            let message = format!("{} is listed twice", shown(&value.value));
            problems.push(
                Problem::new(code::REDUNDANT, value.span, message)
                    .related(first, "first listed here"),
            );
            false
        }
        None => true,
    };
    match kind {
        ListKind::Place => {
            let mut places = Vec::new();
            for value in values {
                let Some(text) = text(value, "place", problems) else { continue };
                let Some(place) = place(text, value.span, problems) else { continue };
                if fresh(spelling(place), value, problems) {
                    places.push(place);
                }
            }
            problems.extend(us_alone(places.iter().copied(), whole));
            places.sort_unstable();
            Entries::Places(places)
        }
        ListKind::Text => {
            let mut texts = Vec::new();
            for value in values {
                let Some(text) = text(value, "text", problems) else { continue };
                if text.is_empty() {
                    problems.push(Problem::new(
                        code::OUT_OF_RANGE,
                        value.span,
                        "an entry is empty",
                    ));
                } else if fresh(text.to_owned(), value, problems) {
                    problems.extend(looks_like_several(text, value.span));
                    texts.push(text.to_owned());
                }
            }
            texts.sort_unstable();
            Entries::Texts(texts)
        }
        ListKind::Cidr => {
            let mut ranges = Vec::new();
            for value in values {
                let Some(text) = text(value, "cidr", problems) else { continue };
                match range(text) {
                    Ok(range) if fresh(format!("{range:?}"), value, problems) => ranges.push(range),
                    Ok(_) => {}
                    Err((message, Help::Write(range))) => {
                        let problem = Problem::new(code::CIDR, value.span, message);
                        problems
                            .push(problem.help(format!("write `{range}`")).edit(Edit::Word(range)));
                    }
                    Err((message, Help::Say(help))) => {
                        problems.push(
                            Problem::new(code::CIDR, value.span, message)
                                .help_if(help.map(str::to_owned)),
                        );
                    }
                }
            }
            ranges.sort_unstable();
            Entries::Ranges(ranges)
        }
        ListKind::Number => {
            let mut numbers = Vec::new();
            for value in values {
                match &value.value {
                    Entry::Number(number) if fresh(number.to_string(), value, problems) => {
                        numbers.push(*number)
                    }
                    Entry::Number(_) => {}
                    Entry::Text(text) => {
                        let problem = Problem::new(
                            code::ENTRY_KIND,
                            value.span,
                            format!(
                                "`{}` is a text, and the list is of kind `number`",
                                text.escape_debug()
                            ),
                        );
                        problems.push(if is_number(text) {
                            problem.help("leave out the quotes").edit(Edit::Text(text.clone()))
                        } else {
                            problem
                        });
                    }
                }
            }
            numbers.sort_by_key(|number| order_of(*number));
            Entries::Numbers(numbers)
        }
    }
}

/// Reads the lines of a list file, one entry a line. A `#` at the start of a line or after a blank
/// begins a comment.
pub(crate) fn lines(
    kind: ListKind,
    file: usize,
    text: &str,
    problems: &mut Vec<Problem>,
) -> Vec<Spanned<Entry>> {
    let mut entries = Vec::new();
    let body = text.trim_start_matches('\u{feff}');
    let mut start = text.len() - body.len();
    for line in body.split_inclusive('\n') {
        let comment = line.match_indices('#').map(|(at, _)| at).find(|at| {
            line.get(..*at)
                .is_some_and(|before| before.is_empty() || before.ends_with(char::is_whitespace))
        });
        let entry = comment.and_then(|at| line.get(..at)).unwrap_or(line);
        let from = start + (line.len() - line.trim_start().len());
        start += line.len();
        let entry = entry.trim();
        if entry.is_empty() {
            continue;
        }
        let span = Span { file, start: from, end: from + entry.len() };
        let value = match kind {
            ListKind::Number => match entry.parse::<f64>() {
                Ok(number) if number.is_finite() => Entry::Number(number),
                _ => {
                    let problem = Problem::new(
                        code::ENTRY_KIND,
                        span,
                        format!("`{}` is no number", entry.escape_debug()),
                    );
                    let several = entry.contains([',', ';', ' ', '\t']);
                    problems.push(problem.help_if(several.then(|| EACH.to_owned())));
                    continue;
                }
            },
            _ => Entry::Text(entry.to_owned()),
        };
        entries.push(Spanned { value, span });
    }
    entries
}

/// Returns the warning for an entry that looks like several entries, or like a quoted table cell.
fn looks_like_several(text: &str, span: Span) -> Option<Problem> {
    if let Some(sign) = text.chars().find(|c| matches!(c, ',' | ';' | '\t')) {
        let sign = match sign {
            ',' => "a comma",
            ';' => "a semicolon",
            _ => "a tab",
        };
        let problem =
            Problem::new(code::ONE_ENTRY, span, format!("`{text}` is one entry, and holds {sign}"));
        return Some(problem.help(format!("{EACH}, or allow it by `[[allow]]`, with a reason")));
    }
    let quoted = text.len() > 1
        && ['"', '\'', '`'].iter().any(|quote| text.starts_with(*quote) && text.ends_with(*quote));
    quoted.then(|| {
        let problem = Problem::new(
            code::ONE_ENTRY,
            span,
            format!("the quotes are part of the entry `{text}`"),
        );
        problem.help("leave them out: an entry is taken literally")
    })
}

/// Reads a place code. Reports an unknown code as an error and an alias as a warning.
pub(crate) fn place(text: &str, span: Span, problems: &mut Vec<Problem>) -> Option<Place> {
    let Some(place) = read_code(text) else {
        let help = match text.to_ascii_uppercase().as_str() {
            "EU" => Some("list the countries that are meant".to_owned()),
            several if several.contains([',', ';', ' ', '\t']) => Some(EACH.to_owned()),
            upper if upper.len() == 3 && upper.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
                Some("countries have two letters, ISO 3166-1 alpha-2".to_owned())
            }
            _ => None,
        };
        let shown = if text.is_empty() {
            "an empty text".to_owned()
        } else {
            format!("`{}`", text.escape_debug())
        };
        let message = format!("{shown} is no country and no region");
        problems.push(Problem::new(code::PLACE_CODE, span, message).help_if(help));
        return None;
    };
    let country = text.get(..2).unwrap_or_default();
    let alias = matches!(country.to_ascii_uppercase().as_str(), "UK" | "EL" | "EA" | "IC");
    if alias {
        let message = format!("`{text}` is not the code that ISO assigns");
        let own = spelling(place);
        problems.push(
            Problem::new(code::CODE_ALIAS, span, message)
                .help(format!("write `{own}`"))
                .edit(Edit::Word(own)),
        );
    }
    Some(place)
}

/// Returns the warning for places that include `US` but not all of its territories.
pub(crate) fn us_alone(places: impl Iterator<Item = Place> + Clone, span: Span) -> Option<Problem> {
    let has = |code: &[u8; 2]| {
        places.clone().any(|place| place.country == Some(*code) && place.region.is_none())
    };
    if !has(b"US") {
        return None;
    }
    let missing: Vec<_> = TERRITORIES
        .iter()
        .filter(|code| !has(code))
        .map(|code| format!("\"{}\"", String::from_utf8_lossy(*code)))
        .collect();
    if missing.is_empty() {
        return None;
    }
    let problem = Problem::new(
        code::TERRITORIES,
        span,
        "`US` does not take in the territories of the United States",
    );
    Some(problem.help(format!("add {}", missing.join(", "))))
}

/// Returns the place as text: `US`, `UA-43`.
pub(crate) fn spelling(place: Place) -> String {
    let text = |bytes: &[u8]| -> String {
        bytes.iter().filter(|byte| **byte != 0).map(|byte| char::from(*byte)).collect()
    };
    let country = place.country.map_or_else(String::new, |code| text(&code));
    match place.region {
        Some(region) => format!("{country}-{}", text(&region)),
        None => country,
    }
}

fn text<'a>(value: &'a Spanned<Entry>, kind: &str, problems: &mut Vec<Problem>) -> Option<&'a str> {
    match &value.value {
        Entry::Text(text) => Some(text),
        Entry::Number(number) => {
            let message = format!("`{number}` is a number, and the list is of kind `{kind}`");
            let problem = Problem::new(code::ENTRY_KIND, value.span, message);
            // A number is never a place or an address, so quotes would not help there.
            problems.push(match kind {
                "text" => problem.help("put it in quotes").edit(Edit::Between("\"", "\"")),
                _ => problem,
            });
            None
        }
    }
}

fn shown(entry: &Entry) -> String {
    match entry {
        Entry::Text(text) => format!("`{}`", text.escape_debug()),
        Entry::Number(number) => format!("`{number}`"),
    }
}

/// Advice on a malformed address range.
#[derive(Debug)]
enum Help {
    /// The range to write instead.
    Write(String),
    Say(Option<&'static str>),
}

fn range(text: &str) -> Result<Range, (String, Help)> {
    let wrong = || {
        let message = format!("`{}` is no address and no range of addresses", text.escape_debug());
        let several = text.contains([',', ';', ' ', '\t']);
        let help = if several {
            EACH
        } else {
            "ranges are written as `192.0.2.0/24` and `2001:db8::/32` are"
        };
        (message, Help::Say(Some(help)))
    };
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => most,
        // `parse` accepts `+8` and `08`; CIDR does not.
        Some(length)
            if length.bytes().all(|byte| byte.is_ascii_digit())
                && (length == "0" || !length.starts_with('0')) =>
        {
            length.parse::<u32>().map_err(|_| wrong())?
        }
        Some(_) => return Err(wrong()),
    };
    if length > most {
        return Err((
            format!("`/{length}` is more than the {most} bits of such an address"),
            Help::Say(None),
        ));
    }
    let behind = |first: String| {
        (
            format!("`{text}` has bits set behind its prefix"),
            Help::Write(format!("{first}/{length}")),
        )
    };
    match address {
        IpAddr::V4(address) => {
            let rest = u32::MAX.checked_shr(length).unwrap_or(0);
            let first = u32::from(address);
            if first & rest != 0 {
                return Err(behind(std::net::Ipv4Addr::from(first & !rest).to_string()));
            }
            Ok(Range::V4(first, first | rest))
        }
        IpAddr::V6(address) => {
            if let Some(inner) = address.to_ipv4_mapped().filter(|_| length >= 96) {
                let length = length - 96;
                let first = u32::from(inner) & !u32::MAX.checked_shr(length).unwrap_or(0);
                let range = format!("{}/{length}", std::net::Ipv4Addr::from(first));
                return Err((
                    format!("`{text}` is an IPv4 range in IPv6 form"),
                    Help::Write(range),
                ));
            }
            let rest = u128::MAX.checked_shr(length).unwrap_or(0);
            let first = u128::from(address);
            if first & rest != 0 {
                return Err(behind(std::net::Ipv6Addr::from(first & !rest).to_string()));
            }
            Ok(Range::V6(first, first | rest))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_what_is_none_is_not() {
        assert_eq!(range("192.0.2.0/24").unwrap(), Range::V4(0xc000_0200, 0xc000_02ff));
        assert_eq!(range("0.0.0.0/0").unwrap(), Range::V4(0, u32::MAX));
        assert_eq!(range("::/0").unwrap(), Range::V6(0, u128::MAX));
        assert_eq!(
            range("2001:db8::1").unwrap(),
            Range::V6(0x2001_0db8 << 96 | 1, 0x2001_0db8 << 96 | 1)
        );
        for text in [
            "",
            "/",
            "1.2.3",
            "1.2.3.4/33",
            "1.2.3.4/24",
            "1.2.3.4/+8",
            "1.2.3.0/024",
            "::1/129",
            "::ffff:1.2.3.4/128",
            "fe80::%eth0/64",
            "01.2.3.4",
        ] {
            assert!(range(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_list_file_has_one_entry_a_line() {
        let text = "\u{feff}# partners\r\norg-1\r\n\n  org#2  # the second\n#\norg-3";
        let mut problems = Vec::new();
        let read: Vec<_> = lines(ListKind::Text, 1, text, &mut problems)
            .into_iter()
            .map(|entry| {
                (
                    shown(&entry.value),
                    text.get(entry.span.start..entry.span.end).unwrap().to_owned(),
                )
            })
            .collect();
        assert_eq!(
            read,
            [("`org-1`", "org-1"), ("`org#2`", "org#2"), ("`org-3`", "org-3")]
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
        assert!(problems.is_empty());
    }
}
