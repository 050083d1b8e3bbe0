//! Compares the index with the reference evaluator, on random policies and callers.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;
use crate::analysis::reference::{Known, ReadAs, Reference, Setting};
use crate::bundle::view::OwnedBundle;
use crate::bundle::write::Writer;
use crate::compile::dialect::WrittenDialects;
use crate::compile::{CompileError, write_bundle};
use crate::facts::value::Value;
use crate::policy;
use crate::policy::model::{
    About, Alias, Atom, Clause, Comparison, Condition, ElementTest, Entries, Fact, FactKind,
    FactRef, Family, LateBound, Licence, LicenceKind, List, Literal, ModelRef, Models, Pattern,
    Policy, Range, Restriction, Shape, Span, Test, Token, Unlisted,
};

/// Draws random numbers from bytes, so that shrinking the bytes shrinks a failing case. After the
/// last byte every draw is 0.
struct Dice<'a>(&'a [u8]);

impl Dice<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, sides: usize) -> usize {
        if sides <= 1 { 0 } else { usize::from(self.byte()) % sides }
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    fn some<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }
}

const TEXTS: [&str; 6] = ["", "a", "ab", "abc", "abd", "b"];
const ENUM: [&str; 3] = ["none", "self", "document"];
const CODES: [&str; 8] = ["US", "UA", "UA-43", "UA-40", "UA-30", "IR", "CA-ON", "PR"];
const TIMES: [i64; 5] = [-1, 0, 1_000, 1_001, 5_000];
const NUMBERS: [f64; 6] = [-1.5, 0.0, 1.0, 1.5, 100.0, 13_335.0];
const OPERATIONS: [(&str, usize); 4] =
    [("chat", 0), ("chat.batch", 0), ("messages", 1), ("embed", 0)];
const DIALECTS: [&str; 2] = ["openai", "anthropic"];
const KEY: &[u8] = b"list key";

fn nowhere() -> Span {
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

fn policy_of(dice: &mut Dice<'_>) -> Policy {
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
                dice.of(&[policy::RuleState::Off, policy::RuleState::Shadow])
            } else {
                policy::RuleState::On
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
                state: if dice.once_in(6) { policy::RuleState::Off } else { policy::RuleState::On },
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

fn dialects(writer: &mut Writer) -> Result<WrittenDialects, CompileError> {
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

struct Caller {
    place: Place,
    network: Network,
    asn: Option<u32>,
    ip: Option<IpAddr>,
    record: BTreeMap<String, Value<'static>>,
}

fn caller(dice: &mut Dice<'_>) -> Caller {
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

fn bits(words: &[u64]) -> Vec<usize> {
    (0..words.len() * 64).filter(|bit| words[bit / 64] >> (bit % 64) & 1 == 1).collect()
}

/// Compares index and reference for one request.
fn agree(
    dice: &mut Dice<'_>,
    policy: &Policy,
    bundle: Bundle<'_>,
    evaluator: &mut Evaluator,
    setting: &mut Setting<'_>,
) {
    setting.now = dice.of(&[-1, 0, 1, 999, 1_000, 1_001, 2_000, 4_999, 5_000, 6_000]);
    setting.stale = dice.once_in(6);
    let most = if dice.once_in(10) { 10 } else { 3 };
    let callers: Vec<Caller> = dice.some(most, caller);
    let operation_matches: Vec<OperationMatch> = dice.some(2, |dice| match dice.below(5) {
        4 => OperationMatch { operation: NONE, dialect: u16::try_from(dice.below(3)).unwrap() },
        known => OperationMatch {
            operation: u32::try_from(known).unwrap(),
            dialect: u16::try_from(OPERATIONS[known].1).unwrap(),
        },
    });

    let known: Vec<Known<'_>> = callers
        .iter()
        .map(|caller| Known {
            place: caller.place,
            network: caller.network,
            asn: caller.asn,
            ip: caller.ip,
            account: caller.record.iter().map(|(name, value)| (name.as_str(), *value)).collect(),
            ..Default::default()
        })
        .collect();
    let read_as: Vec<ReadAs<'_>> = operation_matches
        .iter()
        .map(|found| ReadAs {
            operation: OPERATIONS.get(found.operation as usize).map_or("", |(id, _)| id),
            dialect: DIALECTS.get(usize::from(found.dialect)).copied().unwrap_or(""),
        })
        .collect();
    let expected = Reference::new(policy).denied_set(&known, &read_as, setting);

    let accounts: Vec<Account> = callers
        .iter()
        .map(|caller| {
            Account::classify(bundle, Some(KEY), |fact| {
                caller.record.get(&format!("f{fact}")).copied()
            })
        })
        .collect();
    let candidates: Vec<Candidate<'_>> = callers
        .iter()
        .zip(&accounts)
        .map(|(caller, account)| Candidate {
            place: caller.place,
            network: caller.network,
            asn: caller.asn,
            ip: caller.ip,
            account,
        })
        .collect();
    let denied_set =
        evaluator.denied_set(bundle, &candidates, &operation_matches, setting.now, setting.stale);
    let wanted: Vec<usize> = expected.denied_patterns().into_iter().collect();
    assert_eq!(
        bits(&denied_set.denied),
        wanted,
        "denied patterns of {policy:?}\nfor {known:#?}\n{read_as:?} {setting:?}"
    );
    let wanted: Vec<usize> = expected.shadow_patterns().into_iter().collect();
    assert_eq!(
        bits(&denied_set.shadow),
        wanted,
        "patterns in shadow of {policy:?}\nfor {known:#?}\n{read_as:?} {setting:?}"
    );

    let asked: Vec<u64> = if dice.once_in(2) {
        Vec::new()
    } else {
        denied_set.denied.iter().map(|_| u64::from(dice.byte())).collect()
    };
    let is_asked = |pattern: &usize| {
        asked.is_empty()
            || asked.get(pattern / 64).is_some_and(|word| word >> (pattern % 64) & 1 == 1)
    };
    let grounds = evaluator.grounds(
        bundle,
        &candidates,
        &operation_matches,
        setting.now,
        setting.stale,
        &asked,
    );
    let mut restrictions: Vec<usize> = expected
        .denied
        .iter()
        .filter(|(pattern, _)| is_asked(pattern))
        .flat_map(|(_, rules)| rules.iter().copied())
        .collect();
    restrictions.sort_unstable();
    restrictions.dedup();
    assert_eq!(
        grounds.restrictions.iter().map(|n| usize::from(*n)).collect::<Vec<_>>(),
        restrictions,
        "grounds of {policy:?}"
    );
    let licences: Vec<usize> = expected
        .lifted
        .iter()
        .filter(|(_, patterns)| patterns.iter().any(is_asked))
        .map(|(licence, _)| *licence)
        .collect();
    assert_eq!(
        grounds.licences.iter().map(|n| usize::from(*n)).collect::<Vec<_>>(),
        licences,
        "licences of {policy:?}"
    );
}

fn index_is_reference(bytes: &[u8]) {
    let mut dice = Dice(bytes);
    let policy = policy_of(&mut dice);
    let bundle = match write_bundle(&policy, Some(KEY), &mut dialects) {
        Ok(bundle) => OwnedBundle::new(bundle).expect("what is written is read"),
        Err(errors) => {
            assert!(
                errors.iter().all(|error| error.code() == "too_many_conjunctions"),
                "{errors:?}"
            );
            return;
        }
    };
    let bundle = bundle.view();
    let mut evaluator = Evaluator::new(bundle);
    let mut setting = Setting::default();
    for round in 0..6 {
        if round == 3 && dice.once_in(2) {
            let index = dice.below(policy.restrictions.len());
            let (own, other) = dice.of(&[
                (SwitchState::On, policy::RuleState::On),
                (SwitchState::Off, policy::RuleState::Off),
                (SwitchState::Shadow, policy::RuleState::Shadow),
            ]);
            let id = policy.restrictions[index].id.as_str();
            setting.switches.insert(id, other);
            assert!(evaluator.switch(bundle, id, own));
        }
        agree(&mut dice, &policy, bundle, &mut evaluator, &mut setting);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_is_the_reference(bytes in proptest::collection::vec(any::<u8>(), 0..1_600)) {
        index_is_reference(&bytes);
    }
}

proptest! {
    // Long inputs make many rules, several words, blocks of words.
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_is_the_reference_for_many_rules(bytes in proptest::collection::vec(any::<u8>(), 6_000..16_000)) {
        index_is_reference(&bytes);
    }
}

/// The tests above show little if most denied sets are empty or whole, so this one counts the kinds
/// that the dice make.
#[test]
fn the_dice_make_denied_sets_of_every_kind() {
    let mut state = 1u32;
    let (mut empty, mut some, mut licensed) = (0, 0, 0);
    for _ in 0..200 {
        let bytes: Vec<u8> = (0..1_200)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
            .collect();
        let mut dice = Dice(&bytes);
        let policy = policy_of(&mut dice);
        let reference = Reference::new(&policy);
        let caller = caller(&mut dice);
        let account = caller.record.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let known = Known {
            place: caller.place,
            network: caller.network,
            asn: caller.asn,
            ip: caller.ip,
            account,
            ..Default::default()
        };
        let denied_set = reference.denied_set(&[known], &[], &Setting::default());
        match denied_set.denied.len() {
            0 => empty += 1,
            denied if denied < reference.patterns().len() => some += 1,
            _ => {}
        }
        licensed += usize::from(!denied_set.lifted.is_empty());
    }
    assert!(
        empty > 10 && some > 50 && licensed > 20,
        "{empty} empty, {some} in part, {licensed} under licence, of 200"
    );
}

/// An account that outlives its bundle must not open anything under the next bundle.
#[test]
fn an_account_of_another_bundle_counts_as_unknown() {
    let policy = |condition| {
        let mut policy = policy_of(&mut Dice(&[]));
        let unless = Some(Clause { text: String::new(), condition, span: nowhere() });
        policy.restrictions[0] = Restriction {
            when: None,
            unless,
            doubt_pass: false,
            from: None,
            until: None,
            ..policy.restrictions[0].clone()
        };
        OwnedBundle::new(write_bundle(&policy, None, &mut dialects).unwrap()).unwrap()
    };
    let is_true = |fact| {
        Condition::Atom(Atom { fact: FactRef::Declared(fact), test: Test::IsTrue, span: nowhere() })
    };
    let (old, new) = (policy(is_true(0)), policy(is_true(7)));
    let account = |bundle| Account::classify(bundle, None, |fact| Some(Value::Bool(fact == 0)));
    let empty = |under: Bundle<'_>, account: &Account| {
        let candidate =
            Candidate { place: Place::UNKNOWN, network: Network(0), asn: None, ip: None, account };
        Evaluator::new(under).denied_set(under, &[candidate], &[], 0, false).is_empty()
    };
    assert!(empty(old.view(), &account(old.view())));
    assert!(!empty(new.view(), &account(new.view())));
    assert!(!empty(new.view(), &account(old.view())));
}
