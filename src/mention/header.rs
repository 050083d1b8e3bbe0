//! Which models do the headers mention, and what do they say of the method?
//!
//! Input: the header lines as they came; whoever sends the request sets them. Output: texts into [`Findings`]. Content type and
//! coding are [`content`](crate::http::content_type)'s.
//!
//! Gateways route on headers of their own making, so a header whose name has a word such as `model` in it, or is called like a model, may mention
//! one: a hint, which counts only if a denied pattern occurs in it. Which headers are more than that is data of the dialects. Names are
//! compared without case and with `_` as `-`, since servers hand them on so. What merely describes the caller's own software
//! (`user-agent`, `referer`, `cookie`, `origin`) says nothing of this request.

use super::findings::{Carrier, Findings};
use super::json::Json;
use super::key::is_model_like;
use crate::bundle::layout as l;
use crate::bundle::layout::{role, section};
use crate::bundle::view::{Bundle, Table};
use crate::http::head::{Known, has_word, known, order};
use crate::limits;
use crate::reason::Reason;

/// Words of a header's name that make it a hint.
const HINT_WORDS: [&[u8]; 4] = [b"model", b"models", b"deployment", b"engine"];

/// Reads all header lines. Several of one name all count.
///
/// # Errors
///
/// Of a mention, as [`Findings::text`]; more than [`limits::HEADER_BYTES`].
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
        findings.secret(b':', name.as_bytes(), value.as_bytes());
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
                // Which operation it leads to is not followed up: a model named in it counts, and the request is as good as unknown.
                findings.present(role::SUSPECT);
                findings.text(bundle, role::HINT, value.as_bytes(), Carrier::Header)
            }
            // Names of headers have no case: what a client writes, no runtime hands on.
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

/// A header that holds a document, or a name for one that is stored at the gateway.
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
