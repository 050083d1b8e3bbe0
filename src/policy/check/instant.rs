//! Repairs texts that are meant as instants: a day alone, a time without a zone, another notation.

use crate::facts::value::read_time;

/// The end of a time span that the text gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The start: `from`, or a comparison.
    Start,
    /// The exclusive end: `until`, `expires`.
    End,
}

/// A proposed instant and its explanation.
pub(crate) struct Mended {
    pub(crate) instant: String,
    pub(crate) help: String,
    /// Whether the text itself gives the time zone.
    pub(crate) zoned: bool,
}

/// Returns the instant that was probably meant, if it can be determined.
pub(crate) fn mended(said: &str, side: Side) -> Option<Mended> {
    let (day, rest) = date(said.trim())?;
    let rest = rest.trim_start_matches(['T', 't', ' ', ',', '_']);
    if rest.is_empty() {
        let instant = format!("{}T00:00:00Z", if side == Side::End { next(&day)? } else { day });
        let help = match side {
            Side::Start => format!(
                "a day alone does not say in which time zone it begins: `{instant}` if in UTC"
            ),
            Side::End => format!(
                "write `{instant}`: this end is exclusive, so a day that still counts ends with the midnight after it (here in UTC)"
            ),
        };
        return Some(Mended { instant, help, zoned: false })
            .filter(|mended| read_time(&mended.instant).is_some());
    }
    let (time, zone) = rest.split_at(
        rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.')).unwrap_or(rest.len()),
    );
    let seconds = if time.matches(':').count() == 1 { ":00" } else { "" };
    let zone = zone.trim();
    let offset = offset(zone)?;
    let instant = format!("{day}T{time}{seconds}{offset}");
    read_time(&instant)?;
    let help = match zone {
        "" => format!("say in which time zone: `{instant}` if it is UTC"),
        _ => format!("write `{instant}`"),
    };
    Some(Mended { instant, help, zoned: !zone.is_empty() })
}

/// Returns the day that a text begins with, in RFC 3339 form.
pub(crate) fn day(said: &str) -> Option<String> {
    let (day, _) = date(said.trim())?;
    read_time(&format!("{day}T00:00:00Z")).map(|_| day)
}

/// Splits a date such as `2026-7-1` or `2026/07/01` off the text, and returns it with the rest.
fn date(text: &str) -> Option<(String, &str)> {
    let end =
        text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '-' | '/')).unwrap_or(text.len());
    let (date, rest) = text.split_at(end);
    let mut parts = date.split(['-', '/']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let sound = year.len() == 4
        && [month, day].iter().all(|part| matches!(part.len(), 1 | 2))
        && parts.next().is_none();
    sound.then(|| (format!("{year}-{month:0>2}-{day:0>2}"), rest))
}

/// Returns a time zone in RFC 3339 form; `Z` if there is none.
fn offset(zone: &str) -> Option<String> {
    let upper = zone.to_ascii_uppercase();
    let rest = ["UTC", "GMT", "Z"]
        .iter()
        .find_map(|name| upper.strip_prefix(name))
        .unwrap_or(&upper)
        .trim();
    if rest.is_empty() {
        return Some("Z".to_owned());
    }
    let digits: String = rest.get(1..)?.chars().filter(|c| *c != ':').collect();
    let sign = rest.chars().next().filter(|sign| matches!(sign, '+' | '-'))?;
    match (digits.len(), digits.get(..2), digits.get(2..)) {
        (2, Some(hours), _) => Some(format!("{sign}{hours}:00")),
        (4, Some(hours), Some(minutes)) => Some(format!("{sign}{hours}:{minutes}")),
        _ => None,
    }
}

/// Returns the following day.
fn next(day: &str) -> Option<String> {
    let number = |at: core::ops::Range<usize>| day.get(at)?.parse::<u32>().ok();
    let (year, month, date) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let is_day = |day: &String| read_time(&format!("{day}T00:00:00Z")).is_some();
    // An invalid day has no following day.
    is_day(&day.to_owned()).then_some(())?;
    [(year, month, date + 1), (year, month + 1, 1), (year + 1, 1, 1)]
        .into_iter()
        .map(|(year, month, date)| format!("{year:04}-{month:02}-{date:02}"))
        .find(is_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_still_counts_ends_at_the_midnight_after_it() {
        for (said, start, end) in [
            ("2026-09-30", "2026-09-30T00:00:00Z", "2026-10-01T00:00:00Z"),
            ("2026-12-31", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("2028-02-28", "2028-02-28T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("2026/2/3", "2026-02-03T00:00:00Z", "2026-02-04T00:00:00Z"),
        ] {
            assert_eq!(mended(said, Side::Start).unwrap().instant, start);
            assert_eq!(mended(said, Side::End).unwrap().instant, end);
        }
    }

    #[test]
    fn an_instant_stays_the_one_that_was_said() {
        for (said, meant) in [
            ("2026-07-01 12:00 UTC", "2026-07-01T12:00:00Z"),
            ("2026-07-01T12:00", "2026-07-01T12:00:00Z"),
            ("2026-07-01 12:00:30.5 gmt", "2026-07-01T12:00:30.5Z"),
            ("2026-07-01T12:00+0200", "2026-07-01T12:00:00+02:00"),
            ("2026-07-01, 12:00 UTC-5", ""),
            ("2026-07-01 12:00 UTC-05", "2026-07-01T12:00:00-05:00"),
            ("2026-7-1 12:00 +02:30", "2026-07-01T12:00:00+02:30"),
            ("2026-07-01 12:00 CEST", ""),
            ("2026-07-01 noon", ""),
            ("2026-02-30", ""),
            ("2026-07-01 25:00 UTC", ""),
            ("01.07.2026", ""),
            ("yesterday", ""),
            ("", ""),
            ("é", ""),
            ("2026-07-01 12:00 é", ""),
        ] {
            for side in [Side::Start, Side::End] {
                assert_eq!(
                    mended(said, side).map_or(String::new(), |mended| mended.instant),
                    meant,
                    "{said}"
                );
            }
        }
        assert_eq!(day("2026-07-08T00:00:00Z").as_deref(), Some("2026-07-08"));
        assert_eq!(day("8 July 2026"), None);
    }
}
