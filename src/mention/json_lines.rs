//! Reads JSON Lines: every line a document of its own.
//!
//! Input: chunks, cut anywhere, and the start state of each line. Output: into [`Findings`], as the lines are read. Lines end at
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
pub(crate) struct Lines {
    start: u32,
    line: Json,
    doubt: Option<Reason>,
}

impl Lines {
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
    pub(crate) fn feed(&mut self, bundle: Bundle<'_>, mut bytes: &[u8], findings: &mut Findings) -> Result<(), Reason> {
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
    pub(crate) fn finish(&mut self, bundle: Bundle<'_>, findings: &mut Findings) -> Result<(), Reason> {
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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::automaton::{Found, bundle, chat};

    fn read_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Result<(), Reason>, Found) {
        let bundle = bundle(&chat());
        let bundle = bundle.view();
        let (mut lines, mut findings) = (Lines::new(0), Findings::new(bundle));
        for piece in pieces {
            if let Err(reason) = lines.feed(bundle, piece, &mut findings) {
                return (Err(reason), Found::from(&findings));
            }
        }
        (lines.finish(bundle, &mut findings), Found::from(&findings))
    }

    #[track_caller]
    fn judged(file: &str, expected: Result<(), Reason>, mentions: &[&str]) {
        let (result, found) = read_pieces([file.as_bytes()]);
        assert_eq!(
            (result, found.mentions.iter().map(String::as_str).collect::<Vec<_>>().as_slice()),
            (expected, mentions),
            "{file:?}"
        );
        assert_eq!(read_pieces(file.as_bytes().chunks(1)), (result, found), "{file:?}");
    }

    #[test]
    fn each_line_is_a_document() {
        judged("", Ok(()), &[]);
        judged("{\"model\":\"a\"}\n{\"model\":\"b\"}", Ok(()), &["a", "b"]);
        judged("{\"model\":\"a\"}\r\n\r\n \n{\"model\":\"b\"}\r\n", Ok(()), &["a", "b"]);
        judged("{\"model\":\"a\"}{\"model\":\"b\"}", Err(Reason::TrailingBytes), &["a"]);
        judged("{\"model\":\"a\"}\r{\"model\":\"b\"}", Err(Reason::TrailingBytes), &["a"]);
        judged("{\"model\":\"a\",\n\"models\":[\"b\"]}", Err(Reason::JsonSyntax), &["a"]);
        judged("{\"model\":\"a\"}\n{no\n{\"model\":\"b\"}\n", Err(Reason::JsonSyntax), &["a"]);
        judged("{\"model\":\"a\"}\n{\"model\":\"", Err(Reason::JsonSyntax), &["a"]);
        judged("{\"model\":\"a\n\"}", Err(Reason::JsonSyntax), &[]);
        judged("\u{feff}{\"model\":\"a\"}", Err(Reason::BodyBom), &[]);
        judged("1\n\u{feff}2\n", Err(Reason::BodyBom), &[]);
    }

    #[test]
    fn a_line_in_doubt_does_not_hide_the_ones_behind_it() {
        judged("{\"model\":\"a\",\"model\":\"b\"}\n{\"model\":\"c\"}\n", Err(Reason::DuplicateKey), &["a", "b", "c"]);
        judged("{\"model\":\"a\",\"Model\":\"b\"}\n{\"model\":5}\n", Err(Reason::AmbiguousKey), &["a", "b"]);
        judged("{\"model\":\"a\",\"model\":\"b\"\n{\"model\":\"c\"}\n", Err(Reason::JsonSyntax), &["a", "b"]);
    }

    proptest! {
        #[test]
        fn where_chunks_end_changes_nothing(lines in prop::collection::vec(prop_oneof![
            Just("{\"model\":\"a\"}".to_owned()), Just("\r".to_owned()), Just(String::new()), Just("{\"model\":\"b\",\"model\":5}".to_owned()),
            Just("[{\"x\":\"é\\n\"}]".to_owned()), Just("{".to_owned())], 0..6), size in 1usize..40) {
            let file = lines.join("\n");
            prop_assert_eq!(read_pieces(file.as_bytes().chunks(size)), read_pieces([file.as_bytes()]));
        }
    }
}
