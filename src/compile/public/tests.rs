use proptest::prelude::*;

use super::keep::{KINDS, declared};
use super::*;
use crate::analysis::reference::{ReadAs, Reference, Setting};
use crate::compile::model::Universe;
use crate::compile::{compile, write_bundle};
use crate::mention::findings::patterns_in;
use crate::policy::{Options, Source, load};
use crate::testing::dice::{
    Caller, DIALECTS, Dice, KEY, OPERATIONS, TIMES, caller, dialects, policy_of,
};

/// What becomes of an id: 0 passes, 1 defers, 2 is denied.
type Level = u8;

/// A policy under test: its bundle finds the patterns, the reference evaluator judges them.
struct Judge<'p> {
    policy: &'p Policy,
    reference: Reference<'p>,
    bundle: OwnedBundle,
}

impl<'p> Judge<'p> {
    fn new(policy: &'p Policy) -> Option<Self> {
        let bundle = write_bundle(policy, Some(KEY), &mut dialects).ok()?;
        let bundle = OwnedBundle::new(bundle).unwrap();
        Some(Self { policy, reference: Reference::new(policy), bundle })
    }

    fn level(&self, denied: &BTreeSet<usize>, id: &str) -> Level {
        let found: Vec<u32> = patterns_in(self.bundle.view(), id);
        let is_denied = |bit: &u32| denied.contains(&usize::try_from(*bit).unwrap());
        if denied.is_empty() {
            0
        } else if found.iter().any(is_denied) {
            2
        } else if found.contains(&0) {
            match self.policy.unlisted {
                Unlisted::Pass => 0,
                Unlisted::Defer => 1,
                Unlisted::Deny => 2,
            }
        } else {
            0
        }
    }

    fn denied(
        &self,
        caller: &Caller,
        read_as: ReadAs<'_>,
        setting: &Setting<'_>,
    ) -> BTreeSet<usize> {
        let denied = self.reference.denied_set(&[caller.known()], &[read_as], setting);
        denied.denied_patterns().into_iter().collect()
    }
}

fn id(dice: &mut Dice<'_>) -> String {
    let token = |dice: &mut Dice<'_>| dice.of(&["a", "b", "m", "m5", "mx", "x", "best", "0"]);
    let tokens: Vec<&str> = (0..=dice.below(5)).map(|_| token(dice)).collect();
    if dice.once_in(6) { "best-0-m5-a".to_owned() } else { tokens.join("-") }
}

/// Returns the bits of the patterns that the public policy lacks.
fn dropped(policy: &Policy, public: &Policy) -> BTreeSet<u32> {
    let shown = Universe::new(public);
    let patterns = Universe::new(policy);
    (1..)
        .zip(patterns.patterns())
        .filter(|(_, (shape, _))| shown.bit(shape).is_none())
        .map(|(bit, _)| bit)
        .collect()
}

/// Counts of what the random cases showed.
#[derive(Default)]
struct Seen {
    refused: usize,
    same: [usize; 3],
    stricter: usize,
}

fn public_is_as_strict(bytes: &[u8], seen: &mut Seen) {
    let mut dice = Dice(bytes);
    let mut policy = policy_of(&mut dice);
    policy.unlisted = dice.of(&[Unlisted::Pass, Unlisted::Defer, Unlisted::Deny]);
    let mut keep = Keep::default();
    let odds = dice.of(&[1, 2, 8]);
    for (kind, names) in KINDS.map(|kind| (kind, declared(&policy, kind))) {
        let named = names.into_iter().filter(|_| dice.once_in(odds)).map(str::to_owned);
        keep.of_kind(kind).unwrap().extend(named.collect::<Vec<_>>());
    }
    let at = dice.of(&TIMES);
    let Some(whole) = Judge::new(&policy) else { return };
    let public = match public_policy(&policy, &keep, at) {
        Ok(public) => public,
        Err(errors) => {
            assert!(errors.iter().all(|it| matches!(it, PublicError::Pattern { .. })));
            seen.refused += 1;
            return;
        }
    };
    let shown = Judge::new(&public.policy).expect("less than what was compiled");
    let dropped = dropped(&policy, &public.policy);
    for _ in 0..8 {
        let caller = caller(&mut dice);
        let (operation, dialect) = dice.of(&OPERATIONS);
        let read_as = ReadAs { operation, dialect: DIALECTS[dialect] };
        let now = at + dice.of(&[0, 1, 999, 1_000, 5_000]);
        let setting = Setting { now, stale: dice.once_in(6), ..Setting::default() };
        let denied = whole.denied(&caller, read_as, &setting);
        let denied_shown = shown.denied(&caller, read_as, &setting);
        for _ in 0..6 {
            let id = id(&mut dice);
            let found = patterns_in(whole.bundle.view(), &id);
            let is_dropped = |bit: &u32| dropped.contains(bit);
            if found.len() > 1 && found.iter().any(is_dropped) {
                continue;
            }
            let (level, level_shown) = (whole.level(&denied, &id), shown.level(&denied_shown, &id));
            assert!(
                level_shown >= level,
                "{id}: {level} in whole, {level_shown} in public\n{:?}\n{:?}\n{keep:?}\n{:?}\n{:?}\nfor {:?} {read_as:?} {setting:?}",
                policy.restrictions,
                policy.licences,
                public.policy.restrictions,
                public.policy.licences,
                caller.known()
            );
            if level == level_shown {
                seen.same[usize::from(level)] += 1;
            } else {
                seen.stricter += 1;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_public_policy_is_equal_or_stricter(bytes in proptest::collection::vec(any::<u8>(), 0..2_400)) {
        public_is_as_strict(&bytes, &mut Seen::default());
    }
}

/// The property above shows little if the public policy closes everything, so this test counts.
#[test]
fn random_public_policies_are_seldom_stricter() {
    let mut state = 7u32;
    let mut seen = Seen::default();
    for _ in 0..300 {
        let bytes: Vec<u8> = (0..1_600)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
            .collect();
        public_is_as_strict(&bytes, &mut seen);
    }
    let Seen { refused, same: [pass, defer, deny], stricter } = seen;
    assert!(
        refused < 60 && pass > 1_000 && defer > 100 && deny > 1_000 && stricter < pass + deny,
        "{refused} refused; same: {pass} pass, {defer} defer, {deny} deny; {stricter} stricter"
    );
}

fn policy(text: &str) -> Policy {
    let head = "format = 1\n[policy]\nid = \"trial\"\nversion = 1\ndialects = [\"openai\"]\n";
    let loaded =
        load(vec![Source::new("trial.toml", format!("{head}{text}"))], &mut Options::default());
    loaded.policy.unwrap_or_else(|| panic!("{:?}", loaded.problems))
}

/// A policy with a word of its own in each text. `hush` marks what must not leave,
/// `shown` what everybody may read.
const PLANTED: &str = r#"
    title = "hush-title"
    expires = 2030-01-01T00:00:00Z
    [authorities.hush-order]
    title = "hush-order-title"
    url = "https://hush-order.example"
    appeal = "https://appeal-shown.example"
    [authorities.hush-letter]
    title = "hush-letter-title"
    url = "https://hush-letter.example"
    appeal = "https://hush-appeal.example"
    [models.family-shown]
    title = "title-shown"
    ids = ["mythos-shown"]
    aliases = ["alias-shown"]
    [models.hush-future]
    title = "hush-future-title"
    ids = ["mythos-hushfuture"]
    aliases = ["hush-future-alias"]
    [models.hush-off]
    ids = ["mythos-hushoff"]
    [models.hush-shadow]
    ids = ["mythos-hushshadow"]
    [models.open-shown]
    ids = ["haiku-shown"]
    [facts]
    hush_person = { type = "bool", claim = "/hush/person" }
    hush_kind = { type = "enum", values = ["hush-value"], claim = "/hush/kind" }
    hush_org = { type = "text", claim = "/hush/org" }
    asked = { type = "bool", claim = "/shown/asked" }
    [lists.hush_partners]
    kind = "text"
    values = ["hush-partner"]
    secret = true
    [lists.hush_places]
    kind = "place"
    values = ["KP"]
    [deployments.hush-table]
    names = { "hush-deployment" = "mythos-shown" }
    [[restrictions]]
    id = "hush-rule"
    models = ["family-shown"]
    authority = "hush-order"
    when = 'place in hush_places || hush_kind == "hush-value"'
    unless = 'hush_person && asked || hush_org.startsWith("hush-prefix")'
    message = "message-shown"
    [[restrictions]]
    id = "hush-future-rule"
    models = ["hush-future"]
    authority = "hush-letter"
    from = 2028-01-01T00:00:00Z
    message = "hush-future-message"
    [[restrictions]]
    id = "hush-off-rule"
    models = ["hush-off", "hushpattern-1"]
    authority = "hush-letter"
    state = "off"
    message = "hush-off-message"
    [[restrictions]]
    id = "hush-shadow-rule"
    models = ["hush-shadow"]
    authority = "hush-letter"
    state = "shadow"
    [[licences]]
    id = "hush-licence"
    lifts = ["hush-rule"]
    authority = "hush-letter"
    ref = "hush-reference"
    models = ["mythos-shown"]
    when = "asked"
    [[licences]]
    id = "hush-other-licence"
    lifts = ["hush-rule"]
    authority = "hush-letter"
    ref = "hush-other-reference"
    when = "hush_org in hush_partners"
"#;

/// 2027-01-01T00:00:00Z.
const AT: i64 = 1_798_761_600_000;

fn public(text: &str, names: &[&str]) -> Result<PublicPolicy, Vec<PublicError>> {
    let policy = policy(text);
    let keep = Keep::read(names.iter().copied(), &policy).unwrap();
    public_policy(&policy, &keep, AT)
}

#[test]
fn no_planted_secret_is_in_the_bundle() {
    let bundle = compile(&public(PLANTED, &["fact:asked"]).unwrap().policy, None).unwrap();
    let text = String::from_utf8_lossy(&bundle).to_lowercase();
    assert!(!text.contains("hush"), "{text}");
    for shown in [
        "family-shown",
        "title-shown",
        "mythos-shown",
        "=alias-shown",
        "haiku-shown",
        "message-shown",
        "https://appeal-shown.example",
        "asked",
        "/shown/asked",
    ] {
        assert!(text.contains(shown), "{shown} is missing");
    }
    let whole = compile(&policy(PLANTED), Some(b"key")).unwrap();
    let whole = String::from_utf8_lossy(&whole).into_owned();
    for secret in ["hush-title", "hush-rule", "/hush/person", "hushfuture", "hush-letter-title"] {
        assert!(whole.contains(secret), "{secret} is not even in the whole bundle");
    }
}

#[test]
fn what_is_named_stays() {
    let names = [
        "fact:hush_person",
        "rule:hush-future-rule",
        "rule:hush-off-rule",
        "authority:hush-letter",
        "deployments:hush-table",
        "family:hush-shadow",
    ];
    let bundle = compile(&public(PLANTED, &names).unwrap().policy, None).unwrap();
    let text = String::from_utf8_lossy(&bundle);
    for named in [
        "hush_person",
        "/hush/person",
        "hush-future-rule",
        "mythos-hushfuture",
        "hush-off-rule",
        "hushpattern",
        "hush-letter-title",
        "hush-deployment",
        "mythos-hushshadow",
    ] {
        assert!(text.contains(named), "{named} is missing");
    }
    for other in ["hush_org", "hush-shadow-rule", "hush-order", "hush-licence", "partner"] {
        assert!(!text.contains(other), "{other} was not named");
    }
}

#[test]
fn the_report_says_what_is_stricter() {
    let public = public(PLANTED, &[]).unwrap();
    let reasons = |without: &[&str], is_licence, is_total| Stricter {
        is_licence,
        is_total,
        without: without.iter().copied().map(str::to_owned).collect(),
        beside: BTreeSet::new(),
    };
    let rule = reasons(&["asked", "hush_kind", "hush_org", "hush_person"], false, true);
    assert_eq!(public.stricter["hush-rule"], rule);
    assert_eq!(public.stricter["hush-licence"], reasons(&["asked"], true, true));
    assert_eq!(public.stricter["hush-other-licence"], reasons(&["hush_org"], true, true));
    assert_eq!(public.stricter.len(), 3);
    // 2028-01-01T00:00:00Z.
    assert_eq!(public.closed_from, Some(1_830_297_600_000));
    let last = public.policy.restrictions.last().unwrap();
    assert_eq!((last.id.as_str(), last.from), (OUTDATED, public.closed_from));
}

#[test]
fn names_that_the_policy_lacks_are_errors() {
    let policy = policy(PLANTED);
    for (name, help) in [
        ("fact:askd", "did you mean `asked`?"),
        ("fct:asked", "did you mean `fact`?"),
        ("asked", "such as `fact:us_person`"),
        ("rule:", "known: "),
        ("list:hush_partners", "a secret list never does"),
    ] {
        let error = Keep::read([name], &policy).unwrap_err();
        assert!(error.help.as_deref().is_some_and(|it| it.contains(help)), "{name}: {error:?}");
    }
}

/// Without the pattern of the rule that is off, an id with it would count as a model that a licence
/// opens.
#[test]
fn a_licence_that_would_open_a_hidden_model_is_left_out() {
    let public = public(
        r#"
        [models.mythos]
        ids = ["mythos-5"]
        [[restrictions]]
        id = "closed"
        models = ["mythos"]
        [[restrictions]]
        id = "later"
        models = ["mythos-5-next"]
        state = "off"
        [[licences]]
        id = "for-all"
        lifts = ["closed"]
        models = ["mythos-5"]
        "#,
        &[],
    )
    .unwrap();
    assert_eq!(public.policy.licences, []);
    let reasons = &public.stricter["for-all"];
    assert!(reasons.is_licence && reasons.is_total && reasons.beside.contains("later"));
}

/// `myth*` is closed because it may hold `mythos`, and `mythology` does not.
#[test]
fn a_pattern_that_nothing_inside_replaces_is_an_error() {
    let errors = public(
        r#"
        [[restrictions]]
        id = "closed"
        models = ["mythos-5"]
        [[restrictions]]
        id = "later"
        models = ["myth*-5"]
        state = "off"
        "#,
        &[],
    )
    .unwrap_err();
    let [PublicError::Pattern { pattern, restriction, rule, .. }] = errors.as_slice() else {
        panic!("{errors:?}")
    };
    assert_eq!([pattern, restriction, rule], ["myth*-5", "closed", "later"]);
}

#[test]
fn a_deployment_that_looks_like_another_model_is_an_error() {
    let text = |name: &str| {
        format!(
            r#"
            [models.mythos]
            ids = ["mythos-5"]
            [models.open]
            ids = ["haiku-4"]
            [deployments.azure]
            names = {{ "{name}" = "mythos-5" }}
            [[restrictions]]
            id = "closed"
            models = ["mythos"]
            "#
        )
    };
    for (name, is_error) in [("haiku-4-prod", true), ("chat", false), ("mythos-5-prod", false)] {
        let public = public(&text(name), &[]);
        match public {
            Ok(public) => assert!(!is_error && public.policy.deployments.is_empty(), "{name}"),
            Err(errors) => {
                assert!(is_error && errors[0].to_string().contains(name), "{errors:?}");
                assert!(errors[0].help().unwrap().contains("--keep deployments:azure"));
            }
        }
    }
    let kept = public(&text("haiku-4-prod"), &["deployments:azure"]).unwrap();
    assert_eq!(kept.policy.deployments.len(), 1);
}

#[test]
fn a_name_of_a_table_that_is_left_out_does_not_pass() {
    let text = r#"
        unlisted = "pass"
        [models.mythos]
        ids = ["mythos-5"]
        [deployments.azure]
        names = { "chat" = "mythos-5" }
        [[restrictions]]
        id = "closed"
        models = ["mythos"]
    "#;
    assert_eq!(public(text, &[]).unwrap().policy.unlisted, Unlisted::Defer);
    let kept = public(text, &["deployments:azure"]).unwrap();
    assert_eq!(kept.policy.unlisted, Unlisted::Pass);
}
