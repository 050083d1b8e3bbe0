//! Random callers as account records and platforms describe them: complete, faulty or with nothing
//! known.

use std::net::IpAddr;

use portcullis::analysis::{Known, Subject};
use portcullis::{Network, Place, Value, read_code, read_time};
use proptest::prelude::*;
use proptest::sample::select;

use super::{ADDRESSES, ASNS, CODES, FACTS, FULL_CODES, NUMBERS, RELATIONS, TEXTS, TIMES};

/// A raw value of a fact. It owns its data.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Owned {
    Bool(bool),
    Number(f64),
    Text(&'static str),
    List(Vec<&'static str>),
}

impl Owned {
    pub(crate) fn value(&self) -> Value<'_> {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(value) => Value::Number(*value),
            Self::Text(text) => Value::Text(text),
            Self::List(elements) => Value::List(elements),
        }
    }
}

/// A candidate caller.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Caller {
    pub(crate) place: Place,
    pub(crate) network: u8,
    pub(crate) asn: Option<u32>,
    pub(crate) ip: Option<IpAddr>,
    /// By index into [`FACTS`].
    pub(crate) account: [Option<Owned>; FACTS.len()],
    pub(crate) subject: Subject,
}

impl Caller {
    /// Returns the input of the reference evaluator at instant `now`.
    pub(crate) fn known(&self, now: i64) -> Known<'_> {
        let account = FACTS
            .iter()
            .zip(&self.account)
            .filter_map(|((name, _), value)| Some((*name, value.as_ref()?.value())));
        Known {
            place: self.place,
            network: Network(self.network),
            asn: self.asn,
            ip: self.ip,
            account: account.collect(),
            subject: self.subject,
            now,
            ..Known::default()
        }
    }

    /// Returns the same caller without the facts whose bits are set in `mask`.
    pub(crate) fn without(&self, mask: u32) -> Self {
        let mut less = self.clone();
        let drops = |bit: usize| mask >> bit & 1 == 1;
        for (bit, value) in less.account.iter_mut().enumerate() {
            if drops(bit) {
                *value = None;
            }
        }
        if drops(FACTS.len()) {
            less.place.region = None;
        }
        if drops(FACTS.len() + 1) {
            less.place = Place::UNKNOWN;
        }
        if drops(FACTS.len() + 2) {
            less.asn = None;
        }
        if drops(FACTS.len() + 3) {
            less.ip = None;
        }
        if drops(FACTS.len() + 4) {
            less.subject = Subject::Entity;
        }
        less
    }
}

/// An instant of [`TIMES`], or one far from all of them.
pub(crate) fn moment() -> BoxedStrategy<i64> {
    prop_oneof![8 => select(&TIMES[..]).prop_map(|text| read_time(text).unwrap()), 1 => Just(0), 1 => Just(i64::MAX / 4)].boxed()
}

fn place() -> BoxedStrategy<Place> {
    prop_oneof![
        1 => Just(Place::UNKNOWN),
        4 => select(&CODES[..]).prop_map(|code| read_code(code).unwrap()),
        1 => Just(Place { country: Some(*b"US"), region: Some(*b"NY\0") }),
        1 => Just(Place { country: Some(*b"UA"), region: Some(*b"4\0\0") }),
        1 => Just(Place { country: Some(*b"FR"), region: None }),
    ]
    .boxed()
}

fn text() -> BoxedStrategy<&'static str> {
    prop_oneof![3 => select(&TEXTS[..]), 1 => select(&CODES[..]), 1 => Just("acme-labs-europe"), 1 => Just("us-tx"), 1 => Just("XX")]
    .boxed()
}

fn time() -> BoxedStrategy<Owned> {
    prop_oneof![
        4 => select(&TIMES[..]).prop_map(Owned::Text),
        2 => select(&TIMES[..]).prop_map(|text| {
            // A JWT gives seconds since the epoch.
            Owned::Number(read_time(text).unwrap().div_euclid(1_000) as f64)
        }),
        1 => Just(Owned::Text("2026-06-12")),
        1 => Just(Owned::Number(1_781_299_260.000_5)),
        1 => Just(Owned::Number(1e300)),
        1 => Just(Owned::Number(f64::NAN)),
    ]
    .boxed()
}

fn any_value() -> BoxedStrategy<Owned> {
    prop_oneof![
        any::<bool>().prop_map(Owned::Bool),
        select(&NUMBERS[..]).prop_map(Owned::Number),
        select(&[f64::INFINITY, f64::NAN, -0.0, 3.0][..]).prop_map(Owned::Number),
        text().prop_map(Owned::Text),
        select(&["true", "1", "2026-06-26T00:00:00Z", "nobody"][..]).prop_map(Owned::Text),
        time(),
        prop::collection::vec(text(), 0..4).prop_map(Owned::List),
        Just(Owned::List(vec!["acme"; 256])),
        Just(Owned::List(vec!["acme"; 257])),
    ]
    .boxed()
}

fn fitting(fact: usize) -> BoxedStrategy<Owned> {
    match fact {
        0 | 1 => any::<bool>().prop_map(Owned::Bool).boxed(),
        2 => select(&RELATIONS[..]).prop_map(Owned::Text).boxed(),
        3 => text().prop_map(Owned::Text).boxed(),
        4 => select(&CODES[..]).prop_map(Owned::Text).boxed(),
        5 | 6 => time().boxed(),
        7 => prop::collection::vec(prop_oneof![5 => select(&CODES[..]), 1 => text()], 0..4)
            .prop_map(Owned::List)
            .boxed(),
        8 => prop::collection::vec(text(), 0..4).prop_map(Owned::List).boxed(),
        _ => select(&NUMBERS[..]).prop_map(Owned::Number).boxed(),
    }
}

fn account() -> BoxedStrategy<[Option<Owned>; FACTS.len()]> {
    let fact = |index| {
        prop_oneof![2 => Just(None), 6 => fitting(index).prop_map(Some), 1 => any_value().prop_map(Some)].boxed()
    };
    ((fact(0), fact(1), fact(2), fact(3), fact(4)), (fact(5), fact(6), fact(7), fact(8), fact(9)))
        .prop_map(|((a, b, c, d, e), (f, g, h, i, j))| [a, b, c, d, e, f, g, h, i, j])
        .boxed()
}

/// Any caller.
pub(crate) fn caller() -> BoxedStrategy<Caller> {
    let subject = prop_oneof![4 => Just(Subject::Person), 1 => Just(Subject::Entity), 1 => Just(Subject::AllUsersAttested)];
    let asn = prop::option::of(prop_oneof![4 => select(&ASNS[..]), 1 => any::<u32>()]);
    let ip = prop::option::of(select(&ADDRESSES[..]).prop_map(|text| text.parse().unwrap()));
    (place(), 0..64_u8, asn, ip, account(), subject)
        .prop_map(|(place, network, asn, ip, account, subject)| Caller {
            place,
            network,
            asn,
            ip,
            account,
            subject,
        })
        .boxed()
}

/// The candidates of one request: mostly one or two, sometimes more than are decided one by one.
pub(crate) fn callers() -> BoxedStrategy<Vec<Caller>> {
    prop_oneof![
        6 => prop::collection::vec(caller(), 1..=1),
        3 => prop::collection::vec(caller(), 2..=3),
        1 => prop::collection::vec(caller(), 7..=10),
    ]
    .boxed()
}

/// A caller about whom everything is known, so no atom is unknown.
pub(crate) fn certain_caller() -> BoxedStrategy<Caller> {
    let code = || select(&FULL_CODES[..]);
    let account = (
        (any::<bool>(), any::<bool>(), select(&RELATIONS[..]), text(), code()),
        (select(&TIMES[..]), select(&TIMES[..])),
        prop::collection::vec(code(), 1..4),
        prop::collection::vec(code(), 1..4),
        select(&NUMBERS[..]),
    )
        .prop_map(
            |(
                (us, employee, relation, org, billing),
                (until, granted),
                citizenships,
                tags,
                score,
            )| {
                [
                    Owned::Bool(us),
                    Owned::Bool(employee),
                    Owned::Text(relation),
                    Owned::Text(org),
                    Owned::Text(billing),
                    Owned::Text(until),
                    Owned::Text(granted),
                    Owned::List(citizenships),
                    Owned::List(tags),
                    Owned::Number(score),
                ]
                .map(Some)
            },
        );
    let ip = select(&ADDRESSES[..]).prop_map(|text| text.parse::<IpAddr>().unwrap());
    (code(), 0..64_u8, select(&ASNS[..]), ip, account)
        .prop_map(|(place, network, asn, ip, account)| Caller {
            place: read_code(place).unwrap(),
            network,
            asn: Some(asn),
            ip: Some(ip),
            account,
            subject: Subject::Person,
        })
        .boxed()
}
