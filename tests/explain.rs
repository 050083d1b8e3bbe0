//! The output of `explain` for each request under `tests/corpus/explain/`, compared letter by
//! letter with the expected files.
//!
//! The requests in `requests.jsonl` are explained under `policies/mythos-suspension.toml`, and
//! those in NAME.jsonl under the policy NAME beside it. `expected/ID.txt` holds the explanation as
//! text and `expected/ID.json` as JSON. With `UPDATE=1` in the environment the test rewrites both;
//! review them like code.

#![cfg(test)]

#[path = "support/golden.rs"]
mod golden;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use portcullis::OwnedBundle;
use portcullis::analysis::{Decider, Explanation, RequestLine, explain};
use portcullis::compile;
use portcullis::policy::{File, Options, Policy, Source, load};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn policy(name: &str) -> Policy {
    let path = file(name);
    let read = |_: &str, list: &str| {
        let text = fs::read_to_string(file(name).with_file_name(list))
            .map_err(|error| error.to_string())?;
        Ok(File { name: list.to_owned(), text })
    };
    let mut options = Options { read: Some(Box::new(read)), ..Options::default() };
    let loaded = load(vec![Source::new(name, fs::read_to_string(path).unwrap())], &mut options);
    loaded.policy.unwrap_or_else(|| panic!("{name}: {:?}", loaded.problems))
}

/// Every request with its policy and its explanation.
fn cases() -> &'static [(Policy, String, Explanation)] {
    static CASES: OnceLock<Vec<(Policy, String, Explanation)>> = OnceLock::new();
    CASES.get_or_init(explained)
}

fn explained() -> Vec<(Policy, String, Explanation)> {
    let mut cases = Vec::new();
    for (policy_file, requests) in [
        ("policies/mythos-suspension.toml", "tests/corpus/explain/requests.jsonl"),
        ("tests/corpus/explain/escaped.json", "tests/corpus/explain/escaped.jsonl"),
        ("tests/corpus/explain/deployments.toml", "tests/corpus/explain/deployments.jsonl"),
        ("tests/corpus/explain/several-lines.toml", "tests/corpus/explain/several-lines.jsonl"),
    ] {
        let policy = policy(policy_file);
        for line in fs::read_to_string(file(requests)).unwrap().lines() {
            let explanation = explain(&policy, &RequestLine::read(line).unwrap(), 0).unwrap();
            cases.push((policy.clone(), line.to_owned(), explanation));
        }
    }
    cases
}

#[test]
fn each_request_is_explained_as_expected() {
    let mut wrong = Vec::new();
    for (_, line, explanation) in cases() {
        let id = RequestLine::read(line).unwrap().id;
        let id = id.as_str().unwrap();
        for (ending, said) in
            [("txt", explanation.to_text()), ("json", explanation.to_json() + "\n")]
        {
            let path = file(&format!("tests/corpus/explain/expected/{id}.{ending}"));
            if golden::differs(&path, &said) {
                wrong.push(format!("{id}.{ending} should now read:\n{said}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\nUPDATE=1 writes what is said now", wrong.join("\n"));
}

#[test]
fn an_explanation_is_of_the_verdict_that_decide_gives() {
    for (policy, line, explanation) in cases() {
        let key = b"a key of this test";
        let bundle = OwnedBundle::new(compile(policy, Some(key)).unwrap()).unwrap();
        let decided = Decider::new(bundle, Some(key)).unwrap().decide(line, 0).unwrap();
        let decided: serde_json::Value = serde_json::from_str(&decided).unwrap();
        let explained: serde_json::Value = serde_json::from_str(&explanation.to_json()).unwrap();
        for member in ["verdict", "status", "reason", "families", "restrictions", "licences"] {
            assert_eq!(explained["verdict"][member], decided[member], "{member} of {line}");
        }
        assert!(explained.get("disagreement").is_none(), "{line}");
    }
}
