//! Files that are not part of this repository. A driver uses them where they lie beside the checkout, and says so where they do not.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The file `name` in the folder that the environment variable `variable` names, else in `default` relative to the checkout. Without
/// the file it prints `skipped: ...`, also for a test that passes, and returns `None`.
pub(crate) fn beside(variable: &str, default: &str, name: &str) -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join(default);
    let file = std::env::var_os(variable).map_or(default, PathBuf::from).join(name);
    if file.exists() {
        return Some(file);
    }
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Not `eprintln!`: the test runner keeps that from view unless the test fails.
    let _ = writeln!(
        std::io::stderr(),
        "skipped: {test}: no {} ({variable} names another folder)",
        file.display()
    );
    None
}
