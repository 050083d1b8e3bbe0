//! Selects what stays of a policy: rules, patterns, and which tests of a condition.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::error::PublicError;
use super::keep::{Keep, SERVER_FACTS};
use crate::compile::model::{self, Universe};
use crate::policy::model::{
    Atom, Clause, Condition, ElementTest, FactRef, Licence, ModelRef, Models, Policy, RuleState,
    Shape, Test,
};

/// How and why a rule is stricter than in the whole policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stricter {
    /// The rule is a licence.
    pub is_licence: bool,
    /// The restriction applies to every caller, or the licence is missing.
    pub is_total: bool,
    /// Names of dropped facts and secret lists that its condition tests.
    pub without: BTreeSet<String>,
    /// Ids of dropped rules whose patterns it would open.
    pub beside: BTreeSet<String>,
}

/// What stays of a policy, before anything is renumbered.
pub(super) struct Selection<'p> {
    pub(super) policy: &'p Policy,
    pub(super) keep: &'p Keep,
    at: i64,
    pub(super) universe: Universe,
    /// Indexes of the restrictions and licences that stay.
    pub(super) restrictions: BTreeSet<usize>,
    pub(super) licences: BTreeSet<usize>,
    /// Bits of the patterns that are left out, and an id of a rule that names each.
    pub(super) dropped: BTreeMap<usize, &'p str>,
}

impl<'p> Selection<'p> {
    /// Selects what stays. `fallen` are indexes of licences that do not.
    pub(super) fn new(
        policy: &'p Policy,
        keep: &'p Keep,
        at: i64,
        fallen: &BTreeSet<usize>,
    ) -> Self {
        let universe = Universe::new(policy);
        let mut selection = Self {
            policy,
            keep,
            at,
            universe,
            restrictions: BTreeSet::new(),
            licences: BTreeSet::new(),
            dropped: BTreeMap::new(),
        };
        let restrictions: BTreeSet<usize> = (0..)
            .zip(&policy.restrictions)
            .filter(|(_, rule)| selection.is_live(&rule.id, rule.state, rule.from, rule.until))
            .map(|(index, _)| index)
            .collect();
        let stays = |index: &usize, rule: &Licence| {
            let when = selection.condition_of(rule.when.as_ref(), false, &mut BTreeSet::new());
            selection.is_live(&rule.id, rule.state, rule.from, rule.until)
                && !fallen.contains(index)
                && rule.lifts.iter().any(|index| restrictions.contains(index))
                && when != Some(Condition::False)
        };
        let licences: BTreeSet<usize> = (0..)
            .zip(&policy.licences)
            .filter(|(index, rule)| stays(index, rule))
            .map(|(index, _)| index)
            .collect();

        let universe = &selection.universe;
        let family = |bit: usize| universe.patterns().get(bit - 1).and_then(|(_, family)| *family);
        let restrictions_of = (0..).zip(&policy.restrictions).map(|(index, rule)| {
            (&rule.id, Some(&rule.models), rule.until, restrictions.contains(&index))
        });
        let licences_of = (0..).zip(&policy.licences).map(|(index, rule)| {
            (&rule.id, rule.models.as_ref(), rule.until, licences.contains(&index))
        });
        let mut shown = BTreeSet::new();
        let mut hidden: BTreeMap<usize, &str> = BTreeMap::new();
        for (id, models, until, stays) in restrictions_of.chain(licences_of) {
            let named = models.map(|models| named(universe, models)).unwrap_or_default();
            // A rule that has ended hides no model. Its own patterns are gone with it.
            let has_ended = until.is_some_and(|until| until <= at);
            if stays {
                shown.extend(named);
            } else {
                let named = named.into_iter().filter(|bit| !has_ended || family(*bit).is_none());
                hidden.extend(named.map(|bit| (bit, id.as_str())));
            }
        }
        let is_kept = |bit: usize| {
            let family = family(bit).and_then(|family| policy.families.get(family));
            family.is_some_and(|family| keep.families.contains(&family.id))
        };
        hidden.retain(|bit, _| !shown.contains(bit) && !is_kept(*bit));
        selection.restrictions = restrictions;
        selection.licences = licences;
        selection.dropped = hidden;
        selection
    }

    /// Returns whether a rule is named, or in force at the instant.
    pub(super) fn is_live(
        &self,
        id: &str,
        state: RuleState,
        from: Option<i64>,
        until: Option<i64>,
    ) -> bool {
        self.keep.rules.contains(id)
            || state == RuleState::On
                && from.is_none_or(|from| from <= self.at)
                && until.is_none_or(|until| self.at < until)
    }

    /// Returns which of the restrictions that stay each licence lifts that stays.
    pub(super) fn lifts(&self) -> BTreeMap<usize, BTreeSet<usize>> {
        let of = |index: &usize| {
            let lifts = self.policy.licences.get(*index).map(|rule| rule.lifts.iter().copied());
            let lifts = lifts.into_iter().flatten();
            (*index, lifts.filter(|index| self.restrictions.contains(index)).collect())
        };
        self.licences.iter().map(of).collect()
    }

    /// Returns whether the texts of an authority stay.
    pub(super) fn names(&self, authority: usize) -> bool {
        let authority = self.policy.authorities.get(authority);
        authority.is_some_and(|authority| self.keep.authorities.contains(&authority.id))
    }

    /// Returns the first instant at which a rule of the future that is left out closes something.
    pub(super) fn first_future_instant(&self) -> Option<i64> {
        let rules = self.policy.restrictions.iter().enumerate();
        rules
            .filter(|(index, rule)| {
                !self.restrictions.contains(index) && rule.state == RuleState::On
            })
            .filter_map(|(_, rule)| rule.from.filter(|from| self.at < *from))
            .min()
    }

    /// Makes sure that ids with a dropped pattern stay closed wherever they are closed now. Removes
    /// from `lifts` what would open them.
    pub(super) fn leave_out_patterns(
        &self,
        lifts: &mut BTreeMap<usize, BTreeSet<usize>>,
        stricter: &mut BTreeMap<String, Stricter>,
        errors: &mut Vec<PublicError>,
    ) {
        for &index in &self.restrictions {
            let Some(rule) = self.policy.restrictions.get(index) else { continue };
            let closed = self.universe.closed(&rule.models);
            let everything = rule.models.items.contains(&ModelRef::Everything);
            for (&bit, &hidden_by) in &self.dropped {
                let Some(pattern) = self.shape(bit).filter(|_| model::has(&closed, bit)) else {
                    continue;
                };
                if !everything && !self.is_guarded(bit, pattern, &rule.models, &closed) {
                    errors.push(PublicError::Pattern {
                        pattern: model::text(pattern),
                        restriction: rule.id.clone(),
                        rule: hidden_by.to_owned(),
                        span: rule.span,
                    });
                }
                for (licence, lifts) in &mut *lifts {
                    let Some(licence) = self.policy.licences.get(*licence) else { continue };
                    let Some(models) = licence.models.as_ref().filter(|_| lifts.contains(&index))
                    else {
                        continue;
                    };
                    let lifted = self.universe.lifted(models);
                    let opens = |inner: usize| {
                        model::has(&lifted, inner)
                            && self.shape(inner).is_some_and(|one| model::may_hold(pattern, one))
                    };
                    if !model::has(&lifted, bit) && self.kept_bits().any(opens) {
                        lifts.remove(&index);
                        let reasons = stricter.entry(licence.id.clone()).or_default();
                        reasons.is_licence = true;
                        reasons.beside.insert(hidden_by.to_owned());
                    }
                }
            }
        }
    }

    /// Returns whether every id with a dropped pattern contains a pattern that `models` names, and
    /// no pattern that stays hides it.
    fn is_guarded(&self, bit: usize, pattern: &Shape, models: &Models, closed: &[u64]) -> bool {
        let named = self.universe.named(models);
        let family = |bit: usize| self.universe.patterns().get(bit - 1).and_then(|(_, of)| *of);
        self.kept_bits().filter(|guard| model::has(&named, *guard)).any(|guard| {
            let Some(shape) = self.shape(guard) else { return false };
            let apart = family(guard).is_some() && family(bit).is_some();
            let related = !apart || family(guard) == family(bit);
            let is_free = |run: &Range<usize>| {
                !self.kept_bits().any(|other| {
                    !model::has(closed, other)
                        && self
                            .shape(other)
                            .is_some_and(|other| model::may_cover(pattern, other, run))
                })
            };
            related && model::positions(pattern, shape).iter().any(is_free)
        })
    }

    fn kept_bits(&self) -> impl Iterator<Item = usize> {
        (1..=self.universe.patterns().len()).filter(|bit| !self.dropped.contains_key(bit))
    }

    fn shape(&self, bit: usize) -> Option<&Shape> {
        self.universe.patterns().get(bit.checked_sub(1)?).map(|(shape, _)| shape)
    }

    /// Returns a condition in which each test that is left out has the value `stricter`, or the
    /// opposite one under a negation. If that makes a difference, adds the names of what it tests to
    /// `without`.
    pub(super) fn condition_of(
        &self,
        clause: Option<&Clause>,
        stricter: bool,
        without: &mut BTreeSet<String>,
    ) -> Option<Condition> {
        let clause = clause?;
        let mut names = BTreeSet::new();
        let condition = self.condition(&clause.condition, stricter, &mut names);
        if condition != self.condition(&clause.condition, !stricter, &mut names) {
            without.append(&mut names);
        }
        Some(condition)
    }

    fn condition(
        &self,
        condition: &Condition,
        stricter: bool,
        without: &mut BTreeSet<String>,
    ) -> Condition {
        match condition {
            Condition::Atom(atom) => match self.dropped_name(atom) {
                Some(name) => {
                    without.insert(name.to_owned());
                    constant(stricter)
                }
                None => condition.clone(),
            },
            Condition::Not(inner) => match self.condition(inner, !stricter, without) {
                Condition::True => Condition::False,
                Condition::False => Condition::True,
                inner => Condition::Not(Box::new(inner)),
            },
            Condition::And(parts) => self.joined(parts, stricter, without, false),
            Condition::Or(parts) => self.joined(parts, stricter, without, true),
            Condition::True | Condition::False => condition.clone(),
        }
    }

    /// Joins parts by "or" if `decisive` is true, else by "and". A part of that value decides.
    fn joined(
        &self,
        parts: &[Condition],
        stricter: bool,
        without: &mut BTreeSet<String>,
        decisive: bool,
    ) -> Condition {
        let mut parts: Vec<Condition> =
            parts.iter().map(|part| self.condition(part, stricter, without)).collect();
        if parts.contains(&constant(decisive)) {
            return constant(decisive);
        }
        parts.retain(|part| *part != constant(!decisive));
        match parts.len() {
            0 => constant(!decisive),
            1 => parts.swap_remove(0),
            _ if decisive => Condition::Or(parts),
            _ => Condition::And(parts),
        }
    }

    /// Returns the name of the fact or secret list for which a test is left out.
    fn dropped_name(&self, atom: &Atom) -> Option<&str> {
        let fact = match atom.fact {
            FactRef::Declared(index) => self.policy.facts.get(index).map(|fact| fact.name.as_str()),
            fact => SERVER_FACTS.iter().find(|(_, one)| *one == fact).map(|(name, _)| *name),
        };
        let fact = fact.filter(|name| !self.keep.facts.contains(*name));
        fact.or_else(|| match &atom.test {
            Test::InList(list) => self.secret(*list),
            Test::Exists(test) | Test::All(test) => self.secret_of(test),
            _ => None,
        })
    }

    fn secret(&self, list: usize) -> Option<&str> {
        self.policy.lists.get(list).filter(|list| list.secret).map(|list| list.name.as_str())
    }

    fn secret_of(&self, test: &ElementTest) -> Option<&str> {
        match test {
            ElementTest::InList(list) => self.secret(*list),
            ElementTest::Not(inner) => self.secret_of(inner),
            ElementTest::And(parts) | ElementTest::Or(parts) => {
                parts.iter().find_map(|part| self.secret_of(part))
            }
            _ => None,
        }
    }
}

fn constant(value: bool) -> Condition {
    if value { Condition::True } else { Condition::False }
}

/// Returns the bits of the patterns that a list of models names. `*` names none.
fn named(universe: &Universe, models: &Models) -> Vec<usize> {
    let items = models.items.iter().filter(|item| **item != ModelRef::Everything);
    let models = Models { items: items.cloned().collect(), span: models.span };
    let mask = universe.named(&models);
    (1..=universe.patterns().len()).filter(|bit| model::has(&mask, *bit)).collect()
}
