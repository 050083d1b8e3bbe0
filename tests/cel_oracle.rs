//! The reference evaluator against independent results: the interpreter of the `cel` crate where
//! everything is known, and the laws of strong Kleene logic where something is unknown.

#![cfg(test)]

#[path = "support/generate/mod.rs"]
mod generate;

use std::net::IpAddr;

use cel::{Context, Program, Value};
use generate::{
    Caller, FACTS, LISTS, Owned, READINGS, TIMES, caller, callers, certain_caller, condition,
    moment, oracle_text, policy, vocabulary,
};
use portcullis::analysis::{Known, ReadAs, Reference, Setting, Truth};
use portcullis::policy::{Condition, Entries, FactRef, Policy, Range, RuleState};
use portcullis::{Network, Place, read_time};
use proptest::prelude::*;
use proptest::sample::select;

fn cases(count: u32) -> ProptestConfig {
    let cases =
        std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(count);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn code(place: Place) -> (String, String) {
    let country = String::from_utf8(place.country.unwrap().to_vec()).unwrap();
    let region = place.region.map_or(String::new(), |region| {
        let region: Vec<u8> = region.into_iter().take_while(|byte| *byte != 0).collect();
        format!("{country}-{}", String::from_utf8(region).unwrap())
    });
    (country, region)
}

/// Tests membership by the bits that all addresses of a range share, apart from the evaluator's
/// code.
fn listed(ip: IpAddr, ranges: &[Range]) -> bool {
    ranges.iter().any(|range| match (ip.to_canonical(), range) {
        (IpAddr::V4(ip), Range::V4(first, last)) => {
            let shared = (first ^ last).leading_zeros();
            (ip.to_bits() ^ first).leading_zeros() >= shared
        }
        (IpAddr::V6(ip), Range::V6(first, last)) => {
            let shared = (first ^ last).leading_zeros();
            (ip.to_bits() ^ first).leading_zeros() >= shared
        }
        _ => false,
    })
}

fn oracle(
    policy: &Policy,
    condition: &Condition,
    caller: &Caller,
    reading: (&str, &str),
    now: &str,
) -> bool {
    let mut context = Context::default();
    let mut set = |name: &str, value: Value| context.add_variable_from_value(name, value);
    let list = |texts: Vec<String>| {
        Value::from(texts.into_iter().map(Value::from).collect::<Vec<Value>>())
    };
    let (country, region) = code(caller.place);
    set("place_country", country.clone().into());
    set("place_region", region.clone().into());
    set("country", country.into());
    set("region", region.into());
    set("asn", f64::from(caller.asn.unwrap()).into());
    set("operation", reading.0.to_owned().into());
    set("dialect", reading.1.to_owned().into());
    set("now", now.to_owned().into());
    let kinds = Network::KINDS.iter().enumerate().filter(|(bit, _)| caller.network >> bit & 1 == 1);
    set("network", list(kinds.map(|(_, kind)| (*kind).to_owned()).collect()));
    for ((name, _), value) in FACTS.iter().zip(&caller.account) {
        match value.as_ref().unwrap() {
            Owned::Bool(value) => set(name, (*value).into()),
            Owned::Number(value) => set(name, (*value).into()),
            Owned::Text(text) if *name == "billing" => {
                let (country, region) = code(portcullis::read_code(text).unwrap());
                set("billing_country", country.into());
                set("billing_region", region.into());
            }
            Owned::Text(text) => set(name, (*text).to_owned().into()),
            Owned::List(texts) => {
                set(name, list(texts.iter().map(|text| (*text).to_owned()).collect()))
            }
        }
    }
    for (name, declared) in LISTS.iter().zip(&policy.lists) {
        match &declared.entries {
            Entries::Places(places) => set(
                name,
                list(
                    places
                        .iter()
                        .map(|place| match code(*place) {
                            (country, region) if region.is_empty() => country,
                            (_, region) => region,
                        })
                        .collect(),
                ),
            ),
            Entries::Texts(texts) => set(name, list(texts.clone())),
            Entries::Numbers(numbers) => {
                set(
                    name,
                    Value::from(numbers.iter().copied().map(Value::from).collect::<Vec<Value>>()),
                );
            }
            Entries::Ranges(ranges) => set("ip_listed", listed(caller.ip.unwrap(), ranges).into()),
        }
    }
    let text = oracle_text(condition);
    match Program::compile(&text).expect("a condition of the subset is CEL").execute(&context) {
        Ok(Value::Bool(value)) => value,
        other => panic!("{text}\ngave {other:?}"),
    }
}

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn where_all_is_known_the_reference_is_cel(
        policy in vocabulary(),
        condition in condition(),
        caller in certain_caller(),
        reading in select(&READINGS[..]),
        now in select(&TIMES[..]),
    ) {
        let reference = Reference::new(&policy);
        let known = Known { operation: reading.0, dialect: reading.1, ..caller.known(read_time(now).unwrap()) };
        let expected = Truth::from(oracle(&policy, &condition, &caller, reading, now));
        prop_assert_eq!(reference.truth(&condition, &known), expected, "{}", oracle_text(&condition));
    }
}

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn what_becomes_known_never_turns_one_certainty_into_another(
        policy in vocabulary(),
        condition in condition(),
        caller in caller(),
        mask in any::<u32>(),
        now in moment(),
    ) {
        let reference = Reference::new(&policy);
        let less = caller.without(mask);
        let before = reference.truth(&condition, &less.known(now));
        let after = reference.truth(&condition, &caller.known(now));
        prop_assert!(before == Truth::Unknown || before == after, "{before:?} became {after:?}");
    }

    #[test]
    fn the_laws_of_kleene_hold_and_no_others_are_used(
        policy in vocabulary(),
        (a, b, c) in (condition(), condition(), condition()),
        caller in caller(),
        now in moment(),
    ) {
        let reference = Reference::new(&policy);
        let known = caller.known(now);
        let truth = |condition: &Condition| reference.truth(condition, &known);
        let not = |inner: &Condition| Condition::Not(Box::new(inner.clone()));
        let and = |x: &Condition, y: &Condition| Condition::And(vec![x.clone(), y.clone()]);
        let or = |x: &Condition, y: &Condition| Condition::Or(vec![x.clone(), y.clone()]);
        prop_assert_eq!(truth(&not(&not(&a))), truth(&a));
        prop_assert_eq!(truth(&not(&and(&a, &b))), truth(&or(&not(&a), &not(&b))));
        prop_assert_eq!(truth(&not(&or(&a, &b))), truth(&and(&not(&a), &not(&b))));
        prop_assert_eq!(truth(&and(&a, &or(&b, &c))), truth(&or(&and(&a, &b), &and(&a, &c))));
        prop_assert_eq!(truth(&or(&a, &and(&b, &c))), truth(&and(&or(&a, &b), &or(&a, &c))));
        prop_assert_eq!(truth(&or(&a, &and(&a, &b))), truth(&a));
        prop_assert_eq!(truth(&and(&a, &b)), truth(&and(&b, &a)));
        // The law of excluded middle does not hold: `a || !a` is unknown where `a` is.
        let middle = truth(&or(&a, &not(&a)));
        prop_assert_eq!(middle, if truth(&a) == Truth::Unknown { Truth::Unknown } else { Truth::True });
    }

    #[test]
    fn a_denied_set_grows_with_doubt_and_shrinks_with_licences(
        policy in policy(),
        callers in callers(),
        reading in select(&READINGS[..]),
        now in moment(),
    ) {
        let reference = Reference::new(&policy);
        let known: Vec<Known<'_>> = callers.iter().map(|caller| caller.known(now)).collect();
        let readings = [ReadAs { operation: reading.0, dialect: reading.1 }];
        let setting = Setting { now, ..Setting::default() };
        let stale = Setting { now, stale: true, ..Setting::default() };
        let denied_set = reference.denied_set(&known, &readings, &setting);
        let doubted = reference.denied_set(&known, &readings, &stale);
        prop_assert!(denied_set.denied_patterns().is_subset(&doubted.denied_patterns()), "staleness opened something");
        prop_assert!(denied_set.shadow_patterns().is_subset(&doubted.shadow_patterns()));

        let mut union = std::collections::BTreeSet::new();
        for one in &known {
            union.extend(reference.denied_set(std::slice::from_ref(one), &readings, &setting).denied_patterns());
        }
        prop_assert!(union.is_subset(&denied_set.denied_patterns()), "a candidate is denied what all together are not");
        if !reference.is_stale(known.len(), &setting) {
            prop_assert_eq!(&union, &denied_set.denied_patterns());
        }

        let unlicensed = Policy { licences: Vec::new(), ..policy.clone() };
        let without = Reference::new(&unlicensed).denied_set(&known, &readings, &setting);
        // Without licences, patterns that only licences name have no bit. The others keep their
        // order, so this compares texts.
        let texts = |reference: &Reference<'_>, patterns: std::collections::BTreeSet<usize>| -> std::collections::BTreeSet<String> {
            patterns.into_iter().map(|pattern| reference.patterns()[pattern].text.clone()).collect()
        };
        let kept: std::collections::BTreeSet<String> = texts(&reference, denied_set.denied_patterns());
        let all = texts(&Reference::new(&unlicensed), without.denied_patterns());
        let declared: std::collections::BTreeSet<String> =
            Reference::new(&unlicensed).patterns().iter().map(|key| key.text.clone()).collect();
        prop_assert!(kept.intersection(&declared).all(|text| all.contains(text)), "a licence closed something");

        // A rule that is switched off has no effect. A rule that is switched to shadow moves there
        // whole.
        let off = Setting { now, switches: policy.restrictions.iter().map(|r| (r.id.as_str(), RuleState::Off)).collect(), ..Setting::default() };
        let none = reference.denied_set(&known, &readings, &off);
        prop_assert!(none.denied.is_empty() && none.shadow.is_empty());
        let shadow = Setting { now, switches: policy.restrictions.iter().map(|r| (r.id.as_str(), RuleState::Shadow)).collect(), ..Setting::default() };
        let on = Setting { now, switches: policy.restrictions.iter().map(|r| (r.id.as_str(), RuleState::On)).collect(), ..Setting::default() };
        prop_assert_eq!(
            reference.denied_set(&known, &readings, &shadow).shadow_patterns(),
            reference.denied_set(&known, &readings, &on).denied_patterns()
        );
    }
}

#[test]
fn every_fact_type_can_be_unknown_true_and_false() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    // An evaluator that always says "unknown" would pass the properties above. This test shows that
    // the generators produce each truth value for each fact.
    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..4_000 {
        let policy = vocabulary().new_tree(&mut runner).unwrap().current();
        let reference = Reference::new(&policy);
        let condition = condition().new_tree(&mut runner).unwrap().current();
        let caller = caller().new_tree(&mut runner).unwrap().current();
        let reading = select(&READINGS[..]).new_tree(&mut runner).unwrap().current();
        let now = moment().new_tree(&mut runner).unwrap().current();
        let known = Known { operation: reading.0, dialect: reading.1, ..caller.known(now) };
        let mut visit = vec![&condition];
        while let Some(condition) = visit.pop() {
            match condition {
                Condition::Atom(atom) => {
                    seen.insert((atom.fact, reference.atom(atom, &known)));
                }
                Condition::Not(inner) => visit.push(inner),
                Condition::And(all) | Condition::Or(all) => visit.extend(all),
                Condition::True | Condition::False => {}
            }
        }
    }
    let always_known = [FactRef::Network, FactRef::Operation, FactRef::Dialect, FactRef::Now];
    let built_in = [FactRef::Place, FactRef::Country, FactRef::Region, FactRef::Asn, FactRef::Ip]
        .into_iter()
        .chain(always_known);
    for fact in (0..FACTS.len()).map(FactRef::Declared).chain(built_in) {
        for truth in [Truth::True, Truth::False, Truth::Unknown] {
            let never = truth == Truth::Unknown && always_known.contains(&fact);
            assert_eq!(seen.contains(&(fact, truth)), !never, "{fact:?} {truth:?}");
        }
    }
}
