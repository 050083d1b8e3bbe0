//! Reads from a checked bundle. Everything is borrowed from its bytes.
//!
//! [`Bundle::read`] has checked that every index in the bundle is within its section. A lookup can
//! return `None` only if that check has a bug; a decision then ends in a refusal.

use alloc::boxed::Box;
use core::marker::PhantomData;

use super::layout as l;
use super::layout::{Record, Span, Str, column};

/// Section ids are below this, so that sections can be stored by id.
const SECTIONS: usize = 48;

/// The byte range of each section of a bundle. [`Bundle::read`] fills it and borrows it, so that a
/// [`Bundle`] is only a few words.
#[derive(Clone, Copy, Debug)]
pub struct Sections {
    pub(crate) ranges: [(u32, u32); SECTIONS],
}

impl Default for Sections {
    fn default() -> Self {
        Self { ranges: [(0, 0); SECTIONS] }
    }
}

/// A checked bundle, borrowed from its bytes.
#[derive(Clone, Copy)]
pub struct Bundle<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) strings: &'a str,
    pub(crate) sections: &'a Sections,
}

/// A checked bundle with its bytes.
///
/// It stores its texts apart from its other bytes, so that they are checked for UTF-8 once and not
/// in every view.
pub struct OwnedBundle {
    pub(crate) bytes: Box<[u8]>,
    pub(crate) strings: Box<str>,
    pub(crate) sections: Sections,
}

impl OwnedBundle {
    /// Borrows the bundle.
    #[must_use]
    #[inline]
    pub fn view(&self) -> Bundle<'_> {
        Bundle { bytes: &self.bytes, strings: &self.strings, sections: &self.sections }
    }

    /// Returns the bundle's bytes, unchanged.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A section as an array of records.
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

    /// Returns the records of a span; an empty table if the span is not within the section.
    #[inline]
    pub(crate) fn span(self, span: Span) -> Self {
        Self::new(cut(self.bytes, span, R::SIZE))
    }

    #[inline]
    pub(crate) fn iter(self) -> Records<'a, R> {
        Records(self)
    }

    /// Returns the bytes of the records.
    #[inline]
    pub(crate) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Finds a record by binary search. The section must be sorted by the key that `order`
    /// compares.
    #[inline]
    pub(crate) fn search(
        self,
        mut order: impl FnMut(&R) -> core::cmp::Ordering,
    ) -> Option<(u32, R)> {
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

/// Returns the bytes of a span's records. One function serves records of every size.
#[inline]
fn cut(bytes: &[u8], span: Span, size: usize) -> &[u8] {
    let start = (span.at as usize).saturating_mul(size);
    let end = start.saturating_add((span.len as usize).saturating_mul(size));
    bytes.get(start..end).unwrap_or_default()
}

/// Iterates over the records of a table. Written by hand, since adapters over chunks compile to
/// more bytes.
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
    /// Returns the policy's id as its author wrote it: `mythos-suspension`.
    #[must_use]
    pub fn policy_id(self) -> &'a str {
        self.text(self.id_place())
    }

    /// Returns the policy's version, a number that only grows.
    #[must_use]
    pub fn policy_version(self) -> u64 {
        field(self.bytes, l::AT_VERSION).unwrap_or(0)
    }

    /// Returns when the policy becomes stale, in milliseconds since the Unix epoch; `i64::MAX`:
    /// never.
    #[must_use]
    pub fn expires(self) -> i64 {
        field(self.bytes, l::AT_EXPIRES).unwrap_or(i64::MIN)
    }

    /// Returns the digest that identifies this bundle in records and heads: SHA-256 of the bytes
    /// from the policy version up to the signature block.
    #[must_use]
    pub fn digest(self) -> [u8; 32] {
        field(self.bytes, l::AT_DIGEST).unwrap_or([0; 32])
    }

    /// Returns the header's flags.
    #[inline]
    pub(crate) fn flags(self) -> u32 {
        field(self.bytes, l::AT_FLAGS).unwrap_or(l::flags::UNLISTED)
    }

    pub(crate) fn id_place(self) -> Str {
        field(self.bytes, l::AT_POLICY_ID).unwrap_or(Str { at: u32::MAX, len: 0 })
    }

    /// Returns the offset of a section in the file.
    pub(crate) fn offset(self, section: u16) -> usize {
        self.sections.ranges.get(usize::from(section)).map_or(0, |range| range.0 as usize)
    }

    /// Returns a text, or `None` if it is not within the texts or splits a character.
    pub(crate) fn checked_text(self, text: Str) -> Option<&'a str> {
        self.strings.get(text.at as usize..(text.at as usize).checked_add(text.len as usize)?)
    }

    /// Returns a section as an array of records.
    #[inline]
    pub(crate) fn table<R: Record + 'a>(self, section: u16) -> Table<'a, R> {
        Table::new(self.section(section))
    }

    /// Returns a section's bytes; empty if the bundle has no section of that id.
    #[inline]
    pub(crate) fn section(self, section: u16) -> &'a [u8] {
        let Some(&(at, len)) = self.sections.ranges.get(usize::from(section)) else { return &[] };
        self.bytes.get(at as usize..(at as usize).saturating_add(len as usize)).unwrap_or_default()
    }

    /// Returns a text of the bundle.
    #[inline]
    pub(crate) fn text(self, text: Str) -> &'a str {
        self.strings
            .get(text.at as usize..(text.at as usize).saturating_add(text.len as usize))
            .unwrap_or_default()
    }

    /// Returns the `META` record.
    #[inline]
    pub(crate) fn meta(self) -> Option<l::Meta> {
        self.table(l::section::META).get(0)
    }
}

pub(crate) fn field<R: Record>(bytes: &[u8], at: usize) -> Option<R> {
    R::read(bytes.get(at..)?)
}

/// Returns the records at a byte offset of `KEYS`. `len` counts records.
pub(crate) fn keyed<'a, R: Record + 'a>(keys: &'a [u8], span: Span) -> Option<Table<'a, R>> {
    let at = span.at as usize;
    keys.get(at..at.checked_add((span.len as usize).checked_mul(R::SIZE)?)?).map(Table::new)
}

/// Returns the rows of the `when` region that belong to a restriction alone.
pub(crate) fn slot_of(rule: &l::Restriction) -> Span {
    let len = if is_wide(rule) {
        rule.when.len.div_ceil(64).saturating_mul(64)
    } else {
        rule.when.len.max(rule.unless.len).max(1)
    };
    Span { at: rule.when.at, len }
}

/// Returns whether a restriction has more rows than a word has bits.
pub(crate) fn is_wide(rule: &l::Restriction) -> bool {
    rule.when.len > 64 || rule.unless.len > 64
}

/// Returns the number of records in `CLASSES` of a column with this many keys, including the
/// don't-care vector.
pub(crate) fn class_count(kind: u8, keys: u32) -> Option<u32> {
    Some(
        1 + match kind {
            column::TEXT | column::PLACE => keys.checked_add(2)?,
            column::ORDER => keys.checked_mul(2)?.checked_add(2)?,
            column::VERSUS_NOW => (keys == 0).then_some(4)?,
            column::BOOL | column::LISTED | column::NETWORK | column::PROGRAM => {
                (keys == 0).then_some(3)?
            }
            _ => return None,
        },
    )
}
