//! Verdict x dialect -> status, headers, body: words a refusal as the caller's API words its
//! errors.
//!
//! Input: a [`Verdict`] that denies or refuses, and a case id. Output: a [`Refusal`], and its forms
//! for a stream that has begun and for a WebSocket. The module decides nothing. It knows nothing of
//! the account, so it cannot disclose facts about it.
//!
//! ```text
//! messages of the restrictions, without duplicates | the sentence of the reason
//!   + Model: the model asked for.  Ground: title, url.  Appeal: link.  Case: id.   -> the message
//! the message in the shape of the API's errors                                     -> the body
//! ```
//!
//! Shapes and statuses follow measurements with 17 clients. All clients that have types of errors
//! have one for 403, and no client retries 403 or 451. `retry-after` is never sent, because a
//! request that is refused now is refused again. Only 503 may be retried.

mod wording;

use alloc::string::String;
use alloc::vec::Vec;

use self::wording::Wording;
use crate::bundle::layout::error_format as kind;
use crate::compact::json;
use crate::reason::Reason;
use crate::verdict::Verdict;

/// The response to a request that is denied or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 403, 451, 400, 413, 415 or 503.
    pub status: u16,
    /// Names in lower case, values of printable ASCII.
    pub headers: Vec<(&'static str, String)>,
    /// JSON in UTF-8, on one line.
    pub body: String,
    /// How it is worded.
    error_format: u8,
}

/// A refusal on a WebSocket, which is accepted so that the client can receive it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The text frame to send, in JSON. Empty if the API has no such event; its clients show the
    /// close reason instead.
    pub event: String,
    /// The close code: 1008, policy violation.
    pub code: u16,
    /// The close reason: at most 123 bytes, as RFC 6455 section 5.5 requires.
    pub reason: String,
}

/// How many models a message names at most.
const MODELS_NAMED: usize = 3;

/// Bytes of the reason in a close frame, RFC 6455 section 5.5.
const REASON_BYTES: usize = 123;

impl Refusal {
    /// Words a verdict that denies or refuses. `case` is the id of the decision in the log.
    #[must_use]
    pub fn new(verdict: &Verdict, case: &str) -> Self {
        let case = visible(case);
        let error_format = Wording::of(verdict.error_format);
        let mut body = String::with_capacity(512);
        error_format.fill(&mut body, error_format.body, verdict, &message(verdict, &case), &case);
        Self {
            status: verdict.status,
            headers: headers(verdict, error_format, case),
            body,
            error_format: verdict.error_format,
        }
    }

    /// Returns `{"status":403,"headers":[["content-type","application/json"],..],"body":".."}`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut to = String::with_capacity(self.body.len() + 512);
        to.push('{');
        json::member(&mut to, "status");
        json::number(&mut to, u64::from(self.status));
        json::member(&mut to, "headers");
        to.push('[');
        for (name, value) in &self.headers {
            json::separate(&mut to);
            json::strings(&mut to, [*name, value.as_str()]);
        }
        to.push(']');
        json::member(&mut to, "body");
        json::string(&mut to, &self.body);
        to.push('}');
        to
    }

    /// Returns the refusal as an event of a stream of server-sent events that has begun, with the
    /// blank line at its end.
    #[must_use]
    pub fn stream_event(&self) -> String {
        let named = self.error_format == kind::ANTHROPIC;
        let mut event = String::from(if named { "event: error\ndata: " } else { "data: " });
        event.push_str(&self.body);
        event.push_str("\n\n");
        event
    }
}

impl Socket {
    /// Words a verdict for a WebSocket. A refused upgrade would hide the message, because clients
    /// show only its status.
    #[must_use]
    pub fn new(verdict: &Verdict, case: &str) -> Self {
        let case = visible(case);
        let message = message(verdict, &case);
        let mut event = String::new();
        let mut reason = String::from(verdict.reason.code());
        if verdict.error_format == kind::GOOGLE {
            // Google's clients show the close reason and have no error event.
            reason = message;
            while reason.len() > REASON_BYTES {
                reason.pop();
            }
        } else {
            Wording::of(kind::OPENAI).fill(
                &mut event,
                wording::SOCKET_EVENT,
                verdict,
                &message,
                &case,
            );
        }
        Self { event, code: 1008, reason }
    }
}

fn message(verdict: &Verdict, case: &str) -> String {
    let mut text = String::with_capacity(256);
    for ground in &verdict.grounds {
        if !ground.message.is_empty() && !occurs(&ground.message, &text) {
            sentence(&mut text, &[&ground.message]);
        }
    }
    if text.is_empty() {
        let own = verdict.sentence.as_str();
        sentence(
            &mut text,
            &[if own.is_empty() { "The request could not be checked." } else { own }],
        );
    }
    let mut models: Vec<&str> = Vec::new();
    for model in &verdict.denied_ids {
        // Different interpretations of one path give the same id with more or less of the path
        // around it. One of them is enough.
        if models.len() < MODELS_NAMED && !models.iter().any(|named| within(named, model)) {
            text.push_str(if models.is_empty() { " Model: " } else { ", " });
            // An id is printable ASCII, so it may be cut at any byte.
            text.push_str(model.get(..80).unwrap_or(model));
            models.push(model);
        }
    }
    if !models.is_empty() {
        text.push('.');
    }
    let mut written: Vec<&str> = Vec::new();
    for ground in &verdict.grounds {
        let url = ground.url.as_str();
        if !ground.title.is_empty() && !written.contains(&ground.title.as_str()) {
            written.push(&ground.title);
            sentence(
                &mut text,
                &["Ground: ", &ground.title, if url.is_empty() { "" } else { ", " }, url],
            );
        }
    }
    for ground in &verdict.grounds {
        if !ground.appeal.is_empty() && !written.contains(&ground.appeal.as_str()) {
            written.push(&ground.appeal);
            sentence(&mut text, &["Appeal: ", &ground.appeal]);
        }
    }
    if !case.is_empty() {
        sentence(&mut text, &["Case: ", case]);
    }
    text
}

/// Returns whether a text occurs in another. The search of the standard library is fast, but takes
/// seven kilobytes with its panics.
fn occurs(part: &str, text: &str) -> bool {
    (0..text.len())
        .any(|at| text.as_bytes().get(at..).is_some_and(|rest| rest.starts_with(part.as_bytes())))
}

/// Returns whether `id` is one or more whole segments of `path`.
fn within(id: &str, path: &str) -> bool {
    let (id, path) = (id.as_bytes(), path.as_bytes());
    (0..path.len()).any(|at| {
        (at == 0 || path.get(at - 1) == Some(&b'/'))
            && path
                .get(at..)
                .and_then(|rest| rest.strip_prefix(id))
                .is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
    })
}

/// Appends a sentence, with a blank before it and a full stop after it where they are missing.
fn sentence(to: &mut String, parts: &[&str]) {
    if !to.is_empty() {
        to.push(' ');
    }
    for part in parts {
        to.push_str(part.trim_end_matches('\n'));
    }
    if !to.ends_with(['.', '!', '?']) {
        to.push('.');
    }
}

fn headers(verdict: &Verdict, error_format: &Wording, case: String) -> Vec<(&'static str, String)> {
    let mut headers: Vec<(&'static str, String)> = Vec::with_capacity(8);
    let google = verdict.error_format == kind::GOOGLE;
    headers.push((
        "content-type",
        if google { "application/json; charset=UTF-8" } else { "application/json" }.into(),
    ));
    headers.push(("cache-control", "no-store".into()));
    if verdict.status != Reason::NoBundle.status() {
        headers.push(("x-should-retry", "false".into()));
    }
    if verdict.error_format == kind::BEDROCK {
        // This header names the class of the error, whatever the status.
        headers.push(("x-amzn-errortype", error_format.word(verdict).into()));
    }
    // OpenAI's clients read the first, Anthropic's the second, Amazon's the third.
    let names =
        if case.is_empty() { &[][..] } else { &["x-request-id", "request-id", "x-amzn-requestid"] };
    for name in names.iter().take(if verdict.error_format == kind::BEDROCK { 3 } else { 2 }) {
        headers.push((name, case.clone()));
    }
    let mut link = String::new();
    for ground in &verdict.grounds {
        let safe = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"');
        if !ground.url.is_empty() && ground.url.bytes().all(safe) && !occurs(&ground.url, &link) {
            // RFC 7725, section 4.
            link.push_str(if link.is_empty() { "<" } else { ", <" });
            link.push_str(&ground.url);
            link.push_str(">; rel=\"blocked-by\"");
        }
    }
    if !link.is_empty() {
        headers.push(("link", link));
    }
    headers
}

/// Returns the characters of a case id that are allowed in a header. The binding makes the ids, but
/// this function accepts any text.
fn visible(case: &str) -> String {
    case.chars().filter(char::is_ascii_graphic).take(128).collect()
}

#[cfg(all(test, feature = "author"))]
mod tests;
