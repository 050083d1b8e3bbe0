//! Builds the truth table of a condition over all callers with complete facts.
//!
//! Tests of one fact are not independent: `relation == "staff" && relation == "end_user"` is never
//! true. So the table does not enumerate truth values of tests but values of facts. For each fact
//! it takes one value for every combination of results that the fact's tests can have. A few
//! impossible callers are included (an autonomous system between two numbers). They can hide a
//! warning but never cause one.

use std::collections::BTreeSet;

use crate::facts::network::Network;
use crate::facts::place::Place;
use crate::policy::model::*;

/// Maximum number of callers to enumerate.
const CALLERS: usize = 1 << 12;

/// Maximum number of list entries to enumerate. Membership in a longer list counts as independent
/// of all other tests.
const ENTRIES: usize = 256;

/// Facts that a caller can make unknown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hidden {
    /// The place, by using Tor.
    Place,
    /// The account facts, by leaving out the credential.
    Account,
}

impl Hidden {
    pub(crate) fn hides(self, fact: FactRef) -> bool {
        match self {
            Self::Place => matches!(fact, FactRef::Place | FactRef::Country | FactRef::Region),
            Self::Account => matches!(fact, FactRef::Declared(_)),
        }
    }
}

/// A condition with its distinct tests, and for each fact the possible combinations of their
/// results.
pub(crate) struct Table<'c> {
    tree: Tree,
    atoms: Vec<&'c Atom>,
    groups: Vec<Group>,
}

struct Group {
    fact: FactRef,
    atoms: Vec<usize>,
    rows: Vec<Vec<bool>>,
}

struct Tree {
    span: Span,
    node: Node,
}

enum Node {
    Constant(bool),
    Atom(usize),
    Not(Box<Tree>),
    And(Vec<Tree>),
    Or(Vec<Tree>),
}

impl<'c> Table<'c> {
    /// Builds the table. Returns `None` if it would be too large.
    pub(crate) fn new(policy: &Policy, condition: &'c Condition) -> Option<Self> {
        let mut atoms: Vec<&'c Atom> = Vec::new();
        let tree = compile(condition, &mut atoms)?;
        let mut groups: Vec<Group> = Vec::new();
        for (index, atom) in atoms.iter().enumerate() {
            // Place, country and region are views of one fact.
            let fact = if Hidden::Place.hides(atom.fact) { FactRef::Place } else { atom.fact };
            match groups.iter_mut().find(|group| group.fact == fact) {
                Some(group) => group.atoms.push(index),
                None => groups.push(Group { fact, atoms: vec![index], rows: Vec::new() }),
            }
        }
        let mut callers = 1_usize;
        for group in &mut groups {
            let of_group: Vec<&Atom> =
                group.atoms.iter().filter_map(|index| atoms.get(*index).copied()).collect();
            group.rows = rows(policy, group.fact, &of_group)?;
            callers =
                callers.checked_mul(group.rows.len()).filter(|callers| *callers <= CALLERS)?;
        }
        Some(Self { tree, atoms, groups })
    }

    /// Returns the value of the condition if it is the same for every caller.
    pub(crate) fn constant(&self) -> Option<bool> {
        let mut seen = [false; 2];
        self.callers(|values| {
            match value(&self.tree, values) {
                Some(true) => seen = [seen[0], true],
                _ => seen = [true, seen[1]],
            }
            seen != [true, true]
        });
        match seen {
            [true, false] => Some(false),
            [false, true] => Some(true),
            _ => None,
        }
    }

    /// Returns the outermost parts that have the same value for every caller. Without a span: the
    /// whole condition.
    pub(crate) fn constant_parts(&self) -> Vec<(Option<Span>, bool)> {
        if let Some(value) = self.constant() {
            return vec![(None, value)];
        }
        let mut found = Vec::new();
        let mut rest: Vec<&Tree> = children(&self.tree);
        while let Some(tree) = rest.pop() {
            let mut seen = BTreeSet::new();
            self.callers(|values| {
                seen.insert(value(tree, values) == Some(true));
                seen.len() < 2
            });
            match (seen.len(), seen.first()) {
                (1, Some(value)) if !matches!(tree.node, Node::Constant(_)) => {
                    found.push((Some(tree.span), *value))
                }
                _ => rest.extend(children(tree)),
            }
        }
        found.sort_by_key(|(span, _)| *span);
        found
    }

    /// Returns whether some caller for whom the condition is true can make it unknown or false by
    /// hiding these facts.
    pub(crate) fn escapes(&self, hidden: Hidden) -> bool {
        let tor = Network::of("tor").unwrap_or_default();
        let is_tor = |atom: &Atom| matches!(atom.test, Test::Has(bit) if tor.has(bit));
        let mut found = false;
        self.callers(|values| {
            let through_tor = self
                .atoms
                .iter()
                .zip(values)
                .any(|(atom, value)| is_tor(atom) && *value == Some(true));
            if value(&self.tree, values) != Some(true) || (hidden == Hidden::Place && through_tor) {
                return true;
            }
            let after: Vec<Option<bool>> = self
                .atoms
                .iter()
                .zip(values)
                .map(|(atom, value)| match atom.test {
                    _ if hidden.hides(atom.fact) => None,
                    Test::Has(_) if hidden == Hidden::Place => Some(is_tor(atom)),
                    _ => *value,
                })
                .collect();
            found = value(&self.tree, &after) != Some(true);
            !found
        });
        found
    }

    /// Calls `each` with the results of all tests, caller by caller, until it returns false.
    fn callers(&self, mut each: impl FnMut(&[Option<bool>]) -> bool) {
        let mut values = vec![Some(false); self.atoms.len()];
        let mut at = vec![0_usize; self.groups.len()];
        loop {
            for (group, row) in self.groups.iter().zip(&at) {
                for (atom, outcome) in
                    group.atoms.iter().zip(group.rows.get(*row).into_iter().flatten())
                {
                    if let Some(slot) = values.get_mut(*atom) {
                        *slot = Some(*outcome);
                    }
                }
            }
            if !each(&values) {
                return;
            }
            // Count up like a number with one digit for each group.
            let mut carried = true;
            for (digit, group) in at.iter_mut().zip(&self.groups) {
                *digit += 1;
                if *digit < group.rows.len() {
                    carried = false;
                    break;
                }
                *digit = 0;
            }
            if carried {
                return;
            }
        }
    }
}

fn children(tree: &Tree) -> Vec<&Tree> {
    match &tree.node {
        Node::Constant(_) | Node::Atom(_) => Vec::new(),
        Node::Not(inner) => vec![inner],
        Node::And(parts) | Node::Or(parts) => parts.iter().collect(),
    }
}

fn compile<'c>(condition: &'c Condition, atoms: &mut Vec<&'c Atom>) -> Option<Tree> {
    /// With more tests the table would be too large anyway, and the search for equal tests takes
    /// quadratic time.
    const ATOMS: usize = 64;
    let over = |parts: &[Tree]| {
        parts
            .iter()
            .map(|part| part.span)
            .reduce(|a, b| Span { start: a.start.min(b.start), end: a.end.max(b.end), ..a })
            .unwrap_or_default()
    };
    Some(match condition {
        Condition::True => Tree { span: Span::default(), node: Node::Constant(true) },
        Condition::False => Tree { span: Span::default(), node: Node::Constant(false) },
        Condition::Atom(atom) => {
            let same = |other: &&Atom| other.fact == atom.fact && other.test == atom.test;
            let index = match atoms.iter().position(same) {
                Some(index) => index,
                None => {
                    atoms.push(atom);
                    atoms.len() - 1
                }
            };
            if atoms.len() > ATOMS {
                return None;
            }
            Tree { span: atom.span, node: Node::Atom(index) }
        }
        Condition::Not(inner) => {
            let inner = compile(inner, atoms)?;
            Tree { span: inner.span, node: Node::Not(Box::new(inner)) }
        }
        Condition::And(parts) => {
            let parts: Vec<Tree> =
                parts.iter().map(|part| compile(part, atoms)).collect::<Option<_>>()?;
            Tree { span: over(&parts), node: Node::And(parts) }
        }
        Condition::Or(parts) => {
            let parts: Vec<Tree> =
                parts.iter().map(|part| compile(part, atoms)).collect::<Option<_>>()?;
            Tree { span: over(&parts), node: Node::Or(parts) }
        }
    })
}

/// Evaluates in strong Kleene logic. `None` is unknown.
fn value(tree: &Tree, values: &[Option<bool>]) -> Option<bool> {
    match &tree.node {
        Node::Constant(value) => Some(*value),
        Node::Atom(index) => values.get(*index).copied().flatten(),
        Node::Not(inner) => value(inner, values).map(|value| !value),
        Node::And(parts) => decided_by(false, parts, values),
        Node::Or(parts) => decided_by(true, parts, values),
    }
}

fn decided_by(decisive: bool, parts: &[Tree], values: &[Option<bool>]) -> Option<bool> {
    let mut all_known = true;
    for part in parts {
        match value(part, values) {
            Some(value) if value == decisive => return Some(decisive),
            Some(_) => {}
            None => all_known = false,
        }
    }
    all_known.then_some(!decisive)
}

/// Returns the distinct combinations of results that the tests of one fact can have. `None` if
/// there are too many.
fn rows(policy: &Policy, fact: FactRef, atoms: &[&Atom]) -> Option<Vec<Vec<bool>>> {
    let entries = |index: usize| policy.lists.get(index).map(|list| &list.entries);
    let large = |atom: &&Atom| {
        matches!(atom.test, Test::InList(index) if match entries(index) {
            Some(Entries::Places(places)) => places.len() > ENTRIES,
            Some(Entries::Texts(texts)) => texts.len() > ENTRIES,
            Some(Entries::Numbers(numbers)) => numbers.len() > ENTRIES,
            Some(Entries::Ranges(_)) | None => false,
        })
    };
    if atoms.iter().any(large) {
        return independent(atoms);
    }
    let declared = match fact {
        FactRef::Declared(index) => policy.facts.get(index).map(|fact| &fact.kind),
        _ => None,
    };
    match (fact, declared) {
        (FactRef::Place, _) | (_, Some(FactKind::Place)) => Some(places(atoms, &entries)),
        (FactRef::Operation | FactRef::Dialect, _)
        | (_, Some(FactKind::Text | FactKind::Enum(_))) => {
            let closed = match declared {
                Some(FactKind::Enum(values)) => Some(values.as_slice()),
                _ => None,
            };
            Some(texts(atoms, closed, &entries))
        }
        (FactRef::Asn | FactRef::Now, _) | (_, Some(FactKind::Number | FactKind::Time)) => {
            Some(points(atoms, &entries))
        }
        // Bool facts, network kinds, address lists and element tests.
        _ => independent(atoms),
    }
}

/// Returns all combinations of results.
fn independent(atoms: &[&Atom]) -> Option<Vec<Vec<bool>>> {
    if atoms.len() > 12 {
        return None;
    }
    Some(
        (0..1_u32 << atoms.len())
            .map(|bits| (0..atoms.len()).map(|bit| bits >> bit & 1 == 1).collect())
            .collect(),
    )
}

fn distinct(rows: impl Iterator<Item = Vec<bool>>) -> Vec<Vec<bool>> {
    rows.collect::<BTreeSet<_>>().into_iter().collect()
}

fn places<'p>(atoms: &[&Atom], entries: &impl Fn(usize) -> Option<&'p Entries>) -> Vec<Vec<bool>> {
    const ELSEWHERE: Place = Place { country: Some([0; 2]), region: Some([0; 3]) };
    let asked = |atom: &Atom| -> Vec<Place> {
        match &atom.test {
            Test::In(literals) => literals
                .iter()
                .filter_map(|literal| match literal {
                    Literal::Place(place) => Some(*place),
                    _ => None,
                })
                .collect(),
            Test::InList(index) => match entries(*index) {
                Some(Entries::Places(places)) => places.clone(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    };
    let sets: Vec<Vec<Place>> = atoms.iter().map(|atom| asked(atom)).collect();
    let mut callers: BTreeSet<Place> = BTreeSet::from([ELSEWHERE]);
    for place in sets.iter().flatten() {
        callers.insert(Place { region: Some([0; 3]), ..*place });
        if place.region.is_some() {
            callers.insert(*place);
        }
    }
    distinct(callers.iter().map(|caller| {
        sets.iter()
            .map(|set| {
                set.iter().any(|place| {
                    place.country == caller.country
                        && (place.region.is_none() || place.region == caller.region)
                })
            })
            .collect()
    }))
}

fn texts<'p>(
    atoms: &[&Atom],
    closed: Option<&[String]>,
    entries: &impl Fn(usize) -> Option<&'p Entries>,
) -> Vec<Vec<bool>> {
    let listed = |index: usize| match entries(index) {
        Some(Entries::Texts(texts)) => texts.as_slice(),
        _ => &[],
    };
    let mut callers: BTreeSet<String> = BTreeSet::new();
    match closed {
        Some(values) => callers.extend(values.iter().cloned()),
        None => {
            callers.insert("\0".to_owned());
            for atom in atoms {
                match &atom.test {
                    Test::In(literals) => {
                        callers.extend(literals.iter().filter_map(|literal| match literal {
                            Literal::Text(text) => Some(text.clone()),
                            _ => None,
                        }))
                    }
                    Test::InList(index) => callers.extend(listed(*index).iter().cloned()),
                    Test::StartsWith(head) => callers.extend([head.clone(), format!("{head}\0")]),
                    _ => {}
                }
            }
        }
    }
    distinct(callers.iter().map(|caller| {
        atoms
            .iter()
            .map(|atom| match &atom.test {
                Test::In(literals) => literals
                    .iter()
                    .any(|literal| matches!(literal, Literal::Text(text) if text == caller)),
                Test::InList(index) => listed(*index).binary_search(caller).is_ok(),
                Test::StartsWith(head) => caller.starts_with(head.as_str()),
                _ => false,
            })
            .collect()
    }))
}

/// Enumerates numbers and times: each threshold, a value between each pair of neighbours, and one
/// beyond each end.
fn points<'p>(atoms: &[&Atom], entries: &impl Fn(usize) -> Option<&'p Entries>) -> Vec<Vec<bool>> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "thresholds a millisecond apart after the year 280000 would fall together, and hide a warning"
    )]
    let number = |literal: &Literal| match literal {
        // Turn minus zero into zero.
        Literal::Number(number) => Some(*number + 0.0),
        Literal::Time(time) => Some(*time as f64),
        Literal::Text(_) | Literal::Place(_) => None,
    };
    let listed = |index: usize| match entries(index) {
        Some(Entries::Numbers(numbers)) => numbers.as_slice(),
        _ => &[],
    };
    let mut thresholds: Vec<f64> = Vec::new();
    for atom in atoms {
        match &atom.test {
            Test::In(literals) => thresholds.extend(literals.iter().filter_map(number)),
            Test::InList(index) => {
                thresholds.extend(listed(*index).iter().map(|number| number + 0.0))
            }
            Test::Order(_, literal) => thresholds.extend(number(literal)),
            _ => {}
        }
    }
    thresholds.sort_by(f64::total_cmp);
    thresholds.dedup();
    let between =
        thresholds.windows(2).filter_map(|pair| Some(pair.first()? / 2.0 + pair.last()? / 2.0));
    let ends = [
        thresholds.first().map_or(0.0, |first| first - first.abs().max(1.0)),
        thresholds.last().map_or(0.0, |last| last + last.abs().max(1.0)),
    ];
    let callers: Vec<f64> = thresholds.iter().copied().chain(between).chain(ends).collect();
    // The order of a time and `now` counts as independent of the thresholds.
    let versus = [std::cmp::Ordering::Less, std::cmp::Ordering::Equal, std::cmp::Ordering::Greater];
    distinct(callers.iter().flat_map(|caller| {
        versus.map(|to_now| {
            atoms
                .iter()
                .map(|atom| match &atom.test {
                    Test::In(literals) => {
                        literals.iter().filter_map(number).any(|number| number == *caller)
                    }
                    Test::InList(index) => listed(*index).contains(caller),
                    Test::Order(comparison, literal) => number(literal)
                        .is_some_and(|number| fits(*comparison, caller.total_cmp(&number))),
                    Test::VersusNow(comparison) => fits(*comparison, to_now),
                    _ => false,
                })
                .collect()
        })
    }))
}

fn fits(comparison: Comparison, ordering: std::cmp::Ordering) -> bool {
    match comparison {
        Comparison::Less => ordering.is_lt(),
        Comparison::AtMost => ordering.is_le(),
        Comparison::Equal => ordering.is_eq(),
        Comparison::AtLeast => ordering.is_ge(),
        Comparison::Greater => ordering.is_gt(),
    }
}
