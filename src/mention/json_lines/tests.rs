use proptest::prelude::*;

use super::*;
use crate::testing::automaton::{TestFindings, bundle, chat};

fn read_pieces<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Result<(), Reason>, TestFindings) {
    let bundle = bundle(&chat());
    let bundle = bundle.view();
    let (mut lines, mut findings) = (JsonLines::new(0), Findings::new(bundle));
    for piece in pieces {
        if let Err(reason) = lines.feed(bundle, piece, &mut findings) {
            return (Err(reason), TestFindings::from(&findings));
        }
    }
    (lines.finish(bundle, &mut findings), TestFindings::from(&findings))
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
    judged(
        "{\"model\":\"a\",\"model\":\"b\"}\n{\"model\":\"c\"}\n",
        Err(Reason::DuplicateKey),
        &["a", "b", "c"],
    );
    judged(
        "{\"model\":\"a\",\"Model\":\"b\"}\n{\"model\":5}\n",
        Err(Reason::AmbiguousKey),
        &["a", "b"],
    );
    judged(
        "{\"model\":\"a\",\"model\":\"b\"\n{\"model\":\"c\"}\n",
        Err(Reason::JsonSyntax),
        &["a", "b"],
    );
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
