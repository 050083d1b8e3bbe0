//! Requests with their expected verdicts, as data: `tests/corpus/requests/*.jsonl`, and the larger
//! corpus of reported bypasses if it lies beside the repository or `PORTCULLIS_CORPUS` names its
//! folder.
//!
//! A case is a line in the form of `portcullis decide` with an `id`, a `class`, and `expect`.
//! `verdict` lists the right verdicts. Our own cases may also give other members of the verdict
//! (`reason`, `mentions`, `restrictions`, ...). Each case is decided whole and in small chunks,
//! with the same verdict.
//!
//! A *bypass* passes where `pass` is not listed. An *undeferred* case passes where `defer` is
//! listed. An *over-block* is denied or refused where only `pass` or `defer` is listed. None of
//! these may occur.

#![cfg(test)]

#[path = "support/beside.rs"]
mod beside;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis::analysis::{Decider, RequestLine};
use portcullis::compile;
use portcullis::policy::{Options, Source, load};
use portcullis::{OwnedBundle, Verdict};
use serde_json::Value as Json;

/// 2026-06-15, for cases without `now`.
const CLOCK: i64 = 1_781_481_600_000;

fn decider(policy: &Path) -> Decider {
    let text = fs::read_to_string(policy).unwrap();
    let loaded =
        load(vec![Source::new(policy.display().to_string(), text)], &mut Options::default());
    let policy = loaded.policy.unwrap_or_else(|| panic!("{:?}", loaded.problems));
    let bundle = OwnedBundle::new(compile(&policy, None).unwrap()).unwrap();
    Decider::new(bundle, None).unwrap()
}

/// Returns the fault of a verdict, or `None` if it is right.
fn fault(expect: &Json, verdict: &Verdict, own: bool) -> Option<String> {
    let wanted: Vec<&str> = expect["verdict"]
        .as_array()
        .unwrap()
        .iter()
        .map(|verdict| verdict.as_str().unwrap())
        .collect();
    let kind = verdict.kind.name();
    // A policy that defers unknown models may defer wherever passing is right.
    if wanted.contains(&kind) || !own && kind == "defer" && wanted.contains(&"pass") {
        return None;
    }
    let name = match kind {
        "pass" if wanted.contains(&"defer") => "undeferred",
        "pass" => "bypass",
        "deny" | "refuse" if wanted.iter().all(|wanted| matches!(*wanted, "pass" | "defer")) => {
            "over-block"
        }
        // Stricter or milder than listed, but it neither lets a request through nor blocks one
        // wrongly.
        _ => "other",
    };
    Some(format!("{name}: {kind} ({}) for {}", verdict.reason.code(), wanted.join(" or ")))
}

/// Returns a fault if the gate missed mentions. A request that passes must have all of them, and a
/// denied request at least one. An id may be listed in the spelling that the gate read, or in
/// several spellings. The gate reads nothing for a caller without a denied set.
fn unmentioned(expect: &Json, verdict: &Verdict) -> Option<String> {
    let wanted: Vec<&str> =
        expect["mentions"].as_array()?.iter().map(|id| id.as_str().unwrap()).collect();
    let is_heard = |id: &&str| verdict.mentions.iter().any(|heard| heard.contains(id));
    let right = match verdict.reason.code() {
        "allowed" | "unlisted" | "late_bound" => wanted.iter().all(is_heard),
        "model_restricted" => wanted.is_empty() || wanted.iter().any(is_heard),
        _ => true,
    };
    (!right).then(|| format!("mentions {:?} for {wanted:?}", verdict.mentions))
}

#[derive(Default)]
struct Tally {
    faults: BTreeMap<String, String>,
    seen: BTreeMap<String, String>,
    uncertain: usize,
}

fn run(files: &[PathBuf], policy: &Path, own: bool, tally: &mut Tally) {
    let mut decider = decider(policy);
    for file in files {
        for line in fs::read_to_string(file).unwrap().lines().filter(|line| !line.trim().is_empty())
        {
            let json: Json = serde_json::from_str(line).unwrap();
            let id = json["id"].as_str().unwrap().to_owned();
            let mut request =
                RequestLine::read(line).unwrap_or_else(|error| panic!("{id}: {error}"));
            let verdict = decider.verdict(&request, CLOCK);
            let frames = request.frames.iter().map(|frame| frame.bytes.len()).max().unwrap_or(0);
            let length = request.body.as_ref().map_or(frames, Vec::len);
            for size in [1, 13, 4_096] {
                request.chunks = (0..length).step_by(size).collect();
                let cut = decider.verdict(&request, CLOCK);
                assert_eq!(cut.to_json(), verdict.to_json(), "{id} in pieces of {size}");
            }
            if let Some(other) = decider.verdict_from_memory(&request, CLOCK) {
                assert_eq!(other, verdict, "{id} under a head that is remembered");
            }
            let expect = &json["expect"];
            let mut told = fault(expect, &verdict, own).or_else(|| unmentioned(expect, &verdict));
            if own && told.is_none() {
                let given: Json = serde_json::from_str(&verdict.to_json()).unwrap();
                for (key, wanted) in
                    expect.as_object().unwrap().iter().filter(|(key, _)| *key != "verdict")
                {
                    if given[key] != *wanted {
                        told = Some(format!("{key} {} for {wanted}", given[key]));
                    }
                }
            }
            if verdict.kind.name() == "defer" && expect["verdict"] == Json::from(vec!["pass"]) {
                tally.uncertain += 1;
            }
            assert!(
                tally.seen.insert(id.clone(), json["class"].to_string()).is_none(),
                "duplicate id {id}"
            );
            if let Some(told) = told {
                tally.faults.insert(id, told);
            }
        }
    }
}

#[test]
fn every_case_is_decided_as_it_should_be() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tally = Tally::default();
    let mut own: Vec<PathBuf> = fs::read_dir(here.join("tests/corpus/requests"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    own.sort();
    run(&own, &here.join("tests/corpus/policy.toml"), true, &mut tally);
    if let Some(shared) = beside::beside("PORTCULLIS_CORPUS", "../shared/corpus", "requests.jsonl")
    {
        let policy = shared.with_file_name("policy.toml");
        run(&[shared], &policy, false, &mut tally);
    }
    let mut report = String::new();
    for (id, told) in &tally.faults {
        writeln!(report, "{id} [{}]: {told}", tally.seen[id]).unwrap();
    }
    println!("{} cases, {} deferred where a pass is right", tally.seen.len(), tally.uncertain);
    assert!(report.is_empty(), "\n{report}");
}
