//! Reads a bundle: checks everything once, in time linear in the size, borrows and copies nothing.
//!
//! After [`Bundle::read`] every index in the bundle is known to lie within its section, so the deciding code only ever sees
//! `None` from a look-up if this file is wrong; it then refuses.

use alloc::boxed::Box;
use core::marker::PhantomData;

use sha2::Digest as _;

use super::check::check;
use super::layout::{self as l, Record, Span, Str};
use super::signature;
use crate::limits;

/// Why bytes are not a bundle that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BundleError {
    /// Fewer bytes than the header says, or than a header takes: a truncated transfer.
    Truncated {
        /// Bytes that the header announces, or that a header takes.
        expected: usize,
        /// Bytes there are.
        found: usize,
    },
    /// More bytes than the header says.
    TrailingBytes {
        /// Bytes that the header announces.
        expected: usize,
        /// Bytes there are.
        found: usize,
    },
    /// Larger than [`limits::BUNDLE_BYTES`](crate::limits::BUNDLE_BYTES).
    TooLarge {
        /// The bound, in bytes.
        limit: usize,
        /// Bytes there are.
        found: usize,
    },
    /// The first bytes are not those of a bundle.
    ForeignFile,
    /// Written for another version of the layout.
    Format {
        /// The version this reader takes.
        expected: u16,
        /// The version found.
        found: u16,
    },
    /// The digest does not match the bytes: something was changed after the bundle was written.
    Digest,
    /// The digest matches, and yet a part contradicts the layout: written by something else than `compile`.
    Malformed {
        /// The section's number in the layout; 0 is the header.
        section: u16,
        /// Byte offset in the file.
        at: usize,
    },
}

impl BundleError {
    /// The stable code, the same in Rust, JavaScript, logs and docs: `bundle_truncated`, ...
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Truncated { .. } => "bundle_truncated",
            Self::TrailingBytes { .. } => "bundle_trailing_bytes",
            Self::TooLarge { .. } => "bundle_too_large",
            Self::ForeignFile => "bundle_foreign_file",
            Self::Format { .. } => "bundle_format",
            Self::Digest => "bundle_digest",
            Self::Malformed { .. } => "bundle_malformed",
        }
    }
}

impl core::fmt::Display for BundleError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Truncated { expected, found } => write!(f, "truncated: {found} bytes of {expected}; transfer it again"),
            Self::TrailingBytes { expected, found } => {
                write!(f, "{found} bytes where the header says {expected}; transfer it again")
            }
            Self::TooLarge { limit, found } => write!(f, "{found} bytes, more than the {limit} that are read"),
            Self::ForeignFile => write!(f, "not a bundle; `portcullis compile` writes one"),
            Self::Format { expected, found } => {
                write!(f, "written in format {found}, this reads {expected}; compile it with the same release")
            }
            Self::Digest => write!(f, "changed after it was written: its digest does not match; transfer or compile it again"),
            Self::Malformed { section, at } => {
                write!(f, "section {section} contradicts the layout at byte {at}; it was not written by `portcullis compile`")
            }
        }
    }
}

impl core::error::Error for BundleError {}

/// Sections with ids below this are kept by number.
const SECTIONS: usize = 48;

/// Where each section of a bundle lies: the room that [`Bundle::read`] fills and then borrows, so that a [`Bundle`] is a few words.
#[derive(Clone, Copy, Debug)]
pub struct Sections {
    ranges: [(u32, u32); SECTIONS],
}

impl Default for Sections {
    fn default() -> Self {
        Self { ranges: [(0, 0); SECTIONS] }
    }
}

/// A checked bundle, borrowed from its bytes.
#[derive(Clone, Copy)]
pub struct Bundle<'a> {
    bytes: &'a [u8],
    strings: &'a str,
    sections: &'a Sections,
}

/// A checked bundle with its bytes.
///
/// It keeps its texts apart from its other bytes, so that they are checked to be UTF-8 once and not at each view.
pub struct OwnedBundle {
    bytes: Box<[u8]>,
    strings: Box<str>,
    sections: Sections,
}

impl OwnedBundle {
    /// Checks a bundle and keeps it.
    ///
    /// # Errors
    ///
    /// As [`Bundle::read`].
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Result<Self, BundleError> {
        let bytes = bytes.into();
        let mut sections = Sections::default();
        let strings = Box::from(Bundle::read(&bytes, &mut sections)?.strings);
        Ok(Self { bytes, strings, sections })
    }

    /// The bundle, borrowed.
    #[must_use]
    #[inline]
    pub fn view(&self) -> Bundle<'_> {
        Bundle { bytes: &self.bytes, strings: &self.strings, sections: &self.sections }
    }

    /// The bytes as they came.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A section seen as an array of records.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a, R> {
    bytes: &'a [u8],
    record: PhantomData<R>,
}

impl<'a, R: Record + 'a> Table<'a, R> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, record: PhantomData }
    }

    #[inline]
    pub(crate) fn len(self) -> usize {
        self.bytes.len() / R::SIZE
    }

    #[inline]
    pub(crate) fn get(self, index: u32) -> Option<R> {
        let at = (index as usize).checked_mul(R::SIZE)?;
        R::read(self.bytes.get(at..at.checked_add(R::SIZE)?)?)
    }

    /// The records of a span; empty if it does not lie within the section.
    #[inline]
    pub(crate) fn span(self, span: Span) -> Self {
        Self::new(cut(self.bytes, span, R::SIZE))
    }

    #[inline]
    pub(crate) fn iter(self) -> Records<'a, R> {
        Records(self)
    }

    /// The bytes of the records.
    #[inline]
    pub(crate) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Finds a record by a key that the section is sorted by.
    #[inline]
    pub(crate) fn search(self, mut order: impl FnMut(&R) -> core::cmp::Ordering) -> Option<(u32, R)> {
        let (mut low, mut high) = (0u32, u32::try_from(self.len()).ok()?);
        while low < high {
            let middle = low + (high - low) / 2;
            let record = self.get(middle)?;
            match order(&record) {
                core::cmp::Ordering::Less => low = middle + 1,
                core::cmp::Ordering::Greater => high = middle,
                core::cmp::Ordering::Equal => return Some((middle, record)),
            }
        }
        None
    }
}

/// The bytes of a span's records; one function for records of every size.
#[inline]
fn cut(bytes: &[u8], span: Span, size: usize) -> &[u8] {
    let start = (span.at as usize).saturating_mul(size);
    let end = start.saturating_add((span.len as usize).saturating_mul(size));
    bytes.get(start..end).unwrap_or_default()
}

/// The records of a table, one after the other; by hand, since adapters over chunks weigh more.
pub(crate) struct Records<'a, R>(Table<'a, R>);

impl<'a, R: Record + 'a> Iterator for Records<'a, R> {
    type Item = R;

    #[inline]
    fn next(&mut self) -> Option<R> {
        let (record, rest) = self.0.bytes.split_at_checked(R::SIZE)?;
        self.0.bytes = rest;
        R::read(record)
    }
}

impl<'a> Bundle<'a> {
    /// Checks bytes and borrows them as a bundle. The digest says that they are whole, not who wrote them: that is the signature's.
    ///
    /// Takes time linear in the size, and memory of at most 8 bytes a record.
    ///
    /// # Errors
    ///
    /// Says what kind of bytes these are instead: see [`BundleError`]. No bytes make it panic.
    pub fn read(bytes: &'a [u8], sections: &'a mut Sections) -> Result<Self, BundleError> {
        let found = bytes.len();
        if found > limits::BUNDLE_BYTES {
            return Err(BundleError::TooLarge { limit: limits::BUNDLE_BYTES, found });
        }
        let head = bytes.get(..l::MAGIC.len().min(found)).unwrap_or_default();
        if !l::MAGIC.starts_with(head) {
            return Err(BundleError::ForeignFile);
        }
        let (Some(format), Some(header)) = (field::<u16>(bytes, l::AT_FORMAT), bytes.get(..l::HEADER)) else {
            return Err(BundleError::Truncated { expected: l::HEADER, found });
        };
        if format != l::FORMAT {
            return Err(BundleError::Format { expected: l::FORMAT, found: format });
        }
        let expected = number(header, l::AT_TOTAL);
        match found.cmp(&expected) {
            core::cmp::Ordering::Less => return Err(BundleError::Truncated { expected, found }),
            core::cmp::Ordering::Greater => return Err(BundleError::TrailingBytes { expected, found }),
            core::cmp::Ordering::Equal => {}
        }
        let signed_to = number(header, l::AT_SIGNATURE);
        let digested = bytes.get(l::DIGEST_FROM..signed_to).ok_or(in_header(l::AT_SIGNATURE))?;
        if sha2::Sha256::digest(digested).as_slice() != bytes.get(l::AT_DIGEST..l::DIGEST_FROM).unwrap_or_default() {
            return Err(BundleError::Digest);
        }
        signature::shape(bytes, signed_to, number(header, l::AT_SIGNATURE + 4)).ok_or(in_header(signed_to))?;
        *sections = section_table(bytes, signed_to)?;
        let mut bundle = Bundle { bytes, strings: "", sections };
        bundle.strings = core::str::from_utf8(bundle.section(l::section::STRINGS)).map_err(|error| BundleError::Malformed {
            section: l::section::STRINGS,
            at: bundle.offset(l::section::STRINGS) + error.valid_up_to(),
        })?;
        let flags = bundle.flags();
        if flags & !(l::flags::UNLISTED | l::flags::LATE_BOUND_DENY) != 0
            || flags & l::flags::UNLISTED == l::flags::UNLISTED
            || number(header, l::AT_FLAGS + 4) != 0
            || bundle.checked_text(bundle.id_place()).is_none()
        {
            return Err(in_header(l::AT_FLAGS));
        }
        check(bundle)?;
        Ok(bundle)
    }

    /// The policy's id, as its author wrote it: `mythos-suspension`.
    #[must_use]
    pub fn policy_id(self) -> &'a str {
        self.text(self.id_place())
    }

    /// The policy's version, which only grows.
    #[must_use]
    pub fn policy_version(self) -> u64 {
        field(self.bytes, l::AT_VERSION).unwrap_or(0)
    }

    /// When the policy goes stale, in milliseconds since the epoch; `i64::MAX`: never.
    #[must_use]
    pub fn expires(self) -> i64 {
        field(self.bytes, l::AT_EXPIRES).unwrap_or(i64::MIN)
    }

    /// SHA-256 of the bundle's bytes behind the digest, up to the signatures: what names this bundle in records and heads.
    #[must_use]
    pub fn digest(self) -> [u8; 32] {
        field(self.bytes, l::AT_DIGEST).unwrap_or([0; 32])
    }

    /// The header's flags.
    #[inline]
    pub(crate) fn flags(self) -> u32 {
        field(self.bytes, l::AT_FLAGS).unwrap_or(l::flags::UNLISTED)
    }

    fn id_place(self) -> Str {
        field(self.bytes, l::AT_POLICY_ID).unwrap_or(Str { at: u32::MAX, len: 0 })
    }

    /// Where a section begins in the file.
    pub(super) fn offset(self, section: u16) -> usize {
        self.sections.ranges.get(usize::from(section)).map_or(0, |range| range.0 as usize)
    }

    /// A text, if it lies within the texts and between characters.
    pub(super) fn checked_text(self, text: Str) -> Option<&'a str> {
        self.strings.get(text.at as usize..(text.at as usize).checked_add(text.len as usize)?)
    }

    /// A section as an array of records.
    #[inline]
    pub(crate) fn table<R: Record + 'a>(self, section: u16) -> Table<'a, R> {
        Table::new(self.section(section))
    }

    /// A section's bytes; empty if the bundle has none of that id.
    #[inline]
    pub(crate) fn section(self, section: u16) -> &'a [u8] {
        let Some(&(at, len)) = self.sections.ranges.get(usize::from(section)) else { return &[] };
        self.bytes.get(at as usize..(at as usize).saturating_add(len as usize)).unwrap_or_default()
    }

    /// A text of the bundle.
    #[inline]
    pub(crate) fn text(self, text: Str) -> &'a str {
        self.strings.get(text.at as usize..(text.at as usize).saturating_add(text.len as usize)).unwrap_or_default()
    }

    /// The `META` record.
    #[inline]
    pub(crate) fn meta(self) -> Option<l::Meta> {
        self.table(l::section::META).get(0)
    }
}

/// A contradiction in the header.
fn in_header(at: usize) -> BundleError {
    BundleError::Malformed { section: 0, at }
}

fn field<R: Record>(bytes: &[u8], at: usize) -> Option<R> {
    R::read(bytes.get(at..)?)
}

fn number(header: &[u8], at: usize) -> usize {
    field::<u32>(header, at).unwrap_or(u32::MAX) as usize
}

/// Reads the section table. There is one way to place given sections, and every other is refused: ids ascend, each section begins at the
/// first multiple of 8 behind the one before, the bytes between are zero, the signatures follow the last.
fn section_table(bytes: &[u8], signed_to: usize) -> Result<Sections, BundleError> {
    let mut sections = Sections::default();
    let count = usize::from(field::<u16>(bytes, l::AT_COUNT).unwrap_or(0));
    let mut free_from = l::HEADER + count * l::SECTION_ROW;
    let mut last_id = 0;
    for index in 0..count {
        let at = l::HEADER + index * l::SECTION_ROW;
        let wrong = in_header(at);
        let row = bytes.get(..signed_to).and_then(|bytes| field::<[u8; l::SECTION_ROW]>(bytes, at)).ok_or(wrong)?;
        let id = field::<u16>(&row, 0).filter(|id| *id > last_id).ok_or(wrong)?;
        let (from, len) = (number(&row, 4), number(&row, 8));
        padding(bytes, free_from, from).ok_or(wrong)?;
        free_from = from.checked_add(len).filter(|end| *end <= signed_to).ok_or(wrong)?;
        let slot = sections.ranges.get_mut(usize::from(id)).filter(|_| row.get(2..4) == Some(&[0, 0])).ok_or(wrong)?;
        *slot = (field(&row, 4).ok_or(wrong)?, field(&row, 8).ok_or(wrong)?);
        last_id = id;
    }
    padding(bytes, free_from, signed_to).ok_or(in_header(l::AT_SIGNATURE))?;
    Ok(sections)
}

/// Whether `to` is the first multiple of 8 from `from` on, with nothing but zeros between.
fn padding(bytes: &[u8], from: usize, to: usize) -> Option<()> {
    (from.checked_next_multiple_of(8)? == to && bytes.get(from..to)?.iter().all(|byte| *byte == 0)).then_some(())
}

#[cfg(all(test, feature = "author"))]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
