//! JSON documents in a response: a single one, one for each line, or the elements of one array.
//!
//! Input: chunks, cut anywhere. Output: texts go to the findings of the response, and the ends of
//! units are reported. A document that spans several lines is one unit. If the whole response is
//! one array, as Google streams it, each element is a unit.

use alloc::vec::Vec;

use super::watch::Watch;
use crate::bundle::view::Bundle;
use crate::mention::findings::Findings;
use crate::mention::json::{Event, Json};
use crate::reason::Reason;
use portcullis_scan::bytes::find;

/// One document, read for every operation that the request matches.
pub(crate) struct Document {
    states: Vec<u32>,
    readers: Vec<Json>,
    /// Its first bytes, without white space.
    head: [u8; 6],
    heads: usize,
    failed: Option<Reason>,
}

impl Document {
    pub(crate) fn new(states: &[u32]) -> Self {
        let mut readers = Vec::with_capacity(states.len());
        for state in states {
            readers.push(Json::new(*state));
        }
        Self { states: states.to_vec(), readers, head: [0; 6], heads: 0, failed: None }
    }

    /// Returns whether it may hold names: it is an object or an array, or has not begun. Any other
    /// text names nothing.
    pub(crate) fn is_wanted(&self) -> bool {
        self.heads == 0 || matches!(self.head.first(), Some(b'{' | b'['))
    }

    /// Reads up to the next event of the first reader. Returns how many bytes were read.
    pub(crate) fn advance(
        &mut self,
        bundle: Bundle<'_>,
        bytes: &[u8],
        findings: &mut Findings,
    ) -> (usize, Event) {
        for &byte in bytes {
            let Some(slot) = self.head.get_mut(self.heads) else { break };
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                *slot = byte;
                self.heads += 1;
            }
        }
        if self.failed.is_some() || !self.is_wanted() {
            return (bytes.len(), Event::None);
        }
        let Some((first, others)) = self.readers.split_first_mut() else {
            return (bytes.len(), Event::None);
        };
        let length = match first.advance(bundle, bytes, findings) {
            Ok(length) => length,
            Err(reason) => {
                self.failed = Some(reason);
                bytes.len()
            }
        };
        for other in others {
            // All readers get the same bytes, so an error of this reader is an error of the first
            // one too.
            let _ = other.feed(bundle, bytes.get(..length).unwrap_or_default(), findings);
        }
        (length, first.event())
    }

    /// Reads all bytes and ignores events.
    pub(crate) fn feed(&mut self, bundle: Bundle<'_>, mut bytes: &[u8], findings: &mut Findings) {
        while !bytes.is_empty() {
            let (length, _) = self.advance(bundle, bytes, findings);
            bytes = bytes.get(length..).unwrap_or_default();
        }
    }

    /// Returns whether the document's value has ended.
    pub(crate) fn is_whole(&self) -> bool {
        self.failed.is_none() && self.readers.first().is_some_and(Json::is_whole)
    }

    /// Ends the document and prepares for the next one. Returns the reason if it cannot be read
    /// with certainty.
    pub(crate) fn end(&mut self, bundle: Bundle<'_>, findings: &mut Findings) -> Option<Reason> {
        let mut trouble = self.failed.take();
        // OpenAI ends a stream with `[DONE]`, which is not JSON.
        if self.heads == 0 || !self.is_wanted() || self.head == *b"[DONE]" {
            trouble = None;
        } else {
            for reader in &mut self.readers {
                trouble = trouble.or(reader.finish(bundle, findings).err());
            }
        }
        for (reader, state) in self.readers.iter_mut().zip(&self.states) {
            reader.restart(*state);
        }
        self.heads = 0;
        self.head = [0; 6];
        trouble
    }
}

/// A response that consists of documents.
pub(crate) struct Documents {
    document: Document,
    /// Elements of the array that is being read may have gone.
    within: bool,
}

impl Documents {
    pub(crate) fn new(states: &[u32]) -> Self {
        Self { document: Document::new(states), within: false }
    }

    /// Returns whether the beginning of an array may have gone and its end has not come.
    pub(crate) fn is_within(&self) -> bool {
        self.within
    }

    /// Reads a piece that follows `at` held bytes.
    pub(crate) fn feed(
        &mut self,
        bundle: Bundle<'_>,
        mut bytes: &[u8],
        mut at: usize,
        watch: &mut Watch,
    ) {
        while !bytes.is_empty() && watch.cut.is_none() {
            // A complete document ends with its line. Before and inside a document, line ends are
            // white space.
            let line = bytes
                .get(..find(b'\n', bytes).map_or(bytes.len(), |end| end + 1))
                .unwrap_or_default();
            let (length, event) = self.document.advance(bundle, line, &mut watch.findings);
            let ends = length == line.len() && line.ends_with(b"\n");
            bytes = bytes.get(length..).unwrap_or_default();
            at += length;
            if event == Event::RowEnd {
                self.within = true;
                watch.unit(at, None);
            }
            if !self.document.is_wanted() || self.document.failed.is_some() {
                // This is not a JSON document, so nothing in it names a model from here on.
                watch.unit(at, self.document.failed);
                if watch.cut.is_none() && !watch.proven {
                    watch.cut = Some(Reason::AnswerUnnamed);
                }
            } else if ends && self.document.is_whole() {
                self.within = false;
                let trouble = self.document.end(bundle, &mut watch.findings);
                watch.unit(at, trouble);
            }
        }
        if watch.findings.any_of(&watch.denied) {
            watch.unit(at, None);
        }
    }

    pub(crate) fn finish(&mut self, bundle: Bundle<'_>, watch: &mut Watch) {
        let trouble = self.document.end(bundle, &mut watch.findings);
        watch.unit(watch.held, trouble);
    }
}
