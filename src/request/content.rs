//! What does the body claim to be?
//!
//! Input: `Content-Type` and `Content-Encoding`, which the sender sets. Output: which reader the claim asks for, what codings lie over the
//! body, and what of all that nobody could agree on. The claim is not a proof: [`reader`](super::reader) looks at the first byte as well.

use alloc::borrow::ToOwned as _;
use alloc::string::String;

use crate::piece::{cut, ends_folded, pieces, starts_folded};

use super::header;
use super::query;
use super::reason::Reason;

/// The reader that a content type asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Json,
    /// JSON Lines.
    Lines,
    Form,
    Multipart,
    /// A session description: what it sets up leaves the gate.
    Sdp,
    /// Something else or nothing: JSON if it starts as JSON does.
    Other,
}

/// Headers that hold a digest or a signature which covers the body.
const SIGNATURES: [&str; 6] =
    ["content-md5", "digest", "content-digest", "repr-digest", "signature-input", "x-amz-content-sha256"];

/// What the headers claim of the body.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) kind: Kind,
    /// The content type as it was sent, for the reader of multipart.
    pub(super) line: String,
    /// Why no body under these headers can be read.
    pub(super) trouble: Option<Reason>,
    /// The codings, with commas between, in the order in which they were applied; empty if there are none.
    pub(super) codings: String,
}

impl Content {
    /// Nothing is claimed: a message on a WebSocket.
    pub(super) const NONE: Self = Self { kind: Kind::Other, line: String::new(), trouble: None, codings: String::new() };

    pub(super) fn of(headers: &[(&str, &str)]) -> Self {
        let mut lines = header::lines(headers, "content-type");
        let line = lines.next().unwrap_or_default().trim_ascii();
        let media = pieces(line, b';').next().unwrap_or_default().trim_ascii();
        let kind = kind(media);
        let mut trouble = None;
        if lines.next().is_some() || is_list(line) || !charset_is_utf8(line) || kind.is_none() {
            trouble = Some(Reason::ContentType);
        }
        let mut codings = String::new();
        for line in header::lines(headers, "content-encoding") {
            for coding in pieces(line, b',') {
                if is_coded(coding) {
                    if !codings.is_empty() {
                        codings.push(',');
                    }
                    codings.push_str(coding.trim_ascii());
                }
            }
        }
        let kind = kind.unwrap_or(Kind::Other);
        Self { kind, line: if kind == Kind::Multipart { line.to_owned() } else { String::new() }, trouble, codings }
    }
}

/// A digest or a signature covers the body: it must reach the origin as it came.
pub(super) fn is_signed(headers: &[(&str, &str)], query: &[u8]) -> bool {
    query::is_signed(query)
        || headers.iter().any(|(name, value)| {
            SIGNATURES.iter().any(|known| header::is(name, known))
                || header::is(name, "authorization") && starts_folded(value.trim_ascii_start().as_bytes(), b"aws4-")
        })
}

/// `None`: a multipart type that no operation takes, each part of which could be anything.
fn kind(media: &str) -> Option<Kind> {
    let is = |known: &str| media.eq_ignore_ascii_case(known);
    Some(if is("application/json") || is("text/json") || ends_folded(media.as_bytes(), b"+json") {
        Kind::Json
    } else if ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"]
        .iter()
        .any(|known| is(known))
    {
        Kind::Lines
    } else if is("application/x-www-form-urlencoded") {
        Kind::Form
    } else if ["multipart/form-data", "multipart/mixed", "multipart/related"].iter().any(|known| is(known)) {
        Kind::Multipart
    } else if starts_folded(media.as_bytes(), b"multipart/") {
        return None;
    } else if is("application/sdp") {
        Kind::Sdp
    } else {
        Kind::Other
    })
}

/// Several types in one line, as proxies join them: some servers take the first, some the last.
fn is_list(line: &str) -> bool {
    let mut quoted = false;
    line.bytes().any(|byte| {
        quoted ^= byte == b'"';
        byte == b',' && !quoted
    })
}

/// No parameter says another charset, and none says it twice.
fn charset_is_utf8(line: &str) -> bool {
    let mut seen = false;
    pieces(line, b';').skip(1).all(|parameter| {
        let (name, value) = cut(parameter, b'=').unwrap_or((parameter, ""));
        let name = name.trim_ascii();
        if !name.eq_ignore_ascii_case("charset") {
            // `charset*` is the extended notation of RFC 8187.
            return !starts_folded(name.as_bytes(), b"charset*");
        }
        let value = value.trim_ascii();
        let value = value.strip_prefix('"').unwrap_or(value);
        let value = value.strip_suffix('"').unwrap_or(value);
        let first = !core::mem::replace(&mut seen, true);
        first && is_utf8(value.as_bytes())
    })
}

/// UTF-8, or a part of it.
pub(super) fn is_utf8(charset: &[u8]) -> bool {
    [b"utf-8".as_slice(), b"utf8", b"us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known))
}

fn is_coded(coding: &str) -> bool {
    let coding = coding.trim_ascii();
    !coding.is_empty() && !coding.eq_ignore_ascii_case("identity")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(headers: &[(&str, &str)]) -> (Kind, Option<Reason>) {
        let content = Content::of(headers);
        (content.kind, content.trouble)
    }

    #[test]
    fn a_claim_asks_for_a_reader() {
        let of = |line: &str| content(&[("Content-Type", line)]);
        assert_eq!(of("application/json"), (Kind::Json, None));
        assert_eq!(of("Application/Problem+JSON ; charset=UTF-8"), (Kind::Json, None));
        assert_eq!(of("application/x-www-form-urlencoded; charset=\"utf8\""), (Kind::Form, None));
        assert_eq!(of("multipart/form-data; boundary=x"), (Kind::Multipart, None));
        assert_eq!(of("application/x-ndjson"), (Kind::Lines, None));
        assert_eq!(of("application/sdp"), (Kind::Sdp, None));
        assert_eq!(of("text/plain"), (Kind::Other, None));
        assert_eq!(content(&[]), (Kind::Other, None));
    }

    #[test]
    fn what_nobody_could_agree_on_is_told() {
        let trouble = |line: &str| content(&[("content_type", line)]).1;
        assert_eq!(trouble("application/json; charset=utf-16"), Some(Reason::ContentType));
        assert_eq!(trouble("application/json; charset=utf-8; charset=utf-7"), Some(Reason::ContentType));
        assert_eq!(trouble("application/json; charset*=utf-8''x"), Some(Reason::ContentType));
        assert_eq!(trouble("text/plain, application/json"), Some(Reason::ContentType));
        assert_eq!(trouble("application/json;charset=utf-8, text/plain"), Some(Reason::ContentType));
        assert_eq!(trouble("application/json;x=1,application/x-www-form-urlencoded"), Some(Reason::ContentType));
        assert_eq!(trouble("multipart/form-data; boundary=\"a,b\""), None);
        assert_eq!(trouble("multipart/alternative; boundary=x"), Some(Reason::ContentType));
        assert_eq!(content(&[("content-type", "a/b"), ("Content-Type", "a/b")]).1, Some(Reason::ContentType));
    }

    #[test]
    fn codings_are_told_in_their_order() {
        let codings = |headers: &[(&str, &str)]| Content::of(headers).codings;
        assert_eq!(codings(&[("content-encoding", "identity")]), "");
        assert_eq!(codings(&[("Content_Encoding", "identity, GZIP ,,")]), "GZIP");
        assert_eq!(
            codings(&[("content-encoding", "gzip"), ("accept", "*/*"), ("Content-Encoding", "identity,br, x")]),
            "gzip,br,x"
        );
    }

    #[test]
    fn what_covers_the_body_is_known() {
        assert!(is_signed(&[("Content-MD5", "x")], b""));
        assert!(is_signed(&[("authorization", "AWS4-HMAC-SHA256 Credential=x")], b""));
        assert!(!is_signed(
            &[("authorization", "Bearer AWS4-HMAC-SHA256"), ("x-digest", "1")],
            b"X-Amz-Sign=x&x-amz_signature=1"
        ));
        for query in ["X-Amz-Credential=k&X-Amz-Signature=00ff", "?x-amz-signature", "a=1;X-AMZ-SIGNATURE=0"] {
            assert!(is_signed(&[], query.as_bytes()), "{query}");
        }
    }
}
