//! Reads the CEL text of a condition into a typed condition.
//!
//! Input: the text of a `when` or `unless`, and the names that it may use. Output: a [`Condition`],
//! or problems that name the construct and its location in the policy file. The `cel` crate parses
//! the text. This module walks the resulting tree, both sides of every operator, so that one run
//! finds every mistake. No macro is expanded: `exists` and `all` appear as plain calls.

mod bounds;
mod element;
pub(crate) mod names;
mod operand;
mod reader;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use self::bounds::BoundError;
use self::names::Names;
use self::operand::{Items, Operand, OperandKind};
use self::reader::{ConditionReader, Position, atom};
use super::diagnostic::code;
use super::diagnostic::problem::{Edit, Problem};
use super::diagnostic::suggestion;
use super::document::quoted;
use super::document::spanned::Spanned;
use super::model::{Clause, Comparison, Condition, Entries, FactRef, Literal, Span, Test};

/// Maximum number of bytes of one condition. Conditions written by hand stay far below; long
/// generated ones should use a list.
pub(crate) const CONDITION_BYTES: usize = 65_536;

/// Reads a condition. Returns `None` and reports the problems if anything in it is wrong.
///
/// `raw` is the text as the file has it, with quotes and escapes.
pub(crate) fn read(
    text: &Spanned<String>,
    raw: &str,
    names: &Names<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Clause> {
    let position = Position { whole: text.span, offsets: quoted::offsets(raw, &text.value) };
    let inside = position.span(0, text.value.len());
    let source = text.value.as_str();
    if source.len() > CONDITION_BYTES {
        let message =
            format!("the condition has {} bytes, and {CONDITION_BYTES} are allowed", source.len());
        problems.push(
            Problem::new(code::TOO_LARGE, inside, message).help("put what repeats into a list"),
        );
        return None;
    }
    if source.trim().is_empty() {
        let problem = Problem::new(code::CONDITION_SYNTAX, text.span, "the condition is empty");
        problems.push(problem.help("leave the key out, or write `true` or `false`"));
        return None;
    }
    if let Some(excess) = bounds::excess(source) {
        let (code, start, end, message, help) = match excess {
            BoundError::Depth { at } => (
                code::TOO_LARGE,
                at,
                at + 1,
                "the condition is nested too deeply",
                Some("put what repeats into a list"),
            ),
            BoundError::Links { at } => (
                code::TOO_LARGE,
                at,
                at + 1,
                "too many operators in a row",
                Some("join tests with `&&` and `||`"),
            ),
            BoundError::Open { at } => {
                (code::CONDITION_SYNTAX, at, source.len(), "the text is not closed", None)
            }
            BoundError::Escape { at } => {
                let help =
                    "a backslash in a text is written `\\\\`, or put `r` in front of the quotes";
                (
                    code::CONDITION_SYNTAX,
                    at,
                    source.ceil_char_boundary(at + 2),
                    "CEL has no such escape",
                    Some(help),
                )
            }
        };
        problems.push(
            Problem::new(code, position.span(start, end), message).help_if(help.map(str::to_owned)),
        );
        return None;
    }
    let parsed =
        cel::Env::default().with_optional_support(false).parser().parse_with_source_info(source);
    let (tree, info) = match parsed {
        Ok(parsed) => parsed,
        Err(errors) => {
            let (start, end, message, help) = syntax(source, errors.errors.first());
            let span = position.span(start, end);
            let code =
                if message.contains("nested") { code::TOO_LARGE } else { code::CONDITION_SYNTAX };
            let problem = Problem::new(code, span, message);
            problems.push(match help {
                Some(Help::Write(word, sign)) => {
                    problem.help(format!("{word} is `{sign}`")).edit(Edit::Text(sign.to_owned()))
                }
                Some(Help::Say(help)) => problem.help(help),
                None => problem,
            });
            return None;
        }
    };
    let before = problems.len();
    let mut reader = ConditionReader {
        position,
        escaped: raw.starts_with('"'),
        beside_now: false,
        source,
        info,
        names,
        problems,
    };
    let condition = reader.condition(&tree);
    // A part that was not understood has been reported, here or at the declaration of its name.
    let condition =
        condition.filter(|_| !problems.iter().skip(before).any(|p| p.code.id.starts_with('E')))?;
    Some(Clause { text: text.value.clone(), condition, span: inside })
}

/// Advice on a syntax error.
enum Help {
    /// The construct in words, and the operator to write instead.
    Write(&'static str, &'static str),
    Say(&'static str),
}

/// Returns where the parser stopped (start and end byte), a message and advice. The parser's own
/// messages list every token of the grammar, so they are not shown.
fn syntax(source: &str, error: Option<&cel::ParseError>) -> (usize, usize, String, Option<Help>) {
    let (line, column, message) =
        error.map_or((1, 1, ""), |error| (error.pos.0, error.pos.1, error.msg.as_str()));
    if line < 1 || message.contains("ecursion") {
        let help = Help::Say("put what repeats into a list");
        return (0, source.len(), "the condition is nested too deeply".to_owned(), Some(help));
    }
    let line_start: usize = source
        .split_inclusive('\n')
        .take(usize::try_from(line - 1).unwrap_or(0))
        .map(str::len)
        .sum();
    let rest = source.get(line_start..).unwrap_or_default();
    let skipped: usize =
        rest.chars().take(usize::try_from(column - 1).unwrap_or(0)).map(char::len_utf8).sum();
    let start = (line_start + skipped).min(source.len());
    let rest = source.get(start..).unwrap_or_default();
    let Some(first) = rest.chars().next() else {
        let end = source.trim_end().len();
        return (end, end, "the condition ends where something should follow".to_owned(), None);
    };
    let word: usize = rest
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .map(char::len_utf8)
        .sum::<usize>()
        .max(first.len_utf8());
    // Treat an operator of two characters as one unit.
    let doubled = ["==", "&&", "||"].into_iter().find(|sign| rest.starts_with(sign));
    let shown = doubled.or(rest.get(..word)).unwrap_or_default();
    let word = shown.len();
    let alone = !source.get(..start).is_some_and(|before| before.ends_with(shown));
    let (help, message) = match (shown, message) {
        ("=", _) if alone => (Some(Help::Write("equality", "==")), None),
        ("&" | "and" | "AND", _) if alone => (Some(Help::Write("\"and\"", "&&")), None),
        ("|" | "or" | "OR", _) if alone => (Some(Help::Write("\"or\"", "||")), None),
        _ if matches!(before(source, start), "not" | "NOT") => {
            // The parser takes `not` for a name and stops after it.
            let end = source.get(..start).unwrap_or_default().trim_end().len();
            let message = format!("`{}` does not belong here", before(source, start));
            return (end - 3, end, message, Some(Help::Write("\"not\"", "!")));
        }
        _ if message.contains("int literal") => {
            (None, Some(format!("`{shown}` is no number that fits 64 bits")))
        }
        _ if message.contains("double literal") => (None, Some(format!("`{shown}` is no number"))),
        _ if message.contains("reserved") => {
            (None, Some(format!("`{shown}` is a reserved word of CEL")))
        }
        _ => (None, None),
    };
    let message =
        message.unwrap_or_else(|| format!("`{}` does not belong here", shown.escape_debug()));
    (start, start + word, message, help)
}

fn before(source: &str, at: usize) -> &str {
    source.get(..at).unwrap_or_default().split_whitespace().next_back().unwrap_or_default()
}

impl ConditionReader<'_, '_> {
    fn condition(&mut self, tree: &IdedExpr) -> Option<Condition> {
        match &tree.expr {
            Expr::Literal(LiteralValue::Boolean(value)) => {
                Some(if *value.inner() { Condition::True } else { Condition::False })
            }
            Expr::Ident(_) => {
                let operand = self.operand(tree)?;
                self.alone(&operand, tree)
            }
            Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
                (operators::LOGICAL_NOT, [inner]) => {
                    Some(Condition::Not(Box::new(self.condition(inner)?)))
                }
                (operators::LOGICAL_AND, _) => {
                    self.several(tree, operators::LOGICAL_AND).map(Condition::And)
                }
                (operators::LOGICAL_OR, _) => {
                    self.several(tree, operators::LOGICAL_OR).map(Condition::Or)
                }
                (operators::IN, [left, right]) => self.membership(left, right, tree),
                (name, [left, right]) if call.target.is_none() && comparison(name).is_some() => {
                    let (comparison, negated) = comparison(name)?;
                    let condition = self.compare(left, comparison, right, tree)?;
                    Some(if negated { Condition::Not(Box::new(condition)) } else { condition })
                }
                ("startsWith", [head]) if call.target.is_some() => {
                    self.starts_with(call, head, tree)
                }
                ("exists" | "all", [variable, body]) if call.target.is_some() => {
                    self.quantifier(call, variable, body, tree)
                }
                _ => self.outside(tree),
            },
            _ => self.outside(tree),
        }
    }

    /// Reads `a && b && c`, which the parser returns as a tree, into one flat list.
    fn several(&mut self, tree: &IdedExpr, operator: &str) -> Option<Vec<Condition>> {
        let mut parts = Vec::new();
        let mut rest = vec![tree];
        let mut whole = true;
        while let Some(next) = rest.pop() {
            match &next.expr {
                // The tree has no nodes for parentheses. Both operators are associative, so
                // grouping does not matter.
                Expr::Call(call) if call.func_name == operator && call.args.len() == 2 => {
                    rest.extend(call.args.iter().rev())
                }
                _ => match self.condition(next) {
                    Some(part) => parts.push(part),
                    None => whole = false,
                },
            }
        }
        whole.then_some(parts)
    }

    /// Reads a name that is used as a condition by itself.
    fn alone(&mut self, operand: &Operand<'_>, tree: &IdedExpr) -> Option<Condition> {
        let span = self.span(tree);
        match operand {
            Operand::Fact(fact, OperandKind::Bool) => Some(atom(*fact, Test::IsTrue, span)),
            Operand::Fact(fact, kind) => {
                let name = self.fact_name(*fact);
                let help = match kind {
                    OperandKind::Enum => {
                        let value = self
                            .enum_values(*fact)
                            .and_then(|values| values.first())
                            .cloned()
                            .unwrap_or_default();
                        format!("compare it: `{name} == \"{value}\"`")
                    }
                    OperandKind::Text | OperandKind::Operation | OperandKind::Dialect => {
                        format!("compare it: `{name} == \"...\"`")
                    }
                    OperandKind::Place | OperandKind::Country | OperandKind::Region => {
                        format!("compare it: `{name} in [\"...\"]`")
                    }
                    OperandKind::Time => format!("compare it: `{name} > now`"),
                    OperandKind::Now => "compare it: `now < timestamp(\"...\")`".to_owned(),
                    OperandKind::List => {
                        format!("ask about its elements: `{name}.exists(x, x == \"...\")`")
                    }
                    OperandKind::Network => "ask for a kind: `\"tor\" in network`".to_owned(),
                    OperandKind::Number | OperandKind::Asn => format!("compare it: `{name} == 1`"),
                    OperandKind::Ip => "ask for a list: `ip in some_list`".to_owned(),
                    OperandKind::Bool => String::new(),
                };
                self.report(
                    code::TYPE,
                    span,
                    format!("`{name}` is {}, not true or false", kind.words()),
                    Some(help),
                )
            }
            Operand::List(list) => {
                let name = self.names.lists.get(*list).map_or("", |list| list.name.as_str());
                self.report(
                    code::TYPE,
                    span,
                    format!("`{name}` is a list, not true or false"),
                    Some(format!("ask for membership: `{} in {name}`", self.fact_for(*list))),
                )
            }
            Operand::Literal(..) | Operand::Bool(_) | Operand::Items(_) => {
                self.report(code::TYPE, span, "this is a value, not true or false".to_owned(), None)
            }
        }
    }

    fn compare(
        &mut self,
        left: &IdedExpr,
        comparison: Comparison,
        right: &IdedExpr,
        tree: &IdedExpr,
    ) -> Option<Condition> {
        let is_now = |tree: &IdedExpr| matches!(&tree.expr, Expr::Ident(name) if name == "now");
        self.beside_now = is_now(left) || is_now(right);
        let (a, b) = (self.operand(left), self.operand(right));
        self.beside_now = false;
        let (a, b) = (a?, b?);
        // Put the fact on the left; of two facts, the one that is not `now`.
        let (fact, kind, comparison, other, other_tree) = match (a, b) {
            (Operand::Fact(FactRef::Now, _), Operand::Fact(fact, kind)) => (
                fact,
                kind,
                flipped(comparison),
                Operand::Fact(FactRef::Now, OperandKind::Now),
                left,
            ),
            (Operand::Fact(fact, kind), other) => (fact, kind, comparison, other, right),
            (other, Operand::Fact(fact, kind)) => (fact, kind, flipped(comparison), other, left),
            (..) => {
                let message = "neither side of the comparison is a fact".to_owned();
                return self.report(code::TYPE, self.span(tree), message, None);
            }
        };
        let span = self.span(tree);
        let name = self.fact_name(fact);
        if let Operand::Fact(other, other_kind) = other {
            if kind == OperandKind::Time && other_kind == OperandKind::Now {
                return Some(atom(fact, Test::VersusNow(comparison), span));
            }
            let message =
                format!("`{name}` is compared with another fact, `{}`", self.fact_name(other));
            return self.report(
                code::CONSTRUCT,
                span,
                message,
                Some(
                    "compare a fact with literals, lists or, if it is a time, with `now`"
                        .to_owned(),
                ),
            );
        }
        if let (OperandKind::Bool, Operand::Bool(value)) = (kind, &other)
            && comparison == Comparison::Equal
        {
            let test = atom(fact, Test::IsTrue, span);
            return Some(if *value { test } else { Condition::Not(Box::new(test)) });
        }
        let ordered = matches!(
            kind,
            OperandKind::Number | OperandKind::Asn | OperandKind::Time | OperandKind::Now
        );
        if let Operand::Items(_) | Operand::List(_) = other {
            let message = format!("`{name}` is compared with a list");
            return self.report(
                code::TYPE,
                span,
                message,
                Some(format!("ask whether it is in it: `{name} in ...`")),
            );
        }
        if comparison == Comparison::Equal
            && let Some((message, instead)) = self.asked_otherwise(fact, kind, &other, other_tree)
        {
            return self.write_instead(code::TYPE, span, message, &instead);
        }
        if comparison != Comparison::Equal && !ordered {
            let message = format!("`{name}` is {}, which has no order", kind.words());
            return self.report(
                code::TYPE,
                span,
                message,
                Some("use `==`, `!=` or `in`".to_owned()),
            );
        }
        let literal = self.literal(fact, kind, other, other_tree)?;
        let equal = comparison == Comparison::Equal;
        Some(match literal {
            Literal::Time(_) => atom(fact, Test::Order(comparison, literal), span),
            Literal::Number(_) if !equal => atom(fact, Test::Order(comparison, literal), span),
            _ => {
                self.us_alone(std::slice::from_ref(&literal), other_tree);
                atom(fact, Test::In(vec![literal]), span)
            }
        })
    }

    fn membership(
        &mut self,
        left: &IdedExpr,
        right: &IdedExpr,
        tree: &IdedExpr,
    ) -> Option<Condition> {
        let (a, b) = (self.operand(left), self.operand(right));
        let (a, b) = (a?, b?);
        let span = self.span(tree);
        match (a, b) {
            (Operand::Literal(Literal::Text(kind)), Operand::Fact(FactRef::Network, _)) => {
                match crate::facts::network::Network::KINDS.iter().position(|known| *known == kind)
                {
                    Some(bit) => Some(atom(
                        FactRef::Network,
                        Test::Has(u32::try_from(bit).unwrap_or(0)),
                        span,
                    )),
                    None => {
                        let help = suggestion::help(&kind, crate::facts::network::Network::KINDS);
                        self.suggest(
                            code::ENUM_VALUE,
                            self.span(left),
                            format!("`network` knows no kind `{kind}`"),
                            help,
                        )
                    }
                }
            }
            (_, Operand::Fact(FactRef::Network, _)) => {
                let help =
                    Some("one kind in quotes is asked for, as in `\"tor\" in network`".to_owned());
                self.report(
                    code::TYPE,
                    span,
                    "`network` holds kinds of network, and this asks for something else".to_owned(),
                    help,
                )
            }
            (left_operand, Operand::Fact(fact, OperandKind::List)) => {
                let name = self.fact_name(fact);
                let message = format!("`in` is applied to the list fact `{name}`");
                if let Operand::Literal(Literal::Text(_)) = left_operand {
                    let instead = format!(
                        "{name}.exists({0}, {0} == {1})",
                        self.variable_name(),
                        self.source_of(left)
                    );
                    return self.write_instead(code::CONSTRUCT, span, message, &instead);
                }
                self.report(
                    code::CONSTRUCT,
                    span,
                    message,
                    Some(format!("ask about its elements: `{name}.exists(x, ...)`")),
                )
            }
            (_, Operand::Fact(fact, kind)) => {
                let name = self.fact_name(fact);
                self.report(
                    code::TYPE,
                    self.span(right),
                    format!("`{name}` is {}, not a list", kind.words()),
                    None,
                )
            }
            (Operand::Fact(fact, kind), Operand::List(list)) => {
                self.in_list(fact, kind, list, span, right)
            }
            (Operand::Fact(fact, kind), Operand::Items(items)) => {
                self.in_items(fact, kind, items, span, right)
            }
            (_, Operand::List(_) | Operand::Items(_)) => self.report(
                code::TYPE,
                self.span(left),
                "the left side of `in` is not a fact".to_owned(),
                None,
            ),
            (_, Operand::Literal(_) | Operand::Bool(_)) => {
                let message = "the right side of `in` is not a list".to_owned();
                let (span, instead) = (self.span(right), format!("[{}]", self.source_of(right)));
                self.propose(
                    code::TYPE,
                    span,
                    message,
                    format!("write a list, `{instead}`, or use `==`"),
                    span,
                    &instead,
                )
            }
        }
    }

    fn in_items(
        &mut self,
        fact: FactRef,
        kind: OperandKind,
        items: Items<'_>,
        span: Span,
        right: &IdedExpr,
    ) -> Option<Condition> {
        if items.is_empty() {
            self.report::<()>(
                code::TYPE,
                self.span(right),
                "the list is empty, so nothing is in it".to_owned(),
                None,
            );
            return None;
        }
        let mut literals = Vec::with_capacity(items.len());
        let mut whole = true;
        for item in items {
            let literal =
                self.operand(item).and_then(|operand| self.literal(fact, kind, operand, item));
            match literal {
                Some(literal) if literals.contains(&literal) => {
                    let message = format!("{} is listed twice", self.source_of(item));
                    self.report::<()>(code::REDUNDANT, self.span(item), message, None);
                }
                Some(literal) => literals.push(literal),
                None => whole = false,
            }
        }
        if !whole {
            return None;
        }
        self.us_alone(&literals, right);
        if matches!(kind, OperandKind::Time | OperandKind::Now) {
            // Times are compared with thresholds. Equality with one of several is rare, and a
            // disjunction expresses it.
            let mut parts: Vec<_> = literals
                .into_iter()
                .map(|literal| atom(fact, Test::Order(Comparison::Equal, literal), span))
                .collect();
            return if parts.len() == 1 { parts.pop() } else { Some(Condition::Or(parts)) };
        }
        Some(atom(fact, Test::In(literals), span))
    }

    fn in_list(
        &mut self,
        fact: FactRef,
        kind: OperandKind,
        index: usize,
        span: Span,
        right: &IdedExpr,
    ) -> Option<Condition> {
        let list = self.names.lists.get(index)?;
        let literals = match (kind, &list.entries) {
            (OperandKind::Place, Entries::Places(_))
            | (OperandKind::Text, Entries::Texts(_))
            | (OperandKind::Number | OperandKind::Asn, Entries::Numbers(_))
            | (OperandKind::Ip, Entries::Ranges(_)) => {
                return Some(atom(fact, Test::InList(index), span));
            }
            (OperandKind::Country, Entries::Places(places))
                if places.iter().all(|place| place.region.is_none()) =>
            {
                places.iter().copied().map(Literal::Place).collect()
            }
            (OperandKind::Region, Entries::Places(places))
                if places.iter().all(|place| place.region.is_some()) =>
            {
                places.iter().copied().map(Literal::Place).collect()
            }
            (OperandKind::Country | OperandKind::Region, Entries::Places(_)) => {
                let what = if kind == OperandKind::Country { "regions" } else { "countries" };
                let message = format!(
                    "`{}` holds {what} too, which `{}` never is",
                    list.name,
                    self.fact_name(fact)
                );
                return self.write_instead(
                    code::TYPE,
                    span,
                    message,
                    &format!("place in {}", list.name),
                );
            }
            // Names of operations and dialects are public and few, so they become literals and the
            // list need not go into the bundle.
            (OperandKind::Operation | OperandKind::Dialect, Entries::Texts(texts))
                if !list.secret =>
            {
                texts.iter().cloned().map(Literal::Text).collect()
            }
            (_, entries) => {
                let holds = match entries {
                    Entries::Places(_) => "places",
                    Entries::Texts(_) => "texts",
                    Entries::Ranges(_) => "address ranges",
                    Entries::Numbers(_) => "numbers",
                };
                let message = format!(
                    "`{}` is {}, and `{}` holds {holds}",
                    self.fact_name(fact),
                    kind.words(),
                    list.name
                );
                return self.report(code::TYPE, self.span(right), message, None);
            }
        };
        Some(atom(fact, Test::In(literals), span))
    }

    fn starts_with(
        &mut self,
        call: &CallExpr,
        head: &IdedExpr,
        tree: &IdedExpr,
    ) -> Option<Condition> {
        let target = call.target.as_deref()?;
        let (fact, head_operand) = (self.operand(target), self.operand(head));
        let span = self.span(tree);
        match (fact?, head_operand?) {
            (Operand::Fact(..), Operand::Literal(Literal::Text(head_text)))
                if head_text.is_empty() =>
            {
                self.report(
                    code::LITERAL,
                    self.span(head),
                    "every text begins with the empty text".to_owned(),
                    None,
                )
            }
            (
                Operand::Fact(
                    fact,
                    OperandKind::Text | OperandKind::Operation | OperandKind::Dialect,
                ),
                Operand::Literal(Literal::Text(head)),
            ) => Some(atom(fact, Test::StartsWith(head), span)),
            (
                Operand::Fact(
                    fact,
                    OperandKind::Text | OperandKind::Operation | OperandKind::Dialect,
                ),
                _,
            ) => {
                let message =
                    format!("`startsWith` on `{}` takes a text in quotes", self.fact_name(fact));
                self.report(code::TYPE, self.span(head), message, None)
            }
            (Operand::Fact(fact, kind), _) => {
                let message = format!(
                    "`{}` is {}, not a text to begin somehow",
                    self.fact_name(fact),
                    kind.words()
                );
                self.report(code::TYPE, self.span(target), message, None)
            }
            _ => self.report(
                code::TYPE,
                self.span(target),
                "`startsWith` is asked of what is no fact".to_owned(),
                None,
            ),
        }
    }

    /// Warns if a test of a place names `US` and leaves out some of its territories.
    fn us_alone(&mut self, literals: &[Literal], tree: &IdedExpr) {
        let places = literals.iter().filter_map(|literal| match literal {
            Literal::Place(place) => Some(*place),
            _ => None,
        });
        if let Some(problem) = crate::policy::check::list_entry::us_alone(places, self.span(tree)) {
            self.problems.push(problem);
        }
    }

    /// For a comparison by `==` that facts of this kind do not support: returns the message and the
    /// CEL text to write instead.
    fn asked_otherwise(
        &self,
        fact: FactRef,
        kind: OperandKind,
        other: &Operand<'_>,
        tree: &IdedExpr,
    ) -> Option<(String, String)> {
        let Operand::Literal(Literal::Text(text)) = other else { return None };
        let name = self.fact_name(fact);
        match kind {
            OperandKind::Network
                if crate::facts::network::Network::KINDS.contains(&text.as_str()) =>
            {
                Some((
                    "`network` is a set of network kinds, and is asked whether it holds one"
                        .to_owned(),
                    format!("{} in network", self.source_of(tree)),
                ))
            }
            OperandKind::List => Some((
                format!("`{name}` is a list of texts, and is asked about its elements"),
                format!(
                    "{name}.exists({0}, {0} == {1})",
                    self.variable_name(),
                    self.source_of(tree)
                ),
            )),
            OperandKind::Bool => {
                let instead = match text.to_ascii_lowercase().as_str() {
                    "true" | "yes" => name.clone(),
                    "false" | "no" => format!("!{name}"),
                    _ => return None,
                };
                Some((format!("`{name}` is true or false, and this is a text"), instead))
            }
            _ => None,
        }
    }
}

/// Returns the comparison of a CEL operator, and whether the operator negates it.
fn comparison(operator: &str) -> Option<(Comparison, bool)> {
    Some(match operator {
        operators::EQUALS => (Comparison::Equal, false),
        operators::NOT_EQUALS => (Comparison::Equal, true),
        operators::LESS => (Comparison::Less, false),
        operators::LESS_EQUALS => (Comparison::AtMost, false),
        operators::GREATER_EQUALS => (Comparison::AtLeast, false),
        operators::GREATER => (Comparison::Greater, false),
        _ => return None,
    })
}

const fn flipped(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::AtMost => Comparison::AtLeast,
        Comparison::Equal => Comparison::Equal,
        Comparison::AtLeast => Comparison::AtMost,
        Comparison::Greater => Comparison::Less,
    }
}
