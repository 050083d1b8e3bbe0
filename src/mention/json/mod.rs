//! Reads one JSON document, chunk by chunk, for the mentions at the wanted pointers.
//!
//! ```text
//! bytes --> mode (what may come next) --+--> container bits: one a level, object or array
//!                                       +--> live levels: the automaton's state at each level that something is wanted below
//!           string --> skip | key | text | nested document
//! ```
//!
//! It is a pushdown automaton that may stop after any byte. It validates all of RFC 8259, wanted or not, and UTF-8, since a gate and an
//! origin that disagree on where a string ends disagree on everything after it. Levels where nothing is wanted cost one bit. What a
//! document of any size takes is bounded: [`limits::JSON_DEPTH`] levels, one key, one id.
//!
//! Input: chunks of the body and the start state of the operation. Output: texts and other values into [`Findings`]. Two kinds of
//! trouble: what is no JSON ends the reading at once; what parsers read differently ([`Reason::DuplicateKey`] and its like) is kept
//! and told at the end, so that a denied mention behind it is still found.
//!
//! It builds no tree, converts no number and looks at no content type.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::bytes;
use super::bytes::{Sequence, Stop};
use super::findings::{Carrier, Findings};
use super::key;
use super::key::{Key, Wanted};
use crate::bundle::layout as l;
use crate::bundle::layout::{NONE, Span, role, section};
use crate::bundle::view::Bundle;
use crate::compact::hex::hex;
use crate::compact::split::pieces;
use crate::limits;
use crate::reason::Reason;

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// A value: at the start, after `:`, after `,` in an array.
    Value,
    /// A value or `]`.
    FirstValue,
    /// A key or `}`.
    FirstKey,
    /// A key, after `,`.
    Key,
    Colon,
    /// `,` or the end of the container; outside all of them, nothing.
    After,
    /// Inside a string.
    Text,
    /// The rest of a UTF-8 sequence that the chunk's end cut.
    Sequence,
    /// After a backslash.
    Escape,
    /// Hexadecimal digits after `\u`.
    Hex,
    /// The rest of `true`, `false` or `null`.
    Literal,
    /// Numbers: after `-`, after a leading 0, in the integer, after the point, in the fraction, after `e`, after its sign, in
    /// the exponent.
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
    /// Nowhere: its syntax is checked.
    Skip,
    Key,
    /// To `text`, and then to the findings.
    Text,
    /// To `nested`.
    Nested,
    /// To `nested`, Base64 undone.
    Base64,
}

/// Where [`Json::advance`] stopped: just behind the byte that brought it about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Nowhere: at the end of the bytes.
    None,
    /// A `ROW` has opened.
    Row,
    /// It is closed.
    RowEnd,
    /// The quote that opens a `CURSOR`.
    Cursor,
    /// The quote that closes it; its text is [`Json::text`].
    CursorEnd,
}

/// A container in which something is wanted.
#[derive(Clone, Copy, Debug)]
struct Level {
    keys: Span,
    other: u32,
    element: u32,
    /// A `MUST_NAME` object: what had been judged when it opened; else `None`.
    judged: Option<usize>,
    /// A text in it says that it is of the kind that runs a model.
    runs: bool,
    /// A `REQUEST`: how many names there had been when it opened; else `None`.
    named: Option<usize>,
    row: bool,
    /// Bit `n`: the wanted key of number `n` has come.
    seen: u64,
}

impl Level {
    /// An object that had to name a model is closed.
    #[inline(never)] // seldom called
    fn end(&self, findings: &mut Findings) {
        if self.runs && self.judged == Some(findings.judged()) {
            findings.present(role::SUSPECT);
        }
        if self.named == Some(findings.names()) {
            findings.unnamed();
        }
    }
}

/// The reader of one document.
#[derive(Clone, Debug)]
pub(crate) struct Json {
    mode: Mode,
    sink: Sink,
    /// The role of the text being read.
    role: u8,
    /// Levels open.
    depth: usize,
    /// Bit `d`: level `d` is an object.
    objects: [u64; limits::JSON_DEPTH / 64],
    /// The outermost `live.len()` levels; those above are dead.
    live: Vec<Level>,
    /// State of the value that comes next; `NONE`: nothing is wanted in it.
    next: u32,
    key: Key,
    text: Vec<u8>,
    nested: Option<Box<Json>>,
    /// A string inside a string may hold a document, one inside that may not.
    is_nested: bool,
    /// Bytes that are no UTF-8 are characters all the same, of a charset of single bytes.
    single_byte: bool,
    /// Bytes of a literal or of a cut sequence that are read, digits of an escape.
    count: usize,
    /// The literal, or the cut sequence.
    rest: [u8; 4],
    /// The value of an escape so far.
    unit: u16,
    /// A high surrogate that waits for its other half; 0: none.
    high: u16,
    /// Bits of Base64 that are not yet a byte, and how many.
    bits: u16,
    waiting: u8,
    event: Event,
    /// The outermost container held a wanted key.
    has_wanted: bool,
    /// The first bytes: they tell other encodings from bad syntax.
    head: [u8; 4],
    heads: usize,
    /// It is no JSON; told once `head` is full.
    failed: Option<Reason>,
    /// The first thing that parsers read differently.
    doubt: Option<Reason>,
}

/// The document's first value has not begun.
const START: Mode = Mode::Value;

impl Json {
    /// A reader whose document stands at this state of the automaton; `NONE` wants nothing and validates.
    #[inline(never)] // it is large, and made in many places
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

    /// The document is text in a charset of single bytes, ASCII and more.
    pub(crate) fn set_single_byte(&mut self, single_byte: bool) {
        self.single_byte = single_byte;
    }

    /// Makes ready for another document; what was allocated stays.
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

    /// Nothing but white space came.
    pub(crate) fn is_blank(&self) -> bool {
        self.mode == START && self.depth == 0 && self.failed.is_none()
    }

    /// What parsers read differently, as far as was read: [`Json::finish`] will refuse, whatever follows.
    pub(crate) fn doubt(&self) -> Option<Reason> {
        self.doubt
    }

    /// Reads on.
    ///
    /// # Errors
    ///
    /// What is no JSON, at the byte that shows it. The reader is then spent.
    pub(crate) fn feed(&mut self, bundle: Bundle<'_>, mut bytes: &[u8], findings: &mut Findings) -> Result<(), Reason> {
        while !bytes.is_empty() {
            let length = self.advance(bundle, bytes, findings)?;
            bytes = bytes.get(length..).unwrap_or_default();
        }
        Ok(())
    }

    /// Reads on up to the next [`Event`]; gives how many bytes were read.
    ///
    /// # Errors
    ///
    /// As [`Json::feed`].
    pub(crate) fn advance(&mut self, bundle: Bundle<'_>, bytes: &[u8], findings: &mut Findings) -> Result<usize, Reason> {
        self.event = Event::None;
        let mut length = bytes.len();
        if self.failed.is_none() {
            match self.scan(bundle, bytes, findings) {
                Ok(read) => length = read,
                Err(reason) => self.failed = Some(reason),
            }
        }
        for &byte in bytes.get(..length).unwrap_or_default() {
            let Some(place) = self.head.get_mut(self.heads) else { break };
            *place = byte;
            self.heads += 1;
        }
        match self.failed {
            // INVARIANT: what is told does not depend on where the chunks end, so the bytes that may tell better are awaited.
            Some(reason) if self.heads == self.head.len() => Err(self.encoding().unwrap_or(reason)),
            _ => Ok(length),
        }
    }

    /// Where [`Json::advance`] stopped.
    pub(crate) fn event(&self) -> Event {
        self.event
    }

    /// The text of the cursor that ended.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The outermost container, once it is closed, held a wanted key.
    pub(crate) fn has_wanted(&self) -> bool {
        self.has_wanted
    }

    /// What was in doubt until now is somebody else's to judge.
    pub(crate) fn take_doubt(&mut self) -> Option<Reason> {
        self.doubt.take()
    }

    /// The document's first value is whole. A number at the top may go on.
    pub(crate) fn is_whole(&self) -> bool {
        self.depth == 0 && self.mode == Mode::After && self.failed.is_none()
    }

    /// The document ends here. Every body reader ends in this shape; this one has nothing left to find.
    ///
    /// # Errors
    ///
    /// A document that is not whole, or that parsers read differently.
    pub(crate) fn finish(&mut self, _: Bundle<'_>, _: &mut Findings) -> Result<(), Reason> {
        if let Some(reason) = self.failed {
            return Err(self.encoding().unwrap_or(reason));
        }
        match self.mode {
            Mode::After | Mode::Zero | Mode::Integer | Mode::Fraction | Mode::Exponent if self.depth == 0 => {}
            _ => return Err(Reason::BodyTruncated),
        }
        self.doubt.map_or(Ok(()), Err)
    }

    /// What the first bytes are instead of JSON in UTF-8. A JSON text starts with an ASCII character, so a NUL beside it is of a wider encoding
    /// (RFC 4627, section 3).
    fn encoding(&self) -> Option<Reason> {
        let head = self.head.get(..self.heads).unwrap_or_default();
        match head {
            [0xef, 0xbb, 0xbf, ..] => Some(Reason::BodyBom),
            [0xfe, 0xff, ..] | [0xff, 0xfe, ..] => Some(Reason::BodyUtf16),
            // gzip, zlib and zstd, sent without their Content-Encoding.
            [0x1f, 0x8b, ..] | [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] | [0x28, 0xb5, 0x2f, 0xfd] => Some(Reason::ContentCoding),
            [0, 0, 0, b] | [0, b, ..] | [b, 0, ..] if matches!(b, b'\t' | b'\n' | b'\r' | b' '..=b'~') => Some(Reason::BodyUtf16),
            _ => None,
        }
    }

    fn scan(&mut self, bundle: Bundle<'_>, bytes: &[u8], findings: &mut Findings) -> Result<usize, Reason> {
        let mut at = 0;
        while self.event == Event::None
            && let Some(&byte) = bytes.get(at)
        {
            at = match self.mode {
                Mode::Text => self.string(bundle, bytes, at, findings)?,
                Mode::Value | Mode::FirstValue | Mode::FirstKey | Mode::Key | Mode::Colon | Mode::After
                    if self.live.len() < self.depth =>
                {
                    self.dead(bytes, at)?
                }
                Mode::Value | Mode::FirstValue | Mode::FirstKey | Mode::Key | Mode::Colon | Mode::After => {
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

    /// Reads on where nothing is wanted: most of most documents. It does what [`Json::token`] does there, and keeps what it can in
    /// registers.
    fn dead(&mut self, bytes: &[u8], mut at: usize) -> Result<usize, Reason> {
        self.sink = Sink::Skip;
        self.next = NONE;
        let mut object = self.in_object();
        let mut mode = self.mode;
        loop {
            at += bytes::blank(bytes.get(at..).unwrap_or_default());
            let Some(&byte) = bytes.get(at) else { break };
            match (mode, byte) {
                (Mode::FirstKey | Mode::Key, b'"') => {
                    let (length, closed) = bytes::skip(bytes.get(at + 1..).unwrap_or_default());
                    at += 1 + length;
                    if !closed {
                        self.role = KEY;
                        mode = Mode::Text;
                        break;
                    }
                    at += 1;
                    mode = Mode::Colon;
                    if bytes.get(at) == Some(&b':') {
                        at += 1;
                        mode = Mode::Value;
                    }
                }
                (Mode::Colon, b':') => {
                    at += 1;
                    mode = Mode::Value;
                }
                (Mode::After, b',') => {
                    at += 1;
                    mode = if object { Mode::Key } else { Mode::Value };
                }
                (Mode::Value | Mode::FirstValue, b'"') => {
                    let (length, closed) = bytes::skip(bytes.get(at + 1..).unwrap_or_default());
                    at += 1 + length;
                    if !closed {
                        self.role = role::NOTHING;
                        mode = Mode::Text;
                        break;
                    }
                    at += 1;
                    mode = Mode::After;
                }
                (Mode::Value | Mode::FirstValue, b'{' | b'[') => {
                    object = byte == b'{';
                    let bit = 1u64 << (self.depth % 64);
                    let Some(bits) = self.objects.get_mut(self.depth / 64) else { return Err(Reason::JsonDepth) };
                    *bits = if object { *bits | bit } else { *bits & !bit };
                    self.depth += 1;
                    at += 1;
                    mode = if object { Mode::FirstKey } else { Mode::FirstValue };
                }
                (Mode::After | Mode::FirstKey, b'}') if object => {
                    self.depth -= 1;
                    at += 1;
                    mode = Mode::After;
                    object = self.in_object();
                    if self.depth == self.live.len() {
                        break;
                    }
                }
                (Mode::After | Mode::FirstValue, b']') if !object => {
                    self.depth -= 1;
                    at += 1;
                    mode = Mode::After;
                    object = self.in_object();
                    if self.depth == self.live.len() {
                        break;
                    }
                }
                (Mode::Value | Mode::FirstValue, b'0'..=b'9')
                    if !object && {
                        let length = bytes::integers(bytes.get(at..).unwrap_or_default());
                        at += length;
                        length > 0
                    } =>
                {
                    mode = Mode::Value;
                }
                (Mode::Value | Mode::FirstValue, _) => {
                    self.mode = match byte {
                        b't' => self.begin_literal(*b"rue\0"),
                        b'f' => self.begin_literal(*b"alse"),
                        b'n' => self.begin_literal(*b"ull\0"),
                        b'-' => Mode::Minus,
                        b'0' => Mode::Zero,
                        b'1'..=b'9' => Mode::Integer,
                        _ => return Err(Reason::JsonSyntax),
                    };
                    at += 1;
                    while self.mode == Mode::Literal {
                        let Some(&byte) = bytes.get(at) else { return Ok(at) };
                        at = self.literal(at, byte)?;
                    }
                    if self.mode != Mode::After {
                        at = self.number(bytes, at)?;
                    }
                    mode = self.mode;
                    if mode != Mode::After {
                        break;
                    }
                }
                _ => return Err(Reason::JsonSyntax),
            }
        }
        self.mode = mode;
        Ok(at)
    }

    /// One token that is not white space; returns where the next one may begin.
    #[inline(always)]
    fn token(&mut self, bundle: Bundle<'_>, bytes: &[u8], at: usize, byte: u8, findings: &mut Findings) -> Result<usize, Reason> {
        match (self.mode, byte) {
            (Mode::FirstKey | Mode::Key, b'"') => {
                let keys = self.innermost().map_or(Span { at: 0, len: 0 }, |level| level.keys);
                self.role = KEY;
                self.mode = Mode::Text;
                if keys.len != 0 {
                    // Most keys are short, whole and plain.
                    let rest = bytes.get(at + 1..).unwrap_or_default();
                    let length = bytes::plain(rest);
                    if rest.get(length) == Some(&b'"')
                        && let Some(wanted) = key::find_plain(bundle, keys, rest.get(..length).unwrap_or_default())
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
            (Mode::After | Mode::FirstValue, b']') if self.depth > 0 && !self.in_object() => self.close(findings),
            (Mode::Value | Mode::FirstValue, _) => return self.value(bundle, bytes, at, byte, findings),
            (Mode::After, _) if self.depth == 0 => return Err(Reason::TrailingBytes),
            _ => return Err(Reason::JsonSyntax),
        }
        Ok(at + 1)
    }

    #[inline(always)]
    fn value(&mut self, bundle: Bundle<'_>, bytes: &[u8], at: usize, byte: u8, findings: &mut Findings) -> Result<usize, Reason> {
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
                // Null is the same as absent.
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

    /// The innermost container, if something is wanted in it.
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

    /// A number or a truth value where something is wanted.
    fn scalar(&mut self, bundle: Bundle<'_>, findings: &mut Findings) {
        let Some(state) = self.next_state(bundle) else { return };
        match state.role {
            // Where something other than a text may stand, a number names no model.
            role::ROW | role::CURSOR => self.doubt_it(Reason::ModelType),
            named if role::is_mention(named) => {
                if state.keys.len == 0 && state.other == NONE && state.element == NONE {
                    self.doubt_it(Reason::ModelType);
                }
            }
            other => findings.present(other),
        }
    }

    fn open(&mut self, bundle: Bundle<'_>, object: bool, findings: &mut Findings) -> Result<(), Reason> {
        let bit = 1u64 << (self.depth % 64);
        let Some(bits) = self.objects.get_mut(self.depth / 64) else { return Err(Reason::JsonDepth) };
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

    /// A container where something is wanted: at it, or below it.
    fn enter(&mut self, bundle: Bundle<'_>, mut state: l::State, object: bool, findings: &mut Findings) {
        if is_nested(state.role) {
            // Servers that take a document as text commonly take it as it is, too.
            let Some(inner) = bundle.table::<l::State>(section::STATES).get(state.element) else { return };
            state = inner;
        }
        let mut deeper = if object { state.keys.len != 0 || state.other != NONE } else { state.element != NONE };
        match state.role {
            _ if deeper => {}
            role::ROW | role::CURSOR => self.doubt_it(Reason::ModelType),
            named if role::is_mention(named) => self.doubt_it(Reason::ModelType),
            role::LINES => findings.present(role::SUSPECT),
            // Rows of a list, or something that holds them in another way.
            role::NOTHING if self.depth > 0 && self.holds_rows(bundle, &state) => self.doubt_it(Reason::ModelType),
            role::NOTHING | role::REQUEST if self.depth == 0 && !object => {
                // A list where a document is wanted: some servers take each element for it, or the first.
                findings.present(role::SUSPECT);
                state.element = self.next;
                deeper = true;
            }
            role => findings.present(role),
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
                judged: must_name.then(|| findings.judged()),
                runs: false,
                named: (object && state.role == role::REQUEST).then(|| findings.names()),
                row,
                seen: 0,
            });
        }
    }

    /// Its elements are rows.
    fn holds_rows(&self, bundle: Bundle<'_>, state: &l::State) -> bool {
        bundle.table::<l::State>(section::STATES).get(state.element).is_some_and(|element| element.role == role::ROW)
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

    fn begin_literal(&mut self, rest: [u8; 4]) -> Mode {
        self.rest = rest;
        self.count = 0;
        Mode::Literal
    }

    fn literal(&mut self, at: usize, byte: u8) -> Result<usize, Reason> {
        if self.rest.get(self.count) != Some(&byte) {
            return Err(Reason::JsonSyntax);
        }
        self.count += 1;
        if matches!(self.rest.get(self.count), None | Some(0)) {
            self.mode = Mode::After;
        }
        Ok(at + 1)
    }

    /// Reads on in a number, up to what ends it.
    fn number(&mut self, bytes: &[u8], mut at: usize) -> Result<usize, Reason> {
        let mut mode = self.mode;
        while let Some(&byte) = bytes.get(at) {
            mode = match (mode, byte) {
                (Mode::Integer | Mode::Minus, b'1'..=b'9') | (Mode::Integer, b'0') => Mode::Integer,
                (Mode::Minus, b'0') => Mode::Zero,
                (Mode::Point | Mode::Fraction, b'0'..=b'9') => Mode::Fraction,
                (Mode::E | Mode::Sign | Mode::Exponent, b'0'..=b'9') => Mode::Exponent,
                (Mode::Integer | Mode::Zero, b'.') => Mode::Point,
                (Mode::Integer | Mode::Zero | Mode::Fraction, b'e' | b'E') => Mode::E,
                (Mode::E, b'+' | b'-') => Mode::Sign,
                (Mode::Integer | Mode::Zero | Mode::Fraction | Mode::Exponent, _) => {
                    mode = Mode::After;
                    break;
                }
                _ => return Err(Reason::JsonSyntax),
            };
            at += 1;
        }
        self.mode = mode;
        Ok(at)
    }

    /// Text begins where something is wanted.
    fn begin_text(&mut self, bundle: Bundle<'_>, findings: &mut Findings) {
        let Some(state) = self.next_state(bundle) else { return };
        match state.role {
            role::NOTHING if self.depth > 0 => {
                if self.holds_rows(bundle, &state) {
                    self.doubt_it(Reason::ModelType);
                }
            }
            // Whether a reference binds, its text tells.
            role::MENTION
            | role::PRIMARY
            | role::OPAQUE
            | role::DEPLOYMENT
            | role::HINT
            | role::SELECTOR
            | role::MUST_NAME_TYPE
            | role::BINDS
            | role::BINDS_IF_UNNAMED => {
                self.role = state.role;
                self.sink = Sink::Text;
                self.text.clear();
            }
            role::CURSOR => {
                self.role = state.role;
                self.sink = Sink::Text;
                self.text.clear();
                self.event = Event::Cursor;
            }
            // An element that is no object: nobody knows what it means.
            role::ROW => self.doubt_it(Reason::ModelType),
            of if is_nested(of) && !self.is_nested && state.element != NONE => {
                self.sink = if of == role::NESTED_JSON { Sink::Nested } else { Sink::Base64 };
                (self.bits, self.waiting) = (0, 0);
                match &mut self.nested {
                    Some(nested) => nested.restart(state.element),
                    None => {
                        let nested = Self { is_nested: true, single_byte: self.single_byte, ..Self::new(state.element) };
                        self.nested = Some(Box::new(nested));
                    }
                }
            }
            // A text in the place of a document, the outermost too: some servers read it once more.
            role::NESTED_JSON | role::NESTED_BASE64 | role::LINES | role::REQUEST | role::NOTHING => {
                findings.present(role::SUSPECT)
            }
            role => findings.present(role),
        }
    }

    /// Reads on in a string; returns where the next token may begin, or the end of the bytes.
    fn string(&mut self, bundle: Bundle<'_>, bytes: &[u8], mut at: usize, findings: &mut Findings) -> Result<usize, Reason> {
        loop {
            if self.sink == Sink::Skip {
                let (length, closed) = bytes::skip(bytes.get(at..).unwrap_or_default());
                at += length;
                if closed {
                    self.end_text(bundle, findings);
                    return Ok(at + 1);
                }
            }
            let rest = bytes.get(at..).unwrap_or_default();
            let (length, stop) = bytes::text(rest);
            if self.sink != Sink::Skip && length > 0 {
                self.take(bundle, rest.get(..length).unwrap_or_default(), findings);
            }
            at += length;
            match (stop, rest.get(length)) {
                (Stop::Special, Some(b'"')) => {
                    self.end_text(bundle, findings);
                    return Ok(at + 1);
                }
                (Stop::Special, Some(b'\\')) => match rest.get(length + 1) {
                    // The escapes that prompts are full of, where nothing is wanted of them.
                    Some(b'n' | b'"' | b'\\' | b't' | b'r' | b'/' | b'b' | b'f') if self.sink == Sink::Skip => at += 2,
                    Some(&byte) => {
                        self.escape(bundle, byte, findings)?;
                        at += 2;
                        while self.mode == Mode::Hex {
                            let Some(&byte) = bytes.get(at) else { return Ok(at) };
                            self.digit(bundle, byte, findings)?;
                            at += 1;
                        }
                    }
                    None => {
                        self.mode = Mode::Escape;
                        return Ok(at + 1);
                    }
                },
                (Stop::Special, _) => return Err(Reason::JsonSyntax),
                (Stop::Invalid, Some(&byte)) if self.single_byte => {
                    self.take(bundle, &[byte], findings);
                    at += 1;
                }
                (Stop::Invalid, _) => return Err(Reason::BodyUtf8),
                (Stop::Split, _) => {
                    self.mode = Mode::Sequence;
                    self.count = 0;
                    return Ok(at);
                }
                (Stop::End, _) => return Ok(at),
            }
        }
    }

    /// One more byte of a sequence that the end of a chunk cut; false if it is not part of it.
    fn sequence(&mut self, bundle: Bundle<'_>, byte: u8, findings: &mut Findings) -> Result<bool, Reason> {
        if let Some(place) = self.rest.get_mut(self.count) {
            *place = byte;
        }
        self.count += 1;
        let rest = self.rest;
        let read = rest.get(..self.count).unwrap_or_default();
        match bytes::sequence(read) {
            Sequence::Cut => {}
            Sequence::Bad if self.single_byte => {
                self.mode = Mode::Text;
                self.take(bundle, read.split_last().map_or(&[], |(_, before)| before), findings);
                return Ok(false);
            }
            Sequence::Bad => return Err(Reason::BodyUtf8),
            Sequence::Whole(_) => {
                self.mode = Mode::Text;
                self.take(bundle, read, findings);
            }
        }
        Ok(true)
    }

    /// The character after a backslash.
    fn escape(&mut self, bundle: Bundle<'_>, byte: u8, findings: &mut Findings) -> Result<(), Reason> {
        let means = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 8,
            b'f' => 12,
            b'u' => {
                self.mode = Mode::Hex;
                self.unit = 0;
                self.count = 0;
                return Ok(());
            }
            _ => return Err(Reason::JsonSyntax),
        };
        self.mode = Mode::Text;
        self.take(bundle, &[means], findings);
        Ok(())
    }

    /// A digit of `\uXXXX`.
    fn digit(&mut self, bundle: Bundle<'_>, byte: u8, findings: &mut Findings) -> Result<(), Reason> {
        let Some(digit) = hex(byte) else { return Err(Reason::JsonSyntax) };
        self.unit = self.unit << 4 | u16::from(digit);
        self.count += 1;
        if self.count == 4 {
            self.mode = Mode::Text;
            if self.sink != Sink::Skip {
                self.code_unit(bundle, self.unit, findings);
            }
        }
        Ok(())
    }

    /// A UTF-16 code unit that an escape stands for.
    fn code_unit(&mut self, bundle: Bundle<'_>, unit: u16, findings: &mut Findings) {
        let high = u32::from(self.high);
        let mut code = u32::from(unit);
        if high != 0 && unit & 0xfc00 == 0xdc00 {
            self.high = 0;
            code = 0x10000 + ((high & 0x3ff) << 10 | code & 0x3ff);
        }
        match char::from_u32(code) {
            Some(character) => self.take(bundle, character.encode_utf8(&mut [0; 4]).as_bytes(), findings),
            None if unit & 0xfc00 == 0xd800 => {
                self.lone(bundle, findings);
                self.high = unit;
            }
            None => {
                self.lone(bundle, findings);
                self.high = unit;
                self.lone(bundle, findings);
            }
        }
    }

    /// The high surrogate that waited has no other half.
    fn lone(&mut self, bundle: Bundle<'_>, findings: &mut Findings) {
        if core::mem::take(&mut self.high) == 0 {
            return;
        }
        if self.sink == Sink::Key {
            self.key.push_lone();
        } else {
            // As UTF-8 would write it if it could: no reader of an id or of a nested document takes it.
            self.take(bundle, &[0xed, 0xa0, 0x80], findings);
        }
    }

    /// Text of a string, escapes undone, in pieces that cut no sequence.
    fn take(&mut self, bundle: Bundle<'_>, piece: &[u8], findings: &mut Findings) {
        if self.high != 0 {
            self.lone(bundle, findings);
        }
        match self.sink {
            Sink::Skip => {}
            Sink::Key => self.key.push(piece),
            Sink::Text => {
                let mut rest = piece;
                loop {
                    let room = limits::MODEL_ID_BYTES.saturating_sub(self.text.len());
                    self.text.extend_from_slice(rest.get(..room).unwrap_or(rest));
                    if rest.len() <= room || is_conditional(self.role) {
                        return;
                    }
                    if self.role != role::HINT {
                        break;
                    }
                    // No id is as long, a list of ids may be: it is read a part at a time, and the parts overlap.
                    findings.present(role::SUSPECT);
                    let _ = findings.text(bundle, role::HINT, &self.text, Carrier::Body);
                    self.text.copy_within(limits::MODEL_ID_BYTES / 2.., 0);
                    self.text.truncate(limits::MODEL_ID_BYTES / 2);
                    rest = rest.get(room..).unwrap_or_default();
                }
                self.doubt_it(Reason::IdTooLong);
                self.sink = Sink::Skip;
            }
            Sink::Nested => self.nest(bundle, piece, findings),
            Sink::Base64 => self.unbase(bundle, piece, findings),
        }
    }

    fn nest(&mut self, bundle: Bundle<'_>, piece: &[u8], findings: &mut Findings) {
        if let Some(nested) = &mut self.nested
            && let Err(reason) = nested.feed(bundle, piece, findings)
        {
            self.doubt_it(reason);
            self.sink = Sink::Skip;
        }
    }

    /// Base64 of a nested document, RFC 4648 section 4. Padding ends it, so what follows padding is in doubt; and so is every other character, those
    /// of the alphabet for URLs too: some decoders take them for bits, some pass over them, and what comes out differs.
    fn unbase(&mut self, bundle: Bundle<'_>, piece: &[u8], findings: &mut Findings) {
        for part in piece.chunks(64) {
            let mut bytes = [0; 48];
            let mut length = 0;
            let mut bad = false;
            for &byte in part {
                let value = match byte {
                    b'A'..=b'Z' => byte - b'A',
                    b'a'..=b'z' => byte - b'a' + 26,
                    b'0'..=b'9' => byte - b'0' + 52,
                    b'+' => 62,
                    b'/' => 63,
                    b'=' => {
                        self.waiting = PADDED;
                        continue;
                    }
                    _ => PADDED,
                };
                bad = value == PADDED || self.waiting == PADDED;
                if bad {
                    break;
                }
                self.bits = self.bits << 6 | u16::from(value);
                self.waiting += 6;
                if self.waiting >= 8 {
                    self.waiting -= 8;
                    let [whole, _] = (self.bits << (8 - self.waiting)).to_be_bytes();
                    if let Some(place) = bytes.get_mut(length) {
                        *place = whole;
                    }
                    length += 1;
                }
            }
            // What came before counts, so that the verdict does not depend on where the chunks end.
            self.nest(bundle, bytes.get(..length).unwrap_or_default(), findings);
            if bad && self.sink != Sink::Skip {
                self.doubt_it(Reason::JsonSyntax);
                self.sink = Sink::Skip;
            }
            if self.sink == Sink::Skip {
                return;
            }
        }
    }

    /// The closing quote.
    fn end_text(&mut self, bundle: Bundle<'_>, findings: &mut Findings) {
        self.mode = if self.role == KEY { Mode::Colon } else { Mode::After };
        if self.sink == Sink::Skip {
            self.high = 0;
            return;
        }
        self.lone(bundle, findings);
        match self.sink {
            Sink::Skip => {}
            Sink::Key => {
                let keys = self.innermost().map_or(Span { at: 0, len: 0 }, |level| level.keys);
                self.end_key(bundle, self.key.find(bundle, keys));
            }
            Sink::Text if is_conditional(self.role) => self.end_kind(bundle, findings),
            Sink::Text if self.role == role::CURSOR => self.event = Event::CursorEnd,
            Sink::Text => {
                if let Err(reason) = findings.text(bundle, self.role, &self.text, Carrier::Body) {
                    self.doubt_it(reason);
                }
            }
            Sink::Nested | Sink::Base64 => {
                if let Some(nested) = &mut self.nested
                    && let Err(reason) = nested.finish(bundle, findings)
                {
                    self.doubt_it(reason);
                }
            }
        }
    }

    /// A text on whose beginning the role depends: what it refers to binds, or the `MUST_NAME` object that it is in runs a model.
    fn end_kind(&mut self, bundle: Bundle<'_>, findings: &mut Findings) {
        let Some(state) = self.next_state(bundle) else { return };
        let mut words = pieces(bundle.text(l::Str { at: state.prefix_at, len: state.prefix_len.into() }), b' ');
        let prefix = words.next().unwrap_or_default().as_bytes();
        let Some((front, rest)) = self.text.split_at_checked(prefix.len()) else { return };
        if !front.eq_ignore_ascii_case(prefix) || words.any(|word| rest.eq_ignore_ascii_case(word.as_bytes())) {
            return;
        }
        if self.role != role::MUST_NAME_TYPE {
            // A text that is longer was cut, and one of which the front alone counts is no reference.
            let whole = prefix.is_empty() && self.text.len() < limits::MODEL_ID_BYTES;
            findings.reference(bundle, self.role, if whole { &self.text } else { &[] }, Carrier::Body);
        } else if let Some(level) = self.live.iter_mut().rev().find(|level| level.judged.is_some()) {
            level.runs = true;
        }
    }

    /// A key of an object in which some are wanted: what state its value has.
    fn end_key(&mut self, bundle: Bundle<'_>, wanted: Option<Wanted>) {
        self.next = NONE;
        let Some(level) = self.live.last_mut() else { return };
        let Some(wanted) = wanted else {
            self.next = level.other;
            return;
        };
        self.next = wanted.target;
        if wanted.like {
            // Several are different keys.
            return;
        }
        // INVARIANT: a state has at most KEYS_PER_OBJECT keys; one more would count as seen.
        let bit = 1u64.checked_shl(wanted.number).unwrap_or(level.seen);
        let twice = level.seen & bit != 0 || bit == 0;
        level.seen |= bit;
        if !wanted.exact || twice {
            self.doubt_key(bundle, wanted.exact);
        }
    }

    /// The key is there twice, or in a spelling that not all parsers take for it. Which one counts is nothing to the gate where the value is the user's own.
    #[inline(never)] // seldom called
    fn doubt_key(&mut self, bundle: Bundle<'_>, exact: bool) {
        if !self.next_state(bundle).is_some_and(|state| state.is_inert()) {
            self.doubt_it(if exact { Reason::DuplicateKey } else { Reason::AmbiguousKey });
        }
    }
}

/// Such a text may be of any length.
fn is_conditional(role: u8) -> bool {
    matches!(role, role::MUST_NAME_TYPE | role::BINDS | role::BINDS_IF_UNNAMED)
}

/// A text that holds a document.
fn is_nested(role: u8) -> bool {
    matches!(role, role::NESTED_JSON | role::NESTED_BASE64)
}

/// In `Json::waiting`: Base64 has ended. As a value: none of its characters.
const PADDED: u8 = u8::MAX;

/// In `Json::role`: the text is a key.
const KEY: u8 = u8::MAX;

#[cfg(all(test, feature = "author"))]
mod tests;
