//! What the checker says of each case under `tests/diagnostics/`, compared letter by letter with what it should say.
//!
//! A case is a folder: its `.toml` and `.json` files in the order of their names are one policy, other files are what it refers to, `expected.txt` is the
//! text and `expected.jsonl` the records. Where there is a file `platform`, the policy is for the one that it names. The day is 2026-11-23. With `PORTCULLIS_REWRITE=1` in the environment both are
//! written anew, to be reviewed like code.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis::policy::{File, Loaded, Options, Platform, Severity, Source, load, render};

const NOW: &str = "2026-11-23T12:00:00Z";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn load_files(folder: &Path, names: &[String]) -> Loaded {
    let sources = names.iter().map(|name| Source::new(name, fs::read_to_string(folder.join(name)).unwrap())).collect();
    let read = |_: &str, name: &str| {
        let text = fs::read_to_string(folder.join(name)).map_err(|_| "no such file".to_owned())?;
        Ok(File { name: name.to_owned(), text })
    };
    let platform = fs::read_to_string(folder.join("platform")).ok().map(|name| Platform::of(name.trim()).unwrap());
    load(sources, &mut Options { now: portcullis::read_time(NOW), read: Some(Box::new(read)), platform })
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn each_case_is_told_as_expected() {
    let all = folder("tests/diagnostics");
    let mut wrong = Vec::new();
    for case in names(&all) {
        let folder = all.join(&case);
        let sources: Vec<_> =
            names(&folder).into_iter().filter(|name| name.ends_with(".toml") || name.ends_with(".json")).collect();
        assert!(!sources.is_empty(), "{case} holds no policy");
        let loaded = load_files(&folder, &sources);
        let text = render(&loaded.problems, &loaded.files, false);
        let mut records = String::new();
        for problem in &loaded.problems {
            writeln!(records, "{}", problem.to_json(&loaded.files)).unwrap();
        }
        let errors = loaded.problems.iter().any(|problem| problem.severity() == Severity::Error);
        assert_eq!(loaded.policy.is_none(), errors, "{case}: a policy if and only if there is no error");
        for (name, said) in [("expected.txt", text), ("expected.jsonl", records)] {
            let path = folder.join(name);
            if std::env::var_os("PORTCULLIS_REWRITE").is_some_and(|value| value == "1") {
                fs::write(&path, said).unwrap();
            } else if fs::read_to_string(&path).unwrap_or_default() != said {
                wrong.push(format!("{case}/{name} should now read:\n{said}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\nPORTCULLIS_REWRITE=1 writes what is said now", wrong.join("\n"));
}

#[test]
fn twenty_mistakes_are_twenty_problems() {
    let folder = folder("tests/diagnostics/twenty-mistakes");
    let loaded = load_files(&folder, &["policy.toml".to_owned()]);
    assert_eq!(loaded.problems.len(), 20, "{}", render(&loaded.problems, &loaded.files, false));
    let text = &loaded.files.first().unwrap().text;
    for (problem, line) in loaded.problems.iter().zip(marked(text)) {
        assert_eq!(problem.lines(&loaded.files).line, line, "{problem:?}");
    }
}

/// The lines that say `# wrong`, once for each.
fn marked(text: &str) -> Vec<usize> {
    text.lines().enumerate().flat_map(|(at, line)| line.match_indices("# wrong").map(move |_| at + 1)).collect()
}

#[test]
fn the_worked_examples_are_sound() {
    let folder = folder("policies");
    for name in names(&folder).into_iter().filter(|name| name.ends_with(".toml") && !name.ends_with(".test.toml")) {
        let loaded = load_files(&folder, std::slice::from_ref(&name));
        let Some(policy) = &loaded.policy else { panic!("{name}:\n{}", render(&loaded.problems, &loaded.files, false)) };
        assert!(!policy.restrictions.is_empty(), "{name} closes something");
        // The one that the design describes shows what the linter says of `doubt = "pass"`; the others are clean.
        let told: Vec<_> = loaded.problems.iter().map(|problem| problem.code.id).collect();
        assert_eq!(told, if name == "mythos-suspension.toml" { vec!["W0606"] } else { vec![] }, "{name}");
    }
}
/// Raised where a sound policy becomes a bundle, which loading alone does not do.
const LOWERING: [&str; 1] = ["E0508"];

#[test]
fn every_code_has_a_case() {
    let all = folder("tests/diagnostics");
    let mut told = String::new();
    for case in names(&all) {
        told.push_str(&fs::read_to_string(all.join(case).join("expected.jsonl")).unwrap_or_default());
    }
    let untold: Vec<_> = portcullis::policy::Code::ALL
        .iter()
        .map(|code| code.id)
        .filter(|id| !told.contains(id) && !LOWERING.contains(id))
        .collect();
    assert!(untold.is_empty(), "no case shows {untold:?}");
}

/// Editors read the schema from a file beside the policies, which `PORTCULLIS_REWRITE=1` writes.
#[test]
fn the_schema_beside_the_policies_is_the_one_of_the_types() {
    let path = folder("policies/policy.schema.json");
    let now = format!("{:#}\n", portcullis::policy::schema());
    if std::env::var_os("PORTCULLIS_REWRITE").is_some_and(|value| value == "1") {
        fs::write(&path, &now).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), now, "PORTCULLIS_REWRITE=1 writes it anew");
}
