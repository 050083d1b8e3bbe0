//! Finds the models that the headers mention.
//!
//! Input: the header lines as they arrived. The sender of the request sets them. Output: texts into
//! [`Findings`]. Content type and coding belong to [`content_type`](crate::http::content_type),
//! method overrides to [`method`](crate::http::method).
//!
//! Gateways route by headers of their own. So a header whose name has a word such as `model`, or
//! suggests a model, is a hint: it counts only if a denied pattern occurs in it. The dialects
//! declare the headers that are more than hints. Names are compared without case and with `_` as
//! `-`, because servers pass them on in that form. Headers that only describe the caller's software
//! (`user-agent`, `referer`, `cookie`, `origin`) say nothing about the request.

use super::findings::{Carrier, Findings};
use super::json::Json;
use super::key::is_model_like;
use crate::bundle::layout as l;
use crate::bundle::layout::{role, section};
use crate::bundle::view::{Bundle, Table};
use crate::http::content_type;
use crate::http::head::{Known, has_word, is, known, order};
use crate::limits;
use crate::reason::Reason;

/// Words in the name of a header that make its value a hint.
const HINT_WORDS: [&[u8]; 4] = [b"model", b"models", b"deployment", b"engine"];

/// Reads all header lines. If several have one name, all of them count.
///
/// # Errors
///
/// Those of a mention, as [`Findings::text`] returns them, and more than [`limits::HEADER_BYTES`].
pub(crate) fn read(
    bundle: Bundle<'_>,
    headers: &[(&str, &str)],
    findings: &mut Findings,
) -> Result<(), Reason> {
    let locations: Table<'_, l::Location> = bundle
        .meta()
        .map_or(Table::new(&[]), |meta| bundle.table(section::LOCATIONS).span(meta.headers));
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
        findings.record_secret(b':', name.as_bytes(), value.as_bytes());
        let declared = locations
            .search(|location| order(bundle.text(location.name), name))
            .map(|(_, location)| location);
        let read = match declared {
            Some(location) if location.role == role::NESTED_JSON => {
                nested(bundle, &location, value, findings)
            }
            Some(location) => {
                findings.text(bundle, location.role, value.trim_ascii().as_bytes(), Carrier::Header)
            }
            None if known == Some(Known::Path) => {
                // The operation behind that path is not looked up. A model named in the path
                // counts, and the request counts as unknown.
                findings.record_present(role::SUSPECT);
                findings.text(bundle, role::HINT, value.as_bytes(), Carrier::Header)
            }
            // Runtimes fold the names of headers, so the case in which a client writes them says
            // nothing.
            None if has_word(name.as_bytes(), &HINT_WORDS)
                || is_model_like(name.to_ascii_lowercase().as_bytes()) =>
            {
                findings.text(bundle, role::HINT, value.as_bytes(), Carrier::Header)
            }
            None => Ok(()),
        };
        result = result.and(read);
    }
    result
}

/// What a header can bear on in a POST request whose body is plain JSON, as far as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderBearing {
    /// On nothing. It may be a credential, which matters to the requests inside a batch alone.
    Nothing,
    /// On how the request is read.
    Reading,
    /// As [`Self::Reading`] if the value begins with `AWS4-`, else as [`Self::Nothing`].
    ReadingIfSigned,
    /// On the wording of a refusal. The value does not matter.
    Presence,
}

/// Returns what a header of this name can bear on.
///
/// INVARIANT: every header that the reading of such a request looks at is named here.
/// `tests/corpus.rs` compares each request with the same one without the other headers.
#[must_use]
pub(crate) fn bearing(bundle: Bundle<'_>, name: &str) -> HeaderBearing {
    match known(name) {
        Some(Known::Silent) => return HeaderBearing::Nothing,
        Some(Known::Method | Known::Path) => return HeaderBearing::Reading,
        None => {}
    }
    let locations: Table<'_, l::Location> = bundle.table(section::LOCATIONS);
    let has = |span| locations.span(span).iter().any(|known| is(name, bundle.text(known.name)));
    if content_type::bears(name)
        || is(name, "host")
        || has_word(name.as_bytes(), &HINT_WORDS)
        || is_model_like(name.to_ascii_lowercase().as_bytes())
        || bundle.meta().is_some_and(|meta| has(meta.headers))
    {
        HeaderBearing::Reading
    } else if is(name, "authorization") {
        HeaderBearing::ReadingIfSigned
    } else if bundle.table::<l::Dialect>(section::DIALECTS).iter().any(|known| has(known.hints)) {
        HeaderBearing::Presence
    } else {
        HeaderBearing::Nothing
    }
}

/// Reads a header that holds a JSON document, or the name of one that is stored at the gateway.
fn nested(
    bundle: Bundle<'_>,
    location: &l::Location,
    value: &str,
    findings: &mut Findings,
) -> Result<(), Reason> {
    if !matches!(value.trim_ascii_start().as_bytes().first(), Some(b'{' | b'[')) {
        findings.reference(bundle, role::BINDS, value.trim_ascii().as_bytes(), Carrier::Header);
        return Ok(());
    }
    let mut json = Json::new(location.state);
    json.feed(bundle, value.as_bytes(), findings)?;
    json.finish(bundle, findings)
}
