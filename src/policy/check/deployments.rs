//! Checks `[deployments]`.

use std::collections::BTreeMap;

use super::deployment_entry;
use super::deployment_entry::Entry;
use super::{Checker, pattern};
use crate::limits;
use crate::policy::diagnostic::code;
use crate::policy::diagnostic::code::Code;
use crate::policy::diagnostic::problem::{Edit, Problem};
use crate::policy::diagnostic::suggestion;
use crate::policy::document::spanned::Spanned;
use crate::policy::document::types;
use crate::policy::model::{Deployment, Deployments, GuardedDialect, Span};

/// Maximum number of problems of one kind that are reported for one table. The rest is only
/// counted.
const TOLD: usize = 20;

impl Checker<'_, '_, '_> {
    pub(crate) fn deployments(
        &mut self,
        name: &Spanned<String>,
        table: &Spanned<types::Deployments>,
        guarded: &[GuardedDialect],
    ) -> Option<Deployments> {
        let named = self.id(&name.value, name.span);
        let span = table.span;
        let table = &table.value;
        let dialects = table.dialects.as_ref().map(|listed| self.spoken(listed, guarded));
        let hosts = table.hosts.iter().flatten().filter_map(|host| self.host(host)).collect();
        let mut found = Vec::new();
        let entries = match (&table.names, &table.file) {
            (Some(names), None) => {
                names.value.0.iter().map(|(name, targets)| entry(name, targets)).collect()
            }
            (None, Some(file)) => self.lines(file, &mut found)?,
            (Some(_), Some(file)) => {
                let message = format!("the table `{}` has both `names` and a `file`", name.value);
                self.report(
                    code::DEPLOYMENTS,
                    file.span,
                    message,
                    Some("keep one of them, or make two tables".to_owned()),
                );
                return None;
            }
            (None, None)
                if ["names", "file"].iter().any(|key| self.surroundings.broken.had(span, key)) =>
            {
                return None;
            }
            (None, None) => {
                let message =
                    format!("the table `{}` has neither `names` nor a `file`", name.value);
                let help = "write what each name resolves to: `names = { gpt-prod = \"gpt-5\" }`"
                    .to_owned();
                self.report(code::DEPLOYMENTS, name.span, message, Some(help));
                return None;
            }
        };
        if entries.is_empty() && found.is_empty() {
            let at = table.file.as_ref().map_or(name.span, |file| file.span);
            self.report(
                code::DEPLOYMENTS,
                at,
                format!("the table `{}` is empty", name.value),
                None,
            );
        }
        if entries.len() > limits::DEPLOYMENTS {
            let message = format!(
                "the table `{}` has {} names, and {} are allowed",
                name.value,
                entries.len(),
                limits::DEPLOYMENTS
            );
            self.report(code::DEPLOYMENTS, name.span, message, None);
            return None;
        }
        let entries = read(entries, &mut found);
        self.tell(&name.value, name.span, found);
        if !named || !self.declarations.deployments.is_first(&name.value, name.span) {
            return None;
        }
        Some(Deployments { name: name.value.clone(), dialects, hosts, entries, span: name.span })
    }

    /// Reports too many names in all tables together.
    pub(crate) fn deployments_fit(&mut self, tables: &[Deployments]) {
        let count: usize = tables.iter().map(|table| table.entries.len()).sum();
        if let Some(last) = tables.last().filter(|_| count > limits::DEPLOYMENTS) {
            let message = format!(
                "all tables together have {count} names, and {} are allowed",
                limits::DEPLOYMENTS
            );
            self.report(code::DEPLOYMENTS, last.span, message, None);
        }
    }

    /// Returns those dialects of a table that the policy guards; reports the others.
    fn spoken(&mut self, listed: &[Spanned<String>], guarded: &[GuardedDialect]) -> Vec<String> {
        let mut spoken = Vec::new();
        for id in listed {
            if guarded.iter().any(|guarded| guarded.id == id.value) {
                spoken.push(id.value.clone());
            } else if self.surroundings.dialects.contains(&id.value.as_str()) {
                let message = format!(
                    "the policy does not guard `{}`, so no name is looked up for it",
                    id.value
                );
                self.report(
                    code::UNGUARDED,
                    id.span,
                    message,
                    Some("add it to `dialects` under `[policy]`".to_owned()),
                );
            } else {
                let help = suggestion::help(&id.value, self.surroundings.dialects.iter().copied());
                self.suggest(
                    code::UNKNOWN_DIALECT,
                    id.span,
                    format!("there is no dialect `{}`", id.value),
                    help,
                );
            }
        }
        spoken
    }

    fn host(&mut self, host: &Spanned<String>) -> Option<String> {
        let text = host.value.as_str();
        if is_host(text) {
            return Some(text.to_ascii_lowercase());
        }
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let bare = rest.split(['/', ':']).next().unwrap_or_default().trim_matches('.');
        let problem = Problem::new(
            code::HOST,
            host.span,
            format!("`{}` is no name of a host", text.escape_debug()),
        );
        self.problems.push(if is_host(bare) {
            problem.help(format!("write `{bare}`")).edit(Edit::Word(bare.to_owned()))
        } else {
            problem.help("a host is written as `acme.openai.azure.com` is, one entry for each")
        });
        None
    }

    fn lines(&mut self, file: &Spanned<String>, found: &mut Vec<Problem>) -> Option<Vec<Entry>> {
        let of = self.files.get(file.span.file).map(|file| file.name.clone()).unwrap_or_default();
        let read = (self.surroundings.read)(&of, &file.value).and_then(|read| {
            let (size, limit) = (read.text.len(), limits::DEPLOYMENT_FILE_BYTES);
            if size > limit {
                Err(format!("it has {size} bytes, and {limit} are allowed"))
            } else {
                Ok(read)
            }
        });
        match read {
            Ok(read) => {
                let entries = deployment_entry::lines(self.files.len(), &read.text, found);
                self.files.push(read);
                Some(entries)
            }
            Err(reason) => {
                let message =
                    format!("the file `{}` cannot be read: {reason}", file.value.escape_debug());
                self.report(
                    code::UNREADABLE_FILE,
                    file.span,
                    message,
                    Some("its path is relative to this file".to_owned()),
                );
                None
            }
        }
    }

    /// Reports the problems of a table: of each code the first [`TOLD`], then the number of the
    /// others.
    fn tell(&mut self, name: &str, span: Span, found: Vec<Problem>) {
        let mut counts: Vec<(&'static Code, usize)> = Vec::new();
        for problem in found {
            let code = problem.code;
            let count = match counts.iter_mut().find(|(known, _)| *known == code) {
                Some((_, count)) => count,
                None => {
                    counts.push((code, 0));
                    let Some((_, count)) = counts.last_mut() else { continue };
                    count
                }
            };
            *count += 1;
            if *count <= TOLD {
                self.problems.push(problem);
            }
        }
        for (code, count) in counts.into_iter().filter(|(_, count)| *count > TOLD) {
            let message = format!("there are {} more of these in the table `{name}`", count - TOLD);
            self.problems.push(Problem::new(code, span, message));
        }
    }
}

/// Returns whether the text is a plain host name of at most 253 bytes.
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        && !text.starts_with('.')
        && !text.ends_with('.')
}

/// Makes an entry from one that the policy itself contains.
fn entry(name: &Spanned<String>, targets: &Spanned<types::Targets>) -> Entry {
    let targets = match &targets.value {
        types::Targets::One(text) => vec![Spanned { value: text.clone(), span: targets.span }],
        types::Targets::Several(texts) => texts.clone(),
    };
    Entry { name: name.clone(), targets }
}

/// Checks the entries of a table and returns them sorted by name, unique. Wrong ones are reported
/// and left out.
fn read(entries: Vec<Entry>, problems: &mut Vec<Problem>) -> Vec<Deployment> {
    let mut known: BTreeMap<String, Deployment> = BTreeMap::new();
    for Entry { name, targets } in entries {
        if targets.len() > limits::DEPLOYMENT_TARGETS {
            let (found, limit) = (targets.len(), limits::DEPLOYMENT_TARGETS);
            let message = format!(
                "`{}` resolves to {found} models, and {limit} are allowed",
                name.value.escape_debug()
            );
            problems.push(Problem::new(code::DEPLOYMENTS, name.span, message));
            continue;
        }
        let mut ids: Vec<String> = Vec::new();
        for target in &targets {
            let Some(id) =
                pattern::read_alias(&target.value, target.span, problems).map(|alias| alias.id)
            else {
                continue;
            };
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        if let Some(why) = unheard(&name.value) {
            let message = format!("no request asks for `{}`: {why}", name.value.escape_debug());
            problems.push(Problem::new(code::NEVER_LOOKED_UP, name.span, message));
            continue;
        }
        let folded = name.value.to_ascii_lowercase();
        let Some(first) = known.get_mut(&folded) else {
            known
                .insert(folded.clone(), Deployment { name: folded, targets: ids, span: name.span });
            continue;
        };
        let same =
            ids.iter().all(|id| first.targets.contains(id)) && ids.len() == first.targets.len();
        let message = match same {
            true => format!("`{}` is listed twice", name.value),
            false => format!(
                "`{}` is listed twice, and resolves to whatever either entry says",
                name.value
            ),
        };
        problems.push(
            Problem::new(code::REDUNDANT, name.span, message)
                .related(first.span, "first listed here"),
        );
        for id in ids {
            if !first.targets.contains(&id) {
                first.targets.push(id);
            }
        }
    }
    known.into_values().collect()
}

/// Returns the reason why no request can contain this name, if there is one.
fn unheard(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.len() >= limits::MODEL_ID_BYTES {
        return Some("it is longer than an id may be");
    }
    if name.contains([',', ' ', '\t']) {
        return Some("ids are split at commas and blanks");
    }
    if !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some("an id outside printable ASCII is refused");
    }
    name.contains('%').then_some("a `%` in an id is the begin of an escape")
}
