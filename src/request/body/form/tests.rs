use proptest::prelude::*;

use super::*;
use crate::testing::automaton::{TestFindings, bundle, chat};

fn read_pieces<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Result<(), Reason>, TestFindings) {
    let bundle = bundle(&chat());
    let bundle = bundle.view();
    let (mut form, mut findings) = (Form::new(0), Findings::new(bundle));
    for piece in pieces {
        if let Err(reason) = form.feed(bundle, piece, &mut findings) {
            return (Err(reason), TestFindings::from(&findings));
        }
    }
    (form.finish(bundle, &mut findings), TestFindings::from(&findings))
}

#[track_caller]
fn judged(form: &str, expected: Result<(), Reason>, mentions: &[&str]) -> TestFindings {
    let (result, found) = read_pieces([form.as_bytes()]);
    assert_eq!(
        (result, found.mentions.iter().map(String::as_str).collect::<Vec<_>>().as_slice()),
        (expected, mentions),
        "{form:?}"
    );
    assert_eq!(read_pieces(form.as_bytes().chunks(1)), (result, found.clone()), "{form:?}");
    found
}

#[test]
fn names_lead_where_keys_lead() {
    assert!(judged("model=haiku-4&prompt=what+is+mythos-5", Ok(()), &["haiku-4"]).named);
    assert!(judged("m%6fdel=haiku%2D4", Ok(()), &["haiku-4"]).named);
    assert!(!judged("Model=a", Ok(()), &["a"]).named);
    assert!(!judged("+model=a", Ok(()), &["a"]).named);
    assert!(!judged("model[x]=a", Ok(()), &["a"]).named);
    judged("model[]=a&x=y", Ok(()), &["a"]);
    judged("models[]=a&models[]=b&models=c", Ok(()), &["a", "b", "c"]);
    judged("fallbacks[0][model]=a&fallbacks[1][model]=b&fallbacks[]=c", Ok(()), &["a", "b", "c"]);
    judged("extra_body[model]=a", Ok(()), &["a"]);
    judged("extra_body.model=a", Ok(()), &["a"]);
    judged("extra_body[model]x=a", Ok(()), &["a"]);
    judged("extra_body[model=a", Ok(()), &["a"]);
    assert!(!judged("[model]=a&[extra_body][model]=b", Ok(()), &["a", "b"]).named);
    assert!(!judged("?model=a", Ok(()), &["a"]).named);
    judged("[]=a&[=b&]=c&?=d", Ok(()), &[]);
    judged("any[x][y][model]=a&any[x][z][model]=b", Ok(()), &["a", "b"]);
    judged("x[model]=a&mode=b&=c&&d", Ok(()), &[]);
    judged("", Ok(()), &[]);
}

#[test]
fn what_parsers_read_differently_is_refused() {
    judged("model=a&model=b", Err(Reason::DuplicateKey), &["a", "b"]);
    judged("model=a&[model]=b", Err(Reason::DuplicateKey), &["a", "b"]);
    judged("model=a&MODEL=b", Err(Reason::DuplicateKey), &["a", "b"]);
    judged("model=a&model[]=b", Err(Reason::DuplicateKey), &["a", "b"]);
    judged("model=a;x=b", Err(Reason::FormSyntax), &["a"]);
    judged("x=a;model=b", Err(Reason::FormSyntax), &["b"]);
    judged("x=a;y=b", Ok(()), &[]);
    judged("model=a%2", Err(Reason::PercentEscape), &["a"]);
    judged("mod%el=a", Err(Reason::PercentEscape), &[]);
    judged("prompt=100%&x=50%+off", Ok(()), &[]);
    judged("{\"model\":\"a\",\"prompt\":\"is 50% of 100 & 7% more = 50?\"}", Ok(()), &[]);
    judged("{\"x\":\"50%&mod%el=a", Err(Reason::PercentEscape), &[]);
    judged(&format!("{{\"prompt\":\"{}&model=b", "x".repeat(limits::FIELD_BYTES)), Ok(()), &["b"]);
    judged("model=myth%C3%B6s", Err(Reason::IdNotAscii), &[]);
    judged("model=a%00", Err(Reason::IdNotAscii), &[]);
    judged("_charset_=utf-16&model=a", Err(Reason::FormSyntax), &["a"]);
    judged(
        &format!("model={}", "x".repeat(limits::MODEL_ID_BYTES + 1)),
        Err(Reason::IdTooLong),
        &[],
    );
    judged(&"x".repeat(limits::FIELD_BYTES + 1), Err(Reason::FieldTooLong), &[]);
    judged(&"a=b&".repeat(limits::PARAMETERS + 1), Err(Reason::TooManyParameters), &[]);
}

#[test]
fn documents_in_fields_are_read() {
    judged("payload=%7B%22model%22%3A%22mythos-5%22%7D", Ok(()), &["mythos-5"]);
    judged("unknown=%7B%22model%22%3A%22mythos-5%22%7D", Err(Reason::FormSyntax), &["mythos-5"]);
    judged("unknown=+{%22model%22:%22mythos-5%22,", Err(Reason::FormSyntax), &["mythos-5"]);
    judged("unknown={%22model%22:%22a%22;x=%22}", Err(Reason::FormSyntax), &["a"]);
    judged("unknown={x}&y={%22z%22:1}", Ok(()), &[]);
    judged("extra_body=%7B%22model%22%3A%22a%22%7D", Ok(()), &["a"]);
    judged("extra_body=%7B%22model%22%3A%22a%22%7D%7D", Err(Reason::TrailingBytes), &["a"]);
    judged("models=[%22a%22,%22b%22]", Ok(()), &["a", "b"]);
    judged("payload=x", Err(Reason::JsonSyntax), &[]);
    judged("payload=", Ok(()), &[]);
}

proptest! {
    #[test]
    fn where_chunks_end_changes_nothing(form in "((model|x|models\\[\\]|Model|extra_body|%6dodel|fallbacks\\[0\\]\\[model\\])(=|;|%)(a|b%41|%7B%22model%22:%22c%22%7D|%|é|\\+)(&|;)){0,5}", size in 1usize..20) {
        prop_assert_eq!(read_pieces(form.as_bytes().chunks(size)), read_pieces([form.as_bytes()]));
    }
}
