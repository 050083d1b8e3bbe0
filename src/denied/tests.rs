//! Compares the index with the reference evaluator, on random policies and callers.

use proptest::prelude::*;

use super::*;
use crate::analysis::reference::{Known, ReadAs, Reference, Setting};
use crate::bundle::view::OwnedBundle;
use crate::compile::write_bundle;
use crate::facts::value::Value;
use crate::policy;
use crate::policy::model::{Atom, Clause, Condition, FactRef, Policy, Restriction, Test};
use crate::testing::dice::{
    Caller, DIALECTS, Dice, KEY, OPERATIONS, caller, dialects, nowhere, policy_of,
};

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

    let known: Vec<Known<'_>> = callers.iter().map(Caller::known).collect();
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
        let denied_set = reference.denied_set(&[caller.known()], &[], &Setting::default());
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
