//! Reads a whole request that stands in a part of a multipart body (`application/http`, RFC 9112 section 10.1), as Google's batches have it.
//!
//! ```text
//! POST /v1beta/models/x:generateContent HTTP/1.1 CRLF
//! name: value CRLF ... CRLF
//! body
//! ```
//!
//! Input: the content of the part, cut anywhere. Output: into the [`Findings`] of the request around it, as the sternest that is found of any. It is
//! routed and read as a request of its own, under the reach of the one around it, and holds no further one.

use alloc::string::String;
use alloc::vec::Vec;

use crate::bundle::Bundle;
use crate::bundle::layout::role;
use crate::limits;
use crate::reach::Reach;
use crate::verdict::Kind;

use super::content::{self, Content};
use super::findings::Findings;
use super::path::Target;
use super::reader::Reader;
use super::reason::Reason;
use super::route::{Head, Route};

/// The reader of one such request.
pub(super) struct Nested {
    /// The request line and the headers, as far as they came.
    head: Vec<u8>,
    reader: Option<Reader>,
}

impl Nested {
    #[inline(never)] // it is large, and made in many places
    pub(super) fn new() -> Self {
        Self { head: Vec::new(), reader: None }
    }

    /// Reads on.
    ///
    /// # Errors
    ///
    /// A head that is none, or that servers read differently.
    pub(super) fn feed(&mut self, bundle: Bundle<'_>, bytes: &[u8], findings: &Findings) -> Result<(), Reason> {
        let mut at = 0;
        if self.reader.is_none() {
            loop {
                let Some(&byte) = bytes.get(at) else { return Ok(()) };
                at += 1;
                if self.head.len() >= limits::NESTED_HEAD_BYTES {
                    return Err(Reason::MultipartHeaderTooLarge);
                }
                self.head.push(byte);
                if self.head.ends_with(b"\r\n\r\n") {
                    break;
                }
            }
            self.reader = Some(self.open(bundle, findings)?);
        }
        if let Some(reader) = &mut self.reader {
            reader.feed(bundle, bytes.get(at..).unwrap_or_default());
        }
        Ok(())
    }

    /// The request ends here.
    ///
    /// # Errors
    ///
    /// What keeps it from being read with certainty.
    pub(super) fn finish(mut self, bundle: Bundle<'_>, findings: &mut Findings) -> Result<(), Reason> {
        if self.reader.is_none() {
            // Without a body the blank line may be missing.
            self.head.extend_from_slice(if self.head.ends_with(b"\r\n") { b"\r\n" } else { b"\r\n\r\n" });
            self.reader = Some(self.open(bundle, findings)?);
        }
        let Some(mut reader) = self.reader else { return Ok(()) };
        let reach = reach(findings);
        let (kind, reason) = reader.end(bundle, &reach, findings);
        match (kind, reason) {
            (Kind::Refuse, reason) => return Err(reason),
            (_, Reason::Unlisted) => findings.unknown(),
            (Kind::Deny, Reason::ModelRestricted | Reason::EverythingRestricted) if reach.denies(0) => findings.unknown(),
            (_, Reason::UnknownOperation | Reason::Unguarded) => findings.present(role::SUSPECT),
            // Of a list inside another answer nothing is left out.
            (_, Reason::LateBound | Reason::Filtered) => findings.present(role::DELEGATES),
            _ => {}
        }
        Ok(())
    }

    fn open(&self, bundle: Bundle<'_>, findings: &Findings) -> Result<Reader, Reason> {
        let bad = Reason::MultipartHeader;
        let mut rest = self.head.as_slice();
        let first = line(&mut rest).ok_or(bad)?;
        let (method, target) = halves(first, b' ').ok_or(bad)?;
        let target = match halves(target, b' ') {
            Some((target, b"HTTP/1.1" | b"HTTP/1.0")) => target,
            Some(_) => return Err(bad),
            None => target,
        };
        if method.is_empty() || target.is_empty() {
            return Err(bad);
        }
        let mut headers: Vec<(&str, &str)> = Vec::new();
        loop {
            let line = line(&mut rest).ok_or(bad)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = halves(line, b':').ok_or(bad)?;
            // A folded line, and a blank that some servers take off.
            if name.is_empty() || name.iter().any(|byte| *byte <= b' ') {
                return Err(bad);
            }
            if name.eq_ignore_ascii_case(b"transfer-encoding") {
                return Err(Reason::MultipartEncoding);
            }
            headers.push((text(name), text(value.trim_ascii())));
        }
        if Content::of(&headers).kind == content::Kind::Multipart {
            return Err(Reason::MultipartNested);
        }
        let url = mounted(findings.prefix(bundle), text(target));
        let head = Head { method: text(method), url: &url, headers: &headers };
        let mut route = Route::default();
        route.read(bundle, &head);
        Ok(Reader::new(bundle, &route, &head, &reach(findings)))
    }
}

/// Takes a line of printable ASCII off the front, which ends with CRLF.
fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|byte| !matches!(byte, b' '..=b'~' | b'\t'))?;
    let (line, after) = rest.split_at_checked(end)?;
    *rest = after.strip_prefix(b"\r\n")?;
    Some(line)
}

/// What stands ahead of the first of these bytes, and what behind.
fn halves(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let (front, back) = text.split_at_checked(text.iter().position(|byte| *byte == at)?)?;
    Some((front, back.get(1..).unwrap_or_default()))
}

/// ASCII is all that comes here.
fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}

/// What the caller may not use, as the request around it was told.
fn reach(findings: &Findings) -> Reach {
    Reach { denied: Vec::from(findings.watched()), shadow: Vec::new() }
}

/// The target as a client of the gate would write it: servers unpack a batch behind the prefix.
fn mounted(prefix: &str, target: &str) -> String {
    let inner = Target::of(target);
    let mut url = String::from(if inner.path.starts_with(prefix.as_bytes()) { "" } else { prefix });
    if inner.path.first() != Some(&b'/') {
        url.push('/');
    }
    url.push_str(text(inner.path));
    if !inner.query.is_empty() {
        url.push('?');
        url.push_str(text(inner.query));
    }
    url
}
