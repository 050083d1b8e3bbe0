//! `portcullis compile`: a policy into a bundle.

use std::path::PathBuf;

use crate::{Exit, input};

/// Compile a policy into a bundle, the one file that travels to the edge.
///
/// The same input gives the same bytes on every machine.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Files of one policy, TOML or JSON
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Where the bundle goes
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Secret of lists whose names must not be guessable: the bytes of this file; the deployment needs the same
    #[arg(long, value_name = "FILE")]
    list_key: Option<PathBuf>,
    /// Print problems and result as JSON, one a line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Exit {
    match compile(arguments) {
        Ok(()) => Exit::Done,
        Err(exit) => exit,
    }
}

fn compile(arguments: &Arguments) -> Result<(), Exit> {
    let loaded = input::load(&arguments.files, arguments.json)?;
    let key = arguments.list_key.as_deref().map(input::bytes).transpose()?;
    loaded.report();
    let bytes = loaded.compile(key.as_deref())?;
    input::write(&arguments.out, &bytes)?;
    let bundle = input::bundle(bytes, &arguments.out)?;
    if arguments.json {
        anstream::println!("{}", bundle.view().to_json());
    } else {
        let view = bundle.view();
        anstream::eprintln!(
            "{}: {} version {}, {} bytes",
            arguments.out.display(),
            view.policy_id(),
            view.policy_version(),
            bundle.bytes().len()
        );
        anstream::eprintln!("sha-256 {}", view.digest_hex());
    }
    Ok(())
}
