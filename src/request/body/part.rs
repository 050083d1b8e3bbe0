//! Reads the headers of one part of a multipart body.

use alloc::boxed::Box;

use super::field::Manner;
use crate::bundle::view::Bundle;
use crate::compact::split::{ends_folded, starts_folded};
use crate::http::content_type::charset_of;
use crate::limits;
use crate::mention::findings::Findings;
use crate::reason::Reason;
use portcullis_scan::bytes;

/// Reads the content of a part that is a whole request.
pub(crate) trait PartReader {
    /// Reads a chunk.
    ///
    /// # Errors
    ///
    /// The head is malformed, or servers read it differently.
    fn feed(&mut self, bundle: Bundle<'_>, bytes: &[u8], findings: &Findings)
    -> Result<(), Reason>;

    /// Ends the request.
    ///
    /// # Errors
    ///
    /// The reason why the request cannot be read with certainty.
    fn finish(self: Box<Self>, bundle: Bundle<'_>, findings: &mut Findings) -> Result<(), Reason>;
}

/// Begins to read a part that is a request. A body inside a part gets no such function, because
/// batches do not nest.
pub(crate) type OpenPart = fn() -> Box<dyn PartReader>;

/// The headers of a part.
pub(crate) struct Part<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) manner: Manner,
    /// It is a whole request.
    pub(crate) http: bool,
    /// The length of its content in bytes, as declared.
    pub(crate) length: Option<usize>,
    /// Counts only if the part is wanted or is not a file.
    pub(crate) trouble: Option<Reason>,
}

impl<'a> Part<'a> {
    pub(crate) fn read(headers: &'a [u8], mixed: bool) -> Result<Self, Reason> {
        let bad = Reason::MultipartHeader;
        let (mut name, mut seen_type) = (None, false);
        let mut part =
            Part { name: &[], manner: Manner::PLAIN, http: false, length: None, trouble: None };
        let mut rest = headers.strip_suffix(b"\r\n").unwrap_or_default();
        while !rest.is_empty() {
            let (header, value) = header_line(&mut rest).ok_or(bad)?;
            if header.eq_ignore_ascii_case(b"content-disposition") {
                if name.is_some() {
                    return Err(bad);
                }
                name = Some(disposition(value, mixed, &mut part.manner.file)?);
            } else if header.eq_ignore_ascii_case(b"content-type") {
                if seen_type {
                    return Err(bad);
                }
                seen_type = true;
                part.content_type(value)?;
            } else if header.eq_ignore_ascii_case(b"content-length") {
                if part.length.is_some() {
                    return Err(bad);
                }
                part.length = Some(digits(value) as usize);
            } else if header.eq_ignore_ascii_case(b"content-transfer-encoding")
                && !(ends_folded(value, b"bit") || value.eq_ignore_ascii_case(b"binary"))
            {
                part.trouble = Some(Reason::MultipartEncoding);
            }
        }
        part.name = if mixed { name.unwrap_or_default() } else { name.ok_or(bad)? };
        Ok(part)
    }

    fn content_type(&mut self, value: &'a [u8]) -> Result<(), Reason> {
        let (media, rest) = value
            .split_at_checked(value.iter().position(|&b| b == b';').unwrap_or(value.len()))
            .unwrap_or_default();
        let media = media.trim_ascii();
        if starts_folded(media, b"multipart/") || starts_folded(media, b"message/") {
            return Err(Reason::MultipartNested);
        }
        self.http = media.eq_ignore_ascii_case(b"application/http");
        self.manner.json =
            media.eq_ignore_ascii_case(b"application/json") || ends_folded(media, b"+json");
        let mut parameters = Parameters { rest };
        while let Some(parameter) = parameters.next().ok_or(Reason::MultipartHeader)? {
            if starts_folded(parameter.name, b"charset")
                && !(parameter.is(b"charset") && charset_of(parameter.value).is_some())
            {
                self.trouble = Some(Reason::MultipartCharset);
            }
        }
        Ok(())
    }
}

/// Parameters of a header: `; name=value; name="value"`.
pub(crate) struct Parameters<'a> {
    rest: &'a [u8],
}

impl<'a> Parameters<'a> {
    /// Returns the next parameter, `Some(None)` at the end, and `None` if parsers may read the rest
    /// differently.
    fn next(&mut self) -> Option<Option<Parameter<'a>>> {
        let rest = self.rest.trim_ascii_start();
        let Some(rest) = rest.strip_prefix(b";") else { return rest.is_empty().then_some(None) };
        let rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Some(None);
        }
        let (name, rest) = rest.split_at_checked(rest.iter().position(|&b| !is_token(b))?)?;
        let rest = rest.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
        let (value, rest) = if let Some(quoted) = rest.strip_prefix(b"\"") {
            let (value, rest) = quoted.split_at_checked(quoted.iter().position(|&b| b == b'"')?)?;
            // Parsers disagree on whether this quote is escaped.
            if value.ends_with(b"\\") {
                return None;
            }
            (value, rest.get(1..)?)
        } else {
            rest.split_at_checked(
                rest.iter()
                    .position(|&b| matches!(b, b';' | b' ' | b'\t' | b'"' | b','))
                    .unwrap_or(rest.len()),
            )?
        };
        self.rest = rest;
        (!name.is_empty()).then_some(Some(Parameter { name, value }))
    }
}

pub(crate) struct Parameter<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

impl Parameter<'_> {
    fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// Returns the field's name and sets `file` if the part has a file name. Outside a form the part
/// may be an attachment without a name. If it has a name, some parsers take it for a field.
pub(crate) fn disposition<'a>(
    value: &'a [u8],
    mixed: bool,
    file: &mut bool,
) -> Result<&'a [u8], Reason> {
    let bad = Reason::MultipartHeader;
    let end = value.iter().position(|&b| b == b';').unwrap_or(value.len());
    let (kind, rest) = value.split_at_checked(end).ok_or(bad)?;
    if !mixed && !kind.trim_ascii().eq_ignore_ascii_case(b"form-data") {
        return Err(bad);
    }
    let mut name = None;
    let mut parameters = Parameters { rest };
    while let Some(parameter) = parameters.next().ok_or(bad)? {
        if parameter.is(b"name") {
            // Some parsers decode an escape, an encoded word or single quotes.
            let odd = parameter.value.contains(&b'\\')
                || parameter.value.starts_with(b"=?")
                || parameter.value.starts_with(b"'");
            if name.is_some() || odd {
                return Err(bad);
            }
            name = Some(parameter.value);
        } else if starts_folded(parameter.name, b"name") {
            return Err(bad);
        } else if starts_folded(parameter.name, b"filename") {
            *file = true;
        }
    }
    if mixed { Ok(name.unwrap_or_default()) } else { name.ok_or(bad) }
}

/// Returns the boundary that a content type declares, and whether the parts need no name.
pub(crate) fn boundary(content_type: &str) -> Result<(&[u8], bool), Reason> {
    let end = content_type.bytes().position(|byte| byte == b';').unwrap_or(content_type.len());
    let (media, rest) = content_type.split_at_checked(end).unwrap_or_default();
    let media = media.trim_ascii().as_bytes();
    // `http/content_type.rs` admits form-data, mixed and related only.
    let mixed = !media.eq_ignore_ascii_case(b"multipart/form-data");
    let mut found = None;
    let mut parameters = Parameters { rest: rest.as_bytes() };
    while let Some(parameter) = parameters.next().ok_or(Reason::MultipartBoundary)? {
        if parameter.is(b"boundary") {
            if found.is_some() {
                return Err(Reason::MultipartBoundary);
            }
            found = Some(parameter.value);
        } else if starts_folded(parameter.name, b"boundary") {
            // `boundary*` and `boundary*0` of RFC 2231.
            return Err(Reason::MultipartBoundary);
        } else if parameter.is(b"charset") && charset_of(parameter.value).is_none() {
            return Err(Reason::MultipartCharset);
        }
    }
    let boundary = found.ok_or(Reason::MultipartBoundary)?;
    // `bchars` of RFC 2046 section 5.1.1, without the blank and the quote, which parsers strip.
    let fits = boundary.iter().all(|&b| b.is_ascii_alphanumeric() || b"()+_,-./:=?".contains(&b));
    if boundary.is_empty() || boundary.len() > limits::MULTIPART_BOUNDARY_BYTES || !fits {
        return Err(Reason::MultipartBoundary);
    }
    Ok((boundary, mixed))
}

/// Removes a header line from the front and returns its name and value, or `None` if servers read
/// the line differently. A blank before the name makes it a folded line. A name with a blank after
/// it is a header to some servers only. Blanks around the value are SP and HTAB (RFC 9110, section
/// 5.5): some servers end the line at a bare LF.
pub(crate) fn header_line<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (line, tail) = rest.split_at_checked(bytes::find(b'\r', rest)?)?;
    *rest = tail.strip_prefix(b"\r\n")?;
    let (name, value) = line.split_at_checked(line.iter().position(|&b| b == b':')?)?;
    let value = value.get(1..)?;
    let fits = !name.is_empty()
        && name.iter().all(|&b| is_token(b))
        && !value.iter().any(|&b| b < 0x20 && b != b'\t' || b == 0x7f);
    // SP and HTAB are all that is left of what this takes off.
    fits.then_some((name, value.trim_ascii()))
}

/// Returns whether the byte is a `tchar` of RFC 9110, section 5.6.2.
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Returns a length in decimal digits, or `u32::MAX` if the text is not a length.
pub(crate) fn digits(text: &[u8]) -> u32 {
    let mut length = 0u32;
    for byte in text {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        length =
            if digit < 10 { length.saturating_mul(10).saturating_add(digit) } else { u32::MAX };
    }
    length
}
