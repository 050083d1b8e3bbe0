//! The command line: checks, compiles, tries out and explains policies.
//!
//! Each command has a file of its own. This file has the list of commands and the exit codes.

mod check;
mod compile;
mod decide;
mod explain;
mod input;
mod schema;

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand};

/// The result of a command. `portcullis --help` prints this table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// The command did its work.
    Done = 0,
    /// The policy, the bundle, the list key or an input line has errors. They are on standard
    /// error, or on standard output with --json.
    Faulty = 1,
    /// The command line is wrong (clap uses the same number).
    Usage = 2,
    /// A file cannot be read or written.
    File = 3,
}

const EXIT_CODES: &str = "Exit codes:
  0  done as asked
  1  the policy, the bundle, the list key or an input line has errors (`check --deny-warnings`: or warnings)
  2  the command line is wrong
  3  a file cannot be read or written";

/// Denies requests for restricted AI models, by the place and the account of the caller.
#[derive(Parser)]
#[command(version, after_help = EXIT_CODES, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Arguments),
    Compile(compile::Arguments),
    Decide(decide::Arguments),
    Explain(explain::Arguments),
    Schema(schema::Arguments),
}

fn main() -> ExitCode {
    let exit = match Arguments::parse().command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Compile(arguments) => compile::run(&arguments),
        Command::Decide(arguments) => decide::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
    };
    ExitCode::from(exit as u8)
}

/// Returns the time of this machine's clock in milliseconds since the epoch.
fn clock() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
