//! The reader of one condition, and its ways to report problems.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators};

use super::names::{Name, Names};
use crate::policy::diagnostic::code::{self, Code};
use crate::policy::diagnostic::problem::{Edit, Fix, Problem};
use crate::policy::diagnostic::suggestion::{self, Suggestion};
use crate::policy::model::{Atom, BUILT_IN, Condition, Entries, FactKind, FactRef, Span, Test};

/// The location of a condition in its file.
pub(crate) struct Position {
    pub(crate) whole: Span,
    pub(crate) offsets: Option<Vec<usize>>,
}

impl Position {
    /// Returns the span of these bytes of the condition, or of the whole condition if the quoting
    /// could not be mapped.
    pub(crate) fn span(&self, start: usize, end: usize) -> Span {
        let at = |byte: usize| Some(self.whole.start + *self.offsets.as_ref()?.get(byte)?);
        match (at(start), at(end)) {
            (Some(start), Some(end)) => Span { start, end, ..self.whole },
            _ => self.whole,
        }
    }
}

pub(crate) fn is_name(function: &str) -> bool {
    function.starts_with(|c: char| c.is_ascii_alphabetic())
}

pub(crate) fn atom(fact: FactRef, test: Test, span: Span) -> Condition {
    Condition::Atom(Atom { fact, test, span })
}

pub(crate) struct ConditionReader<'a, 'n> {
    pub(crate) position: Position,
    /// The condition is in quotes within which quotes are escaped.
    pub(crate) escaped: bool,
    /// The operand is compared with `now`, so it is not a misspelled `now`.
    pub(crate) beside_now: bool,
    pub(crate) source: &'a str,
    pub(crate) info: SourceInfo,
    pub(crate) names: &'a Names<'n>,
    pub(crate) problems: &'a mut Vec<Problem>,
}

impl ConditionReader<'_, '_> {
    /// Reports a construct that a finite index cannot hold.
    pub(crate) fn outside<T>(&mut self, tree: &IdedExpr) -> Option<T> {
        let span = self.span(tree);
        let (what, help) = match &tree.expr {
            Expr::Call(call) => return self.outside_call(call, tree),
            Expr::Select(select) => {
                let message = format!("`.{}` reaches into a value", select.field);
                if let Some(instead) = self.field_is_a_fact(select) {
                    return self.write_instead(code::CONSTRUCT, span, message, &instead);
                }
                if let Expr::Ident(of) = &select.operand.expr
                    && self.is_known(of)
                {
                    let help = match of.as_str() {
                        "place" => {
                            "of a place the gate knows `country` and `region`, no more".to_owned()
                        }
                        of => format!("`{of}` has no parts; compare it as it is"),
                    };
                    return self.report(code::CONSTRUCT, span, message, Some(help));
                }
                let whole = self.source_of(tree).to_owned();
                let help = format!(
                    "declare a fact with `claim = \"/{}\"` under `[facts]` and name that",
                    whole.replace('.', "/")
                );
                (message, help)
            }
            Expr::Literal(LiteralValue::Null) => (
                "`null` is a value of no fact".to_owned(),
                "a fact that is not there is unknown, and needs no test".to_owned(),
            ),
            Expr::Literal(_) | Expr::List(_) => {
                return self.report(
                    code::TYPE,
                    span,
                    "this is a value, not true or false".to_owned(),
                    None,
                );
            }
            Expr::Map(_) => {
                ("a map is written here".to_owned(), "use a list, `[\"...\"]`".to_owned())
            }
            Expr::Struct(_) => {
                ("a message is written here".to_owned(), "compare facts with literals".to_owned())
            }
            _ => (
                "this cannot be used in a condition".to_owned(),
                "compare facts with literals and lists".to_owned(),
            ),
        };
        self.report(code::CONSTRUCT, span, what, Some(help))
    }

    pub(crate) fn outside_call<T>(&mut self, call: &CallExpr, tree: &IdedExpr) -> Option<T> {
        let (what, help) = match call.func_name.as_str() {
            operators::CONDITIONAL => {
                ("`? :` chooses between values".to_owned(), "write it with `&&`, `||` and `!`")
            }
            operators::ADD
            | operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO
            | operators::NEGATE => {
                ("a value is computed here".to_owned(), "compare a fact with a literal as it is")
            }
            operators::INDEX | operators::OPT_INDEX | operators::OPT_SELECT => (
                "an index reaches into a value".to_owned(),
                "declare a fact with the `claim` of that value under `[facts]`",
            ),
            "has" => (
                "`has` asks whether a fact is known".to_owned(),
                "leave it out: an unknown fact makes the test unknown, and `doubt` says what follows",
            ),
            "exists_one" | "existsOne" | "map" | "filter" => (
                format!("`{}` is no yes-or-no question about elements", call.func_name),
                "use `exists` or `all`",
            ),
            "contains" | "endsWith" | "matches" => (
                format!("`{}` looks inside a text", call.func_name),
                "use `==`, `in` or `startsWith`, or have the account record say it as a fact",
            ),
            "size" => {
                ("`size` counts".to_owned(), "declare a number fact that the account record holds")
            }
            "timestamp" => (
                "`timestamp` is a value, not true or false".to_owned(),
                "compare a time fact or `now` with it",
            ),
            "startsWith" => (
                "`startsWith` is asked of a fact, with one text".to_owned(),
                "write `org.startsWith(\"...\")`",
            ),
            "exists" | "all" => (
                format!("`{}` is asked of a list fact, with a variable and a test", call.func_name),
                "write `citizenships.exists(c, c == \"...\")`",
            ),
            name => {
                let known = ["startsWith", "timestamp", "exists", "all"];
                let message = format!("there is no function `{name}` in conditions");
                let span = self.span(tree);
                if let Some(instead) =
                    suggestion::nearest(name, known).and_then(|near| self.called(near, call))
                {
                    let help = format!("did you mean `{instead}`?");
                    return self.propose(code::CONSTRUCT, span, message, help, span, &instead);
                }
                let help =
                    "the functions are `startsWith`, `timestamp`, `exists` and `all`".to_owned();
                return self.report(code::CONSTRUCT, span, message, Some(help));
            }
        };
        if call.target.is_none()
            && let Some(instead) = self.called(&call.func_name, call)
        {
            return self.write_instead(code::CONSTRUCT, self.span(tree), what, &instead);
        }
        self.report(code::CONSTRUCT, self.span(tree), what, Some(help.to_owned()))
    }

    pub(crate) fn report<T>(
        &mut self,
        code: &'static Code,
        span: Span,
        message: String,
        help: Option<String>,
    ) -> Option<T> {
        self.problems.push(Problem::new(code, span, message).help_if(help));
        None
    }

    pub(crate) fn suggest<T>(
        &mut self,
        code: &'static Code,
        span: Span,
        message: String,
        suggestion: Suggestion,
    ) -> Option<T> {
        self.problems.push(Problem::new(code, span, message).suggest(suggestion));
        None
    }

    /// Reports a problem with a help, and with CEL text to write at the span `at`.
    pub(crate) fn propose<T>(
        &mut self,
        code: &'static Code,
        span: Span,
        message: String,
        help: String,
        at: Span,
        instead: &str,
    ) -> Option<T> {
        let text = if self.escaped {
            instead.replace('\\', "\\\\").replace('"', "\\\"")
        } else {
            instead.to_owned()
        };
        let fix = Fix { span: at, edit: Edit::Text(text) };
        self.problems.push(Problem::new(code, span, message).help(help).fix(Some(fix)));
        None
    }

    /// Reports a problem with CEL text to write in its place.
    pub(crate) fn write_instead<T>(
        &mut self,
        code: &'static Code,
        span: Span,
        message: String,
        instead: &str,
    ) -> Option<T> {
        self.propose(code, span, message, format!("write `{instead}`"), span, instead)
    }

    pub(crate) fn is_known(&self, name: &str) -> bool {
        BUILT_IN.iter().any(|(known, _)| *known == name) || self.names.by_name.contains_key(name)
    }

    /// Returns a variable name that is neither a fact nor a list.
    pub(crate) fn variable_name(&self) -> &'static str {
        ["x", "c", "element", "item", "entry"]
            .into_iter()
            .find(|name| !self.is_known(name))
            .unwrap_or("x_")
    }

    /// For `place.country`, `account.org`: returns the name of the fact that the field corresponds
    /// to.
    pub(crate) fn field_is_a_fact(&self, select: &cel::common::ast::SelectExpr) -> Option<String> {
        let of = match &select.operand.expr {
            Expr::Ident(of) => of.as_str(),
            _ => "",
        };
        let field = select.field.as_str();
        if of == "network" && crate::facts::network::Network::KINDS.contains(&field) {
            return Some(format!("\"{field}\" in network"));
        }
        // `country` and `region` of a place are facts. A field of any other fact would refer to
        // something else.
        let part = match of {
            "place" => matches!(field, "country" | "region"),
            of if self.is_known(of) => false,
            _ => BUILT_IN.iter().any(|(name, _)| *name == field) || self.is_fact(field),
        };
        part.then(|| field.to_owned())
    }

    pub(crate) fn is_fact(&self, name: &str) -> bool {
        matches!(self.names.by_name.get(name), Some(Some(Name::Fact(_))))
    }

    /// Returns a call of this function with the arguments of the given call, or `None` if they do
    /// not fit.
    pub(crate) fn called(&self, function: &str, call: &CallExpr) -> Option<String> {
        let parts: Vec<&str> = call
            .target
            .as_deref()
            .into_iter()
            .chain(&call.args)
            .map(|part| self.source_of(part))
            .collect();
        match (function, parts.as_slice()) {
            ("timestamp", [text]) if call.func_name != "timestamp" => {
                Some(format!("timestamp({text})"))
            }
            ("startsWith", [fact, text]) if self.is_fact(fact) => {
                Some(format!("{fact}.startsWith({text})"))
            }
            ("exists" | "all", [fact, name, test]) if self.is_fact(fact) => {
                Some(format!("{fact}.{function}({name}, {test})"))
            }
            _ => None,
        }
    }

    /// Returns a fact that can be compared with the entries of a list.
    pub(crate) fn fact_for(&self, list: usize) -> &str {
        match self.names.lists.get(list).map(|list| &list.entries) {
            Some(Entries::Texts(_)) => {
                let text = self.names.facts.iter().find(|fact| fact.kind == FactKind::Text);
                text.map_or("...", |fact| fact.name.as_str())
            }
            Some(Entries::Ranges(_)) => "ip",
            Some(Entries::Numbers(_)) => "asn",
            Some(Entries::Places(_)) | None => "place",
        }
    }

    pub(crate) fn fact_name(&self, fact: FactRef) -> String {
        match fact {
            FactRef::Declared(index) => {
                self.names.facts.get(index).map_or("", |fact| fact.name.as_str()).to_owned()
            }
            built_in => BUILT_IN
                .iter()
                .find(|(_, other)| *other == built_in)
                .map_or("", |(name, _)| name)
                .to_owned(),
        }
    }

    pub(crate) fn enum_values(&self, fact: FactRef) -> Option<&[String]> {
        let FactRef::Declared(index) = fact else { return None };
        match &self.names.facts.get(index)?.kind {
            FactKind::Enum(values) => Some(values),
            _ => None,
        }
    }

    pub(crate) fn source_of(&self, tree: &IdedExpr) -> &str {
        let (start, end) = self.extent(tree);
        self.source.get(start..end).unwrap_or_default()
    }

    pub(crate) fn span(&self, tree: &IdedExpr) -> Span {
        let (start, end) = self.extent(tree);
        self.position.span(start, end)
    }

    /// Returns the first byte of a part of the condition and the byte after its last. The parser
    /// records one token of each node. The rest follows from the child nodes and the closing
    /// bracket.
    pub(crate) fn extent(&self, tree: &IdedExpr) -> (usize, usize) {
        let (mut start, mut end) = (usize::MAX, 0);
        let mut nodes = vec![tree];
        while let Some(node) = nodes.pop() {
            if let Some((from, to)) = self.info.offset_for(node.id) {
                start = start.min(usize::try_from(from).unwrap_or(0));
                end = end.max(usize::try_from(to).unwrap_or(0).saturating_add(1));
            }
            match &node.expr {
                Expr::Call(call) => {
                    nodes.extend(call.target.as_deref());
                    nodes.extend(&call.args);
                }
                Expr::List(list) => nodes.extend(&list.elements),
                Expr::Select(select) => {
                    // The node's token is the dot; the field follows it.
                    nodes.push(&select.operand);
                    if let Some((dot, _)) = self.info.offset_for(node.id) {
                        let after = self
                            .source
                            .get(usize::try_from(dot).unwrap_or(0).saturating_add(1)..)
                            .unwrap_or_default();
                        let blanks = after.len() - after.trim_start().len();
                        end = end.max(
                            usize::try_from(dot).unwrap_or(0) + 1 + blanks + select.field.len(),
                        );
                    }
                }
                _ => {}
            }
        }
        if let Expr::Call(call) = &tree.expr {
            // A call's token is its opening bracket; the name precedes it.
            if call.target.is_none() && is_name(&call.func_name) {
                let head = self.source.get(..start).unwrap_or_default().trim_end();
                if head.ends_with(call.func_name.as_str()) {
                    start = head.len() - call.func_name.len();
                }
            }
        }
        let closing = match &tree.expr {
            Expr::Call(call) if is_name(&call.func_name) => Some(')'),
            Expr::Call(call) if call.func_name == operators::INDEX => Some(']'),
            Expr::List(_) => Some(']'),
            Expr::Map(_) | Expr::Struct(_) => Some('}'),
            _ => None,
        };
        if let Some(closing) = closing {
            let rest = self.source.get(end..).unwrap_or_default();
            // Only blanks, commas and closing brackets of inner parts may precede it.
            if let Some(at) = rest.find(closing).filter(|at| {
                rest.get(..*at).is_some_and(|gap| gap.chars().all(|c| " \t\r\n,)]}".contains(c)))
            }) {
                end += at + 1;
            }
        }
        let end = end.min(self.source.len());
        (start.min(end), end)
    }
}
