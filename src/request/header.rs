//! Which models do the headers mention, and what do they say of the method?
//!
//! Input: the header lines as they came; whoever sends the request sets them. Output: texts into [`Findings`]. Content type and
//! coding are [`content`](super::content)'s.
//!
//! Gateways route on headers of their own making, so a header whose name has a word such as `model` in it, or is called like a model, may mention
//! one: a hint, which counts only if a denied pattern occurs in it. Which headers are more than that is data of the dialects. Names are
//! compared without case and with `_` as `-`, since servers hand them on so. What merely describes the caller's own software
//! (`user-agent`, `referer`, `cookie`, `origin`) says nothing of this request.

use core::cmp::Ordering;

use crate::bundle::layout::{self as l, role, section};
use crate::bundle::{Bundle, Table};
use crate::limits;
use crate::piece::pieces;

use super::findings::{Carrier, Findings};
use super::json::Json;
use super::key::is_model_like;
use super::reason::Reason;

/// Headers that are looked at for themselves.
const KNOWN: [(&str, Known); 12] = [
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
    // The caller's telephone.
    ("sec-ch-ua-model", Known::Silent),
];

/// What such a header does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// It asks a server to take the request for another method.
    Method,
    /// It asks a server to take the request for one of another path.
    Path,
    /// It never mentions a model.
    Silent,
}

/// Words of a header's name that make it a hint.
const HINT_WORDS: [&[u8]; 4] = [b"model", b"models", b"deployment", b"engine"];

/// Reads all header lines. Several of one name all count.
///
/// # Errors
///
/// Of a mention, as [`Findings::text`]; more than [`limits::HEADER_BYTES`].
pub(crate) fn read(bundle: Bundle<'_>, headers: &[(&str, &str)], findings: &mut Findings) -> Result<(), Reason> {
    let places: Table<'_, l::Place> =
        bundle.meta().map_or(Table::new(&[]), |meta| bundle.table(section::PLACES).span(meta.headers));
    let mut left = limits::HEADER_BYTES;
    let mut result = Ok(());
    for (name, value) in headers {
        let Some(rest) = left.checked_sub(name.len().saturating_add(value.len())) else {
            return result.and(Err(Reason::HeadersTooLarge));
        };
        left = rest;
        let known = known(name);
        if known == Some(Known::Silent) {
            continue;
        }
        findings.secret(b':', name.as_bytes(), value.as_bytes());
        let declared = places.search(|place| order(bundle.text(place.name), name)).map(|(_, place)| place);
        let read = match declared {
            Some(place) if place.role == role::NESTED_JSON => nested(bundle, &place, value, findings),
            Some(place) => findings.text(bundle, place.role, value.trim_ascii().as_bytes(), Carrier::Header),
            None if known == Some(Known::Path) => {
                // Which operation it leads to is not followed up: a model named in it counts, and the request is as good as unknown.
                findings.present(role::SUSPECT);
                findings.text(bundle, role::HINT, value.as_bytes(), Carrier::Header)
            }
            // Names of headers have no case: what a client writes, no runtime hands on.
            None if has_word(name.as_bytes(), &HINT_WORDS) || is_model_like(name.to_ascii_lowercase().as_bytes()) => {
                findings.text(bundle, role::HINT, value.as_bytes(), Carrier::Header)
            }
            None => Ok(()),
        };
        result = result.and(read);
    }
    result
}

/// Calls `take` with every method that a header asks for in place of the request's own.
pub(super) fn methods(headers: &[(&str, &str)], take: &mut dyn FnMut(&str)) {
    for (name, value) in headers {
        if known(name) == Some(Known::Method) {
            pieces(value, b',').for_each(&mut *take);
        }
    }
}

/// The methods that a request may be taken for, as [`route`](super::route) takes them: its own and, after commas, those that a header asks
/// for in its place. The reach needs them where a rule rests on the operation.
#[cfg(any(feature = "author", feature = "edge"))]
pub(crate) fn all_methods(method: &str, headers: &[(&str, &str)]) -> alloc::string::String {
    let mut all = alloc::string::String::from(method);
    methods(headers, &mut |asked| {
        all.push(',');
        all.push_str(asked);
    });
    all
}

/// The values of all lines of this name, which is lower case.
pub(crate) fn lines<'a>(headers: &'a [(&'a str, &'a str)], name: &'static str) -> Lines<'a> {
    Lines { headers, name }
}

/// An iterator over the values of lines of one name.
pub(crate) struct Lines<'a> {
    headers: &'a [(&'a str, &'a str)],
    name: &'static str,
}

impl<'a> Iterator for Lines<'a> {
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

/// The name, once folded, is this lower-case one.
pub(crate) fn is(name: &str, folded: &str) -> bool {
    name.len() == folded.len() && order(folded, name) == Ordering::Equal
}

fn known(name: &str) -> Option<Known> {
    KNOWN.iter().find(|(known, _)| is(name, known)).map(|(_, what)| *what)
}

fn order(folded: &str, name: &str) -> Ordering {
    folded_order(folded.as_bytes(), name.as_bytes(), b'_')
}

/// The order of a text in lower case and a name, once that is folded and `dash` in it is `-`.
pub(super) fn folded_order(folded: &[u8], name: &[u8], dash: u8) -> Ordering {
    for (at, &byte) in folded.iter().enumerate() {
        let Some(&other) = name.get(at) else { return Ordering::Greater };
        let other = if other == dash { b'-' } else { other.to_ascii_lowercase() };
        if byte != other {
            return byte.cmp(&other);
        }
    }
    folded.len().cmp(&name.len())
}

/// The name has one of these words in it.
pub(super) fn has_word(name: &[u8], words: &[&[u8]]) -> bool {
    name.split(|b| !b.is_ascii_alphanumeric()).any(|word| words.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

/// A header that holds a document, or a name for one that is stored at the gateway.
fn nested(bundle: Bundle<'_>, place: &l::Place, value: &str, findings: &mut Findings) -> Result<(), Reason> {
    if !matches!(value.trim_ascii_start().as_bytes().first(), Some(b'{' | b'[')) {
        findings.reference(bundle, role::BINDS, value.trim_ascii().as_bytes(), Carrier::Header);
        return Ok(());
    }
    let mut json = Json::new(place.state);
    json.feed(bundle, value.as_bytes(), findings)?;
    json.finish(bundle, findings)
}
