use proptest::prelude::*;

use super::*;
use crate::bundle::view::OwnedBundle;
use crate::testing::request_bundle::RequestBundle;

fn plain(names: &mut [u64]) -> Occurrences<'_> {
    Occurrences { names, targets: None, scope: Scope::default() }
}

fn bits(bundle: &OwnedBundle, text: &str) -> Result<u64, Reason> {
    let mut bits = [0];
    judge(bundle.view(), text.as_bytes(), &mut Vec::new(), &mut plain(&mut bits)).map(|()| bits[0])
}

/// Returns the numbers of the patterns that occur; 0 for an id in which no pattern occurs.
fn found(patterns: &[&str], text: &str) -> Vec<u32> {
    let bits =
        bits(&RequestBundle { patterns, ..RequestBundle::default() }.bundle(), text).unwrap();
    (0..64).filter(|bit| bits >> bit & 1 != 0).collect()
}

#[test]
fn a_pattern_occurs_wherever_its_tokens_stand_in_a_run() {
    for id in [
        "mythos-5",
        "MYTHOS_5",
        "anthropic/mythos-5-20260601",
        "us.anthropic.mythos-5-v1:0",
        "mythos.5(high)",
        "haiku-40/../mythos-5",
        "mythos%2D5",
        "mythos%252d5",
        "%6Dythos-5",
        "~anthropic/mythos-5-latest",
        "mythos-5&adapters/acme/style",
    ] {
        assert_eq!(found(&["mythos-5"], id).last(), Some(&1), "{id}");
    }
    for id in ["mythos-50", "minimythos-5", "mythos-4", "mythos5", "mythos-x-5", "", "-", "mythos"]
    {
        assert_eq!(found(&["mythos-5"], id), [0], "{id}");
    }
}

#[test]
fn each_part_is_judged_by_itself() {
    assert_eq!(found(&["mythos-5", "haiku-4"], "haiku-4, mythos-5"), [1, 2]);
    assert_eq!(found(&["mythos-5"], "mythos,5"), [0]);
    assert_eq!(found(&["mythos-5"], "mythos-5,auto"), [0, 1]);
    assert_eq!(found(&["mythos-5"], " mythos-5 "), [1]);
    assert_eq!(found(&["mythos-5"], "auto%2Cmythos-5"), [0, 1]);
}

#[test]
fn what_lies_strictly_inside_another_run_does_not_count() {
    let patterns = ["mythos-5", "mythos-5-20260601", "5-20260601-x"];
    assert_eq!(found(&patterns, "mythos-5-20260601"), [2]);
    assert_eq!(found(&patterns, "mythos-5-20260602"), [1]);
    assert_eq!(found(&patterns, "mythos-5-20260601-x"), [2, 3]);
    assert_eq!(found(&patterns, "mythos-5:mythos-5-20260601"), [1, 2]);
}

#[test]
fn a_star_is_the_rest_of_one_token() {
    assert_eq!(found(&["mytho*-5"], "mythos-5"), [1]);
    assert_eq!(found(&["mytho*-5"], "mytho-5"), [1]);
    assert_eq!(found(&["mytho*-5"], "mythos-x-5"), [0]);
    assert_eq!(found(&["mytho*", "mythos-5"], "mythos-5"), [2]);
    assert_eq!(found(&["mytho*-5", "mythos-5"], "mythos-5"), [1, 2]);
    assert_eq!(found(&["mythos-*"], "mythos-anything"), [1]);
}

#[test]
fn an_exact_id_is_the_whole_part() {
    assert_eq!(found(&["=best-available", "mythos-5"], "Best-Available"), [1]);
    assert_eq!(found(&["=best-available", "mythos-5"], "x/best-available"), [0]);
    assert_eq!(found(&["=x-mythos-5", "mythos-5"], "x-mythos-5"), [1]);
    assert_eq!(found(&["=mythos-5", "mythos-5"], "mythos-5"), [1, 2]);
    assert_eq!(found(&["=~", "mythos-5"], "~"), [1]);
}

#[test]
fn what_is_no_id_is_told() {
    let bundle = RequestBundle::default().bundle();
    assert_eq!(bits(&bundle, "mythos-\u{665}"), Err(Reason::IdNotAscii));
    assert_eq!(bits(&bundle, "mythos-5\0"), Err(Reason::IdNotAscii));
    assert_eq!(bits(&bundle, "mythos-5%00"), Err(Reason::IdNotAscii));
    assert_eq!(bits(&bundle, "mythos%zz5"), Err(Reason::PercentEscape));
    assert_eq!(bits(&bundle, "mythos-5%2"), Err(Reason::PercentEscape));
    assert_eq!(bits(&bundle, "mythos%2525252d5"), Err(Reason::PercentEscape));
    let mut hinted = [0];
    hint(bundle.view(), "mythos-5%00 \u{e9}".as_bytes(), &mut Vec::new(), &mut plain(&mut hinted));
    assert_eq!(hinted[0] & 2, 2);
}

/// The definition, word for word: all runs except those strictly inside another one.
fn naive(patterns: &[String], part: &str) -> Vec<u32> {
    let tokens: Vec<&str> = part
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|token| !token.is_empty())
        .collect();
    let mut runs = Vec::new();
    for (number, pattern) in (1_u32..).zip(patterns) {
        let wanted: Vec<&str> = pattern.split('-').collect();
        for start in 0..tokens.len().saturating_sub(wanted.len() - 1) {
            let fits = wanted.iter().zip(&tokens[start..]).all(|(wanted, token)| {
                match wanted.strip_suffix('*') {
                    Some(prefix) => token.starts_with(prefix),
                    None => token == wanted,
                }
            });
            if fits {
                runs.push((number, start, start + wanted.len()));
            }
        }
    }
    let inside = |(_, a, b): &(u32, usize, usize)| {
        runs.iter().any(|(_, c, d)| c <= a && b <= d && (c, d) != (a, b))
    };
    let mut found: Vec<u32> =
        runs.iter().filter(|run| !inside(run)).map(|(number, ..)| *number).collect();
    found.sort_unstable();
    found.dedup();
    if found.is_empty() { vec![0] } else { found }
}

proptest! {
    #[test]
    fn the_trie_agrees_with_the_definition(
        patterns in prop::collection::btree_set("(a|b|ab|a\\*|b\\*)(-(a|b|ab|a\\*)){0,3}", 1..8),
        part in "(a|b|ab|abb|c)([-./:](a|b|ab|abb|c)){0,9}",
    ) {
        let patterns: Vec<String> = patterns.into_iter().collect();
        let texts: Vec<&str> = patterns.iter().map(String::as_str).collect();
        prop_assert_eq!(found(&texts, &part), naive(&patterns, &part));
    }
}
