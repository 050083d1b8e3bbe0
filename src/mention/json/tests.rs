#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Write as _;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::bundle::view::OwnedBundle;
use crate::limits;
use crate::testing::automaton::{TestAutomaton, TestFindings, bundle, chat};

/// Returns the result and the findings of a document that arrives in these pieces.
fn read_pieces<'a>(
    bundle: &OwnedBundle,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Result<(), Reason>, TestFindings) {
    let bundle = bundle.view();
    let (mut json, mut findings) = (Json::new(0), Findings::new(bundle));
    for piece in pieces {
        if let Err(reason) = json.feed(bundle, piece, &mut findings) {
            return (Err(reason), TestFindings::from(&findings));
        }
    }
    (json.finish(bundle, &mut findings), TestFindings::from(&findings))
}

fn read(document: impl AsRef<[u8]>) -> (Result<(), Reason>, TestFindings) {
    let (bundle, document) = (bundle(&chat()), document.as_ref());
    let whole = read_pieces(&bundle, [document]);
    assert_eq!(
        read_pieces(&bundle, document.chunks(1)),
        whole,
        "byte by byte: {}",
        String::from_utf8_lossy(document)
    );
    whole
}

#[track_caller]
fn reads(document: &str, mentions: &[&str]) -> TestFindings {
    let (result, found) = read(document);
    assert_eq!(
        (result, found.mentions.as_slice()),
        (Ok(()), mentions.iter().map(|&m| m.to_owned()).collect::<Vec<_>>().as_slice()),
        "{document}"
    );
    found
}

#[track_caller]
fn refuses(document: impl AsRef<[u8]>, reason: Reason, mentions: &[&str]) {
    let document = document.as_ref();
    let (result, found) = read(document);
    assert_eq!(result, Err(reason), "{}", String::from_utf8_lossy(document));
    assert_eq!(found.mentions, mentions, "{}", String::from_utf8_lossy(document));
}

#[test]
fn mentions_are_found_wherever_they_are_wanted_and_nowhere_else() {
    assert!(
        reads(
            r#"{"model":"haiku-4","messages":[{"model":"x","content":"{\"model\":\"y\"}"}]}"#,
            &["haiku-4"]
        )
        .named
    );
    assert!(
        reads(r#"{"model":"haiku-4","previous_id":"r"}"#, &["haiku-4"])
            == TestFindings {
                mentions: vec!["haiku-4".into()],
                named: true,
                ..TestFindings::default()
            }
    );
    assert!(
        reads(
            r#"{"models":["a","b"],"fallbacks":["c",{"model":"d"},{"modelId":"e"},{"model_id":"f"}]}"#,
            &["a", "b", "c", "d", "e", "f"]
        )
        .mentions
        .len()
            == 6
    );
    reads(r#"{"any":{"x":[{"model":"a"},[{"y":{"model":"b"}}]],"model":"c"}}"#, &["a", "b", "c"]);
    reads(r#"{"messages":[{"fallbacks":["x"]}],"metadata":{"model":"x"}}"#, &[]);
    reads(r#" {"\u006dodel" : "\u0068aiku\u002d4" } "#, &["haiku-4"]);
    reads(
        r#"{"model":null,"models":null,"models":[]}"#.replace(r#","models":[]"#, "").as_str(),
        &[],
    );
}

#[test]
fn what_stands_in_a_documents_place_is_suspect() {
    assert!(reads(r#"[{"model":"x"},{"models":["y"]},[{"model":"z"}]]"#, &["x", "y"]).suspect);
    assert!(reads("[]", &[]).suspect);
    assert!(reads(r#""{\"model\":\"x\"}""#, &[]).suspect);
    for document in ["null", "5", "{}", r#"{"messages":[[],""]}"#] {
        assert!(!reads(document, &[]).suspect, "{document}");
    }
}

#[test]
fn a_key_that_parsers_read_differently_is_refused_and_its_mention_found() {
    for (second, reason) in [
        ("model", Reason::DuplicateKey),
        ("mod\\u0065l", Reason::DuplicateKey),
        ("Model", Reason::AmbiguousKey),
        ("mo_del", Reason::AmbiguousKey),
        ("model\\u0000", Reason::AmbiguousKey),
        ("model\\u0000x", Reason::AmbiguousKey),
        ("mod\\u0001el", Reason::AmbiguousKey),
        ("model\\udfff", Reason::AmbiguousKey),
        ("\\ud800model", Reason::AmbiguousKey),
        ("mo\\ud800del", Reason::AmbiguousKey),
        ("mo\\ud800\\ud800del", Reason::AmbiguousKey),
    ] {
        refuses(format!(r#"{{"model":"a","{second}":"b"}}"#), reason, &["a", "b"]);
        refuses(
            format!(r#"{{"x":{{"model":1}},"{second}":"b","model":"a"}}"#),
            if reason == Reason::AmbiguousKey { reason } else { Reason::DuplicateKey },
            &["b", "a"],
        );
    }
    refuses(r#"{"MODEL":"b"}"#, Reason::AmbiguousKey, &["b"]);
    refuses("{\"model\u{17f}\":[\"b\"]}", Reason::AmbiguousKey, &["b"]);
    refuses(r#"{"model\u017f":["b"]}"#, Reason::AmbiguousKey, &["b"]);
    refuses(r#"{"fallbac\u212as":["b"]}"#, Reason::AmbiguousKey, &["b"]);
    refuses(
        format!(r#"{{"model":"a","{}model":"b"}}"#, "_".repeat(100_000)),
        Reason::AmbiguousKey,
        &["a", "b"],
    );
    refuses(r#"{"fallbacks":[{"modelId":"a","model_id":"b"}]}"#, Reason::DuplicateKey, &["a", "b"]);
    // No parser takes these for the same key.
    reads(
        r#"{"model":"a","mod\ud83d\ude00el":"b","mod el":"b","modèl":"b","":"b","_":"b"}"#,
        &["a"],
    );
    reads(&format!(r#"{{"model":"a","{}model":"b"}}"#, "x".repeat(100_000)), &["a"]);
    reads(&format!(r#"{{"model":"a","model{}":"b"}}"#, "x".repeat(100_000)), &["a"]);
}

#[test]
fn seen_keys_belong_to_their_object() {
    reads(r#"{"fallbacks":[{"model":"a"},{"model":"b"}],"model":"c"}"#, &["a", "b", "c"]);
    refuses(
        r#"{"fallbacks":[{"model":"a"},{"model":"b"}],"model":"c","fallbacks":[]}"#,
        Reason::DuplicateKey,
        &["a", "b", "c"],
    );
    refuses(
        r#"{"fallbacks":[{"model":"a","x":{"model":1},"model":"b"}]}"#,
        Reason::DuplicateKey,
        &["a", "b"],
    );
    reads(r#"{"any":{"a":{"model":"a","b":{"model":"b"}},"model":"c"}}"#, &["a", "b", "c"]);
    refuses(
        r#"{"any":{"a":{"model":"a","b":{"model":"b"},"model":"c"}}}"#,
        Reason::DuplicateKey,
        &["a", "b", "c"],
    );
    reads(r#"{"messages":[],"messages":[],"x":{"model":1,"model":2}}"#, &[]);
}

#[test]
fn a_model_that_is_no_string_is_refused() {
    for value in ["5", "-0", "true", "false", "[\"x\"]", "[]", "{}", "{\"name\":\"x\"}", "1e5"] {
        refuses(format!(r#"{{"model":{value}}}"#), Reason::ModelType, &[]);
    }
    refuses(r#"{"models":["a",["b"]]}"#, Reason::ModelType, &["a"]);
    refuses(r#"{"models":{"model":"b"}}"#, Reason::ModelType, &[]);
    refuses(r#"{"fallbacks":[["a"]]}"#, Reason::ModelType, &[]);
    refuses(r#"{"fallbacks":[{"model":{"model":"a"}}]}"#, Reason::ModelType, &[]);
}

#[test]
fn ids_are_bounded_and_ascii() {
    let bound = "m".repeat(limits::MODEL_ID_BYTES);
    reads(&format!(r#"{{"model":"{bound}"}}"#), &[&bound]);
    refuses(format!(r#"{{"model":"{bound}x"}}"#), Reason::IdTooLong, &[]);
    refuses(format!(r#"{{"model":"{bound}\u0041"}}"#), Reason::IdTooLong, &[]);
    refuses(
        format!(r#"{{"model":"{}","models":["b"]}}"#, "\u{e9}".repeat(100_000)),
        Reason::IdTooLong,
        &["b"],
    );
    for id in [
        "mythos-5\\udfff",
        "mythos-5\\ud800",
        "myth\\ud800os-5",
        "mythos-5\\u0000x",
        "mythos\\n5",
        "mythоs-5",
        "\\ud83d\\ude00",
    ] {
        refuses(format!(r#"{{"model":"{id}"}}"#), Reason::IdNotAscii, &[]);
    }
    // A lone surrogate before an id that is too long must not affect the next string.
    refuses(
        format!(r#"{{"models":["{}\ud800","x"],"model":"a"}}"#, "m".repeat(limits::MODEL_ID_BYTES)),
        Reason::IdTooLong,
        &["x", "a"],
    );
}

#[test]
fn lone_surrogates_elsewhere_are_fine() {
    reads(
        r#"{"messages":["\udfff\ud800 \ud800\ud800","\ud83d\ude00"],"x\ud800":1,"model":"a"}"#,
        &["a"],
    );
}

#[test]
fn objects_that_must_name_a_model() {
    assert!(reads(r#"{"tools":[{"type":"advisor_2026"}]}"#, &[]).suspect);
    assert!(reads(r#"{"tools":[{"type":"ADVISOR"}]}"#, &[]).suspect);
    assert!(reads(r#"{"tools":[{"x":1,"type":"advisor","model":null}]}"#, &[]).suspect);
    assert!(!reads(r#"{"tools":[{"type":"advisor_2026","model":"a"}]}"#, &["a"]).suspect);
    assert!(
        !reads(r#"{"tools":[{"model":"a","type":"advisor_2026"},{"type":"function"},{},"advisor",{"type":5}]}"#, &["a"]).suspect
    );
    assert!(
        reads(r#"{"tools":[{"type":"advisor","model":"a"},{"type":"advisor"}]}"#, &["a"]).suspect
    );
    let long = "x".repeat(5_000);
    assert!(reads(&format!(r#"{{"tools":[{{"type":"advisor{long}"}}]}}"#), &[]).suspect);
    // Whole names of kinds that run no model.
    assert!(!reads(r#"{"tools":[{"type":"advisor:clock"},{"type":"Advisor:CLOCK"},{"type":"advisor:file"}]}"#, &[]).suspect);
    assert!(reads(r#"{"tools":[{"type":"advisor:clock2"}]}"#, &[]).suspect);
    assert!(reads(r#"{"tools":[{"type":"advisor:"}]}"#, &[]).suspect);
    assert!(reads(r#"{"tools":[{"type":"advisor:clock"},{"type":"advisor:deep"}]}"#, &[]).suspect);
}

#[test]
fn what_binds_is_noted() {
    assert!(reads(r#"{"extra_body":"x"}"#, &[]).binds);
    assert!(reads(r#"{"extra_body":5}"#, &[]).binds);
    assert!(reads(r#"{"extra_body":["x"]}"#, &[]).binds);
    assert!(!reads(r#"{"extra_body":{"model":"a"}}"#, &["a"]).binds);
    assert!(!reads(r#"{"extra_body":null}"#, &[]).binds);
    assert!(reads(r#"{"previous_id":"r"}"#, &[]).binds);
}

#[test]
fn a_document_in_a_text_is_read() {
    reads(
        r#"{"payload":"{\"model\":\"a\",\"messages\":[\"\\u00e9\\\"\"]}","model":"b"}"#,
        &["a", "b"],
    );
    reads(r#"{"payload":{"model":"a"},"models":["b"]}"#, &["a", "b"]);
    refuses(
        r#"{"payload":"{\"model\":\"a\",\"model\":\"b\"}","models":["c"]}"#,
        Reason::DuplicateKey,
        &["a", "b", "c"],
    );
    refuses(r#"{"payload":"{\"model\":\"a\"","models":["c"]}"#, Reason::BodyTruncated, &["a", "c"]);
    refuses(r#"{"payload":"no","models":["c"]}"#, Reason::JsonSyntax, &["c"]);
    refuses(
        r#"{"payload":"{\"model\":\"a\"}{}","models":["c"]}"#,
        Reason::TrailingBytes,
        &["a", "c"],
    );
    refuses(r#"{"payload":"\"\ud800\"","models":["c"]}"#, Reason::BodyUtf8, &["c"]);
    refuses(r#"{"payload":"\ufeff{}","models":["c"]}"#, Reason::BodyBom, &["c"]);
    // Strings are read as documents at one level only.
    assert!(reads(r#"{"payload":"{\"payload\":\"{}\"}"}"#, &[]).suspect);
    // A second document in the same request starts anew.
    refuses(
        r#"{"payload":"{\"x\":[1","payload":"{\"model\":\"a\"}"}"#,
        Reason::BodyTruncated,
        &["a"],
    );
}

#[test]
fn other_encodings_are_told_from_bad_syntax() {
    let document = r#"{"model":"x"}"#;
    refuses(format!("\u{feff}{document}"), Reason::BodyBom, &[]);
    let utf16: Vec<u16> = document.encode_utf16().collect();
    let (le, be): (Vec<u8>, Vec<u8>) = (
        utf16.iter().flat_map(|u| u.to_le_bytes()).collect(),
        utf16.iter().flat_map(|u| u.to_be_bytes()).collect(),
    );
    refuses(&le, Reason::BodyUtf16, &[]);
    refuses(&be, Reason::BodyUtf16, &[]);
    refuses([&[0xff, 0xfe], le.as_slice()].concat(), Reason::BodyUtf16, &[]);
    refuses([&[0xfe, 0xff], be.as_slice()].concat(), Reason::BodyUtf16, &[]);
    for bytes in [u32::to_le_bytes, u32::to_be_bytes] {
        refuses(
            document.chars().flat_map(|c| bytes(u32::from(c))).collect::<Vec<_>>(),
            Reason::BodyUtf16,
            &[],
        );
    }
    refuses([0x1f, 0x8b, 8, 0, 0, 0, 0, 0], Reason::ContentCoding, &[]);
    refuses([0x28, 0xb5, 0x2f, 0xfd, 0, 0], Reason::ContentCoding, &[]);
    refuses([0x78, 0x9c, 1, 2, 3, 4], Reason::ContentCoding, &[]);
    refuses([0xef, 0xbb], Reason::JsonSyntax, &[]);
    refuses("(x)", Reason::JsonSyntax, &[]);
    refuses(b"{\"model\":\"\xff\"}", Reason::BodyUtf8, &[]);
    refuses(b"{\"x\":\"\xe4\xb8\"}", Reason::BodyUtf8, &[]);
    refuses(b"{\"\xed\xa0\x80\":1}", Reason::BodyUtf8, &[]);
    refuses(b"{\"x\":\"\xc0\xaf\"}", Reason::BodyUtf8, &[]);
}

#[test]
fn what_is_no_json_is_refused() {
    for document in [
        "{\"model\":\"a\",}",
        "[1,]",
        "[,1]",
        "{,}",
        "{\"a\" 1}",
        "{\"a\":}",
        "{a:1}",
        "{'a':1}",
        "// x\n{}",
        "/**/{}",
        "NaN",
        "[NaN]",
        "Infinity",
        "[-Infinity]",
        "[01]",
        "[1.]",
        "[.5]",
        "[1e]",
        "[1e+]",
        "[+1]",
        "[-]",
        "[0x1]",
        "[1_0]",
        "tru",
        "trux",
        "nul",
        "[True]",
        "{]",
        "[}",
        "]",
        "}",
        "\"\u{1}\"",
        "\"\t\"",
        "\"a\nb\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\'\"",
        "{\"a\":1 \"b\":2}",
        "[1 2]",
        "[\"a\" \"b\"]",
        "\u{a0}{}",
        "{\"a\":1,\"b\"}",
        "{1:2}",
        "{\"mod\rel\":\"x\"}",
        "[1,\u{2028}2]",
        ":",
        ",",
        "{\"a\"::1}",
    ] {
        let (result, _) = read(document);
        assert!(
            matches!(result, Err(Reason::JsonSyntax | Reason::BodyTruncated)),
            "{document}: {result:?}"
        );
    }
    for document in [
        "",
        " ",
        "{",
        "[",
        "\"",
        "\"\\",
        "\"\\u",
        "\"\\u12",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "[1",
        "-",
        "1.",
        "1e",
        "t",
        "\"\u{e9}",
    ] {
        refuses(document, Reason::BodyTruncated, &[]);
    }
    for document in
        ["{}{}", "{} x", "1 2", "{},", "[]]", "\"\"\"\"", "null\0", "{}\u{feff}", "{}//"]
    {
        refuses(document, Reason::TrailingBytes, &[]);
    }
    for document in [
        "0",
        "-0",
        "0.0",
        "1e5",
        "1E-05",
        "-1.5e+300",
        "\"\"",
        "null",
        "true",
        "false",
        "\r\n\t 1 \n",
        "[[],{}]",
        "\"\u{7f}\u{2028}\"",
    ] {
        reads(document, &[]);
    }
}

#[test]
fn depth_is_bounded() {
    let nest = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    reads(&nest(limits::JSON_DEPTH), &[]);
    refuses(nest(limits::JSON_DEPTH + 1), Reason::JsonDepth, &[]);
    refuses("[".repeat(100_000), Reason::JsonDepth, &[]);
    let objects = |levels: usize| {
        format!("{}{{\"model\":\"a\"}}{}", "{\"any\":".repeat(levels), "}".repeat(levels))
    };
    reads(&objects(limits::JSON_DEPTH - 1), &["a"]);
    refuses(objects(limits::JSON_DEPTH), Reason::JsonDepth, &[]);
}

#[test]
fn memory_stays_bounded() {
    let bundle = bundle(&chat());
    let view = bundle.view();
    let (mut json, mut findings) = (Json::new(0), Findings::new(view));
    json.feed(view, b"{\"_", &mut findings).unwrap();
    let chunk = vec![b'_'; 1 << 16];
    for _ in 0..160 {
        json.feed(view, &chunk, &mut findings).unwrap();
    }
    json.feed(view, b"model\":\"b\",\"model\":\"", &mut findings).unwrap();
    for _ in 0..160 {
        json.feed(view, &chunk, &mut findings).unwrap();
    }
    assert!(
        json.position.text.capacity() <= 2 * limits::MODEL_ID_BYTES
            && json.position.live.capacity() <= 2 * limits::JSON_DEPTH
    );
    assert_eq!(json.doubt(), Some(Reason::AmbiguousKey));
}

#[test]
fn the_parsing_test_suite() {
    // The public JSONTestSuite. It is read from a checkout, if there is one, and not copied.
    let Ok(folder) =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus/json"))
            .or_else(|_| std::fs::read_dir(std::env::var("JSON_TEST_SUITE").unwrap_or_default()))
    else {
        // The test runner would hide the output of `eprintln!`.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: the_parsing_test_suite: JSON_TEST_SUITE names no folder"
        );
        return;
    };
    let mut count = 0;
    for entry in folder {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let (result, _) = read(std::fs::read(&path).unwrap());
        match name.as_bytes()[0] {
            b'y' => assert_eq!(result, Ok(()), "{name}"),
            b'n' => assert!(result.is_err(), "{name}"),
            _ => continue,
        }
        count += 1;
    }
    assert!(count > 250, "{count}");
}

/// A reader that builds the whole tree and walks it. The streaming reader must agree with it.
mod naive {
    use super::*;

    pub(crate) fn read(states: &[TestAutomaton], document: &[u8]) -> Option<Vec<String>> {
        let value: Value = serde_json::from_slice(document).ok()?;
        let mut mentions = Vec::new();
        match &value {
            // A list in place of a document: each element may be the document.
            Value::Array(items) => {
                items.iter().try_for_each(|item| walk(states, Some(0), item, &mut mentions))?
            }
            value => walk(states, Some(0), value, &mut mentions)?,
        }
        Some(mentions)
    }

    /// Returns `None` for a model that is not a string.
    fn walk(
        states: &[TestAutomaton],
        state: Option<u32>,
        value: &Value,
        mentions: &mut Vec<String>,
    ) -> Option<()> {
        let Some(state) = state.and_then(|state| states.get(state as usize)) else {
            return Some(());
        };
        let mention = matches!(state.role, role::MENTION | role::PRIMARY);
        match value {
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) => {
                let deeper =
                    state.element.is_some() || state.other.is_some() || !state.keys.is_empty();
                return (!mention || deeper).then_some(());
            }
            Value::String(text) if mention => {
                for part in text.split([' ', ',', '\t']).filter(|part| !part.is_empty()) {
                    if !mentions.contains(&part.to_owned())
                        && mentions.len() < limits::MENTIONS_KEPT
                    {
                        mentions.push(part.to_owned());
                    }
                }
            }
            Value::String(_) => {}
            Value::Array(_) if state.element.is_none() => return (!mention).then_some(()),
            Value::Array(items) => {
                for item in items {
                    walk(states, state.element, item, mentions)?;
                }
            }
            Value::Object(_) if state.keys.is_empty() && state.other.is_none() => {
                return (!mention).then_some(());
            }
            Value::Object(members) => {
                for (key, value) in members {
                    let wanted =
                        state.keys.iter().find(|(name, _)| name == key).map(|(_, target)| *target);
                    walk(states, wanted.or(state.other), value, mentions)?;
                }
            }
        }
        Some(())
    }
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec!["model", "models", "fallbacks", "extra_body", "any", "modelId", "tools", "type"]).prop_map(str::to_owned),
        1 => "[a-c]{0,3}",
        1 => "\\PC{0,8}",
    ]
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,4}-[0-9]", "[ -$&-~]{0,80}"]
}

fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        id().prop_map(Value::from),
        "\\PC{0,70}".prop_map(Value::from),
        ".{0,70}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Writes the same document in another spelling: blanks between tokens, escapes in strings.
fn respell(value: &Value, seed: u64) -> String {
    let text = if seed & 1 == 0 {
        value.to_string()
    } else {
        serde_json::to_string_pretty(value).unwrap()
    };
    let mut random = seed;
    let (mut spelled, mut in_string, mut escaped, mut digits) = (String::new(), false, false, 0);
    for c in text.chars() {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        match (in_string, escaped, c) {
            (true, false, '\\') => escaped = true,
            (true, true, _) => {
                escaped = false;
                digits = if c == 'u' { 4 } else { 0 };
            }
            _ if digits > 0 => digits -= 1,
            (_, _, '"') => in_string = !in_string,
            (true, ..) if random >> 60 == 0 => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    spelled.push_str(&format!("\\u{unit:04x}"));
                }
                continue;
            }
            _ => {}
        }
        spelled.push(c);
    }
    spelled
}

fn is_json(bytes: &[u8]) -> bool {
    core::str::from_utf8(bytes)
        .is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn accepted_documents_are_read_as_a_tree_walker_reads_them(tree in tree(), seed: u64, cuts in prop::collection::vec(0usize..600, 0..6)) {
        let document = respell(&tree, seed);
        // The tree walker ignores the keys `payload`, `tools` and `previous_id`, which have special
        // roles.
        let states = chat();
        let bundle = bundle(&states);
        let mut ends: Vec<usize> = cuts.into_iter().map(|cut| cut.min(document.len())).chain([0, document.len()]).collect();
        ends.sort_unstable();
        let pieces = ends.windows(2).map(|ends| &document.as_bytes()[ends[0]..ends[1]]);
        let (result, found) = read_pieces(&bundle, pieces);
        let whole = read_pieces(&bundle, [document.as_bytes()]);
        prop_assert_eq!(&(result, found.clone()), &whole);
        prop_assert_eq!(&read_pieces(&bundle, document.as_bytes().chunks(1)), &whole);
        match result {
            Ok(()) => prop_assert_eq!(Some(found.mentions), naive::read(&states, document.as_bytes())),
            Err(Reason::ModelType) => prop_assert!(naive::read(&states, document.as_bytes()).is_none()),
            Err(Reason::AmbiguousKey | Reason::DuplicateKey | Reason::IdNotAscii | Reason::IdTooLong | Reason::PercentEscape) => {}
            Err(reason) => return Err(TestCaseError::fail(format!("{reason:?}: {document}"))),
        }
    }

    #[test]
    fn any_bytes_are_accepted_just_when_they_are_json(bytes in prop::collection::vec(prop_oneof![
        prop::sample::select(br#"{}[]",:\ue0123456789.-+truefalsn "#.to_vec()), any::<u8>()], 0..24), at in 0usize..24) {
        let bundle = bundle(&[]);
        let result = read_pieces(&bundle, [bytes.as_slice()]).0;
        prop_assert_eq!(read_pieces(&bundle, bytes.chunks(1)).0, result);
        let at = at.min(bytes.len());
        prop_assert_eq!(read_pieces(&bundle, [&bytes[..at], &bytes[at..]]).0, result);
        // serde_json refuses lone surrogates and numbers out of range, which RFC 8259 allows.
        if serde_json::from_slice::<Value>(&bytes).is_ok() {
            prop_assert_eq!(result, Ok(()));
        } else if result.is_ok() {
            prop_assert!(is_json(&bytes) || bytes.windows(2).any(|w| w == b"\\u"), "{}", String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn a_document_with_one_byte_changed_is_json_or_refused(tree in tree(), at: prop::sample::Index, byte: u8) {
        let mut document = tree.to_string().into_bytes();
        let at = at.index(document.len());
        document[at] = byte;
        let bundle = bundle(&chat());
        let whole = read_pieces(&bundle, [document.as_slice()]);
        prop_assert_eq!(&read_pieces(&bundle, document.chunks(1)), &whole);
        prop_assert_eq!(&read_pieces(&bundle, [&document[..at], &document[at..]]), &whole);
        let syntax = matches!(whole.0, Err(Reason::JsonSyntax | Reason::TrailingBytes | Reason::BodyUtf8 | Reason::BodyTruncated | Reason::BodyUtf16 | Reason::BodyBom));
        prop_assert_eq!(syntax, !is_json(&document), "{:?}: {}", whole.0, String::from_utf8_lossy(&document));
    }
}

/// As `read_pieces`, for text in a charset of one byte a character.
fn read_single<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Result<(), Reason>, TestFindings) {
    let bundle = bundle(&chat());
    let bundle = bundle.view();
    let (mut json, mut findings) = (Json::new(0), Findings::new(bundle));
    json.set_single_byte(true);
    for piece in pieces {
        if let Err(reason) = json.feed(bundle, piece, &mut findings) {
            return (Err(reason), TestFindings::from(&findings));
        }
    }
    (json.finish(bundle, &mut findings), TestFindings::from(&findings))
}

#[test]
fn single_bytes_are_characters() {
    for (document, result, mentions) in [
        (b"{\"x\":\"caf\xe9\",\"model\":\"a\"}".as_slice(), Ok(()), ["a"].as_slice()),
        (b"{\"x\":\"\xc3\",\"y\xe2\x82\":[\"\xf0\x9f\"],\"model\":\"a\"}", Ok(()), &["a"]),
        (b"{\"x\":\"\xe2\\\"\xc3\xa9\",\"model\":\"a\"}", Ok(()), &["a"]),
        (b"{\"model\":\"h\xe9\"}", Err(Reason::IdNotAscii), &[]),
        (b"{\"payload\":\"{\\\"x\\\":\\\"\xe9\\\",\\\"model\\\":\\\"a\\\"}\"}", Ok(()), &["a"]),
        (b"{\"x\":\"\xe9\x01\"}", Err(Reason::JsonSyntax), &[]),
    ] {
        let whole = read_single([document]);
        assert_eq!(
            (whole.0, whole.1.mentions.as_slice()),
            (result, mentions.iter().map(|&m| m.to_owned()).collect::<Vec<_>>().as_slice())
        );
        for size in 1..4 {
            assert_eq!(read_single(document.chunks(size)), whole, "in pieces of {size}");
        }
    }
}

proptest! {
    #[test]
    fn single_bytes_do_not_depend_on_chunks(text in prop::collection::vec(prop_oneof![8 => 0x80u8.., 3 => Just(b'a'), 1 => Just(b'"'), 1 => Just(b'\\')], 0..40), size in 1usize..9) {
        let mut document = b"{\"model\":\"a\",\"x\":\"".to_vec();
        document.extend_from_slice(&text);
        document.extend_from_slice(b"\",\"models\":[\"b\"]}");
        prop_assert_eq!(read_single(document.chunks(size)), read_single([document.as_slice()]));
    }
}
