//! The reference evaluator: walks a policy in full for every caller. The bit-vector index must
//! agree with it.
//!
//! Input: the typed policy, and callers as plain facts. Output: the denied set by pattern, with
//! every restriction that closes and every licence that lifts. It uses no bundles, rows or classes,
//! computes everything anew, and is slow on purpose. A mistake would have to be made twice, in two
//! ways, to stay unseen. It does not read requests.

use alloc::collections::{BTreeMap, BTreeSet};
use core::net::IpAddr;

use crate::facts::network::Network;
use crate::facts::place::{Place, read_code};
use crate::facts::value::{Value, read_time};
use crate::limits;
use crate::policy::model::{
    About, Atom, Comparison, Condition, ElementTest, Entries, FactKind, FactRef, Licence, Literal,
    ModelRef, Models, Pattern, Policy, Range, Restriction, RuleState, Shape, Test, Token,
};

/// A truth value of strong Kleene logic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Truth {
    /// Certainly false.
    False,
    /// Not known.
    Unknown,
    /// Certainly true.
    True,
}

impl Truth {
    /// Returns the conjunction: the lesser of the two, as `False < Unknown < True`.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// Returns the disjunction: the greater of the two.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }
}

impl core::ops::Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
            Self::True => Self::False,
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

/// The subject of an account record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subject {
    /// One person. Facts about the person are known.
    #[default]
    Person,
    /// An organisation whose people share the credential. Facts about the person are unknown.
    Entity,
    /// An organisation as in `Entity`, but facts about the person are attested for all of its
    /// users.
    AllUsersAttested,
}

/// The known facts of one candidate caller. An absent fact is unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known<'a> {
    /// Country and region.
    pub place: Place,
    /// The given country if it is not a valid one; shown to people.
    pub said: &'a str,
    /// Kinds of network. A kind that is not in the set is certainly absent.
    pub network: Network,
    /// Number of the autonomous system.
    pub asn: Option<u32>,
    /// IP address.
    pub ip: Option<IpAddr>,
    /// The raw values of the account record, by fact name.
    pub account: BTreeMap<&'a str, Value<'a>>,
    /// Subject of the account record.
    pub subject: Subject,
    /// Id of the operation. Empty for an unknown operation, which equals no id.
    pub operation: &'a str,
    /// Id of the dialect. Empty: none.
    pub dialect: &'a str,
    /// Instant of the decision, in milliseconds since the epoch.
    pub now: i64,
}

/// One possible interpretation of a request: an operation and its dialect. The texts are empty if
/// they are unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadAs<'a> {
    /// Id of the operation.
    pub operation: &'a str,
    /// Id of the dialect.
    pub dialect: &'a str,
}

/// The circumstances under which a denied set is computed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setting<'a> {
    /// Time in milliseconds since the epoch.
    pub now: i64,
    /// Whether the bundle counts as stale, in addition to its own `expires`.
    pub stale: bool,
    /// Rules whose state a switch has set, by id. A licence is in force only if its state is on.
    pub switches: BTreeMap<&'a str, RuleState>,
}

/// One bit of the denied set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternKey {
    /// The pattern's text; for an alias `=` and the id. Empty: ids in which no pattern occurs.
    pub text: String,
    /// How it matches. `None`: ids in which no pattern occurs.
    pub shape: Option<Shape>,
    /// Index of its family.
    pub family: Option<usize>,
}

/// Returns the bits of a policy's denied set in their order: first the ids in which no pattern
/// occurs; then for each family its patterns and aliases; then the single patterns of restrictions
/// and after them of licences. A pattern that occurs again keeps its first bit.
#[must_use]
pub fn patterns(policy: &Policy) -> Vec<PatternKey> {
    let mut keys = vec![PatternKey { text: String::new(), shape: None, family: None }];
    let mut add = |text: &str, shape: &Shape, family| {
        if !keys.iter().any(|key: &PatternKey| key.text == text) {
            keys.push(PatternKey { text: text.to_owned(), shape: Some(shape.clone()), family });
        }
    };
    for (index, family) in policy.families.iter().enumerate() {
        for pattern in &family.patterns {
            add(&pattern.text, &pattern.shape, Some(index));
        }
        for alias in &family.aliases {
            add(&alias_text(&alias.id), &Shape::Exact(alias.id.clone()), Some(index));
        }
    }
    let of_restrictions = policy.restrictions.iter().map(|restriction| &restriction.models);
    let of_licences = policy.licences.iter().filter_map(|licence| licence.models.as_ref());
    for models in of_restrictions.chain(of_licences) {
        for item in &models.items {
            if let ModelRef::Pattern(pattern) = item {
                add(&pattern.text, &pattern.shape, None);
            }
        }
    }
    keys
}

fn alias_text(id: &str) -> String {
    format!("={id}")
}

/// The patterns that a caller may not use, with the reasons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReferenceDeniedSet {
    /// For each denied pattern (an index into [`patterns`]) the indexes of the restrictions that
    /// close it.
    pub denied: BTreeMap<usize, BTreeSet<usize>>,
    /// The same for restrictions in shadow.
    pub shadow: BTreeMap<usize, BTreeSet<usize>>,
    /// For each licence the patterns that it opened: a restriction that is on closed them to some
    /// candidate, and the licence lifted it.
    pub lifted: BTreeMap<usize, BTreeSet<usize>>,
}

impl ReferenceDeniedSet {
    /// Returns the denied patterns.
    #[must_use]
    pub fn denied_patterns(&self) -> BTreeSet<usize> {
        self.denied.keys().copied().collect()
    }

    /// Returns the patterns that would be denied if the restrictions in shadow were on.
    #[must_use]
    pub fn shadow_patterns(&self) -> BTreeSet<usize> {
        self.shadow.keys().copied().collect()
    }
}

/// The evaluator for one policy.
#[derive(Clone, Debug)]
pub struct Reference<'p> {
    policy: &'p Policy,
    patterns: Vec<PatternKey>,
}

impl<'p> Reference<'p> {
    /// Prepares the evaluation of this policy.
    #[must_use]
    pub fn new(policy: &'p Policy) -> Self {
        Self { policy, patterns: patterns(policy) }
    }

    /// Returns the policy.
    #[must_use]
    pub fn policy(&self) -> &'p Policy {
        self.policy
    }

    /// Returns [`patterns`] of the policy.
    #[must_use]
    pub fn patterns(&self) -> &[PatternKey] {
        &self.patterns
    }

    /// Returns the denied set of a caller: the union over its candidates and over the possible
    /// interpretations of its request.
    ///
    /// Without candidates the caller is one with no known facts. Without interpretations the
    /// operation is unknown.
    #[must_use]
    pub fn denied_set(
        &self,
        callers: &[Known<'_>],
        read_as: &[ReadAs<'_>],
        setting: &Setting<'_>,
    ) -> ReferenceDeniedSet {
        let unknown_caller = [Known::default()];
        let unread = [ReadAs::default()];
        let callers = if callers.is_empty() { &unknown_caller } else { callers };
        let read_as = if read_as.is_empty() { &unread } else { read_as };
        let mut denied_set = ReferenceDeniedSet::default();
        for caller in callers {
            for one in read_as {
                let known = Known {
                    operation: one.operation,
                    dialect: one.dialect,
                    now: setting.now,
                    ..caller.clone()
                };
                self.add(&known, setting, &mut denied_set);
                if self.is_stale(callers.len(), setting) {
                    self.add(
                        &Known { place: Place::UNKNOWN, account: BTreeMap::new(), ..known },
                        setting,
                        &mut denied_set,
                    );
                }
            }
        }
        denied_set
    }

    /// Returns whether the number of candidates or the time makes the caller count as stale.
    #[must_use]
    pub fn is_stale(&self, candidates: usize, setting: &Setting<'_>) -> bool {
        let expired = self.policy.expires.is_some_and(|expires| setting.now >= expires);
        setting.stale || expired || candidates > limits::CANDIDATES
    }

    fn add(&self, known: &Known<'_>, setting: &Setting<'_>, denied_set: &mut ReferenceDeniedSet) {
        for (index, restriction) in self.policy.restrictions.iter().enumerate() {
            let state = self.restriction_state(restriction, setting);
            if state == RuleState::Off || !self.applies(restriction, known) {
                continue;
            }
            let whole = self.closes(&restriction.models);
            let mut closed = whole.clone();
            for (licence_index, licence) in self.policy.licences.iter().enumerate() {
                if !licence.lifts.contains(&index) || !self.lifts(licence, known, setting) {
                    continue;
                }
                let open = match &licence.models {
                    None => whole.clone(),
                    Some(models) => self.names(models),
                };
                if state == RuleState::On {
                    let lifted: Vec<usize> = whole.intersection(&open).copied().collect();
                    if !lifted.is_empty() {
                        denied_set.lifted.entry(licence_index).or_default().extend(lifted);
                    }
                }
                closed.retain(|pattern| !open.contains(pattern));
            }
            let into = if state == RuleState::On {
                &mut denied_set.denied
            } else {
                &mut denied_set.shadow
            };
            for pattern in closed {
                into.entry(pattern).or_default().insert(index);
            }
        }
    }

    /// Returns the state of a restriction at this time. It is off outside `from` and `until`.
    #[must_use]
    pub fn restriction_state(&self, restriction: &Restriction, setting: &Setting<'_>) -> RuleState {
        if !in_time(restriction.from, restriction.until, setting.now) {
            return RuleState::Off;
        }
        setting.switches.get(restriction.id.as_str()).copied().unwrap_or(restriction.state)
    }

    /// Returns whether a restriction applies to this candidate, ignoring licences. It applies
    /// unless its condition is certainly false; with `doubt = "pass"` only if it is certainly true.
    #[must_use]
    pub fn applies(&self, restriction: &Restriction, known: &Known<'_>) -> bool {
        let when = restriction
            .when
            .as_ref()
            .map_or(Truth::True, |clause| self.truth(&clause.condition, known));
        let unless = restriction
            .unless
            .as_ref()
            .map_or(Truth::False, |clause| self.truth(&clause.condition, known));
        let truth = when.and(!unless);
        if restriction.doubt_pass { truth == Truth::True } else { truth != Truth::False }
    }

    /// Returns whether a licence is in force and its condition is certainly true for this
    /// candidate.
    #[must_use]
    pub fn lifts(&self, licence: &Licence, known: &Known<'_>, setting: &Setting<'_>) -> bool {
        let state = setting.switches.get(licence.id.as_str()).copied().unwrap_or(licence.state);
        state == RuleState::On
            && in_time(licence.from, licence.until, setting.now)
            && licence
                .when
                .as_ref()
                .map_or(Truth::True, |clause| self.truth(&clause.condition, known))
                == Truth::True
    }

    /// Returns the patterns that the `models` of a restriction close: those that it names, and
    /// every declared pattern that may contain one of them, unless `[models]` assigns it to another
    /// family.
    #[must_use]
    pub fn closes(&self, models: &Models) -> BTreeSet<usize> {
        let named = self.names(models);
        let mut closed = named.clone();
        for inner in named {
            for (index, outer) in self.patterns.iter().enumerate() {
                let Some(inner) = self.patterns.get(inner) else { continue };
                let (Some(inside), Some(around)) = (&inner.shape, &outer.shape) else { continue };
                let elsewhere = inner.family.is_some()
                    && outer.family.is_some()
                    && inner.family != outer.family;
                if !elsewhere && holds(around, inside) {
                    closed.insert(index);
                }
            }
        }
        closed
    }

    /// Returns the patterns that `models` names, and no others. These are the patterns that a
    /// licence opens. A pattern inside an occurrence of another has no occurrence of its own.
    #[must_use]
    pub fn names(&self, models: &Models) -> BTreeSet<usize> {
        let mut named = BTreeSet::new();
        for item in &models.items {
            match item {
                ModelRef::Everything => named.extend(0..self.patterns.len()),
                ModelRef::Family(family) => {
                    let of_family = |key: &PatternKey| key.family == Some(*family);
                    named.extend(
                        self.patterns
                            .iter()
                            .enumerate()
                            .filter(|(_, key)| of_family(key))
                            .map(|(index, _)| index),
                    );
                }
                ModelRef::Pattern(Pattern { text, .. }) => {
                    named.extend(self.patterns.iter().position(|key| key.text == *text));
                }
            }
        }
        named
    }

    /// Returns the truth of a condition as written, for this candidate.
    #[must_use]
    pub fn truth(&self, condition: &Condition, known: &Known<'_>) -> Truth {
        match condition {
            Condition::True => Truth::True,
            Condition::False => Truth::False,
            Condition::Atom(atom) => self.atom(atom, known),
            Condition::Not(inner) => !self.truth(inner, known),
            Condition::And(all) => {
                all.iter().fold(Truth::True, |truth, one| truth.and(self.truth(one, known)))
            }
            Condition::Or(any) => {
                any.iter().fold(Truth::False, |truth, one| truth.or(self.truth(one, known)))
            }
        }
    }

    /// Returns the truth of one test of one fact.
    #[must_use]
    pub fn atom(&self, atom: &Atom, known: &Known<'_>) -> Truth {
        let Some(value) = self.value(atom.fact, known) else { return Truth::Unknown };
        match (&atom.test, &value) {
            (Test::IsTrue, Held::Bool(value)) => Truth::from(*value),
            (Test::In(literals), value) => self.is_in(value, &entries_of(literals)),
            (Test::InList(list), value) => match self.policy.lists.get(*list) {
                Some(list) => self.is_in(value, &list.entries),
                None => Truth::Unknown,
            },
            (Test::StartsWith(start), Held::Text(text)) => {
                Truth::from(text.starts_with(start.as_str()))
            }
            (Test::Has(bit), Held::Network(network)) => Truth::from(network.has(*bit)),
            (Test::Order(how, Literal::Number(right)), Held::Number(left)) => {
                compare(*how, left, right)
            }
            (Test::Order(how, Literal::Time(right)), Held::Time(left)) => {
                compare(*how, left, right)
            }
            (Test::VersusNow(how), Held::Time(left)) => compare(*how, left, &known.now),
            (Test::Exists(test), Held::List(elements)) => elements
                .iter()
                .fold(Truth::False, |truth, element| truth.or(self.element(test, element))),
            (Test::All(test), Held::List(elements)) => elements
                .iter()
                .fold(Truth::True, |truth, element| truth.and(self.element(test, element))),
            _ => Truth::Unknown,
        }
    }

    /// Returns the value of a fact, if it is known for this caller and has the declared type.
    #[must_use]
    pub fn value<'k>(&self, fact: FactRef, known: &Known<'k>) -> Option<Held<'k>> {
        match fact {
            FactRef::Place => known.place.country.map(|_| Held::Place(known.place)),
            FactRef::Country => known.place.country.map(Held::Country),
            FactRef::Region => known.place.country.map(|_| Held::Region(known.place)),
            FactRef::Network => Some(Held::Network(known.network)),
            FactRef::Asn => known.asn.map(|asn| Held::Number(f64::from(asn))),
            FactRef::Ip => known.ip.map(|ip| Held::Ip(ip.to_canonical())),
            FactRef::Operation => Some(Held::Text(known.operation)),
            FactRef::Dialect => Some(Held::Text(known.dialect)),
            FactRef::Now => Some(Held::Time(known.now)),
            FactRef::Declared(index) => {
                let fact = self.policy.facts.get(index)?;
                if fact.about == About::Person && known.subject == Subject::Entity {
                    return None;
                }
                held(&fact.kind, *known.account.get(fact.name.as_str())?)
            }
        }
    }

    fn is_in(&self, value: &Held<'_>, entries: &Entries) -> Truth {
        match (value, entries) {
            (Held::Text(text), Entries::Texts(texts)) => {
                Truth::from(texts.iter().any(|entry| entry == text))
            }
            (Held::Number(number), Entries::Numbers(numbers)) => {
                Truth::from(numbers.contains(number))
            }
            (Held::Ip(ip), Entries::Ranges(ranges)) => {
                Truth::from(ranges.iter().any(|range| in_range(*ip, *range)))
            }
            (Held::Place(place), Entries::Places(places)) => place_in(*place, places),
            (Held::Country(country), Entries::Places(places)) => Truth::from(
                places
                    .iter()
                    .any(|entry| entry.region.is_none() && entry.country == Some(*country)),
            ),
            (Held::Region(place), Entries::Places(places)) => {
                let regions: Vec<Place> =
                    places.iter().copied().filter(|entry| entry.region.is_some()).collect();
                place_in(*place, &regions)
            }
            _ => Truth::Unknown,
        }
    }

    /// Returns the truth of a test for one element of a list fact.
    #[must_use]
    pub fn element(&self, test: &ElementTest, element: &str) -> Truth {
        match test {
            ElementTest::True => Truth::True,
            ElementTest::False => Truth::False,
            ElementTest::Equals(text) => Truth::from(element == text),
            ElementTest::StartsWith(text) => Truth::from(element.starts_with(text.as_str())),
            ElementTest::InList(list) => {
                match self.policy.lists.get(*list).map(|list| &list.entries) {
                    Some(Entries::Texts(texts)) => {
                        Truth::from(texts.iter().any(|entry| entry == element))
                    }
                    Some(Entries::Places(places)) => {
                        read_code(element).map_or(Truth::Unknown, |place| place_in(place, places))
                    }
                    _ => Truth::Unknown,
                }
            }
            ElementTest::Not(inner) => !self.element(inner, element),
            ElementTest::And(all) => {
                all.iter().fold(Truth::True, |truth, one| truth.and(self.element(one, element)))
            }
            ElementTest::Or(any) => {
                any.iter().fold(Truth::False, |truth, one| truth.or(self.element(one, element)))
            }
        }
    }
}

/// A fact's value, of its declared type.
#[derive(Clone, Debug, PartialEq)]
pub enum Held<'a> {
    /// Bool facts.
    Bool(bool),
    /// Number facts and asn.
    Number(f64),
    /// Enum and text facts, operation, dialect.
    Text(&'a str),
    /// Time facts and now, in milliseconds since the epoch.
    Time(i64),
    /// Place and place facts. The country is known.
    Place(Place),
    /// Country.
    Country([u8; 2]),
    /// Region. The country is known, the region may be unknown.
    Region(Place),
    /// Network.
    Network(Network),
    /// IP address. An IPv4-mapped IPv6 address is given as IPv4.
    Ip(IpAddr),
    /// List facts; never empty.
    List(Vec<&'a str>),
}

fn held<'a>(kind: &FactKind, value: Value<'a>) -> Option<Held<'a>> {
    match (kind, value) {
        (FactKind::Bool, Value::Bool(value)) => Some(Held::Bool(value)),
        (FactKind::Enum(values), Value::Text(text)) => {
            values.iter().any(|value| value == text).then_some(Held::Text(text))
        }
        (FactKind::Text, Value::Text(text)) => Some(Held::Text(text)),
        (FactKind::Place, Value::Text(text)) => read_code(text).map(Held::Place),
        (FactKind::Time, Value::Text(text)) => read_time(text).map(Held::Time),
        // The bound lies far beyond any intended date. A larger number is not a time.
        #[expect(clippy::cast_possible_truncation, reason = "bounded by the guard")]
        (FactKind::Time, Value::Number(seconds)) if (seconds * 1_000.0).abs() < 9e15 => {
            Some(Held::Time((seconds * 1_000.0).floor() as i64))
        }
        (FactKind::List, Value::List(elements))
            if (1..=limits::LIST_ELEMENTS).contains(&elements.len()) =>
        {
            Some(Held::List(elements.to_vec()))
        }
        (FactKind::Number, Value::Number(number)) if !number.is_nan() => Some(Held::Number(number)),
        _ => None,
    }
}

fn entries_of(literals: &[Literal]) -> Entries {
    let texts: Vec<String> = literals
        .iter()
        .filter_map(
            |literal| if let Literal::Text(text) = literal { Some(text.clone()) } else { None },
        )
        .collect();
    let places: Vec<Place> = literals
        .iter()
        .filter_map(|literal| if let Literal::Place(place) = literal { Some(*place) } else { None })
        .collect();
    let numbers: Vec<f64> = literals
        .iter()
        .filter_map(
            |literal| if let Literal::Number(number) = literal { Some(*number) } else { None },
        )
        .collect();
    if !places.is_empty() {
        Entries::Places(places)
    } else if !numbers.is_empty() {
        Entries::Numbers(numbers)
    } else {
        Entries::Texts(texts)
    }
}

/// Returns whether a place with a known country lies in one of these places.
fn place_in(place: Place, places: &[Place]) -> Truth {
    let of_country: Vec<&Place> =
        places.iter().filter(|entry| entry.country == place.country).collect();
    if of_country.iter().any(|entry| entry.region.is_none()) {
        return Truth::True;
    }
    match place.region {
        Some(_) => Truth::from(of_country.iter().any(|entry| entry.region == place.region)),
        None if of_country.is_empty() => Truth::False,
        None => Truth::Unknown,
    }
}

fn in_range(ip: IpAddr, range: Range) -> bool {
    match (ip, range) {
        (IpAddr::V4(ip), Range::V4(first, last)) => (first..=last).contains(&ip.to_bits()),
        (IpAddr::V6(ip), Range::V6(first, last)) => (first..=last).contains(&ip.to_bits()),
        _ => false,
    }
}

fn in_time(from: Option<i64>, until: Option<i64>, now: i64) -> bool {
    from.is_none_or(|from| now >= from) && until.is_none_or(|until| now < until)
}

fn compare<T: PartialOrd>(how: Comparison, left: &T, right: &T) -> Truth {
    Truth::from(match how {
        Comparison::Less => left < right,
        Comparison::AtMost => left <= right,
        Comparison::Equal => left == right,
        Comparison::AtLeast => left >= right,
        Comparison::Greater => left > right,
    })
}

/// Returns whether an occurrence of `outer` in an id may contain `inner`. The inner occurrence is
/// then hidden, so a restriction that closes `inner` must close `outer` too.
fn holds(outer: &Shape, inner: &Shape) -> bool {
    let Shape::Tokens(inner_tokens) = inner else {
        // An exact id is the whole id, so no other pattern contains it.
        return outer == inner;
    };
    let outer_tokens = match outer {
        Shape::Tokens(tokens) => tokens.clone(),
        Shape::Exact(id) => {
            let words =
                id.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
            words.map(|word| Token::Word(word.to_ascii_lowercase())).collect()
        }
    };
    outer_tokens
        .windows(inner_tokens.len().max(1))
        .any(|run| run.iter().zip(inner_tokens).all(|(outer, inner)| may_be_same(outer, inner)))
}

/// Returns whether some word matches both tokens.
fn may_be_same(one: &Token, other: &Token) -> bool {
    match (one, other) {
        (Token::Word(one), Token::Word(other)) => one == other,
        (Token::Word(word), Token::Prefix(prefix)) | (Token::Prefix(prefix), Token::Word(word)) => {
            word.starts_with(prefix.as_str())
        }
        (Token::Prefix(one), Token::Prefix(other)) => {
            one.starts_with(other.as_str()) || other.starts_with(one.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Shape {
        Shape::Tokens(
            text.split('-')
                .map(|word| match word.strip_suffix('*') {
                    Some(start) => Token::Prefix(start.to_owned()),
                    None => Token::Word(word.to_owned()),
                })
                .collect(),
        )
    }

    #[test]
    fn a_pattern_closes_what_may_hold_it() {
        let exact = |id: &str| Shape::Exact(id.to_owned());
        for (outer, inner, expected) in [
            (tokens("mythos-5-20260601"), tokens("mythos-5"), true),
            (tokens("mythos-5"), tokens("mythos-5-20260601"), false),
            (tokens("anthropic-mythos-5"), tokens("mythos-5"), true),
            (tokens("mythos-50"), tokens("mythos-5"), false),
            (tokens("mythos"), tokens("myth*"), true),
            (tokens("myth*-5"), tokens("mythos"), true),
            (tokens("haiku*-5"), tokens("mythos"), false),
            (tokens("*-5"), tokens("mythos"), true),
            (tokens("myth*"), tokens("mythos*"), true),
            (exact("org/mythos-5:free"), tokens("mythos-5"), true),
            (exact("org/mythos-50"), tokens("mythos-5"), false),
            (tokens("mythos-5-lite"), exact("mythos-5"), false),
            (exact("mythos-5"), exact("mythos-5"), true),
            (exact("mythos-5-lite"), exact("mythos-5"), false),
        ] {
            assert_eq!(holds(&outer, &inner), expected, "{outer:?} around {inner:?}");
        }
    }

    #[test]
    fn places_are_what_the_design_says() {
        let list: Vec<Place> =
            ["US", "UA-43"].iter().map(|code| read_code(code).unwrap()).collect();
        for (code, expected) in [
            ("US", Truth::True),
            ("US-TX", Truth::True),
            ("UA-43", Truth::True),
            ("UA-30", Truth::False),
            ("UA", Truth::Unknown),
            ("DE", Truth::False),
            ("PR", Truth::False),
        ] {
            assert_eq!(place_in(read_code(code).unwrap(), &list), expected, "{code}");
        }
    }

    #[test]
    fn values_of_another_type_are_unknown() {
        let relation = FactKind::Enum(vec!["staff".to_owned()]);
        for (kind, value, known) in [
            (&FactKind::Bool, Value::Bool(false), true),
            (&FactKind::Bool, Value::Text("true"), false),
            (&relation, Value::Text("staff"), true),
            (&relation, Value::Text("Staff"), false),
            (&FactKind::Place, Value::Text("ZZ"), false),
            (&FactKind::Time, Value::Text("2026-06-12T00:00:00Z"), true),
            (&FactKind::Time, Value::Text("2026-06-12"), false),
            (&FactKind::Time, Value::Number(1.781_299_260e9), true),
            (&FactKind::Time, Value::Number(f64::INFINITY), false),
            (&FactKind::List, Value::List(&["a"]), true),
            (&FactKind::List, Value::List(&[]), false),
            (&FactKind::Number, Value::Number(f64::NAN), false),
            (&FactKind::Number, Value::Text("1"), false),
        ] {
            assert_eq!(held(kind, value).is_some(), known, "{kind:?} {value:?}");
        }
    }
}
