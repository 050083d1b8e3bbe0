//! What does the body claim to be?
//!
//! Input: `Content-Type` and `Content-Encoding`, which the sender sets. Output: which reader the claim asks for, and what of it
//! nobody could agree on. The claim is not a proof: [`reader`](super::reader) looks at the first byte as well.

use alloc::borrow::ToOwned as _;
use alloc::string::String;

use super::header;
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

/// What the headers claim of the body.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) kind: Kind,
    /// The content type as it was sent, for the reader of multipart.
    pub(super) line: String,
    /// Why no body under these headers can be read.
    pub(super) trouble: Option<Reason>,
}

impl Content {
    /// Nothing is claimed: a message on a WebSocket.
    pub(super) const NONE: Self = Self { kind: Kind::Other, line: String::new(), trouble: None };

    pub(super) fn of(headers: &[(&str, &str)]) -> Self {
        let mut lines = header::lines(headers, "content-type");
        let line = lines.next().unwrap_or_default().trim();
        let media = line.split(';').next().unwrap_or_default().trim();
        let kind = kind(media);
        let mut trouble = None;
        if lines.next().is_some() || media.contains(',') || !charset_is_utf8(line) || kind.is_none() {
            trouble = Some(Reason::ContentType);
        }
        if header::lines(headers, "content-encoding").flat_map(|line| line.split(',')).any(is_coded) {
            // Decoders would stand here: what they can undo is no trouble.
            trouble = Some(Reason::ContentCoding);
        }
        let kind = kind.unwrap_or(Kind::Other);
        Self { kind, line: if kind == Kind::Multipart { line.to_owned() } else { String::new() }, trouble }
    }
}

/// `None`: a multipart type that no operation takes, each part of which could be anything.
fn kind(media: &str) -> Option<Kind> {
    let is = |known: &str| media.eq_ignore_ascii_case(known);
    let ends = |end: &str| {
        media.len().checked_sub(end.len()).and_then(|at| media.get(at..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    let starts = |start: &str| media.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    Some(if is("application/json") || is("text/json") || ends("+json") {
        Kind::Json
    } else if ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"]
        .iter()
        .any(|known| is(known))
    {
        Kind::Lines
    } else if is("application/x-www-form-urlencoded") {
        Kind::Form
    } else if is("multipart/form-data") {
        Kind::Multipart
    } else if starts("multipart/") {
        return None;
    } else if is("application/sdp") {
        Kind::Sdp
    } else {
        Kind::Other
    })
}

/// No parameter says another charset, and none says it twice.
fn charset_is_utf8(line: &str) -> bool {
    let mut seen = false;
    line.split(';').skip(1).all(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if !name.trim().eq_ignore_ascii_case("charset") {
            // `charset*` is the extended notation of RFC 8187.
            return !name.trim().get(..8).is_some_and(|head| head.eq_ignore_ascii_case("charset*"));
        }
        let value = value.trim().trim_matches('"');
        let first = !core::mem::replace(&mut seen, true);
        first && ["utf-8", "utf8", "us-ascii"].iter().any(|known| value.eq_ignore_ascii_case(known))
    })
}

fn is_coded(coding: &str) -> bool {
    let coding = coding.trim();
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
        assert_eq!(trouble("multipart/related; boundary=x"), Some(Reason::ContentType));
        assert_eq!(content(&[("content-type", "a/b"), ("Content-Type", "a/b")]).1, Some(Reason::ContentType));
        assert_eq!(content(&[("content-encoding", "identity, gzip")]).1, Some(Reason::ContentCoding));
        assert_eq!(content(&[("content-encoding", "identity")]).1, None);
    }
}
