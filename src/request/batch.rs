//! Reads a whole request inside a part of a multipart body (`application/http`, RFC 9112 section
//! 10.1), as Google's batches have it.
//!
//! ```text
//! POST /v1beta/models/x:generateContent HTTP/1.1 CRLF
//! name: value CRLF ... CRLF
//! body
//! ```
//!
//! Input: the content of the part, in chunks. Output: [`Findings`] into those of the surrounding
//! request, whose verdict is the strictest of all requests in the batch. The request is routed and
//! read like any other, under the denied set of the surrounding request. Batches do not nest.
//!
//! The end of the part is the end of the request. Servers that treat the part like a connection go
//! by `Content-Length` instead. They read the bytes beyond that length, or the whole body if there
//! is no length, as further requests. So a length must be right, and a body without a length must
//! begin like JSON, as no request does.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::body::part::digits;
use super::body::part::{PartReader, header_line};
use super::reader::RequestReader;
use super::route::Route;
use crate::bundle::layout::role;
use crate::bundle::view::Bundle;
use crate::compact::split::cut;
use crate::denied::DeniedSet;
use crate::http::head;
use crate::http::head::Head;
use crate::http::target::Target;
use crate::limits;
use crate::mention::findings::Findings;
use crate::reason::Reason;
use crate::verdict::VerdictKind;

/// Reads one request of a batch.
pub(crate) struct BatchedRequest {
    /// The request line and the headers read so far.
    head: Vec<u8>,
    reader: Option<RequestReader>,
    /// The denied set of the surrounding request.
    denied_set: DeniedSet,
    /// `sized`: the head has a `Content-Length`. `left`: the bytes of the body still to come by
    /// that length.
    sized: bool,
    left: usize,
    /// The first byte beyond that length which is not white space, or 0.
    beyond: u8,
}

/// Begins to read a part that is a request.
#[inline(never)] // large, and called from many places
pub(crate) fn open() -> Box<dyn PartReader> {
    Box::new(BatchedRequest {
        head: Vec::new(),
        reader: None,
        denied_set: DeniedSet::default(),
        sized: false,
        left: 0,
        beyond: 0,
    })
}

impl PartReader for BatchedRequest {
    /// Reads a chunk.
    ///
    /// # Errors
    ///
    /// The head is malformed, or servers read it differently.
    fn feed(
        &mut self,
        bundle: Bundle<'_>,
        bytes: &[u8],
        findings: &Findings,
    ) -> Result<(), Reason> {
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
            self.reader = Some(self.read_head(bundle, findings)?);
        }
        let body = bytes.get(at..).unwrap_or_default();
        // The bytes beyond the length, or all of them if there is none.
        let within = self.left.min(body.len());
        self.left -= within;
        let beyond = body.get(within..).unwrap_or_default().trim_ascii_start();
        if self.beyond == 0 {
            self.beyond = beyond.first().copied().unwrap_or(0);
        }
        if let Some(reader) = &mut self.reader {
            reader.feed(bundle, body);
        }
        Ok(())
    }

    /// Ends the request.
    ///
    /// # Errors
    ///
    /// The reason why the request cannot be read with certainty.
    fn finish(
        mut self: Box<Self>,
        bundle: Bundle<'_>,
        findings: &mut Findings,
    ) -> Result<(), Reason> {
        if self.reader.is_none() {
            // A request without a body may lack the blank line.
            self.head.extend_from_slice(if self.head.ends_with(b"\r\n") {
                b"\r\n"
            } else {
                b"\r\n\r\n"
            });
            self.reader = Some(self.read_head(bundle, findings)?);
        }
        let Some(mut reader) = self.reader else { return Ok(()) };
        let denied_set = &self.denied_set;
        let (kind, reason) = reader.end(bundle, denied_set, findings);
        match (kind, reason) {
            (VerdictKind::Refuse, reason) => return Err(reason),
            (_, Reason::Unlisted) => findings.add_unknown(),
            (VerdictKind::Deny, Reason::ModelRestricted | Reason::EverythingRestricted)
                if denied_set.denies(0) =>
            {
                findings.add_unknown()
            }
            (_, Reason::UnknownOperation | Reason::Unguarded) => {
                findings.record_present(role::SUSPECT)
            }
            // A list inside the response to a batch is not filtered.
            (_, Reason::LateBound | Reason::Filtered) => findings.record_present(role::DELEGATES),
            _ => {}
        }
        if findings.has_foreign_credential() {
            return Err(Reason::PartCredential);
        }
        let ends = self.beyond == 0 || !self.sized && matches!(self.beyond, b'{' | b'[');
        if ends { Ok(()) } else { Err(Reason::TrailingBytes) }
    }
}

impl BatchedRequest {
    fn read_head(
        &mut self,
        bundle: Bundle<'_>,
        findings: &Findings,
    ) -> Result<RequestReader, Reason> {
        let bad = Reason::MultipartHeader;
        let (first, rest) =
            core::str::from_utf8(&self.head).ok().and_then(|head| cut(head, b'\r')).ok_or(bad)?;
        let mut rest = rest.as_bytes().strip_prefix(b"\n").ok_or(bad)?;
        let (method, target) = cut(first, b' ').ok_or(bad)?;
        let target = match cut(target, b' ') {
            Some((target, "HTTP/1.1")) => target,
            Some(_) => return Err(bad),
            None => target,
        };
        let mut headers: Vec<(&str, &str)> = Vec::new();
        while rest != b"\r\n" {
            let (name, value) = header_line(&mut rest).ok_or(bad)?;
            let name = text(name);
            if head::is(name, "transfer-encoding") {
                return Err(Reason::MultipartEncoding);
            }
            if head::is(name, "content-length") {
                let length = digits(value);
                if self.sized || length == u32::MAX {
                    return Err(bad);
                }
                self.sized = true;
                self.left = length as usize;
            }
            headers.push((name, text(value)));
        }
        let url = mounted(findings.prefix(bundle), target);
        let head = Head { method, url: &url, headers: &headers };
        let mut route = Route::default();
        route.read(bundle, &head);
        self.denied_set.denied.extend_from_slice(findings.watched());
        let reader = RequestReader::new_in_batch(bundle, &route, &head, &self.denied_set, findings);
        if reader.is_multipart() { Err(Reason::MultipartNested) } else { Ok(reader) }
    }
}

/// The head has been checked to be UTF-8.
fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}

/// Returns the target as a client of the gate would write it: with the prefix, which servers expect
/// of a batch but not of the requests in it.
fn mounted(prefix: &str, target: &str) -> String {
    let inner = Target::of(target);
    let mut url = String::from(if inner.path.starts_with(prefix.as_bytes()) { "" } else { prefix });
    if inner.path.first() != Some(&b'/') {
        url.push('/');
    }
    url.push_str(text(inner.path));
    url.push('?');
    url.push_str(text(inner.query));
    url
}
