//! Describes a condition's text with the truth of each of its tests.
//!
//! Input: a clause and a caller. Output: the text, and for each test its position in the text and
//! its result. If positions in the text are unknown (because the file has escapes in it), the
//! condition is written anew.

use serde::Serialize;

use super::words;
use crate::analysis::reference::{Known, Reference, Truth};
use crate::policy::model::{Atom, Clause, Condition, ElementTest, Policy, Test};

/// A clause of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ClauseTrace {
    /// `when` or `unless`.
    pub(crate) clause: &'static str,
    pub(crate) text: String,
    pub(crate) truth: &'static str,
    pub(crate) tests: Vec<TestTrace>,
}

/// A test of one fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct TestTrace {
    /// Byte range within the clause's text: start, and below the exclusive end.
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) text: String,
    pub(crate) truth: &'static str,
    /// The known value of the fact, or the reason why it is unknown.
    pub(crate) because: String,
}

/// Returns `true`, `false` or `unknown`.
pub(crate) fn truth_text(truth: Truth) -> &'static str {
    match truth {
        Truth::True => "true",
        Truth::False => "false",
        Truth::Unknown => "unknown",
    }
}

pub(crate) fn trace(
    reference: &Reference<'_>,
    which: &'static str,
    clause: &Clause,
    known: &Known<'_>,
    aside: bool,
) -> ClauseTrace {
    let mut found = Vec::new();
    let text = if clause.text.len() == clause.span.end.saturating_sub(clause.span.start) {
        collect(&clause.condition, &mut |atom| {
            let from = |at: usize| at.saturating_sub(clause.span.start);
            found.push((from(atom.span.start), from(atom.span.end), atom));
        });
        clause.text.clone()
    } else {
        let mut text = String::new();
        write(reference.policy(), &clause.condition, &mut text, &mut found);
        text
    };
    let mut tests: Vec<(TestTrace, Truth)> = Vec::new();
    for (start, end, atom) in found {
        let own = text.get(start..end).unwrap_or_default();
        let truth = reference.atom(atom, known);
        // `a != b` is parsed as `!(a == b)`. The result shown is that of the text.
        let truth = if is_negated(own, &atom.test) { !truth } else { truth };
        // A list of time literals becomes several tests at one position, of which any may hold.
        if let Some((last, before)) =
            tests.last_mut().filter(|(last, _)| (last.start, last.end) == (start, end))
        {
            *before = before.or(truth);
            last.truth = truth_text(*before);
            continue;
        }
        let because = because(reference, atom, known, aside);
        tests.push((
            TestTrace { start, end, text: own.to_owned(), truth: truth_text(truth), because },
            truth,
        ));
    }
    let truth = truth_text(reference.truth(&clause.condition, known));
    ClauseTrace {
        clause: which,
        text,
        truth,
        tests: tests.into_iter().map(|(test, _)| test).collect(),
    }
}

fn because(reference: &Reference<'_>, atom: &Atom, known: &Known<'_>, aside: bool) -> String {
    let policy = reference.policy();
    let name = words::name(policy, atom.fact);
    let now = if matches!(atom.test, Test::VersusNow(_)) {
        format!(", and it is {}", words::instant(known.now))
    } else {
        String::new()
    };
    match words::value(reference, atom.fact, known, aside) {
        Ok(value) => format!("{name} is {value}{now}"),
        Err(why) => format!("{name}: {why}"),
    }
}

fn collect<'c>(condition: &'c Condition, take: &mut impl FnMut(&'c Atom)) {
    match condition {
        Condition::True | Condition::False => {}
        Condition::Atom(atom) => take(atom),
        Condition::Not(inner) => collect(inner, take),
        Condition::And(all) | Condition::Or(all) => all.iter().for_each(|one| collect(one, take)),
    }
}

/// Returns whether the text of a comparison is the negation of its parsed test.
fn is_negated(text: &str, test: &Test) -> bool {
    let bare = unquoted(text);
    let against_false = *test == Test::IsTrue
        && bare.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "false");
    let quantified = matches!(test, Test::Exists(_) | Test::All(_));
    !quantified && (bare.contains("!=") != against_false)
}

/// Returns the text without its quoted parts.
fn unquoted(text: &str) -> String {
    let mut bare = String::new();
    let mut quote = None;
    let mut escaped = false;
    for character in text.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if matches!(character, '"' | '\'') => quote = Some(character),
            None => bare.push(character),
        }
    }
    bare
}

/// Writes a condition, and records the positions of its tests.
fn write<'c>(
    policy: &Policy,
    condition: &'c Condition,
    to: &mut String,
    found: &mut Vec<(usize, usize, &'c Atom)>,
) {
    match condition {
        Condition::True => to.push_str("true"),
        Condition::False => to.push_str("false"),
        Condition::Atom(atom) => {
            let start = to.len();
            to.push_str(&atom_text(policy, atom));
            found.push((start, to.len(), atom));
        }
        Condition::Not(inner) => {
            to.push_str("!(");
            write(policy, inner, to, found);
            to.push(')');
        }
        Condition::And(parts) | Condition::Or(parts) => {
            let sign = if matches!(condition, Condition::And(_)) { " && " } else { " || " };
            for (index, part) in parts.iter().enumerate() {
                if index > 0 {
                    to.push_str(sign);
                }
                let nested = matches!(part, Condition::And(_) | Condition::Or(_));
                to.push_str(if nested { "(" } else { "" });
                write(policy, part, to, found);
                to.push_str(if nested { ")" } else { "" });
            }
        }
    }
}

fn list_name(policy: &Policy, list: usize) -> &str {
    policy.lists.get(list).map_or("", |list| list.name.as_str())
}

fn atom_text(policy: &Policy, atom: &Atom) -> String {
    let name = words::name(policy, atom.fact);
    match &atom.test {
        Test::IsTrue => name.to_owned(),
        Test::In(literals) => match literals.as_slice() {
            [one] => format!("{name} == {}", words::literal(one)),
            several => format!(
                "{name} in [{}]",
                several.iter().map(words::literal).collect::<Vec<_>>().join(", ")
            ),
        },
        Test::InList(list) => format!("{name} in {}", list_name(policy, *list)),
        Test::StartsWith(start) => format!("{name}.startsWith({start:?})"),
        Test::Has(bit) => {
            let kind = (0..)
                .zip(crate::facts::network::Network::KINDS)
                .find(|(at, _)| at == bit)
                .map_or("", |(_, kind)| kind);
            format!("{kind:?} in network")
        }
        Test::Order(comparison, literal) => {
            format!("{name} {} {}", words::sign(*comparison), words::literal(literal))
        }
        Test::VersusNow(comparison) => format!("{name} {} now", words::sign(*comparison)),
        Test::Exists(test) => format!("{name}.exists(x, {})", element_text(policy, test)),
        Test::All(test) => format!("{name}.all(x, {})", element_text(policy, test)),
    }
}

fn element_text(policy: &Policy, test: &ElementTest) -> String {
    let joined = |tests: &[ElementTest], sign: &str| {
        format!(
            "({})",
            tests.iter().map(|test| element_text(policy, test)).collect::<Vec<_>>().join(sign)
        )
    };
    match test {
        ElementTest::True => "true".to_owned(),
        ElementTest::False => "false".to_owned(),
        ElementTest::Equals(text) => format!("x == {text:?}"),
        ElementTest::StartsWith(start) => format!("x.startsWith({start:?})"),
        ElementTest::InList(list) => format!("x in {}", list_name(policy, *list)),
        ElementTest::Not(inner) => format!("!({})", element_text(policy, inner)),
        ElementTest::And(all) => joined(all, " && "),
        ElementTest::Or(any) => joined(any, " || "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::model::Literal;

    #[test]
    fn a_comparison_is_told_as_it_is_written() {
        let text = || Test::In(vec![Literal::Text("a".to_owned())]);
        assert!(is_negated(r#"relation != "a""#, &text()));
        assert!(!is_negated(r#"relation == "a != b""#, &text()));
        assert!(!is_negated(r#"relation == "a \" != b""#, &text()));
        assert!(is_negated("us_person == false", &Test::IsTrue));
        assert!(!is_negated("us_person != false", &Test::IsTrue));
        assert!(is_negated("us_person != true", &Test::IsTrue));
        assert!(!is_negated("us_person", &Test::IsTrue));
        assert!(!is_negated(r#"tags.exists(t, t != "a")"#, &Test::Exists(ElementTest::True)));
    }
}
