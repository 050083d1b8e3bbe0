//! Reads a bundle: checks everything once, in time linear in the size, borrows and copies nothing.
//!
//! After [`Bundle::read`] every index in the bundle is known to lie within its section, so the deciding code only ever sees
//! `None` from a look-up if this file is wrong; it then refuses.

use core::marker::PhantomData;

use super::layout::{self as l, Record, Span, Str};

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

/// Sections with ids below this are kept by number.
pub(super) const SECTIONS: usize = 48;

/// Where each section lies.
#[derive(Clone, Copy)]
pub(super) struct Sections {
    pub(super) ranges: [(u32, u32); SECTIONS],
}

/// A checked bundle, borrowed from its bytes.
#[derive(Clone, Copy)]
pub struct Bundle<'a> {
    bytes: &'a [u8],
    strings: &'a str,
    sections: &'a Sections,
}

/// A checked bundle with its bytes.
pub struct OwnedBundle {
    bytes: Box<[u8]>,
    sections: Sections,
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
        let start = (span.at as usize).saturating_mul(R::SIZE);
        let end = start.saturating_add((span.len as usize).saturating_mul(R::SIZE));
        Self::new(self.bytes.get(start..end).unwrap_or_default())
    }

    #[inline]
    pub(crate) fn iter(self) -> impl Iterator<Item = R> + 'a {
        self.bytes.chunks_exact(R::SIZE).filter_map(R::read)
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

impl<'a> Bundle<'a> {
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
