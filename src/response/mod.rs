//! What the origin answers: is it what the caller may have?
//!
//! ```text
//! status, headers ---> nothing | a list | a check
//! list,  chunk by chunk ---> rows ---------------------> the same bytes without the rows that name what is denied
//! check, chunk by chunk ---> document | event | frame -> how many of the bytes held may go, or that it is cut
//! ```
//!
//! Input: the answer of an origin, as it streams, and the reach of the request. Output: for a list the bytes that go on, for a checked
//! answer how many of those that came may. A checked answer is read a *unit* at a time: a document, an event, a line, a frame, an element of an
//! array. Nothing of it goes before a unit has named a model that the caller may use (a lenient check asks for no such proof), and
//! no unit goes before it was read to its end. A unit that names a denied model cuts the answer, however late.
//!
//! What becomes of an answer does not depend on where its chunks end. It holds no byte of a checked answer, and of a list one row.

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
use crate::denied::Reach;
use crate::http::head;
use crate::limits;
use crate::mention::findings::Findings;
use crate::mention::header;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::verdict::egress::Check;

/// How far an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing of it may go yet.
    Held,
    /// Part of it has gone.
    Begun,
    /// Nothing more of it may go.
    Cut(Reason),
}

/// An answer being read.
pub struct Answer {
    watch: Watch,
    reader: Reader,
    form: Form,
    begun: bool,
}

enum Reader {
    /// It goes as it is.
    Through,
    Documents(Documents),
    Events(Events),
    Frames(Frames),
    Rows(Box<Rows>),
}

impl Answer {
    /// Reads status and headers. `states` are those of the operations' answers, `findings` empty ones of the request.
    pub(crate) fn new(
        bundle: Bundle<'_>,
        findings: Findings,
        check: Check,
        states: &[u32],
        reach: &Reach,
        status: u16,
        headers: &[(&str, &str)],
    ) -> Self {
        let unlisted = bundle.flags() & flags::UNLISTED;
        let mut denied = reach.denied.clone();
        if unlisted == 2
            && check != Check::Filter
            && let Some(word) = denied.first_mut()
        {
            *word |= 1;
        }
        let mut watch = Watch {
            findings,
            strict: check == Check::Strict,
            unlisted: unlisted == 1 && !reach.denies(0),
            denied,
            proven: check != Check::Strict,
            held: 0,
            free: 0,
            split: false,
            cut: None,
            out: Vec::new(),
        };
        let form = head::lines(headers, "content-type").next().map_or(Form::Other, form);
        let succeeded = (200..300).contains(&status);
        let reader = match check {
            Check::Filter if succeeded => Reader::Rows(Box::new(Rows::new(states))),
            Check::Lenient | Check::Strict if succeeded => {
                // What headers say of other things than models is no trouble here.
                let _ = header::read(bundle, headers, &mut watch.findings);
                watch.judge();
                match form {
                    Form::Events => Reader::Events(Events::new(states)),
                    Form::Frames => Reader::Frames(Frames::new(states)),
                    Form::Other => Reader::Documents(Documents::new(states)),
                }
            }
            _ => {
                watch.proven = true;
                Reader::Through
            }
        };
        Self { watch, reader, form, begun: false }
    }

    /// Reads on; gives how many bytes, from the first that was held back on, may go. The bytes of a list that may go are in
    /// [`Answer::take`] instead.
    pub fn feed(&mut self, bundle: Bundle<'_>, mut bytes: &[u8]) -> usize {
        let watch = &mut self.watch;
        while !bytes.is_empty() && watch.cut.is_none() {
            // INVARIANT: what is held is judged at the bound itself, wherever the chunks end.
            let room = limits::ANSWER_HELD_BYTES.saturating_sub(watch.held - watch.free).max(1);
            let (piece, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            bytes = rest;
            let before = watch.held;
            watch.held += piece.len();
            match &mut self.reader {
                Reader::Through => watch.free = watch.held,
                Reader::Rows(rows) => rows.feed(bundle, piece, watch),
                Reader::Documents(documents) => documents.feed(bundle, piece, before, watch),
                Reader::Events(events) => events.feed(bundle, piece, before, watch),
                Reader::Frames(frames) => frames.feed(bundle, piece, before, watch),
            }
            if watch.held - watch.free >= limits::ANSWER_HELD_BYTES {
                watch.overflow();
            }
        }
        self.free()
    }

    /// The answer has ended; gives how many of the bytes held may go.
    pub fn finish(&mut self, bundle: Bundle<'_>) -> usize {
        let watch = &mut self.watch;
        if watch.cut.is_none() {
            let end = watch.held;
            match &mut self.reader {
                Reader::Through => {}
                Reader::Rows(rows) => rows.finish(bundle, watch),
                Reader::Documents(documents) => documents.finish(bundle, watch),
                Reader::Events(events) => events.finish(bundle, watch),
                Reader::Frames(frames) => frames.finish(watch),
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

    /// The bytes of a list that may go.
    pub fn take(&mut self) -> Vec<u8> {
        let out = core::mem::take(&mut self.watch.out);
        self.begun |= !out.is_empty();
        out
    }

    /// How far it is.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self.watch.cut {
            Some(reason) => Stage::Cut(reason),
            None if self.begun => Stage::Begun,
            None => Stage::Held,
        }
    }

    /// Part of it has gone: a refusal must be told within the stream.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// A list without a row that is left, and the cursors at which it would go on: (first, last), empty where the list gave none or it
    /// may be seen.
    #[must_use]
    pub fn cursors(&self) -> Option<(&[u8], &[u8])> {
        match &self.reader {
            Reader::Rows(rows) => rows.hidden_cursors(),
            _ => None,
        }
    }

    /// The denied patterns that it named.
    pub(crate) fn named(&self) -> Vec<u64> {
        self.watch.findings.denied(&self.watch.denied)
    }

    /// A refusal in the form of this answer, whose beginning has gone. Empty: it can only be broken off.
    #[must_use]
    pub fn last_words(&self, refusal: &Refusal) -> Vec<u8> {
        match (&self.form, &self.reader) {
            _ if self.watch.split => Vec::new(),
            (Form::Events, _) => refusal.stream_event().into_bytes(),
            (Form::Frames, _) => aws_event_stream::exception(&refusal.body),
            (_, Reader::Documents(documents)) => {
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
        if matches!(self.reader, Reader::Rows(_)) {
            return 0;
        }
        self.begun |= free > 0;
        free
    }
}

/// The form of an answer.
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
