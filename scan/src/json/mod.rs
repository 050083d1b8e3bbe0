//! Reads one JSON document, chunk by chunk, and tells a [`Visitor`] of what is wanted in it.
//!
//! ```text
//! bytes -> mode (what may come next) -+-> container bits: one a level, object or array
//!                                     +-> live levels: the outermost ones, below which something
//!                                         is wanted
//!          string -> skipped, or decoded and handed to the visitor in pieces
//! ```
//!
//! It is a pushdown automaton that can stop after any byte. It validates UTF-8 and all of RFC 8259,
//! in wanted and unwanted parts alike: if the gate and the origin disagree on where a string ends,
//! they disagree on everything after it. A level in which nothing is wanted costs one bit. Memory
//! is bounded for documents of any size: [`DEPTH`] levels.
//!
//! It builds no tree, converts no numbers and does not know what is wanted or why.
//!
//! This file has the grammar of values and containers, `string` has strings, `scalar` the other
//! values, `dense` the way over unwanted containers.

mod dense;
mod scalar;
mod string;

use crate::bytes;

/// Levels of nesting. A deeper document is an error.
pub const DEPTH: usize = 512;

/// Why bytes are not a JSON document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// They do not follow RFC 8259.
    Syntax,
    /// A string is not UTF-8.
    Utf8,
    /// It has more than [`DEPTH`] levels.
    Depth,
    /// Something follows the document.
    Trailing,
}

/// What a visitor says of a value that begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Nothing is wanted in it.
    Unwanted,
    /// The text, or something in the container, is wanted.
    Wanted,
    /// The same, and the reader stops here.
    WantedStop,
}

/// Is told of what is wanted. The reader calls it in live levels only, and there of values only
/// where the visitor last said that something is wanted.
pub trait Visitor {
    /// A key of at most fifteen bytes without escapes. `name` is the number that its bytes make.
    /// Returns whether something is wanted in its value.
    fn short_key(&mut self, name: [u64; 2], text: &[u8]) -> bool;
    /// Any other key begins. [`Visitor::piece`] and [`Visitor::lone`] follow.
    fn begin_key(&mut self);
    /// The key ends. Returns whether something is wanted in its value.
    fn end_key(&mut self) -> bool;
    /// An element of a list begins. Returns whether something is wanted in it.
    fn element(&mut self) -> bool;
    /// A text begins. If it is wanted, [`Visitor::piece`] and [`Visitor::lone`] follow.
    fn begin_text(&mut self) -> Begun;
    /// A decoded piece of a text or key, which divides no UTF-8 sequence. Returns whether the rest
    /// is wanted.
    fn piece(&mut self, piece: &[u8]) -> bool;
    /// A surrogate without its other half, in a text or key. Returns as [`Visitor::piece`].
    fn lone(&mut self) -> bool;
    /// A wanted text ends. Returns whether the reader stops here.
    fn end_text(&mut self) -> bool;
    /// A number, `true` or `false`. Of a row of integers in a list only the first may be told.
    fn scalar(&mut self);
    /// A container begins. If it is wanted, it is live.
    fn open(&mut self, object: bool) -> Begun;
    /// The innermost live container ends. Returns whether the reader stops here.
    fn close(&mut self) -> bool;
}

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

/// Reads one document.
#[derive(Clone, Debug)]
pub struct Reader {
    mode: Mode,
    /// The string is a key.
    is_key: bool,
    /// The string is wanted. Else only its syntax is checked.
    is_read: bool,
    /// The number of open levels.
    depth: usize,
    /// The number of live levels.
    live: usize,
    /// Something is wanted in the next value.
    wanted: bool,
    /// Bit `d`: level `d` is an object.
    objects: [u64; DEPTH / 64],
    /// Bytes that are not UTF-8 are characters of a charset with one byte a character.
    single_byte: bool,
    /// The visitor wants the reader to stop.
    stop: bool,
    /// Bytes read of a literal or of a divided sequence, or digits read of an escape.
    count: usize,
    /// The literal, or the divided sequence.
    rest: [u8; 4],
    /// The value of an escape so far.
    unit: u16,
    /// A high surrogate that waits for its other half, or 0.
    high: u16,
}

/// The first value of the document has not begun.
const START: Mode = Mode::Value;

impl Reader {
    /// Creates a reader of a document in which something is wanted or not.
    #[must_use]
    pub fn new(wanted: bool) -> Self {
        Self {
            mode: START,
            is_key: false,
            is_read: false,
            depth: 0,
            live: 0,
            wanted,
            objects: [0; DEPTH / 64],
            single_byte: false,
            stop: false,
            count: 0,
            rest: [0; 4],
            unit: 0,
            high: 0,
        }
    }

    /// Declares that the charset has one byte a character and includes ASCII.
    pub fn set_single_byte(&mut self, single_byte: bool) {
        self.single_byte = single_byte;
    }

    /// Returns whether the charset has one byte a character.
    #[must_use]
    pub fn is_single_byte(&self) -> bool {
        self.single_byte
    }

    /// Prepares for another document.
    pub fn restart(&mut self, wanted: bool) {
        self.mode = START;
        self.depth = 0;
        self.live = 0;
        self.wanted = wanted;
        self.high = 0;
    }

    /// Returns whether only white space has arrived.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.mode == START && self.depth == 0
    }

    /// Returns whether the first value of the document is complete. A number outside all containers
    /// is incomplete until the document ends.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.depth == 0 && self.mode == Mode::After
    }

    /// Returns whether the document may end here.
    #[must_use]
    pub fn may_end(&self) -> bool {
        self.depth == 0
            && matches!(
                self.mode,
                Mode::After | Mode::Zero | Mode::Integer | Mode::Fraction | Mode::Exponent
            )
    }

    /// Reads up to where the visitor stops it, or to the end, and returns the number of bytes read.
    ///
    /// # Errors
    ///
    /// The bytes are not JSON. The error is returned at the byte that shows it. The reader cannot
    /// be used after an error.
    pub fn read(&mut self, bytes: &[u8], visitor: &mut dyn Visitor) -> Result<usize, Error> {
        let mut at = 0;
        self.stop = false;
        while !self.stop
            && let Some(&byte) = bytes.get(at)
        {
            at = match self.mode {
                Mode::Text => self.string(bytes, at, visitor)?,
                Mode::Value
                | Mode::FirstValue
                | Mode::FirstKey
                | Mode::Key
                | Mode::Colon
                | Mode::After => self.structure(bytes, at, visitor)?,
                Mode::Literal => self.literal(at, byte)?,
                Mode::Escape => {
                    self.escape(byte, visitor)?;
                    at + 1
                }
                Mode::Hex => {
                    self.digit(byte, visitor)?;
                    at + 1
                }
                Mode::Sequence => at + usize::from(self.sequence(byte, visitor)?),
                _ => self.number(bytes, at)?,
            };
        }
        Ok(at)
    }

    /// Reads tokens up to a string that is wanted, a token that the end of the bytes may divide, or
    /// where the visitor stops it.
    fn structure(
        &mut self,
        bytes: &[u8],
        mut at: usize,
        visitor: &mut dyn Visitor,
    ) -> Result<usize, Error> {
        if self.live < self.depth {
            at = self.dense(bytes, at);
        }
        let mut object = self.in_object();
        let mut mode = self.mode;
        while mode != Mode::Text {
            at += bytes::blank(bytes.get(at..).unwrap_or_default());
            let Some(&byte) = bytes.get(at) else { break };
            at += 1;
            match (mode, byte) {
                (Mode::FirstKey | Mode::Key, b'"') => {
                    let rest = bytes.get(at..).unwrap_or_default();
                    self.is_key = true;
                    self.is_read = self.live == self.depth;
                    if !self.is_read {
                        let (length, closed) = bytes::skip(rest);
                        at += length;
                        if !closed {
                            mode = Mode::Text;
                            break;
                        }
                        at += 1;
                    } else if let Some((length, name)) = bytes::short(rest) {
                        // Most keys are short, complete and free of escapes.
                        let text = rest.get(..length).unwrap_or_default();
                        self.wanted = visitor.short_key(name, text);
                        at += length + 1;
                    } else {
                        visitor.begin_key();
                        mode = Mode::Text;
                        break;
                    }
                    mode = Mode::Colon;
                    if bytes.get(at) == Some(&b':') {
                        at += 1;
                        mode = Mode::Value;
                    }
                }
                (Mode::Colon, b':') => mode = Mode::Value,
                (Mode::After, b',') if self.depth > 0 => {
                    if object {
                        mode = Mode::Key;
                    } else {
                        if self.live == self.depth {
                            self.wanted = visitor.element();
                        }
                        mode = Mode::Value;
                    }
                }
                (Mode::Value | Mode::FirstValue, b'"') => {
                    self.is_key = false;
                    self.is_read = false;
                    mode = Mode::Text;
                    if self.wanted {
                        let begun = visitor.begin_text();
                        self.is_read = begun != Begun::Unwanted;
                        self.stop = begun == Begun::WantedStop;
                        if self.is_read {
                            break;
                        }
                    }
                    let (length, closed) = bytes::skip(bytes.get(at..).unwrap_or_default());
                    at += length;
                    if !closed {
                        break;
                    }
                    at += 1;
                    mode = Mode::After;
                }
                (Mode::Value | Mode::FirstValue, b'{' | b'[') => {
                    object = byte == b'{';
                    mode = if object { Mode::FirstKey } else { Mode::FirstValue };
                    self.open(object, visitor)?;
                    if self.stop {
                        break;
                    }
                    if self.depth == self.live + 1 {
                        break;
                    }
                }
                (Mode::After | Mode::FirstKey, b'}') if object => {
                    mode = Mode::After;
                    self.close(visitor);
                    object = self.in_object();
                    if self.stop {
                        break;
                    }
                }
                (Mode::After | Mode::FirstValue, b']') if self.depth > 0 && !object => {
                    mode = Mode::After;
                    self.close(visitor);
                    object = self.in_object();
                    if self.stop {
                        break;
                    }
                }
                (Mode::Value | Mode::FirstValue, b't' | b'f' | b'n' | b'-' | b'0'..=b'9') => {
                    if self.wanted && byte != b'n' {
                        // A null has the same meaning as an absent value.
                        visitor.scalar();
                    }
                    if byte.is_ascii_digit() && self.depth > 0 && !object {
                        let length = bytes::integers(bytes.get(at - 1..).unwrap_or_default());
                        if length > 0 {
                            at += length - 1;
                            mode = Mode::Value;
                            continue;
                        }
                    }
                    at = self.scalar(bytes, at, byte)?;
                    mode = self.mode;
                    if mode != Mode::After {
                        break;
                    }
                }
                (Mode::After, _) if self.depth == 0 => return Err(Error::Trailing),
                _ => return Err(Error::Syntax),
            }
        }
        self.mode = mode;
        Ok(at)
    }

    #[inline(always)]
    fn in_object(&self) -> bool {
        self.depth.checked_sub(1).is_some_and(|level| self.is_object(level))
    }

    #[inline(always)]
    fn is_object(&self, level: usize) -> bool {
        self.objects.get(level / 64).is_some_and(|bits| bits >> (level % 64) & 1 != 0)
    }

    /// Adds a level. Returns false if there are too many.
    #[inline(always)]
    fn push(&mut self, object: bool) -> bool {
        let bit = 1u64 << (self.depth % 64);
        let Some(bits) = self.objects.get_mut(self.depth / 64) else { return false };
        *bits = if object { *bits | bit } else { *bits & !bit };
        self.depth += 1;
        true
    }

    #[inline(always)]
    fn open(&mut self, object: bool, visitor: &mut dyn Visitor) -> Result<(), Error> {
        if !self.push(object) {
            return Err(Error::Depth);
        }
        if self.wanted {
            let begun = visitor.open(object);
            self.stop = begun == Begun::WantedStop;
            self.wanted = false;
            if begun != Begun::Unwanted {
                self.live += 1;
                self.wanted = !object && visitor.element();
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn close(&mut self, visitor: &mut dyn Visitor) {
        if self.live == self.depth {
            self.live -= 1;
            self.stop = visitor.close();
        }
        self.depth -= 1;
    }
}

#[cfg(test)]
mod tests;
