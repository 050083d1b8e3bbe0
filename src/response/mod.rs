//! Reads the origin's response and decides how much of it may go to the client.
//!
//! ```text
//! status, headers -------> forwarded unread | a list | a check
//! list, chunk by chunk --> entries -> the same bytes without entries that name denied models
//! check, chunk by chunk -> document, SSE event, AWS frame -> how many held bytes may go, or cut
//! ```
//!
//! Input: the origin's response, as it streams, and the denied set of the request. Output: for a
//! list, the bytes to forward; for a checked response, how many of the held bytes may go.
//!
//! A checked response is read one *unit* at a time: a document, an SSE event, a line, an AWS event
//! stream frame, or an element of an array. Nothing of it may go before a unit has named a model
//! that the caller may use (a lenient check asks for no such proof), and no unit may go before it
//! has been read to its end. A unit that names a denied model cuts the response, however late.
//!
//! The result does not depend on where chunks end. This module holds no byte of a checked response.
//! Of a list it holds one entry and a buffer, together at most twice
//! [`limits::LIST_ROW_BYTES`](crate::limits::LIST_ROW_BYTES).

mod aws_event_stream;
mod document;
mod model_list;
mod sse;
mod watch;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use self::aws_event_stream::Frames;
use self::document::Documents;
use self::model_list::Rows;
use self::sse::Events;
use self::watch::Watch;
use crate::bundle::layout::flags;
use crate::bundle::view::Bundle;
use crate::compact::split::pieces;
use crate::denied::DeniedSet;
use crate::http::head;
use crate::limits;
use crate::mention::findings::Findings;
use crate::mention::header;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::verdict::egress::ResponseCheck;

/// How much of a response may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseStage {
    /// Nothing may go yet.
    Held,
    /// Part of it has gone.
    Begun,
    /// Nothing more may go.
    Cut(Reason),
}

/// A response that is being read.
pub struct Response {
    watch: Watch,
    reader: FormatReader,
    form: Form,
    begun: bool,
}

enum FormatReader {
    /// The response is forwarded unread.
    Through,
    Documents(Documents),
    Events(Events),
    Frames(Frames),
    Rows(Box<Rows>),
}

impl Response {
    /// Reads status and headers. `states` are the start states of the operations' responses.
    /// `findings` are empty ones that resolve names as the request does.
    pub(crate) fn new(
        bundle: Bundle<'_>,
        findings: Findings,
        check: ResponseCheck,
        states: &[u32],
        denied_set: &DeniedSet,
        status: u16,
        headers: &[(&str, &str)],
    ) -> Self {
        let unlisted = bundle.flags() & flags::UNLISTED;
        let mut denied = denied_set.denied.clone();
        if unlisted == flags::UNLISTED_DENY
            && check != ResponseCheck::Filter
            && let Some(word) = denied.first_mut()
        {
            *word |= 1;
        }
        let mut watch = Watch {
            findings,
            strict: check == ResponseCheck::Strict,
            unlisted: unlisted == flags::UNLISTED_PASS && !denied_set.denies(0),
            denied,
            proven: check != ResponseCheck::Strict,
            held: 0,
            free: 0,
            split: false,
            cut: None,
            out: Vec::new(),
        };
        let form = head::lines(headers, "content-type").next().map_or(Form::Other, form);
        let succeeded = (200..300).contains(&status);
        let reader = match check {
            ResponseCheck::Filter if succeeded => FormatReader::Rows(Box::new(Rows::new(states))),
            ResponseCheck::Lenient | ResponseCheck::Strict if succeeded => {
                // Header problems other than a denied model do not matter here.
                let _ = header::read(bundle, headers, &mut watch.findings);
                watch.judge();
                match form {
                    Form::Events => FormatReader::Events(Events::new(states)),
                    Form::Frames => FormatReader::Frames(Frames::new(states)),
                    Form::Other => FormatReader::Documents(Documents::new(states)),
                }
            }
            _ => {
                watch.proven = true;
                FormatReader::Through
            }
        };
        Self { watch, reader, form, begun: false }
    }

    /// Reads a chunk. Returns how many bytes may go, counted from the first that is still held. For
    /// a list it returns 0; [`Response::take`] returns the bytes that may go.
    pub fn feed(&mut self, bundle: Bundle<'_>, mut bytes: &[u8]) -> usize {
        let watch = &mut self.watch;
        while !bytes.is_empty() && watch.cut.is_none() {
            // INVARIANT: held bytes are judged exactly at the bound, wherever chunks end.
            let room = limits::RESPONSE_HELD_BYTES.saturating_sub(watch.held - watch.free).max(1);
            let (piece, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            bytes = rest;
            let before = watch.held;
            watch.held += piece.len();
            match &mut self.reader {
                FormatReader::Through => watch.free = watch.held,
                FormatReader::Rows(rows) => rows.feed(bundle, piece, watch),
                FormatReader::Documents(documents) => documents.feed(bundle, piece, before, watch),
                FormatReader::Events(events) => events.feed(bundle, piece, before, watch),
                FormatReader::Frames(frames) => frames.feed(bundle, piece, before, watch),
            }
            if watch.held - watch.free >= limits::RESPONSE_HELD_BYTES {
                watch.overflow();
            }
        }
        self.free()
    }

    /// Ends the response. Returns how many of the held bytes may go.
    pub fn finish(&mut self, bundle: Bundle<'_>) -> usize {
        let watch = &mut self.watch;
        if watch.cut.is_none() {
            let end = watch.held;
            match &mut self.reader {
                FormatReader::Through => {}
                FormatReader::Rows(rows) => rows.finish(bundle, watch),
                FormatReader::Documents(documents) => documents.finish(bundle, watch),
                FormatReader::Events(events) => events.finish(bundle, watch),
                FormatReader::Frames(frames) => frames.finish(watch),
            }
            if watch.cut.is_none() {
                watch.unit(end, None);
            }
            if watch.cut.is_none() && !watch.proven {
                watch.cut = Some(Reason::AnswerUnnamed);
            }
        }
        self.free()
    }

    /// Takes the bytes of a list that may go.
    pub fn take(&mut self) -> Vec<u8> {
        let out = core::mem::take(&mut self.watch.out);
        self.begun |= !out.is_empty();
        out
    }

    /// Returns how much of the response may go.
    #[must_use]
    pub fn stage(&self) -> ResponseStage {
        match self.watch.cut {
            Some(reason) => ResponseStage::Cut(reason),
            None if self.begun => ResponseStage::Begun,
            None => ResponseStage::Held,
        }
    }

    /// Returns whether part of it has gone, so that a refusal must be sent within the stream.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// Returns the cursors (first, last) for the next page of a list that has no entry left. A
    /// cursor is empty if the list had none or if the caller may see it.
    #[must_use]
    pub fn cursors(&self) -> Option<(&[u8], &[u8])> {
        match &self.reader {
            FormatReader::Rows(rows) => rows.hidden_cursors(),
            _ => None,
        }
    }

    /// Returns the denied patterns that the response named.
    pub(crate) fn named(&self) -> Vec<u64> {
        self.watch.findings.denied(&self.watch.denied)
    }

    /// Returns a refusal in the format of this response, to be sent after the part that has gone.
    /// Empty: the response can only be broken off.
    #[must_use]
    pub fn last_words(&self, refusal: &Refusal) -> Vec<u8> {
        match (&self.form, &self.reader) {
            _ if self.watch.split => Vec::new(),
            (Form::Events, _) => refusal.stream_event().into_bytes(),
            (Form::Frames, _) => aws_event_stream::exception(&refusal.body),
            (_, FormatReader::Documents(documents)) => {
                let within = documents.is_within();
                let mut line = String::from(if within { "," } else { "" });
                line.push_str(&refusal.body);
                line.push_str(if within { "]" } else { "\n" });
                line.into_bytes()
            }
            _ => Vec::new(),
        }
    }

    fn free(&mut self) -> usize {
        let free = core::mem::take(&mut self.watch.free);
        self.watch.held -= free;
        if matches!(self.reader, FormatReader::Rows(_)) {
            return 0;
        }
        self.begun |= free > 0;
        free
    }
}

/// The format of a response.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Events,
    Frames,
    Other,
}

fn form(content_type: &str) -> Form {
    let essence = pieces(content_type, b';').next().unwrap_or_default().trim_ascii();
    if essence.eq_ignore_ascii_case("text/event-stream") {
        Form::Events
    } else if essence.eq_ignore_ascii_case("application/vnd.amazon.eventstream") {
        Form::Frames
    } else {
        Form::Other
    }
}
