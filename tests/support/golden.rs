//! Expected texts in files. `UPDATE=1` in the environment rewrites them; review the result like
//! code.

use std::fs;
use std::path::Path;

/// Returns whether the file differs from `now`. With `UPDATE=1` it writes the file and returns
/// `false`.
pub(crate) fn differs(file: &Path, now: &str) -> bool {
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, now).unwrap();
        return false;
    }
    fs::read_to_string(file).unwrap_or_default() != now
}
