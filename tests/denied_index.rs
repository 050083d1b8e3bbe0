//! The bit-vector index against the reference evaluator: the same denied set and the same grounds
//! for random policies and callers.
//!
//! One evaluator decides several requests in a row, with other instants, switches and operation
//! matches, so state that it kept from an earlier request would show.

#![cfg(test)]

#[path = "support/generate/mod.rs"]
mod generate;

use std::collections::BTreeSet;

use generate::{Caller, Owned, SECRET_LIST, callers, moment, policy_of};
use portcullis::analysis::{Known, ReadAs, Reference, ReferenceDeniedSet, Setting, Subject};
use portcullis::policy::{About, Condition, ElementTest, Policy, RuleState, Test};
use portcullis::{Account, Bundle, Candidate, Evaluator, OwnedBundle, route};
use proptest::prelude::*;
use proptest::sample::{Index, select};

const LIST_KEY: &[u8] = b"the deployment's key of secret lists";

/// A request line, and the operation it is in each dialect.
#[derive(Clone, Copy, Debug)]
struct Target {
    method: &'static str,
    path: &'static str,
    openai: Option<&'static str>,
    anthropic: Option<&'static str>,
}

const fn target(
    method: &'static str,
    path: &'static str,
    openai: Option<&'static str>,
    anthropic: Option<&'static str>,
) -> Target {
    Target { method, path, openai, anthropic }
}

const TARGETS: [Target; 6] = [
    target("POST", "/v1/chat/completions", Some("createChatCompletion"), None),
    target("POST", "/v1/responses", Some("createResponse"), None),
    target("POST", "/v1/embeddings", Some("createEmbedding"), None),
    target("POST", "/v1/messages", None, Some("Messages.create")),
    target("GET", "/v1/models", Some("listModels"), Some("Models.list")),
    target("POST", "/v1/nobody/knows/this", None, None),
];

impl Target {
    /// Returns how the gate reads the target: the operation of each guarded dialect that knows it,
    /// or an unknown operation of every guarded dialect if no dialect does.
    fn readings<'p>(&self, policy: &'p Policy) -> Vec<ReadAs<'p>> {
        let guarded = || policy.dialects.iter().map(|dialect| dialect.id.as_str());
        let operation =
            |dialect: &str| if dialect == "openai" { self.openai } else { self.anthropic };
        let known: Vec<ReadAs<'_>> = guarded()
            .filter_map(|dialect| Some(ReadAs { operation: operation(dialect)?, dialect }))
            .collect();
        if known.is_empty() {
            guarded().map(|dialect| ReadAs { operation: "", dialect }).collect()
        } else {
            known
        }
    }
}

/// A policy that guards Anthropic's API alone. Compiling OpenAI's dialect takes most of a case's
/// time.
fn light(restrictions: usize, licences: usize) -> BoxedStrategy<Policy> {
    let only = |mut policy: Policy| {
        policy.dialects.retain(|dialect| dialect.id == "anthropic");
        policy
    };
    policy_of(restrictions, licences).prop_map(only).boxed()
}

#[derive(Clone, Debug)]
struct Request {
    callers: Vec<Caller>,
    target: Target,
    now: i64,
    stale: bool,
    switches: Vec<(bool, Index, RuleState)>,
}

fn request() -> BoxedStrategy<Request> {
    let state = select(&[RuleState::On, RuleState::Off, RuleState::Shadow][..]);
    let switches = prop_oneof![
        3 => Just(Vec::new()),
        1 => prop::collection::vec((any::<bool>(), any::<Index>(), state), 1..4),
    ];
    (callers(), select(&TARGETS[..]), moment(), prop::bool::weighted(0.15), switches)
        .prop_map(|(callers, target, now, stale, switches)| Request {
            callers,
            target,
            now,
            stale,
            switches,
        })
        .boxed()
}

/// The switches of a request by rule id. A licence has no shadow state.
fn switches(policy: &Policy, request: &Request) -> Vec<(String, RuleState)> {
    let named = request.switches.iter().filter_map(|(licence, at, state)| {
        let ids: Vec<&String> = if *licence {
            policy.licences.iter().map(|rule| &rule.id).collect()
        } else {
            policy.restrictions.iter().map(|rule| &rule.id).collect()
        };
        let id = ids.get(at.index(ids.len().max(1)))?;
        (!(*licence && *state == RuleState::Shadow)).then(|| ((*id).clone(), *state))
    });
    named.collect()
}

fn classify(bundle: Bundle<'_>, policy: &Policy, key: Option<&[u8]>, caller: &Caller) -> Account {
    Account::classify(bundle, key, |fact| {
        let about = policy.facts[usize::from(fact)].about;
        let withheld = about == About::Person && caller.subject == Subject::Entity;
        let value = caller.account[usize::from(fact)].as_ref().filter(|_| !withheld);
        value.map(Owned::value)
    })
}

fn bits(words: &[u64]) -> BTreeSet<usize> {
    (0..words.len() * 64).filter(|bit| words[bit / 64] >> (bit % 64) & 1 == 1).collect()
}

fn numbers(list: &[u16]) -> BTreeSet<usize> {
    list.iter().map(|number| usize::from(*number)).collect()
}

fn check(policy: &Policy, requests: &[Request], key: Option<&[u8]>) -> Result<(), TestCaseError> {
    let Ok(bytes) = portcullis::compile(policy, Some(LIST_KEY)) else {
        // The condition has more conjunctions than the compiler allows, which is rare.
        return Err(TestCaseError::reject("too many conjunctions"));
    };
    let bundle = OwnedBundle::new(bytes).expect("what the compiler writes can be read");
    let bundle = bundle.view();
    // A secret list without its key leaves every test of it unknown.
    let without_key;
    let meant = if key.is_some() {
        policy
    } else {
        without_key = blind(policy);
        &without_key
    };
    let reference = Reference::new(meant);
    let mut evaluator = Evaluator::new(bundle);
    for request in requests {
        let switched = switches(policy, request);
        evaluator.unswitch();
        for (rule, state) in &switched {
            let state = match state {
                RuleState::On => portcullis::SwitchState::On,
                RuleState::Off => portcullis::SwitchState::Off,
                RuleState::Shadow => portcullis::SwitchState::Shadow,
            };
            prop_assert!(evaluator.switch(bundle, rule, state), "there is no rule {}", rule);
        }
        let accounts: Vec<Account> =
            request.callers.iter().map(|caller| classify(bundle, policy, key, caller)).collect();
        let candidates: Vec<Candidate<'_>> = request
            .callers
            .iter()
            .zip(&accounts)
            .map(|(caller, account)| Candidate {
                place: caller.place,
                network: portcullis::Network(caller.network),
                asn: caller.asn,
                ip: caller.ip,
                account,
            })
            .collect();
        let route = route(bundle, request.target.method, request.target.path);
        let known: Vec<Known<'_>> =
            request.callers.iter().map(|caller| caller.known(request.now)).collect();
        let readings = request.target.readings(policy);
        let setting = Setting {
            now: request.now,
            stale: request.stale,
            switches: switched.iter().map(|(rule, state)| (rule.as_str(), *state)).collect(),
        };
        let expected = reference.denied_set(&known, &readings, &setting);

        let denied_set = evaluator
            .denied_set(bundle, &candidates, &route.operation_matches, request.now, request.stale)
            .clone();
        prop_assert_eq!(bits(&denied_set.denied), expected.denied_patterns(), "denied patterns");
        prop_assert_eq!(
            bits(&denied_set.shadow),
            expected.shadow_patterns(),
            "patterns denied in the shadow"
        );
        prop_assert_eq!(denied_set.is_empty(), expected.denied.is_empty());
        prop_assert_eq!(
            denied_set.is_everything(bundle),
            expected.denied.len() == reference.patterns().len()
        );

        let all = vec![u64::MAX; denied_set.denied.len()];
        // The grounds of each of the first eight patterns alone, and of all patterns together.
        let mut asked = vec![all];
        asked.extend((0..reference.patterns().len().min(8)).map(|pattern| {
            let mut mask = vec![0; denied_set.denied.len()];
            mask[pattern / 64] |= 1 << (pattern % 64);
            mask
        }));
        for mask in asked {
            let grounds = evaluator.grounds(
                bundle,
                &candidates,
                &route.operation_matches,
                request.now,
                request.stale,
                &mask,
            );
            let (restrictions, licences) = grounds_of(&expected, &bits(&mask));
            prop_assert_eq!(
                numbers(&grounds.restrictions),
                restrictions,
                "restrictions behind the denied set"
            );
            prop_assert_eq!(numbers(&grounds.licences), licences, "licences that lifted");
        }
    }
    Ok(())
}

fn grounds_of(
    denied_set: &ReferenceDeniedSet,
    asked: &BTreeSet<usize>,
) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let restrictions = denied_set
        .denied
        .iter()
        .filter(|(pattern, _)| asked.contains(pattern))
        .flat_map(|(_, by)| by.clone());
    let licences = denied_set
        .lifted
        .iter()
        .filter(|(_, patterns)| !patterns.is_disjoint(asked))
        .map(|(licence, _)| *licence);
    (restrictions.collect(), licences.collect())
}

/// Returns the policy with every test of the secret list unknown.
fn blind(policy: &Policy) -> Policy {
    fn element(test: &mut ElementTest) {
        match test {
            ElementTest::InList(list) if *list == SECRET_LIST => *list = usize::MAX,
            ElementTest::Not(inner) => element(inner),
            ElementTest::And(all) | ElementTest::Or(all) => all.iter_mut().for_each(element),
            _ => {}
        }
    }
    fn condition(of: &mut Condition) {
        match of {
            Condition::Atom(atom) => match &mut atom.test {
                Test::InList(list) if *list == SECRET_LIST => *list = usize::MAX,
                Test::Exists(test) | Test::All(test) => element(test),
                _ => {}
            },
            Condition::Not(inner) => condition(inner),
            Condition::And(all) | Condition::Or(all) => all.iter_mut().for_each(condition),
            Condition::True | Condition::False => {}
        }
    }
    let mut blind = policy.clone();
    for rule in &mut blind.restrictions {
        rule.when
            .iter_mut()
            .chain(&mut rule.unless)
            .for_each(|clause| condition(&mut clause.condition));
    }
    for rule in &mut blind.licences {
        rule.when.iter_mut().for_each(|clause| condition(&mut clause.condition));
    }
    blind
}

fn cases(count: u32) -> ProptestConfig {
    let cases =
        std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(count);
    ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..ProptestConfig::default()
    }
}

fn requests(most: usize) -> BoxedStrategy<Vec<Request>> {
    prop::collection::vec(request(), 1..=most).boxed()
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn a_few_rules(policy in light(4, 4), requests in requests(16)) {
        check(&policy, &requests, Some(LIST_KEY))?;
    }

    #[test]
    fn a_few_rules_without_the_list_key(policy in light(3, 3), requests in requests(12)) {
        check(&policy, &requests, None)?;
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn two_dialects_that_share_paths(policy in policy_of(4, 4), requests in requests(24)) {
        check(&policy, &requests, Some(LIST_KEY))?;
    }

    #[test]
    fn so_many_rules_that_they_fill_several_words(policy in light(60, 60), requests in requests(16)) {
        check(&policy, &requests, Some(LIST_KEY))?;
    }
}

/// Shows that the random cases are worth something: they deny, lift, and differ between requests.
#[test]
fn random_cases_cover_every_kind_of_outcome() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let (mut empty, mut some, mut all, mut shadow, mut lifted, mut unlisted_only) =
        (0, 0, 0, 0, 0, 0);
    for _ in 0..600 {
        let policy = policy_of(4, 4).new_tree(&mut runner).unwrap().current();
        let request = request().new_tree(&mut runner).unwrap().current();
        let reference = Reference::new(&policy);
        let known: Vec<Known<'_>> =
            request.callers.iter().map(|caller| caller.known(request.now)).collect();
        let denied_set =
            reference.denied_set(&known, &[], &Setting { now: request.now, ..Setting::default() });
        empty += usize::from(denied_set.denied.is_empty());
        all += usize::from(denied_set.denied.len() == reference.patterns().len());
        some += usize::from(
            !denied_set.denied.is_empty() && denied_set.denied.len() < reference.patterns().len(),
        );
        shadow += usize::from(!denied_set.shadow.is_empty());
        lifted += usize::from(!denied_set.lifted.is_empty());
        unlisted_only +=
            usize::from(denied_set.denied.len() == 1 && denied_set.denied.contains_key(&0));
    }
    assert!(
        empty > 60 && some > 60 && all > 20 && shadow > 20 && lifted > 60,
        "{empty} {some} {all} {shadow} {lifted}"
    );
    assert!(unlisted_only < 100);
}
