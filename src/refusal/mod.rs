//! Verdict x dialect -> status, headers, body: the refusal in the words of the API that the caller speaks.
//!
//! Input: a [`Verdict`] that denies or refuses, and a case id. Output: a [`Refusal`], and its forms for a stream that has begun and for a
//! WebSocket. It decides nothing, and it knows nothing of the account, so no fact about it can be told.
//!
//! ```text
//! restrictions' messages, each once | the reason's sentence
//!   + Model: what was asked for.  Ground: title, url.  Appeal: link.  Case: id.      -> the message
//! the message in the API's own shape                                               -> error_format
//! ```
//!
//! Shapes and statuses are those that 17 clients were measured with: 403 is typed by all that type errors and retried by none, 451 is
//! retried by none. `retry-after` is never sent: what is refused now is refused again. Only 503 may be tried again.

mod wording;

use alloc::string::String;
use alloc::vec::Vec;

use self::wording::Wording;
use crate::bundle::layout::error_format as kind;
use crate::compact::json;
use crate::reason::Reason;
use crate::verdict::Verdict;

/// An answer to a request that does not go through.
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

/// A refusal on a WebSocket that was accepted so that it can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The text frame to send, JSON. Empty: the API knows no such event, and its clients show the reason.
    pub event: String,
    /// The code to close with: 1008, policy violation.
    pub code: u16,
    /// The reason to close with, at most 123 bytes as RFC 6455 section 5.5 wants it.
    pub reason: String,
}

/// Models named in a message: enough to be understood.
const MODELS_TOLD: usize = 3;

/// Bytes of the reason in a close frame, RFC 6455 section 5.5.
const REASON_BYTES: usize = 123;

impl Refusal {
    /// Words a verdict that denies or refuses. `case` is the id by which the record of the decision is found.
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

    /// `{"status":403,"headers":[["content-type","application/json"],..],"body":".."}`.
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

    /// The refusal as an event of a stream of server-sent events that has begun, blank line included.
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
    /// Words a verdict for a WebSocket. A refused upgrade would hide the message: clients see its status alone.
    #[must_use]
    pub fn new(verdict: &Verdict, case: &str) -> Self {
        let case = visible(case);
        let message = message(verdict, &case);
        let mut event = String::new();
        let mut reason = String::from(verdict.reason.code());
        if verdict.error_format == kind::GOOGLE {
            // Its clients show the reason of the close and know no error event.
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
        let told = verdict.sentence.as_str();
        sentence(
            &mut text,
            &[if told.is_empty() { "The request could not be checked." } else { told }],
        );
    }
    let mut models: Vec<&str> = Vec::new();
    for model in &verdict.closed {
        // One path may be read in several ways; the same id with more of its path around it tells nobody anything.
        if models.len() < MODELS_TOLD && !models.iter().any(|told| within(told, model)) {
            text.push_str(if models.is_empty() { " Model: " } else { ", " });
            // An id is printable ASCII, so any cut falls between characters.
            text.push_str(model.get(..80).unwrap_or(model));
            models.push(model);
        }
    }
    if !models.is_empty() {
        text.push('.');
    }
    let mut told: Vec<&str> = Vec::new();
    for ground in &verdict.grounds {
        let url = ground.url.as_str();
        if !ground.title.is_empty() && !told.contains(&ground.title.as_str()) {
            told.push(&ground.title);
            sentence(
                &mut text,
                &["Ground: ", &ground.title, if url.is_empty() { "" } else { ", " }, url],
            );
        }
    }
    for ground in &verdict.grounds {
        if !ground.appeal.is_empty() && !told.contains(&ground.appeal.as_str()) {
            told.push(&ground.appeal);
            sentence(&mut text, &["Appeal: ", &ground.appeal]);
        }
    }
    if !case.is_empty() {
        sentence(&mut text, &["Case: ", case]);
    }
    text
}

/// Whether a text occurs in another. The standard library's search is fast and weighs seven kilobytes with its panics.
fn occurs(part: &str, text: &str) -> bool {
    (0..text.len())
        .any(|at| text.as_bytes().get(at..).is_some_and(|rest| rest.starts_with(part.as_bytes())))
}

/// Whether `id` is some segments of `path`.
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

/// Appends a sentence, with a blank before it and a stop behind it where they are missing.
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
        // What names the error's class, whatever the status.
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
            // RFC 7725 section 4.
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

/// What may stand in a header: a case id is made by the face, but a header must hold whatever comes.
fn visible(case: &str) -> String {
    case.chars().filter(char::is_ascii_graphic).take(128).collect()
}

#[cfg(all(test, feature = "author"))]
mod tests;
