//! Server-sent events.
//!
//! Input: chunks of a `text/event-stream`, cut anywhere. Output: the data of each event as a document, and where events end. Lines end at
//! CR, LF or both, a byte order mark may come first, several `data` lines are one text with line feeds between (HTML standard, section 9.2.6).
//! Names of events and comments are passed over: where an event names its model is said by its data alone.

use super::document::Document;
use super::watch::Watch;
use crate::bundle::view::Bundle;
use crate::mention::bytes::find_either;

const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];
const DATA: [u8; 5] = *b"data:";

/// A stream of events.
pub(crate) struct Events {
    document: Document,
    line: SseLine,
    /// Bytes of the mark that came.
    mark: usize,
    /// A CR has ended a line: a LF behind it belongs to it.
    cr: bool,
    /// A line of data came before this one.
    more: bool,
}

/// Where in a line it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SseLine {
    /// So many bytes of `data:` came.
    Name(usize),
    Data,
    Other,
}

impl Events {
    pub(crate) fn new(states: &[u32]) -> Self {
        Self {
            document: Document::new(states),
            line: SseLine::Name(0),
            mark: 0,
            cr: false,
            more: false,
        }
    }

    /// Reads a piece behind `before` bytes that are held.
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
            if let Some(expected) = BOM.get(self.mark) {
                self.mark = if byte == *expected { self.mark + 1 } else { BOM.len() };
                if self.mark != BOM.len() || byte == 0xbf {
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

    /// A client may take an event that the end of the stream cut.
    pub(crate) fn finish(&mut self, bundle: Bundle<'_>, watch: &mut Watch) {
        self.dispatch(bundle, watch.held, watch);
    }

    fn dispatch(&mut self, bundle: Bundle<'_>, end: usize, watch: &mut Watch) {
        self.more = false;
        let trouble = self.document.end(bundle, &mut watch.findings);
        watch.unit(end, trouble);
    }
}
