//! Lists the ways in which servers may interpret a path.
//!
//! Input: a request target, absolute or not. Output: its query, and the segments of the path, once
//! for each interpretation. The module knows no routes: [`route`](crate::request::route) unites the
//! operations of all interpretations.
//!
//! ```text
//! plain      letters, digits, - . _ ~ : @ and the like, single slashes, no dot segment:
//!            one interpretation, nothing is copied
//! otherwise  rounds     split, then each segment decoded | decoded once, then split | twice |
//!                       3 times
//!          x choices    `;params` kept or dropped, `\` kept or a slash, `..` kept or resolved,
//!                       `?` and `#` kept or the end
//! ```
//!
//! Empty segments are dropped in every interpretation. A choice that changes nothing is not tried,
//! so the usual odd path (an escaped slash in an id) has two or three interpretations. The bound is
//! 4 x 16.

use alloc::vec::Vec;

use crate::compact::hex::hex;
use crate::limits;
use crate::reason::Reason;

/// Path and query of a request target.
pub(crate) struct Target<'a> {
    pub(crate) path: &'a [u8],
    pub(crate) query: &'a [u8],
}

impl<'a> Target<'a> {
    /// Removes scheme and authority, and splits at the first `?`. A fragment stays, because not
    /// every server drops it.
    pub(crate) fn of(url: &'a str) -> Self {
        let (_, rest) = halves(url);
        let end = rest.iter().position(|&b| b == b'?').unwrap_or(rest.len());
        let path = rest.get(..end).unwrap_or_default();
        let query = rest.get(end + 1..).unwrap_or_default();
        Self { path, query }
    }
}

/// Returns the authority, if there is one, and the text after it.
fn halves(url: &str) -> (&[u8], &[u8]) {
    let url = url.as_bytes();
    let scheme = url.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
    let Some(rest) =
        url.get(scheme..).and_then(|rest| rest.strip_prefix(b"://")).filter(|_| scheme > 0)
    else {
        return (&[], url);
    };
    let end =
        rest.iter().position(|b| matches!(b, b'/' | b'\\' | b'?' | b'#')).unwrap_or(rest.len());
    rest.split_at_checked(end).unwrap_or_default()
}

/// Returns the host of a target as it is written. Empty if the target is a path.
pub(crate) fn host(url: &str) -> &[u8] {
    name(halves(url).0)
}

/// Returns the host of an authority, without user and port. An address in brackets is cut off at
/// its first colon, which does no harm: no table names an address.
pub(crate) fn name(authority: &[u8]) -> &[u8] {
    let host = authority.rsplit(|&b| b == b'@').next().unwrap_or_default();
    host.split(|&b| b == b':').next().unwrap_or_default()
}

/// Gets the segments of one interpretation, and the text after a `?` that was hidden in the path.
pub(crate) type Visit<'v> = dyn FnMut(&[&[u8]], &[u8]) + 'v;

/// Calls `visit` with the segments of every interpretation, and with the text after a `?` that was
/// hidden in the path.
///
/// # Errors
///
/// More segments than [`limits::PATH_SEGMENTS`], control characters or bytes that are not UTF-8, a
/// malformed escape, an escape nested deeper than [`limits::PERCENT_ROUNDS`]. The interpretations
/// that can be read are visited in any case, because a denied mention outweighs a malformed escape.
pub(crate) fn interpretations(path: &[u8], visit: &mut Visit<'_>) -> Result<(), Reason> {
    if is_plain(path) {
        return Segments::of(path.split(|&b| b == b'/'), false)
            .map(|segments| visit(segments.as_slice(), &[]));
    }
    odd(path, visit)
}

/// Returns whether the path has one interpretation only: it contains nothing that a server could
/// decode, drop, merge or resolve.
fn is_plain(path: &[u8]) -> bool {
    let mut before = 0;
    path.first() == Some(&b'/')
        && path.iter().all(|&b| {
            let plain = match b {
                b'/' | b'.' => before != b'/',
                b'%' | b';' | b'\\' | b'#' | b'?' => false,
                _ => b > b' ' && b < 0x7f,
            };
            before = b;
            plain
        })
}

/// Bits of a choice.
const DROP_PARAMETERS: u8 = 1;
const BACKSLASH: u8 = 1 << 1;
const RESOLVE: u8 = 1 << 2;
const CUT: u8 = 1 << 3;

fn odd(path: &[u8], visit: &mut Visit<'_>) -> Result<(), Reason> {
    let mut result = Ok(());
    let mut whole = path.to_vec();
    let (mut next, mut pieces) = (Vec::new(), Vec::new());
    for round in 0..=limits::PERCENT_ROUNDS {
        let malformed = decode(&whole, &mut next);
        if round == 0 && !is_text(&next) {
            result = Err(Reason::AmbiguousPath);
        }
        // In the first round segments are decoded after the split, so choices also come from the
        // decoded text.
        let choices = if round == 0 { choices(&whole) | choices(&next) } else { choices(&whole) };
        for choice in 0..16_u8 {
            if choice & !choices == 0 {
                let read = read(&whole, choice, round == 0, &mut pieces, visit);
                result = result.and(read);
            }
        }
        // Only the first round is the sender's own spelling. After it `100%25` is plain text, and
        // `%257%2536` decodes further to `v`.
        if malformed && round == 0 {
            return result.and(Err(Reason::PercentEscape));
        }
        if whole == next {
            return result;
        }
        core::mem::swap(&mut whole, &mut next);
    }
    result.and(Err(Reason::PercentEscape))
}

/// Returns whether the path is UTF-8 without control characters. Some servers strip those, and some
/// decode bytes that are not UTF-8 to a slash.
fn is_text(path: &[u8]) -> bool {
    core::str::from_utf8(path).is_ok() && !path.iter().any(u8::is_ascii_control)
}

/// Returns the choices that change something.
fn choices(path: &[u8]) -> u8 {
    let mut bits = 0;
    for (i, &b) in path.iter().enumerate() {
        bits |= match b {
            b';' => DROP_PARAMETERS,
            b'\\' => BACKSLASH,
            b'?' | b'#' => CUT,
            b'.' if i == 0
                || path.get(i - 1).is_some_and(|before| matches!(before, b'/' | b'\\' | b'.')) =>
            {
                RESOLVE
            }
            _ => 0,
        };
    }
    bits
}

/// Interprets the path in one way. `pieces` is scratch space for decoded segments.
fn read(
    path: &[u8],
    choice: u8,
    decode_each: bool,
    pieces: &mut Vec<u8>,
    visit: &mut Visit<'_>,
) -> Result<(), Reason> {
    let cut =
        if choice & CUT != 0 { path.iter().position(|b| matches!(b, b'?' | b'#')) } else { None };
    let (path, tail) = match cut {
        Some(at) => (path.get(..at).unwrap_or_default(), path.get(at + 1..).unwrap_or_default()),
        None => (path, [].as_slice()),
    };
    pieces.clear();
    let mut ends = Vec::new();
    let separator = |b: &u8| *b == b'/' || choice & BACKSLASH != 0 && *b == b'\\';
    let mut decoded = Vec::new();
    for segment in path.split(separator) {
        let segment = if decode_each {
            decode(segment, &mut decoded);
            decoded.as_slice()
        } else {
            segment
        };
        let length = if choice & DROP_PARAMETERS != 0 {
            segment.iter().position(|&b| b == b';')
        } else {
            None
        };
        pieces
            .extend_from_slice(segment.get(..length.unwrap_or(segment.len())).unwrap_or_default());
        ends.push(pieces.len());
    }
    let mut start = 0;
    let segments = ends.iter().map(|&end| {
        let segment = pieces.get(start..end).unwrap_or_default();
        start = end;
        segment
    });
    let segments = Segments::of(segments, choice & RESOLVE != 0)?;
    visit(segments.as_slice(), tail);
    Ok(())
}

/// Decodes one round of percent escapes. Returns true if an escape was malformed; it is copied
/// unchanged.
pub(crate) fn decode(text: &[u8], to: &mut Vec<u8>) -> bool {
    to.clear();
    let mut malformed = false;
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let mut byte = *byte;
        if byte == b'%' {
            match tail {
                [high, low, tail @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                    byte = hex(*high).unwrap_or_default() << 4 | hex(*low).unwrap_or_default();
                    rest = tail;
                }
                _ => malformed = true,
            }
        }
        to.push(byte);
    }
    malformed
}

/// The segments of one interpretation.
struct Segments<'a> {
    list: [&'a [u8]; limits::PATH_SEGMENTS],
    length: usize,
}

impl<'a> Segments<'a> {
    fn of(all: impl Iterator<Item = &'a [u8]>, resolve: bool) -> Result<Self, Reason> {
        let mut segments = Self { list: [&[]; limits::PATH_SEGMENTS], length: 0 };
        for segment in all {
            match segment {
                b"" => {}
                b"." if resolve => {}
                b".." if resolve => segments.length = segments.length.saturating_sub(1),
                _ => {
                    let Some(slot) = segments.list.get_mut(segments.length) else {
                        return Err(Reason::TargetTooLong);
                    };
                    *slot = segment;
                    segments.length += 1;
                }
            }
        }
        Ok(segments)
    }

    fn as_slice(&self) -> &[&'a [u8]] {
        self.list.get(..self.length).unwrap_or_default()
    }
}

/// Calls `take` with the pairs between `&`s until it returns false. A pair that contains `;` is
/// followed by its pieces between `;`s. `URLSearchParams` drops a second `?` before the pairs, so
/// all are dropped.
pub(crate) fn pairs(mut query: &[u8], take: &mut dyn FnMut(&[u8]) -> bool) {
    while let [b'?', rest @ ..] = query {
        query = rest;
    }
    for pair in query.split(|&b| b == b'&') {
        if !pair.is_empty() && !take(pair) {
            return;
        }
        if pair.contains(&b';') {
            for piece in pair.split(|&b| b == b';') {
                if !piece.is_empty() && !take(piece) {
                    return;
                }
            }
        }
    }
}

pub(crate) fn name_and_value(pair: &[u8]) -> (&[u8], &[u8]) {
    match pair.iter().position(|&b| b == b'=') {
        Some(at) => (pair.get(..at).unwrap_or_default(), pair.get(at + 1..).unwrap_or_default()),
        None => (pair, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(url: &str) -> (Vec<String>, Result<(), Reason>) {
        let mut seen = Vec::new();
        let target = Target::of(url);
        let result = interpretations(target.path, &mut |segments, tail| {
            let mut text: Vec<String> =
                segments.iter().map(|s| String::from_utf8_lossy(s).into_owned()).collect();
            if !tail.is_empty() {
                text.push(format!("?{}", String::from_utf8_lossy(tail)));
            }
            let text = text.join("|");
            if !seen.contains(&text) {
                seen.push(text);
            }
        });
        (seen, result)
    }

    #[test]
    fn a_plain_path_has_one_reading() {
        for url in [
            "/v1/models/a:b@c",
            "https://gate.example/v1/models/a:b@c?x=1",
            "HTTP://u:p@h:1/v1/models/a:b@c",
            "/v1/models/a:b@c/",
        ] {
            assert_eq!(read_all(url), (vec!["v1|models|a:b@c".to_owned()], Ok(())), "{url}");
        }
        assert!(is_plain(b"/v1/models/mythos-5.1"));
        assert!(
            !is_plain(b"/v1//models") && !is_plain(b"/v1/./models") && !is_plain(b"/v1/mod%65ls")
        );
    }

    #[test]
    fn the_query_begins_at_the_first_question_mark() {
        let target = Target::of("https://h?model=a/b?c");
        assert_eq!((target.path, target.query), (b"".as_slice(), b"model=a/b?c".as_slice()));
        let target = Target::of("/v1/x?to=http://y/z");
        assert_eq!((target.path, target.query), (b"/v1/x".as_slice(), b"to=http://y/z".as_slice()));
    }

    #[test]
    fn what_servers_read_differently_is_read_in_each_way() {
        let has = |url: &str, wanted: &[&str]| {
            let (seen, _) = read_all(url);
            for wanted in wanted {
                assert!(seen.iter().any(|s| s == wanted), "{url}: {wanted} is not among {seen:?}");
            }
        };
        has("/v1//models", &["v1|models"]);
        has("/v1/models/a%2Fb", &["v1|models|a/b", "v1|models|a|b"]);
        has("/v1/models/a%252Fb", &["v1|models|a%2Fb", "v1|models|a|b"]);
        has("/v1/%257%2536a/x", &["v1|va|x"]);
        has("/v1/models;x=1/a", &["v1|models;x=1|a", "v1|models|a"]);
        has("/v1/models%3Bx/a", &["v1|models;x|a", "v1|models|a"]);
        has("/v1\\models", &["v1|models", "v1\\models"]);
        has("/v1/models/a/..%5cb", &["v1|models|b", "v1|models|a|..\\b"]);
        has("/v1/x/../models", &["v1|models", "v1|x|..|models"]);
        has("/v1/x/..;/models", &["v1|models"]);
        has("/v1/x/%2e%2E/models", &["v1|models", "v1|x|..|models"]);
        has("/v1/chat%3Fmodel=m", &["v1|chat?model=m", "v1|chat|?model=m"]);
        has("/v1/chat#x", &["v1|chat#x", "v1|chat|?x"]);
        has("/../../v1/models", &["v1|models"]);
        has("//host/v1/models", &["host|v1|models"]);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        assert_eq!(read_all("/v1/%zz/models").1, Err(Reason::PercentEscape));
        assert_eq!(read_all("/v1/100%25").1, Ok(()));
        for path in
            ["/v1/models%c0%afmythos-5", "/v1/mod%09els/x", "/v1/x%00", "/v1/x%7f", "/v1/\u{1}"]
        {
            assert_eq!(read_all(path).1, Err(Reason::AmbiguousPath), "{path}");
        }
        assert_eq!(read_all("/v1/files/r%C3%A9sum\u{e9}").1, Ok(()));
        assert_eq!(read_all("/v1/%2525252561").1, Err(Reason::PercentEscape));
        assert_eq!(read_all(&"/a".repeat(65)).1, Err(Reason::TargetTooLong));
        assert_eq!(read_all(&"/a".repeat(64)).1, Ok(()));
    }

    #[test]
    fn decoding_keeps_what_is_no_escape() {
        let mut to = Vec::new();
        assert!(decode(b"%4%41%", &mut to));
        assert_eq!(to, b"%4A%");
        assert!(!decode(b"a%2Fb", &mut to));
        assert_eq!(to, b"a/b");
    }
}
