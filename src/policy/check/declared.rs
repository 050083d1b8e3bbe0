//! Collects the names that a policy declares, over all its files.

use std::collections::BTreeMap;

use crate::policy::diagnostic::code;
use crate::policy::diagnostic::problem::Problem;
use crate::policy::document::tree::{Node, Value};
use crate::policy::model::Span;

/// For each name the span of its first declaration, and its index once the declaration has been
/// read and found sound.
#[derive(Default)]
pub(crate) struct Declared(BTreeMap<String, (Span, Option<usize>)>);

impl Declared {
    fn add(&mut self, name: &str, span: Span, what: &str, problems: &mut Vec<Problem>) {
        if let Some((first, _)) = self.0.get(name) {
            let problem = Problem::new(
                code::DECLARED_TWICE,
                span,
                format!("{what} `{name}` is declared twice"),
            );
            problems.push(problem.related(*first, "first declared here"));
        } else {
            self.0.insert(name.to_owned(), (span, None));
        }
    }

    /// Returns whether this span is the first declaration of the name.
    pub(crate) fn is_first(&self, name: &str, span: Span) -> bool {
        self.0.get(name).is_some_and(|(first, _)| *first == span)
    }

    pub(crate) fn read(&mut self, name: &str, index: usize) {
        if let Some((_, slot)) = self.0.get_mut(name) {
            *slot = Some(index);
        }
    }

    /// Returns whether there are no declarations.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the index of a declared name. The inner `None`: the name is declared, but its
    /// declaration is broken.
    pub(crate) fn get(&self, name: &str) -> Option<Option<usize>> {
        self.0.get(name).map(|(_, index)| *index)
    }

    /// Returns all names with the span of their declaration and their index.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Span, Option<usize>)> {
        self.0.iter().map(|(name, (span, index))| (name.as_str(), *span, *index))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.keys().map(String::as_str)
    }
}

/// The names of a policy, by kind.
#[derive(Default)]
pub(in crate::policy) struct Declarations {
    pub(crate) authorities: Declared,
    pub(crate) families: Declared,
    pub(crate) deployments: Declared,
    /// Facts and lists share one set, since conditions name both.
    pub(crate) values: Declared,
    /// Restrictions and licences share one set, since switches name both.
    pub(crate) rules: Declared,
    pub(crate) restrictions: BTreeMap<String, Option<usize>>,
    /// Spans of the `[policy]` tables.
    pub(crate) headers: Vec<Span>,
}

impl Declarations {
    /// Collects the names of a file from its tree, before broken parts are removed.
    pub(in crate::policy) fn collect(&mut self, tree: &Node, problems: &mut Vec<Problem>) {
        let Value::Table(entries) = &tree.value else { return };
        for (key, node) in entries {
            match (key.name.as_str(), &node.value) {
                ("policy", _) => self.headers.push(if matches!(node.value, Value::Table(_)) {
                    node.span
                } else {
                    key.span
                }),
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
                ("deployments", Value::Table(entries)) => {
                    for (key, _) in entries {
                        self.deployments.add(&key.name, key.span, "the table", problems);
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
