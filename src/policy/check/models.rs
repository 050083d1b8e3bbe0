//! Checks `[models]`, and the `models` of rules.

use std::collections::BTreeMap;

use super::{Checker, pattern};
use crate::policy::diagnostic::code;
use crate::policy::diagnostic::problem::Problem;
use crate::policy::diagnostic::suggestion;
use crate::policy::diagnostic::suggestion::Suggestion;
use crate::policy::document::spanned::Spanned;
use crate::policy::document::types;
use crate::policy::model::{Family, ModelRef, Models, Pattern, Shape, Span, Token};

impl Checker<'_, '_, '_> {
    pub(crate) fn family(
        &mut self,
        name: &Spanned<String>,
        family: &Spanned<types::Family>,
        index: usize,
    ) -> Option<Family> {
        let named = self.id(&name.value, name.span);
        let span = family.span;
        let family = &family.value;
        let broken = |key| self.surroundings.broken.had(span, key);
        if family.ids.is_empty()
            && family.aliases.is_empty()
            && !broken("ids")
            && !broken("aliases")
        {
            let help = "list what the ids of its models hold: `ids = [\"mythos-5\"]`".to_owned();
            self.report(
                code::MISSING_KEY,
                name.span,
                format!("the family `{}` has no `ids`", name.value),
                Some(help),
            );
            return None;
        }
        let patterns = family
            .ids
            .iter()
            .filter_map(|id| pattern::read(&id.value, id.span, self.problems))
            .collect();
        let aliases = family
            .aliases
            .iter()
            .filter_map(|id| pattern::read_alias(&id.value, id.span, self.problems))
            .collect();
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

    /// Reports patterns and aliases that belong to two families or are listed twice.
    pub(crate) fn collisions(&mut self, families: &[Family]) {
        let mut seen: BTreeMap<&str, (usize, Span)> = BTreeMap::new();
        for (index, family) in families.iter().enumerate() {
            for pattern in &family.patterns {
                match seen.get(pattern.text.as_str()) {
                    Some((other, first)) if *other != index => {
                        let theirs = families.get(*other).map_or("", |family| family.id.as_str());
                        let message = format!(
                            "the pattern `{}` is in the families `{theirs}` and `{}`",
                            pattern.text, family.id
                        );
                        self.problems.push(
                            Problem::new(code::PATTERN_TWICE, pattern.span, message)
                                .related(*first, "and here"),
                        );
                    }
                    Some((_, first)) => {
                        let message = format!("the pattern `{}` is listed twice", pattern.text);
                        let problem =
                            Problem::new(code::REDUNDANT, pattern.span, message).at(&family.id);
                        self.problems.push(problem.related(*first, "first listed here"));
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
                        let message = format!(
                            "the alias `{}` is in the families `{theirs}` and `{}`",
                            alias.id, family.id
                        );
                        self.problems.push(
                            Problem::new(code::ALIAS, alias.span, message)
                                .related(*first, "and here"),
                        );
                    }
                    Some((_, first)) => {
                        let message = format!("the alias `{}` is listed twice", alias.id);
                        let problem =
                            Problem::new(code::REDUNDANT, alias.span, message).at(&family.id);
                        self.problems.push(problem.related(*first, "first listed here"));
                    }
                    None => drop(aliases.insert(&alias.id, (index, alias.span))),
                }
                for (other, theirs) in families.iter().enumerate() {
                    let Some(pattern) =
                        theirs.patterns.iter().find(|pattern| pattern.says(&alias.id))
                    else {
                        continue;
                    };
                    let problem = if other == index {
                        let message = format!(
                            "the alias `{}` is what the pattern `{}` says already",
                            alias.id, pattern.text
                        );
                        Problem::new(code::REDUNDANT, alias.span, message)
                    } else {
                        let message = format!(
                            "the alias `{}` of `{}` is what a pattern of `{}` says",
                            alias.id, family.id, theirs.id
                        );
                        Problem::new(code::ALIAS, alias.span, message)
                    };
                    self.problems.push(problem.at(&family.id).related(pattern.span, "the pattern"));
                }
            }
        }
    }

    pub(crate) fn models(
        &mut self,
        models: &Spanned<Vec<Spanned<String>>>,
        families: &[Family],
    ) -> Option<Models> {
        let mut items: Vec<ModelRef> = Vec::new();
        let mut whole = true;
        let everything = models.value.iter().find(|entry| entry.value == "*");
        for entry in &models.value {
            let item = self.model(entry, families);
            let twice = match (&item, everything) {
                (Some(ModelRef::Everything), Some(first)) => first.span != entry.span,
                (_, Some(_)) => true,
                (Some(ModelRef::Pattern(pattern)), None) => items.iter().any(
                    |item| matches!(item, ModelRef::Pattern(other) if other.text == pattern.text),
                ),
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
        if let Some(index) = self.declarations.families.get(text) {
            return index.map(ModelRef::Family);
        }
        let pattern = pattern::read(text, entry.span, self.problems)?;
        // A misspelled family name would read as a pattern that closes nothing. Digits are ignored
        // here, since in version numbers one character is a real difference.
        let letters = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
        let near =
            self.declarations.families.names().filter(|near| text.len().abs_diff(near.len()) <= 2);
        if let Some(near) =
            suggestion::nearest(text, near).filter(|near| letters(near) != letters(text))
        {
            // A bare `*` matches any word, so it does not show that this pattern is meant.
            let bare = |known: &&Pattern| matches!(&known.shape, Shape::Tokens(tokens) if tokens.contains(&Token::Prefix(String::new())));
            let mut declared =
                families.iter().flat_map(|family| &family.patterns).filter(|known| !bare(known));
            if !declared.any(|other| other.may_lie_in(&pattern) || pattern.may_lie_in(other)) {
                let help = Suggestion::near(Some(near));
                let message = format!("there is no family and no declared pattern `{text}`");
                self.suggest(code::NO_FAMILY, entry.span, message, help);
                return None;
            }
        }
        Some(ModelRef::Pattern(pattern))
    }
}
