//! Reads the format that a body is declared to have.
//!
//! Input: `Content-Type` and `Content-Encoding`, which the sender sets. Output: the reader that the
//! declaration asks for, the codings of the body, and whether servers could disagree about the
//! declaration. A declaration proves nothing: [`reader`](crate::request::reader) also looks at the
//! first byte.

use alloc::borrow::ToOwned as _;
use alloc::string::String;

use super::head;
use crate::compact::split::{cut, ends_folded, pieces, starts_folded};
use crate::reason::Reason;

/// The reader that a content type asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    Json,
    /// JSON Lines.
    Lines,
    Form,
    Multipart,
    /// A session description (SDP). The session that it sets up bypasses the gate.
    Sdp,
    /// Another type or none. Read as JSON if it starts like JSON.
    Other,
}

/// Headers that hold a digest or a signature of the body.
const SIGNATURES: [&str; 6] = [
    "content-md5",
    "digest",
    "content-digest",
    "repr-digest",
    "signature-input",
    "x-amz-content-sha256",
];

/// The body as the headers declare it.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) kind: BodyKind,
    /// The content type as it was sent, for the reader of multipart bodies.
    pub(crate) line: String,
    /// Why a body under these headers cannot be read.
    pub(crate) trouble: Option<Reason>,
    /// The declared charset has one byte a character and includes ASCII. Bytes that are not UTF-8
    /// are characters of it.
    pub(crate) single_byte: bool,
    /// The codings in the order in which they were applied, separated by commas. Empty if there are
    /// none.
    pub(crate) codings: String,
}

impl Content {
    /// A body without a declaration: a message on a WebSocket.
    pub(crate) const NONE: Self = Self {
        kind: BodyKind::Other,
        line: String::new(),
        trouble: None,
        single_byte: false,
        codings: String::new(),
    };

    pub(crate) fn of(headers: &[(&str, &str)]) -> Self {
        let mut lines = head::lines(headers, "content-type");
        let first = lines.next().unwrap_or_default();
        let types = is_list(first);
        let line =
            if types { pieces(first, b',').next().unwrap_or_default() } else { first }.trim_ascii();
        let media = pieces(line, b';').next().unwrap_or_default().trim_ascii();
        let kind = kind(media);
        let charset = charset(line);
        // A type that is repeated counts once. A multipart type is the exception, because the text
        // after it may become part of the boundary.
        let same = |lines: &str| {
            kind != Some(BodyKind::Multipart)
                && pieces(lines, b',').all(|other| other.trim_ascii().eq_ignore_ascii_case(line))
        };
        let is_one = (!types || same(first)) && lines.all(same);
        let trouble =
            (!is_one || charset.is_none() || kind.is_none()).then_some(Reason::ContentType);
        let mut codings = String::new();
        for line in head::lines(headers, "content-encoding") {
            for coding in pieces(line, b',') {
                if is_coded(coding) {
                    if !codings.is_empty() {
                        codings.push(',');
                    }
                    codings.push_str(coding.trim_ascii());
                }
            }
        }
        let kind = kind.unwrap_or(BodyKind::Other);
        let line = if kind == BodyKind::Multipart { line.to_owned() } else { String::new() };
        Self { kind, line, trouble, single_byte: charset == Some(Charset::SingleByte), codings }
    }
}

/// Returns whether a header of this name declares the body: its type, its coding, or that a digest
/// or a signature covers it.
pub(crate) fn bears(name: &str) -> bool {
    head::is(name, "content-type")
        || head::is(name, "content-encoding")
        || SIGNATURES.iter().any(|known| head::is(name, known))
}

/// Returns whether a digest or a signature covers the body, so that it must be forwarded unchanged.
pub(crate) fn is_signed(headers: &[(&str, &str)], query: &[u8]) -> bool {
    is_presigned(query)
        || headers.iter().any(|(name, value)| {
            SIGNATURES.iter().any(|known| head::is(name, known))
                || head::is(name, "authorization")
                    && starts_folded(value.trim_ascii_start().as_bytes(), b"aws4-")
        })
}

/// Returns the kind of a media type. `None` for a multipart type that no operation takes, whose
/// parts could be anything.
fn kind(media: &str) -> Option<BodyKind> {
    let is = |known: &str| media.eq_ignore_ascii_case(known);
    Some(if is("application/json") || is("text/json") || ends_folded(media.as_bytes(), b"+json") {
        BodyKind::Json
    } else if [
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
    ]
    .iter()
    .any(|known| is(known))
    {
        BodyKind::Lines
    } else if is("application/x-www-form-urlencoded") {
        BodyKind::Form
    } else if ["multipart/form-data", "multipart/mixed", "multipart/related"]
        .iter()
        .any(|known| is(known))
    {
        BodyKind::Multipart
    } else if starts_folded(media.as_bytes(), b"multipart/") {
        return None;
    } else if is("application/sdp") {
        BodyKind::Sdp
    } else {
        BodyKind::Other
    })
}

/// Returns whether the line holds several types, as proxies join them. Some servers take the first
/// of them, some the last.
fn is_list(line: &str) -> bool {
    let mut quoted = false;
    line.bytes().any(|byte| {
        quoted ^= byte == b'"';
        byte == b',' && !quoted
    })
}

/// A charset in which a byte below 128 is the ASCII character, wherever it occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    Utf8,
    /// One byte a character. Java and Windows clients declare these, mostly for text that is ASCII.
    SingleByte,
}

const CHARSETS: [&[u8]; 8] = [
    b"utf-8",
    b"utf8",
    b"us-ascii",
    b"iso-8859-1",
    b"iso-8859-15",
    b"latin1",
    b"windows-1252",
    b"cp1252",
];
/// The number of leading entries that name UTF-8 or a subset of it.
const UTF8: usize = 3;

/// Returns the meaning of a charset's name. `None` for a charset in which an id may read
/// differently.
pub(crate) fn charset_of(name: &[u8]) -> Option<Charset> {
    let at = CHARSETS.iter().position(|known| name.eq_ignore_ascii_case(known))?;
    Some(if at < UTF8 { Charset::Utf8 } else { Charset::SingleByte })
}

/// Returns the declared charset, or UTF-8 if there is none. `None` for an unknown charset or a
/// repeated declaration.
fn charset(line: &str) -> Option<Charset> {
    let mut said = None;
    let mut parameters = pieces(line, b';');
    parameters.next();
    for parameter in parameters {
        let (name, value) = cut(parameter, b'=').unwrap_or((parameter, ""));
        let name = name.trim_ascii();
        if !name.eq_ignore_ascii_case("charset") {
            // `charset*` is the extended notation of RFC 8187.
            if starts_folded(name.as_bytes(), b"charset*") {
                return None;
            }
            continue;
        }
        let value = value.trim_ascii();
        let value = value.strip_prefix('"').unwrap_or(value);
        let value = value.strip_suffix('"').unwrap_or(value);
        if said.is_some() {
            return None;
        }
        said = Some(charset_of(value.as_bytes())?);
    }
    Some(said.unwrap_or(Charset::Utf8))
}

fn is_coded(coding: &str) -> bool {
    let coding = coding.trim_ascii();
    !coding.is_empty() && !coding.eq_ignore_ascii_case("identity")
}

/// Returns whether the query holds an AWS signature (Signature Version 4, authentication by query).
/// Like a signature in a header it covers the body. The name counts wherever it occurs in the
/// query, because dividing the query into pairs would cost bytes. A body that counts as signed is
/// under more rules, not fewer.
pub(crate) fn is_presigned(query: &[u8]) -> bool {
    const NAME: &[u8] = b"x-amz-signature";
    query.windows(NAME.len()).any(|text| text.eq_ignore_ascii_case(NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(headers: &[(&str, &str)]) -> (BodyKind, Option<Reason>) {
        let content = Content::of(headers);
        (content.kind, content.trouble)
    }

    #[test]
    fn a_claim_asks_for_a_reader() {
        let of = |line: &str| content(&[("Content-Type", line)]);
        assert_eq!(of("application/json"), (BodyKind::Json, None));
        assert_eq!(of("Application/Problem+JSON ; charset=UTF-8"), (BodyKind::Json, None));
        assert_eq!(
            of("application/x-www-form-urlencoded; charset=\"utf8\""),
            (BodyKind::Form, None)
        );
        assert_eq!(of("multipart/form-data; boundary=x"), (BodyKind::Multipart, None));
        assert_eq!(of("application/x-ndjson"), (BodyKind::Lines, None));
        assert_eq!(of("application/sdp"), (BodyKind::Sdp, None));
        assert_eq!(of("text/plain"), (BodyKind::Other, None));
        assert_eq!(content(&[]), (BodyKind::Other, None));
    }

    #[test]
    fn what_servers_would_read_differently_is_refused() {
        let trouble = |line: &str| content(&[("content_type", line)]).1;
        assert_eq!(trouble("application/json; charset=utf-16"), Some(Reason::ContentType));
        assert_eq!(
            trouble("application/json; charset=utf-8; charset=utf-7"),
            Some(Reason::ContentType)
        );
        assert_eq!(trouble("application/json; charset*=utf-8''x"), Some(Reason::ContentType));
        assert_eq!(trouble("text/plain, application/json"), Some(Reason::ContentType));
        assert_eq!(
            trouble("application/json;charset=utf-8, text/plain"),
            Some(Reason::ContentType)
        );
        assert_eq!(
            trouble("application/json;x=1,application/x-www-form-urlencoded"),
            Some(Reason::ContentType)
        );
        assert_eq!(trouble("multipart/form-data; boundary=\"a,b\""), None);
        assert_eq!(trouble("multipart/alternative; boundary=x"), Some(Reason::ContentType));
        assert_eq!(
            content(&[("content-type", "a/b"), ("Content-Type", "a/c")]).1,
            Some(Reason::ContentType)
        );
        let multipart = "multipart/form-data; boundary=x";
        assert_eq!(
            content(&[("content-type", multipart), ("content-type", multipart)]).1,
            Some(Reason::ContentType)
        );
    }

    #[test]
    fn one_type_said_twice_is_one_type() {
        let json = "application/json";
        assert_eq!(
            content(&[("content-type", json), ("Content-Type", "Application/JSON")]),
            (BodyKind::Json, None)
        );
        assert_eq!(
            content(&[("content-type", "application/json,application/json , application/json")]),
            (BodyKind::Json, None)
        );
        assert_eq!(
            content(&[("content-type", "application/json;charset=utf-8, application/json")]).1,
            Some(Reason::ContentType)
        );
    }

    #[test]
    fn a_charset_of_single_bytes_holds_ascii() {
        let single = |line: &str| {
            let content = Content::of(&[("content-type", line)]);
            (content.single_byte, content.trouble)
        };
        for name in ["ISO-8859-1", "\"windows-1252\"", "latin1"] {
            assert_eq!(
                single(&format!("application/json; charset={name}")),
                (true, None),
                "{name}"
            );
        }
        assert_eq!(single("application/json; charset=utf-8"), (false, None));
        for name in ["utf-16", "ibm037", "utf-7", "shift_jis"] {
            assert_eq!(
                single(&format!("application/json; charset={name}")).1,
                Some(Reason::ContentType),
                "{name}"
            );
        }
    }

    #[test]
    fn codings_are_told_in_their_order() {
        let codings = |headers: &[(&str, &str)]| Content::of(headers).codings;
        assert_eq!(codings(&[("content-encoding", "identity")]), "");
        assert_eq!(codings(&[("Content_Encoding", "identity, GZIP ,,")]), "GZIP");
        assert_eq!(
            codings(&[
                ("content-encoding", "gzip"),
                ("accept", "*/*"),
                ("Content-Encoding", "identity,br, x")
            ]),
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
        for query in
            ["X-Amz-Credential=k&X-Amz-Signature=00ff", "?x-amz-signature", "a=1;X-AMZ-SIGNATURE=0"]
        {
            assert!(is_signed(&[], query.as_bytes()), "{query}");
        }
    }
}
