//! Filters a list of models: leaves out the entries that the caller may not see.
//!
//! ```text
//! {"data":[ ENTRY , ENTRY , ENTRY ],"first_id":CURSOR,"last_id":CURSOR}
//!           an entry is left out with the comma before it, or with the one after it if no entry
//!           before it is kept
//! ```
//!
//! Input: chunks of one JSON document, cut anywhere, and the start state that says where its
//! entries are. Output: the same bytes without these entries: those in which a denied pattern
//! occurs; those in which no pattern occurs, if unlisted models are denied; those that cannot be
//! read with certainty. One entry is held at a time.
//!
//! The response is cut if it is not JSON, or if it has no entries where they should be and a denied
//! name anywhere.
//!
//! A cursor that is the id of an entry left out becomes the id of the first or last entry kept. The
//! next page then begins with the entries left out, leaves them out again, and goes on after them.
//! If no entry is kept, the cursor is null, and the next page is requested with the true cursor
//! from [`hidden_cursors`](Rows::hidden_cursors).

use alloc::string::String;
use alloc::vec::Vec;

use super::watch::Watch;
use crate::bundle::view::Bundle;
use crate::compact::json;
use crate::limits;
use crate::mention::json::{Event, Json};
use crate::reason::Reason;

/// A list that is being read.
pub(crate) struct Rows {
    json: Json,
    position: ListPosition,
    /// Bytes since the last entry, followed by the entry or cursor that is being read.
    held: Vec<u8>,
    /// The number of bytes of `held` before the entry.
    gap: usize,
    /// An entry of this array was kept.
    kept: bool,
    /// The response has an entry, so it is a list.
    listed: bool,
    /// Ids of the first entry, of the first one kept and of the last one kept.
    first: Option<String>,
    first_kept: Option<String>,
    last_kept: Option<String>,
    hidden: [Vec<u8>; 2],
    /// The list cannot be read with certainty: several start states match, of which only one is
    /// followed, or an ambiguity occurred outside of entries.
    doubtful: bool,
    /// Bytes that may go once the response is known to be a list.
    ready: Vec<u8>,
}

/// The position in the list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ListPosition {
    /// Outside of entries.
    Outside,
    /// After an entry, before it is known whether another one follows.
    Gap,
    Row,
    Cursor,
}

impl Rows {
    pub(crate) fn new(states: &[u32]) -> Self {
        Self {
            json: Json::new(states.first().copied().unwrap_or(crate::bundle::layout::NONE)),
            position: ListPosition::Outside,
            held: Vec::new(),
            gap: 0,
            kept: false,
            listed: false,
            first: None,
            first_kept: None,
            last_kept: None,
            hidden: [Vec::new(), Vec::new()],
            doubtful: states.len() != 1,
            ready: Vec::new(),
        }
    }

    pub(crate) fn hidden_cursors(&self) -> Option<(&[u8], &[u8])> {
        let [first, last] = &self.hidden;
        (self.last_kept.is_none() && !(first.is_empty() && last.is_empty()))
            .then_some((first, last))
    }

    pub(crate) fn feed(&mut self, bundle: Bundle<'_>, mut bytes: &[u8], watch: &mut Watch) {
        watch.free = watch.held;
        while !bytes.is_empty() {
            let mut between = 0;
            if self.position == ListPosition::Gap {
                between = bytes
                    .iter()
                    .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b','))
                    .count();
                if between == 0 {
                    self.leave_gap(bytes.first() == Some(&b'{'));
                }
            }
            let piece = if between == 0 { bytes } else { bytes.get(..between).unwrap_or_default() };
            let Ok(length) = self.json.advance(bundle, piece, &mut watch.findings) else {
                watch.cut = Some(Reason::AnswerUnreadable);
                return;
            };
            let (piece, rest) = bytes.split_at_checked(length).unwrap_or((bytes, &[]));
            bytes = rest;
            // An ambiguity outside of entries may hide the entries themselves.
            self.doubtful |= self.position == ListPosition::Outside && self.json.doubt().is_some();
            self.take(bundle, piece, watch);
            if self.doubtful || self.held.len() + self.ready.len() > 2 * limits::LIST_ROW_BYTES {
                watch.cut = Some(Reason::AnswerUnreadable);
                return;
            }
        }
        if self.listed && self.ready.len() >= limits::LIST_ROW_BYTES {
            watch.out.append(&mut self.ready);
        }
    }

    pub(crate) fn finish(&mut self, bundle: Bundle<'_>, watch: &mut Watch) {
        // A document without entries may be of another shape. It may go if nothing in it looks like
        // a denied name.
        if self.json.finish(bundle, &mut watch.findings).is_err()
            || !self.json.has_wanted() && self.looks_closed(bundle, watch)
            || self.position == ListPosition::Cursor
        {
            watch.cut = Some(Reason::AnswerUnreadable);
            return;
        }
        watch.findings.reset();
        watch.findings.forget();
        self.ready.append(&mut self.held);
        watch.out.append(&mut self.ready);
    }

    /// Returns whether `ready` contains a denied name, or escapes that may hide one.
    fn looks_closed(&self, bundle: Bundle<'_>, watch: &Watch) -> bool {
        core::str::from_utf8(&self.ready).map_or(true, |text| {
            text.contains('\\') || watch.findings.holds(bundle, text, &watch.denied)
        })
    }

    /// Ends the gap: another entry begins, or the array ends.
    fn leave_gap(&mut self, row: bool) {
        if !row {
            self.ready.append(&mut self.held);
            self.kept = false;
        }
        self.position = ListPosition::Outside;
    }

    /// Takes the bytes up to an event.
    fn take(&mut self, bundle: Bundle<'_>, piece: &[u8], watch: &mut Watch) {
        let event = self.json.event();
        match (self.position, event) {
            (ListPosition::Outside, Event::Row | Event::Cursor) => {
                let (before, last) =
                    piece.split_at_checked(piece.len().saturating_sub(1)).unwrap_or_default();
                self.ready.extend_from_slice(before);
                self.gap = self.held.len();
                self.held.extend_from_slice(last);
                self.position =
                    if event == Event::Row { ListPosition::Row } else { ListPosition::Cursor };
                watch.findings.reset();
                watch.findings.forget();
            }
            (ListPosition::Outside, _) => self.ready.extend_from_slice(piece),
            _ => {
                self.held.extend_from_slice(piece);
                match (self.position, event) {
                    (ListPosition::Row, Event::RowEnd) => self.end_row(watch),
                    (ListPosition::Cursor, Event::CursorEnd) => self.end_cursor(bundle, watch),
                    _ => {}
                }
            }
        }
    }

    fn end_row(&mut self, watch: &mut Watch) {
        self.listed = true;
        self.position = ListPosition::Gap;
        let findings = &watch.findings;
        let mut denied = findings.denied(&watch.denied);
        // If one id of an entry matches a pattern, an id that matches none is another name of the
        // same model.
        if let Some(first) = denied.first_mut() {
            *first &= !1;
        }
        let open =
            denied.iter().all(|word| *word == 0) && (findings.known() || !closes_unknown(watch));
        let id = findings.kept().first().map(|mention| mention.text.clone());
        if self.first.is_none() {
            self.first.clone_from(&id);
        }
        if self.json.take_doubt().is_some() || !open {
            self.held.clear();
            return;
        }
        let comma = self.held.get(..self.gap).unwrap_or_default().contains(&b',');
        let from = if comma && !self.kept { self.gap } else { 0 };
        self.ready.extend_from_slice(self.held.get(from..).unwrap_or_default());
        self.held.clear();
        self.kept = true;
        if self.first_kept.is_none() {
            self.first_kept.clone_from(&id);
        }
        self.last_kept = id.or(self.last_kept.take());
    }

    fn end_cursor(&mut self, bundle: Bundle<'_>, watch: &Watch) {
        self.position = ListPosition::Outside;
        let text = self.json.text();
        let readable = core::str::from_utf8(text).ok();
        if readable.is_some_and(|id| !watch.findings.holds(bundle, id, &watch.denied)) {
            self.ready.append(&mut self.held);
            return;
        }
        self.held.clear();
        let [first, last] = &mut self.hidden;
        let begins = readable == self.first.as_deref() && first.is_empty();
        let hidden = if begins { first } else { last };
        hidden.clear();
        hidden.extend_from_slice(text);
        match if begins { &self.first_kept } else { &self.last_kept } {
            Some(id) => {
                let mut quoted = String::new();
                json::string(&mut quoted, id);
                self.ready.extend_from_slice(quoted.as_bytes());
            }
            None => self.ready.extend_from_slice(b"null"),
        }
    }
}

/// Returns whether models in which no pattern occurs are denied.
fn closes_unknown(watch: &Watch) -> bool {
    watch.denied.first().is_some_and(|word| word & 1 != 0)
}
