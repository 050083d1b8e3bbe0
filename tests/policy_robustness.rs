//! No text makes the reader of policies panic, and every problem points into the text.

#![cfg(test)]
#![expect(clippy::string_slice, reason = "tests")]

use portcullis::policy::{File, Options, Problem, Severity, Source, load, render};
use proptest::prelude::*;

/// Policies that between them pass through every stage. The test damages them.
const SEEDS: [&str; 5] = [
    include_str!("../policies/mythos-suspension.toml"),
    include_str!("../policies/partner-tier.toml"),
    include_str!("corpus/policies/conditions/policy.toml"),
    include_str!("corpus/policies/lists/policy.toml"),
    include_str!("corpus/policies/json/policy.json"),
];

/// The pieces of the damage: characters and words with a meaning in TOML, JSON, CEL or Unicode.
const PIECES: [&str; 48] = [
    "\"",
    "'",
    "'''",
    "\"\"\"",
    "\\",
    "\\u00e9",
    "\\ud800",
    "\\\n",
    "\n",
    "\r\n",
    "\r",
    "\0",
    "\u{feff}",
    "é",
    "\u{10ffff}",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "(",
    ")",
    "=",
    "==",
    ",",
    ".",
    "..",
    "#",
    "//",
    "&&",
    "||",
    "!",
    "!!",
    " in ",
    "<",
    "?",
    ":",
    "-",
    "1e999",
    "0x",
    "99999999999999999999",
    "*",
    "`",
    "r\"",
    "b'",
    "\\x80",
    "/",
];

fn check(name: &str, text: &str) {
    let read =
        |_: &str, name: &str| Ok(File { name: name.to_owned(), text: "org-1\nUS\n7\n".to_owned() });
    let loaded = load(
        vec![Source::new(name, text)],
        &mut Options { now: Some(0), read: Some(Box::new(read)), ..Options::default() },
    );
    let errors = loaded.problems.iter().any(|problem| problem.severity() == Severity::Error);
    assert_eq!(loaded.policy.is_none(), errors);
    for problem in &loaded.problems {
        for span in problem.related.iter().map(|(span, _)| span).chain([&problem.span]) {
            let file = loaded.files.get(span.file).unwrap();
            assert!(
                file.text.get(span.start..span.end).is_some(),
                "{problem:?} does not lie in the text"
            );
        }
        let words = [Some(&problem.message), problem.help.as_ref()];
        for said in words.into_iter().flatten() {
            assert!(
                !said.contains(char::is_control) && said.len() < 8_000,
                "{problem:?} is not one line"
            );
        }
        assert!(problem.to_json(&loaded.files).is_object());
    }
    // Each proposal means reading the policy again, so the test tries four.
    for problem in loaded
        .problems
        .iter()
        .filter(|problem| problem.replacement(&loaded.files).is_some())
        .take(4)
    {
        mends(name, text, problem, &loaded.files);
    }
    assert_eq!(
        render(&loaded.problems, &loaded.files, true).is_empty(),
        loaded.problems.is_empty()
    );
}

/// Applies the proposal of a problem and checks that the problem is gone from that place.
fn mends(name: &str, text: &str, problem: &Problem, files: &[File]) {
    let Some((span, new)) = problem.replacement(files).filter(|(span, _)| span.file == 0) else {
        return;
    };
    let edited = format!("{}{new}{}", &text[..span.start], &text[span.end..]);
    let read =
        |_: &str, name: &str| Ok(File { name: name.to_owned(), text: "org-1\nUS\n7\n".to_owned() });
    let again = load(
        vec![Source::new(name, edited.as_str())],
        &mut Options { now: Some(0), read: Some(Box::new(read)), ..Options::default() },
    );
    let there = |other: &&Problem| {
        other.span.file == 0
            && other.span.start < span.start + new.len()
            && other.span.end > span.start
    };
    let left = again
        .problems
        .iter()
        .filter(there)
        .find(|other| other.code == problem.code && other.message == problem.message);
    assert!(left.is_none(), "{problem:?}\nleaves {left:?}\nin {edited}");
}

fn damaged() -> impl Strategy<Value = String> {
    let cut = (any::<prop::sample::Index>(), 0_usize..12, prop::sample::select(PIECES.as_slice()));
    (prop::sample::select(SEEDS.as_slice()), prop::collection::vec(cut, 1..6)).prop_map(
        |(seed, cuts)| {
            let mut text = seed.to_owned();
            for (at, length, piece) in cuts {
                let start = text.floor_char_boundary(at.index(text.len().max(1)));
                let end = text.ceil_char_boundary((start + length).min(text.len()));
                text.replace_range(start..end, piece);
            }
            text
        },
    )
}

/// A condition made of the words of the language in any order, or any text.
fn condition() -> impl Strategy<Value = String> {
    let words = prop::sample::select(
        [
            "us_person",
            "org",
            "place",
            "country",
            "network",
            "citizenships",
            "now",
            "until",
            "ip",
            "asn",
            "soil",
            "true",
            "false",
            "null",
            "\"US\"",
            "\"tor\"",
            "'x'",
            "1",
            "-1",
            "1.5",
            "2u",
            "b\"x\"",
            "[",
            "]",
            "(",
            ")",
            "{",
            "}",
            ",",
            ".",
            ":",
            "?",
            "==",
            "!=",
            "<",
            ">=",
            "in",
            "&&",
            "||",
            "!",
            "-",
            "+",
            ".exists(",
            ".all(",
            "c",
            "c == \"US\"",
            ".startsWith(",
            "timestamp(",
            "\"2026-01-01T00:00:00Z\"",
            "has(",
            "as",
            "\\u00e9",
            "é",
            "\"",
            "\"\"\"",
            "r'",
            "//",
            "\n",
        ]
        .as_slice(),
    );
    prop_oneof![
        prop::collection::vec(words, 0..24).prop_map(|words| words.join(" ")),
        any::<String>(),
        "[a-z!&|()=<>'\"\\\\ \n.,0-9\\[\\]{}?:-]{0,60}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_policies(text in damaged()) {
        check("policy.toml", &text);
        check("policy.json", &text);
    }

    #[test]
    fn conditions(condition in condition()) {
        // A JSON string holds any text, escaped.
        let condition = serde_json::Value::String(condition);
        let text = format!(
            r#"{{"format": 1, "policy": {{"id": "p", "version": 1, "dialects": ["openai"]}},
            "facts": {{"us_person": {{"type": "bool", "claim": "/u"}}, "org": {{"type": "text", "claim": "/o"}}, "until": {{"type": "time", "claim": "/t"}},
            "citizenships": {{"type": "list", "claim": "/c"}}}}, "lists": {{"soil": {{"kind": "place", "values": ["CU"]}}}},
            "restrictions": [{{"id": "r", "models": ["*"], "when": {condition}, "doubt": "pass"}}]}}"#
        );
        check("policy.json", &text);
    }

    #[test]
    fn any_text(text in any::<String>()) {
        check("policy.toml", &text);
        check("policy.json", &text);
    }
}

/// The number of cases: `PROPTEST_CASES`, or 256.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256)
}

#[test]
fn what_is_deep_or_long_is_an_error_and_no_overflow() {
    let head = "format = 1\n[policy]\nid = \"p\"\nversion = 1\n";
    let rule = |condition: &str| {
        format!("{head}[[restrictions]]\nid = \"r\"\nmodels = [\"*\"]\nwhen = '''{condition}'''\n")
    };
    for text in [
        format!("{head}x = {}", "[".repeat(100_000)),
        format!("{head}{}", "[a".repeat(100_000)),
        format!("{head}{}", "a.".repeat(100_000)),
        "{\"a\":".repeat(100_000),
        "[".repeat(100_000),
        rule(&"(".repeat(60_000)),
        rule(&"!".repeat(60_000)),
        rule(&"-".repeat(60_000)),
        rule(&format!("{}place in [\"CU\"]{}", "(".repeat(30_000), ")".repeat(30_000))),
        rule(&"[".repeat(60_000)),
        rule(&"a.b".repeat(20_000)),
        rule(&"country.exists(c, ".repeat(3_000)),
        rule(&"country == 'CU' ? ".repeat(3_000)),
        rule(&"x".repeat(70_000)),
        rule(&"country == ".repeat(6_000)),
        rule(&"country + ".repeat(6_000)),
        rule(&"country in ".repeat(6_000)),
        rule(&"country == \"||\" == ".repeat(3_000)),
        rule(&"x.f(\",\").f()[1]".repeat(3_000)),
        rule(&format!("{}1{}", "a.b.b.b.b.b.b.b.b.b.b.b.b[".repeat(47), "]".repeat(47))),
        rule(&format!("{}1{}", "a == -b + c in (".repeat(47), ")".repeat(47))),
        rule(&"a ? ".repeat(15)),
    ] {
        check("policy.toml", &text);
    }
    // Texts at which the TOML parser stopped inside a character.
    for text in ["=={Σ", "a = true '''é", "x = \"\"\"\u{10ffff}"] {
        check("policy.toml", text);
    }
    let wide = rule(&vec!["country == \"CU\""; 3_000].join(" || "));
    let loaded = load(vec![Source::new("p.toml", wide)], &mut Options::default());
    assert!(
        loaded.policy.is_some(),
        "long is no mistake: {}",
        render(&loaded.problems, &loaded.files, false)
    );
}
