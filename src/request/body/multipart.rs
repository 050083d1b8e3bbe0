//! Reads a body of type `multipart/form-data` (RFC 7578), as strictly as clients write it. Also
//! reads `multipart/mixed` and `multipart/related`, whose parts are documents, media or whole
//! requests (see [`batch`](crate::request::batch)).
//!
//! ```text
//! --boundary CRLF headers CRLF CRLF data CRLF --boundary CRLF ... CRLF --boundary-- [CRLF [CRLF]]
//! ^^^^^^^^^^ searched for everywhere. Where it does not follow CRLF, or is not followed by CRLF or
//!            `--`, some parsers would see a delimiter and others would not
//! ```
//!
//! Input: the content type, then chunks, divided anywhere, and the operation's start state, below
//! which field names are keys. Output: texts into [`Findings`]. Files are skipped unless lines or
//! JSON are wanted from them. The reader holds one header block and the number of delimiter bytes
//! matched so far.
//!
//! A problem with a wanted field is returned at the end, a problem with the form at once.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::field::{Fields, Target, Value};
use super::part::{OpenPart, PartReader};
use super::part::{Part, boundary};
use crate::bundle::view::Bundle;
use crate::http::target::decode;
use crate::limits;
use crate::mention::findings::Findings;
use crate::reason::Reason;
use portcullis_scan::bytes;

/// `--` and the longest boundary.
const DELIMITER_BYTES: usize = limits::MULTIPART_BOUNDARY_BYTES + 2;

/// What the next bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Nothing, or one CRLF, before the first delimiter.
    Preamble,
    /// The content of a part.
    Data,
    /// The two bytes after a delimiter.
    Delimiter,
    /// The headers of a part.
    Headers,
    /// At most two CRLF after the last delimiter. One of them may belong to the epilogue.
    Epilogue,
}

/// Reads one multipart body.
pub(crate) struct Multipart {
    start: u32,
    mode: Mode,
    /// `delimiter` is `--boundary`. `fallback[n - 1]` is the number of bytes still matched if the
    /// byte after `n` matched ones differs.
    delimiter: [u8; DELIMITER_BYTES],
    fallback: [u8; DELIMITER_BYTES],
    length: usize,
    matched: usize,
    /// Bytes of CRLF at the end of the data. They belong to the delimiter if one follows.
    withheld: usize,
    headers: Vec<u8>,
    fields: Fields,
    value: Value,
    /// The parts need no name.
    mixed: bool,
    /// The reader of a part that is a request.
    nested: Option<Box<dyn PartReader>>,
    open_part: Option<OpenPart>,
    /// If the part is wanted and declares its length: the bytes still to come by that length.
    left: Option<usize>,
    /// If parts need no name, which kinds have occurred. Bit 0: a document, a field or media. Bit
    /// 1: a request.
    kinds: u8,
    doubt: Option<Reason>,
}

impl Multipart {
    /// Creates a reader whose field names are keys below this state of the automaton.
    ///
    /// # Errors
    ///
    /// The content type lacks a boundary, or parsers read the boundary differently.
    #[inline(never)] // large, and called from many places
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
            // The first delimiter needs no line end before it.
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

    /// Reads a chunk.
    ///
    /// # Errors
    ///
    /// The body is not a multipart body. The error is returned at the byte that shows it. The
    /// reader cannot be used after an error.
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

    /// Ends the body.
    ///
    /// # Errors
    ///
    /// The body is incomplete, or parsers read it differently.
    pub(crate) fn finish(&mut self, _: Bundle<'_>, findings: &mut Findings) -> Result<(), Reason> {
        if self.mode != Mode::Epilogue {
            return Err(Reason::MultipartTruncated);
        }
        let result = self.value.finish(findings);
        self.note(result);
        if self.kinds == 3 {
            // A server that unpacks a batch may ignore the types that its parts declare.
            self.note(Err(Reason::MultipartHeader));
        }
        self.doubt.map_or(Ok(()), Err)
    }

    fn note(&mut self, result: Result<(), Reason>) {
        self.doubt = self.doubt.or(result.err());
    }

    /// Reads one byte while part of a delimiter is matched. Returns false if the byte must be read
    /// again.
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
            // The bytes that were matched equal the front of the delimiter, so they are taken from
            // there.
            let delimiter = self.delimiter;
            self.data(bundle, delimiter.get(..given_up).unwrap_or_default(), findings)?;
            if still == 0 {
                return Ok(false);
            }
        }
        self.matched += 1;
        if self.matched == self.length {
            // The preamble is empty or one whole line end.
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
                    // Some servers end the part where its declared length ends.
                    self.note(Err(Reason::MultipartHeader));
                }
            }
            self.matched = 0;
            self.headers.clear();
            self.mode = Mode::Delimiter;
        }
        Ok(true)
    }

    /// Reads content of a part. A CRLF at its end is withheld, because it may belong to the
    /// delimiter.
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
            // Some parsers skip the preamble, others read it. Only the line end that a few clients
            // send is accepted.
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

    /// Ends the headers of a part.
    fn part(&mut self, bundle: Bundle<'_>, findings: &mut Findings) -> Result<(), Reason> {
        let headers = core::mem::take(&mut self.headers);
        let part = Part::read(&headers, self.mixed)?;
        if part.name.eq_ignore_ascii_case(b"_charset_") {
            return Err(Reason::MultipartCharset);
        }
        // Browsers write `%22`, `%0D` and `%0A` for a quote, CR and LF. Few servers decode them.
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

/// Returns the failure table of Knuth, Morris and Pratt: for each front of the delimiter, the
/// length of the longest shorter front with which it ends.
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
