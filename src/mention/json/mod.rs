//! Reads one JSON document, chunk by chunk, for the mentions at the wanted pointers.
//!
//! ```text
//! bytes -> mode (what may come next) -+-> container bits: one a level, object or array
//!                                     +-> live levels: the automaton's state at each level
//!                                         below which something is wanted
//!          string -> skip | key | text | nested document
//! ```
//!
//! It is a pushdown automaton that can stop after any byte. It validates UTF-8 and all of RFC 8259,
//! in wanted and unwanted parts alike: if the gate and the origin disagree on where a string ends,
//! they disagree on everything after it. A level in which nothing is wanted costs one bit. Memory
//! is bounded for documents of any size: [`limits::JSON_DEPTH`] levels, one key, one id.
//!
//! Input: chunks of the body and the operation's start state. Output: texts and other values into
//! [`Findings`]. There are two kinds of error. Bytes that are not JSON end the reading at once.
//! JSON that parsers read differently ([`Reason::DuplicateKey`] and the like) is noted and returned
//! at the end, so that a denied mention after it is still found.
//!
//! It builds no tree, converts no numbers and does not look at the content type.
//!
//! This file has the grammar of values and containers. `string` has strings, `scalar` the other
//! values, `skip` the parts in which nothing is wanted, `text` what a decoded string is for.

mod scalar;
mod skip;
mod string;
mod text;

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::findings::Findings;
use super::key::{self, Key};
use crate::bundle::layout::{self as l, NONE, Span, role, section};
use crate::bundle::view::Bundle;
use crate::limits;
use crate::reason::Reason;
use portcullis_scan::bytes;

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// A value: at the start, after `:`, or after `,` in an array.
    Value,
    /// A value or `]`.
    FirstValue,
    /// A key or `}`.
    FirstKey,
    /// A key, after `,`.
    Key,
    Colon,
    /// `,` or the end of the container. Outside all containers: nothing.
    After,
    /// Inside a string.
    Text,
    /// The rest of a UTF-8 sequence that the end of a chunk divided.
    Sequence,
    /// After a backslash.
    Escape,
    /// Hexadecimal digits after `\u`.
    Hex,
    /// The rest of `true`, `false` or `null`.
    Literal,
    /// Numbers: after `-`, after a leading 0, in the integer, after the decimal point, in the
    /// fraction, after `e`, after the sign of the exponent, in the exponent.
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    E,
    Sign,
    Exponent,
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

/// Reads one document.
#[derive(Clone, Debug)]
pub(crate) struct Json {
    mode: Mode,
    sink: Sink,
    /// The role of the text being read.
    role: u8,
    /// The number of open levels.
    depth: usize,
    /// Bit `d`: level `d` is an object.
    objects: [u64; limits::JSON_DEPTH / 64],
    /// The outermost `live.len()` levels. In the deeper ones nothing is wanted.
    live: Vec<Level>,
    /// State of the next value. `NONE` if nothing is wanted in it.
    next: u32,
    key: Key,
    text: Vec<u8>,
    nested: Option<Box<Json>>,
    /// The reader belongs to a document inside a string. Strings in that document are not read as
    /// further documents.
    is_nested: bool,
    /// Bytes that are not UTF-8 are characters of a charset with one byte a character.
    single_byte: bool,
    /// Bytes read of a literal or of a divided sequence, or digits read of an escape.
    count: usize,
    /// The literal, or the divided sequence.
    rest: [u8; 4],
    /// The value of an escape so far.
    unit: u16,
    /// A high surrogate that waits for its other half, or 0.
    high: u16,
    /// `bits`: bits of Base64 that do not make a byte yet. `waiting`: how many there are.
    bits: u16,
    waiting: u8,
    event: Event,
    /// The outermost container held a wanted key.
    has_wanted: bool,
    /// The first bytes. They tell other encodings from wrong syntax.
    head: [u8; 4],
    heads: usize,
    /// The document is not JSON. The error is returned once `head` is full.
    failed: Option<Reason>,
    /// The first part that parsers read differently.
    doubt: Option<Reason>,
}

/// The first value of the document has not begun.
const START: Mode = Mode::Value;

impl Json {
    /// Creates a reader whose document is at this state of the automaton. With `NONE` it only
    /// validates.
    #[inline(never)] // large, and called from many places
    pub(crate) fn new(start: u32) -> Self {
        Self {
            mode: START,
            sink: Sink::Skip,
            role: role::NOTHING,
            depth: 0,
            objects: [0; limits::JSON_DEPTH / 64],
            live: Vec::new(),
            next: start,
            key: Key::EMPTY,
            text: Vec::new(),
            nested: None,
            is_nested: false,
            single_byte: false,
            count: 0,
            rest: [0; 4],
            unit: 0,
            high: 0,
            bits: 0,
            waiting: 0,
            event: Event::None,
            has_wanted: false,
            head: [0; 4],
            heads: 0,
            failed: None,
            doubt: None,
        }
    }

    /// Declares that the charset has one byte a character and includes ASCII.
    pub(crate) fn set_single_byte(&mut self, single_byte: bool) {
        self.single_byte = single_byte;
    }

    /// Prepares for another document and keeps what was allocated.
    pub(crate) fn restart(&mut self, start: u32) {
        self.mode = START;
        self.depth = 0;
        self.live.clear();
        self.next = start;
        self.high = 0;
        self.heads = 0;
        self.failed = None;
        self.doubt = None;
    }

    /// Returns whether only white space has arrived.
    pub(crate) fn is_blank(&self) -> bool {
        self.mode == START && self.depth == 0 && self.failed.is_none()
    }

    /// Returns the ambiguity found so far. If there is one, [`Json::finish`] refuses the document,
    /// whatever follows.
    pub(crate) fn doubt(&self) -> Option<Reason> {
        self.doubt
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
        self.event = Event::None;
        let mut length = bytes.len();
        if self.failed.is_none() {
            match self.scan(bundle, bytes, findings) {
                Ok(read) => length = read,
                Err(reason) => self.failed = Some(reason),
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
        self.event
    }

    /// Returns the text of the cursor that ended.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Returns whether the outermost container held a wanted key. Valid once the container is
    /// closed.
    pub(crate) fn has_wanted(&self) -> bool {
        self.has_wanted
    }

    /// Takes the pending ambiguity. The caller decides what it means.
    pub(crate) fn take_doubt(&mut self) -> Option<Reason> {
        self.doubt.take()
    }

    /// Returns whether the first value of the document is complete. A number outside all containers
    /// is incomplete until the document ends.
    pub(crate) fn is_whole(&self) -> bool {
        self.depth == 0 && self.mode == Mode::After && self.failed.is_none()
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
        match self.mode {
            Mode::After | Mode::Zero | Mode::Integer | Mode::Fraction | Mode::Exponent
                if self.depth == 0 => {}
            _ => return Err(Reason::BodyTruncated),
        }
        self.doubt.map_or(Ok(()), Err)
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

    fn scan(
        &mut self,
        bundle: Bundle<'_>,
        bytes: &[u8],
        findings: &mut Findings,
    ) -> Result<usize, Reason> {
        let mut at = 0;
        while self.event == Event::None
            && let Some(&byte) = bytes.get(at)
        {
            at = match self.mode {
                Mode::Text => self.string(bundle, bytes, at, findings)?,
                Mode::Value
                | Mode::FirstValue
                | Mode::FirstKey
                | Mode::Key
                | Mode::Colon
                | Mode::After
                    if self.live.len() < self.depth =>
                {
                    self.dead(bytes, at)?
                }
                Mode::Value
                | Mode::FirstValue
                | Mode::FirstKey
                | Mode::Key
                | Mode::Colon
                | Mode::After => {
                    if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                        at + 1
                    } else {
                        self.token(bundle, bytes, at, byte, findings)?
                    }
                }
                Mode::Literal => self.literal(at, byte)?,
                Mode::Escape => {
                    self.escape(bundle, byte, findings)?;
                    at + 1
                }
                Mode::Hex => {
                    self.digit(bundle, byte, findings)?;
                    at + 1
                }
                Mode::Sequence => at + usize::from(self.sequence(bundle, byte, findings)?),
                _ => self.number(bytes, at)?,
            };
        }
        Ok(at)
    }

    /// Reads one token that is not white space. Returns the index at which the next one may begin.
    #[inline(always)]
    fn token(
        &mut self,
        bundle: Bundle<'_>,
        bytes: &[u8],
        at: usize,
        byte: u8,
        findings: &mut Findings,
    ) -> Result<usize, Reason> {
        match (self.mode, byte) {
            (Mode::FirstKey | Mode::Key, b'"') => {
                let keys = self.innermost().map_or(Span { at: 0, len: 0 }, |level| level.keys);
                self.role = KEY;
                self.mode = Mode::Text;
                if keys.len != 0 {
                    // Most keys are short, complete and free of escapes.
                    let rest = bytes.get(at + 1..).unwrap_or_default();
                    let length = bytes::plain(rest);
                    if rest.get(length) == Some(&b'"')
                        && let Some(wanted) =
                            key::find_plain(bundle, keys, rest.get(..length).unwrap_or_default())
                    {
                        self.mode = Mode::Colon;
                        self.end_key(bundle, wanted);
                        return Ok(at + length + 2);
                    }
                    self.key.clear();
                    self.sink = Sink::Key;
                } else {
                    self.next = self.innermost().map_or(NONE, |level| level.other);
                    self.sink = Sink::Skip;
                }
                return self.string(bundle, bytes, at + 1, findings);
            }
            (Mode::Colon, b':') => self.mode = Mode::Value,
            (Mode::After, b',') if self.depth > 0 => {
                if self.in_object() {
                    self.mode = Mode::Key;
                } else {
                    self.next = self.innermost().map_or(NONE, |level| level.element);
                    self.mode = Mode::Value;
                }
            }
            (Mode::After | Mode::FirstKey, b'}') if self.in_object() => self.close(findings),
            (Mode::After | Mode::FirstValue, b']') if self.depth > 0 && !self.in_object() => {
                self.close(findings)
            }
            (Mode::Value | Mode::FirstValue, _) => {
                return self.value(bundle, bytes, at, byte, findings);
            }
            (Mode::After, _) if self.depth == 0 => return Err(Reason::TrailingBytes),
            _ => return Err(Reason::JsonSyntax),
        }
        Ok(at + 1)
    }

    #[inline(always)]
    fn value(
        &mut self,
        bundle: Bundle<'_>,
        bytes: &[u8],
        at: usize,
        byte: u8,
        findings: &mut Findings,
    ) -> Result<usize, Reason> {
        match byte {
            b'"' => {
                self.role = role::NOTHING;
                self.sink = Sink::Skip;
                if self.next != NONE {
                    self.begin_text(bundle, findings);
                }
                self.mode = Mode::Text;
                if self.event != Event::None {
                    return Ok(at + 1);
                }
                return self.string(bundle, bytes, at + 1, findings);
            }
            b'{' | b'[' => {
                self.open(bundle, byte == b'{', findings)?;
                return Ok(at + 1);
            }
            b't' => self.mode = self.begin_literal(*b"rue\0"),
            b'f' => self.mode = self.begin_literal(*b"alse"),
            b'n' => {
                // A null has the same meaning as an absent value.
                self.next = NONE;
                self.mode = self.begin_literal(*b"ull\0");
            }
            b'-' => self.mode = Mode::Minus,
            b'0' => self.mode = Mode::Zero,
            b'1'..=b'9' => self.mode = Mode::Integer,
            _ => return Err(Reason::JsonSyntax),
        }
        if self.next != NONE {
            self.scalar(bundle, findings);
        }
        Ok(at + 1)
    }

    /// Returns the innermost container, if something is wanted in it.
    #[inline(always)]
    fn innermost(&self) -> Option<&Level> {
        if self.live.len() == self.depth { self.live.last() } else { None }
    }

    #[inline(always)]
    fn in_object(&self) -> bool {
        let Some(level) = self.depth.checked_sub(1) else { return false };
        self.objects.get(level / 64).is_some_and(|bits| bits >> (level % 64) & 1 != 0)
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

    fn open(
        &mut self,
        bundle: Bundle<'_>,
        object: bool,
        findings: &mut Findings,
    ) -> Result<(), Reason> {
        let bit = 1u64 << (self.depth % 64);
        let Some(bits) = self.objects.get_mut(self.depth / 64) else {
            return Err(Reason::JsonDepth);
        };
        *bits = if object { *bits | bit } else { *bits & !bit };
        if self.next != NONE
            && let Some(state) = self.next_state(bundle)
        {
            self.enter(bundle, state, object, findings);
        }
        self.depth += 1;
        self.next = self.innermost().map_or(NONE, |level| level.element);
        self.mode = if object { Mode::FirstKey } else { Mode::FirstValue };
        Ok(())
    }

    /// Handles a container at which or below which something is wanted.
    fn enter(
        &mut self,
        bundle: Bundle<'_>,
        mut state: l::State,
        object: bool,
        findings: &mut Findings,
    ) {
        if is_nested(state.role) {
            // Servers that take a document as text commonly take it as an object, too.
            let Some(inner) = bundle.table::<l::State>(section::STATES).get(state.element) else {
                return;
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
            role::NOTHING if self.depth > 0 && self.holds_rows(bundle, &state) => {
                self.doubt_it(Reason::ModelType)
            }
            role::NOTHING | role::REQUEST if self.depth == 0 && !object => {
                // A list in place of the document: some servers take each element for the document,
                // or the first one.
                findings.record_present(role::SUSPECT);
                state.element = self.next;
                deeper = true;
            }
            role => findings.record_present(role),
        }
        let must_name = object && state.role == role::MUST_NAME;
        if deeper {
            let row = state.role == role::ROW;
            if row {
                self.event = Event::Row;
            }
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
        }
    }

    /// Returns whether the elements of this state are rows.
    fn holds_rows(&self, bundle: Bundle<'_>, state: &l::State) -> bool {
        bundle
            .table::<l::State>(section::STATES)
            .get(state.element)
            .is_some_and(|element| element.role == role::ROW)
    }

    #[inline(always)]
    fn close(&mut self, findings: &mut Findings) {
        if self.live.len() == self.depth
            && let Some(level) = self.live.pop()
        {
            if level.judged.or(level.named).is_some() {
                level.end(findings);
            }
            if level.row {
                self.event = Event::RowEnd;
            }
            if self.live.is_empty() {
                self.has_wanted = level.seen != 0;
            }
        }
        self.depth -= 1;
        self.mode = Mode::After;
    }
}

/// In `Json::role`: the text is a key.
const KEY: u8 = u8::MAX;

/// Returns whether a text of this role holds a document.
fn is_nested(role: u8) -> bool {
    matches!(role, role::NESTED_JSON | role::NESTED_BASE64)
}

#[cfg(all(test, feature = "author"))]
mod tests;
