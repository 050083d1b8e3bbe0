//! Random whole policies.

use std::net::IpAddr;

use portcullis::policy::{
    About, Alias, Authority, Clause, Condition, Entries, Fact, Family, GuardedDialect, LateBound,
    Licence, LicenceKind, List, ModelRef, Models, Pattern, Policy, Range, Restriction, RuleState,
    Shape, Span, Token, Unlisted,
};
use portcullis::{read_code, read_time};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::condition::{cel_text, condition};
use super::{ASNS, CODES, FACTS, NUMBERS, RANGES, TEXTS, TIMES};

/// The lists by index: two of places, an open and a secret one of texts, then address ranges,
/// numbers and AS numbers.
pub(crate) const LISTS: [&str; 7] =
    ["us_soil", "embargoed", "partners", "watched", "offices", "scores", "carriers"];
pub(crate) const PLACE_LISTS: [usize; 2] = [0, 1];
pub(crate) const TEXT_LISTS: [usize; 2] = [2, 3];
pub(crate) const SECRET_LIST: usize = 3;
pub(crate) const RANGE_LIST: usize = 4;
pub(crate) const NUMBER_LIST: usize = 5;
pub(crate) const ASN_LIST: usize = 6;

pub(crate) const COUNTRIES: [&str; 5] = ["US", "UA", "PR", "CU", "DE"];

const FAMILIES: [&str; 3] = ["mythos-class", "fable-class", "open"];
const WORDS: [&str; 6] = ["mythos", "fable", "haiku", "5", "lite", "50"];
const STEMS: [&str; 4] = ["myth", "mythos", "", "5"];
const EXACT: [&str; 4] = ["mythos-5", "org/fable", "best-available", "haiku-lite"];

type Choice<T> = BoxedStrategy<T>;

fn pattern() -> Choice<Shape> {
    let token = prop_oneof![
        6 => select(&WORDS[..]).prop_map(|word| Token::Word(word.to_owned())),
        1 => select(&STEMS[..]).prop_map(|stem| Token::Prefix(stem.to_owned())),
    ];
    prop_oneof![
        6 => prop::collection::vec(token, 1..=3).prop_map(|mut tokens| {
            // A pattern of `*` alone would match every model.
            if tokens.iter().all(|token| *token == Token::Prefix(String::new())) {
                tokens[0] = Token::Word("mythos".to_owned());
            }
            Shape::Tokens(tokens)
        }),
        1 => select(&EXACT[..]).prop_map(|id| Shape::Exact(id.to_owned())),
    ]
    .boxed()
}

fn pattern_of(shape: Shape) -> Pattern {
    let text = match &shape {
        Shape::Tokens(tokens) => {
            let words: Vec<String> = tokens
                .iter()
                .map(|token| match token {
                    Token::Word(word) => word.clone(),
                    Token::Prefix(stem) => format!("{stem}*"),
                })
                .collect();
            words.join("-")
        }
        Shape::Exact(id) => format!("={id}"),
    };
    Pattern { text, shape, span: Span::default() }
}

/// An entry of `models`. The families it may refer to are generated separately.
#[derive(Clone, Debug)]
enum Item {
    Everything,
    Family(Index),
    OfFamily(Index, Index),
    Own(Shape),
}

fn items() -> Choice<Vec<Item>> {
    let item = prop_oneof![
        4 => any::<Index>().prop_map(Item::Family),
        2 => (any::<Index>(), any::<Index>()).prop_map(|(family, pattern)| Item::OfFamily(family, pattern)),
        4 => pattern().prop_map(Item::Own),
        1 => Just(Item::Everything),
    ];
    prop::collection::vec(item, 1..=3).boxed()
}

fn models(items: Vec<Item>, families: &[Family]) -> Models {
    let items = items.into_iter().map(|item| match item {
        Item::Everything => ModelRef::Everything,
        Item::Family(at) => ModelRef::Family(at.index(families.len())),
        Item::OfFamily(family, pattern) => {
            let family = &families[family.index(families.len())];
            ModelRef::Pattern(family.patterns[pattern.index(family.patterns.len())].clone())
        }
        Item::Own(shape) => ModelRef::Pattern(pattern_of(shape)),
    });
    Models { items: items.collect(), span: Span::default() }
}

fn families() -> Choice<Vec<Family>> {
    let family =
        (prop::collection::vec(pattern(), 1..=3), prop::option::weighted(0.3, select(&EXACT[..])));
    prop::collection::vec(family, 1..=3)
        .prop_map(|drafts| {
            let mut seen = std::collections::BTreeSet::new();
            drafts
                .into_iter()
                .zip(FAMILIES)
                .map(|((shapes, alias), id)| {
                    let mut patterns: Vec<Pattern> = shapes
                        .into_iter()
                        .map(pattern_of)
                        .filter(|pattern| seen.insert(pattern.text.clone()))
                        .collect();
                    if patterns.is_empty() {
                        patterns.push(pattern_of(Shape::Tokens(vec![Token::Word(
                            format!("{id}only").replace('-', ""),
                        )])));
                    }
                    let alias = alias.filter(|alias| seen.insert(format!("={alias}")));
                    let aliases = alias
                        .map(|id| Alias { id: id.to_owned(), span: Span::default() })
                        .into_iter()
                        .collect();
                    Family {
                        id: id.to_owned(),
                        title: id.to_owned(),
                        patterns,
                        aliases,
                        span: Span::default(),
                    }
                })
                .collect()
        })
        .boxed()
}

fn range((text, length): (&str, u32)) -> Range {
    match text.parse().unwrap() {
        IpAddr::V4(ip) => {
            let low = u32::MAX.checked_shr(length).unwrap_or(0);
            Range::V4(ip.to_bits() & !low, ip.to_bits() | low)
        }
        IpAddr::V6(ip) => {
            let low = u128::MAX.checked_shr(length).unwrap_or(0);
            Range::V6(ip.to_bits() & !low, ip.to_bits() | low)
        }
    }
}

fn lists() -> Choice<Vec<List>> {
    fn some<T: Clone + std::fmt::Debug + 'static>(of: Vec<T>) -> Choice<Vec<T>> {
        let most = of.len().min(5);
        proptest::sample::subsequence(of, 1..=most).boxed()
    }
    let places = || {
        some(CODES.to_vec()).prop_map(|codes| {
            let mut places: Vec<_> =
                codes.into_iter().map(|code| read_code(code).unwrap()).collect();
            places.sort();
            Entries::Places(places)
        })
    };
    let texts = || {
        some(TEXTS.iter().chain(&CODES).copied().filter(|text| !text.is_empty()).collect())
            .prop_map(|texts| {
                let mut texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
                texts.sort();
                Entries::Texts(texts)
            })
    };
    let numbers = |of: Vec<f64>| {
        some(of).prop_map(|mut numbers| {
            numbers.sort_by(f64::total_cmp);
            Entries::Numbers(numbers)
        })
    };
    let ranges = some(RANGES.to_vec()).prop_map(|ranges| {
        let mut ranges: Vec<Range> = ranges.into_iter().map(range).collect();
        ranges.sort();
        Entries::Ranges(ranges)
    });
    let asns = ASNS.map(f64::from).to_vec();
    (places(), places(), texts(), texts(), ranges, numbers(NUMBERS.to_vec()), numbers(asns))
        .prop_map(|(a, b, c, d, e, f, g)| {
            let lists = LISTS.into_iter().zip([a, b, c, d, e, f, g]);
            lists
                .map(|(name, entries)| List {
                    name: name.to_owned(),
                    entries,
                    secret: name == LISTS[SECRET_LIST],
                    as_of: None,
                    review_by: None,
                    span: Span::default(),
                })
                .collect()
        })
        .boxed()
}

fn clause(condition: Condition) -> Clause {
    Clause { text: cel_text(&condition), condition, span: Span::default() }
}

fn bound() -> Choice<Option<i64>> {
    prop::option::weighted(0.25, select(&TIMES[..]).prop_map(|text| read_time(text).unwrap()))
        .boxed()
}

#[derive(Clone, Debug)]
struct DraftRestriction {
    items: Vec<Item>,
    when: Option<Condition>,
    unless: Option<Condition>,
    from: Option<i64>,
    until: Option<i64>,
    doubt_pass: bool,
    state: RuleState,
}

fn restriction() -> BoxedStrategy<DraftRestriction> {
    let clause = || prop::option::weighted(0.6, condition());
    let state = prop_oneof![6 => Just(RuleState::On), 2 => Just(RuleState::Shadow), 1 => Just(RuleState::Off)];
    (items(), clause(), clause(), (bound(), bound()), prop::bool::weighted(0.35), state)
        .prop_map(|(items, when, unless, (from, until), doubt_pass, state)| DraftRestriction {
            items,
            when,
            unless,
            from,
            until,
            doubt_pass,
            state,
        })
        .boxed()
}

#[derive(Clone, Debug)]
struct DraftLicence {
    lifts: Vec<Index>,
    items: Option<Vec<Item>>,
    when: Option<Condition>,
    from: Option<i64>,
    until: Option<i64>,
    on: bool,
}

fn licence() -> BoxedStrategy<DraftLicence> {
    let when = prop::option::weighted(0.8, condition());
    let lifts = prop::collection::vec(any::<Index>(), 1..=3);
    (
        lifts,
        prop::option::weighted(0.5, items()),
        when,
        (bound(), bound()),
        prop::bool::weighted(0.85),
    )
        .prop_map(|(lifts, items, when, (from, until), on)| DraftLicence {
            lifts,
            items,
            when,
            from,
            until,
            on,
        })
        .boxed()
}

/// A policy with at most four restrictions and four licences.
pub(crate) fn policy() -> BoxedStrategy<Policy> {
    policy_of(4, 4)
}

/// A policy with at most this many restrictions and licences.
pub(crate) fn policy_of(restrictions: usize, licences: usize) -> BoxedStrategy<Policy> {
    let abouts = prop::collection::vec(any::<bool>(), FACTS.len());
    let unlisted = select(&[Unlisted::Defer, Unlisted::Pass, Unlisted::Deny][..]);
    let late_bound = select(&[LateBound::Defer, LateBound::Deny][..]);
    let rules = (
        prop::collection::vec(restriction(), 0..=restrictions),
        prop::collection::vec(licence(), 0..=licences),
    );
    (families(), lists(), abouts, rules, (unlisted, late_bound), bound())
        .prop_map(
            |(
                families,
                lists,
                abouts,
                (restrictions, licences),
                (unlisted, late_bound),
                expires,
            )| {
                let restrictions: Vec<Restriction> = restrictions
                    .into_iter()
                    .enumerate()
                    .map(|(index, draft)| Restriction {
                        id: format!("restriction-{index}"),
                        models: models(draft.items, &families),
                        authority: Some(0),
                        when: draft.when.map(clause),
                        unless: draft.unless.map(clause),
                        from: draft.from,
                        until: draft.until,
                        message: String::new(),
                        doubt_pass: draft.doubt_pass,
                        state: draft.state,
                        status: 403,
                        span: Span::default(),
                    })
                    .collect();
                let licences =
                    licences.into_iter().enumerate().filter(|_| !restrictions.is_empty()).map(
                        |(index, draft)| {
                            let mut lifts: Vec<usize> =
                                draft.lifts.iter().map(|at| at.index(restrictions.len())).collect();
                            lifts.sort_unstable();
                            lifts.dedup();
                            Licence {
                                id: format!("licence-{index}"),
                                kind: LicenceKind::Exception,
                                reference: String::new(),
                                authority: Some(0),
                                lifts,
                                models: draft.items.map(|items| models(items, &families)),
                                when: draft.when.map(clause),
                                from: draft.from,
                                until: draft.until,
                                state: if draft.on { RuleState::On } else { RuleState::Off },
                                span: Span::default(),
                            }
                        },
                    );
                Policy {
                    unlisted,
                    late_bound,
                    expires,
                    licences: licences.collect(),
                    ..bare(families, lists, &abouts, restrictions)
                }
            },
        )
        .boxed()
}

/// A policy without rules. It declares the facts and lists that conditions refer to; the lists have
/// random entries.
pub(crate) fn vocabulary() -> BoxedStrategy<Policy> {
    (families(), lists(), prop::collection::vec(any::<bool>(), FACTS.len()))
        .prop_map(|(families, lists, abouts)| bare(families, lists, &abouts, Vec::new()))
        .boxed()
}

fn bare(
    families: Vec<Family>,
    lists: Vec<List>,
    abouts: &[bool],
    restrictions: Vec<Restriction>,
) -> Policy {
    let facts = FACTS.iter().zip(abouts).map(|((name, kind), account)| Fact {
        name: (*name).to_owned(),
        kind: kind(),
        claim: format!("/{name}"),
        about: if *account { About::Account } else { About::Person },
        span: Span::default(),
    });
    let dialect =
        |id: &str| GuardedDialect { id: id.to_owned(), prefix: None, span: Span::default() };
    Policy {
        deployments: Vec::new(),
        id: "random".to_owned(),
        title: "Random".to_owned(),
        version: 1,
        expires: None,
        unlisted: Unlisted::default(),
        late_bound: LateBound::default(),
        dialects: vec![dialect("openai"), dialect("anthropic")],
        authorities: vec![Authority {
            id: "order".to_owned(),
            title: "Order".to_owned(),
            url: String::new(),
            appeal: String::new(),
            retain_days: 3_650,
            span: Span::default(),
        }],
        families,
        facts: facts.collect(),
        lists,
        restrictions,
        licences: Vec::new(),
        span: Span::default(),
    }
}
