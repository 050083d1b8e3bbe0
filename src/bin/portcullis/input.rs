//! Reads and writes the files of commands (policies, bundles, keys) and reports errors.

use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use portcullis::policy::{self, Code, File, Platform, Policy, Severity, Source};
use portcullis::{Keep, OwnedBundle, PublicPolicy, public_policy, read_time};

use crate::{Exit, clock};

/// Writes a line to standard error. Ignores failure, since standard error may be closed.
macro_rules! tell {
    ($($argument:tt)*) => {
        $crate::input::write_quietly(anstream::stderr(), &format!("{}\n", format_args!($($argument)*)))
    };
}
pub(crate) use tell;

/// Writes to standard output. Ignores failure, since a reader may close the pipe early (`| head`).
pub(crate) fn say(text: &str) {
    write_quietly(anstream::stdout(), text);
}

/// Writes as much as possible, and ignores failure.
pub(crate) fn write_quietly(mut to: impl Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

/// Returns whether the reader of standard output is gone. Reports any other write error.
pub(crate) fn is_over(written: io::Result<()>) -> Result<bool, Exit> {
    match written {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(true),
        Err(error) => Err(file_fault("standard output".as_ref(), &error)),
    }
}

/// Reads the key of secret lists from a file of hexadecimal digits. A deployment has the key in the
/// same form.
pub(crate) fn list_key(path: &Path) -> Result<Vec<u8>, Exit> {
    const LEAST: usize = 32;
    let held = bytes(path)?;
    let text = core::str::from_utf8(&held).unwrap_or_default().trim_end();
    let said = match text.chars().find(|c| !c.is_ascii_hexdigit()) {
        _ if text.is_empty() => "holds no text".to_owned(),
        Some(strange) => format!("holds {strange:?}, which is no hexadecimal digit"),
        None if text.len() < LEAST => {
            format!("holds {} digits, and {LEAST} are the least", text.len())
        }
        None if !text.len().is_multiple_of(2) => {
            format!("holds {} digits, an odd number", text.len())
        }
        None => {
            let pairs = text.as_bytes().chunks(2);
            return Ok(pairs
                .filter_map(|pair| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok())
                .collect());
        }
    };
    tell!(
        "error: {}: a list key is written in hexadecimal digits, and this file {said}",
        path.display()
    );
    tell!(
        "  help: `openssl rand -hex 32` makes one, and so does `head -c 32 /dev/urandom | xxd -p -c 64`"
    );
    Err(Exit::Faulty)
}

/// A loaded policy and the output format of its problems.
pub(crate) struct Loaded {
    loaded: policy::Loaded,
    json: bool,
}

/// Loads the files of one policy. The path of a list file is relative to the policy file that names
/// it.
pub(crate) fn load(
    paths: &[PathBuf],
    json: bool,
    platform: Option<&'static Platform>,
) -> Result<Loaded, Exit> {
    let mut sources = Vec::new();
    for path in paths {
        sources.push(Source::new(path.display().to_string(), text(path)?));
    }
    let read = |policy: &str, list: &str| {
        let path = Path::new(policy).with_file_name("").join(list);
        let name = path.display().to_string();
        fs::read_to_string(&path).map(|text| File { name, text }).map_err(|error| error.to_string())
    };
    let mut options = policy::Options { now: Some(clock()), read: Some(Box::new(read)), platform };
    Ok(Loaded { loaded: policy::load(sources, &mut options), json })
}

impl Loaded {
    /// Returns the policy, if it has no errors.
    pub(crate) fn policy(&self) -> Option<&Policy> {
        self.loaded.policy.as_ref()
    }

    /// Compiles the policy too, and adds the errors to its problems.
    pub(crate) fn and_compiled(mut self) -> Self {
        let problems = self.policy().map(portcullis::problems).unwrap_or_default();
        if !problems.is_empty() {
            self.loaded.policy = None;
            self.loaded.problems.extend(problems);
        }
        self
    }

    /// Returns the number of warnings.
    pub(crate) fn warnings(&self) -> usize {
        self.loaded
            .problems
            .iter()
            .filter(|problem| problem.severity() == Severity::Warning)
            .count()
    }

    /// Returns the number of warnings that the policy allows.
    pub(crate) fn allowed(&self) -> usize {
        self.loaded.allowed.len()
    }

    /// Reports the problems: as text on standard error, or as JSON on standard output.
    pub(crate) fn report(&self) {
        if self.json {
            for problem in &self.loaded.problems {
                say(&format!("{}\n", problem.to_json(&self.loaded.files)));
            }
        } else {
            write_quietly(
                anstream::stderr(),
                &policy::render(&self.loaded.problems, &self.loaded.files, true),
            );
        }
    }

    /// Reduces the policy to what a page may show from the instant `at` on, besides the parts named
    /// in `keep`.
    pub(crate) fn public(mut self, keep: &[String], at: i64) -> Result<(Self, PublicPolicy), Exit> {
        let Some(policy) = self.policy() else { return Err(Exit::Faulty) };
        let keep = Keep::read(keep.iter().map(String::as_str), policy).map_err(|error| {
            tell!("error: {error}");
            if let Some(help) = &error.help {
                tell!("  help: {help}");
            }
            Exit::Usage
        })?;
        match public_policy(policy, &keep, at) {
            Ok(public) => {
                self.loaded.policy = Some(public.policy.clone());
                Ok((self, public))
            }
            Err(errors) => {
                self.loaded.problems = errors.iter().map(|error| error.problem(policy)).collect();
                self.report();
                Err(Exit::Faulty)
            }
        }
    }

    /// Returns the bundle's bytes. `key` is the key of secret lists.
    pub(crate) fn compile(mut self, key: Option<&[u8]>) -> Result<Vec<u8>, Exit> {
        let Some(policy) = self.policy() else { return Err(Exit::Faulty) };
        match portcullis::compile(policy, key) {
            Ok(bytes) => Ok(bytes),
            Err(errors) => {
                self.loaded.problems = errors.iter().map(|error| error.problem(policy)).collect();
                self.report();
                Err(Exit::Faulty)
            }
        }
    }
}

/// Returns the bundle to decide with, from policy files or from a file of its own, and its list
/// key. If both are given, the bundle decides, and its id and version must be the policy's.
pub(crate) fn policy_or_bundle(
    files: &[PathBuf],
    bundle_file: Option<&Path>,
    key: Option<Vec<u8>>,
) -> Result<(OwnedBundle, Option<Vec<u8>>), Exit> {
    let compiled = if files.is_empty() {
        None
    } else {
        let loaded = load(files, false, None)?;
        loaded.report();
        // The bundle is compiled and used in this process only, so any key works.
        let key = key.clone().unwrap_or_else(|| b"this process only".to_vec());
        Some((bundle(loaded.compile(Some(&key))?, "the compiled policy".as_ref())?, Some(key)))
    };
    let Some(path) = bundle_file else { return compiled.ok_or(Exit::Usage) };
    let given = bundle(bytes(path)?, path)?;
    if let (None, Some(list)) = (&key, given.view().secret_list()) {
        tell!(
            "error: {}: the list `{list}` is secret, and without its key no name would count as listed",
            path.display()
        );
        tell!("  help: give `--list-key FILE` with the key that the bundle was compiled with");
        return Err(Exit::Faulty);
    }
    if let Some((compiled, _)) = &compiled {
        let (ours, theirs) = (compiled.view(), given.view());
        if (ours.policy_id(), ours.policy_version())
            != (theirs.policy_id(), theirs.policy_version())
        {
            tell!(
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

/// Finds the platform with this name, for the command line.
pub(crate) fn platform(name: &str) -> Result<&'static Platform, String> {
    Platform::of(name).ok_or_else(|| {
        let known: Vec<_> = Platform::ALL.iter().map(|platform| platform.name).collect();
        format!("there is no such platform; known are {}", known.join(", "))
    })
}

/// Reads an instant, for the command line. Returns milliseconds since the epoch.
pub(crate) fn time(text: &str) -> Result<i64, String> {
    read_time(text)
        .ok_or_else(|| "write a date and time with an offset: 2026-06-12T21:21:00Z".to_owned())
}

/// Prints the meaning of a code.
pub(crate) fn explain_code(id: &str) -> Exit {
    match Code::of(id) {
        Some(code) => {
            say(&format!("{}: {}\n\n{}\n", code.id, code.severity().name(), code.explanation));
            Exit::Done
        }
        None => {
            tell!("error: there is no code `{id}`");
            Exit::Usage
        }
    }
}

/// Checks a bundle's bytes.
pub(crate) fn bundle(bytes: Vec<u8>, name: &Path) -> Result<OwnedBundle, Exit> {
    OwnedBundle::new(bytes).map_err(|error| {
        tell!("error[{}]: {}: {error}", error.code(), name.display());
        Exit::Faulty
    })
}

/// Returns a file's text.
pub(crate) fn text(path: &Path) -> Result<String, Exit> {
    fs::read_to_string(path).map_err(|error| file_fault(path, &error))
}

/// Returns a file's bytes.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, Exit> {
    fs::read(path).map_err(|error| file_fault(path, &error))
}

/// Opens a file.
pub(crate) fn open(path: &Path) -> Result<fs::File, Exit> {
    fs::File::open(path).map_err(|error| file_fault(path, &error))
}

/// Writes a file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Exit> {
    fs::write(path, bytes).map_err(|error| file_fault(path, &error))
}

/// Reports that a file cannot be read or written.
pub(crate) fn file_fault(path: &Path, error: &dyn Display) -> Exit {
    tell!("error: {}: {error}", path.display());
    Exit::File
}

/// Reports that the input cannot be used.
pub(crate) fn fault(error: &dyn Display) -> Exit {
    tell!("error: {error}");
    Exit::Faulty
}
