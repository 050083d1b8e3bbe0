//! A fact's value as an account record holds it, before a bundle gives it a meaning.

use alloc::string::String;
use alloc::vec::Vec;

/// A raw value. A value that does not fit the fact's declared type is unknown; nothing is
/// converted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// `true` or `false`.
    Bool(bool),
    /// A JSON number. For a time fact: seconds since the Unix epoch, as in a JWT `NumericDate` (RFC
    /// 7519, section 2).
    Number(f64),
    /// A text. For a time fact: RFC 3339. For a place fact: `US` or `UA-43`.
    Text(&'a str),
    /// A list of texts. A list with any other element counts as no value.
    List(&'a [&'a str]),
}

/// A raw value that owns its texts.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnedValue {
    /// As [`Value::Bool`].
    Bool(bool),
    /// As [`Value::Number`].
    Number(f64),
    /// As [`Value::Text`].
    Text(String),
    /// As [`Value::List`].
    List(Vec<String>),
}

impl OwnedValue {
    /// Borrows the value. `list` is the borrowed texts of a list.
    pub(crate) fn borrow<'a>(&'a self, list: &'a [&'a str]) -> Value<'a> {
        match self {
            OwnedValue::Bool(value) => Value::Bool(*value),
            OwnedValue::Number(value) => Value::Number(*value),
            OwnedValue::Text(value) => Value::Text(value),
            OwnedValue::List(_) => Value::List(list),
        }
    }
}

/// Maps a number to an integer in the same order, so that thresholds of every type are compared
/// alike. Returns `None` for NaN.
///
/// ```
/// # use portcullis::order_of;
/// assert!(order_of(-1.5) < order_of(-0.5) && order_of(-0.5) < order_of(2.0));
/// assert_eq!(order_of(0.0), order_of(-0.0));
/// assert_eq!(order_of(f64::NAN), None);
/// ```
#[must_use]
pub fn order_of(number: f64) -> Option<i64> {
    if number.is_nan() {
        return None;
    }
    let bits = (number + 0.0).to_bits().cast_signed();
    Some(if bits < 0 { i64::MIN.wrapping_sub(bits) } else { bits })
}

/// Reads RFC 3339 (`2026-06-12T21:21:00Z`, also with offsets and fractions) into milliseconds since
/// the Unix epoch. Returns `None` if the text is not a date and time with an offset, so the result
/// never depends on a local time zone.
///
/// ```
/// # use portcullis::read_time;
/// assert_eq!(read_time("1970-01-01T00:00:01Z"), Some(1_000));
/// assert_eq!(read_time("2026-06-12T17:21:00.5-04:00"), read_time("2026-06-12T21:21:00.500Z"));
/// assert_eq!(read_time("2026-06-12"), None);
/// ```
#[must_use]
pub fn read_time(text: &str) -> Option<i64> {
    let mut rest = text.as_bytes();
    let year = digits(&mut rest, 4)?;
    literal(&mut rest, b"-")?;
    let month = digits(&mut rest, 2)?;
    literal(&mut rest, b"-")?;
    let day = digits(&mut rest, 2)?;
    literal(&mut rest, b"Tt ")?;
    let hour = digits(&mut rest, 2)?;
    literal(&mut rest, b":")?;
    let minute = digits(&mut rest, 2)?;
    literal(&mut rest, b":")?;
    let second = digits(&mut rest, 2)?;
    let mut milliseconds = 0;
    if literal(&mut rest, b".").is_some() {
        let mut scale = 100;
        let mut any = false;
        while let Some((digit, after)) =
            rest.split_first().filter(|(digit, _)| digit.is_ascii_digit())
        {
            milliseconds += i64::from(digit - b'0') * scale;
            scale /= 10;
            any = true;
            rest = after;
        }
        if !any {
            return None;
        }
    }
    let offset = if literal(&mut rest, b"Zz").is_some() {
        0
    } else {
        let sign = if literal(&mut rest, b"+").is_some() {
            1
        } else {
            literal(&mut rest, b"-")?;
            -1
        };
        let hours = digits(&mut rest, 2)?;
        literal(&mut rest, b":")?;
        let minutes = digits(&mut rest, 2)?;
        if hours > 23 || minutes > 59 {
            return None;
        }
        sign * (hours * 60 + minutes)
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    // RFC 3339 allows a leap second (23:59:60). It is read as the following second.
    if day < 1 || day > days_in_month || hour > 23 || minute > 59 || second > 60 || !rest.is_empty()
    {
        return None;
    }
    let days = days_before(year, month) + day - 1;
    Some((((days * 24 + hour) * 60 + minute - offset) * 60 + second) * 1_000 + milliseconds)
}

/// Returns the days from the Unix epoch to the first of a month, in the proleptic Gregorian
/// calendar. Years are counted from March, so that the leap day is the last day.
fn days_before(year: i64, month: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let shifted = if month <= 2 { month + 9 } else { month - 3 };
    let before_year = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    before_year + (153 * shifted + 2) / 5 - 719_468
}

/// Returns the instant of a time fact's value, in milliseconds since the Unix epoch. The value is
/// RFC 3339 text, or seconds as in a JWT `NumericDate`.
pub(crate) fn time_of(value: Value<'_>) -> Option<i64> {
    /// `f64` holds every whole millisecond below 2^53, just above this bound. It is reached in the
    /// year 287168.
    const EXACT: f64 = 9e15;
    match value {
        Value::Text(text) => read_time(text),
        Value::Number(seconds) => {
            let milliseconds = seconds * 1_000.0;
            (milliseconds.abs() < EXACT).then(|| floor(milliseconds))
        }
        Value::Bool(_) | Value::List(_) => None,
    }
}

/// Returns the largest whole number that is not above `number`. `f64::floor` is in the standard
/// library, which the edge module does not use.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the caller has bounded it"
)]
fn floor(number: f64) -> i64 {
    let whole = number as i64;
    if (whole as f64) > number { whole - 1 } else { whole }
}

fn digits(rest: &mut &[u8], count: usize) -> Option<i64> {
    let (number, after) = rest.split_at_checked(count)?;
    *rest = after;
    number
        .iter()
        .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

fn literal(rest: &mut &[u8], any_of: &[u8]) -> Option<()> {
    let (first, after) = rest.split_first()?;
    any_of.contains(first).then(|| *rest = after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_rfc_3339_has_them() {
        for (text, seconds) in [
            ("2000-02-29T00:00:00Z", 951_782_400),
            ("2026-06-12T21:21:00Z", 1_781_299_260),
            ("1969-12-31T23:59:59Z", -1),
            ("2026-06-12T17:21:00-04:00", 1_781_299_260),
            ("1972-06-30T23:59:60Z", 78_796_800),
        ] {
            assert_eq!(read_time(text), Some(seconds * 1_000), "{text}");
        }
        for text in [
            "",
            "2026-06-12T21:21:00",
            "2026-13-01T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-06-12T24:00:00Z",
            "2026-06-12T00:00:00Z ",
            "2026-06-12T00:00:00.Z",
            "2026-06-12T00:00:00+25:00",
        ] {
            assert_eq!(read_time(text), None, "{text}");
        }
    }

    #[test]
    fn order_is_kept_at_the_edges() {
        let rising = [
            f64::NEG_INFINITY,
            f64::MIN,
            -1.0,
            -f64::MIN_POSITIVE,
            0.0,
            f64::MIN_POSITIVE,
            1.0,
            f64::MAX,
            f64::INFINITY,
        ];
        assert!(
            rising.windows(2).all(|pair| matches!(pair, [a, b] if order_of(*a) < order_of(*b)))
        );
    }
}
