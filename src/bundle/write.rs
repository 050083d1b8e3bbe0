//! Writes a bundle: the same input gives the same bytes on every platform.

use std::collections::{BTreeMap, HashMap};

use super::layout::{Record, Span, Str};

/// Collects sections and texts, then writes them in the layout's order.
#[derive(Default)]
pub(crate) struct Writer {
    sections: BTreeMap<u16, Vec<u8>>,
    strings: String,
    interned: HashMap<String, Str>,
}

impl Writer {
    /// The text's place in `STRINGS`; equal texts share one.
    pub(crate) fn text(&mut self, text: &str) -> Str {
        if let Some(&known) = self.interned.get(text) {
            return known;
        }
        let place = Str { at: length(self.strings.len()), len: length(text.len()) };
        self.strings.push_str(text);
        self.interned.insert(text.to_owned(), place);
        place
    }

    /// Appends a record to a section and returns its index.
    pub(crate) fn push<R: Record>(&mut self, section: u16, record: &R) -> u32 {
        let bytes = self.sections.entry(section).or_default();
        let index = length(bytes.len() / R::SIZE);
        record.write(bytes);
        index
    }

    /// Appends records to a section and returns where they lie.
    pub(crate) fn extend<R: Record>(&mut self, section: u16, records: &[R]) -> Span {
        let at = length(self.sections.get(&section).map_or(0, |bytes| bytes.len() / R::SIZE));
        for record in records {
            self.push(section, record);
        }
        Span { at, len: length(records.len()) }
    }

    /// The bytes of a section so far.
    pub(crate) fn section(&mut self, section: u16) -> &mut Vec<u8> {
        self.sections.entry(section).or_default()
    }
}

/// A length as the layout holds it. A bundle that overflows it is far above its size bound, which `finish` checks.
fn length(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
