//! Typed conditions and their text in CEL.

use portcullis::policy::{Atom, Comparison, Condition, ElementTest, FactRef, Literal, Span, Test};
use portcullis::{Network, read_code, read_time};
use proptest::prelude::*;
use proptest::sample::select;

use super::policy::{ASN_LIST, COUNTRIES, LISTS, NUMBER_LIST, PLACE_LISTS, RANGE_LIST, TEXT_LISTS};
use super::{ASNS, CODES, FACTS, NUMBERS, READINGS, RELATIONS, STARTS, TEXTS, TIMES};

/// Any condition of moderate size.
pub(crate) fn condition() -> BoxedStrategy<Condition> {
    let leaf = prop_oneof![1 => Just(Condition::True), 1 => Just(Condition::False), 24 => atom().prop_map(Condition::Atom)];
    leaf.boxed()
        .prop_recursive(4, 14, 3, |inner| {
            prop_oneof![
                2 => inner.clone().prop_map(|inner| Condition::Not(Box::new(inner))),
                3 => prop::collection::vec(inner.clone(), 2..=3).prop_map(Condition::And),
                3 => prop::collection::vec(inner, 2..=3).prop_map(Condition::Or),
            ]
        })
        .boxed()
}

fn atom() -> BoxedStrategy<Atom> {
    let of = |fact: FactRef, test: BoxedStrategy<Test>| {
        test.prop_map(move |test| Atom { fact, test, span: Span::default() }).boxed()
    };
    let declared = FactRef::Declared;
    let order = |literals: BoxedStrategy<Literal>| {
        (comparison(), literals).prop_map(|(how, with)| Test::Order(how, with)).boxed()
    };
    prop_oneof![
        2 => of(declared(0), Just(Test::IsTrue).boxed()),
        1 => of(declared(1), Just(Test::IsTrue).boxed()),
        2 => of(declared(2), in_texts(&RELATIONS)),
        2 => of(declared(3), text_test(&TEXTS)),
        2 => of(declared(4), place_test(&CODES)),
        1 => of(declared(5), order(time().boxed())),
        1 => of(declared(5), comparison().prop_map(Test::VersusNow).boxed()),
        1 => of(declared(6), order(time().boxed())),
        1 => of(declared(6), comparison().prop_map(Test::VersusNow).boxed()),
        2 => of(declared(7), elements()),
        2 => of(declared(8), elements()),
        2 => of(declared(9), prop_oneof![
            order(number().boxed()),
            prop::collection::vec(number(), 1..4).prop_map(Test::In),
            Just(Test::InList(NUMBER_LIST)),
        ].boxed()),
        3 => of(FactRef::Place, place_test(&CODES)),
        2 => of(FactRef::Country, prop_oneof![
            places(&COUNTRIES),
            select(&PLACE_LISTS[..]).prop_map(Test::InList),
        ].boxed()),
        2 => of(FactRef::Region, prop_oneof![
            places(&["US-TX", "UA-43", "UA-09", "RU-43", "DE-BE"]),
            select(&PLACE_LISTS[..]).prop_map(Test::InList),
        ].boxed()),
        2 => of(FactRef::Network, (0..6_u32).prop_map(Test::Has).boxed()),
        1 => of(FactRef::Asn, prop_oneof![
            order(asn().boxed()),
            prop::collection::vec(asn(), 1..3).prop_map(Test::In),
            Just(Test::InList(ASN_LIST)),
        ].boxed()),
        1 => of(FactRef::Ip, Just(Test::InList(RANGE_LIST)).boxed()),
        1 => of(FactRef::Operation, in_texts(&READINGS.map(|(operation, _)| operation)[..4])),
        1 => of(FactRef::Operation, select(&["create", "createR", "M"][..]).prop_map(|s| Test::StartsWith(s.to_owned())).boxed()),
        1 => of(FactRef::Dialect, in_texts(&["openai", "anthropic"])),
        1 => of(FactRef::Now, order(time().boxed())),
    ]
    .boxed()
}

fn comparison() -> BoxedStrategy<Comparison> {
    select(
        &[
            Comparison::Less,
            Comparison::AtMost,
            Comparison::Equal,
            Comparison::AtLeast,
            Comparison::Greater,
        ][..],
    )
    .boxed()
}

fn time() -> BoxedStrategy<Literal> {
    select(&TIMES[..]).prop_map(|text| Literal::Time(read_time(text).unwrap())).boxed()
}

fn number() -> BoxedStrategy<Literal> {
    select(&NUMBERS[..]).prop_map(Literal::Number).boxed()
}

fn asn() -> BoxedStrategy<Literal> {
    select(&ASNS[..]).prop_map(|asn| Literal::Number(f64::from(asn))).boxed()
}

fn in_texts(texts: &[&'static str]) -> BoxedStrategy<Test> {
    let text = select(texts.to_vec()).prop_map(|text| Literal::Text(text.to_owned()));
    prop::collection::vec(text, 1..4).prop_map(Test::In).boxed()
}

fn text_test(texts: &[&'static str]) -> BoxedStrategy<Test> {
    prop_oneof![
        2 => in_texts(texts),
        2 => select(&STARTS[..]).prop_map(|start| Test::StartsWith(start.to_owned())),
        2 => select(&TEXT_LISTS[..]).prop_map(Test::InList),
    ]
    .boxed()
}

fn places(codes: &[&'static str]) -> BoxedStrategy<Test> {
    let place = select(codes.to_vec()).prop_map(|code| Literal::Place(read_code(code).unwrap()));
    prop::collection::vec(place, 1..4).prop_map(Test::In).boxed()
}

fn place_test(codes: &[&'static str]) -> BoxedStrategy<Test> {
    prop_oneof![places(codes), select(&PLACE_LISTS[..]).prop_map(Test::InList)].boxed()
}

fn elements() -> BoxedStrategy<Test> {
    let text = || prop_oneof![select(&CODES[..]), select(&TEXTS[..])];
    let leaf = prop_oneof![
        1 => Just(ElementTest::True),
        1 => Just(ElementTest::False),
        5 => text().prop_map(|text| ElementTest::Equals(text.to_owned())),
        3 => select(&["U", "US-", "a", "acme"][..]).prop_map(|start| ElementTest::StartsWith(start.to_owned())),
        4 => select(&TEXT_LISTS[..]).prop_map(ElementTest::InList),
        5 => select(&PLACE_LISTS[..]).prop_map(ElementTest::InList),
    ];
    let test = leaf.boxed().prop_recursive(3, 6, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| ElementTest::Not(Box::new(inner))),
            prop::collection::vec(inner.clone(), 2..=3).prop_map(ElementTest::And),
            prop::collection::vec(inner, 2..=3).prop_map(ElementTest::Or),
        ]
    });
    (any::<bool>(), test)
        .prop_map(|(all, test)| if all { Test::All(test) } else { Test::Exists(test) })
        .boxed()
}

/// Writes the condition as an author does.
pub(crate) fn cel_text(condition: &Condition) -> String {
    written(condition, Form::Policy)
}

/// Writes the condition in terms that plain CEL can evaluate.
///
/// A place becomes `NAME_country` and `NAME_region` (a full code, or empty), a time fact becomes a
/// text, and `ip_listed` says whether the address is in the list of ranges.
pub(crate) fn oracle_text(condition: &Condition) -> String {
    written(condition, Form::Oracle)
}

/// The reader that a condition is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Policy,
    Oracle,
}

pub(crate) fn written(condition: &Condition, form: Form) -> String {
    match condition {
        Condition::True => "true".to_owned(),
        Condition::False => "false".to_owned(),
        Condition::Atom(atom) => atom_text(atom, form),
        Condition::Not(inner) => format!("!({})", written(inner, form)),
        Condition::And(all) => joined(all, " && ", |one| written(one, form)),
        Condition::Or(any) => joined(any, " || ", |one| written(one, form)),
    }
}

fn joined<T>(items: &[T], between: &str, text: impl Fn(&T) -> String) -> String {
    format!("({})", plain(items, between, text))
}

fn plain<T>(items: &[T], between: &str, text: impl Fn(&T) -> String) -> String {
    items.iter().map(text).collect::<Vec<String>>().join(between)
}

fn atom_text(atom: &Atom, form: Form) -> String {
    let name = match atom.fact {
        FactRef::Declared(index) => FACTS[index].0,
        FactRef::Place => "place",
        FactRef::Country => "country",
        FactRef::Region => "region",
        FactRef::Network => "network",
        FactRef::Asn => "asn",
        FactRef::Ip => "ip",
        FactRef::Operation => "operation",
        FactRef::Dialect => "dialect",
        FactRef::Now => "now",
    };
    let is_place = atom.fact == FactRef::Place || atom.fact == FactRef::Declared(4);
    let is_time =
        matches!(atom.fact, FactRef::Declared(5 | 6) | FactRef::Now) && form == Form::Oracle;
    let left = if is_time { format!("timestamp({name})") } else { name.to_owned() };
    match &atom.test {
        Test::IsTrue => left,
        Test::In(literals) if form == Form::Oracle && is_place => {
            let list = format!("[{}]", plain(literals, ", ", literal_text));
            format!("({name}_country in {list} || {name}_region in {list})")
        }
        Test::In(literals) => match literals.as_slice() {
            [one] => format!("{left} == {}", literal_text(one)),
            several => {
                format!("{left} in [{}]", plain(several, ", ", literal_text))
            }
        },
        Test::InList(list) => {
            let list = LISTS[*list];
            match form {
                Form::Oracle if is_place => {
                    format!("({name}_country in {list} || {name}_region in {list})")
                }
                Form::Oracle if atom.fact == FactRef::Ip => "ip_listed".to_owned(),
                _ => format!("{left} in {list}"),
            }
        }
        Test::StartsWith(start) => format!("{left}.startsWith({start:?})"),
        Test::Has(bit) => format!("{:?} in network", Network::KINDS[*bit as usize]),
        Test::Order(how, literal) => format!("{left} {} {}", sign(*how), literal_text(literal)),
        Test::VersusNow(how) if form == Form::Oracle => {
            format!("{left} {} timestamp(now)", sign(*how))
        }
        Test::VersusNow(how) => format!("{left} {} now", sign(*how)),
        Test::Exists(test) => format!("{left}.exists(x, {})", element_text(test, form)),
        Test::All(test) => format!("{left}.all(x, {})", element_text(test, form)),
    }
}

fn element_text(test: &ElementTest, form: Form) -> String {
    match test {
        ElementTest::True => "true".to_owned(),
        ElementTest::False => "false".to_owned(),
        ElementTest::Equals(text) => format!("x == {text:?}"),
        ElementTest::StartsWith(start) => format!("x.startsWith({start:?})"),
        ElementTest::InList(list) if form == Form::Oracle && PLACE_LISTS.contains(list) => {
            let list = LISTS[*list];
            format!("(x in {list} || {list}.exists(c, x.startsWith(c + '-')))")
        }
        ElementTest::InList(list) => format!("x in {}", LISTS[*list]),
        ElementTest::Not(inner) => format!("!({})", element_text(inner, form)),
        ElementTest::And(all) => joined(all, " && ", |one| element_text(one, form)),
        ElementTest::Or(any) => joined(any, " || ", |one| element_text(one, form)),
    }
}

fn sign(how: Comparison) -> &'static str {
    match how {
        Comparison::Less => "<",
        Comparison::AtMost => "<=",
        Comparison::Equal => "==",
        Comparison::AtLeast => ">=",
        Comparison::Greater => ">",
    }
}

fn literal_text(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => format!("{text:?}"),
        Literal::Number(number) => format!("{number:?}"),
        Literal::Time(time) => {
            let text = TIMES
                .iter()
                .find(|text| read_time(text) == Some(*time))
                .expect("from the vocabulary");
            format!("timestamp({text:?})")
        }
        Literal::Place(place) => {
            let code = CODES
                .iter()
                .find(|code| read_code(code) == Some(*place))
                .expect("from the vocabulary");
            format!("{code:?}")
        }
    }
}
