//! The cost of a decision as a policy grows: nanoseconds for one denied set, and bytes of its
//! bundle.
//!
//! Input: policies of 10 to 100,000 rows over 20 families. Five kinds of rule take turns: by place
//! and a threshold, by organisation, by proof of person, by country unless a person's status is
//! known, and licences of organisations. Output: one line for each size. Loading is measured apart
//! from deciding. Each figure is the best of many rounds, since disturbances only make a round
//! slower; a round is short enough to fit between two turns of the scheduler.
//!
//! ```sh
//! cargo bench --features author --bench denied_set            # all sizes
//! cargo bench --features author --bench denied_set -- 10000   # one
//! ```

use std::hint::black_box;
use std::time::{Duration, Instant};

use portcullis::compile;
use portcullis::policy::{
    About, Atom, Clause, Comparison, Condition, Fact, FactKind, FactRef, Family, LateBound,
    Licence, LicenceKind, Literal, ModelRef, Models, Pattern, Policy, Restriction, RuleState,
    Shape, Span, Test, Token, Unlisted,
};
use portcullis::{
    Account, Bundle, Candidate, Evaluator, Network, OperationMatch, OwnedBundle, Place, Value,
    read_code,
};

const FAMILIES: usize = 20;
const NOW: i64 = 1_790_000_000_000;
const CODES: [&str; 40] = [
    "AF", "AM", "AZ", "BY", "CN", "CU", "GE", "IQ", "IR", "KG", "KH", "KP", "KZ", "LA", "LY", "MD",
    "MM", "MN", "MO", "RU", "SD", "SY", "TJ", "TM", "UZ", "VE", "VN", "YE", "ZW", "BI", "CD", "CF",
    "ER", "HT", "LB", "ML", "NI", "SO", "SS", "PK",
];
const FACTS: [(&str, FactKind); 7] = [
    ("us_person", FactKind::Bool),
    ("evidence", FactKind::Text),
    ("verified_until", FactKind::Time),
    ("org", FactKind::Text),
    ("relation", FactKind::Text),
    ("risk", FactKind::Number),
    ("billing", FactKind::Place),
];

fn main() {
    println!(
        "    rows  restrictions  licences      bundle   compile      load |  unknown    known  cleared licensed   switch"
    );
    let wanted: Vec<usize> =
        std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    for rows in [10, 100, 1_000, 10_000, 100_000] {
        if wanted.is_empty() || wanted.contains(&rows) {
            measure(rows);
        }
    }
}

fn measure(rows: usize) {
    let policy = policy(rows);
    let start = Instant::now();
    let bytes = compile(&policy, None).unwrap_or_else(|errors| fail(&format!("{errors:?}")));
    let compiled = start.elapsed();
    let size = bytes.len();
    let start = Instant::now();
    let owned = OwnedBundle::new(bytes).unwrap_or_else(|error| fail(&format!("{error}")));
    let bundle = owned.view();
    let mut evaluator = Evaluator::new(bundle);
    let loaded = start.elapsed();

    let foreigner = [
        ("us_person", Value::Bool(false)),
        ("evidence", Value::Text("none")),
        ("org", Value::Text("org-none")),
    ];
    let foreigner =
        [&foreigner[..], &[("relation", Value::Text("end_user")), ("risk", Value::Number(3.0))]]
            .concat();
    let cleared = [
        ("us_person", Value::Bool(true)),
        ("evidence", Value::Text("document_verified")),
        ("verified_until", Value::Number(2_000_000_000.0)),
        ("org", Value::Text("org-none")),
        ("relation", Value::Text("staff")),
        ("risk", Value::Number(-1.0)),
        ("billing", Value::Text("US")),
    ];
    let mut licensed = foreigner.clone();
    licensed.extend([("org", Value::Text("org-4")), ("relation", Value::Text("staff"))]);
    let callers = [("", &[][..]), ("DE", &foreigner), ("US", &cleared), ("DE", &licensed)];
    let [unknown, known, clear, under_licence] = callers.map(|(place, record)| {
        let account = classify(bundle, record);
        let place = read_code(place).unwrap_or(Place::UNKNOWN);
        time(|| decide(&mut evaluator, bundle, place, &account))
    });
    // A switch begins a new window, which makes the most expensive decision.
    let account = Account::unknown(bundle);
    let switched = time(|| {
        evaluator.switch(bundle, "r0", portcullis::SwitchState::On);
        decide(&mut evaluator, bundle, Place::UNKNOWN, &account);
    });
    println!(
        "{rows:8}  {:12}  {:8}  {size:10}  {:>8}  {:>8} | {:>8} {:>8} {:>8} {:>8} {:>8}",
        policy.restrictions.len(),
        policy.licences.len(),
        shown(compiled),
        shown(loaded),
        shown(unknown),
        shown(known),
        shown(clear),
        shown(under_licence),
        shown(switched),
    );
}

fn decide(evaluator: &mut Evaluator, bundle: Bundle<'_>, place: Place, account: &Account) {
    let candidate = Candidate { place, network: Network(0), asn: Some(13_335), ip: None, account };
    let denied_set = evaluator.denied_set(
        black_box(bundle),
        &[black_box(candidate)],
        &[OperationMatch::UNKNOWN],
        black_box(NOW),
        false,
    );
    black_box(denied_set.is_empty());
}

/// Returns the time of one call: the best of 300 rounds of about 200 us. A longer round would also
/// measure the other processes of a busy machine.
fn time(mut call: impl FnMut()) -> Duration {
    call();
    let start = Instant::now();
    call();
    let once = start.elapsed().max(Duration::from_nanos(50));
    let calls =
        u32::try_from((Duration::from_micros(200).as_nanos() / once.as_nanos()).clamp(1, 10_000))
            .unwrap_or(1);
    let round = |_| {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        start.elapsed() / calls
    };
    (0..300).map(round).min().unwrap_or_default()
}

fn shown(time: Duration) -> String {
    match time.as_nanos() {
        nanos @ 0..10_000 => format!("{nanos} ns"),
        nanos @ 10_000..10_000_000 => format!("{} us", nanos / 1_000),
        nanos => format!("{} ms", nanos / 1_000_000),
    }
}

fn fail<T>(why: &str) -> T {
    eprintln!("{why}");
    std::process::exit(1)
}

fn classify(bundle: Bundle<'_>, record: &[(&str, Value<'static>)]) -> Account {
    // The last entry counts, so that a record may extend another.
    Account::classify(bundle, None, |fact| {
        let (name, _) = FACTS.get(usize::from(fact))?;
        record.iter().rev().find(|(known, _)| known == name).map(|(_, value)| *value)
    })
}

fn at(name: &str) -> FactRef {
    FactRef::Declared(FACTS.iter().position(|(known, _)| *known == name).unwrap_or_default())
}

fn atom(fact: FactRef, test: Test) -> Condition {
    Condition::Atom(Atom { fact, test, span: Span::default() })
}

fn text(name: &str, values: &[&str]) -> Condition {
    atom(
        at(name),
        Test::In(values.iter().map(|value| Literal::Text((*value).to_owned())).collect()),
    )
}

fn clause(condition: Condition) -> Option<Clause> {
    Some(Clause { text: String::new(), condition, span: Span::default() })
}

fn places(fact: FactRef, codes: &[&str]) -> Condition {
    atom(
        fact,
        Test::In(codes.iter().filter_map(|code| read_code(code)).map(Literal::Place).collect()),
    )
}

fn policy(rows: usize) -> Policy {
    let span = Span::default();
    let mut restrictions = Vec::new();
    let mut licences = Vec::new();
    let (mut taken, mut index) = (0, 0);
    while taken < rows {
        let family = index / 5 % FAMILIES;
        let code = |step: usize| {
            CODES.iter().cycle().nth((index / 5 + step) % CODES.len()).copied().unwrap_or_default()
        };
        let org = format!("org-{index}");
        let mut restriction = |when, unless, doubt_pass| {
            restrictions.push(Restriction {
                id: format!("r{index}"),
                models: Models { items: vec![ModelRef::Family(family)], span },
                authority: None,
                when,
                unless,
                from: None,
                until: None,
                message: String::new(),
                doubt_pass,
                state: RuleState::On,
                status: 403,
                span,
            });
        };
        match index % 5 {
            0 => {
                // A separate threshold for each rule is the worst case of an ordered column.
                let threshold =
                    Test::Order(Comparison::AtLeast, Literal::Number(index as f64 / 5.0));
                let conditions =
                    vec![places(FactRef::Place, &[code(0), code(7)]), atom(at("risk"), threshold)];
                restriction(clause(Condition::And(conditions)), None, false);
            }
            1 => {
                let customer =
                    vec![text("org", &[&org]), text("relation", &[&format!("partner-{index}")])];
                let sum = [
                    customer,
                    vec![atom(
                        at("risk"),
                        Test::Order(Comparison::Greater, Literal::Number(1e9 - index as f64)),
                    )],
                ]
                .concat();
                restriction(clause(Condition::Or(sum)), None, true);
                taken += 2;
            }
            2 => {
                let proof = vec![
                    atom(at("us_person"), Test::IsTrue),
                    text("evidence", &["document_verified", "employer_attested"]),
                    atom(at("verified_until"), Test::VersusNow(Comparison::Greater)),
                ];
                restriction(None, clause(Condition::And(proof)), false);
                taken += 1;
            }
            3 => {
                let foreign = Condition::Not(Box::new(atom(at("us_person"), Test::IsTrue)));
                restriction(
                    clause(Condition::And(vec![places(at("billing"), &[code(3)]), foreign])),
                    None,
                    false,
                );
            }
            _ => licences.push(Licence {
                id: format!("x{index}"),
                kind: LicenceKind::Licence,
                reference: String::new(),
                authority: None,
                lifts: vec![restrictions.len() - 2],
                models: None,
                when: clause(Condition::And(vec![
                    text("org", &[&org]),
                    text("relation", &["staff"]),
                ])),
                from: None,
                until: None,
                state: RuleState::On,
                span,
            }),
        }
        taken += 1;
        index += 1;
    }
    let families = (0..FAMILIES)
        .map(|index| {
            let shape = Shape::Tokens(vec![
                Token::Word("model".to_owned()),
                Token::Word(index.to_string()),
            ]);
            let pattern = Pattern { text: format!("model-{index}"), shape, span };
            Family {
                id: format!("family-{index}"),
                title: String::new(),
                patterns: vec![pattern],
                aliases: Vec::new(),
                span,
            }
        })
        .collect();
    let facts = FACTS
        .into_iter()
        .map(|(name, kind)| Fact {
            name: name.to_owned(),
            kind,
            claim: String::new(),
            about: About::Account,
            span,
        })
        .collect();
    Policy {
        deployments: Vec::new(),
        id: "bench".to_owned(),
        title: String::new(),
        version: 1,
        expires: None,
        unlisted: Unlisted::Defer,
        late_bound: LateBound::Defer,
        dialects: Vec::new(),
        authorities: Vec::new(),
        families,
        facts,
        lists: Vec::new(),
        restrictions,
        licences,
        span,
    }
}
