//! The method, the URL and the header lines of one request.

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::target;

/// The head of a request.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method token as it was sent.
    pub method: &'a str,
    /// An absolute URL, or a path with its query.
    pub url: &'a str,
    /// Header lines in order. Names are in any case. Lines of one name are not joined.
    pub headers: &'a [(&'a str, &'a str)],
}

/// Returns the values of all lines of this name, which must be in lower case.
pub(crate) fn lines<'a>(headers: &'a [(&'a str, &'a str)], name: &'static str) -> HeaderLines<'a> {
    HeaderLines { headers, name }
}

/// An iterator over the values of the lines of one name.
pub(crate) struct HeaderLines<'a> {
    headers: &'a [(&'a str, &'a str)],
    name: &'static str,
}

impl<'a> Iterator for HeaderLines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        while let Some(((name, value), rest)) = self.headers.split_first() {
            self.headers = rest;
            if is(name, self.name) {
                return Some(value);
            }
        }
        None
    }
}

/// Returns whether the name, once folded, equals this one in lower case.
pub(crate) fn is(name: &str, folded: &str) -> bool {
    name.len() == folded.len() && order(folded, name) == Ordering::Equal
}

pub(crate) fn known(name: &str) -> Option<Known> {
    KNOWN.iter().find(|(known, _)| is(name, known)).map(|(_, what)| *what)
}

/// Headers that have a meaning to the gate.
pub(crate) const KNOWN: [(&str, Known); 12] = [
    ("x-http-method-override", Known::Method),
    ("x-http-method", Known::Method),
    ("x-method-override", Known::Method),
    ("x-original-url", Known::Path),
    ("x-rewrite-url", Known::Path),
    ("x-original-uri", Known::Path),
    ("x-forwarded-uri", Known::Path),
    ("user-agent", Known::Silent),
    ("referer", Known::Silent),
    ("cookie", Known::Silent),
    ("origin", Known::Silent),
    // The model of the caller's telephone.
    ("sec-ch-ua-model", Known::Silent),
];

/// The meaning of such a header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// It asks a server to treat the request as one of another method.
    Method,
    /// It asks a server to treat the request as one of another path.
    Path,
    /// It never mentions a model.
    Silent,
}

pub(crate) fn order(folded: &str, name: &str) -> Ordering {
    folded_order(folded.as_bytes(), name.as_bytes(), b'_')
}

/// Compares a text in lower case with a name. The name is folded first: to lower case, and `dash`
/// to `-`.
pub(crate) fn folded_order(folded: &[u8], name: &[u8], dash: u8) -> Ordering {
    for (at, &byte) in folded.iter().enumerate() {
        let Some(&other) = name.get(at) else { return Ordering::Greater };
        let other = if other == dash { b'-' } else { other.to_ascii_lowercase() };
        if byte != other {
            return byte.cmp(&other);
        }
    }
    folded.len().cmp(&name.len())
}

/// Returns whether one of these words occurs in the name. Words end at characters other than ASCII
/// letters and digits.
pub(crate) fn has_word(name: &[u8], words: &[&[u8]]) -> bool {
    name.split(|b| !b.is_ascii_alphanumeric())
        .any(|word| words.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

/// Returns the host that the request is for, in lower case. Empty if the request names none.
pub(crate) fn host(head: &Head<'_>) -> Vec<u8> {
    let mut host = target::host(head.url);
    if host.is_empty() {
        for line in lines(head.headers, "host") {
            host = target::name(line.as_bytes());
        }
    }
    host.to_ascii_lowercase()
}
