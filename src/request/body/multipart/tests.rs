#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;

use super::*;
use crate::bundle::layout::role;
use crate::testing::automaton::{TestAutomaton, TestFindings, bundle, chat};

const TYPE: &str = "multipart/form-data; boundary=--gate-B";

fn files() -> Vec<TestAutomaton> {
    let mut states = chat();
    let lines = u32::try_from(states.len()).unwrap();
    states[0].keys.extend([("purpose", lines + 1), ("file", lines)]);
    states.extend([
        TestAutomaton::role(role::LINES).element(lines + 2),
        TestAutomaton::role(role::SELECTOR),
        TestAutomaton::keys(&[("body", 0)]),
    ]);
    states
}

fn read_pieces<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Result<(), Reason>, TestFindings) {
    let bundle = bundle(&files());
    let bundle = bundle.view();
    let (mut form, mut findings) = (Multipart::new(0, TYPE, None).unwrap(), Findings::new(bundle));
    for piece in pieces {
        if let Err(reason) = form.feed(bundle, piece, &mut findings) {
            return (Err(reason), TestFindings::from(&findings));
        }
    }
    (form.finish(bundle, &mut findings), TestFindings::from(&findings))
}

#[track_caller]
fn judged(form: impl AsRef<[u8]>, expected: Result<(), Reason>, mentions: &[&str]) -> TestFindings {
    let form = form.as_ref();
    let (result, found) = read_pieces([form]);
    let text = String::from_utf8_lossy(form);
    assert_eq!(
        (result, found.mentions.iter().map(String::as_str).collect::<Vec<_>>().as_slice()),
        (expected, mentions),
        "{text}"
    );
    for size in [1, 2, 3, 7, 16] {
        assert_eq!(read_pieces(form.chunks(size)), (result, found.clone()), "{size}: {text}");
    }
    found
}

/// Returns a part with these headers.
fn part(headers: &str, data: &str) -> String {
    format!("----gate-B\r\n{headers}\r\n\r\n{data}\r\n")
}

fn field(name: &str, data: &str) -> String {
    part(&format!("Content-Disposition: form-data; name=\"{name}\""), data)
}

fn file(name: &str, data: &str) -> String {
    part(
        &format!(
            "Content-Disposition: form-data; name=\"{name}\"; filename=\"b.jsonl\"\r\nContent-Type: application/octet-stream"
        ),
        data,
    )
}

fn form(parts: &[String]) -> String {
    format!("{}----gate-B--\r\n", parts.concat())
}

#[test]
fn fields_are_read_and_files_passed_over() {
    let data = "RIFF\r\n--\r\n----gate\r\n--x-----gate-\r\r\n";
    let audio = file("audio", data);
    let found = judged(
        form(&[
            field("model", "haiku-4"),
            field("prompt", "say \"model\": \"mythos-5\""),
            audio.clone(),
        ]),
        Ok(()),
        &["haiku-4"],
    );
    assert!(found.named);
    judged(form(&[audio.clone(), field("model[]", "a"), field("x", "")]), Ok(()), &["a"]);
    judged(form(&[audio.clone(), audio, field("extra_body[model]", "a")]), Ok(()), &["a"]);
    judged(form(&[field("model", "a")]).trim_end(), Ok(()), &["a"]);
    judged(format!("\r\n{}", form(&[field("model", "a")])), Ok(()), &["a"]);
    judged(form(&[]), Ok(()), &[]);
    judged(form(&[part("content-disposition:form-data ; NAME = \"model\"", "a")]), Ok(()), &["a"]);
    judged(
        form(&[part("Content-Disposition: form-data; name=model\r\nContent-Length: 1", "a")]),
        Ok(()),
        &["a"],
    );
    judged(
        form(&[part(
            "Content-Type: text/plain; charset=UTF-8\r\nContent-Disposition: form-data; name=\"model\"",
            "a",
        )]),
        Ok(()),
        &["a"],
    );
    // The data ends like the front of a delimiter.
    judged(
        form(&[field("model", "a\r\n---"), field("models", "\r"), field("models", "b\r\n")]),
        Err(Reason::IdNotAscii),
        &[],
    );
}

#[test]
fn a_form_that_parsers_read_differently_is_refused() {
    let whole = form(&[field("model", "a")]);
    judged(whole.replace("\r\n", "\n"), Err(Reason::MultipartSyntax), &[]);
    judged(format!("x{whole}"), Err(Reason::MultipartSyntax), &[]);
    judged(format!("\r\n\r\n{whole}"), Err(Reason::MultipartSyntax), &[]);
    judged(format!("\r{whole}"), Err(Reason::MultipartSyntax), &[]);
    judged(format!("{whole}x"), Err(Reason::MultipartSyntax), &["a"]);
    judged(format!("{whole}{whole}"), Err(Reason::MultipartSyntax), &["a"]);
    judged(whole.replace("----gate-B--", "----gate-B"), Err(Reason::MultipartTruncated), &["a"]);
    judged(whole.replace("----gate-B--", "----gate-Bx--"), Err(Reason::MultipartSyntax), &["a"]);
    judged(whole.replacen("----gate-B", "----gate-B ", 1), Err(Reason::MultipartSyntax), &[]);
    judged(
        form(&[field(
            "x",
            "y\n----gate-B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\na",
        )]),
        Err(Reason::MultipartSyntax),
        &[],
    );
    judged(form(&[file("x", "y----gate-B")]), Err(Reason::MultipartSyntax), &[]);
    judged("", Err(Reason::MultipartTruncated), &[]);
    judged("{\"model\":\"mythos-5\",\"x\":\"\r\n----gate-B\r\n", Err(Reason::MultipartSyntax), &[]);
    for cut in 0..whole.len() - 4 {
        assert!(read_pieces([&whole.as_bytes()[..cut]]).0.is_err(), "{cut}");
    }
}

#[test]
fn a_part_whose_headers_parsers_read_differently_is_refused() {
    for headers in [
        "Content-Disposition: form-data; name='model'",
        "Content-Disposition: form-data; name=\"prompt\"; name=\"model\"",
        "Content-Disposition: form-data; name*=utf-8''model",
        "Content-Disposition: form-data; name=\"x\"; name*=utf-8''model",
        "Content-Disposition: form-data; name*0=mod; name*1=el",
        "Content-Disposition: form-data; name=\"mod\\el\"",
        "Content-Disposition: form-data; name=\"x\\\"; name=\"model\"",
        "Content-Disposition: form-data; filename=\"a\\\"; name=\"model\"",
        "Content-Disposition: form-data; name=\"model\"x",
        "Content-Disposition: form-data; name=\"model",
        "Content-Disposition: form-data; name==?utf-8?q?model?=",
        "Content-Disposition: form-data;\r\n name=\"model\"",
        "Content-Disposition: form-data; x; name=\"model\"",
        "Content-Disposition: form-data",
        "Content-Disposition: attachment; name=\"model\"",
        "Content-Disposition : form-data; name=\"model\"",
        "Content-Disposition: form-data; name=\"model\"\r\nContent-Disposition: form-data; name=\"x\"",
        "Content-Disposition: form-data; name=\"model\"\nX: y",
        "Content-Disposition: form-data; name=\"model\"\rX: y",
        "Content-Disposition: form-data; name=\"mo\0del\"",
        "Content-Disposition: form-data; name=\"model\"\r\nContent-Type: a/b\r\nContent-Type: a/c",
        "X: y",
        ": y",
        "no colon",
    ] {
        judged(form(&[part(headers, "a")]), Err(Reason::MultipartHeader), &[]);
    }
    judged("----gate-B\r\n\r\na\r\n----gate-B--", Err(Reason::MultipartHeader), &[]);
    judged(
        form(&[part(&format!("X: {}", "y".repeat(limits::MULTIPART_HEADER_BYTES)), "a")]),
        Err(Reason::MultipartHeaderTooLarge),
        &[],
    );
    judged(
        form(&vec![field("x", "y"); limits::MULTIPART_PARTS + 1]),
        Err(Reason::MultipartParts),
        &[],
    );
    judged(form(&vec![field("x", "y"); limits::MULTIPART_PARTS]), Ok(()), &[]);
}

#[test]
fn a_part_sent_in_an_odd_manner_is_refused_where_it_matters() {
    let model = "Content-Disposition: form-data; name=\"model\"";
    judged(
        form(&[part(&format!("{model}\r\nContent-Type: text/plain; charset=utf-16le"), "a")]),
        Err(Reason::MultipartCharset),
        &["a"],
    );
    judged(
        form(&[part(&format!("{model}\r\nContent-Type: text/plain; charset=ISO-8859-1"), "a")]),
        Ok(()),
        &["a"],
    );
    judged(
        form(&[part(&format!("{model}\r\nContent-Transfer-Encoding: base64"), "a")]),
        Err(Reason::MultipartEncoding),
        &["a"],
    );
    judged(
        form(&[part(&format!("{model}\r\nContent-Transfer-Encoding: binary"), "a")]),
        Ok(()),
        &["a"],
    );
    judged(
        form(&[part(&format!("{model}; filename=\"m.txt\""), "a")]),
        Err(Reason::MultipartFile),
        &["a"],
    );
    judged(
        form(&[part(&format!("{model}; filename*=utf-8''m.txt"), "a")]),
        Err(Reason::MultipartFile),
        &["a"],
    );
    judged(
        form(&[
            field("x", "y"),
            part(
                "Content-Disposition: form-data; name=\"f\"; filename=\"f\"\r\nContent-Type: text/plain; charset=utf-16",
                "a",
            ),
        ]),
        Ok(()),
        &[],
    );
    judged(
        form(&[part(
            "Content-Disposition: form-data; name=\"f\"\r\nContent-Type: multipart/mixed; boundary=y",
            "--y",
        )]),
        Err(Reason::MultipartNested),
        &[],
    );
    judged(
        form(&[field("_charset_", "utf-16le"), field("model", "a")]),
        Err(Reason::MultipartCharset),
        &[],
    );
    judged(form(&[field("mod%65l", "a")]), Err(Reason::AmbiguousKey), &["a"]);
    judged(form(&[field("100%", "a"), field("a%22b", "a")]), Ok(()), &[]);
}

#[test]
fn names_are_compared_as_keys_are() {
    judged(
        form(&[field("model", "a"), field("x", "y"), field("model", "b")]),
        Err(Reason::DuplicateKey),
        &["a", "b"],
    );
    judged(
        form(&[field("model", "a"), field("Model", "b")]),
        Err(Reason::DuplicateKey),
        &["a", "b"],
    );
    assert!(!judged(form(&[field("MODEL", "a")]), Ok(()), &["a"]).named);
    judged(form(&[file("image[]", "a"), file("image[]", "b")]), Ok(()), &[]);
}

#[test]
fn documents_in_parts_are_read() {
    let json = |name: &str, data: &str| {
        part(
            &format!(
                "Content-Disposition: form-data; name=\"{name}\"\r\nContent-Type: application/json"
            ),
            data,
        )
    };
    judged(
        form(&[field("sdp", "v=0"), json("extra_body", r#"{"type":"realtime","model":"a"}"#)]),
        Ok(()),
        &["a"],
    );
    judged(form(&[field("extra_body", r#" {"model":"a"}"#)]), Ok(()), &["a"]);
    judged(
        form(&[field("extra_body", r#"{"model":"a","model":"b"}"#)]),
        Err(Reason::DuplicateKey),
        &["a", "b"],
    );
    judged(form(&[json("payload", r#"{"model":"a"#)]), Err(Reason::BodyTruncated), &[]);
    judged(form(&[json("unknown", r#"{"model":"a"}"#)]), Err(Reason::FormSyntax), &["a"]);
    judged(form(&[file("unknown", r#"{"model":"a"}"#)]), Ok(()), &[]);
    judged(form(&[json("model", "\"a\"")]), Ok(()), &["\"a\""]);
}

#[test]
fn lines_of_a_file_count_if_the_purpose_is_a_batch_wherever_it_is() {
    let lines = |ids: &[&str]| {
        ids.iter()
            .map(|id| format!("{{\"custom_id\":\"r--{id}\",\"body\":{{\"model\":\"{id}\"}}}}\n"))
            .collect::<String>()
    };
    let batch = file("file", &lines(&["a", "b"]));
    for parts in [
        [field("purpose", "batch"), batch.clone()],
        [batch.clone(), field("purpose", "batch")],
        [batch.clone(), field("x", "y")],
    ] {
        judged(form(&parts), Ok(()), &["a", "b"]);
    }
    for parts in [
        [field("purpose", "fine-tune"), batch.clone()],
        [batch.clone(), field("purpose", "fine-tune")],
    ] {
        judged(form(&parts), Ok(()), &[]);
    }
    let broken = file("file", "{\"body\":{\"model\":\"a\"}}\r\n{no\r\n");
    judged(form(&[field("purpose", "batch"), broken.clone()]), Err(Reason::JsonSyntax), &["a"]);
    judged(form(&[broken.clone(), field("purpose", "batch")]), Err(Reason::JsonSyntax), &["a"]);
    judged(form(&[broken, field("purpose", "assistants")]), Ok(()), &[]);
    judged(form(&[field("Purpose", "fine-tune"), batch.clone()]), Err(Reason::AmbiguousKey), &[]);
    judged(
        form(&[batch.clone(), batch, field("purpose", "batch")]),
        Err(Reason::DuplicateKey),
        &["a", "b"],
    );
    let twice = file(
        "file",
        "{\"body\":{\"model\":\"a\",\"model\":\"b\"}}\r\n{\"body\":{\"model\":\"c\"}}",
    );
    judged(form(&[twice, field("purpose", "batch")]), Err(Reason::DuplicateKey), &["a", "b", "c"]);
}

#[test]
fn content_types_name_one_boundary() {
    let of = |line: &str| Multipart::new(0, line, None).map(|_| ()).err();
    assert_eq!(of("multipart/form-data; boundary=a"), None);
    assert_eq!(of("Multipart/Form-Data; charset=utf-8; Boundary = \"a-b_c\" ;"), None);
    assert_eq!(of("multipart/mixed; boundary=a"), None);
    assert_eq!(
        of("multipart/form-data; boundary=a; charset=utf-16"),
        Some(Reason::MultipartCharset)
    );
    for line in [
        "",
        "; boundary=a; boundary=b",
        "; boundary=",
        "; boundary=a, multipart/mixed",
        "; boundary*=a",
        "; boundary=a; boundary*=b",
        "; boundary=\"a",
        "; boundary=\"a b\"",
        "; boundary='a'",
        "; boundary=\"a\\\"\"",
        "; boundary",
        " boundary=a",
    ] {
        assert_eq!(
            of(&format!("multipart/form-data{line}")),
            Some(Reason::MultipartBoundary),
            "{line}"
        );
    }
    assert_eq!(of(&format!("multipart/form-data; boundary={}", "a".repeat(70))), None);
    assert_eq!(
        of(&format!("multipart/form-data; boundary={}", "a".repeat(71))),
        Some(Reason::MultipartBoundary)
    );
}

proptest! {
    #[test]
    fn where_chunks_end_changes_nothing(pieces in prop::collection::vec(prop_oneof![
        Just(field("model", "a")), Just(field("models", "b")), Just(field("purpose", "batch")), Just(file("file", "{\"body\":{\"model\":\"c\"}}")),
        Just("----gate-B".to_owned()), Just("\r\n".to_owned()), Just("--".to_owned()), Just("\r".to_owned()), Just(file("x", "------gate-\r\n-----"))], 0..8),
        size in 1usize..60) {
        let form = form(&pieces);
        prop_assert_eq!(read_pieces(form.as_bytes().chunks(size)), read_pieces([form.as_bytes()]));
    }

    #[test]
    fn data_comes_back_whole(data in prop::collection::vec(prop::sample::select(b"\r\n-gateB{}".to_vec()), 0..40), size in 1usize..20) {
        prop_assume!(!data.windows(10).any(|w| w == b"----gate-B"));
        let data = String::from_utf8(data).unwrap();
        let text = form(&[file("x", &data), field("model", "a")]);
        prop_assert_eq!(read_pieces(text.as_bytes().chunks(size)).0, Ok(()));
        // As an id the data arrives unchanged, or is refused for its control characters.
        let text = form(&[field("model", &data)]);
        let (result, found) = read_pieces(text.as_bytes().chunks(size));
        let plain = data.bytes().all(|b| b >= b' ');
        prop_assert_eq!(result, if plain { Ok(()) } else { Err(Reason::IdNotAscii) });
        prop_assert_eq!(found.mentions, Some(data).filter(|data| plain && !data.is_empty()).into_iter().collect::<Vec<_>>());
    }
}
