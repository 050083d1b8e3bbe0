//! Checks the meaning of well-formed documents and builds the policy from them.
//!
//! All names are collected first, over all files and including those of broken entries, so that one
//! mistake gives one message and not another for each use. Then authorities, families, facts and
//! lists are read, then the rules and their conditions.

pub(crate) mod allow;
pub(crate) mod declared;
pub(crate) mod deployment_entry;
mod deployments;
mod header;
pub(crate) mod instant;
pub(crate) mod list_entry;
mod models;
pub(crate) mod pattern;
mod rules;
mod values;

use self::declared::{Declarations, Declared};
use self::instant::Side;
use super::condition::names;
use super::condition::names::Names;
use super::diagnostic::code;
use super::diagnostic::code::{Code, Severity};
use super::diagnostic::problem::{Edit, File, Problem};
use super::diagnostic::suggestion::Suggestion;
use super::document::shape::Broken;
use super::document::spanned::Spanned;
use super::document::types;
use super::document::types::Document;
use super::model::{LateBound, Policy, Span, Unlisted};
use super::platform;
use super::platform::Platform;
use super::{Read, lint};
use crate::facts::value::read_time;

/// What the checks need besides the documents.
pub(crate) struct Surroundings<'a, 'r> {
    pub(crate) now: Option<i64>,
    pub(crate) read: &'a mut Read<'r>,
    pub(crate) dialects: &'a [&'a str],
    pub(crate) broken: &'a Broken,
    pub(crate) platform: Option<&'static Platform>,
}

/// Checks the meaning of the documents, and builds the policy from the sound parts. The policy is
/// complete only if no error was reported, here or before. Returns `None` if no file has a sound
/// `[policy]` table.
pub(crate) fn validate(
    documents: &[(Span, Document)],
    declarations: Declarations,
    surroundings: Surroundings<'_, '_>,
    files: &mut Vec<File>,
    problems: &mut Vec<Problem>,
    allowed: &mut Vec<Problem>,
) -> Option<Policy> {
    Checker { declarations, surroundings, files, problems }.policy(documents, allowed)
}

struct Checker<'a, 's, 'r> {
    declarations: Declarations,
    surroundings: Surroundings<'s, 'r>,
    files: &'a mut Vec<File>,
    problems: &'a mut Vec<Problem>,
}

impl Checker<'_, '_, '_> {
    fn policy(
        mut self,
        documents: &[(Span, Document)],
        allowed: &mut Vec<Problem>,
    ) -> Option<Policy> {
        self.one_header();
        let mut authorities = Vec::new();
        let mut families = Vec::new();
        let mut facts = Vec::new();
        let mut lists = Vec::new();
        for (_, document) in documents {
            for (name, authority) in &document.authorities.0 {
                authorities.extend(
                    self.at(&name.value, |it| it.authority(name, authority, authorities.len())),
                );
            }
            for (name, family) in &document.models.0 {
                families.extend(self.at(&name.value, |it| it.family(name, family, families.len())));
            }
            for (name, fact) in &document.facts.0 {
                facts.extend(self.at(&name.value, |it| it.fact(name, fact, facts.len())));
            }
            for (name, list) in &document.lists.0 {
                lists.extend(self.at(&name.value, |it| it.list(name, list, lists.len())));
            }
        }
        self.collisions(&families);

        let header = documents
            .iter()
            .find_map(|(root, document)| Some((*root, document, document.policy.as_ref()?)));
        if let Some((root, document, header)) = header
            && document.format.is_none()
            && !self.surroundings.broken.had(root, "format")
        {
            let problem = Problem::new(code::MISSING_KEY, header.span, "the file has no `format`");
            self.problems.push(problem.help("begin it with `format = 1`"));
        }
        let header = header.map(|(.., header)| header);
        let dialects = self.dialects(header.and_then(|header| header.value.dialects.as_deref()));

        let mut deployments = Vec::new();
        for (name, table) in documents.iter().flat_map(|(_, document)| &document.deployments.0) {
            deployments.extend(self.at(&name.value, |it| it.deployments(name, table, &dialects)));
        }
        self.deployments_fit(&deployments);

        let values = std::mem::take(&mut self.declarations.values);
        let mut names = Names { facts: &facts, lists: &lists, ..Names::default() };
        for (name, span, index) in values.iter() {
            // Facts and lists share one set of names but have separate indexes. The span tells them
            // apart.
            let of = |index: usize| match facts.get(index) {
                Some(fact) if fact.span == span => names::Name::Fact(index),
                _ => names::Name::List(index),
            };
            names.by_name.insert(name, index.map(of));
        }
        for id in self.surroundings.dialects {
            names.dialects.insert(id, dialects.iter().any(|guarded| guarded.id == *id));
        }

        let mut restrictions = Vec::new();
        for restriction in documents.iter().flat_map(|(_, document)| &document.restrictions) {
            let id = restriction.value.id.as_ref().map_or("", |id| id.value.as_str());
            if let Some(read) =
                self.at(id, |it| it.restriction(restriction, &families, &authorities, &names))
            {
                self.declarations.restrictions.insert(read.id.clone(), Some(restrictions.len()));
                restrictions.push(read);
            }
        }
        let mut licences = Vec::new();
        for licence in documents.iter().flat_map(|(_, document)| &document.licences) {
            let id = licence.value.id.as_ref().map_or("", |id| id.value.as_str());
            licences.extend(self.at(id, |it| it.licence(licence, &families, &names)));
        }

        let policy = Policy {
            id: header
                .and_then(|header| header.value.id.as_ref())
                .map(|id| id.value.clone())
                .unwrap_or_default(),
            title: header.and_then(|header| header.value.title.clone()).unwrap_or_default(),
            version: header
                .and_then(|header| header.value.version.as_ref())
                .map_or(0, |version| version.value),
            expires: header.and_then(|header| self.expiry(&header.value)),
            unlisted: match header.and_then(|header| header.value.unlisted) {
                Some(types::Unlisted::Pass) => Unlisted::Pass,
                Some(types::Unlisted::Deny) => Unlisted::Deny,
                Some(types::Unlisted::Defer) | None => Unlisted::Defer,
            },
            late_bound: match header.and_then(|header| header.value.late_bound) {
                Some(types::LateBound::Deny) => LateBound::Deny,
                Some(types::LateBound::Defer) | None => LateBound::Defer,
            },
            dialects,
            authorities,
            families,
            facts,
            lists,
            deployments,
            restrictions,
            licences,
            span: header.map(|header| header.span).unwrap_or_default(),
        };
        if let Some(id) = header.and_then(|header| header.value.id.as_ref()) {
            self.id(&id.value, id.span);
        }
        lint::lint(&policy, self.problems);
        if let Some(platform) = self.surroundings.platform {
            platform::lacks(&policy, platform, self.problems);
        }
        // A problem without a rule, list or table belongs to the policy as a whole.
        for problem in self.problems.iter_mut() {
            problem.at.get_or_insert_with(|| policy.id.clone());
        }
        let declared = &self.declarations;
        let tables = [
            &declared.rules,
            &values,
            &declared.families,
            &declared.deployments,
            &declared.authorities,
        ];
        let mut names: Vec<&str> = tables.into_iter().flat_map(Declared::names).collect();
        names.push(&policy.id);
        let sound = self.problems.iter().all(|problem| problem.severity() < Severity::Error);
        let entries: Vec<_> =
            documents.iter().flat_map(|(_, document)| document.allow.iter().cloned()).collect();
        allowed.extend(allow::apply(
            &entries,
            &names,
            Some(&policy).filter(|_| sound),
            self.surroundings.now,
            self.problems,
        ));
        header.map(|_| policy)
    }

    /// Calls `read`, and attributes the problems that it reports to this name.
    fn at<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.problems.len();
        let read = read(self);
        for problem in self.problems.iter_mut().skip(before) {
            if !name.is_empty() {
                problem.at.get_or_insert_with(|| name.to_owned());
            }
        }
        read
    }

    fn report(
        &mut self,
        code: &'static Code,
        span: Span,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.problems.push(Problem::new(code, span, message).help_if(help));
    }

    fn id(&mut self, id: &str, span: Span) -> bool {
        let strange =
            id.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.'));
        let message = match strange {
            _ if id.is_empty() => "a name is empty".to_owned(),
            _ if id.len() > 128 => format!("a name has {} letters, and 128 are allowed", id.len()),
            Some(strange) => format!("the name `{}` holds {strange:?}", id.escape_debug()),
            None => return true,
        };
        self.report(
            code::NAME,
            span,
            message,
            Some("names are made of letters, digits, `-`, `_` and `.`".to_owned()),
        );
        false
    }

    fn suggest(
        &mut self,
        code: &'static Code,
        span: Span,
        message: String,
        suggestion: Suggestion,
    ) {
        self.problems.push(Problem::new(code, span, message).suggest(suggestion));
    }

    fn instant(&mut self, text: &Spanned<types::Instant>, side: Side) -> Option<i64> {
        let said = text.value.0.as_str();
        if let Some(time) = read_time(said) {
            return Some(time);
        }
        let problem =
            Problem::new(code::TIME, text.span, format!("`{}` is no instant", said.escape_debug()));
        self.problems.push(match instant::mended(said, side) {
            Some(mended) => problem.help(mended.help).edit(Edit::Word(mended.instant)),
            None => problem.help("instants are written as `2026-06-12T21:21:00Z` is, with `Z` or the offset of a time zone"),
        });
        None
    }

    fn day(&mut self, text: &Spanned<types::Day>) -> Option<i64> {
        let said = text.value.0.as_str();
        if let Some(time) = read_time(&format!("{said}T00:00:00Z")) {
            return Some(time);
        }
        let problem =
            Problem::new(code::TIME, text.span, format!("`{}` is no day", said.escape_debug()));
        self.problems.push(match instant::day(said) {
            Some(day) => problem.help(format!("write `{day}`")).edit(Edit::Word(day)),
            None => problem.help("days are written as `2026-07-08` is"),
        });
        None
    }
}
