//! The checker's output for each case under `tests/corpus/policies/`, compared letter by letter
//! with the expected files.
//!
//! A case is a folder. Its `.toml` and `.json` files, ordered by name, form one policy, and its
//! other files are those that the policy refers to. `expected.txt` holds the text and
//! `expected.jsonl` the records. A file `platform` names the platform that the policy is for. The
//! day is 2026-11-23. With `UPDATE=1` in the environment the test rewrites both; review them like
//! code.

#![cfg(test)]
#![expect(clippy::string_slice, reason = "tests")]

#[path = "support/golden.rs"]
mod golden;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis::policy::{
    File, Loaded, Options, Platform, Problem, Severity, Source, load, render,
};

const NOW: &str = "2026-11-23T12:00:00Z";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn load_files(folder: &Path, names: &[String]) -> Loaded {
    load_edited(folder, names, "", "")
}

/// Loads the case with another text in the file `edited`.
fn load_edited(folder: &Path, names: &[String], edited: &str, text: &str) -> Loaded {
    let text_of = |name: &str| {
        if name == edited {
            Ok(text.to_owned())
        } else {
            fs::read_to_string(folder.join(name)).map_err(|_| "no such file".to_owned())
        }
    };
    let sources = names.iter().map(|name| Source::new(name, text_of(name).unwrap())).collect();
    let read = |_: &str, name: &str| Ok(File { name: name.to_owned(), text: text_of(name)? });
    let platform = fs::read_to_string(folder.join("platform"))
        .ok()
        .map(|name| Platform::of(name.trim()).unwrap());
    load(
        sources,
        &mut Options { now: portcullis::read_time(NOW), read: Some(Box::new(read)), platform },
    )
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The policy files of a case.
fn sources(folder: &Path) -> Vec<String> {
    names(folder)
        .into_iter()
        .filter(|name| name.ends_with(".toml") || name.ends_with(".json"))
        .collect()
}

/// Applying a proposal of the checker removes the problem, and causes no new one in its place.
#[test]
fn each_proposal_mends_what_it_is_made_for() {
    let all = folder("tests/corpus/policies");
    let (mut wrong, mut applied) = (Vec::new(), 0);
    for case in names(&all) {
        let folder = all.join(&case);
        let sources = sources(&folder);
        let loaded = load_files(&folder, &sources);
        for problem in &loaded.problems {
            let Some((span, text)) = problem.replacement(&loaded.files) else { continue };
            applied += 1;
            let file = &loaded.files[span.file];
            let edited = format!("{}{text}{}", &file.text[..span.start], &file.text[span.end..]);
            let again = load_edited(&folder, &sources, &file.name, &edited);
            // The checker examines the meaning of text with a syntax or type error only after the
            // mistake is fixed, so other problems may appear there.
            let shape = matches!(problem.code.id, "E0101" | "E0104");
            let same = |other: &&Problem| other.code == problem.code || !shape;
            let there = |other: &&Problem| {
                let place = again.files[other.span.file].name == file.name;
                place && other.span.start < span.start + text.len() && other.span.end > span.start
            };
            let left = again
                .problems
                .iter()
                .find(|other| other.severity() == Severity::Error && there(other) && same(other));
            if let Some(left) = left {
                wrong.push(format!(
                    "{case}: {} {:?}, {:?}: `{text}`\n  then {} {}",
                    problem.code.id, problem.message, problem.help, left.code.id, left.message
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(applied > 60, "{applied}");
}

#[test]
fn each_case_is_told_as_expected() {
    let all = folder("tests/corpus/policies");
    let mut wrong = Vec::new();
    for case in names(&all) {
        let folder = all.join(&case);
        let sources = sources(&folder);
        assert!(!sources.is_empty(), "{case} holds no policy");
        let loaded = load_files(&folder, &sources);
        let text = render(&loaded.problems, &loaded.files, false);
        let mut records = String::new();
        for problem in &loaded.problems {
            writeln!(records, "{}", problem.to_json(&loaded.files)).unwrap();
        }
        let errors = loaded.problems.iter().any(|problem| problem.severity() == Severity::Error);
        assert_eq!(
            loaded.policy.is_none(),
            errors,
            "{case}: a policy if and only if there is no error"
        );
        for (name, said) in [("expected.txt", text), ("expected.jsonl", records)] {
            let path = folder.join(name);
            if golden::differs(&path, &said) {
                wrong.push(format!("{case}/{name} should now read:\n{said}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\nUPDATE=1 writes what is said now", wrong.join("\n"));
}

#[test]
fn twenty_mistakes_are_twenty_problems() {
    let folder = folder("tests/corpus/policies/twenty-mistakes");
    let loaded = load_files(&folder, &["policy.toml".to_owned()]);
    assert_eq!(loaded.problems.len(), 20, "{}", render(&loaded.problems, &loaded.files, false));
    let text = &loaded.files.first().unwrap().text;
    for (problem, line) in loaded.problems.iter().zip(marked(text)) {
        assert_eq!(problem.lines(&loaded.files).line, line, "{problem:?}");
    }
}

/// The numbers of the lines that say `# wrong`, repeated for each occurrence.
fn marked(text: &str) -> Vec<usize> {
    text.lines()
        .enumerate()
        .flat_map(|(at, line)| line.match_indices("# wrong").map(move |_| at + 1))
        .collect()
}

#[test]
fn the_worked_examples_are_sound() {
    let folder = folder("policies");
    for name in names(&folder)
        .into_iter()
        .filter(|name| name.ends_with(".toml") && !name.ends_with(".test.toml"))
    {
        let loaded = load_files(&folder, std::slice::from_ref(&name));
        let Some(policy) = &loaded.policy else {
            panic!("{name}:\n{}", render(&loaded.problems, &loaded.files, false))
        };
        assert!(!policy.restrictions.is_empty(), "{name} closes something");
        // All are free of problems. The one that the design describes shows how to allow a warning.
        let told: Vec<_> = loaded.problems.iter().map(|problem| problem.code.id).collect();
        assert!(told.is_empty(), "{name}: {told:?}");
        let allowed: Vec<_> = loaded.allowed.iter().map(|problem| problem.code.id).collect();
        assert_eq!(
            allowed,
            if name == "mythos-suspension.toml" { vec!["W0606"] } else { vec![] },
            "{name}"
        );
    }
}
/// Found when a sound policy is compiled to a bundle, so loading alone does not report it.
const COMPILING: [&str; 1] = ["E0508"];

#[test]
fn every_code_has_a_case() {
    let all = folder("tests/corpus/policies");
    let mut told = String::new();
    for case in names(&all) {
        told.push_str(
            &fs::read_to_string(all.join(case).join("expected.jsonl")).unwrap_or_default(),
        );
    }
    let untold: Vec<_> = portcullis::policy::Code::ALL
        .iter()
        .map(|code| code.id)
        .filter(|id| !told.contains(id) && !COMPILING.contains(id))
        .collect();
    assert!(untold.is_empty(), "no case shows {untold:?}");
}

/// Editors read the schema from a file beside the policies. `UPDATE=1` rewrites it.
#[test]
fn the_schema_beside_the_policies_is_the_one_of_the_types() {
    let path = folder("policies/policy.schema.json");
    let now = format!("{:#}\n", portcullis::policy::schema());
    assert!(!golden::differs(&path, &now), "UPDATE=1 writes it anew");
}
