//! Random policies and callers, for the tests that compare evaluators.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::analysis::reference::Known;
use crate::bundle::layout as l;
use crate::bundle::layout::{NONE, section};
use crate::bundle::write::Writer;
use crate::compile::CompileError;
use crate::compile::dialect::WrittenDialects;
use crate::facts::network::Network;
use crate::facts::place::Place;
use crate::facts::value::Value;
use crate::policy::model::{
    About, Alias, Atom, Clause, Comparison, Condition, ElementTest, Entries, Fact, FactKind,
    FactRef, Family, LateBound, Licence, LicenceKind, List, Literal, ModelRef, Models, Pattern,
    Policy, Range, Restriction, RuleState, Shape, Span, Test, Token, Unlisted,
};

/// Draws random numbers from bytes, so that shrinking the bytes shrinks a failing case. After the
/// last byte every draw is 0.
pub(crate) struct Dice<'a>(pub(crate) &'a [u8]);

impl Dice<'_> {
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(crate) fn below(&mut self, sides: usize) -> usize {
        if sides <= 1 { 0 } else { usize::from(self.byte()) % sides }
    }

    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    pub(crate) fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    pub(crate) fn some<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }
}

const TEXTS: [&str; 6] = ["", "a", "ab", "abc", "abd", "b"];
const ENUM: [&str; 3] = ["none", "self", "document"];
pub(crate) const CODES: [&str; 8] = ["US", "UA", "UA-43", "UA-40", "UA-30", "IR", "CA-ON", "PR"];
pub(crate) const TIMES: [i64; 5] = [-1, 0, 1_000, 1_001, 5_000];
const NUMBERS: [f64; 6] = [-1.5, 0.0, 1.0, 1.5, 100.0, 13_335.0];
pub(crate) const OPERATIONS: [(&str, usize); 4] =
    [("chat", 0), ("chat.batch", 0), ("messages", 1), ("embed", 0)];
pub(crate) const DIALECTS: [&str; 2] = ["openai", "anthropic"];
pub(crate) const KEY: &[u8] = b"list key";

pub(crate) fn nowhere() -> Span {
    Span::default()
}

fn place(code: &str) -> Place {
    crate::facts::place::read_code(code).unwrap()
}

/// Facts 0 to 7. The lists: 0 places, 1 and 2 texts (2 is secret), 3 ranges, 4 numbers.
fn facts() -> Vec<Fact> {
    let kinds = [
        FactKind::Bool,
        FactKind::Enum(ENUM.map(str::to_owned).to_vec()),
        FactKind::Text,
        FactKind::Place,
        FactKind::Time,
        FactKind::List,
        FactKind::Number,
        FactKind::Bool,
    ];
    let fact = |(index, kind)| Fact {
        name: format!("f{index}"),
        kind,
        claim: String::new(),
        about: About::Account,
        span: nowhere(),
    };
    kinds.into_iter().enumerate().map(fact).collect()
}

fn lists(dice: &mut Dice<'_>) -> Vec<List> {
    let places = dice.some(4, |dice| place(dice.of(&CODES)));
    let texts =
        |dice: &mut Dice<'_>| Entries::Texts(dice.some(4, |dice| dice.of(&TEXTS).to_owned()));
    let (plain, secret) = (texts(dice), texts(dice));
    let ranges = dice.some(4, |dice| {
        if dice.once_in(3) {
            let first = u128::from(dice.byte()) << 64;
            Range::V6(first, first + u128::from(dice.byte()))
        } else {
            let first = u32::from(dice.byte());
            Range::V4(first, first + u32::from(dice.byte() / 8))
        }
    });
    let numbers = dice.some(3, |dice| dice.of(&NUMBERS));
    let entries = [
        Entries::Places(places),
        plain,
        secret,
        Entries::Ranges(ranges),
        Entries::Numbers(numbers),
    ];
    let list = |(index, entries)| List {
        name: format!("l{index}"),
        entries,
        secret: index == 2,
        as_of: None,
        review_by: None,
        span: nowhere(),
    };
    entries.into_iter().enumerate().map(list).collect()
}

fn comparison(dice: &mut Dice<'_>) -> Comparison {
    dice.of(&[
        Comparison::Less,
        Comparison::AtMost,
        Comparison::Equal,
        Comparison::AtLeast,
        Comparison::Greater,
    ])
}

fn element(dice: &mut Dice<'_>, depth: usize) -> ElementTest {
    match dice.below(if depth == 0 { 5 } else { 8 }) {
        0 => ElementTest::Equals(dice.of(&CODES).to_owned()),
        1 => ElementTest::StartsWith(dice.of(&["U", "UA", "a"]).to_owned()),
        2 => ElementTest::InList(0),
        3 => ElementTest::InList(1 + dice.below(2)),
        4 => dice.of(&[ElementTest::True, ElementTest::False]),
        5 => ElementTest::Not(Box::new(element(dice, depth - 1))),
        6 => ElementTest::And(vec![element(dice, depth - 1), element(dice, depth - 1)]),
        _ => ElementTest::Or(vec![
            element(dice, depth - 1),
            element(dice, depth - 1),
            element(dice, depth - 1),
        ]),
    }
}

fn texts(dice: &mut Dice<'_>, choices: &[&str]) -> Test {
    Test::In((0..=dice.below(2)).map(|_| Literal::Text(dice.of(choices).to_owned())).collect())
}

fn places(dice: &mut Dice<'_>) -> Test {
    if dice.once_in(3) {
        Test::InList(0)
    } else {
        Test::In((0..=dice.below(2)).map(|_| Literal::Place(place(dice.of(&CODES)))).collect())
    }
}

fn atom(dice: &mut Dice<'_>) -> Atom {
    let number = |dice: &mut Dice<'_>| match dice.below(3) {
        0 => Test::In((0..=dice.below(2)).map(|_| Literal::Number(dice.of(&NUMBERS))).collect()),
        1 => Test::InList(4),
        _ => Test::Order(comparison(dice), Literal::Number(dice.of(&NUMBERS))),
    };
    let (fact, test) = match dice.below(18) {
        0 => (FactRef::Declared(0), Test::IsTrue),
        1 => (FactRef::Declared(7), Test::IsTrue),
        2 => (FactRef::Declared(1), texts(dice, &ENUM)),
        3 => (FactRef::Declared(2), texts(dice, &TEXTS)),
        4 => (FactRef::Declared(2), Test::InList(1 + dice.below(2))),
        5 => (FactRef::Declared(2), Test::StartsWith(dice.of(&TEXTS[1..]).to_owned())),
        6 => (FactRef::Declared(3), places(dice)),
        7 => (FactRef::Declared(4), Test::Order(comparison(dice), Literal::Time(dice.of(&TIMES)))),
        8 => (FactRef::Declared(4), Test::VersusNow(comparison(dice))),
        9 => (FactRef::Declared(5), Test::Exists(element(dice, 2))),
        10 => (FactRef::Declared(5), Test::All(element(dice, 2))),
        11 => (FactRef::Declared(6), number(dice)),
        12 => (dice.of(&[FactRef::Place, FactRef::Region, FactRef::Country]), places(dice)),
        13 => (FactRef::Network, Test::Has(u32::try_from(dice.below(3)).unwrap())),
        14 => (FactRef::Asn, number(dice)),
        15 => (FactRef::Ip, Test::InList(3)),
        16 => match dice.below(3) {
            0 => (FactRef::Operation, texts(dice, &["chat", "messages", "none"])),
            1 => (FactRef::Operation, Test::StartsWith("chat".to_owned())),
            _ => (FactRef::Dialect, texts(dice, &DIALECTS)),
        },
        _ => (FactRef::Now, Test::Order(comparison(dice), Literal::Time(dice.of(&TIMES)))),
    };
    Atom { fact, test, span: nowhere() }
}

fn condition(dice: &mut Dice<'_>, depth: usize) -> Condition {
    match dice.below(if depth == 0 { 8 } else { 14 }) {
        0 if dice.once_in(4) => dice.of(&[Condition::True, Condition::False]),
        0..8 => Condition::Atom(atom(dice)),
        8 | 9 => Condition::Not(Box::new(condition(dice, depth - 1))),
        10 | 11 => {
            Condition::And((0..2 + dice.below(2)).map(|_| condition(dice, depth - 1)).collect())
        }
        _ => Condition::Or((0..2 + dice.below(2)).map(|_| condition(dice, depth - 1)).collect()),
    }
}

fn clause(dice: &mut Dice<'_>) -> Option<Clause> {
    if dice.once_in(4) {
        return None;
    }
    let condition = if dice.once_in(12) {
        // More rows than a word has bits: the conjunctions multiply out to every pair of
        // alternatives.
        let any = |dice: &mut Dice<'_>, n: usize| {
            Condition::Or((0..n).map(|_| Condition::Atom(atom(dice))).collect())
        };
        Condition::And(vec![any(dice, 12), any(dice, 12)])
    } else {
        condition(dice, 3)
    };
    Some(Clause { text: String::new(), condition, span: nowhere() })
}

fn pattern(dice: &mut Dice<'_>) -> Pattern {
    let token = |dice: &mut Dice<'_>| match dice.below(6) {
        0 => Token::Prefix("m".to_owned()),
        1 => Token::Word("m5".to_owned()),
        other => Token::Word(["a", "b", "m"][other % 3].to_owned()),
    };
    let tokens: Vec<Token> = (0..=dice.below(3)).map(|_| token(dice)).collect();
    let text: Vec<String> = tokens
        .iter()
        .map(|token| match token {
            Token::Word(word) => word.clone(),
            Token::Prefix(prefix) => format!("{prefix}*"),
        })
        .collect();
    if dice.once_in(5) {
        let id = text.join("-").replace('*', "x");
        return Pattern { text: format!("={id}"), shape: Shape::Exact(id), span: nowhere() };
    }
    Pattern { text: text.join("-"), shape: Shape::Tokens(tokens), span: nowhere() }
}

fn models(dice: &mut Dice<'_>, families: usize) -> Models {
    let item = |dice: &mut Dice<'_>| match dice.below(8) {
        0 => ModelRef::Everything,
        1..5 if families > 0 => ModelRef::Family(dice.below(families)),
        _ => ModelRef::Pattern(pattern(dice)),
    };
    Models { items: (0..=dice.below(2)).map(|_| item(dice)).collect(), span: nowhere() }
}

pub(crate) fn policy_of(dice: &mut Dice<'_>) -> Policy {
    let mut taken = Vec::new();
    let families: Vec<Family> = (0..dice.below(4))
        .map(|index| {
            let mut patterns = dice.some(3, pattern);
            patterns.retain(|pattern| {
                !taken.contains(&pattern.text) && (taken.push(pattern.text.clone()), true).1
            });
            let aliases = if dice.once_in(3) {
                vec![Alias { id: format!("best-{index}-m5-a"), span: nowhere() }]
            } else {
                Vec::new()
            };
            Family {
                id: format!("family-{index}"),
                title: String::new(),
                patterns,
                aliases,
                span: nowhere(),
            }
        })
        .collect();
    let lists = lists(dice);
    let times = |dice: &mut Dice<'_>| if dice.once_in(4) { Some(dice.of(&TIMES)) } else { None };
    // Mostly a handful of rules, sometimes enough for several words.
    let many = if dice.once_in(8) { 60 } else { 5 };
    let restrictions: Vec<Restriction> = (0..=dice.below(many))
        .map(|index| Restriction {
            id: format!("r{index}"),
            models: models(dice, families.len()),
            authority: None,
            when: clause(dice),
            unless: if dice.once_in(2) { clause(dice) } else { None },
            from: times(dice),
            until: times(dice),
            message: String::new(),
            doubt_pass: dice.once_in(3),
            state: if dice.once_in(6) {
                dice.of(&[RuleState::Off, RuleState::Shadow])
            } else {
                RuleState::On
            },
            status: 403,
            span: nowhere(),
        })
        .collect();
    let licences: Vec<Licence> = (0..dice.below(many))
        .map(|index| {
            let mut lifts = vec![dice.below(restrictions.len())];
            lifts.extend(dice.some(4, |dice| dice.below(restrictions.len())));
            lifts.sort_unstable();
            lifts.dedup();
            Licence {
                id: format!("x{index}"),
                kind: LicenceKind::Licence,
                reference: String::new(),
                authority: None,
                lifts,
                models: if dice.once_in(2) { Some(models(dice, families.len())) } else { None },
                when: clause(dice),
                from: times(dice),
                until: times(dice),
                state: if dice.once_in(6) { RuleState::Off } else { RuleState::On },
                span: nowhere(),
            }
        })
        .collect();
    Policy {
        deployments: Vec::new(),
        id: "dice".to_owned(),
        title: String::new(),
        version: 1,
        expires: if dice.once_in(8) { Some(1_001) } else { None },
        unlisted: Unlisted::Defer,
        late_bound: LateBound::Defer,
        dialects: Vec::new(),
        authorities: Vec::new(),
        families,
        facts: facts(),
        lists,
        restrictions,
        licences,
        span: nowhere(),
    }
}

pub(crate) fn dialects(writer: &mut Writer) -> Result<WrittenDialects, CompileError> {
    for id in DIALECTS {
        let id = writer.text(id);
        writer.push(section::DIALECTS, &l::Dialect { id, ..Default::default() });
    }
    for (id, dialect) in OPERATIONS {
        let id = writer.text(id);
        let dialect = u16::try_from(dialect).unwrap();
        writer.push(
            section::OPERATIONS,
            &l::Operation {
                id,
                dialect,
                body_state: NONE,
                message_state: NONE,
                response_state: NONE,
                ..Default::default()
            },
        );
    }
    Ok(WrittenDialects { headers: l::Span { at: 0, len: 0 }, unknown_state: NONE })
}

/// Draws the values of facts: some absent, some of a wrong type.
fn account(dice: &mut Dice<'_>, known: bool) -> BTreeMap<String, Value<'static>> {
    const LISTS: [&[&str]; 5] = [&["US"], &["UA", "abc"], &["UA-43", "US"], &["nowhere"], &[]];
    let mut record = BTreeMap::new();
    for index in 0..8 {
        if !known && dice.once_in(3) {
            continue;
        }
        let kind = if !known && dice.once_in(10) { dice.below(8) } else { index };
        let value = match kind {
            0 | 7 => Value::Bool(dice.once_in(2)),
            1 => Value::Text(dice.of(&ENUM)),
            2 => Value::Text(dice.of(&["", "a", "ab", "abc", "abcd", "abd", "b", "z"])),
            3 => Value::Text(dice.of(&CODES)),
            4 if dice.once_in(2) => Value::Text(dice.of(&[
                "1970-01-01T00:00:01Z",
                "1970-01-01T00:00:01.001Z",
                "1969-12-31T00:00:00Z",
            ])),
            4 => Value::Number(dice.of(&[0.0, 1.0, 5.0, 1.0015])),
            5 => Value::List(if known { LISTS[dice.below(4)] } else { LISTS[dice.below(5)] }),
            _ => Value::Number(dice.of(&NUMBERS)),
        };
        record.insert(format!("f{index}"), value);
    }
    record
}

pub(crate) struct Caller {
    pub(crate) place: Place,
    pub(crate) network: Network,
    pub(crate) asn: Option<u32>,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) record: BTreeMap<String, Value<'static>>,
}

impl Caller {
    /// Returns what the reference evaluator knows of this caller.
    pub(crate) fn known(&self) -> Known<'_> {
        Known {
            place: self.place,
            network: self.network,
            asn: self.asn,
            ip: self.ip,
            account: self.record.iter().map(|(name, value)| (name.as_str(), *value)).collect(),
            ..Default::default()
        }
    }
}

pub(crate) fn caller(dice: &mut Dice<'_>) -> Caller {
    let code = dice.below(10);
    let place = match code {
        0 => Place::UNKNOWN,
        1 => Place { country: Some(*b"UA"), region: None },
        _ => place(CODES[code - 2]),
    };
    let ip = match dice.below(4) {
        0 => None,
        1 => Some(IpAddr::V6(Ipv6Addr::from(
            u128::from(dice.byte()) << 64 | u128::from(dice.byte()),
        ))),
        2 => Some(IpAddr::V6(Ipv4Addr::from(u32::from(dice.byte())).to_ipv6_mapped())),
        _ => Some(IpAddr::V4(Ipv4Addr::from(u32::from(dice.byte())))),
    };
    Caller {
        place,
        network: Network(dice.byte() & 7),
        asn: if dice.once_in(3) { None } else { Some(dice.of(&[0, 1, 100, 13_335])) },
        ip,
        record: account(dice, false),
    }
}
