//! What commands read and write: policy files, bundles, keys; and how a fault is told.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis::OwnedBundle;
use portcullis::policy::{self, Code, File, Policy, Severity, Source};

use crate::{Exit, clock};

/// A policy as it was loaded, with what is to be said about it.
pub(crate) struct Loaded {
    loaded: policy::Loaded,
    json: bool,
}

/// Loads the files of one policy. A list file is looked for beside the policy file that names it.
pub(crate) fn load(paths: &[PathBuf], json: bool) -> Result<Loaded, Exit> {
    let mut sources = Vec::new();
    for path in paths {
        sources.push(Source::new(path.display().to_string(), text(path)?));
    }
    let read = |policy: &str, list: &str| {
        let path = Path::new(policy).with_file_name("").join(list);
        let name = path.display().to_string();
        fs::read_to_string(&path).map(|text| File { name, text }).map_err(|error| error.to_string())
    };
    let mut options = policy::Options { now: Some(clock()), read: Some(Box::new(read)) };
    Ok(Loaded { loaded: policy::load(sources, &mut options), json })
}

impl Loaded {
    /// The policy, if it has no errors.
    pub(crate) fn policy(&self) -> Option<&Policy> {
        self.loaded.policy.as_ref()
    }

    /// How many warnings there are.
    pub(crate) fn warnings(&self) -> usize {
        self.loaded.problems.iter().filter(|problem| problem.severity() == Severity::Warning).count()
    }

    /// Tells the problems: to people on standard error, as JSON on standard output.
    pub(crate) fn report(&self) {
        if self.json {
            for problem in &self.loaded.problems {
                anstream::println!("{}", problem.to_json(&self.loaded.files));
            }
        } else {
            anstream::eprint!("{}", policy::render(&self.loaded.problems, &self.loaded.files, true));
        }
    }

    /// The bundle's bytes. `key`: the secret of lists whose names must not be guessable.
    pub(crate) fn compile(mut self, key: Option<&[u8]>) -> Result<Vec<u8>, Exit> {
        let Some(policy) = self.policy() else { return Err(Exit::Faulty) };
        match policy::compile(policy, key) {
            Ok(bytes) => Ok(bytes),
            Err(errors) => {
                self.loaded.problems = errors.iter().map(|error| error.problem(policy)).collect();
                self.report();
                Err(Exit::Faulty)
            }
        }
    }
}

/// The bundle to decide with, from policy files or as it is, and the list key that goes with it. Where both are given, the bundle decides, and it must be the policy's.
pub(crate) fn policy_or_bundle(
    files: &[PathBuf],
    bundle_file: Option<&Path>,
    key: Option<Vec<u8>>,
) -> Result<(OwnedBundle, Option<Vec<u8>>), Exit> {
    let compiled = if files.is_empty() {
        None
    } else {
        let loaded = load(files, false)?;
        loaded.report();
        // Compiled and used in one process: any key serves, and none has to be told.
        let key = key.clone().unwrap_or_else(|| b"this process only".to_vec());
        Some((bundle(loaded.compile(Some(&key))?, "the compiled policy".as_ref())?, Some(key)))
    };
    let Some(path) = bundle_file else { return compiled.ok_or(Exit::Usage) };
    let given = bundle(bytes(path)?, path)?;
    if let Some((compiled, _)) = &compiled {
        let (ours, theirs) = (compiled.view(), given.view());
        if (ours.policy_id(), ours.policy_version()) != (theirs.policy_id(), theirs.policy_version()) {
            anstream::eprintln!(
                "error: {} holds `{}` version {}, the policy is `{}` version {}; compile it again or leave one of them out",
                path.display(),
                theirs.policy_id(),
                theirs.policy_version(),
                ours.policy_id(),
                ours.policy_version()
            );
            return Err(Exit::Faulty);
        }
    }
    Ok((given, key))
}

/// Prints what a code means.
pub(crate) fn explain_code(id: &str) -> Exit {
    match Code::of(id) {
        Some(code) => {
            anstream::println!("{}: {}\n\n{}", code.id, code.severity().name(), code.explanation);
            Exit::Done
        }
        None => {
            anstream::eprintln!("error: there is no code `{id}`");
            Exit::Usage
        }
    }
}

/// Checks a bundle's bytes.
pub(crate) fn bundle(bytes: Vec<u8>, name: &Path) -> Result<OwnedBundle, Exit> {
    OwnedBundle::new(bytes).map_err(|error| {
        anstream::eprintln!("error[{}]: {}: {error}", error.code(), name.display());
        Exit::Faulty
    })
}

/// A file's text.
pub(crate) fn text(path: &Path) -> Result<String, Exit> {
    fs::read_to_string(path).map_err(|error| file_fault(path, &error))
}

/// A file's bytes.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, Exit> {
    fs::read(path).map_err(|error| file_fault(path, &error))
}

/// A file to be read piece by piece.
pub(crate) fn open(path: &Path) -> Result<fs::File, Exit> {
    fs::File::open(path).map_err(|error| file_fault(path, &error))
}

/// Writes a file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Exit> {
    fs::write(path, bytes).map_err(|error| file_fault(path, &error))
}

/// Tells that a file cannot be read or written.
pub(crate) fn file_fault(path: &Path, error: &dyn Display) -> Exit {
    anstream::eprintln!("error: {}: {error}", path.display());
    Exit::File
}

/// Tells that what was given cannot be used.
pub(crate) fn fault(error: &dyn Display) -> Exit {
    anstream::eprintln!("error: {error}");
    Exit::Faulty
}
