//! Gives new numbers and names to what stays of a policy.

use std::collections::BTreeMap;

use super::selection::Selection;
use crate::policy::model::{
    Alias, Atom, Authority, Clause, Condition, ElementTest, FactRef, Family, Licence, LicenceKind,
    List, ModelRef, Models, Pattern, Restriction, Shape, Span, Test,
};

/// Gives new numbers and names to what stays.
pub(super) struct Numbers<'s, 'p> {
    selection: &'s Selection<'p>,
    /// Indexes of facts in the whole policy.
    pub(super) facts: Vec<usize>,
    list_numbers: BTreeMap<usize, usize>,
    pub(super) lists: Vec<List>,
    family_numbers: BTreeMap<usize, usize>,
    pub(super) families: Vec<Family>,
    authority_numbers: BTreeMap<usize, usize>,
    pub(super) authorities: Vec<Authority>,
    rules: usize,
}

impl<'s, 'p> Numbers<'s, 'p> {
    pub(super) fn new(selection: &'s Selection<'p>) -> Self {
        let Selection { policy, keep, universe, dropped, .. } = selection;
        let facts = (0..)
            .zip(&policy.facts)
            .filter(|(_, fact)| keep.facts.contains(&fact.name))
            .map(|(index, _)| index)
            .collect();
        let shows =
            |shape: &Shape| universe.bit(shape).is_none_or(|bit| !dropped.contains_key(&bit));
        let mut family_numbers = BTreeMap::new();
        let mut families = Vec::new();
        for (index, family) in policy.families.iter().enumerate() {
            let patterns: Vec<Pattern> =
                family.patterns.iter().filter(|pattern| shows(&pattern.shape)).cloned().collect();
            let shows_alias = |alias: &&Alias| shows(&Shape::Exact(alias.id.clone()));
            let aliases: Vec<Alias> = family.aliases.iter().filter(shows_alias).cloned().collect();
            let left = patterns.len() + aliases.len();
            if left > 0 || family.patterns.len() + family.aliases.len() == 0 {
                family_numbers.insert(index, families.len());
                families.push(Family { patterns, aliases, ..family.clone() });
            }
        }
        Self {
            selection,
            facts,
            list_numbers: BTreeMap::new(),
            lists: Vec::new(),
            family_numbers,
            families,
            authority_numbers: BTreeMap::new(),
            authorities: Vec::new(),
            rules: 0,
        }
    }

    /// Returns a restriction under these conditions.
    pub(super) fn restriction(
        &mut self,
        rule: &Restriction,
        when: Option<Condition>,
        unless: Option<Condition>,
    ) -> Restriction {
        Restriction {
            id: self.rule("restriction", &rule.id),
            models: self.models(&rule.models),
            authority: rule.authority.map(|authority| self.authority(authority)),
            when: when.map(|condition| self.clause(condition, rule.span)),
            unless: unless.map(|condition| self.clause(condition, rule.span)),
            ..rule.clone()
        }
    }

    /// Returns a licence under this condition that lifts these restrictions.
    pub(super) fn licence(
        &mut self,
        rule: &Licence,
        when: Option<Condition>,
        lifts: Vec<usize>,
    ) -> Licence {
        let is_named = self.selection.keep.rules.contains(&rule.id);
        let shows = |authority: &usize| is_named || self.selection.names(*authority);
        let authority = rule.authority.filter(shows);
        Licence {
            id: self.rule("licence", &rule.id),
            kind: if is_named { rule.kind } else { LicenceKind::default() },
            reference: if is_named { rule.reference.clone() } else { String::new() },
            authority: authority.map(|authority| self.authority(authority)),
            lifts,
            models: rule.models.as_ref().map(|models| self.models(models)),
            when: when.map(|condition| self.clause(condition, rule.span)),
            ..rule.clone()
        }
    }

    /// Returns the id of a rule that was named, or a new one.
    fn rule(&mut self, kind: &str, id: &str) -> String {
        if self.selection.keep.rules.contains(id) {
            return id.to_owned();
        }
        self.rules += 1;
        self.free(&format!("{kind}-{}", self.rules))
    }

    /// Returns an id that no named rule has.
    pub(super) fn free(&self, id: &str) -> String {
        let mut id = id.to_owned();
        while self.selection.keep.rules.contains(&id) {
            id.push('x');
        }
        id
    }

    fn models(&self, models: &Models) -> Models {
        let items = models.items.iter().filter_map(|item| match item {
            ModelRef::Family(family) => {
                self.family_numbers.get(family).map(|number| ModelRef::Family(*number))
            }
            item => Some(item.clone()),
        });
        Models { items: items.collect(), span: models.span }
    }

    fn authority(&mut self, index: usize) -> usize {
        let Selection { policy, .. } = self.selection;
        let next = self.authorities.len();
        let number = *self.authority_numbers.entry(index).or_insert(next);
        if number == next
            && let Some(authority) = policy.authorities.get(index)
        {
            self.authorities.push(if self.selection.names(index) {
                authority.clone()
            } else {
                Authority {
                    id: format!("authority-{}", next + 1),
                    title: String::new(),
                    url: String::new(),
                    appeal: authority.appeal.clone(),
                    retain_days: 0,
                    span: authority.span,
                }
            });
        }
        number
    }

    fn list(&mut self, index: usize) -> usize {
        let next = self.lists.len();
        let number = *self.list_numbers.entry(index).or_insert(next);
        if number == next
            && let Some(list) = self.selection.policy.lists.get(index)
        {
            let name = format!("list-{}", next + 1);
            self.lists.push(List { name, as_of: None, review_by: None, ..list.clone() });
        }
        number
    }

    fn clause(&mut self, condition: Condition, span: Span) -> Clause {
        Clause { text: String::new(), condition: self.condition(condition), span }
    }

    fn condition(&mut self, condition: Condition) -> Condition {
        match condition {
            Condition::Atom(atom) => Condition::Atom(self.atom(atom)),
            Condition::Not(inner) => Condition::Not(Box::new(self.condition(*inner))),
            Condition::And(parts) => {
                Condition::And(parts.into_iter().map(|part| self.condition(part)).collect())
            }
            Condition::Or(parts) => {
                Condition::Or(parts.into_iter().map(|part| self.condition(part)).collect())
            }
            condition => condition,
        }
    }

    fn atom(&mut self, atom: Atom) -> Atom {
        let fact = match atom.fact {
            FactRef::Declared(index) => {
                let number = self.facts.iter().position(|fact| *fact == index);
                FactRef::Declared(number.unwrap_or(index))
            }
            fact => fact,
        };
        let test = match atom.test {
            Test::InList(list) => Test::InList(self.list(list)),
            Test::Exists(test) => Test::Exists(self.element(test)),
            Test::All(test) => Test::All(self.element(test)),
            test => test,
        };
        Atom { fact, test, span: atom.span }
    }

    fn element(&mut self, test: ElementTest) -> ElementTest {
        match test {
            ElementTest::InList(list) => ElementTest::InList(self.list(list)),
            ElementTest::Not(inner) => ElementTest::Not(Box::new(self.element(*inner))),
            ElementTest::And(parts) => {
                ElementTest::And(parts.into_iter().map(|part| self.element(part)).collect())
            }
            ElementTest::Or(parts) => {
                ElementTest::Or(parts.into_iter().map(|part| self.element(part)).collect())
            }
            test => test,
        }
    }
}
