//! Files outside this repository. A test reads them from beside the checkout and reports where they
//! are missing.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Returns the file `name` in the folder that the environment variable `variable` names, or in
/// `default` relative to the checkout.
///
/// Without the file it prints `skipped: ...`, also for a test that passes, and returns `None`.
pub(crate) fn beside(variable: &str, default: &str, name: &str) -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join(default);
    let file = std::env::var_os(variable).map_or(default, PathBuf::from).join(name);
    if file.exists() {
        return Some(file);
    }
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // The test runner shows the output of `eprintln!` only where the test fails.
    let _ = writeln!(
        std::io::stderr(),
        "skipped: {test}: no {} ({variable} names another folder)",
        file.display()
    );
    None
}
