//! Reads the operands of an operator: facts, literals and lists.

use cel::common::ast::{Expr, IdedExpr, LiteralValue, operators};

use super::names::Name;
use super::reader::ConditionReader;
use crate::dialect;
use crate::facts::value::read_time;
use crate::policy::check::instant;
use crate::policy::check::instant::Side;
use crate::policy::check::list_entry;
use crate::policy::diagnostic::{code, suggestion};
use crate::policy::document::shape::is_number;
use crate::policy::model::BUILT_IN;
use crate::policy::model::{FactKind, FactRef, Literal};

/// One operand of an operator.
pub(crate) enum Operand<'t> {
    Fact(FactRef, OperandKind),
    Literal(Literal),
    Bool(bool),
    Items(Items<'t>),
    List(usize),
}

/// The entries of a list that the condition itself contains.
pub(crate) type Items<'t> = &'t [IdedExpr];

/// The type of a fact's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OperandKind {
    Bool,
    Enum,
    Text,
    Place,
    Country,
    Region,
    Time,
    Now,
    List,
    Number,
    Asn,
    Network,
    Ip,
    Operation,
    Dialect,
}

impl OperandKind {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Enum => "an enumeration",
            Self::Text => "a text",
            Self::Place => "a place",
            Self::Country => "a country",
            Self::Region => "a region",
            Self::Time | Self::Now => "a time",
            Self::List => "a list of texts",
            Self::Number => "a number",
            Self::Asn => "the number of an autonomous system",
            Self::Network => "a set of network kinds",
            Self::Ip => "an address",
            Self::Operation => "the name of an operation",
            Self::Dialect => "the name of a dialect",
        }
    }
}

impl ConditionReader<'_, '_> {
    /// Reads one operand. Returns `None` if it is no operand, which is reported here, or if its
    /// declaration is broken, which has been reported there.
    pub(crate) fn operand<'t>(&mut self, tree: &'t IdedExpr) -> Option<Operand<'t>> {
        match &tree.expr {
            Expr::Ident(name) => self.name(name, tree),
            Expr::Literal(LiteralValue::Boolean(value)) => Some(Operand::Bool(*value.inner())),
            Expr::Literal(LiteralValue::String(text)) => {
                Some(Operand::Literal(Literal::Text(text.inner().to_owned())))
            }
            Expr::Literal(LiteralValue::Int(number)) => {
                self.number(i128::from(*number.inner()), tree)
            }
            Expr::Literal(LiteralValue::UInt(number)) => {
                self.number(i128::from(*number.inner()), tree)
            }
            Expr::Literal(LiteralValue::Double(number)) => {
                if number.inner().is_finite() {
                    return Some(Operand::Literal(Literal::Number(*number.inner())));
                }
                self.report(
                    code::LITERAL,
                    self.span(tree),
                    "the number is not finite".to_owned(),
                    None,
                )
            }
            Expr::List(list) if list.optional_indices.is_empty() => {
                Some(Operand::Items(&list.elements))
            }
            Expr::Call(call) if call.func_name == "timestamp" && call.target.is_none() => {
                match call.args.as_slice() {
                    [argument] => self.timestamp(argument, tree),
                    _ => self.report(
                        code::CONSTRUCT,
                        self.span(tree),
                        "`timestamp` takes one text in quotes".to_owned(),
                        None,
                    ),
                }
            }
            Expr::Call(call) if is_logic(&call.func_name) => {
                let message = "a condition is compared as if it were a value".to_owned();
                let help =
                    "join conditions with `&&`, `||` and `!`, and put comparisons in brackets"
                        .to_owned();
                self.report(code::CONSTRUCT, self.span(tree), message, Some(help))
            }
            _ => self.outside(tree),
        }
    }

    fn name<'t>(&mut self, name: &str, tree: &IdedExpr) -> Option<Operand<'t>> {
        if let Some((_, fact)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            let kind = match fact {
                FactRef::Place | FactRef::Declared(_) => OperandKind::Place,
                FactRef::Country => OperandKind::Country,
                FactRef::Region => OperandKind::Region,
                FactRef::Network => OperandKind::Network,
                FactRef::Asn => OperandKind::Asn,
                FactRef::Ip => OperandKind::Ip,
                FactRef::Operation => OperandKind::Operation,
                FactRef::Dialect => OperandKind::Dialect,
                FactRef::Now => OperandKind::Now,
            };
            return Some(Operand::Fact(*fact, kind));
        }
        match self.names.by_name.get(name) {
            Some(Some(Name::List(index))) => Some(Operand::List(*index)),
            Some(Some(Name::Fact(index))) => {
                let kind = match self.names.facts.get(*index)?.kind {
                    FactKind::Bool => OperandKind::Bool,
                    FactKind::Enum(_) => OperandKind::Enum,
                    FactKind::Text => OperandKind::Text,
                    FactKind::Place => OperandKind::Place,
                    FactKind::Time => OperandKind::Time,
                    FactKind::List => OperandKind::List,
                    FactKind::Number => OperandKind::Number,
                };
                Some(Operand::Fact(FactRef::Declared(*index), kind))
            }
            Some(None) => None,
            None => {
                let declared = self.names.by_name.keys().copied();
                let beside_now = self.beside_now;
                let known = declared
                    .chain(BUILT_IN.map(|(name, _)| name))
                    .filter(|name| !(beside_now && *name == "now"));
                let help = suggestion::help(name, known)
                    .or(|| "declare it under `[facts]` or `[lists]`".to_owned());
                self.suggest(
                    code::UNKNOWN_NAME,
                    self.span(tree),
                    format!("there is no fact and no list `{name}`"),
                    help,
                )
            }
        }
    }

    fn number<'t>(&mut self, number: i128, tree: &IdedExpr) -> Option<Operand<'t>> {
        const EXACT: i128 = 1 << 53;
        if !(-EXACT..=EXACT).contains(&number) {
            let message =
                format!("`{number}` cannot be held exactly: JSON numbers are exact up to 2^53");
            return self.report(code::LITERAL, self.span(tree), message, None);
        }
        #[expect(clippy::cast_precision_loss, reason = "checked above to be exact")]
        Some(Operand::Literal(Literal::Number(number as f64)))
    }

    fn timestamp<'t>(&mut self, argument: &IdedExpr, tree: &IdedExpr) -> Option<Operand<'t>> {
        let Expr::Literal(LiteralValue::String(text)) = &argument.expr else {
            return self.report(
                code::CONSTRUCT,
                self.span(tree),
                "`timestamp` takes one text in quotes".to_owned(),
                None,
            );
        };
        match read_time(text.inner()) {
            Some(time) => Some(Operand::Literal(Literal::Time(time))),
            None => {
                let (span, message) = (
                    self.span(argument),
                    format!("`{}` is no instant", text.inner().escape_debug()),
                );
                match instant::mended(text.inner(), Side::Start) {
                    Some(mended) => {
                        let instead = format!("\"{}\"", mended.instant);
                        self.propose(code::LITERAL, span, message, mended.help, span, &instead)
                    }
                    None => {
                        let help = "instants are written as `2026-06-12T21:21:00Z` is".to_owned();
                        self.report(code::LITERAL, span, message, Some(help))
                    }
                }
            }
        }
    }

    /// Returns the literal in normalised form if it can be compared with the fact, otherwise
    /// reports a problem.
    pub(crate) fn literal(
        &mut self,
        fact: FactRef,
        kind: OperandKind,
        operand: Operand<'_>,
        tree: &IdedExpr,
    ) -> Option<Literal> {
        let name = self.fact_name(fact);
        let span = self.span(tree);
        match (kind, operand) {
            (OperandKind::Text, Operand::Literal(literal @ Literal::Text(_)))
            | (OperandKind::Number, Operand::Literal(literal @ Literal::Number(_)))
            | (
                OperandKind::Time | OperandKind::Now,
                Operand::Literal(literal @ Literal::Time(_)),
            ) => Some(literal),
            (OperandKind::Asn, Operand::Literal(Literal::Number(number))) => {
                if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) {
                    return Some(Literal::Number(number));
                }
                self.report(
                    code::LITERAL,
                    span,
                    format!("`{number}` is no number of an autonomous system"),
                    None,
                )
            }
            (OperandKind::Enum, Operand::Literal(Literal::Text(text))) => {
                let values = self.enum_values(fact).unwrap_or_default();
                if values.contains(&text) {
                    return Some(Literal::Text(text));
                }
                let help = suggestion::help(&text, values.iter().map(String::as_str));
                self.suggest(code::ENUM_VALUE, span, format!("`{name}` is never `{text}`"), help)
            }
            (OperandKind::Dialect, Operand::Literal(Literal::Text(text))) => {
                match self.names.dialects.get(text.as_str()) {
                    Some(true) => {}
                    Some(false) => {
                        let message =
                            format!("the dialect `{text}` is not guarded, so no request speaks it");
                        self.report::<()>(
                            code::UNGUARDED,
                            span,
                            message,
                            Some("add it to `dialects` under `[policy]`".to_owned()),
                        );
                    }
                    None => {
                        let help = suggestion::help(&text, self.names.dialects.keys().copied());
                        return self.suggest(
                            code::UNKNOWN_DIALECT,
                            span,
                            format!("there is no dialect `{text}`"),
                            help,
                        );
                    }
                }
                Some(Literal::Text(text))
            }
            (OperandKind::Operation, Operand::Literal(Literal::Text(text))) => {
                let known: Vec<String> = dialect::all()
                    .iter()
                    .flat_map(|dialect| dialect::operations(dialect.id))
                    .collect();
                if known.contains(&text) {
                    return Some(Literal::Text(text));
                }
                let help = suggestion::help(&text, known.iter().map(String::as_str));
                self.suggest(
                    code::ENUM_VALUE,
                    span,
                    format!("no dialect has an operation `{text}`"),
                    help,
                )
            }
            (
                OperandKind::Place | OperandKind::Country | OperandKind::Region,
                Operand::Literal(Literal::Text(text)),
            ) => {
                let place = list_entry::place(&text, span, self.problems)?;
                match (kind, place.region.is_some()) {
                    (OperandKind::Country, true) => self.ask_place(
                        "country",
                        format!("`{text}` is a region, and `country` is a country"),
                        tree,
                    ),
                    (OperandKind::Region, false) => self.ask_place(
                        "region",
                        format!("`{text}` is a country, and `region` is a region of one"),
                        tree,
                    ),
                    _ => Some(Literal::Place(place)),
                }
            }
            (OperandKind::Ip, Operand::Literal(Literal::Text(_))) => {
                let help = Some("declare a list of kind `cidr` and write `ip in ...`".to_owned());
                self.report(
                    code::CONSTRUCT,
                    span,
                    "`ip` is compared with a literal".to_owned(),
                    help,
                )
            }
            (OperandKind::Network, _) => {
                let help = Some("ask as in `\"tor\" in network`".to_owned());
                self.report(
                    code::TYPE,
                    span,
                    "`network` is a set of network kinds, and is asked whether it holds one"
                        .to_owned(),
                    help,
                )
            }
            (OperandKind::List, _) => {
                let help = Some(format!("ask as in `{name}.exists(x, x == \"...\")`"));
                self.report(
                    code::TYPE,
                    span,
                    format!("`{name}` is a list of texts, and is asked about its elements"),
                    help,
                )
            }
            (OperandKind::Time | OperandKind::Now, Operand::Literal(Literal::Text(text))) => {
                let message = format!("`{name}` is a time, and this is a text");
                let (instant, zone) = match (read_time(&text), instant::mended(&text, Side::Start))
                {
                    (Some(_), _) => (text, ""),
                    (None, Some(mended)) => {
                        (mended.instant, if mended.zoned { "" } else { ", if in UTC" })
                    }
                    (None, None) => {
                        let help =
                            "instants are written as `timestamp(\"2026-06-12T21:21:00Z\")` is"
                                .to_owned();
                        return self.report(code::TYPE, span, message, Some(help));
                    }
                };
                let instead = format!("timestamp(\"{instant}\")");
                self.propose(
                    code::TYPE,
                    span,
                    message,
                    format!("write `{instead}`{zone}"),
                    span,
                    &instead,
                )
            }
            (kind, operand) => {
                let number = match &operand {
                    Operand::Literal(Literal::Text(text)) if is_number(text) => Some(text.clone()),
                    _ => None,
                };
                let is = match operand {
                    Operand::Literal(Literal::Text(_)) => "a text",
                    Operand::Literal(Literal::Number(_)) => "a number",
                    Operand::Literal(Literal::Time(_)) => "a time",
                    Operand::Literal(Literal::Place(_)) => "a place",
                    Operand::Bool(_) => "true or false",
                    Operand::Items(_) | Operand::List(_) => "a list",
                    Operand::Fact(..) => "a fact",
                };
                let message = format!("`{name}` is {}, and this is {is}", kind.words());
                match (kind, number) {
                    (OperandKind::Enum | OperandKind::Text, _) if is == "a number" => {
                        let instead = format!("\"{}\"", self.source_of(tree));
                        self.propose(
                            code::TYPE,
                            span,
                            message,
                            "put it in quotes".to_owned(),
                            span,
                            &instead,
                        )
                    }
                    (OperandKind::Number | OperandKind::Asn, Some(number)) => self.propose(
                        code::TYPE,
                        span,
                        message,
                        "leave out the quotes".to_owned(),
                        span,
                        &number,
                    ),
                    (OperandKind::Bool, _) => self.report(
                        code::TYPE,
                        span,
                        message,
                        Some(format!("write it alone: `{name}`, or `!{name}` for its opposite")),
                    ),
                    _ => self.report(code::TYPE, span, message, None),
                }
            }
        }
    }
}

impl ConditionReader<'_, '_> {
    /// Reports that `country` is compared with a region, or `region` with a country, and proposes
    /// `place`, which accepts both.
    fn ask_place<T>(&mut self, name: &str, message: String, tree: &IdedExpr) -> Option<T> {
        let span = self.span(tree);
        let help = "`place` can be held against either: write `place` for it".to_owned();
        // Take the nearest occurrence of the fact's name before the literal, or after it if the
        // literal comes first.
        let (start, end) = self.extent(tree);
        let before = self.source.get(..start).and_then(|text| text.rfind(name));
        let behind = self.source.get(end..).and_then(|text| text.find(name)).map(|at| end + at);
        match before.or(behind) {
            Some(at) => {
                let at = self.position.span(at, at + name.len());
                self.propose(code::TYPE, span, message, help, at, "place")
            }
            None => self.report(code::TYPE, span, message, Some(help)),
        }
    }
}

fn is_logic(function: &str) -> bool {
    use operators as o;
    let logic = [
        o::LOGICAL_AND,
        o::LOGICAL_OR,
        o::LOGICAL_NOT,
        o::EQUALS,
        o::NOT_EQUALS,
        o::LESS,
        o::LESS_EQUALS,
        o::GREATER,
        o::GREATER_EQUALS,
        o::IN,
    ];
    logic.contains(&function) || matches!(function, "startsWith" | "exists" | "all")
}
