//! Reads a body of `multipart/form-data` (RFC 7578), as strictly as the clients that send it write it; and one of `multipart/mixed` or
//! `multipart/related`, whose parts are documents, media, or whole requests ([`nested`](crate::request::batch)).
//!
//! ```text
//! --boundary CRLF headers CRLF CRLF data CRLF --boundary CRLF ... CRLF --boundary-- [CRLF [CRLF]]
//! ^^^^^^^^^^ searched for everywhere: elsewhere than after CRLF, or not followed by CRLF or `--`, some parser would see a
//!            delimiter and another would not
//! ```
//!
//! Input: the content type, then chunks, cut anywhere, and the operation's start state, below which field names are keys. Output: into
//! [`Findings`]. Files are passed over unless lines or JSON are wanted of them. Nothing is held but one header block and what the
//! matcher has matched so far, which is the front of the delimiter itself.
//!
//! Trouble with a field that is wanted is told at the end, trouble with the form at once.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::field::{Fields, Target, Value};
use super::part::{OpenPart, PartReader};
use super::part::{Part, boundary};
use crate::bundle::view::Bundle;
use crate::http::target::decode;
use crate::limits;
use crate::mention::bytes;
use crate::mention::findings::Findings;
use crate::reason::Reason;

/// `--` and the longest boundary.
const DELIMITER_BYTES: usize = limits::MULTIPART_BOUNDARY_BYTES + 2;

/// What the bytes that come are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Nothing, or one CRLF, ahead of the first delimiter.
    Preamble,
    /// A part's content.
    Data,
    /// The two bytes after a delimiter.
    Delimiter,
    /// A part's headers.
    Headers,
    /// Two CRLF at most after the last delimiter: one may be the epilogue's own.
    Epilogue,
}

/// The reader of one form.
pub(crate) struct Multipart {
    start: u32,
    mode: Mode,
    /// `--boundary`, and for each length matched how much of it is matched still when the next byte differs.
    delimiter: [u8; DELIMITER_BYTES],
    fallback: [u8; DELIMITER_BYTES],
    length: usize,
    matched: usize,
    /// Of CRLF at the end of the data: it belongs to a delimiter if one follows.
    withheld: usize,
    headers: Vec<u8>,
    fields: Fields,
    value: Value,
    /// Parts need no name.
    mixed: bool,
    /// The part is a request.
    nested: Option<Box<dyn PartReader>>,
    open_part: Option<OpenPart>,
    /// Bytes that the part still has by its own word, if it is wanted.
    left: Option<usize>,
    /// Of parts that need no name, bit 0: one is a document, a field or media; bit 1: one is a request.
    kinds: u8,
    doubt: Option<Reason>,
}

impl Multipart {
    /// A reader whose field names are keys below this state of the automaton.
    ///
    /// # Errors
    ///
    /// A content type without one boundary that all parsers read alike.
    #[inline(never)] // it is large, and made in many places
    pub(crate) fn new(
        start: u32,
        content_type: &str,
        open_part: Option<OpenPart>,
    ) -> Result<Self, Reason> {
        let (boundary, mixed) = boundary(content_type)?;
        let (mut delimiter, mut length) = ([0; DELIMITER_BYTES], 0);
        for (location, byte) in delimiter.iter_mut().zip(b"--".iter().chain(boundary)) {
            *location = *byte;
            length += 1;
        }
        Ok(Self {
            start,
            mode: Mode::Preamble,
            delimiter,
            fallback: fallback(delimiter.get(..length).unwrap_or_default()),
            length,
            matched: 0,
            // The first delimiter needs no line end ahead of it.
            withheld: 2,
            headers: Vec::new(),
            fields: Fields::new(start),
            value: Value::new(),
            mixed,
            nested: None,
            open_part,
            left: None,
            kinds: 0,
            doubt: None,
        })
    }

    /// Reads on.
    ///
    /// # Errors
    ///
    /// What is no form, at the byte that shows it. The reader is then spent.
    pub(crate) fn feed(
        &mut self,
        bundle: Bundle<'_>,
        bytes: &[u8],
        findings: &mut Findings,
    ) -> Result<(), Reason> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match self.mode {
                Mode::Preamble | Mode::Data if self.matched == 0 => {
                    let rest = bytes.get(at..).unwrap_or_default();
                    let clear = bytes::find_dashes(rest).unwrap_or(rest.len());
                    self.data(bundle, rest.get(..clear).unwrap_or_default(), findings)?;
                    at += clear;
                    if clear < rest.len() {
                        self.matched = 1;
                        at += 1;
                    }
                }
                Mode::Preamble | Mode::Data => {
                    if self.matches(bundle, byte, findings)? {
                        at += 1;
                    }
                }
                Mode::Delimiter => {
                    at += 1;
                    self.headers.push(byte);
                    match self.headers.as_slice() {
                        b"\r" | b"-" => {}
                        b"\r\n" => {
                            self.headers.clear();
                            self.mode = Mode::Headers;
                        }
                        b"--" => {
                            self.headers.clear();
                            self.mode = Mode::Epilogue;
                        }
                        _ => return Err(Reason::MultipartSyntax),
                    }
                }
                Mode::Headers => {
                    at += 1;
                    self.headers.push(byte);
                    if byte == b'\n'
                        && (self.headers.ends_with(b"\r\n\r\n") || self.headers == b"\r\n")
                    {
                        self.part(bundle, findings)?;
                        self.mode = Mode::Data;
                        self.withheld = 0;
                    } else if self.headers.len() >= limits::MULTIPART_HEADER_BYTES {
                        return Err(Reason::MultipartHeaderTooLarge);
                    }
                }
                Mode::Epilogue => {
                    at += 1;
                    self.headers.push(byte);
                    if !b"\r\n\r\n".starts_with(&self.headers) {
                        return Err(Reason::MultipartSyntax);
                    }
                }
            }
        }
        Ok(())
    }

    /// The form ends here.
    ///
    /// # Errors
    ///
    /// A form that is not whole, or that parsers read differently.
    pub(crate) fn finish(&mut self, _: Bundle<'_>, findings: &mut Findings) -> Result<(), Reason> {
        if self.mode != Mode::Epilogue {
            return Err(Reason::MultipartTruncated);
        }
        let result = self.value.finish(findings);
        self.note(result);
        if self.kinds == 3 {
            // Who unpacks a batch need not look at what its parts say they are.
            self.note(Err(Reason::MultipartHeader));
        }
        self.doubt.map_or(Ok(()), Err)
    }

    fn note(&mut self, result: Result<(), Reason>) {
        self.doubt = self.doubt.or(result.err());
    }

    /// One byte where the front of a delimiter is matched; false if it is to be looked at again.
    fn matches(
        &mut self,
        bundle: Bundle<'_>,
        byte: u8,
        findings: &mut Findings,
    ) -> Result<bool, Reason> {
        while self.delimiter.get(self.matched) != Some(&byte) {
            let still = self.fallback.get(self.matched - 1).copied().map_or(0, usize::from);
            let given_up = self.matched - still;
            self.matched = still;
            // What was matched is the delimiter's front, so that is where its bytes are taken from.
            let delimiter = self.delimiter;
            self.data(bundle, delimiter.get(..given_up).unwrap_or_default(), findings)?;
            if still == 0 {
                return Ok(false);
            }
        }
        self.matched += 1;
        if self.matched == self.length {
            // A preamble is nothing or a whole line end.
            if self.withheld != 2 || self.mode == Mode::Preamble && self.headers.len() == 1 {
                return Err(Reason::MultipartSyntax);
            }
            if self.mode == Mode::Data {
                let result = match self.nested.take() {
                    Some(nested) => nested.finish(bundle, findings),
                    None => self.value.end(bundle, findings),
                };
                self.note(result);
                if self.left.is_some_and(|left| left != 0) {
                    // Some servers end the part where its length says.
                    self.note(Err(Reason::MultipartHeader));
                }
            }
            self.matched = 0;
            self.headers.clear();
            self.mode = Mode::Delimiter;
        }
        Ok(true)
    }

    /// Content of a part. A CRLF at its end is withheld, since it may belong to the delimiter.
    fn data(
        &mut self,
        bundle: Bundle<'_>,
        piece: &[u8],
        findings: &mut Findings,
    ) -> Result<(), Reason> {
        if piece.is_empty() {
            return Ok(());
        }
        if self.mode == Mode::Preamble {
            // Some parsers skip what stands here, some read it: only the line end that a few clients send is let through.
            self.headers.extend_from_slice(piece.get(..3).unwrap_or(piece));
            return if b"\r\n".starts_with(&self.headers) {
                Ok(())
            } else {
                Err(Reason::MultipartSyntax)
            };
        }
        if self.withheld == 1 && piece == b"\n" {
            self.withheld = 2;
            return Ok(());
        }
        let withheld = core::mem::take(&mut self.withheld);
        self.withheld =
            if piece.ends_with(b"\r\n") { 2 } else { usize::from(piece.ends_with(b"\r")) };
        let (content, _) = piece.split_at_checked(piece.len() - self.withheld).unwrap_or_default();
        self.left = self.left.map(|left| left.wrapping_sub(withheld + content.len()));
        if self.value.is_skipped() && self.nested.is_none() {
            return Ok(());
        }
        for piece in [b"\r\n".get(..withheld).unwrap_or_default(), content] {
            let result = match &mut self.nested {
                Some(nested) => nested.feed(bundle, piece, findings),
                None => self.value.take(bundle, piece, findings),
            };
            if result.is_err() {
                self.nested = None;
            }
            self.note(result);
        }
        Ok(())
    }

    /// The headers of a part are whole.
    fn part(&mut self, bundle: Bundle<'_>, findings: &mut Findings) -> Result<(), Reason> {
        let headers = core::mem::take(&mut self.headers);
        let part = Part::read(&headers, self.mixed)?;
        if part.name.eq_ignore_ascii_case(b"_charset_") {
            return Err(Reason::MultipartCharset);
        }
        // `%22`, `%0D` or `%0A` stands for a character, as browsers write it and few servers read it.
        let mut name = Vec::new();
        decode(part.name, &mut name);
        let (mut target, mut result) = self.fields.target(bundle, &name);
        if self.mixed {
            self.kinds |= 1 << u8::from(part.http);
            if part.name.is_empty() {
                (target, result) = (Target::whole(self.start), Ok(()));
            }
        }
        if part.manner.file {
            target = target.of_file();
        }
        if self.fields.count() > limits::MULTIPART_PARTS {
            return Err(Reason::MultipartParts);
        }
        self.note(result);
        self.left = part.length.filter(|_| target.is_wanted());
        if self.mixed && part.http {
            self.nested = Some(self.open_part.ok_or(Reason::MultipartNested)?());
        } else {
            let result = self.value.begin(bundle, target, self.start, part.manner, findings);
            self.note(result);
        }
        if target.is_wanted() && name != part.name {
            self.note(Err(Reason::AmbiguousKey));
        }
        if target.is_wanted() || !part.manner.file {
            self.note(part.trouble.map_or(Ok(()), Err));
        }
        self.headers = headers;
        self.headers.clear();
        Ok(())
    }
}

/// For each length of a front of the delimiter, the longest shorter front that it ends with (Knuth, Morris and Pratt).
fn fallback(delimiter: &[u8]) -> [u8; DELIMITER_BYTES] {
    let mut table = [0u8; DELIMITER_BYTES];
    let mut still = 0u8;
    for (at, byte) in delimiter.iter().enumerate().skip(1) {
        while still > 0 && delimiter.get(usize::from(still)) != Some(byte) {
            still = table.get(usize::from(still) - 1).copied().unwrap_or(0);
        }
        if delimiter.get(usize::from(still)) == Some(byte) {
            still += 1;
        }
        if let Some(location) = table.get_mut(at) {
            *location = still;
        }
    }
    table
}

#[cfg(all(test, feature = "author"))]
mod tests;
