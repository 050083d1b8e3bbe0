//! Describes facts in words: a value as people write it, or the reason why it is unknown.

use crate::analysis::reference::{Held, Known, Reference, Subject};
use crate::facts::network::Network;
use crate::facts::place::{Place, read_code, read_place};
use crate::facts::value::Value;
use crate::limits;
use crate::policy::model::{About, Comparison, FactKind, FactRef, Literal, Policy};

/// Returns a caller's value of a fact, or the reason why it is unknown.
pub(crate) fn value(
    reference: &Reference<'_>,
    fact: FactRef,
    known: &Known<'_>,
    aside: bool,
) -> Result<String, String> {
    match reference.value(fact, known) {
        // The country is known, but the question is the region.
        Some(Held::Region(Place { region: None, .. })) => {
            Err("a country is given, and no region".to_owned())
        }
        Some(held) => Ok(held_text(&held)),
        None => Err(why_unknown(reference.policy(), fact, known, aside)),
    }
}

fn why_unknown(policy: &Policy, fact: FactRef, known: &Known<'_>, aside: bool) -> String {
    let declared = match fact {
        FactRef::Declared(index) => policy.facts.get(index),
        _ => None,
    };
    let Some(declared) = declared else {
        return match (fact, aside) {
            (FactRef::Place | FactRef::Country | FactRef::Region, true) => {
                "set aside, as the caller counts as stale".to_owned()
            }
            (FactRef::Place | FactRef::Country | FactRef::Region, false) => no_country(known.said),
            _ => "not given".to_owned(),
        };
    };
    if aside {
        return "set aside, as the caller counts as stale".to_owned();
    }
    let Some(raw) = known.account.get(declared.name.as_str()) else {
        return "not in the account record".to_owned();
    };
    if declared.about == About::Person && known.subject == Subject::Entity {
        return "it is about a person, and an organisation's people share this account".to_owned();
    }
    match (&declared.kind, raw) {
        (FactKind::Enum(values), Value::Text(text)) => {
            format!("{text:?} is none of {}", values.join(", "))
        }
        (FactKind::Place, Value::Text(text)) => format!("{text:?} is no code of a place"),
        (FactKind::Time, Value::Text(text)) => format!("{text:?} is no time as RFC 3339 has it"),
        (FactKind::Time, Value::Number(number)) => {
            format!("{number} is no number of seconds that a date could have")
        }
        (FactKind::List, Value::List([])) => "the list in the account record is empty".to_owned(),
        (FactKind::List, Value::List(elements)) => {
            format!(
                "the list in the account record has {} elements, more than {}",
                elements.len(),
                limits::LIST_ELEMENTS
            )
        }
        (kind, raw) => format!(
            "the account record holds {}, and the fact is {}",
            raw_kind(*raw),
            kind_text(kind)
        ),
    }
}

/// Returns the reason why the given text is no country.
fn no_country(said: &str) -> String {
    match said {
        "" => "no country is given".to_owned(),
        "XX" | "ZZ" | "?" => format!("{said:?} says that the country is not known"),
        _ if read_place(said, "").network != Network(0) => {
            format!("{said:?} stands for a network that hides the country")
        }
        _ => {
            let trimmed = said.trim();
            let near = read_code(trimmed)
                .map_or(String::new(), |place| format!("; did you mean {:?}?", code(place)));
            format!("{said:?} is no ISO 3166-1 alpha-2 code of a country{near}")
        }
    }
}

/// Returns the name of a fact's type, with its article.
pub(crate) fn kind_text(kind: &FactKind) -> &'static str {
    match kind {
        FactKind::Bool => "a bool",
        FactKind::Enum(_) => "an enum",
        FactKind::Text => "a text",
        FactKind::Place => "a place",
        FactKind::Time => "a time",
        FactKind::List => "a list",
        FactKind::Number => "a number",
    }
}

fn raw_kind(value: Value<'_>) -> &'static str {
    match value {
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::Text(_) => "a text",
        Value::List(_) => "a list",
    }
}

/// Returns the source of a fact.
pub(crate) fn source(policy: &Policy, fact: FactRef) -> String {
    match fact {
        FactRef::Declared(index) => match policy.facts.get(index) {
            Some(fact) => format!("account claim {}", fact.claim),
            None => String::new(),
        },
        FactRef::Place
        | FactRef::Country
        | FactRef::Region
        | FactRef::Network
        | FactRef::Asn
        | FactRef::Ip => "platform".to_owned(),
        FactRef::Operation | FactRef::Dialect => "method and path".to_owned(),
        FactRef::Now => "clock".to_owned(),
    }
}

/// Returns the name of a fact in conditions.
pub(crate) fn name(policy: &Policy, fact: FactRef) -> &str {
    match fact {
        FactRef::Declared(index) => policy.facts.get(index).map_or("", |fact| fact.name.as_str()),
        FactRef::Place => "place",
        FactRef::Country => "country",
        FactRef::Region => "region",
        FactRef::Network => "network",
        FactRef::Asn => "asn",
        FactRef::Ip => "ip",
        FactRef::Operation => "operation",
        FactRef::Dialect => "dialect",
        FactRef::Now => "now",
    }
}

fn held_text(held: &Held<'_>) -> String {
    match held {
        Held::Bool(value) => value.to_string(),
        Held::Number(number) => number.to_string(),
        Held::Text("") => "none that is known".to_owned(),
        Held::Text(text) => format!("{text:?}"),
        Held::Time(time) => instant(*time),
        Held::Place(place) | Held::Region(place) => code(*place),
        Held::Country(country) => country.iter().map(|byte| char::from(*byte)).collect(),
        Held::Network(Network(0)) => "nothing special".to_owned(),
        Held::Network(network) => {
            let kinds = (0..)
                .zip(Network::KINDS)
                .filter(|(bit, _)| network.has(*bit))
                .map(|(_, kind)| kind);
            kinds.collect::<Vec<_>>().join(", ")
        }
        Held::Ip(ip) => ip.to_string(),
        Held::List(elements) => format!("{elements:?}"),
    }
}

/// Returns `in the body`, `in client message 2`.
pub(crate) fn within(location: &str) -> String {
    let article = if location.ends_with(|last: char| last.is_ascii_digit()) { "" } else { "the " };
    format!("in {article}{location}")
}

/// Returns a place as text: `US`, `UA-43`.
pub(crate) fn code(place: Place) -> String {
    let text = |bytes: &[u8]| {
        bytes
            .iter()
            .take_while(|byte| **byte != 0)
            .map(|byte| char::from(*byte))
            .collect::<String>()
    };
    let country = place.country.map_or(String::new(), |country| text(&country));
    match place.region {
        Some(region) => format!("{country}-{}", text(&region)),
        None => country,
    }
}

/// Returns a literal as conditions write it.
pub(crate) fn literal(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => format!("{text:?}"),
        Literal::Number(number) => number.to_string(),
        Literal::Time(time) => format!("timestamp({:?})", instant(*time)),
        Literal::Place(place) => format!("{:?}", code(*place)),
    }
}

/// Returns the operator of a comparison.
pub(crate) fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Less => "<",
        Comparison::AtMost => "<=",
        Comparison::Equal => "==",
        Comparison::AtLeast => ">=",
        Comparison::Greater => ">",
    }
}

/// Formats milliseconds since the epoch as RFC 3339 in UTC. The fraction is written only if there
/// is one. Years with more than four digits are written in full.
#[must_use]
pub fn instant(milliseconds: i64) -> String {
    let (days, rest) = (milliseconds.div_euclid(86_400_000), milliseconds.rem_euclid(86_400_000));
    // Here a year begins in March, so that the leap day is its last day. 400 years have 146,097
    // days. The epoch is 719,468 days after 0000-03-01.
    let days = days.saturating_add(719_468);
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (seconds, millis) = (rest / 1_000, rest % 1_000);
    let fraction = if millis == 0 { String::new() } else { format!(".{millis:03}") };
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::value::read_time;

    #[test]
    fn instants_are_written_as_they_are_read() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2000-02-29T23:59:59.001Z",
            "2026-06-12T21:21:00Z",
            "1900-02-28T00:00:00Z",
            "1969-12-31T23:59:59.999Z",
            "2100-03-01T12:00:00Z",
            "0001-01-01T00:00:00Z",
        ] {
            assert_eq!(read_time(text).map(instant).as_deref(), Some(text));
        }
        // Every instant that a request can contain must be formatted without a panic.
        assert!(!instant(i64::MAX).is_empty() && !instant(i64::MIN).is_empty());
    }
}
