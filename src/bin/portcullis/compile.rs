//! `portcullis compile`: compiles a policy into a bundle.

use std::collections::BTreeSet;
use std::path::PathBuf;

use portcullis::PublicPolicy;
use portcullis::analysis::instant;
use portcullis::policy::Platform;

use crate::input::tell;
use crate::{Exit, clock, input};

/// Compile a policy into a bundle, the only file that the edge needs.
///
/// The same input gives the same bytes on every machine.
///
/// With --public the bundle is for a web page, where everybody can read it: secret lists, facts,
/// the ids of rules, texts of authorities, tables of deployments, and rules and models that are
/// off, in shadow or in the future are left out. It passes only what the whole bundle passes, and
/// the command says which rules are stricter.
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
    /// Compile a public bundle, for a web page
    #[arg(long, conflicts_with = "list_key")]
    public: bool,
    /// Keep this part in the public bundle: `fact:us_person`, `family:ID`, `rule:ID`,
    /// `authority:ID` or `deployments:NAME`. May be given several times
    #[arg(long, value_name = "KIND:NAME", requires = "public")]
    keep: Vec<String>,
    /// Instant from which on the public bundle is used, in RFC 3339: rules that begin later are
    /// left out. By default now
    #[arg(long, value_name = "TIME", requires = "public", value_parser = input::time)]
    at: Option<i64>,
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
    let (loaded, public) = if arguments.public {
        let (loaded, public) =
            loaded.public(&arguments.keep, arguments.at.unwrap_or_else(clock))?;
        (loaded, Some(public))
    } else {
        (loaded, None)
    };
    let bytes = loaded.compile(key.as_deref())?;
    input::write(&arguments.out, &bytes)?;
    let bundle = input::bundle(bytes, &arguments.out)?;
    if arguments.json {
        input::say(&format!("{}\n", bundle.view().to_json()));
        if let Some(public) = &public {
            input::say(&format!("{}\n", report(public)));
        }
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
        public.iter().for_each(explain);
    }
    Ok(())
}

/// Says how a public bundle differs from the whole one.
fn explain(public: &PublicPolicy) {
    for (rule, reasons) in &public.stricter {
        let effect = match (reasons.is_licence, reasons.is_total) {
            (false, true) => "closes its models to everybody",
            (false, false) => "closes its models to more callers",
            (true, true) => "is left out",
            (true, false) => "opens less",
        };
        let without = quoted(&reasons.without);
        if !without.is_empty() {
            tell!("`{rule}` {effect}: it depends on {without}");
        }
        let beside = quoted(&reasons.beside);
        if !beside.is_empty() {
            tell!("`{rule}` {effect}: it could open models of {beside}");
        }
    }
    if !public.stricter.is_empty() {
        tell!("  help: `--keep fact:NAME` keeps a fact, `--keep rule:ID` the models of a rule");
    }
    if let Some(from) = public.closed_from {
        tell!(
            "every model is closed from {} on, when a rule begins that is left out; compile again then",
            instant(from)
        );
    }
}

fn quoted(names: &BTreeSet<String>) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Returns the same as JSON.
fn report(public: &PublicPolicy) -> serde_json::Value {
    let stricter = public.stricter.iter().map(|(rule, reasons)| {
        serde_json::json!({
            "rule": rule,
            "total": reasons.is_total,
            "without": reasons.without,
            "beside": reasons.beside,
        })
    });
    serde_json::json!({
        "stricter": stricter.collect::<Vec<_>>(),
        "closed_from": public.closed_from.map(instant),
    })
}
