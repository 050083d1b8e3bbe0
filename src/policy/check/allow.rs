//! Applies `[[allow]]`: warnings that an author has reviewed and accepted.
//!
//! Input: the entries, and all problems of the policy. Output: the remaining problems. An entry
//! names one code at one rule, list or table and gives a reason. An entry that answers no warning
//! is itself a warning, so that none outlives its cause.

use crate::policy::diagnostic::code;
use crate::policy::diagnostic::code::{Code, Severity};
use crate::policy::diagnostic::problem::Problem;
use crate::policy::diagnostic::suggestion;
use crate::policy::document::spanned::Spanned;
use crate::policy::document::types;
use crate::policy::model::Policy;
use crate::policy::platform;
use crate::policy::platform::Platform;

/// Removes allowed problems from the list and returns them. `names`: the names that an entry may
/// refer to. `policy`: `None` if the policy has errors.
pub(crate) fn apply(
    entries: &[Spanned<types::Allow>],
    names: &[&str],
    policy: Option<&Policy>,
    now: Option<i64>,
    problems: &mut Vec<Problem>,
) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut answers: Vec<(&'static Code, &str)> = Vec::new();
    for entry in entries {
        let types::Allow { code: said, at, reason } = &entry.value;
        if let Some(reason) = reason.as_ref().filter(|reason| reason.value.trim().is_empty()) {
            found.push(
                Problem::new(code::OUT_OF_RANGE, reason.span, "the reason is empty")
                    .help("say why the warning is acceptable"),
            );
        }
        let code = said.as_ref().and_then(|said| read_code(said, &mut found));
        let known = at.as_ref().filter(|at| {
            let known = names.contains(&at.value.as_str());
            if !known {
                let message =
                    format!("there is no rule, list or table `{}`", at.value.escape_debug());
                found.push(
                    Problem::new(code::ALLOW, at.span, message)
                        .suggest(suggestion::help(&at.value, names.iter().copied())),
                );
            }
            known
        });
        let (Some(code), Some(at), Some(_)) = (code, known, reason) else { continue };
        if answers.contains(&(code, at.value.as_str())) {
            let message = format!("{} is allowed at `{}` twice", code.id, at.value);
            found.push(Problem::new(code::REDUNDANT, entry.span, message).at(&at.value));
            continue;
        }
        answers.push((code, &at.value));
        let used = problems.iter().any(|problem| is_answered(problem, code, &at.value));
        // The warnings of a broken policy are incomplete, so an unused entry is not reported there.
        if let Some(policy) = policy.filter(|_| !used && !may_come(code, now)) {
            if code == code::PLATFORM_LATER && lacks_somewhere(policy, &at.value) {
                continue;
            }
            let message = format!(
                "nothing is said of {} at `{}`, so there is nothing to allow",
                code.id, at.value
            );
            let span = said.as_ref().map_or(entry.span, |said| said.span);
            found.push(
                Problem::new(code::UNUSED_ALLOW, span, message)
                    .help("take the entry out")
                    .at(&at.value),
            );
        }
    }
    let allowed =
        |problem: &Problem| answers.iter().any(|(code, at)| is_answered(problem, code, at));
    let (allowed, mut left): (Vec<Problem>, Vec<Problem>) = problems.drain(..).partition(allowed);
    left.append(&mut found);
    *problems = left;
    allowed
}

fn read_code(said: &Spanned<String>, problems: &mut Vec<Problem>) -> Option<&'static Code> {
    let known = Code::ALL.iter().copied().filter(|code| code.severity() < Severity::Error);
    let code = known.clone().find(|code| code.id == said.value);
    if code.is_none() {
        let text = said.value.escape_debug();
        problems.push(match Code::of(&said.value) {
            Some(error) if error.severity() == Severity::Error => Problem::new(
                code::ALLOW,
                said.span,
                format!("{text} is an error, which cannot be allowed"),
            ),
            _ => Problem::new(code::ALLOW, said.span, format!("there is no warning `{text}`"))
                .suggest(suggestion::help(&said.value, known.map(|code| code.id))),
        });
    }
    code
}

fn is_answered(problem: &Problem, code: &Code, at: &str) -> bool {
    problem.code == code && problem.at.as_deref() == Some(at)
}

/// Returns whether the warning needs a clock and there is none.
fn may_come(code: &Code, now: Option<i64>) -> bool {
    now.is_none() && [code::EXPIRED, code::REVIEW, code::OVER].contains(&code)
}

/// Returns whether some platform lacks a fact that the rule needs. One policy may be meant for
/// several platforms.
fn lacks_somewhere(policy: &Policy, at: &str) -> bool {
    let mut problems = Vec::new();
    Platform::ALL.iter().for_each(|platform| platform::lacks(policy, platform, &mut problems));
    problems.iter().any(|problem| is_answered(problem, code::PLATFORM_LATER, at))
}
