//! Reduces a policy to what a web page may show: the policy of a public bundle.
//!
//! Input: a [`Policy`], the parts that its author names, and an instant. Output: a policy for
//! [`compile`](super::compile) that holds no secret list, no fact and no text of an authority that
//! is not named, no table of deployments, and no rule or model that is off, in shadow or in the
//! future.
//!
//! The public policy passes only what the whole policy passes. Each removal keeps that so:
//!
//! ```text
//! test of a dropped fact   takes the stricter value: a `when` of a restriction holds, an `unless`
//!                          and a licence do not. That is what "unknown" means in a restriction
//!                          with `doubt = "deny"`
//! rule of the future       from its first instant on, the public policy closes every model
//! pattern                  ids with it count by the patterns inside. A licence for one of those is
//!                          dropped, and a pattern without one of those is an error
//! table of deployments     unknown ids are at least deferred. A name that would count as a model
//!                          with more access than its targets is an error
//! ```
//!
//! One kind of id counts otherwise: one in which a dropped pattern stands beside another pattern,
//! neither inside the other. It counts by the other pattern alone.

mod error;
mod keep;
mod numbers;
mod selection;

use std::collections::{BTreeMap, BTreeSet, HashMap};

pub use self::error::PublicError;
pub use self::keep::{Keep, KeepError};
use self::numbers::Numbers;
use self::selection::Selection;
pub use self::selection::Stricter;
use super::deployment;
use crate::bundle::view::OwnedBundle;
use crate::policy::model::{
    Condition, Deployments, ModelRef, Models, Policy, Restriction, RuleState, Unlisted,
};

/// The id of the restriction that closes every model when a rule of the future begins.
const OUTDATED: &str = "outdated";

/// A policy for a public bundle, and how it differs from the whole policy.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicPolicy {
    /// The policy. Its spans are those of the whole policy.
    pub policy: Policy,
    /// The rules that are stricter than in the whole policy, by id, and why. A licence that is
    /// missing for one of these reasons counts.
    pub stricter: BTreeMap<String, Stricter>,
    /// Instant in milliseconds since the epoch from which on every model is closed, because a rule
    /// of the future begins then.
    pub closed_from: Option<i64>,
}

/// Returns what of a policy a page may show from the instant `at` on, in milliseconds since the
/// epoch. The same policy, names and instant give the same result.
///
/// # Errors
///
/// Every [`PublicError`]: what cannot be left out without opening something.
pub fn public_policy(
    policy: &Policy,
    keep: &Keep,
    at: i64,
) -> Result<PublicPolicy, Vec<PublicError>> {
    let mut stricter: BTreeMap<String, Stricter> = BTreeMap::new();
    let (selection, lifts, mut errors) = select(policy, keep, at, &mut stricter);
    let deployments: Vec<Deployments> = policy
        .deployments
        .iter()
        .filter(|table| keep.deployments.contains(&table.name))
        .cloned()
        .collect();
    let all_deployments = deployments.len() == policy.deployments.len();
    if !all_deployments {
        leave_out_deployments(policy, keep, &mut errors);
    }
    if !errors.is_empty() {
        return Err(errors);
    }

    let mut numbers = Numbers::new(&selection);
    let mut restrictions = Vec::new();
    let mut restriction_numbers = BTreeMap::new();
    for (index, rule) in policy.restrictions.iter().enumerate() {
        if !selection.restrictions.contains(&index) {
            continue;
        }
        restriction_numbers.insert(index, restrictions.len());
        let mut without = BTreeSet::new();
        let when = selection.condition_of(rule.when.as_ref(), true, &mut without);
        let unless = selection.condition_of(rule.unless.as_ref(), false, &mut without);
        if !without.is_empty() {
            let reasons = stricter.entry(rule.id.clone()).or_default();
            reasons.is_total = when.as_ref().is_none_or(|it| *it == Condition::True)
                && unless.as_ref().is_none_or(|it| *it == Condition::False);
            reasons.without.append(&mut without);
        }
        restrictions.push(numbers.restriction(rule, when, unless));
    }
    let mut licences = Vec::new();
    for (index, rule) in policy.licences.iter().enumerate() {
        if !selection.is_live(&rule.id, rule.state, rule.from, rule.until) {
            continue;
        }
        let mut without = BTreeSet::new();
        let when = selection.condition_of(rule.when.as_ref(), false, &mut without);
        if !without.is_empty() {
            let reasons = stricter.entry(rule.id.clone()).or_default();
            reasons.is_licence = true;
            reasons.without.append(&mut without);
        }
        if !selection.licences.contains(&index) {
            if let Some(reasons) = stricter.get_mut(&rule.id) {
                reasons.is_total = true;
            }
            continue;
        }
        let lifts = lifts.get(&index).into_iter().flatten();
        let lifts = lifts.filter_map(|from| restriction_numbers.get(from).copied()).collect();
        licences.push(numbers.licence(rule, when, lifts));
    }
    let closed_from = selection.first_future_instant();
    restrictions.extend(closed_from.map(|from| outdated(policy, numbers.free(OUTDATED), from)));
    let Numbers { facts, lists, families, authorities, .. } = numbers;
    let facts = facts.into_iter().filter_map(|index| policy.facts.get(index).cloned()).collect();
    let policy = Policy {
        id: policy.id.clone(),
        title: String::new(),
        version: policy.version,
        expires: policy.expires,
        unlisted: match policy.unlisted {
            Unlisted::Pass if !all_deployments => Unlisted::Defer,
            unlisted => unlisted,
        },
        late_bound: policy.late_bound,
        dialects: policy.dialects.clone(),
        authorities,
        families,
        facts,
        lists,
        deployments,
        restrictions,
        licences,
        span: policy.span,
    };
    Ok(PublicPolicy { policy, stricter, closed_from })
}

/// For each licence that stays, by index, the restrictions that it lifts.
type Lifts = BTreeMap<usize, BTreeSet<usize>>;

/// Selects what stays. A licence that falls away takes its patterns with it, for which another may
/// have to fall, so this repeats until none does.
fn select<'p>(
    policy: &'p Policy,
    keep: &'p Keep,
    at: i64,
    stricter: &mut BTreeMap<String, Stricter>,
) -> (Selection<'p>, Lifts, Vec<PublicError>) {
    let mut fallen = BTreeSet::new();
    loop {
        let selection = Selection::new(policy, keep, at, &fallen);
        let mut lifts = selection.lifts();
        let mut errors = Vec::new();
        selection.leave_out_patterns(&mut lifts, stricter, &mut errors);
        let empty = lifts.iter().filter(|(_, lifts)| lifts.is_empty()).map(|(index, _)| *index);
        let before = fallen.len();
        fallen.extend(empty);
        if fallen.len() == before {
            return (selection, lifts, errors);
        }
    }
}

/// Returns a restriction that closes every model from an instant on.
fn outdated(policy: &Policy, id: String, from: i64) -> Restriction {
    Restriction {
        id,
        models: Models { items: vec![ModelRef::Everything], span: policy.span },
        authority: None,
        when: None,
        unless: None,
        from: Some(from),
        until: None,
        message: "This copy of the policy is out of date.".to_owned(),
        doubt_pass: false,
        state: RuleState::On,
        status: 403,
        span: policy.span,
    }
}

/// Reports names that would count as a model with more access than their targets.
fn leave_out_deployments(policy: &Policy, keep: &Keep, errors: &mut Vec<PublicError>) {
    let compiled =
        super::compile(policy, Some(b"any")).ok().and_then(|it| OwnedBundle::new(it).ok());
    let Some(bundle) = compiled else {
        errors.push(PublicError::NotCompiled);
        return;
    };
    for table in policy.deployments.iter().filter(|table| !keep.deployments.contains(&table.name)) {
        for (entry, targets) in deployment::resolved(table, bundle.view(), &mut HashMap::new()) {
            let opens = |name: &&str| {
                let own = crate::mention::findings::patterns_in(bundle.view(), name);
                !own.contains(&0) && !targets.iter().all(|target| own.contains(target))
            };
            if let Some(name) = deployment::names(entry).find(opens) {
                let (table, name) = (table.name.clone(), name.to_owned());
                errors.push(PublicError::Deployment { table, name, span: entry.span });
            }
        }
    }
}

#[cfg(test)]
mod tests;
