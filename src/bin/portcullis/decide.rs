//! `portcullis decide`: one request a line in, one verdict a line out.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;

use portcullis::analysis::Decider;

use crate::{Exit, clock, input};

/// Decide requests: one a line in, one verdict a line out, in the same order.
///
/// A line is an object with `id`, `method`, `url`, and optionally `headers`, `body` or `body_b64`, `place`, `network`, `account`, `now`,
/// `chunks`, `frames`, `trailers`, `switch`; `places` and `accounts` for several candidate callers. A line that is no request gets
/// `{"id":null,"error":...}` and the exit code 1 at the end.
#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true).args(["policy", "bundle"])))]
pub(crate) struct Arguments {
    /// Files of one policy, TOML or JSON
    #[arg(long, value_name = "FILE", num_args = 1..)]
    policy: Vec<PathBuf>,
    /// A compiled bundle; with --policy too, it must be that policy's
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Requests, one a line; `-` for standard input
    #[arg(long, value_name = "FILE.jsonl")]
    requests: PathBuf,
    /// Secret of lists whose names must not be guessable; for a policy one is made up if it is left out
    #[arg(long, value_name = "FILE")]
    list_key: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Exit {
    decide(arguments).unwrap_or_else(|exit| exit)
}

fn decide(arguments: &Arguments) -> Result<Exit, Exit> {
    let key = arguments.list_key.as_deref().map(input::bytes).transpose()?;
    let (bundle, key) = input::policy_or_bundle(&arguments.policy, arguments.bundle.as_deref(), key)?;
    let mut decider = Decider::new(bundle, key.as_deref()).map_err(|error| input::fault(&error))?;
    let piped = arguments.requests.as_os_str() == "-";
    let from: Box<dyn BufRead> =
        if piped { Box::new(std::io::stdin().lock()) } else { Box::new(BufReader::new(input::open(&arguments.requests)?)) };
    let mut to = BufWriter::new(std::io::stdout().lock());
    let mut exit = Exit::Done;
    for (number, line) in from.split(b'\n').enumerate() {
        let line = line.map_err(|error| input::file_fault(&arguments.requests, &error))?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let decided = match core::str::from_utf8(&line) {
            Ok(line) => decider.decide(line, clock()).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let written = match decided {
            Ok(verdict) => writeln!(to, "{verdict}"),
            Err(error) => {
                exit = Exit::Faulty;
                anstream::eprintln!("{}:{}: {error}", arguments.requests.display(), number + 1);
                writeln!(to, "{}", serde_json::json!({ "id": null, "error": error }))
            }
        };
        let written = written.and_then(|()| if piped { to.flush() } else { Ok(()) });
        written.map_err(|error| input::file_fault("standard output".as_ref(), &error))?;
    }
    to.flush().map_err(|error| input::file_fault("standard output".as_ref(), &error))?;
    Ok(exit)
}
