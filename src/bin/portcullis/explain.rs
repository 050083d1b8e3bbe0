//! `portcullis explain`: explains the verdict on one request.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use portcullis::analysis::{self, RequestLine};

use crate::input::tell;
use crate::{Exit, clock, input};

/// Explain one request: the known facts of the caller, what they close, what the request names, and
/// the rules that decided.
///
/// The request has the form of a line of `decide`. A line without `now` is explained for the
/// current time.
#[derive(clap::Args)]
#[command(after_help = crate::EXIT_CODES)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["request", "requests"])))]
pub(crate) struct Arguments {
    /// Files of one policy, TOML or JSON
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    policy: Vec<PathBuf>,
    /// A file with one request; `-` for standard input
    #[arg(long, value_name = "FILE.json")]
    request: Option<PathBuf>,
    /// Requests, one a line; --id selects one
    #[arg(long, value_name = "FILE.jsonl", requires = "id")]
    requests: Option<PathBuf>,
    /// The `id` of the request among --requests
    #[arg(long, value_name = "ID", requires = "requests")]
    id: Option<String>,
    /// Print the explanation, and the policy's problems, as JSON, one a line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Exit {
    match explain(arguments) {
        Ok(()) => Exit::Done,
        Err(exit) => exit,
    }
}

fn explain(arguments: &Arguments) -> Result<(), Exit> {
    let loaded = input::load(&arguments.policy, arguments.json, None)?;
    loaded.report();
    let policy = loaded.policy().ok_or(Exit::Faulty)?;
    let line = match (&arguments.request, &arguments.requests, &arguments.id) {
        (Some(path), ..) => request(&text(path)?, path)?,
        (_, Some(path), Some(id)) => request_of_id(&text(path)?, path, id)?,
        _ => return Err(Exit::Usage),
    };
    for key in &line.passed_over {
        tell!("the key `{}` is passed over", key.escape_debug());
    }
    if let Some(error) = analysis::strange_switch(policy, &line) {
        return Err(input::fault(&error));
    }
    let explanation = match analysis::explain(policy, &line, clock()) {
        Ok(explanation) => explanation,
        // Show the compiler's errors in the same way as the policy's problems.
        Err(_) => return Err(loaded.compile(None).err().unwrap_or(Exit::Faulty)),
    };
    if arguments.json {
        input::say(&format!("{}\n", explanation.to_json()));
    } else {
        input::say(&explanation.to_text());
    }
    Ok(())
}

fn text(path: &Path) -> Result<String, Exit> {
    if path.as_os_str() != "-" {
        return input::text(path);
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| input::file_fault("standard input".as_ref(), &error))?;
    Ok(text)
}

fn request(text: &str, path: &Path) -> Result<RequestLine, Exit> {
    RequestLine::read(text).map_err(|error| input::fault(&format!("{}: {error}", path.display())))
}

/// Finds the first line with this id, which is a text or any other JSON value. Other lines of the
/// file need not be requests.
fn request_of_id(text: &str, path: &Path, id: &str) -> Result<RequestLine, Exit> {
    for line in text.lines() {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        let plain = serde_json::from_str::<serde_json::Value>(id).ok();
        let found = value
            .get("id")
            .is_some_and(|own| own.as_str() == Some(id) || Some(own) == plain.as_ref());
        if found {
            return request(line, path);
        }
    }
    Err(input::fault(&format!("{}: no request has the id `{id}`", path.display())))
}
