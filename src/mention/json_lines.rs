//! Reads JSON JsonLines: every line a document of its own.
//!
//! Input: chunks, cut anywhere, and the start state of each line. Output: into [`Findings`], as the lines are read. JsonLines end at
//! LF, also after CR; blank ones are allowed, and so is a last one without its end. A document spread over several lines is refused:
//! readers that parse a stream take it, readers that split at line ends do not.
//!
//! It bounds no line's length, since none is kept.

use super::bytes;
use super::findings::Findings;
use super::json::Json;
use crate::bundle::view::Bundle;
use crate::reason::Reason;

/// The reader of a file of lines.
#[derive(Clone, Debug)]
pub(crate) struct JsonLines {
    start: u32,
    line: Json,
    doubt: Option<Reason>,
}

impl JsonLines {
    /// A reader whose lines each stand at this state of the automaton.
    #[inline(never)] // it is large, and made in many places
    pub(crate) fn new(start: u32) -> Self {
        Self { start, line: Json::new(start), doubt: None }
    }

    /// The file is text in a charset of single bytes, ASCII and more.
    pub(crate) fn set_single_byte(&mut self, single_byte: bool) {
        self.line.set_single_byte(single_byte);
    }

    /// Reads on.
    ///
    /// # Errors
    ///
    /// A line that is no JSON document. The reader is then spent.
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

    /// The file ends here.
    ///
    /// # Errors
    ///
    /// A last line that is no JSON document; any line that parsers read differently.
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
                // A line that breaks off is no JSON document, however the file goes on.
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
