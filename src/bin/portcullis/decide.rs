//! `portcullis decide`: reads one request a line and writes one verdict a line.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;

use portcullis::analysis::{Decider, RequestLine};

use crate::input::tell;
use crate::{Exit, clock, input};

/// Decide requests: read one request a line and write one verdict a line, in the same order.
///
/// A line is an object with `id`, `method`, `url`, and optionally `headers`, `body` (a text, or any
/// other JSON value, which is sent in its JSON form) or `body_b64`, `platform`, `place`, `network`,
/// `asn`, `ip`, `account`, `now`, `chunks`, `frames`, `trailers`, `switch`; `places` and `accounts`
/// for several candidate callers. Other keys are ignored and reported once on standard error, and
/// so are names in an account that are not facts of the policy. A key that is one slip away from a
/// known one, an unknown key in a place and a switch of an unknown rule are errors. A line that is
/// not a request gets `{"id":null,"error":...}`, and the exit code is then 1.
#[derive(clap::Args)]
#[command(after_help = crate::EXIT_CODES)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true).args(["policy", "bundle"])))]
pub(crate) struct Arguments {
    /// Files of one policy, TOML or JSON
    #[arg(long, value_name = "FILE", num_args = 1..)]
    policy: Vec<PathBuf>,
    /// A compiled bundle; with --policy too, it must belong to that policy
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Requests, one a line; `-` for standard input
    #[arg(long, value_name = "FILE.jsonl")]
    requests: PathBuf,
    /// Key of the secret lists, as for `compile`: hexadecimal digits. Not needed with --policy
    /// alone
    #[arg(long, value_name = "FILE")]
    list_key: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Exit {
    decide(arguments).unwrap_or_else(|exit| exit)
}

fn decide(arguments: &Arguments) -> Result<Exit, Exit> {
    let key = arguments.list_key.as_deref().map(input::list_key).transpose()?;
    let (bundle, key) =
        input::policy_or_bundle(&arguments.policy, arguments.bundle.as_deref(), key)?;
    let mut decider = Decider::new(bundle, key.as_deref()).map_err(|error| input::fault(&error))?;
    let piped = arguments.requests.as_os_str() == "-";
    let from: Box<dyn BufRead> = if piped {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(BufReader::new(input::open(&arguments.requests)?))
    };
    let mut to = BufWriter::new(std::io::stdout().lock());
    let mut exit = Exit::Done;
    let mut passed_over = BTreeSet::new();
    for (number, line) in from.split(b'\n').enumerate() {
        let line = line.map_err(|error| input::file_fault(&arguments.requests, &error))?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let location = format!("{}:{}", arguments.requests.display(), number + 1);
        let answer = decide_line(&mut decider, &line, |said| {
            if passed_over.insert(said.clone()) {
                tell!("{location}: {said}");
            }
        });
        let answer = answer.unwrap_or_else(|error| {
            exit = Exit::Faulty;
            tell!("{location}: {error}");
            serde_json::json!({ "id": null, "error": error }).to_string()
        });
        let written =
            writeln!(to, "{answer}").and_then(|()| if piped { to.flush() } else { Ok(()) });
        if input::is_over(written)? {
            return Ok(exit);
        }
    }
    input::is_over(to.flush())?;
    Ok(exit)
}

/// Returns the verdict on a line. Calls `passed_over` with a message for each ignored part of the
/// line.
fn decide_line(
    decider: &mut Decider,
    line: &[u8],
    mut passed_over: impl FnMut(String),
) -> Result<String, String> {
    let line = core::str::from_utf8(line).map_err(|error| error.to_string())?;
    let line = RequestLine::read(line).map_err(|error| error.to_string())?;
    for key in &line.passed_over {
        passed_over(format!("the key `{}` is passed over", key.escape_debug()));
    }
    for (name, near) in decider.strange_facts(&line) {
        let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        passed_over(format!(
            "`{}` in an account is no fact of the policy and is passed over{near}",
            name.escape_debug()
        ));
    }
    decider.decide_read(&line, clock()).map_err(|error| error.to_string())
}
