//! `portcullis schema`: the JSON Schema of a policy document, for editors.

use crate::{Exit, input};

/// Print the JSON Schema of a policy document, so that editors complete and check it.
///
/// In a TOML file the first line `#:schema FILE` names it, in JSON the key `$schema`.
#[derive(clap::Args)]
#[command(after_help = crate::EXIT_CODES)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> Exit {
    input::say(&format!("{:#}\n", portcullis::policy::schema()));
    Exit::Done
}
