//! `portcullis compile`: compiles a policy into a bundle.

use std::path::PathBuf;

use portcullis::policy::Platform;

use crate::input::tell;
use crate::{Exit, input};

/// Compile a policy into a bundle, the only file that the edge needs.
///
/// The same input gives the same bytes on every machine.
#[derive(clap::Args)]
#[command(after_help = crate::EXIT_CODES)]
pub(crate) struct Arguments {
    /// Files of one policy, TOML or JSON
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// File to write the bundle to
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Key of the secret lists, at least 32 hexadecimal digits, such as `openssl rand -hex 32`
    /// makes; the deployment needs the same key as `LIST_KEY`
    #[arg(long, value_name = "FILE")]
    list_key: Option<PathBuf>,
    /// Print problems and result as JSON, one a line
    #[arg(long)]
    json: bool,
    /// Platform that the policy is for: a rule that needs a fact which it does not provide is an
    /// error
    #[arg(long, value_name = "NAME", default_value = "cloudflare", value_parser = input::platform)]
    platform: &'static Platform,
}

pub(crate) fn run(arguments: &Arguments) -> Exit {
    match compile(arguments) {
        Ok(()) => Exit::Done,
        Err(exit) => exit,
    }
}

fn compile(arguments: &Arguments) -> Result<(), Exit> {
    let loaded = input::load(&arguments.files, arguments.json, Some(arguments.platform))?;
    let key = arguments.list_key.as_deref().map(input::list_key).transpose()?;
    loaded.report();
    let bytes = loaded.compile(key.as_deref())?;
    input::write(&arguments.out, &bytes)?;
    let bundle = input::bundle(bytes, &arguments.out)?;
    if arguments.json {
        input::say(&format!("{}\n", bundle.view().to_json()));
    } else {
        let view = bundle.view();
        tell!(
            "{}: {} version {}, {} bytes",
            arguments.out.display(),
            view.policy_id(),
            view.policy_version(),
            bundle.bytes().len()
        );
        tell!("sha-256 {}", view.digest_hex());
    }
    Ok(())
}
