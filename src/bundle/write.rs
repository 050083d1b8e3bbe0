//! Writes a bundle. The same input gives the same bytes on every platform.

use std::collections::{BTreeMap, HashMap};

use sha2::Digest as _;

use super::layout as l;
use super::layout::{Record, Span, Str};
use super::signature;

/// Fields of a bundle's header, besides sizes and digest.
pub(crate) struct Header<'a> {
    pub(crate) policy_id: &'a str,
    pub(crate) version: u64,
    /// Milliseconds since the Unix epoch; `i64::MAX`: never.
    pub(crate) expires: i64,
    /// See [`l::flags`].
    pub(crate) flags: u32,
}

/// Collects sections and texts, then writes them in the layout's order.
#[derive(Clone, Default)]
pub(crate) struct Writer {
    sections: BTreeMap<u16, Vec<u8>>,
    strings: String,
    interned: HashMap<String, Str>,
}

impl Writer {
    /// Adds a text to `STRINGS` and returns its position. Equal texts share one.
    pub(crate) fn text(&mut self, text: &str) -> Str {
        if let Some(&known) = self.interned.get(text) {
            return known;
        }
        let added = Str { at: length(self.strings.len()), len: length(text.len()) };
        self.strings.push_str(text);
        self.interned.insert(text.to_owned(), added);
        added
    }

    /// Appends a record to a section and returns its index.
    pub(crate) fn push<R: Record>(&mut self, section: u16, record: &R) -> u32 {
        let bytes = self.sections.entry(section).or_default();
        let index = length(bytes.len() / R::SIZE);
        record.write(bytes);
        index
    }

    /// Appends records to a section and returns their span.
    pub(crate) fn extend<R: Record>(&mut self, section: u16, records: &[R]) -> Span {
        let at = length(self.sections.get(&section).map_or(0, |bytes| bytes.len() / R::SIZE));
        for record in records {
            self.push(section, record);
        }
        Span { at, len: length(records.len()) }
    }

    /// Returns all texts so far.
    pub(crate) fn strings(&self) -> &str {
        &self.strings
    }

    /// Returns the bundle's bytes, unsigned. Sections are in the order of their ids; empty ones are
    /// left out.
    pub(crate) fn finish(mut self, header: &Header<'_>) -> Vec<u8> {
        let policy_id = self.text(header.policy_id);
        self.sections.insert(l::section::STRINGS, std::mem::take(&mut self.strings).into_bytes());
        self.sections.retain(|_, bytes| !bytes.is_empty());

        let mut at = (l::HEADER + self.sections.len() * l::SECTION_ROW).next_multiple_of(8);
        let mut table = Vec::new();
        let mut body = Vec::new();
        for (id, bytes) in &self.sections {
            id.write(&mut table);
            0u16.write(&mut table);
            length(at + body.len()).write(&mut table);
            length(bytes.len()).write(&mut table);
            body.extend_from_slice(bytes);
            body.resize(body.len().next_multiple_of(8), 0);
        }
        table.resize(at - l::HEADER, 0);
        at += body.len();

        let mut digested = Vec::with_capacity(at);
        header.version.write(&mut digested);
        header.expires.write(&mut digested);
        length(at).write(&mut digested);
        length(signature::UNSIGNED.len()).write(&mut digested);
        policy_id.write(&mut digested);
        header.flags.write(&mut digested);
        0u32.write(&mut digested);
        digested.append(&mut table);
        digested.append(&mut body);

        let mut bundle = Vec::with_capacity(at + signature::UNSIGNED.len());
        bundle.extend_from_slice(&l::MAGIC);
        l::FORMAT.write(&mut bundle);
        u16::try_from(self.sections.len()).unwrap_or(u16::MAX).write(&mut bundle);
        length(at + signature::UNSIGNED.len()).write(&mut bundle);
        bundle.extend_from_slice(&sha2::Sha256::digest(&digested));
        bundle.append(&mut digested);
        bundle.extend_from_slice(&signature::UNSIGNED);
        bundle
    }

    /// Returns the bytes of a section so far.
    pub(crate) fn section(&mut self, section: u16) -> &mut Vec<u8> {
        self.sections.entry(section).or_default()
    }
}

/// A length as the layout stores it. A bundle with a longer one is far above
/// [`limits::BUNDLE_BYTES`](crate::limits::BUNDLE_BYTES), so opening it fails.
fn length(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
