//! The headers of one part of a multipart body.

use alloc::boxed::Box;

use super::field::Manner;
use crate::bundle::view::Bundle;
use crate::compact::split::{ends_folded, starts_folded};
use crate::http::content_type::charset_of;
use crate::limits;
use crate::mention::bytes;
use crate::mention::findings::Findings;
use crate::reason::Reason;

/// Reads the content of a part that is a whole request.
pub(crate) trait PartReader {
    /// Reads on.
    ///
    /// # Errors
    ///
    /// A head that is none, or that servers read differently.
    fn feed(&mut self, bundle: Bundle<'_>, bytes: &[u8], findings: &Findings) -> Result<(), Reason>;

    /// The request ends here.
    ///
    /// # Errors
    ///
    /// What keeps it from being read with certainty.
    fn finish(self: Box<Self>, bundle: Bundle<'_>, findings: &mut Findings) -> Result<(), Reason>;
}

/// Begins to read such a part. A body that is itself inside a part has none: requests do not nest twice.
pub(crate) type OpenPart = fn() -> Box<dyn PartReader>;

/// What the headers of a part say.
pub(crate) struct Part<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) manner: Manner,
    /// It is a whole request.
    pub(crate) http: bool,
    /// Bytes of its content, by its own word.
    pub(crate) length: Option<usize>,
    /// It matters if the part is wanted, or is no file.
    pub(crate) trouble: Option<Reason>,
}

impl<'a> Part<'a> {
    pub(crate) fn read(headers: &'a [u8], mixed: bool) -> Result<Self, Reason> {
        let bad = Reason::MultipartHeader;
        let (mut name, mut seen_type) = (None, false);
        let mut part = Part { name: &[], manner: Manner::PLAIN, http: false, length: None, trouble: None };
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
        let (media, rest) =
            value.split_at_checked(value.iter().position(|&b| b == b';').unwrap_or(value.len())).unwrap_or_default();
        let media = media.trim_ascii();
        if starts_folded(media, b"multipart/") || starts_folded(media, b"message/") {
            return Err(Reason::MultipartNested);
        }
        self.http = media.eq_ignore_ascii_case(b"application/http");
        self.manner.json = media.eq_ignore_ascii_case(b"application/json") || ends_folded(media, b"+json");
        let mut parameters = Parameters { rest };
        while let Some(parameter) = parameters.next().ok_or(Reason::MultipartHeader)? {
            if starts_folded(parameter.name, b"charset") && !(parameter.is(b"charset") && charset_of(parameter.value).is_some()) {
                self.trouble = Some(Reason::MultipartCharset);
            }
        }
        Ok(())
    }
}

/// `; name=value; name="value"`
pub(crate) struct Parameters<'a> {
    rest: &'a [u8],
}

impl<'a> Parameters<'a> {
    /// `Some(None)` at the end, `None` for what no two parsers need read alike.
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
            // Escaped or not, that is the question on which parsers part.
            if value.ends_with(b"\\") {
                return None;
            }
            (value, rest.get(1..)?)
        } else {
            rest.split_at_checked(
                rest.iter().position(|&b| matches!(b, b';' | b' ' | b'\t' | b'"' | b',')).unwrap_or(rest.len()),
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

/// The field's name; whether it has a file name is noted. Outside a form it may be an attachment without a name, but one that has a name is a
/// field to some parsers.
pub(crate) fn disposition<'a>(value: &'a [u8], mixed: bool, file: &mut bool) -> Result<&'a [u8], Reason> {
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
            // An escape, an encoded word and a single quote are each undone by some parsers.
            let odd = parameter.value.contains(&b'\\') || parameter.value.starts_with(b"=?") || parameter.value.starts_with(b"'");
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

/// The boundary that a content type names, and whether its parts need no name.
pub(crate) fn boundary(content_type: &str) -> Result<(&[u8], bool), Reason> {
    let end = content_type.bytes().position(|byte| byte == b';').unwrap_or(content_type.len());
    let (media, rest) = content_type.split_at_checked(end).unwrap_or_default();
    let media = media.trim_ascii().as_bytes();
    // Which types come here, `content` tells.
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
    // `bchars` of RFC 2046 section 5.1.1, without the blank and the quote that parsers strip.
    let fits = boundary.iter().all(|&b| b.is_ascii_alphanumeric() || b"()+_,-./:=?".contains(&b));
    if boundary.is_empty() || boundary.len() > limits::MULTIPART_BOUNDARY_BYTES || !fits {
        return Err(Reason::MultipartBoundary);
    }
    Ok((boundary, mixed))
}

/// Takes a header off the front, name and value; `None` if servers read it differently. A blank ahead of the name is a folded line, one behind
/// it a header to some alone. Blanks around the value are SP and HTAB (RFC 9110, section 5.5): to some servers a bare LF ends the line.
pub(crate) fn header_line<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (line, tail) = rest.split_at_checked(bytes::find(b'\r', rest)?)?;
    *rest = tail.strip_prefix(b"\r\n")?;
    let (name, value) = line.split_at_checked(line.iter().position(|&b| b == b':')?)?;
    let value = value.get(1..)?;
    let fits =
        !name.is_empty() && name.iter().all(|&b| is_token(b)) && !value.iter().any(|&b| b < 0x20 && b != b'\t' || b == 0x7f);
    // SP and HTAB are all that is left of what this takes off.
    fits.then_some((name, value.trim_ascii()))
}

/// `tchar` of RFC 9110, section 5.6.2.
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A length in decimal digits; `u32::MAX`: it is none.
pub(crate) fn digits(text: &[u8]) -> u32 {
    let mut length = 0u32;
    for byte in text {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        length = if digit < 10 { length.saturating_mul(10).saturating_add(digit) } else { u32::MAX };
    }
    length
}
