//! `portcullis schema`: prints the JSON Schema of a policy file, for editors.

use crate::{Exit, input};

/// Print the JSON Schema of a policy file, so that editors complete and check it.
///
/// A TOML file names the schema in its first line, `#:schema FILE`, a JSON file under the key
/// `$schema`.
#[derive(clap::Args)]
#[command(after_help = crate::EXIT_CODES)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> Exit {
    input::say(&format!("{:#}\n", portcullis::policy::schema()));
    Exit::Done
}
