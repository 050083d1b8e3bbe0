//! The reader of conditions understands the text as its author meant it: random typed conditions,
//! written as an author writes them, come back from a policy file unchanged.

#![cfg(test)]

#[path = "support/generate/mod.rs"]
mod generate;

use generate::{
    CODES, FACTS, LISTS, READINGS, RELATIONS, TIMES, cel_text, certain_caller, condition,
};
use portcullis::analysis::{Known, Reference, Truth};
use portcullis::policy::{
    Atom, Comparison, Condition, Entries, FactKind, FactRef, List, Literal, Options, Range, Source,
    Span, Test, load, render,
};
use portcullis::{Network, Place, Value, read_time};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;

/// A policy file with the facts of the generator, these lists, and a restriction with this
/// condition.
fn policy(text: &str, lists: &[List], doubt: &str) -> String {
    let facts: serde_json::Map<_, _> = FACTS
        .iter()
        .map(|(name, kind)| {
            let kind = match kind() {
                FactKind::Bool => "bool",
                FactKind::Enum(_) => "enum",
                FactKind::Text => "text",
                FactKind::Place => "place",
                FactKind::Time => "time",
                FactKind::List => "list",
                FactKind::Number => "number",
            };
            let mut fact = serde_json::json!({ "type": kind, "claim": format!("/{name}") });
            if kind == "enum" {
                fact["values"] = serde_json::json!(RELATIONS);
            }
            ((*name).to_owned(), fact)
        })
        .collect();
    let lists: serde_json::Map<_, _> = LISTS
        .iter()
        .zip(lists)
        .map(|(name, list)| {
            let list = match &list.entries {
                Entries::Places(places) => {
                    let values: Vec<_> = CODES
                        .iter()
                        .filter(|code| places.contains(&portcullis::read_code(code).unwrap()))
                        .collect();
                    serde_json::json!({ "kind": "place", "values": values })
                }
                Entries::Texts(texts) => {
                    serde_json::json!({ "kind": "text", "values": texts, "secret": list.secret })
                }
                Entries::Ranges(ranges) => {
                    let values: Vec<_> = ranges.iter().map(cidr).collect();
                    serde_json::json!({ "kind": "cidr", "values": values })
                }
                Entries::Numbers(numbers) => {
                    serde_json::json!({ "kind": "number", "values": numbers })
                }
            };
            ((*name).to_owned(), list)
        })
        .collect();
    serde_json::json!({
        "format": 1,
        "policy": { "id": "p", "version": 1, "dialects": ["openai", "anthropic"] },
        "facts": facts,
        "lists": lists,
        "restrictions": [{ "id": "r", "models": ["*"], "when": text, "doubt": doubt }],
    })
    .to_string()
}

fn cidr(range: &Range) -> String {
    match *range {
        Range::V4(first, last) => {
            format!("{}/{}", std::net::Ipv4Addr::from(first), (first ^ last).leading_zeros())
        }
        Range::V6(first, last) => {
            format!("{}/{}", std::net::Ipv6Addr::from(first), (first ^ last).leading_zeros())
        }
    }
}

fn understood(text: &str, lists: &[List]) -> Condition {
    let loaded =
        load(vec![Source::new("p.json", policy(text, lists, "deny"))], &mut Options::default());
    let Some(policy) = loaded.policy else {
        panic!("{text}\n{}", render(&loaded.problems, &loaded.files, false))
    };
    let clause = policy.restrictions[0].when.as_ref().unwrap();
    assert_eq!(clause.text, text);
    for span in spans(&clause.condition) {
        let written = &loaded.files[0].text;
        assert!(
            written.is_char_boundary(span.start)
                && written.is_char_boundary(span.end)
                && span.start < span.end,
            "{span:?}"
        );
        assert!(
            clause.span.start <= span.start && span.end <= clause.span.end,
            "{span:?} lies in {:?}",
            clause.span
        );
    }
    plain(&clause.condition)
}

fn spans(condition: &Condition) -> Vec<Span> {
    match condition {
        Condition::True | Condition::False => Vec::new(),
        Condition::Atom(atom) => vec![atom.span],
        Condition::Not(inner) => spans(inner),
        Condition::And(parts) | Condition::Or(parts) => parts.iter().flat_map(spans).collect(),
    }
}

/// Removes what the text does not preserve: spans, brackets around parts of the same operator,
/// duplicate entries, and the difference between equality with a number and a list of one number.
fn plain(condition: &Condition) -> Condition {
    let flat = |parts: &[Condition], and: bool| {
        let mut all = Vec::new();
        for part in parts.iter().map(plain) {
            match part {
                Condition::And(inner) if and => all.extend(inner),
                Condition::Or(inner) if !and => all.extend(inner),
                other => all.push(other),
            }
        }
        all
    };
    match condition {
        Condition::True => Condition::True,
        Condition::False => Condition::False,
        Condition::Not(inner) => Condition::Not(Box::new(plain(inner))),
        Condition::And(parts) => Condition::And(flat(parts, true)),
        Condition::Or(parts) => Condition::Or(flat(parts, false)),
        Condition::Atom(atom) => {
            let test = match &atom.test {
                Test::In(literals) => {
                    let mut distinct: Vec<Literal> = Vec::new();
                    for literal in literals {
                        if !distinct.contains(literal) {
                            distinct.push(literal.clone());
                        }
                    }
                    Test::In(distinct)
                }
                Test::Order(Comparison::Equal, number @ Literal::Number(_)) => {
                    Test::In(vec![number.clone()])
                }
                Test::Exists(test) => Test::Exists(element(test)),
                Test::All(test) => Test::All(element(test)),
                other => other.clone(),
            };
            Condition::Atom(Atom { fact: atom.fact, test, span: Span::default() })
        }
    }
}

fn element(test: &portcullis::policy::ElementTest) -> portcullis::policy::ElementTest {
    use portcullis::policy::ElementTest as E;
    let flat = |parts: &[E], and: bool| {
        let mut all = Vec::new();
        for part in parts.iter().map(element) {
            match part {
                E::And(inner) if and => all.extend(inner),
                E::Or(inner) if !and => all.extend(inner),
                other => all.push(other),
            }
        }
        all
    };
    match test {
        E::Not(inner) => E::Not(Box::new(element(inner))),
        E::And(parts) => E::And(flat(parts, true)),
        E::Or(parts) => E::Or(flat(parts, false)),
        other => other.clone(),
    }
}

/// Says whether the condition tests `country` or `region` against a list that holds both. The
/// checker reports that as an error, since the author means `place`.
fn asks_part_of_a_place(condition: &Condition) -> bool {
    match condition {
        Condition::True | Condition::False => false,
        Condition::Atom(atom) => {
            matches!((atom.fact, &atom.test), (FactRef::Country | FactRef::Region, Test::InList(_)))
        }
        Condition::Not(inner) => asks_part_of_a_place(inner),
        Condition::And(parts) | Condition::Or(parts) => parts.iter().any(asks_part_of_a_place),
    }
}

/// The number of cases: `PROPTEST_CASES`, or 200.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_condition_is_understood_as_it_is_written(condition in condition(), vocabulary in generate::vocabulary()) {
        prop_assume!(!asks_part_of_a_place(&condition));
        let text = cel_text(&condition);
        prop_assert_eq!(understood(&text, &vocabulary.lists), plain(&condition), "{}", text);
    }

    /// A condition that the linter calls always true or always false is so for every caller about
    /// whom everything is known. Where the linter does not warn of a way out, no way out exists.
    #[test]
    fn the_linter_claims_nothing_that_is_not_so(
        condition in condition(),
        vocabulary in generate::vocabulary(),
        callers in prop::collection::vec((certain_caller(), select(&READINGS[..3]), select(&TIMES[..])), 24),
    ) {
        prop_assume!(!asks_part_of_a_place(&condition));
        let text = cel_text(&condition);
        let loaded = load(vec![Source::new("p.json", policy(&text, &vocabulary.lists, "pass"))], &mut Options::default());
        let told = |what: &str| loaded.problems.iter().any(|problem| problem.message.starts_with(what) || problem.message.contains(&format!(" by {what}")));
        let policy = loaded.policy.as_ref().unwrap();
        let reference = Reference::new(policy);
        for (caller, (operation, dialect), now) in &callers {
            let known = Known { operation, dialect, ..caller.known(read_time(now).unwrap()) };
            let truth = reference.truth(&condition, &known);
            prop_assert!(!told("the condition is always true") || truth == Truth::True, "{} for {:?}", text, known);
            prop_assert!(!told("the condition is always false") || truth == Truth::False, "{} for {:?}", text, known);
            if truth != Truth::True {
                continue;
            }
            let tor = Network::of("tor").unwrap();
            // Tor hides the place. The network itself stays visible.
            let asks_place = ["place", "country", "region"].iter().any(|name| text.contains(name));
            if asks_place && known.network.0 & tor.0 == 0 && !told("coming through Tor") {
                let hidden = Known { place: Place::UNKNOWN, network: tor, ..known.clone() };
                prop_assert_eq!(reference.truth(&condition, &hidden), Truth::True, "{} lets {:?} out", text, known);
            }
            if !told("leaving out the credential") {
                let hidden = Known { account: std::collections::BTreeMap::<&str, Value<'_>>::new(), ..known.clone() };
                prop_assert_eq!(reference.truth(&condition, &hidden), Truth::True, "{} lets {:?} out", text, known);
            }
        }
    }
}

#[test]
fn two_ways_of_writing_the_same_are_understood_alike() {
    let lists: Vec<List> = {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        generate::vocabulary().new_tree(&mut runner).unwrap().current().lists
    };
    for (one, other) in [
        (r#"org != "a""#, r#"!(org == "a")"#),
        (r#""a" == org"#, r#"org in ["a"]"#),
        ("org == 'a'", r#"org == """a""""#),
        (r#"org == "\u0061\x62""#, r#"org == "ab""#),
        (r#"org == r"\""#, r#"org == "\\""#),
        ("1 < score", "score > 1.0"),
        ("1u >= score", "score <= 1"),
        ("score == 1", "score in [1]"),
        ("now < verified_until", "verified_until > now"),
        ("now == verified_until", "verified_until == now"),
        (
            r#"timestamp("2026-06-12T00:00:00Z") <= now"#,
            r#"now >= timestamp("2026-06-12T02:00:00+02:00")"#,
        ),
        (
            r#"granted in [timestamp("2026-06-12T00:00:00Z"), timestamp("2026-06-13T00:00:00Z")]"#,
            r#"granted == timestamp("2026-06-12T00:00:00Z") || granted == timestamp("2026-06-13T00:00:00Z")"#,
        ),
        ("us_person == true", "us_person"),
        ("false == us_person", "!us_person"),
        ("us_person != false", "!!!(!us_person)"),
        (r#"billing == "US-PR""#, r#"billing in ["PR"]"#),
        (r#"place == "ua-43""#, r#"place in ["UA-43"]"#),
        ("us_person && (employee && score < 1)", "us_person && employee && score < 1"),
        ("us_person || employee && score < 1", "us_person || (employee && score < 1)"),
        (r#"tags.exists(t, "a" == t)"#, r#"tags.exists(x, x == "a")"#),
        (r#"tags.exists(t, t in ["a", "b"])"#, r#"tags.exists(x, x == "a" || x == "b")"#),
        (r#"tags.all(t, t != "a")"#, r#"tags.all(x, !(x == "a"))"#),
        ("us_person // a comment\n  && employee", "us_person && employee"),
    ] {
        assert_eq!(understood(one, &lists), understood(other, &lists), "{one}");
    }
}
