//! Reads one JSON document, chunk by chunk, for the mentions at the wanted pointers.
//!
//! ```text
//! bytes -> scan's Reader (grammar, strings) -> Position: the automaton's state at each level
//!                                              below which something is wanted
//!                                                 text -> key | id | nested document
//! ```
//!
//! The reader of `portcullis-scan` validates all of the document and passes over what is not
//! wanted. This module says what is wanted, by the automaton of the bundle. Memory is bounded for
//! documents of any size: [`limits::JSON_DEPTH`](crate::limits::JSON_DEPTH) levels, one key, one id.
//!
//! Input: chunks of the body and the operation's start state. Output: texts and other values into
//! [`Findings`]. There are two kinds of error. Bytes that are not JSON end the reading at once.
//! JSON that parsers read differently ([`Reason::DuplicateKey`] and the like) is noted and returned
//! at the end, so that a denied mention after it is still found.
//!
//! It does not look at the content type.
//!
//! This file has the document and the wanted locations in it, `text` what a decoded string is for.

mod text;

use alloc::boxed::Box;
use alloc::vec::Vec;

use portcullis_scan::json::{Begun, Error, Reader, Visitor};

use super::findings::Findings;
use super::key::{Key, Known};
use crate::bundle::layout::{self as l, NONE, Span, role, section};
use crate::bundle::view::Bundle;
use crate::reason::Reason;

/// Why [`Json::advance`] stopped. It stops right after the byte that causes the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// It read all bytes.
    None,
    /// A `ROW` opened.
    Row,
    /// A `ROW` closed.
    RowEnd,
    /// The opening quote of a `CURSOR`.
    Cursor,
    /// The closing quote of a `CURSOR`. [`Json::text`] is its text.
    CursorEnd,
}

/// Reads one document.
#[derive(Clone, Debug)]
pub(crate) struct Json {
    reader: Reader,
    position: Position,
    /// The first bytes. They tell other encodings from wrong syntax.
    head: [u8; 4],
    heads: usize,
    /// The document is not JSON. The error is returned once `head` is full.
    failed: Option<Reason>,
}

impl Json {
    /// Creates a reader whose document is at this state of the automaton. With `NONE` it only
    /// validates.
    #[inline(never)] // large, and called from many places
    pub(crate) fn new(start: u32) -> Self {
        Self {
            reader: Reader::new(start != NONE),
            position: Position::new(start),
            head: [0; 4],
            heads: 0,
            failed: None,
        }
    }

    /// Declares that the charset has one byte a character and includes ASCII.
    pub(crate) fn set_single_byte(&mut self, single_byte: bool) {
        self.reader.set_single_byte(single_byte);
        self.position.single_byte = single_byte;
    }

    /// Prepares for another document and keeps what was allocated.
    pub(crate) fn restart(&mut self, start: u32) {
        self.reader.restart(start != NONE);
        self.position.restart(start);
        self.heads = 0;
        self.failed = None;
    }

    /// Becomes a new reader under the same bundle, and keeps what was allocated.
    pub(crate) fn renew(&mut self, start: u32) {
        let Self { reader, position, heads, failed, .. } = self;
        *reader = Reader::new(start != NONE);
        position.renew(start);
        (*heads, *failed) = (0, None);
    }

    /// Returns whether only white space has arrived.
    pub(crate) fn is_blank(&self) -> bool {
        self.reader.is_blank() && self.failed.is_none()
    }

    /// Returns the ambiguity found so far. If there is one, [`Json::finish`] refuses the document,
    /// whatever follows.
    pub(crate) fn doubt(&self) -> Option<Reason> {
        self.position.doubt
    }

    /// Reads a chunk.
    ///
    /// # Errors
    ///
    /// The bytes are not JSON. The error is returned at the byte that shows it. The reader cannot
    /// be used after an error.
    pub(crate) fn feed(
        &mut self,
        bundle: Bundle<'_>,
        mut bytes: &[u8],
        findings: &mut Findings,
    ) -> Result<(), Reason> {
        while !bytes.is_empty() {
            let length = self.advance(bundle, bytes, findings)?;
            bytes = bytes.get(length..).unwrap_or_default();
        }
        Ok(())
    }

    /// Reads up to the next [`Event`] and returns the number of bytes read.
    ///
    /// # Errors
    ///
    /// As [`Json::feed`].
    pub(crate) fn advance(
        &mut self,
        bundle: Bundle<'_>,
        bytes: &[u8],
        findings: &mut Findings,
    ) -> Result<usize, Reason> {
        self.position.event = Event::None;
        let mut length = bytes.len();
        if self.failed.is_none() {
            let mut visit = Visit { position: &mut self.position, bundle, findings };
            match self.reader.read(bytes, &mut visit) {
                Ok(read) => length = read,
                Err(error) => {
                    self.failed = Some(match error {
                        Error::Syntax => Reason::JsonSyntax,
                        Error::Utf8 => Reason::BodyUtf8,
                        Error::Depth => Reason::JsonDepth,
                        Error::Trailing => Reason::TrailingBytes,
                    });
                }
            }
        }
        for &byte in bytes.get(..length).unwrap_or_default() {
            let Some(location) = self.head.get_mut(self.heads) else { break };
            *location = byte;
            self.heads += 1;
        }
        match self.failed {
            // INVARIANT: the reason does not depend on where chunks end. So the error is withheld
            // until the first bytes have arrived that may show a better reason.
            Some(reason) if self.heads == self.head.len() => Err(self.encoding().unwrap_or(reason)),
            _ => Ok(length),
        }
    }

    /// Returns why [`Json::advance`] stopped.
    pub(crate) fn event(&self) -> Event {
        self.position.event
    }

    /// Returns the text of the cursor that ended.
    pub(crate) fn text(&self) -> &[u8] {
        &self.position.text
    }

    /// Returns whether the outermost container held a wanted key. Valid once the container is
    /// closed.
    pub(crate) fn has_wanted(&self) -> bool {
        self.position.has_wanted
    }

    /// Takes the pending ambiguity. The caller decides what it means.
    pub(crate) fn take_doubt(&mut self) -> Option<Reason> {
        self.position.doubt.take()
    }

    /// Returns whether the first value of the document is complete. A number outside all containers
    /// is incomplete until the document ends.
    pub(crate) fn is_whole(&self) -> bool {
        self.reader.is_whole() && self.failed.is_none()
    }

    /// Ends the document. The signature is the same for all body readers.
    ///
    /// # Errors
    ///
    /// The document is incomplete, or parsers read it differently.
    pub(crate) fn finish(&mut self, _: Bundle<'_>, _: &mut Findings) -> Result<(), Reason> {
        if let Some(reason) = self.failed {
            return Err(self.encoding().unwrap_or(reason));
        }
        if !self.reader.may_end() {
            return Err(Reason::BodyTruncated);
        }
        self.position.doubt.map_or(Ok(()), Err)
    }

    /// Returns what the first bytes are if they are not JSON in UTF-8. A JSON text starts with an
    /// ASCII character, so a NUL next to it belongs to a wider encoding (RFC 4627, section 3).
    fn encoding(&self) -> Option<Reason> {
        let head = self.head.get(..self.heads).unwrap_or_default();
        match head {
            [0xef, 0xbb, 0xbf, ..] => Some(Reason::BodyBom),
            [0xfe, 0xff, ..] | [0xff, 0xfe, ..] => Some(Reason::BodyUtf16),
            // gzip, zlib and zstd without a Content-Encoding.
            [0x1f, 0x8b, ..] | [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] | [0x28, 0xb5, 0x2f, 0xfd] => {
                Some(Reason::ContentCoding)
            }
            [0, 0, 0, b] | [0, b, ..] | [b, 0, ..]
                if matches!(b, b'\t' | b'\n' | b'\r' | b' '..=b'~') =>
            {
                Some(Reason::BodyUtf16)
            }
            _ => None,
        }
    }
}

/// Where the text of a string goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sink {
    /// Nowhere. Only the syntax is checked.
    Skip,
    Key,
    /// To `text`, and from there to the findings.
    Text,
    /// To `nested`.
    Nested,
    /// To `nested`, decoded from Base64.
    Base64,
}

/// A container in which something is wanted.
#[derive(Clone, Copy, Debug)]
struct Level {
    keys: Span,
    other: u32,
    element: u32,
    /// In a `MUST_NAME` object: the number of mentions judged when it opened. Else `None`.
    judged: Option<usize>,
    /// A text in it says that the object is of a kind that runs a model.
    runs: bool,
    /// In a `REQUEST`: the number of names when it opened. Else `None`.
    named: Option<usize>,
    row: bool,
    /// Bit `n`: the wanted key of number `n` has occurred.
    seen: u64,
}

impl Level {
    /// Closes an object that had to name a model.
    #[inline(never)] // seldom called
    fn end(&self, findings: &mut Findings) {
        if self.runs && self.judged == Some(findings.judged_count()) {
            findings.record_present(role::SUSPECT);
        }
        if self.named == Some(findings.name_count()) {
            findings.record_unnamed();
        }
    }
}

/// The wanted locations around the next value, and the text being read.
#[derive(Clone, Debug)]
struct Position {
    sink: Sink,
    /// The role of the text being read.
    role: u8,
    /// The levels in which something is wanted, from the outermost one.
    live: Vec<Level>,
    /// State of the next value. `NONE` if nothing is wanted in it.
    next: u32,
    key: Key,
    known: Known,
    text: Vec<u8>,
    nested: Option<Box<Json>>,
    /// The document is inside a string. Strings in it are not read as further documents.
    is_nested: bool,
    /// The charset of the document has one byte a character.
    single_byte: bool,
    /// `bits`: bits of Base64 that do not make a byte yet. `waiting`: how many there are.
    bits: u16,
    waiting: u8,
    event: Event,
    /// The outermost container held a wanted key.
    has_wanted: bool,
    /// The first part that parsers read differently.
    doubt: Option<Reason>,
}

impl Position {
    fn new(start: u32) -> Self {
        Self {
            sink: Sink::Skip,
            role: role::NOTHING,
            live: Vec::new(),
            next: start,
            key: Key::EMPTY,
            known: Known::default(),
            text: Vec::new(),
            nested: None,
            is_nested: false,
            single_byte: false,
            bits: 0,
            waiting: 0,
            event: Event::None,
            has_wanted: false,
            doubt: None,
        }
    }

    fn restart(&mut self, start: u32) {
        self.live.clear();
        self.next = start;
        self.doubt = None;
    }

    /// As [`Json::renew`]. What a key or a text has is cleared when the next one begins.
    fn renew(&mut self, start: u32) {
        self.restart(start);
        (self.sink, self.role) = (Sink::Skip, role::NOTHING);
        self.text.clear();
        self.nested = None;
        (self.single_byte, self.has_wanted) = (false, false);
        (self.bits, self.waiting) = (0, 0);
        self.event = Event::None;
    }

    fn doubt_it(&mut self, reason: Reason) {
        self.doubt = self.doubt.or(Some(reason));
    }

    fn next_state(&self, bundle: Bundle<'_>) -> Option<l::State> {
        bundle.table(section::STATES).get(self.next)
    }

    /// Handles a number, `true` or `false` where something is wanted.
    fn scalar(&mut self, bundle: Bundle<'_>, findings: &mut Findings) {
        let Some(state) = self.next_state(bundle) else { return };
        match state.role {
            // In place of a model id a number is an error, unless the location also takes objects
            // or lists. There it names no model.
            role::ROW | role::CURSOR => self.doubt_it(Reason::ModelType),
            named if role::is_mention(named) => {
                if state.keys.len == 0 && state.other == NONE && state.element == NONE {
                    self.doubt_it(Reason::ModelType);
                }
            }
            other => findings.record_present(other),
        }
    }

    /// Handles a container at which or below which something is wanted.
    fn enter(
        &mut self,
        bundle: Bundle<'_>,
        mut state: l::State,
        object: bool,
        findings: &mut Findings,
    ) -> Begun {
        if is_nested(state.role) {
            // Servers that take a document as text commonly take it as an object, too.
            let Some(inner) = bundle.table::<l::State>(section::STATES).get(state.element) else {
                return Begun::Unwanted;
            };
            state = inner;
        }
        let mut deeper =
            if object { state.keys.len != 0 || state.other != NONE } else { state.element != NONE };
        match state.role {
            _ if deeper => {}
            role::ROW | role::CURSOR => self.doubt_it(Reason::ModelType),
            named if role::is_mention(named) => self.doubt_it(Reason::ModelType),
            role::LINES => findings.record_present(role::SUSPECT),
            // The list entries are in another kind of container than the one in which they are
            // read.
            role::NOTHING if !self.live.is_empty() && self.holds_rows(bundle, &state) => {
                self.doubt_it(Reason::ModelType)
            }
            role::NOTHING | role::REQUEST if self.live.is_empty() && !object => {
                // A list in place of the document: some servers take each element for the document,
                // or the first one.
                findings.record_present(role::SUSPECT);
                state.element = self.next;
                deeper = true;
            }
            role => findings.record_present(role),
        }
        if !deeper {
            return Begun::Unwanted;
        }
        let must_name = object && state.role == role::MUST_NAME;
        let row = state.role == role::ROW;
        self.live.push(Level {
            keys: if object { state.keys } else { Span { at: 0, len: 0 } },
            other: state.other,
            element: state.element,
            judged: must_name.then(|| findings.judged_count()),
            runs: false,
            named: (object && state.role == role::REQUEST).then(|| findings.name_count()),
            row,
            seen: 0,
        });
        if row {
            self.event = Event::Row;
            return Begun::WantedStop;
        }
        Begun::Wanted
    }

    /// Returns whether the elements of this state are rows.
    fn holds_rows(&self, bundle: Bundle<'_>, state: &l::State) -> bool {
        bundle
            .table::<l::State>(section::STATES)
            .get(state.element)
            .is_some_and(|element| element.role == role::ROW)
    }
}

/// A position while its document is read.
struct Visit<'a> {
    position: &'a mut Position,
    bundle: Bundle<'a>,
    findings: &'a mut Findings,
}

impl Visitor for Visit<'_> {
    fn short_key(&mut self, name: [u64; 2], text: &[u8]) -> bool {
        let Position { known, key, live, .. } = &mut *self.position;
        let keys = live.last().map_or(Span { at: 0, len: 0 }, |level| level.keys);
        let wanted = known.find(self.bundle, keys, name, text, key);
        self.position.end_key(self.bundle, wanted);
        self.position.next != NONE
    }

    fn begin_key(&mut self) {
        self.position.key.clear();
        self.position.sink = Sink::Key;
    }

    fn end_key(&mut self) -> bool {
        let keys = self.position.live.last().map_or(Span { at: 0, len: 0 }, |level| level.keys);
        let wanted = self.position.key.find(self.bundle, keys);
        self.position.end_key(self.bundle, wanted);
        self.position.next != NONE
    }

    fn element(&mut self) -> bool {
        self.position.next = self.position.live.last().map_or(NONE, |level| level.element);
        self.position.next != NONE
    }

    fn begin_text(&mut self) -> Begun {
        self.position.sink = Sink::Skip;
        self.position.begin_text(self.bundle, self.findings);
        match self.position.sink {
            Sink::Skip => Begun::Unwanted,
            _ if self.position.event != Event::None => Begun::WantedStop,
            _ => Begun::Wanted,
        }
    }

    fn piece(&mut self, piece: &[u8]) -> bool {
        self.position.take(self.bundle, piece, self.findings);
        self.position.sink != Sink::Skip
    }

    fn lone(&mut self) -> bool {
        if self.position.sink == Sink::Key {
            self.position.key.push_lone();
            return true;
        }
        // This is how UTF-8 would encode a surrogate if it could. Readers of ids and of nested
        // documents reject it.
        self.piece(&[0xed, 0xa0, 0x80])
    }

    fn end_text(&mut self) -> bool {
        self.position.end_text(self.bundle, self.findings);
        self.position.event != Event::None
    }

    fn scalar(&mut self) {
        self.position.scalar(self.bundle, self.findings);
    }

    fn open(&mut self, object: bool) -> Begun {
        match self.position.next_state(self.bundle) {
            Some(state) => self.position.enter(self.bundle, state, object, self.findings),
            None => Begun::Unwanted,
        }
    }

    fn close(&mut self) -> bool {
        let Some(level) = self.position.live.pop() else { return false };
        if level.judged.or(level.named).is_some() {
            level.end(self.findings);
        }
        if level.row {
            self.position.event = Event::RowEnd;
        }
        if self.position.live.is_empty() {
            self.position.has_wanted = level.seen != 0;
        }
        level.row
    }
}

/// Returns whether a text of this role holds a document.
fn is_nested(role: u8) -> bool {
    matches!(role, role::NESTED_JSON | role::NESTED_BASE64)
}

#[cfg(all(test, feature = "author"))]
mod tests;
