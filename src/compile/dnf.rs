//! Brings a condition into disjunctive form: a list of conjunctions of literals.
//!
//! Input: a condition as written. Output: rows, each a sorted list of literals. Only laws of strong
//! Kleene logic are used: De Morgan (negations move to the atoms), distributivity, idempotence and
//! absorption, but never the classical values of `x || !x` or `x && !x`. So the rows have the value
//! of the condition for every caller, even with unknown facts.

use crate::limits;
use crate::policy::model::{Atom, Condition};

/// The number of an atom times two, plus one if it is negated. [`atom_of`] returns the atom.
pub(crate) type Literal = u32;

/// Returns the atom of a literal.
pub(crate) fn atom_of(literal: Literal) -> u32 {
    literal / 2
}

/// A conjunction of literals, sorted.
pub(crate) type Row = Vec<Literal>;

/// What an atom is in a bundle: a constant, or a number among the atoms of all rules.
pub(crate) enum ResolvedAtom {
    Constant(bool),
    Atom(u32),
}

/// The disjunctive form has more than [`limits::CONJUNCTIONS`] rows.
#[derive(Debug)]
pub(crate) struct TooManyConjunctions;

/// Maximum number of pairs of conjunctions before absorption. A larger product seldom shrinks below
/// the limit.
const PAIRS: usize = 16 * limits::CONJUNCTIONS;

/// Returns the rows of a condition, shortest first.
pub(crate) fn rows(
    condition: &Condition,
    resolve: &mut dyn FnMut(&Atom) -> ResolvedAtom,
) -> Result<Vec<Row>, TooManyConjunctions> {
    signed(condition, false, resolve)
}

fn signed(
    condition: &Condition,
    negated: bool,
    resolve: &mut dyn FnMut(&Atom) -> ResolvedAtom,
) -> Result<Vec<Row>, TooManyConjunctions> {
    match condition {
        Condition::True => Ok(constant(!negated)),
        Condition::False => Ok(constant(negated)),
        Condition::Atom(atom) => Ok(match resolve(atom) {
            ResolvedAtom::Constant(value) => constant(value != negated),
            ResolvedAtom::Atom(atom) => vec![vec![atom * 2 + u32::from(negated)]],
        }),
        Condition::Not(inner) => signed(inner, !negated, resolve),
        Condition::And(parts) if !negated => all(parts, negated, resolve),
        Condition::Or(parts) if negated => all(parts, negated, resolve),
        Condition::And(parts) | Condition::Or(parts) => {
            let mut sum = Vec::new();
            for part in parts {
                sum.append(&mut signed(part, negated, resolve)?);
            }
            absorbed(sum)
        }
    }
}

fn constant(value: bool) -> Vec<Row> {
    if value { vec![Vec::new()] } else { Vec::new() }
}

fn all(
    parts: &[Condition],
    negated: bool,
    resolve: &mut dyn FnMut(&Atom) -> ResolvedAtom,
) -> Result<Vec<Row>, TooManyConjunctions> {
    let mut product = constant(true);
    for part in parts {
        let factor = signed(part, negated, resolve)?;
        if product.len().saturating_mul(factor.len()) > PAIRS {
            return Err(TooManyConjunctions);
        }
        let pairs =
            product.iter().flat_map(|left| factor.iter().map(move |right| union(left, right)));
        product = absorbed(pairs.collect())?;
    }
    Ok(product)
}

fn union(left: &Row, right: &Row) -> Row {
    let mut row: Row = left.iter().chain(right).copied().collect();
    row.sort_unstable();
    row.dedup();
    row
}

/// Removes every row that another row makes redundant: `a || a && b` is `a`.
fn absorbed(mut rows: Vec<Row>) -> Result<Vec<Row>, TooManyConjunctions> {
    rows.sort_unstable_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    rows.dedup();
    let mut kept: Vec<Row> = Vec::new();
    for row in rows {
        if !kept.iter().any(|shorter| holds_all(&row, shorter)) {
            kept.push(row);
            if kept.len() > limits::CONJUNCTIONS {
                return Err(TooManyConjunctions);
            }
        }
    }
    Ok(kept)
}

/// Returns whether a sorted row contains every literal of another.
fn holds_all(row: &Row, other: &Row) -> bool {
    let mut rest = row.iter();
    other.iter().all(|literal| rest.any(|own| own == literal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::model::{FactRef, Span, Test};

    fn atom(number: usize) -> Condition {
        Condition::Atom(Atom {
            fact: FactRef::Declared(number),
            test: Test::IsTrue,
            span: Span::default(),
        })
    }

    fn not(inner: Condition) -> Condition {
        Condition::Not(Box::new(inner))
    }

    fn form(condition: &Condition) -> Result<Vec<Row>, TooManyConjunctions> {
        rows(condition, &mut |atom| match atom.fact {
            FactRef::Declared(number) => ResolvedAtom::Atom(u32::try_from(number).unwrap()),
            _ => ResolvedAtom::Constant(false),
        })
    }

    #[test]
    fn only_the_laws_of_kleene_are_used() {
        let excluded_middle = Condition::Or(vec![atom(0), not(atom(0))]);
        assert_eq!(form(&excluded_middle).unwrap(), [[0], [1]], "unknown stays unknown");
        let contradiction = Condition::And(vec![atom(0), not(atom(0))]);
        assert_eq!(form(&contradiction).unwrap(), [[0, 1]]);
        let absorbing = Condition::Or(vec![atom(0), Condition::And(vec![atom(0), atom(1)])]);
        assert_eq!(form(&absorbing).unwrap(), [[0]]);
        let de_morgan = not(Condition::And(vec![atom(0), Condition::Or(vec![atom(1), atom(2)])]));
        assert_eq!(form(&de_morgan).unwrap(), vec![vec![1], vec![3, 5]]);
        assert_eq!(
            form(&Condition::And(vec![atom(0), Condition::False])).unwrap(),
            Vec::<Row>::new()
        );
    }

    #[test]
    fn too_many_conjunctions_are_an_error_and_quickly() {
        let pairs = |n: usize| {
            Condition::And(
                (0..n).map(|i| Condition::Or(vec![atom(2 * i), atom(2 * i + 1)])).collect(),
            )
        };
        assert_eq!(form(&pairs(12)).unwrap().len(), 4_096);
        assert!(form(&pairs(13)).is_err());
        assert!(form(&pairs(200)).is_err());
        let wide = Condition::Or((0..5_000).map(atom).collect());
        assert!(form(&wide).is_err());
    }
}
