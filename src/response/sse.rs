//! Server-sent events (SSE).
//!
//! Input: chunks of a `text/event-stream`, cut anywhere. Output: the data of each event as a
//! document, and the ends of events. Lines end with CR, LF or both. A byte order mark may come
//! first. Several `data` lines are one text, joined by line feeds (HTML standard, section 9.2.6).
//! Event names and comments are skipped, since only the data names models.

use super::document::Document;
use super::watch::Watch;
use crate::bundle::view::Bundle;
use portcullis_scan::bytes::find_either;

const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];
const DATA: [u8; 5] = *b"data:";

/// An event stream that is being read.
pub(crate) struct Events {
    document: Document,
    line: SseLine,
    /// Bytes of the byte order mark that have come.
    bom: usize,
    /// A CR has ended a line, so an LF right after it belongs to the same line end.
    cr: bool,
    /// The event already has a `data` line.
    more: bool,
}

/// The position in a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SseLine {
    /// This many bytes of `data:` have come.
    Name(usize),
    Data,
    Other,
}

impl Events {
    pub(crate) fn new(states: &[u32]) -> Self {
        Self {
            document: Document::new(states),
            line: SseLine::Name(0),
            bom: 0,
            cr: false,
            more: false,
        }
    }

    /// Reads a piece that follows `before` held bytes.
    pub(crate) fn feed(
        &mut self,
        bundle: Bundle<'_>,
        bytes: &[u8],
        before: usize,
        watch: &mut Watch,
    ) {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at)
            && watch.cut.is_none()
        {
            if let Some(expected) = BOM.get(self.bom) {
                self.bom = if byte == *expected { self.bom + 1 } else { BOM.len() };
                if self.bom != BOM.len() || byte == 0xbf {
                    at += 1;
                    continue;
                }
            }
            if core::mem::take(&mut self.cr) && byte == b'\n' {
                at += 1;
                continue;
            }
            if matches!(byte, b'\n' | b'\r') {
                at += 1;
                self.cr = byte == b'\r';
                if self.line == SseLine::Name(0) {
                    self.dispatch(bundle, before + at, watch);
                }
                self.line = SseLine::Name(0);
                continue;
            }
            let rest = bytes.get(at..).unwrap_or_default();
            self.line = match self.line {
                SseLine::Name(count) => {
                    at += 1;
                    if DATA.get(count) != Some(&byte) {
                        SseLine::Other
                    } else if count + 1 < DATA.len() {
                        SseLine::Name(count + 1)
                    } else {
                        if core::mem::replace(&mut self.more, true) {
                            self.document.feed(bundle, b"\n", &mut watch.findings);
                        }
                        SseLine::Data
                    }
                }
                line => {
                    let length = find_either(b'\n', b'\r', rest).unwrap_or(rest.len());
                    if line == SseLine::Data {
                        self.document.feed(
                            bundle,
                            rest.get(..length).unwrap_or_default(),
                            &mut watch.findings,
                        );
                    }
                    at += length;
                    line
                }
            };
        }
        if watch.cut.is_none() && watch.findings.any_of(&watch.denied) {
            watch.judge();
        }
    }

    /// Ends the stream. A client may accept an event that the end of the stream cuts off, so it
    /// counts.
    pub(crate) fn finish(&mut self, bundle: Bundle<'_>, watch: &mut Watch) {
        self.dispatch(bundle, watch.held, watch);
    }

    fn dispatch(&mut self, bundle: Bundle<'_>, end: usize, watch: &mut Watch) {
        self.more = false;
        let trouble = self.document.end(bundle, &mut watch.findings);
        watch.unit(end, trouble);
    }
}
