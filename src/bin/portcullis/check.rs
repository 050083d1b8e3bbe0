//! `portcullis check`: reports all problems of a policy in one run.

use std::path::PathBuf;

use portcullis::policy::Platform;

use crate::input::tell;
use crate::{Exit, input};

/// Check a policy: report every error and warning, with its location and what to write instead.
///
/// Warnings do not change the exit code; `--deny-warnings` makes them errors. To accept a warning,
/// add an `[[allow]]` entry to the policy, with its `code`, its subject under `at` (the id of a
/// rule, the name of a list), and a `reason`.
#[derive(clap::Args)]
#[command(after_help = crate::EXIT_CODES)]
pub(crate) struct Arguments {
    /// Files of one policy, TOML or JSON
    #[arg(required_unless_present = "explain")]
    files: Vec<PathBuf>,
    /// Print the problems as JSON, one a line
    #[arg(long)]
    json: bool,
    /// Platform that the policy is for: a rule that needs a fact which it does not provide is an
    /// error
    #[arg(long, value_name = "NAME", default_value = "cloudflare", value_parser = input::platform)]
    platform: &'static Platform,
    /// Exit with 1 on warnings too
    #[arg(long)]
    deny_warnings: bool,
    /// Explain a code, `E0203` for example, and exit
    #[arg(long, value_name = "CODE")]
    explain: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Exit {
    if let Some(code) = &arguments.explain {
        return input::explain_code(code);
    }
    let loaded = match input::load(&arguments.files, arguments.json, Some(arguments.platform)) {
        Ok(loaded) => loaded.and_compiled(),
        Err(exit) => return exit,
    };
    loaded.report();
    let Some(policy) = loaded.policy() else { return Exit::Faulty };
    if arguments.deny_warnings && loaded.warnings() > 0 {
        return Exit::Faulty;
    }
    if !arguments.json {
        let counted = [
            (policy.restrictions.len(), "restriction", "restrictions"),
            (policy.licences.len(), "licence", "licences"),
            (policy.families.len(), "family", "families"),
            (loaded.warnings(), "warning", "warnings"),
        ];
        let counted = counted
            .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }));
        let allowed = match loaded.allowed() {
            0 => String::new(),
            count => format!(", {count} allowed"),
        };
        tell!("{}: {}{allowed}", policy.id, counted.join(", "));
        let secret: Vec<&str> =
            policy.lists.iter().filter(|list| list.secret).map(|list| list.name.as_str()).collect();
        if !secret.is_empty() {
            tell!(
                "{}: `compile` needs `--list-key`, for what is secret in {}",
                policy.id,
                secret.join(", ")
            );
        }
    }
    Exit::Done
}
