//! Checks `[facts]` and `[lists]`.

use std::collections::BTreeMap;

use super::{Checker, list_entry};
use crate::policy::diagnostic::code;
use crate::policy::diagnostic::problem::{Edit, Problem};
use crate::policy::document::spanned::Spanned;
use crate::policy::document::types;
use crate::policy::model;
use crate::policy::model::{About, Entries, Fact, FactKind, List, Span};

impl Checker<'_, '_, '_> {
    /// Checks a name that conditions use.
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
            let mended: String =
                text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            let help = if mended.starts_with(|c: char| c.is_ascii_alphabetic()) {
                format!("write `{mended}`")
            } else {
                "begin it with a letter".to_owned()
            };
            (format!("conditions cannot use the name `{}`", text.escape_debug()), help)
        } else if model::BUILT_IN.iter().any(|(known, _)| *known == text) {
            (format!("`{text}` is a built-in fact"), "choose another name".to_owned())
        } else if WORDS.contains(&text) {
            (format!("`{text}` is a word of CEL"), "choose another name".to_owned())
        } else {
            return true;
        };
        self.report(code::NAME, name.span, message, Some(help));
        false
    }

    pub(crate) fn fact(
        &mut self,
        name: &Spanned<String>,
        fact: &Spanned<types::Fact>,
        index: usize,
    ) -> Option<Fact> {
        let named = self.identifier(name);
        let span = fact.span;
        let fact = &fact.value;
        let kind = match (fact.kind.as_ref().map(|kind| kind.value), &fact.values) {
            (None, _) => None,
            (Some(types::FactKind::Enum), Some(values)) => {
                let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
                for value in &values.value {
                    if let Some(first) = seen.insert(&value.value, value.span) {
                        let message = format!("the value `{}` is listed twice", value.value);
                        self.problems.push(
                            Problem::new(code::REDUNDANT, value.span, message)
                                .related(first, "first listed here"),
                        );
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
            (Some(types::FactKind::Enum), None) if self.surroundings.broken.had(span, "values") => {
                None
            }
            (Some(types::FactKind::Enum), None) => {
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
                    self.report(
                        code::UNKNOWN_KEY,
                        values.span,
                        "only an enumeration has `values`",
                        Some(help),
                    );
                }
                Some(match other {
                    types::FactKind::Bool => FactKind::Bool,
                    types::FactKind::Text => FactKind::Text,
                    types::FactKind::Place => FactKind::Place,
                    types::FactKind::Time => FactKind::Time,
                    types::FactKind::List => FactKind::List,
                    types::FactKind::Number => FactKind::Number,
                    types::FactKind::Enum => return None,
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
                Some(types::About::Account) => About::Account,
                Some(types::About::Person) | None => About::Person,
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
        let problem = Problem::new(
            code::CLAIM,
            claim.span,
            format!("`{}` is no JSON Pointer", text.escape_debug()),
        );
        let mended =
            format!("/{}", text.trim_start_matches(['$', '.', '#', '/']).replace('.', "/"));
        self.problems.push(if !escaped {
            problem.help("in a pointer `~` is written `~0`, and `/` inside a name `~1`")
        } else if mended == "/" {
            problem.help("a claim says where the fact is in the account record, as `/org_id` does")
        } else {
            problem.help(format!("write `{mended}`")).edit(Edit::Word(mended))
        });
        false
    }

    pub(crate) fn list(
        &mut self,
        name: &Spanned<String>,
        list: &Spanned<types::List>,
        index: usize,
    ) -> Option<List> {
        let named = self.identifier(name);
        let whole = list.span;
        let list = &list.value;
        let before = self.problems.len();
        let kind = list.kind.as_ref().map(|kind| kind.value);
        let entries = match (&list.values, &list.file) {
            (Some(values), None) => {
                if values.value.is_empty() {
                    self.report(
                        code::LIST_SOURCE,
                        values.span,
                        format!("the list `{}` is empty", name.value),
                        None,
                    );
                }
                kind.map(|kind| list_entry::read(kind, &values.value, values.span, self.problems))
            }
            (None, Some(file)) => kind.and_then(|kind| self.file_entries(kind, file, name)),
            (Some(_), Some(file)) => {
                let message = format!("the list `{}` has both `values` and a `file`", name.value);
                self.report(
                    code::LIST_SOURCE,
                    file.span,
                    message,
                    Some("keep one of them".to_owned()),
                );
                None
            }
            (None, None)
                if ["values", "file"]
                    .iter()
                    .any(|key| self.surroundings.broken.had(whole, key)) =>
            {
                None
            }
            (None, None) => {
                let message =
                    format!("the list `{}` has neither `values` nor a `file`", name.value);
                self.report(code::LIST_SOURCE, whole, message, None);
                None
            }
        };
        let text = kind == Some(types::ListKind::Text);
        let secret =
            list.secret.as_ref().map_or(text && list.file.is_some(), |secret| secret.value);
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
        if let (Some(said), Some(Some(by)), Some(now)) =
            (&list.review_by, review_by, self.surroundings.now)
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
        let sound =
            !self.problems.iter().skip(before).any(|problem| problem.code.id.starts_with('E'));
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

    fn file_entries(
        &mut self,
        kind: types::ListKind,
        file: &Spanned<String>,
        list: &Spanned<String>,
    ) -> Option<Entries> {
        let of = self.files.get(file.span.file).map(|file| file.name.clone()).unwrap_or_default();
        match (self.surroundings.read)(&of, &file.value) {
            Ok(read) => {
                let index = self.files.len();
                let mut values = list_entry::lines(kind, index, &read.text, self.problems);
                let whole = Span {
                    file: index,
                    start: 0,
                    end: read.text.find('\n').unwrap_or(read.text.len()),
                };
                self.files.push(read);
                if values.is_empty() {
                    let message =
                        format!("the list `{}` is empty: the file has no entry", list.value);
                    self.report(code::LIST_SOURCE, file.span, message, None);
                }
                Some(list_entry::read(
                    kind,
                    std::mem::take(&mut values).as_slice(),
                    whole,
                    self.problems,
                ))
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
}
