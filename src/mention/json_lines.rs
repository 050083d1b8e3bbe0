//! Reads JSON Lines: each line is a document of its own.
//!
//! Input: chunks, divided anywhere, and the start state of each line. Output: texts into
//! [`Findings`], line by line. A line ends at LF, also after CR. Blank lines are allowed, and so is
//! a last line without an end. A document on several lines is refused, because readers that parse a
//! stream accept it and readers that split at line ends do not.
//!
//! The length of a line is not bounded, because no line is held.

use super::findings::Findings;
use super::json::Json;
use crate::bundle::view::Bundle;
use crate::reason::Reason;
use portcullis_scan::bytes;

/// Reads a file of lines.
#[derive(Clone, Debug)]
pub(crate) struct JsonLines {
    start: u32,
    line: Json,
    doubt: Option<Reason>,
}

impl JsonLines {
    /// Creates a reader whose lines each begin at this state of the automaton.
    #[inline(never)] // large, and called from many places
    pub(crate) fn new(start: u32) -> Self {
        Self { start, line: Json::new(start), doubt: None }
    }

    /// Declares that the charset has one byte a character and includes ASCII.
    pub(crate) fn set_single_byte(&mut self, single_byte: bool) {
        self.line.set_single_byte(single_byte);
    }

    /// Reads a chunk.
    ///
    /// # Errors
    ///
    /// A line is not a JSON document. The reader cannot be used after an error.
    pub(crate) fn feed(
        &mut self,
        bundle: Bundle<'_>,
        mut bytes: &[u8],
        findings: &mut Findings,
    ) -> Result<(), Reason> {
        while let Some(end) = bytes::find(b'\n', bytes) {
            let (line, rest) = bytes.split_at_checked(end).unwrap_or_default();
            self.line.feed(bundle, line, findings)?;
            self.end(bundle, findings)?;
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.line.feed(bundle, bytes, findings)
    }

    /// Ends the file.
    ///
    /// # Errors
    ///
    /// The last line is not a JSON document, or parsers read some line differently.
    pub(crate) fn finish(
        &mut self,
        bundle: Bundle<'_>,
        findings: &mut Findings,
    ) -> Result<(), Reason> {
        self.end(bundle, findings)?;
        self.doubt.map_or(Ok(()), Err)
    }

    fn end(&mut self, bundle: Bundle<'_>, findings: &mut Findings) -> Result<(), Reason> {
        if !self.line.is_blank() {
            let doubt = self.line.doubt();
            self.doubt = self.doubt.or(doubt);
            match self.line.finish(bundle, findings) {
                // An incomplete line is not a JSON document, whatever follows in the file.
                Err(Reason::BodyTruncated) => return Err(Reason::JsonSyntax),
                Err(reason) if doubt != Some(reason) => return Err(reason),
                _ => {}
            }
        }
        self.line.restart(self.start);
        Ok(())
    }
}

#[cfg(all(test, feature = "author"))]
mod tests;
