//! Looks for parts of a sound policy that may be unintended: conditions that do not distinguish
//! callers, licences that lift nothing, ways to escape a restriction.
//!
//! Input: a policy that the checks have accepted. Output: warnings and notes, which never change
//! the policy.

mod table;

use std::collections::{BTreeMap, BTreeSet};

use self::table::{Hidden, Table};
use super::diagnostic::code;
use super::diagnostic::problem::Problem;
use super::model::*;

/// Maps the text of each pattern that belongs to a family to the index of that family.
type FamilyOf<'p> = BTreeMap<&'p str, usize>;

/// Runs all lints.
pub(crate) fn lint(policy: &Policy, problems: &mut Vec<Problem>) {
    let families: FamilyOf<'_> = (0..)
        .zip(&policy.families)
        .flat_map(|(index, family)| {
            family.patterns.iter().map(move |pattern| (pattern.text.as_str(), index))
        })
        .collect();
    for restriction in &policy.restrictions {
        let before = problems.len();
        restriction_conditions(policy, restriction, problems);
        if restriction.doubt_pass {
            escapes(policy, restriction, problems);
        }
        at(&restriction.id, before, problems);
    }
    for licence in &policy.licences {
        let before = problems.len();
        if let Some(when) = &licence.when {
            constant(
                policy,
                when,
                "the licence lifts nothing",
                "the licence needs no condition",
                problems,
            );
        }
        lifts_nothing(policy, &families, licence, problems);
        at(&licence.id, before, problems);
    }
    also_closes(policy, &families, problems);
    unlisted_targets(policy, &families, problems);
}

/// Attributes all problems reported since `before` to this rule.
fn at(name: &str, before: usize, problems: &mut [Problem]) {
    problems.iter_mut().skip(before).for_each(|problem| problem.at = Some(name.to_owned()));
}

/// Reports deployments that resolve to models in which no pattern occurs.
fn unlisted_targets(policy: &Policy, families: &FamilyOf<'_>, problems: &mut Vec<Problem>) {
    if policy.deployments.is_empty() {
        return;
    }
    let own = policy.families.iter().flat_map(|family| &family.patterns).cloned();
    let mut known: Vec<Pattern> = own.collect();
    let mut aliases: BTreeSet<&str> = BTreeSet::new();
    aliases.extend(
        policy.families.iter().flat_map(|family| &family.aliases).map(|alias| alias.id.as_str()),
    );
    let rules = policy.restrictions.iter().map(|restriction| &restriction.models);
    for models in rules.chain(policy.licences.iter().filter_map(|licence| licence.models.as_ref()))
    {
        known.extend(
            patterns(policy, families, models).into_iter().flatten().map(|(_, pattern)| pattern),
        );
    }
    known.sort_by(|a, b| a.text.cmp(&b.text));
    known.dedup_by(|a, b| a.text == b.text);
    for table in &policy.deployments {
        let names: BTreeSet<&str> = table.entries.iter().map(|entry| entry.name.as_str()).collect();
        let mut strangers: BTreeMap<&str, (&Deployment, usize)> = BTreeMap::new();
        let mut met: BTreeSet<&str> = BTreeSet::new();
        for (entry, target) in table
            .entries
            .iter()
            .flat_map(|entry| entry.targets.iter().map(move |target| (entry, target)))
        {
            if let Some((_, count)) = strangers.get_mut(target.as_str()) {
                *count += 1;
            } else if met.insert(target)
                && !(aliases.contains(target.as_str())
                    || *target != entry.name && names.contains(target.as_str()))
            {
                let id = Pattern {
                    text: String::new(),
                    shape: Shape::Exact(target.clone()),
                    span: entry.span,
                };
                if !known.iter().any(|pattern| pattern.may_lie_in(&id)) {
                    strangers.insert(target, (entry, 1));
                }
            }
        }
        // Report each model once, in the order of the file, 20 at most.
        let mut strangers: Vec<_> = strangers.into_iter().collect();
        strangers.sort_by_key(|(_, (entry, _))| entry.span);
        for (at, (target, (entry, count))) in strangers.iter().enumerate().take(20) {
            let resolve = match count {
                1 => " resolves".to_owned(),
                count => format!(" and {} more resolve", count - 1),
            };
            let rest = strangers.len() - at - 1;
            let more = if at == 19 && rest > 0 {
                format!("; so it is with {rest} more models")
            } else {
                String::new()
            };
            let message = format!(
                "`{}`{resolve} to `{target}`, in which no declared pattern occurs{more}",
                entry.name
            );
            let help = "declare the model in a family under `[models]`: until then the name counts as unlisted";
            problems.push(
                Problem::new(code::UNLISTED_TARGET, entry.span, message).help(help).at(&table.name),
            );
        }
    }
}

fn restriction_conditions(policy: &Policy, restriction: &Restriction, problems: &mut Vec<Problem>) {
    let before = problems.len();
    if let Some(when) = &restriction.when {
        constant(
            policy,
            when,
            "the restriction never applies",
            "the restriction needs no condition",
            problems,
        );
    }
    if let Some(unless) = &restriction.unless {
        constant(
            policy,
            unless,
            "the exception is none",
            "the restriction never applies",
            problems,
        );
    }
    let (Some(when), Some(unless), true) =
        (&restriction.when, &restriction.unless, problems.len() == before)
    else {
        return;
    };
    let both = applies(restriction);
    if Table::new(policy, &both).is_some_and(|table| table.constant() == Some(false)) {
        let message =
            format!("`unless` holds wherever `when` does, so `{}` never applies", restriction.id);
        problems.push(
            Problem::new(code::ALWAYS_FALSE, unless.span, message)
                .related(when.span, "whenever this holds"),
        );
    }
}

/// Returns `when && !unless` as one condition.
fn applies(restriction: &Restriction) -> Condition {
    let when = restriction.when.as_ref().map_or(Condition::True, |clause| clause.condition.clone());
    match &restriction.unless {
        Some(unless) => {
            Condition::And(vec![when, Condition::Not(Box::new(unless.condition.clone()))])
        }
        None => when,
    }
}

/// Reports a clause, or a part of it, that has the same value for all callers with complete facts.
fn constant(
    policy: &Policy,
    clause: &Clause,
    if_false: &str,
    if_true: &str,
    problems: &mut Vec<Problem>,
) {
    // An explicit `true` is intended.
    if clause.condition == Condition::True {
        return;
    }
    let Some(table) = Table::new(policy, &clause.condition) else { return };
    for (span, value) in table.constant_parts() {
        let (code, word, so) = if value {
            (code::ALWAYS_TRUE, "true", if_true)
        } else {
            (code::ALWAYS_FALSE, "false", if_false)
        };
        problems.push(match span {
            None => {
                Problem::new(code, clause.span, format!("the condition is always {word}: {so}"))
            }
            Some(span) => {
                Problem::new(code, span, format!("this part of the condition is always {word}"))
            }
        });
    }
}

/// For `doubt = "pass"`: reports whether a caller to whom the restriction applies can make its
/// condition unknown.
fn escapes(policy: &Policy, restriction: &Restriction, problems: &mut Vec<Problem>) {
    let applies = applies(restriction);
    for hidden in [Hidden::Place, Hidden::Account] {
        let mut used = BTreeSet::new();
        let mut first = None;
        atoms(&applies, &mut |atom| {
            if hidden.hides(atom.fact) {
                first.get_or_insert(atom.span);
                used.insert(name(policy, atom.fact));
            }
        });
        let Some(span) = first else { continue };
        // A condition with too many cases to enumerate also gets the warning, which only asks for a
        // review.
        if Table::new(policy, &applies).is_some_and(|table| !table.escapes(hidden)) {
            continue;
        }
        let facts = used.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let are = if used.len() == 1 { "is" } else { "are" };
        let (way, help) = match hidden {
            Hidden::Place => (
                format!("by coming through Tor, where {facts} {are} unknown"),
                "add `|| \"tor\" in network`, or leave out `doubt = \"pass\"`",
            ),
            Hidden::Account => (
                format!("by leaving out the credential, without which {facts} {are} unknown"),
                "leave out `doubt = \"pass\"`, or give what rests on the account a restriction of its own",
            ),
        };
        let message = format!("a caller to whom `{}` applies can escape it {way}", restriction.id);
        problems.push(Problem::new(code::ESCAPE, span, message).help(help));
    }
}

/// Reports a licence for models that the restriction does not close.
fn lifts_nothing(
    policy: &Policy,
    families: &FamilyOf<'_>,
    licence: &Licence,
    problems: &mut Vec<Problem>,
) {
    let Some(models) = &licence.models else { return };
    let Some(lifted) = patterns(policy, families, models) else { return };
    for restriction in licence.lifts.iter().filter_map(|index| policy.restrictions.get(*index)) {
        let Some(closed) = patterns(policy, families, &restriction.models) else { continue };
        // A restriction also closes longer patterns that contain its own, unless they belong to
        // another family. A shorter pattern covers other models.
        let closes = |(of, own): &(Option<usize>, Pattern),
                      family: Option<usize>,
                      pattern: &Pattern| {
            own.text == pattern.text
                || own.may_lie_in(pattern) && (of.is_none() || family.is_none() || *of == family)
        };
        let meet = lifted
            .iter()
            .any(|(family, pattern)| closed.iter().any(|own| closes(own, *family, pattern)));
        if !meet {
            let message = format!(
                "`{}` lifts nothing of `{}`, which closes other models",
                licence.id, restriction.id
            );
            let problem = Problem::new(code::LIFTS_NOTHING, models.span, message);
            problems.push(problem.related(restriction.models.span, "what is closed"));
        }
    }
}

/// Reports declared patterns without a family that a restriction closes without naming them.
fn also_closes(policy: &Policy, families: &FamilyOf<'_>, problems: &mut Vec<Problem>) {
    let rules = policy.restrictions.iter().map(|restriction| &restriction.models);
    let rules = rules.chain(policy.licences.iter().filter_map(|licence| licence.models.as_ref()));
    let mut strays: BTreeMap<&str, &Pattern> = BTreeMap::new();
    for item in rules.flat_map(|models| &models.items) {
        if let ModelRef::Pattern(pattern) = item
            && !families.contains_key(pattern.text.as_str())
        {
            strays.entry(&pattern.text).or_insert(pattern);
        }
    }
    // Index the patterns by their words, to compare only pairs that can match. A pattern with `*`
    // can match many words, so it is always compared.
    let mut by_word: BTreeMap<&str, Vec<&Pattern>> = BTreeMap::new();
    let mut open: Vec<&Pattern> = Vec::new();
    for pattern in strays.values().copied() {
        for word in words(pattern) {
            by_word.entry(word).or_default().push(pattern);
        }
        if matches!(&pattern.shape, Shape::Tokens(tokens) if tokens.iter().any(|token| matches!(token, Token::Prefix(_))))
        {
            open.push(pattern);
        }
    }
    let mut closers: BTreeMap<&str, Vec<&Restriction>> = BTreeMap::new();
    for restriction in &policy.restrictions {
        let Some(closed) = patterns(policy, families, &restriction.models) else { continue };
        let named: BTreeSet<&str> =
            closed.iter().map(|(_, pattern)| pattern.text.as_str()).collect();
        for (_, own) in &closed {
            let candidates: Vec<&Pattern> = match words(own).next() {
                Some(word) => {
                    by_word.get(word).into_iter().flatten().chain(&open).copied().collect()
                }
                None => strays.values().copied().collect(),
            };
            for stray in candidates {
                let of = closers.entry(&stray.text).or_default();
                let last = of.last().is_some_and(|last| last.id == restriction.id);
                if own.may_lie_in(stray) && !named.contains(stray.text.as_str()) && !last {
                    of.push(restriction);
                }
            }
        }
    }
    for (text, of) in closers {
        let (Some(pattern), Some(first)) = (strays.get(text), of.first()) else { continue };
        let also = match of.len() {
            1 => String::new(),
            2 => " and one more restriction".to_owned(),
            count => format!(" and {} more restrictions", count - 1),
        };
        let message =
            format!("`{text}` is of no family, and is closed by `{}`{also} too", first.id);
        let problem = Problem::new(code::ALSO_CLOSES, pattern.span, message).at(&first.id);
        problems.push(problem.related(first.models.span, "what occurs in it"));
    }
}

/// Returns the whole words of a pattern.
fn words(pattern: &Pattern) -> impl Iterator<Item = &str> {
    let (tokens, exact) = match &pattern.shape {
        Shape::Tokens(tokens) => (tokens.as_slice(), ""),
        Shape::Exact(id) => (&[][..], id.as_str()),
    };
    let words = tokens.iter().filter_map(|token| match token {
        Token::Word(word) => Some(word.as_str()),
        Token::Prefix(_) => None,
    });
    words.chain(exact.split(|c: char| !c.is_ascii_alphanumeric()).filter(|run| !run.is_empty()))
}

/// Returns the patterns that a rule applies to, each with its family. `None`: every model.
fn patterns(
    policy: &Policy,
    families: &FamilyOf<'_>,
    models: &Models,
) -> Option<Vec<(Option<usize>, Pattern)>> {
    let mut all = Vec::new();
    for item in &models.items {
        match item {
            ModelRef::Everything => return None,
            ModelRef::Pattern(pattern) => {
                all.push((families.get(pattern.text.as_str()).copied(), pattern.clone()));
            }
            ModelRef::Family(index) => {
                let family = policy.families.get(*index)?;
                all.extend(family.patterns.iter().map(|pattern| (Some(*index), pattern.clone())));
                all.extend(family.aliases.iter().map(|alias| {
                    let shape = Shape::Exact(alias.id.clone());
                    (
                        Some(*index),
                        Pattern { text: format!("={}", alias.id), shape, span: alias.span },
                    )
                }));
            }
        }
    }
    Some(all)
}

pub(crate) fn atoms<'c>(condition: &'c Condition, each: &mut impl FnMut(&'c Atom)) {
    match condition {
        Condition::True | Condition::False => {}
        Condition::Atom(atom) => each(atom),
        Condition::Not(inner) => atoms(inner, each),
        Condition::And(parts) | Condition::Or(parts) => {
            parts.iter().for_each(|part| atoms(part, each))
        }
    }
}

fn name(policy: &Policy, fact: FactRef) -> String {
    match fact {
        FactRef::Declared(index) => {
            policy.facts.get(index).map_or_else(String::new, |fact| fact.name.clone())
        }
        built_in => crate::policy::model::BUILT_IN
            .iter()
            .find(|(_, known)| *known == built_in)
            .map_or_else(String::new, |(name, _)| (*name).to_owned()),
    }
}
