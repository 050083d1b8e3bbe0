use super::*;
use crate::bundle::view::OwnedBundle;
use crate::denied::{Candidate, Evaluator};
use crate::facts::account::Account;
use crate::facts::network::Network;
use crate::facts::place::Place;
use crate::facts::value::Value;
use crate::policy::model::{Atom, Comparison, Condition, FactRef, Literal, Restriction};
use crate::policy::{Options, Source, load};

/// Returns a policy with these rules, not yet compiled.
fn policy(rules: &str) -> Policy {
    let head = r#"
        format = 1
        [policy]
        id = "trial"
        title = "A trial"
        version = 1
        dialects = ["anthropic"]
        [models.mythos]
        ids = ["mythos-5"]
        [models.open]
        ids = ["mythos-5-mini"]
        [facts]
        org = { type = "text", claim = "/org" }
        age = { type = "number", claim = "/age" }
        [lists.partners]
        kind = "text"
        values = ["Acme Research GmbH", "Initech"]
        secret = true
        [lists.ranges]
        kind = "cidr"
        values = ["192.0.2.0/25", "192.0.2.128/25", "198.51.100.0/24", "2001:db8::/32"]
    "#;
    let loaded =
        load(vec![Source::new("trial.toml", format!("{head}{rules}"))], &mut Options::default());
    loaded.policy.unwrap_or_else(|| panic!("{:?}", loaded.problems))
}

fn rule(when: &str) -> String {
    format!("[[restrictions]]\nid = \"r\"\nmodels = [\"mythos\"]\nwhen = '{when}'\n")
}

#[test]
fn the_same_policy_gives_the_same_bytes() {
    let text = rule("org in partners || age > 3.0 || ip in ranges");
    let first = compile(&policy(&text), Some(b"key")).unwrap();
    assert_eq!(first, compile(&policy(&text), Some(b"key")).unwrap());
}

#[test]
fn names_of_secret_lists_never_travel() {
    let policy = policy(&rule("org in partners"));
    let errors = compile(&policy, None).unwrap_err();
    assert_eq!(errors.iter().map(CompileError::code).collect::<Vec<_>>(), ["list_key_missing"]);
    assert!(
        errors[0].help().unwrap().contains("--list-key") && errors[0].span().is_some(),
        "{}",
        errors[0]
    );

    let bytes = compile(&policy, Some(b"key")).unwrap();
    assert!(!bytes.windows(4).any(|window| window == b"Acme"));
    let owned = OwnedBundle::new(bytes).unwrap();
    let bundle = owned.view();
    let class = |key: Option<&[u8]>, org: &'static str| {
        Account::classify(bundle, key, |_| Some(Value::Text(org)))
    };
    let unknown = Account::unknown(bundle);
    assert_ne!(class(Some(b"key"), "Initech"), class(Some(b"key"), "Hooli"));
    assert_eq!(class(None, "Initech"), unknown, "without the key the class is unknown");
    assert_eq!(class(Some(b"another"), "Hooli"), unknown, "nor with a wrong one");
}

#[test]
fn a_condition_that_multiplies_out_names_its_rule() {
    let pairs: Vec<String> =
        (0..13).map(|n| format!("(org == \"a{n}\" || age == {n}.0)")).collect();
    let errors = compile(&policy(&rule(&pairs.join(" && "))), None).unwrap_err();
    assert!(
        matches!(&errors[..], [CompileError::TooManyConjunctions { rule, limit: 4_096, .. }] if rule == "r"),
        "{errors:?}"
    );
}

#[test]
fn ranges_that_touch_are_one_and_mapped_addresses_are_plain() {
    let owned = OwnedBundle::new(compile(&policy(&rule("ip in ranges")), None).unwrap()).unwrap();
    let bundle = owned.view();
    let four: Vec<_> = bundle
        .table::<l::Cidr4>(section::CIDR4)
        .iter()
        .map(|range| (range.first, range.last))
        .collect();
    assert_eq!(four, [(0xc000_0200, 0xc000_02ff), (0xc633_6400, 0xc633_64ff)]);
    let mut evaluator = Evaluator::new(bundle);
    let account = Account::unknown(bundle);
    for (ip, closed) in [
        ("192.0.2.200", true),
        ("::ffff:192.0.2.1", true),
        ("2001:db8::1", true),
        ("192.0.3.0", false),
        ("::1", false),
    ] {
        let candidate = Candidate {
            place: Place::UNKNOWN,
            network: Network(0),
            asn: None,
            ip: Some(ip.parse().unwrap()),
            account: &account,
        };
        assert_eq!(
            !evaluator.denied_set(bundle, &[candidate], &[], 0, false).is_empty(),
            closed,
            "{ip}"
        );
    }
}

#[test]
fn what_holds_a_closed_pattern_is_closed_unless_it_is_anothers() {
    let rules = "[[restrictions]]\nid = \"r\"\nmodels = [\"mythos\"]\n\
                 [[licences]]\nid = \"x\"\nlifts = [\"r\"]\nmodels = [\"mythos-5-20260601\"]\nwhen = 'org == \"a\"'\n";
    let owned = OwnedBundle::new(compile(&policy(rules), None).unwrap()).unwrap();
    let bundle = owned.view();
    let texts: Vec<&str> = bundle
        .table::<l::Pattern>(section::PATTERNS)
        .iter()
        .map(|pattern| bundle.text(pattern.text))
        .collect();
    assert_eq!(texts, ["", "mythos-5", "mythos-5-mini", "mythos-5-20260601"]);
    let mut evaluator = Evaluator::new(bundle);
    let mut closed = |account: &Account| {
        let candidate =
            Candidate { place: Place::UNKNOWN, network: Network(0), asn: None, ip: None, account };
        let denied_set = evaluator.denied_set(bundle, &[candidate], &[], 0, false);
        (0..4).filter(|pattern| denied_set.denies(*pattern)).collect::<Vec<_>>()
    };
    assert_eq!(closed(&Account::unknown(bundle)), [1, 3]);
    assert_eq!(
        closed(&Account::classify(bundle, None, |_| Some(Value::Text("a")))),
        [1],
        "a licence opens what it names"
    );
}

/// Returns the size in bytes of a bundle with this many rules of one kind.
fn size(rules: usize, kind: &str) -> usize {
    let mut policy = policy(&rule("age > 0.0"));
    let template = policy.restrictions.remove(0);
    let atom = |fact, test| {
        Condition::Atom(Atom { fact: FactRef::Declared(fact), test, span: Span::default() })
    };
    let order = |comparison, number: usize| {
        let number = f64::from(u32::try_from(number).unwrap());
        atom(1, Test::Order(comparison, Literal::Number(number)))
    };
    for number in 0..rules {
        let equal = atom(0, Test::In(vec![Literal::Text(format!("org-{number}"))]));
        let condition = match kind {
            "equal" => equal,
            "unequal" => Condition::Not(Box::new(equal)),
            "ordered" => order(Comparison::AtLeast, number),
            _ => Condition::And(vec![
                order(Comparison::AtLeast, number),
                order(Comparison::Less, number + 7),
            ]),
        };
        let when = Some(Clause { text: String::new(), condition, span: Span::default() });
        policy.restrictions.push(Restriction {
            id: format!("r{number}"),
            when,
            ..template.clone()
        });
    }
    compile(&policy, None).unwrap().len()
}

#[test]
fn size_is_near_linear_in_the_rules() {
    for kind in ["equal", "unequal", "ordered", "two thresholds"] {
        let (empty, small, large) = (size(0, kind), size(400, kind), size(1_600, kind));
        let growth = (large - empty) * 10 / (small - empty);
        assert!(
            growth <= 48,
            "{kind}: four times the rules take {growth} tenths of the room ({small} to {large} bytes)"
        );
    }
}
