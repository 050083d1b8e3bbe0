//! Divides the domain of each fact into the classes that the rules can tell apart.
//!
//! Input: the atoms of all conditions. Output: columns with their keys, and for each atom its value
//! in each class of its column. The values are a list of pieces, since even among thousands of
//! classes an atom changes its value at few.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::dnf::{ResolvedAtom, atom_of};
use crate::bundle::layout as l;
use crate::bundle::layout::{column, fact};
use crate::facts::place::Place;
use crate::facts::value::order_of;
use crate::policy::model::{
    Atom, Comparison, ElementTest, Entries, FactRef, Literal as Value, Policy, Test,
};

/// A value of strong Kleene logic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Truth {
    False,
    Unknown,
    True,
}

impl Truth {
    fn of(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }

    pub(crate) fn not(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
            Self::True => Self::False,
        }
    }
}

/// A class, and the value of the atom from this class on.
pub(crate) type Piece = (u32, Truth);

/// The properties that identify a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ColumnKey {
    pub(crate) fact: u16,
    pub(crate) kind: u8,
    /// As in [`l::Column`]; for programs the number of the test.
    pub(crate) aux: u32,
}

/// Keys of a column, in the order that its look-up needs.
#[derive(Debug)]
pub(crate) enum Keys {
    None,
    Texts(Vec<(String, bool)>),
    Places(Vec<([u8; 2], [u8; 3])>),
    Order(Vec<i64>),
}

impl Keys {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Texts(keys) => keys.len(),
            Self::Places(keys) => keys.len(),
            Self::Order(keys) => keys.len(),
        }
    }
}

/// All columns and atoms of a policy.
pub(crate) struct Columns<'p> {
    policy: &'p Policy,
    numbers: BTreeMap<ColumnKey, usize>,
    columns: Vec<(ColumnKey, Vec<u32>)>,
    atoms: Vec<(usize, FactRef, Test)>,
    known: HashMap<String, u32>,
    programs: Vec<(bool, ElementTest)>,
    program_numbers: HashMap<String, u32>,
}

/// Key of all regions of a country that no other key names.
pub(crate) const ANY_REGION: [u8; 3] = [b'*', 0, 0];

impl<'p> Columns<'p> {
    pub(crate) fn new(policy: &'p Policy) -> Self {
        Self {
            policy,
            numbers: BTreeMap::new(),
            columns: Vec::new(),
            atoms: Vec::new(),
            known: HashMap::new(),
            programs: Vec::new(),
            program_numbers: HashMap::new(),
        }
    }

    /// Returns the number of an atom. Equal atoms share one.
    pub(crate) fn resolve(&mut self, atom: &Atom) -> ResolvedAtom {
        if let (FactRef::Now, Test::VersusNow(comparison)) = (atom.fact, &atom.test) {
            return ResolvedAtom::Constant(holds(*comparison, core::cmp::Ordering::Equal));
        }
        let name = format!("{:?} {:?}", atom.fact, atom.test);
        if let Some(known) = self.known.get(&name) {
            return ResolvedAtom::Atom(*known);
        }
        let key = self.key(atom);
        let column = *self.numbers.entry(key).or_insert_with(|| {
            self.columns.push((key, Vec::new()));
            self.columns.len() - 1
        });
        let number = u32::try_from(self.atoms.len()).unwrap_or(u32::MAX);
        self.atoms.push((column, atom.fact, atom.test.clone()));
        if let Some((_, atoms)) = self.columns.get_mut(column) {
            atoms.push(number);
        }
        self.known.insert(name, number);
        ResolvedAtom::Atom(number)
    }

    fn key(&mut self, atom: &Atom) -> ColumnKey {
        let list = |index: &usize| u32::try_from(*index).unwrap_or(u32::MAX);
        let fact = match atom.fact {
            FactRef::Declared(index) => u16::try_from(index).unwrap_or(fact::BUILT_IN - 1),
            FactRef::Place | FactRef::Country | FactRef::Region => fact::B_PLACE,
            FactRef::Network => fact::B_NETWORK,
            FactRef::Asn => fact::B_ASN,
            FactRef::Ip => fact::B_IP,
            FactRef::Operation => fact::B_OPERATION,
            FactRef::Dialect => fact::B_DIALECT,
            FactRef::Now => fact::B_NOW,
        };
        let (kind, aux) = match &atom.test {
            Test::IsTrue => (column::BOOL, 0),
            Test::In(values) => match values.first() {
                Some(Value::Place(_)) => (column::PLACE, 0),
                Some(Value::Number(_) | Value::Time(_)) => (column::ORDER, 0),
                Some(Value::Text(_)) | None => (column::TEXT, 0),
            },
            Test::InList(index) => match self.policy.lists.get(*index).map(|list| &list.entries) {
                Some(Entries::Places(_)) => (column::PLACE, 0),
                _ => (column::LISTED, list(index)),
            },
            Test::StartsWith(_) => (column::TEXT, 0),
            Test::Has(bit) => (column::NETWORK, *bit),
            Test::Order(..) => (column::ORDER, 0),
            Test::VersusNow(_) => (column::VERSUS_NOW, 0),
            Test::Exists(test) => (column::PROGRAM, self.program(true, test)),
            Test::All(test) => (column::PROGRAM, self.program(false, test)),
        };
        ColumnKey { fact, kind, aux }
    }

    fn program(&mut self, exists: bool, test: &ElementTest) -> u32 {
        let next = u32::try_from(self.programs.len()).unwrap_or(u32::MAX);
        let number = *self.program_numbers.entry(format!("{exists} {test:?}")).or_insert(next);
        if number == next {
            self.programs.push((exists, test.clone()));
        }
        number
    }

    /// Returns the element tests of list facts by number, and whether each is an `exists`.
    pub(crate) fn programs(&self) -> &[(bool, ElementTest)] {
        &self.programs
    }

    /// Returns the tests of all atoms.
    pub(crate) fn tests(&self) -> impl Iterator<Item = &Test> {
        self.atoms.iter().map(|(.., test)| test)
    }

    /// Returns the column of an atom.
    pub(crate) fn column_of(&self, atom: u32) -> usize {
        self.atoms.get(atom as usize).map_or(0, |(column, ..)| *column)
    }

    /// Determines the classes. All atoms must be known.
    pub(crate) fn settle(&self) -> Settled {
        let mut columns = Vec::new();
        let mut pieces = vec![Vec::new(); self.atoms.len()];
        for (key, atoms) in &self.columns {
            let tests: Vec<(u32, FactRef, &Test)> = atoms
                .iter()
                .filter_map(|number| {
                    self.atoms.get(*number as usize).map(|(_, fact, test)| (*number, *fact, test))
                })
                .collect();
            let keys = self.keys(key.kind, &tests);
            for (number, fact, test) in tests {
                if let Some(slot) = pieces.get_mut(number as usize) {
                    *slot = self.pieces(&keys, fact, test);
                }
            }
            columns.push((*key, keys));
        }
        Settled { columns, pieces }
    }

    fn places(&self, test: &Test) -> Vec<Place> {
        match test {
            Test::In(values) => values
                .iter()
                .filter_map(
                    |value| if let Value::Place(place) = value { Some(*place) } else { None },
                )
                .collect(),
            Test::InList(index) => match self.policy.lists.get(*index).map(|list| &list.entries) {
                Some(Entries::Places(places)) => places.clone(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    fn keys(&self, kind: u8, tests: &[(u32, FactRef, &Test)]) -> Keys {
        match kind {
            column::TEXT => {
                let mut keys = BTreeSet::new();
                for (_, _, test) in tests {
                    match test {
                        Test::In(values) => {
                            keys.extend(values.iter().filter_map(|value| match value {
                                Value::Text(text) => Some((text.clone(), false)),
                                _ => None,
                            }))
                        }
                        Test::StartsWith(prefix) => drop(keys.insert((prefix.clone(), true))),
                        _ => {}
                    }
                }
                Keys::Texts(keys.into_iter().collect())
            }
            column::PLACE => {
                let mut keys = BTreeSet::new();
                for place in tests.iter().flat_map(|(_, _, test)| self.places(test)) {
                    let Some(country) = place.country else { continue };
                    keys.insert((country, ANY_REGION));
                    if let Some(region) = place.region {
                        keys.insert((country, [0; 3]));
                        keys.insert((country, region));
                    }
                }
                Keys::Places(keys.into_iter().collect())
            }
            column::ORDER => {
                let mut keys = BTreeSet::new();
                for (_, _, test) in tests {
                    match test {
                        Test::In(values) => keys.extend(values.iter().filter_map(ordinal)),
                        Test::Order(_, value) => keys.extend(ordinal(value)),
                        _ => {}
                    }
                }
                Keys::Order(keys.into_iter().collect())
            }
            _ => Keys::None,
        }
    }

    fn pieces(&self, keys: &Keys, fact: FactRef, test: &Test) -> Vec<Piece> {
        match (keys, test) {
            (Keys::Texts(keys), Test::In(values)) => hits(values.iter().filter_map(|value| {
                match value {
                    Value::Text(text) => keys
                        .binary_search_by(|(key, prefix)| {
                            (key.as_str(), *prefix).cmp(&(text.as_str(), false))
                        })
                        .ok(),
                    _ => None,
                }
            })),
            (Keys::Texts(keys), Test::StartsWith(prefix)) => {
                let from = keys.partition_point(|(key, _)| key.as_str() < prefix.as_str());
                let count = keys
                    .iter()
                    .skip(from)
                    .take_while(|(key, _)| key.starts_with(prefix.as_str()))
                    .count();
                hits(from..from + count)
            }
            (Keys::Places(keys), _) => {
                let places = self.places(test);
                let values = keys
                    .iter()
                    .map(|(country, region)| place_class(fact, &places, *country, *region));
                compressed([Truth::Unknown, Truth::False].into_iter().chain(values))
            }
            (Keys::Order(keys), Test::In(values)) => {
                let at = values
                    .iter()
                    .filter_map(ordinal)
                    .filter_map(|value| keys.binary_search(&value).ok());
                // A key's own class comes after the class "below the first key" and two classes for
                // each key before it.
                hits(at.map(|index| 2 * index))
            }
            (Keys::Order(keys), Test::Order(comparison, value)) => {
                let index =
                    ordinal(value).and_then(|value| keys.binary_search(&value).ok()).unwrap_or(0);
                let at = class(2 * index);
                let ordered = |ordering| Truth::of(holds(*comparison, ordering));
                vec![
                    (0, Truth::Unknown),
                    (1, ordered(core::cmp::Ordering::Less)),
                    (at, ordered(core::cmp::Ordering::Equal)),
                    (at + 1, ordered(core::cmp::Ordering::Greater)),
                ]
            }
            (_, Test::VersusNow(comparison)) => {
                use core::cmp::Ordering::{Equal, Greater, Less};
                let values =
                    [Less, Equal, Greater].map(|ordering| Truth::of(holds(*comparison, ordering)));
                compressed([Truth::Unknown].into_iter().chain(values))
            }
            _ => vec![(0, Truth::Unknown), (1, Truth::False), (2, Truth::True)],
        }
    }
}

/// Columns with their keys, and the pieces of each atom.
pub(crate) struct Settled {
    pub(crate) columns: Vec<(ColumnKey, Keys)>,
    pieces: Vec<Vec<Piece>>,
}

impl Settled {
    /// Returns the values of a literal over the classes of its column.
    fn of(&self, literal: u32) -> impl Iterator<Item = Piece> {
        let pieces =
            self.pieces.get(atom_of(literal) as usize).map(Vec::as_slice).unwrap_or_default();
        pieces.iter().map(move |(class, truth)| {
            (*class, if literal % 2 == 1 { truth.not() } else { *truth })
        })
    }

    /// Returns the number of keys of a column.
    pub(crate) fn key_count(&self, column: usize) -> usize {
        self.columns.get(column).map_or(0, |(_, keys)| keys.len())
    }

    /// Returns the first class in which a literal is true. Rows are sorted by it.
    pub(crate) fn first_true(&self, literal: u32) -> u32 {
        self.of(literal)
            .find(|(_, truth)| *truth == Truth::True)
            .map_or(u32::MAX, |(class, _)| class)
    }

    /// Returns the values of a conjunction of literals on one column.
    pub(crate) fn all_of(&self, literals: &[u32]) -> Vec<Piece> {
        let mut changes: Vec<u32> =
            literals.iter().flat_map(|literal| self.of(*literal)).map(|(class, _)| class).collect();
        changes.sort_unstable();
        changes.dedup();
        let mut walks: Vec<_> =
            literals.iter().map(|literal| (Truth::True, self.of(*literal).peekable())).collect();
        let mut values: Vec<Piece> = Vec::new();
        for class in changes {
            for (now, rest) in &mut walks {
                while let Some((_, truth)) = rest.next_if(|(from, _)| *from <= class) {
                    *now = truth;
                }
            }
            let value = walks.iter().map(|(now, _)| *now).min().unwrap_or(Truth::True);
            if values.last().is_none_or(|(_, last)| *last != value) {
                values.push((class, value));
            }
        }
        values
    }
}

/// Returns the class of key `index`. The classes "unknown" and "other" come first.
fn class(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX - 4) + 2
}

/// Returns pieces that are true in the classes of these keys and false in all other known classes.
fn hits(indices: impl Iterator<Item = usize>) -> Vec<Piece> {
    let mut classes: Vec<u32> = indices.map(class).collect();
    classes.sort_unstable();
    classes.dedup();
    let mut pieces = vec![(0, Truth::Unknown), (1, Truth::False)];
    for class in classes {
        if pieces.last().is_some_and(|(from, _)| *from == class) {
            pieces.pop();
        } else {
            pieces.push((class, Truth::True));
        }
        pieces.push((class + 1, Truth::False));
    }
    pieces
}

fn compressed(values: impl Iterator<Item = Truth>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for (class, truth) in (0..).zip(values) {
        if pieces.last().is_none_or(|(_, last)| *last != truth) {
            pieces.push((class, truth));
        }
    }
    pieces
}

/// Returns the value of "is one of these places" in the class of a place key.
fn place_class(fact: FactRef, places: &[Place], country: [u8; 2], region: [u8; 3]) -> Truth {
    // The fact `region` is compared with regions only.
    let counts = |place: &&Place| {
        place.country == Some(country) && (fact != FactRef::Region || place.region.is_some())
    };
    let of_country = || places.iter().filter(counts);
    if of_country().any(|place| place.region.is_none()) {
        return Truth::True;
    }
    if fact == FactRef::Country {
        return Truth::False;
    }
    match region {
        ANY_REGION => Truth::False,
        [0, 0, 0] if of_country().next().is_some() => Truth::Unknown,
        _ => Truth::of(of_country().any(|place| place.region == Some(region))),
    }
}

/// Returns whether a comparison holds for a value with this ordering relative to the literal.
pub(crate) fn holds(comparison: Comparison, ordering: core::cmp::Ordering) -> bool {
    match comparison {
        Comparison::Less => ordering.is_lt(),
        Comparison::AtMost => ordering.is_le(),
        Comparison::Equal => ordering.is_eq(),
        Comparison::AtLeast => ordering.is_ge(),
        Comparison::Greater => ordering.is_gt(),
    }
}

/// Returns a number or time as an ORDER column stores it.
fn ordinal(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => order_of(*number),
        Value::Time(time) => Some(*time),
        Value::Text(_) | Value::Place(_) => None,
    }
}

/// Appends a column's keys to `KEYS`.
pub(crate) fn write_keys(writer: &mut crate::bundle::write::Writer, keys: &Keys) -> l::Span {
    use crate::bundle::layout::Record as _;
    let section = l::section::KEYS;
    let at = u32::try_from(writer.section(section).len()).unwrap_or(u32::MAX);
    let len = match keys {
        Keys::None => return l::Span { at: 0, len: 0 },
        Keys::Texts(texts) => {
            let mut open: Vec<(u32, &str)> = Vec::new();
            for (index, (text, prefix)) in texts.iter().enumerate() {
                while open.last().is_some_and(|(_, parent)| !text.starts_with(parent)) {
                    open.pop();
                }
                let parent = open.last().map_or(1, |(class, _)| *class);
                let key =
                    l::TextKey { text: writer.text(text), parent, prefix: u32::from(*prefix) };
                key.write(writer.section(section));
                if *prefix {
                    open.push((class(index), text));
                }
            }
            texts.len()
        }
        Keys::Places(places) => {
            for (country, region) in places {
                l::PlaceKey { country: *country, region: *region, reserved: [0; 3] }
                    .write(writer.section(section));
            }
            places.len()
        }
        Keys::Order(values) => {
            values.iter().for_each(|value| value.write(writer.section(section)));
            values.len()
        }
    };
    l::Span { at, len: u32::try_from(len).unwrap_or(u32::MAX) }
}
