//! Passes over parts of a document in which nothing is wanted, and validates them.

use super::{Json, KEY, Mode, Sink};
use crate::bundle::layout::{NONE, role};
use crate::reason::Reason;
use portcullis_scan::bytes;

impl Json {
    /// Reads where nothing is wanted, which is most of most documents. It does what [`Json::token`]
    /// does there, and keeps its state in registers.
    pub(super) fn dead(&mut self, bytes: &[u8], mut at: usize) -> Result<usize, Reason> {
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
                    let Some(bits) = self.objects.get_mut(self.depth / 64) else {
                        return Err(Reason::JsonDepth);
                    };
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
}
