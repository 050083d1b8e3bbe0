//! `portcullis decide`: one request a line in, one verdict a line out.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;

use portcullis::analysis::{Decider, RequestLine};

use crate::input::tell;
use crate::{Exit, clock, input};

/// Decide requests: one a line in, one verdict a line out, in the same order.
///
/// A line is an object with `id`, `method`, `url`, and optionally `headers`, `body` (a text, or any other JSON value, sent as it is written) or
/// `body_b64`, `platform`, `place`, `network`, `asn`, `ip`, `account`, `now`, `chunks`, `frames`, `trailers`, `switch`; `places` and `accounts` for several
/// candidate callers. Other keys are passed over and named once on standard error. A key that is one slip away from one of these, an unknown key in a
/// place and a switch of an unknown rule are errors; what an account says that is no fact of the policy is named once, too. A line that is no request gets `{"id":null,"error":...}` and the exit code 1 at the end.
#[derive(clap::Args)]
#[command(after_help = crate::EXIT_CODES)]
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
    /// Key of the secret lists, as `compile` took it: hexadecimal digits. With --policy alone one is made up if it is left out
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
        let place = format!("{}:{}", arguments.requests.display(), number + 1);
        let answer = decide_line(&mut decider, &line, |said| {
            if passed_over.insert(said.clone()) {
                tell!("{place}: {said}");
            }
        });
        let answer = answer.unwrap_or_else(|error| {
            exit = Exit::Faulty;
            tell!("{place}: {error}");
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

/// The verdict on a line. `passed_over` is told what the line says and nobody looks at.
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
