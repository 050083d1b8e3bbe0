//! Policies that grow: rows over 20 families. Five kinds of rule take turns: by place and a
//! threshold, by organisation, by proof of person, by country unless a person's status is known,
//! and licences of organisations.

use portcullis::policy::{
    About, Atom, Clause, Comparison, Condition, Fact, FactKind, FactRef, Family, LateBound,
    Licence, LicenceKind, Literal, ModelRef, Models, Pattern, Policy, Restriction, RuleState,
    Shape, Span, Test, Token, Unlisted,
};
use portcullis::{Account, Bundle, Value, read_code};

const FAMILIES: usize = 20;
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

/// Returns a policy of this many rows.
pub(crate) fn policy(rows: usize) -> Policy {
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

/// Classifies a record, in which the last entry of a fact counts.
pub(crate) fn classify(bundle: Bundle<'_>, record: &[(&str, Value<'static>)]) -> Account {
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
