//! From documents that have the right shape to a policy that means something.
//!
//! Names are collected over all files first, those of broken entries included, so that one mistake is one message and not also one for each
//! use. Then authorities, families, facts and lists are read, then the rules and their conditions.

use std::collections::BTreeMap;

use super::Read;
use super::code::{self, Code};
use super::condition::{self, Names};
use super::document::{self, Document};
use super::entry;
use super::lint;
use super::model::*;
use super::node::{Node, Value};
use super::pattern;
use super::problem::{File, Problem};
use super::spanned::Spanned;
use super::suggestion;
use crate::facts::read_time;

/// Where each name is first declared, over all files, and its index once its declaration is read and sound.
#[derive(Default)]
struct Declared(BTreeMap<String, (Span, Option<usize>)>);

impl Declared {
    fn add(&mut self, name: &str, span: Span, what: &str, problems: &mut Vec<Problem>) {
        if let Some((first, _)) = self.0.get(name) {
            let problem = Problem::new(code::DECLARED_TWICE, span, format!("{what} `{name}` is declared twice"));
            problems.push(problem.related(*first, "first declared here"));
        } else {
            self.0.insert(name.to_owned(), (span, None));
        }
    }

    /// Whether this is the place where the name is declared, not a later one.
    fn is_first(&self, name: &str, span: Span) -> bool {
        self.0.get(name).is_some_and(|(first, _)| *first == span)
    }

    fn read(&mut self, name: &str, index: usize) {
        if let Some((_, slot)) = self.0.get_mut(name) {
            *slot = Some(index);
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.keys().map(String::as_str)
    }
}

/// The names of a policy, by what they name.
#[derive(Default)]
pub(super) struct Declarations {
    authorities: Declared,
    families: Declared,
    /// Facts and lists: conditions name either.
    values: Declared,
    /// Restrictions and licences: switches name either.
    rules: Declared,
    restrictions: BTreeMap<String, Option<usize>>,
    /// The `[policy]` tables.
    headers: Vec<Span>,
}

impl Declarations {
    /// Takes the names of a file from its tree, before what is broken in it is taken out.
    pub(super) fn collect(&mut self, tree: &Node, problems: &mut Vec<Problem>) {
        let Value::Table(entries) = &tree.value else { return };
        for (key, node) in entries {
            match (key.name.as_str(), &node.value) {
                ("policy", _) => self.headers.push(if matches!(node.value, Value::Table(_)) { node.span } else { key.span }),
                ("authorities", Value::Table(entries)) => {
                    for (key, _) in entries {
                        self.authorities.add(&key.name, key.span, "the authority", problems);
                    }
                }
                ("models", Value::Table(entries)) => {
                    for (key, _) in entries {
                        self.families.add(&key.name, key.span, "the family", problems);
                    }
                }
                ("facts" | "lists", Value::Table(entries)) => {
                    for (name, _) in entries {
                        self.values.add(
                            &name.name,
                            name.span,
                            if key.name == "facts" { "the fact" } else { "the list" },
                            problems,
                        );
                    }
                }
                (rules @ ("restrictions" | "licences"), Value::Array(items)) => {
                    for id in items.iter().filter_map(|item| item.get("id")) {
                        let Some(text) = id.text() else { continue };
                        self.rules.add(text, id.span, "the rule", problems);
                        if rules == "restrictions" {
                            self.restrictions.insert(text.to_owned(), None);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

/// What the checks need beside the documents.
pub(super) struct Surroundings<'a, 'r> {
    pub(super) now: Option<i64>,
    pub(super) read: &'a mut Read<'r>,
    pub(super) dialects: &'a [&'a str],
}

/// Checks what the documents mean, and builds the policy from what is sound. The policy is whole only if no error was reported, here or before.
pub(super) fn validate(
    documents: &[Document],
    declarations: Declarations,
    surroundings: Surroundings<'_, '_>,
    files: &mut Vec<File>,
    problems: &mut Vec<Problem>,
) -> Option<Policy> {
    Checker { declarations, surroundings, files, problems }.policy(documents)
}

struct Checker<'a, 's, 'r> {
    declarations: Declarations,
    surroundings: Surroundings<'s, 'r>,
    files: &'a mut Vec<File>,
    problems: &'a mut Vec<Problem>,
}

impl Checker<'_, '_, '_> {
    fn policy(mut self, documents: &[Document]) -> Option<Policy> {
        self.one_header();
        let all = |pick: fn(&Document) -> usize| documents.iter().map(pick).sum::<usize>();
        let mut authorities = Vec::with_capacity(all(|document| document.authorities.0.len()));
        let mut families = Vec::new();
        let mut facts = Vec::new();
        let mut lists = Vec::new();
        for document in documents {
            for (name, authority) in &document.authorities.0 {
                authorities.extend(self.authority(name, authority, authorities.len()));
            }
            for (name, family) in &document.models.0 {
                families.extend(self.family(name, family, families.len()));
            }
            for (name, fact) in &document.facts.0 {
                facts.extend(self.fact(name, fact, facts.len()));
            }
            for (name, list) in &document.lists.0 {
                lists.extend(self.list(name, list, lists.len()));
            }
        }
        self.collisions(&families);

        let header = documents.iter().find_map(|document| Some((document, document.policy.as_ref()?)));
        if let Some((document, header)) = header
            && document.format.is_none()
        {
            let problem = Problem::new(code::MISSING_KEY, header.span, "the file has no `format`");
            self.problems.push(problem.help("begin it with `format = 1`"));
        }
        let dialects = self.dialects(header.and_then(|(_, header)| header.value.dialects.as_deref()));

        let mut names = Names { facts: &facts, lists: &lists, ..Names::default() };
        let values = std::mem::take(&mut self.declarations.values);
        for (name, (_, index)) in &values.0 {
            let of = |span: Span, index: usize| {
                if facts.get(index).is_some_and(|fact| fact.span == span) {
                    condition::Name::Fact(index)
                } else {
                    condition::Name::List(index)
                }
            };
            names
                .by_name
                .insert(name, index.map(|index| of(values.0.get(name).map_or(Span::default(), |(span, _)| *span), index)));
        }
        for id in self.surroundings.dialects {
            names.dialects.insert(id, dialects.iter().any(|guarded| guarded.id == *id));
        }

        let mut restrictions = Vec::new();
        for restriction in documents.iter().flat_map(|document| &document.restrictions) {
            if let Some(read) = self.restriction(restriction, &families, &authorities, &names) {
                self.declarations.restrictions.insert(read.id.clone(), Some(restrictions.len()));
                restrictions.push(read);
            }
        }
        let mut licences = Vec::new();
        for licence in documents.iter().flat_map(|document| &document.licences) {
            licences.extend(self.licence(licence, &families, &names));
        }

        let header = header.map(|(_, header)| header);
        let policy = Policy {
            id: header.and_then(|header| header.value.id.as_ref()).map(|id| id.value.clone()).unwrap_or_default(),
            title: header.and_then(|header| header.value.title.clone()).unwrap_or_default(),
            version: header.and_then(|header| header.value.version.as_ref()).map_or(0, |version| version.value),
            expires: header.and_then(|header| self.expiry(&header.value)),
            unlisted: match header.and_then(|header| header.value.unlisted) {
                Some(document::Unlisted::Pass) => Unlisted::Pass,
                Some(document::Unlisted::Deny) => Unlisted::Deny,
                Some(document::Unlisted::Defer) | None => Unlisted::Defer,
            },
            late_bound: match header.and_then(|header| header.value.late_bound) {
                Some(document::LateBound::Deny) => LateBound::Deny,
                Some(document::LateBound::Defer) | None => LateBound::Defer,
            },
            dialects,
            authorities,
            families,
            facts,
            lists,
            restrictions,
            licences,
            span: header.map(|header| header.span).unwrap_or_default(),
        };
        if let Some(id) = header.and_then(|header| header.value.id.as_ref()) {
            self.id(&id.value, id.span);
        }
        lint::lint(&policy, self.problems);
        header.map(|_| policy)
    }

    fn report(&mut self, code: &'static Code, span: Span, message: impl Into<String>, help: Option<String>) {
        self.problems.push(Problem::new(code, span, message).help_if(help));
    }

    fn one_header(&mut self) {
        let headers = std::mem::take(&mut self.declarations.headers);
        match headers.split_first() {
            None => {
                let message = "no file has a table `[policy]`";
                self.report(code::ONE_POLICY, Span::default(), message, Some("add one, with `id` and `version`".to_owned()));
            }
            Some((first, others)) => {
                for other in others {
                    let problem = Problem::new(code::ONE_POLICY, *other, "two files have a table `[policy]`");
                    self.problems
                        .push(problem.related(*first, "the first is here").help("keep one: several files make one policy"));
                }
            }
        }
    }

    fn id(&mut self, id: &str, span: Span) -> bool {
        let strange = id.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.'));
        let message = match strange {
            _ if id.is_empty() => "a name is empty".to_owned(),
            _ if id.len() > 128 => format!("a name has {} letters, and 128 are allowed", id.len()),
            Some(strange) => format!("the name `{}` holds {strange:?}", id.escape_debug()),
            None => return true,
        };
        self.report(code::NAME, span, message, Some("names are made of letters, digits, `-`, `_` and `.`".to_owned()));
        false
    }

    /// Names that conditions use.
    fn identifier(&mut self, name: &Spanned<String>) -> bool {
        const WORDS: &[&str] = &[
            "true",
            "false",
            "null",
            "in",
            "as",
            "break",
            "const",
            "continue",
            "else",
            "for",
            "function",
            "if",
            "import",
            "let",
            "loop",
            "package",
            "namespace",
            "return",
            "var",
            "void",
            "while",
            "timestamp",
            "startsWith",
            "exists",
            "all",
            "has",
        ];
        let text = name.value.as_str();
        let shaped = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
            && text.len() <= 128;
        let (message, help) = if !shaped {
            let mended: String = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            let help = if mended.starts_with(|c: char| c.is_ascii_alphabetic()) {
                format!("write `{mended}`")
            } else {
                "begin it with a letter".to_owned()
            };
            (format!("conditions cannot use the name `{}`", text.escape_debug()), help)
        } else if condition::BUILT_IN.iter().any(|(known, _)| *known == text) {
            (format!("`{text}` is a built-in fact"), "choose another name".to_owned())
        } else if WORDS.contains(&text) {
            (format!("`{text}` is a word of CEL"), "choose another name".to_owned())
        } else {
            return true;
        };
        self.report(code::NAME, name.span, message, Some(help));
        false
    }

    fn expiry(&mut self, header: &document::Header) -> Option<i64> {
        let expires = header.expires.as_ref()?;
        let time = self.instant(expires)?;
        if self.surroundings.now.is_some_and(|now| now >= time) {
            let help = Some("raise `version` and move `expires`".to_owned());
            self.report(code::EXPIRED, expires.span, "the policy has expired", help);
        }
        Some(time)
    }

    fn instant(&mut self, text: &Spanned<document::Instant>) -> Option<i64> {
        let said = text.value.0.as_str();
        if let Some(time) = read_time(said) {
            return Some(time);
        }
        let mended = [format!("{said}Z"), format!("{said}T00:00:00Z"), format!("{said}:00Z")];
        let help = mended
            .iter()
            .find(|mended| read_time(mended).is_some())
            .map(|mended| format!("say in which time zone: `{mended}` if it is UTC"));
        let help = help.or_else(|| Some("write `2026-06-12T21:21:00Z`".to_owned()));
        self.report(code::TIME, text.span, format!("`{}` is no instant", said.escape_debug()), help);
        None
    }

    fn day(&mut self, text: &Spanned<document::Day>) -> Option<i64> {
        let said = text.value.0.as_str();
        if let Some(time) = read_time(&format!("{said}T00:00:00Z")) {
            return Some(time);
        }
        self.report(code::TIME, text.span, format!("`{}` is no day", said.escape_debug()), Some("write `2026-07-08`".to_owned()));
        None
    }

    fn window(
        &mut self,
        from: Option<&Spanned<document::Instant>>,
        until: Option<&Spanned<document::Instant>>,
    ) -> Option<(Option<i64>, Option<i64>)> {
        let read_from = from.map(|text| self.instant(text));
        let read_until = until.map(|text| self.instant(text));
        let (from_time, until_time) = match (read_from, read_until) {
            (Some(None), _) | (_, Some(None)) => return None,
            (from, until) => (from.flatten(), until.flatten()),
        };
        if let (Some(from), Some(until), Some(start), Some(end)) = (from, until, from_time, until_time)
            && start >= end
        {
            let problem = Problem::new(code::WINDOW, until.span, "`until` is not after `from`, so the rule is never in force");
            self.problems.push(problem.related(from.span, "from here on"));
            return None;
        }
        if let (Some(until), Some(end), Some(now)) = (until, until_time, self.surroundings.now)
            && now >= end
        {
            self.report(code::OVER, until.span, "the rule is over", Some("take it out, or move `until`".to_owned()));
        }
        Some((from_time, until_time))
    }

    fn authority(&mut self, name: &Spanned<String>, authority: &document::Authority, index: usize) -> Option<Authority> {
        let named = self.id(&name.value, name.span);
        let url = authority.url.as_ref().is_none_or(|url| self.url(url));
        let appeal = authority.appeal.as_ref().is_none_or(|appeal| self.url(appeal));
        let retain = authority.retain.as_ref().map_or(Some(10 * 366), |retain| self.days(retain));
        if !(named && url && appeal && self.declarations.authorities.is_first(&name.value, name.span)) {
            return None;
        }
        let retain_days = retain?;
        self.declarations.authorities.read(&name.value, index);
        let text = |text: &Option<Spanned<String>>| text.as_ref().map(|text| text.value.clone()).unwrap_or_default();
        Some(Authority {
            id: name.value.clone(),
            title: authority.title.clone().unwrap_or_else(|| name.value.clone()),
            url: text(&authority.url),
            appeal: text(&authority.appeal),
            retain_days,
            span: name.span,
        })
    }

    fn url(&mut self, url: &Spanned<String>) -> bool {
        let text = url.value.as_str();
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['));
        let clean = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&byte));
        if host && clean && text.len() <= 2_048 {
            return true;
        }
        self.report(
            code::URL,
            url.span,
            format!("`{}` is no absolute web address", text.escape_debug()),
            Some("write `https://example.com/...`".to_owned()),
        );
        false
    }

    fn days(&mut self, text: &Spanned<String>) -> Option<u32> {
        let said = text.value.as_str();
        let unit = |unit: char| match unit {
            'd' => Some(1),
            'm' => Some(31),
            'y' => Some(366),
            _ => None,
        };
        let days = said
            .char_indices()
            .next_back()
            .and_then(|(at, last)| Some((said.get(..at)?, unit(last)?)))
            .filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|(number, unit)| number.parse::<u32>().ok()?.checked_mul(unit))
            .filter(|days| *days > 0);
        if days.is_none() {
            self.report(
                code::DURATION,
                text.span,
                format!("`{}` is no length of time", said.escape_debug()),
                Some("write `90d`, `18m` or `10y`".to_owned()),
            );
        }
        days
    }

    fn family(&mut self, name: &Spanned<String>, family: &document::Family, index: usize) -> Option<Family> {
        let named = self.id(&name.value, name.span);
        if family.ids.is_empty() && family.aliases.is_empty() {
            let help = "list what the ids of its models hold: `ids = [\"mythos-5\"]`".to_owned();
            self.report(code::MISSING_KEY, name.span, format!("the family `{}` has no `ids`", name.value), Some(help));
            return None;
        }
        let patterns = family.ids.iter().filter_map(|id| pattern::read(&id.value, id.span, self.problems)).collect();
        let aliases = family.aliases.iter().filter_map(|id| pattern::read_alias(&id.value, id.span, self.problems)).collect();
        if !named || !self.declarations.families.is_first(&name.value, name.span) {
            return None;
        }
        self.declarations.families.read(&name.value, index);
        Some(Family {
            id: name.value.clone(),
            title: family.title.clone().unwrap_or_else(|| name.value.clone()),
            patterns,
            aliases,
            span: name.span,
        })
    }

    /// No pattern and no alias in two families.
    fn collisions(&mut self, families: &[Family]) {
        let mut seen: BTreeMap<&str, (usize, Span)> = BTreeMap::new();
        for (index, family) in families.iter().enumerate() {
            for pattern in &family.patterns {
                match seen.get(pattern.text.as_str()) {
                    Some((other, first)) if *other != index => {
                        let theirs = families.get(*other).map_or("", |family| family.id.as_str());
                        let message = format!("the pattern `{}` is in the families `{theirs}` and `{}`", pattern.text, family.id);
                        self.problems.push(Problem::new(code::PATTERN_TWICE, pattern.span, message).related(*first, "and here"));
                    }
                    Some((_, first)) => {
                        let message = format!("the pattern `{}` is listed twice", pattern.text);
                        self.problems
                            .push(Problem::new(code::REDUNDANT, pattern.span, message).related(*first, "first listed here"));
                    }
                    None => drop(seen.insert(&pattern.text, (index, pattern.span))),
                }
            }
        }
        let mut aliases: BTreeMap<&str, (usize, Span)> = BTreeMap::new();
        for (index, family) in families.iter().enumerate() {
            for alias in &family.aliases {
                match aliases.get(alias.id.as_str()) {
                    Some((other, first)) if *other != index => {
                        let theirs = families.get(*other).map_or("", |family| family.id.as_str());
                        let message = format!("the alias `{}` is in the families `{theirs}` and `{}`", alias.id, family.id);
                        self.problems.push(Problem::new(code::ALIAS, alias.span, message).related(*first, "and here"));
                    }
                    Some((_, first)) => {
                        let message = format!("the alias `{}` is listed twice", alias.id);
                        self.problems
                            .push(Problem::new(code::REDUNDANT, alias.span, message).related(*first, "first listed here"));
                    }
                    None => drop(aliases.insert(&alias.id, (index, alias.span))),
                }
                for (other, theirs) in families.iter().enumerate() {
                    let Some(pattern) = theirs.patterns.iter().find(|pattern| pattern.says(&alias.id)) else { continue };
                    let problem = if other == index {
                        let message = format!("the alias `{}` is what the pattern `{}` says already", alias.id, pattern.text);
                        Problem::new(code::REDUNDANT, alias.span, message)
                    } else {
                        let message =
                            format!("the alias `{}` of `{}` is what a pattern of `{}` says", alias.id, family.id, theirs.id);
                        Problem::new(code::ALIAS, alias.span, message)
                    };
                    self.problems.push(problem.related(pattern.span, "the pattern"));
                }
            }
        }
    }

    fn fact(&mut self, name: &Spanned<String>, fact: &Spanned<document::Fact>, index: usize) -> Option<Fact> {
        let named = self.identifier(name);
        let fact = &fact.value;
        let kind = match (fact.kind.as_ref().map(|kind| kind.value), &fact.values) {
            (None, _) => None,
            (Some(document::FactKind::Enum), Some(values)) => {
                let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
                for value in &values.value {
                    if let Some(first) = seen.insert(&value.value, value.span) {
                        let message = format!("the value `{}` is listed twice", value.value);
                        self.problems
                            .push(Problem::new(code::REDUNDANT, value.span, message).related(first, "first listed here"));
                    }
                }
                let mut distinct: Vec<String> = Vec::new();
                for value in &values.value {
                    if !distinct.contains(&value.value) {
                        distinct.push(value.value.clone());
                    }
                }
                Some(FactKind::Enum(distinct))
            }
            (Some(document::FactKind::Enum), None) => {
                let help = "list them: `values = [\"staff\", \"contractor\"]`".to_owned();
                self.report(
                    code::MISSING_KEY,
                    name.span,
                    format!("the enumeration `{}` has no `values`", name.value),
                    Some(help),
                );
                None
            }
            (Some(other), values) => {
                if let Some(values) = values {
                    let help = "leave it out, or write `type = \"enum\"`".to_owned();
                    self.report(code::UNKNOWN_KEY, values.span, "only an enumeration has `values`", Some(help));
                }
                Some(match other {
                    document::FactKind::Bool => FactKind::Bool,
                    document::FactKind::Text => FactKind::Text,
                    document::FactKind::Place => FactKind::Place,
                    document::FactKind::Time => FactKind::Time,
                    document::FactKind::List => FactKind::List,
                    document::FactKind::Number => FactKind::Number,
                    document::FactKind::Enum => return None,
                })
            }
        };
        let pointed = fact.claim.as_ref().is_none_or(|claim| self.claim(claim));
        if !(named && pointed && self.declarations.values.is_first(&name.value, name.span)) {
            return None;
        }
        let (kind, claim) = (kind?, fact.claim.as_ref()?);
        self.declarations.values.read(&name.value, index);
        Some(Fact {
            name: name.value.clone(),
            kind,
            claim: claim.value.clone(),
            about: match fact.about {
                Some(document::About::Account) => About::Account,
                Some(document::About::Person) | None => About::Person,
            },
            span: name.span,
        })
    }

    fn claim(&mut self, claim: &Spanned<String>) -> bool {
        let text = claim.value.as_str();
        let escaped = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if text.starts_with('/') && escaped {
            return true;
        }
        let help = if text.is_empty() {
            "write where the fact stands in the account record: `/org_id`".to_owned()
        } else if text.starts_with('/') {
            "write `~` as `~0`, and `/` inside a name as `~1`".to_owned()
        } else {
            format!("write `/{}`", text.trim_start_matches(['$', '.', '#']).replace('.', "/"))
        };
        self.report(code::CLAIM, claim.span, format!("`{}` is no JSON Pointer", text.escape_debug()), Some(help));
        false
    }

    fn list(&mut self, name: &Spanned<String>, list: &Spanned<document::List>, index: usize) -> Option<List> {
        let named = self.identifier(name);
        let whole = list.span;
        let list = &list.value;
        let before = self.problems.len();
        let kind = list.kind.as_ref().map(|kind| kind.value);
        let entries = match (&list.values, &list.file) {
            (Some(values), None) => {
                if values.value.is_empty() {
                    self.report(code::LIST_SOURCE, values.span, format!("the list `{}` is empty", name.value), None);
                }
                kind.map(|kind| entry::read(kind, &values.value, values.span, self.problems))
            }
            (None, Some(file)) => kind.and_then(|kind| self.file_entries(kind, file, name)),
            (Some(_), Some(file)) => {
                let message = format!("the list `{}` has both `values` and a `file`", name.value);
                self.report(code::LIST_SOURCE, file.span, message, Some("keep one of them".to_owned()));
                None
            }
            (None, None) => {
                let message = format!("the list `{}` has neither `values` nor a `file`", name.value);
                self.report(code::LIST_SOURCE, whole, message, None);
                None
            }
        };
        let text = kind == Some(document::ListKind::Text);
        let secret = list.secret.as_ref().map_or(text && list.file.is_some(), |secret| secret.value);
        if let (true, false, Some(said), Some(_)) = (secret, text, &list.secret, kind) {
            self.report(
                code::SECRET,
                said.span,
                "only lists of kind `text` can be secret",
                Some("leave `secret` out".to_owned()),
            );
        }
        let as_of = list.as_of.as_ref().map(|day| self.day(day));
        let review_by = list.review_by.as_ref().map(|day| self.day(day));
        if let (Some(said), Some(Some(by)), Some(now)) = (&list.review_by, review_by, self.surroundings.now)
            && now >= by
        {
            let message = format!("the list `{}` was to be reviewed by this day", name.value);
            self.report(
                code::REVIEW,
                said.span,
                message,
                Some("check its entries, then move `review_by` and `as_of`".to_owned()),
            );
        }
        let sound = !self.problems.iter().skip(before).any(|problem| problem.code.id.starts_with('E'));
        if !(named && sound && self.declarations.values.is_first(&name.value, name.span)) {
            return None;
        }
        let entries = entries?;
        self.declarations.values.read(&name.value, index);
        Some(List {
            name: name.value.clone(),
            entries,
            secret,
            as_of: as_of.flatten(),
            review_by: review_by.flatten(),
            span: name.span,
        })
    }

    fn file_entries(&mut self, kind: document::ListKind, file: &Spanned<String>, list: &Spanned<String>) -> Option<Entries> {
        let of = self.files.get(file.span.file).map(|file| file.name.clone()).unwrap_or_default();
        match (self.surroundings.read)(&of, &file.value) {
            Ok(read) => {
                let index = self.files.len();
                let mut values = entry::lines(kind, index, &read.text, self.problems);
                let whole = Span { file: index, start: 0, end: read.text.find('\n').unwrap_or(read.text.len()) };
                self.files.push(read);
                if values.is_empty() {
                    let message = format!("the list `{}` is empty: the file has no entry", list.value);
                    self.report(code::LIST_SOURCE, file.span, message, None);
                }
                Some(entry::read(kind, std::mem::take(&mut values).as_slice(), whole, self.problems))
            }
            Err(reason) => {
                let message = format!("the file `{}` cannot be read: {reason}", file.value.escape_debug());
                self.report(code::UNREADABLE_FILE, file.span, message, Some("its path is relative to this file".to_owned()));
                None
            }
        }
    }

    fn dialects(&mut self, listed: Option<&[Spanned<document::Dialect>]>) -> Vec<GuardedDialect> {
        let Some(listed) = listed else {
            return self
                .surroundings
                .dialects
                .iter()
                .map(|id| GuardedDialect { id: (*id).to_owned(), prefix: None, span: Span::default() })
                .collect();
        };
        let mut guarded: Vec<GuardedDialect> = Vec::new();
        for item in listed {
            let prefix = item.value.prefix.as_ref();
            let sound = prefix.is_none_or(|prefix| self.prefix(prefix));
            let Some(id) = &item.value.id else { continue };
            let span = if id.span == Span::default() { item.span } else { id.span };
            if !self.surroundings.dialects.contains(&id.value.as_str()) {
                let help = suggestion::help(&id.value, self.surroundings.dialects.iter().copied());
                self.report(code::UNKNOWN_DIALECT, span, format!("there is no dialect `{}`", id.value), help);
            } else if let Some(first) = guarded.iter().find(|guarded| guarded.id == id.value) {
                let problem = Problem::new(code::DECLARED_TWICE, span, format!("the dialect `{}` is listed twice", id.value));
                self.problems.push(problem.related(first.span, "first listed here"));
            } else if sound {
                guarded.push(GuardedDialect { id: id.value.clone(), prefix: prefix.map(|prefix| prefix.value.clone()), span });
            }
        }
        guarded
    }

    fn prefix(&mut self, prefix: &Spanned<String>) -> bool {
        let text = prefix.value.as_str();
        let segments = text.strip_prefix('/').map(|rest| rest.split('/'));
        let sound = segments.is_some_and(|mut segments| {
            segments.all(|segment| {
                !segment.is_empty()
                    && segment != "."
                    && segment != ".."
                    && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
            })
        });
        if sound && text.len() <= 256 {
            return true;
        }
        let help = if text.is_empty() || text == "/" {
            "leave `prefix` out: the API is served under the vendor's own paths".to_owned()
        } else {
            format!("write `/{}`", text.trim_matches('/'))
        };
        self.report(code::PREFIX, prefix.span, format!("`{}` is no path prefix", text.escape_debug()), Some(help));
        false
    }

    /// The rule's authority; `Err` if it should have one and has none that is sound.
    fn ground(&mut self, name: Option<&Spanned<String>>, id: Option<&Spanned<String>>) -> Result<Option<usize>, ()> {
        let authorities = &self.declarations.authorities;
        match name {
            None if authorities.0.is_empty() => Ok(None),
            None => {
                let Some(id) = id else { return Err(()) };
                let known: Vec<_> = authorities.names().take(8).map(|name| format!("`{name}`")).collect();
                let help = Some(format!("add `authority = \"...\"`: {}", known.join(", ")));
                self.report(
                    code::NO_AUTHORITY,
                    id.span,
                    format!("`{}` does not say under which authority it stands", id.value),
                    help,
                );
                Err(())
            }
            Some(name) => match authorities.0.get(&name.value) {
                Some((_, index)) => index.map(Some).ok_or(()),
                None => {
                    let help = suggestion::help(&name.value, authorities.names())
                        .or_else(|| Some(format!("declare it: `[authorities.{}]`", name.value)));
                    self.report(code::UNKNOWN_AUTHORITY, name.span, format!("there is no authority `{}`", name.value), help);
                    Err(())
                }
            },
        }
    }

    fn models(&mut self, models: &Spanned<Vec<Spanned<String>>>, families: &[Family]) -> Option<Models> {
        let mut items: Vec<ModelRef> = Vec::new();
        let mut whole = true;
        let everything = models.value.iter().find(|entry| entry.value == "*");
        for entry in &models.value {
            let item = self.model(entry, families);
            let twice = match (&item, everything) {
                (Some(ModelRef::Everything), Some(first)) => first.span != entry.span,
                (_, Some(_)) => true,
                (Some(ModelRef::Pattern(pattern)), None) => {
                    items.iter().any(|item| matches!(item, ModelRef::Pattern(other) if other.text == pattern.text))
                }
                (Some(item), None) => items.contains(item),
                (None, None) => false,
            };
            if twice {
                let message = if everything.is_some() {
                    format!("`*` takes in `{}`", entry.value)
                } else {
                    format!("`{}` is listed twice", entry.value)
                };
                self.report(code::REDUNDANT, entry.span, message, None);
                continue;
            }
            match item {
                Some(item) => items.push(item),
                None => whole = false,
            }
        }
        (whole && !items.is_empty()).then_some(Models { items, span: models.span })
    }

    fn model(&mut self, entry: &Spanned<String>, families: &[Family]) -> Option<ModelRef> {
        let text = entry.value.as_str();
        if text == "*" {
            return Some(ModelRef::Everything);
        }
        if let Some((_, index)) = self.declarations.families.0.get(text) {
            return index.map(ModelRef::Family);
        }
        let pattern = pattern::read(text, entry.span, self.problems)?;
        let known =
            families.iter().flat_map(|family| &family.patterns).any(|other| other.lies_in(&pattern) || pattern.lies_in(other));
        if !known {
            // A slip in a family's name would read as a pattern that closes nothing. Numbers are versions, where one letter is a difference.
            let letters = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
            let near = suggestion::nearest(text, self.declarations.families.names())
                .filter(|near| letters(near) != letters(text) && text.len().abs_diff(near.len()) <= 2);
            if let Some(near) = near {
                let help = Some(format!("did you mean `{near}`?"));
                self.report(code::NO_FAMILY, entry.span, format!("there is no family and no declared pattern `{text}`"), help);
                return None;
            }
        }
        Some(ModelRef::Pattern(pattern))
    }

    fn restriction(
        &mut self,
        restriction: &document::Restriction,
        families: &[Family],
        authorities: &[Authority],
        names: &Names<'_>,
    ) -> Option<Restriction> {
        let named = restriction.id.as_ref().is_none_or(|id| self.id(&id.value, id.span));
        let ground = self.ground(restriction.authority.as_ref(), restriction.id.as_ref());
        let models = restriction.models.as_ref().and_then(|models| self.models(models, families));
        let when = restriction.when.as_ref().map(|text| condition::read(text, names, self.problems));
        let unless = restriction.unless.as_ref().map(|text| condition::read(text, names, self.problems));
        let window = self.window(restriction.from.as_ref(), restriction.until.as_ref());
        let status = restriction.status.as_ref().map_or(403, |status| status.value);
        if let (451, Some(said), Ok(ground)) = (status, &restriction.status, &ground)
            && ground.and_then(|index| authorities.get(index)).is_none_or(|authority| authority.url.is_empty())
        {
            let help = Some("give the authority a `url`".to_owned());
            self.report(code::BLOCKED_BY, said.span, "a refusal with 451 has no authority to link to", help);
        }
        let id = restriction.id.as_ref()?;
        if !named || !self.declarations.rules.is_first(&id.value, id.span) {
            return None;
        }
        let (from, until) = window?;
        Some(Restriction {
            id: id.value.clone(),
            models: models?,
            authority: ground.ok()?,
            when: sound(when)?,
            unless: sound(unless)?,
            from,
            until,
            message: restriction.message.clone().unwrap_or_default(),
            doubt_pass: restriction.doubt.as_ref().is_some_and(|doubt| doubt.value == document::Doubt::Pass),
            state: match restriction.state {
                Some(document::RestrictionState::Off) => State::Off,
                Some(document::RestrictionState::Shadow) => State::Shadow,
                Some(document::RestrictionState::On) | None => State::On,
            },
            status,
            span: id.span,
        })
    }

    fn licence(&mut self, licence: &document::Licence, families: &[Family], names: &Names<'_>) -> Option<Licence> {
        let named = licence.id.as_ref().is_none_or(|id| self.id(&id.value, id.span));
        let ground = self.ground(licence.authority.as_ref(), licence.id.as_ref());
        let mut lifts = Vec::new();
        let mut whole = true;
        for target in licence.lifts.iter().flatten() {
            match self.declarations.restrictions.get(&target.value) {
                Some(Some(index)) if lifts.contains(index) => {
                    self.report(code::REDUNDANT, target.span, format!("`{}` is listed twice", target.value), None);
                }
                Some(Some(index)) => lifts.push(*index),
                Some(None) => whole = false,
                None => {
                    whole = false;
                    let known = self.declarations.restrictions.keys().map(String::as_str);
                    let message = if self.declarations.rules.0.contains_key(&target.value) {
                        format!("`{}` is a licence, and a licence lifts restrictions", target.value)
                    } else {
                        format!("there is no restriction `{}`", target.value)
                    };
                    let help = suggestion::help(&target.value, known);
                    self.report(code::UNKNOWN_RESTRICTION, target.span, message, help);
                }
            }
        }
        let models = licence.models.as_ref().map(|models| self.models(models, families));
        let when = licence.when.as_ref().map(|text| condition::read(text, names, self.problems));
        let window = self.window(licence.from.as_ref(), licence.until.as_ref());
        let id = licence.id.as_ref()?;
        if !(named && whole && self.declarations.rules.is_first(&id.value, id.span)) {
            return None;
        }
        let (from, until) = window?;
        Some(Licence {
            id: id.value.clone(),
            kind: match licence.kind {
                Some(document::LicenceKind::Exception) => LicenceKind::Exception,
                Some(document::LicenceKind::Exclusion) => LicenceKind::Exclusion,
                Some(document::LicenceKind::Licence) | None => LicenceKind::Licence,
            },
            reference: licence.reference.clone().unwrap_or_default(),
            authority: ground.ok()?,
            lifts,
            models: sound(models)?,
            when: sound(when)?,
            from,
            until,
            state: match licence.state {
                Some(document::LicenceState::Off) => State::Off,
                Some(document::LicenceState::On) | None => State::On,
            },
            span: id.span,
        })
    }
}

/// What is there and sound, or not there; `None` if it is there and broken.
fn sound<T>(part: Option<Option<T>>) -> Option<Option<T>> {
    match part {
        None => Some(None),
        Some(None) => None,
        Some(whole) => Some(whole),
    }
}
