//! Reads `exists` and `all`: tests of each element of a list fact.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use super::operand::{Operand, OperandKind};
use super::reader::ConditionReader;
use super::reader::atom;
use crate::policy::diagnostic::code;
use crate::policy::model::BUILT_IN;
use crate::policy::model::{Condition, ElementTest, Entries, Literal, Test};

impl ConditionReader<'_, '_> {
    pub(crate) fn quantifier(
        &mut self,
        call: &CallExpr,
        variable: &IdedExpr,
        body: &IdedExpr,
        tree: &IdedExpr,
    ) -> Option<Condition> {
        let target = call.target.as_deref()?;
        let fact = match self.operand(target) {
            Some(Operand::Fact(fact, OperandKind::List)) => Some(fact),
            Some(Operand::Fact(fact, kind)) => {
                let message =
                    format!("`{}` is {}, not a list of texts", self.fact_name(fact), kind.words());
                self.report(code::TYPE, self.span(target), message, None)
            }
            Some(_) => {
                let message = format!("`{}` is asked of what is no list fact", call.func_name);
                self.report(code::TYPE, self.span(target), message, None)
            }
            None => None,
        };
        let Expr::Ident(name) = &variable.expr else {
            return self.report(
                code::ELEMENT,
                self.span(variable),
                "this should be a name for the element".to_owned(),
                Some("write `exists(c, ...)`".to_owned()),
            );
        };
        if self.names.by_name.contains_key(name.as_str())
            || BUILT_IN.iter().any(|(known, _)| known == name)
        {
            let help = Some("choose another name for the element".to_owned());
            return self.report(
                code::ELEMENT,
                self.span(variable),
                format!("`{name}` is already a fact or a list"),
                help,
            );
        }
        let test = self.element(body, name)?;
        let test = if call.func_name == "all" { Test::All(test) } else { Test::Exists(test) };
        Some(atom(fact?, test, self.span(tree)))
    }

    fn element(&mut self, tree: &IdedExpr, variable: &str) -> Option<ElementTest> {
        match &tree.expr {
            Expr::Literal(LiteralValue::Boolean(value)) => {
                Some(if *value.inner() { ElementTest::True } else { ElementTest::False })
            }
            Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
                (operators::LOGICAL_NOT, [inner]) => {
                    Some(ElementTest::Not(Box::new(self.element(inner, variable)?)))
                }
                (operators::LOGICAL_AND, _) => {
                    self.elements(tree, operators::LOGICAL_AND, variable).map(ElementTest::And)
                }
                (operators::LOGICAL_OR, _) => {
                    self.elements(tree, operators::LOGICAL_OR, variable).map(ElementTest::Or)
                }
                (operators::EQUALS, [left, right]) => self.same(left, right, variable),
                (operators::NOT_EQUALS, [left, right]) => {
                    Some(ElementTest::Not(Box::new(self.same(left, right, variable)?)))
                }
                (operators::IN, [left, right]) => {
                    self.variable(left, variable)?;
                    self.listed(right)
                }
                ("startsWith", [head]) if call.target.is_some() => {
                    self.variable(call.target.as_deref()?, variable)?;
                    let head_text = self.text(head)?;
                    if head_text.is_empty() {
                        return self.report(
                            code::LITERAL,
                            self.span(head),
                            "every text begins with the empty text".to_owned(),
                            None,
                        );
                    }
                    Some(ElementTest::StartsWith(head_text))
                }
                _ => self.strange(tree, variable),
            },
            _ => self.strange(tree, variable),
        }
    }

    fn elements(
        &mut self,
        tree: &IdedExpr,
        operator: &str,
        variable: &str,
    ) -> Option<Vec<ElementTest>> {
        let mut parts = Vec::new();
        let mut rest = vec![tree];
        let mut whole = true;
        while let Some(next) = rest.pop() {
            match &next.expr {
                Expr::Call(call) if call.func_name == operator && call.args.len() == 2 => {
                    rest.extend(call.args.iter().rev())
                }
                _ => match self.element(next, variable) {
                    Some(part) => parts.push(part),
                    None => whole = false,
                },
            }
        }
        whole.then_some(parts)
    }

    fn same(&mut self, left: &IdedExpr, right: &IdedExpr, variable: &str) -> Option<ElementTest> {
        let left_is = matches!(&left.expr, Expr::Ident(name) if name == variable);
        let (own, other) = if left_is { (left, right) } else { (right, left) };
        self.variable(own, variable)?;
        self.text(other).map(ElementTest::Equals)
    }

    fn listed(&mut self, tree: &IdedExpr) -> Option<ElementTest> {
        match self.operand(tree)? {
            Operand::Items(items) => {
                let mut texts = Vec::with_capacity(items.len());
                let mut whole = true;
                for item in items {
                    match self.text(item) {
                        Some(text) => texts.push(ElementTest::Equals(text)),
                        None => whole = false,
                    }
                }
                if !whole {
                    return None;
                }
                match texts.len() {
                    0 => self.report(
                        code::TYPE,
                        self.span(tree),
                        "the list is empty, so nothing is in it".to_owned(),
                        None,
                    ),
                    1 => texts.pop(),
                    _ => Some(ElementTest::Or(texts)),
                }
            }
            Operand::List(index) => match self.names.lists.get(index)?.entries {
                Entries::Places(_) | Entries::Texts(_) => Some(ElementTest::InList(index)),
                Entries::Ranges(_) | Entries::Numbers(_) => {
                    let message = "an element is a text, and the list holds no texts and no places"
                        .to_owned();
                    self.report(code::TYPE, self.span(tree), message, None)
                }
            },
            _ => self.report(
                code::TYPE,
                self.span(tree),
                "the right side of `in` is not a list".to_owned(),
                None,
            ),
        }
    }

    /// Accepts only the element's variable.
    fn variable(&mut self, tree: &IdedExpr, variable: &str) -> Option<()> {
        if matches!(&tree.expr, Expr::Ident(name) if name == variable) {
            return Some(());
        }
        self.strange(tree, variable)
    }

    fn text(&mut self, tree: &IdedExpr) -> Option<String> {
        match &tree.expr {
            Expr::Literal(LiteralValue::String(text)) => Some(text.inner().to_owned()),
            Expr::Ident(_) => {
                let message = format!(
                    "`{}` is another fact or list: the test of an element speaks of the element alone",
                    self.source_of(tree)
                );
                self.report(
                    code::ELEMENT,
                    self.span(tree),
                    message,
                    Some("compare it with a text in quotes".to_owned()),
                )
            }
            _ => match self.operand(tree)? {
                Operand::Literal(Literal::Text(text)) => Some(text),
                _ => self.report(
                    code::TYPE,
                    self.span(tree),
                    "an element is a text, and this is none".to_owned(),
                    None,
                ),
            },
        }
    }

    fn strange<T>(&mut self, tree: &IdedExpr, variable: &str) -> Option<T> {
        let span = self.span(tree);
        match &tree.expr {
            Expr::Ident(name) if name == variable => {
                let help = Some(format!("compare it: `{variable} == \"...\"`"));
                self.report(
                    code::TYPE,
                    span,
                    format!("`{variable}` is a text, not true or false"),
                    help,
                )
            }
            Expr::Ident(name) => {
                let message = format!(
                    "`{name}` is not the element, and the test of an element speaks of the element alone"
                );
                self.report(
                    code::ELEMENT,
                    span,
                    message,
                    Some(format!("use `{variable}`, or take the test out of the brackets")),
                )
            }
            Expr::Select(select) if matches!(&select.operand.expr, Expr::Ident(name) if name == variable) =>
            {
                let help = Some(format!("compare it as it is: `{variable} == \"...\"`"));
                self.report(
                    code::ELEMENT,
                    span,
                    format!("`{variable}` is a text and has no parts"),
                    help,
                )
            }
            Expr::Literal(_) | Expr::List(_) => self.report(
                code::ELEMENT,
                span,
                format!("this should be the element, `{variable}`"),
                None,
            ),
            Expr::Call(call)
                if matches!(
                    call.func_name.as_str(),
                    operators::LESS
                        | operators::LESS_EQUALS
                        | operators::GREATER
                        | operators::GREATER_EQUALS
                ) =>
            {
                self.report(
                    code::TYPE,
                    span,
                    format!("`{variable}` is a text, which has no order"),
                    Some("use `==`, `!=`, `in` or `startsWith`".to_owned()),
                )
            }
            Expr::Call(call) if matches!(call.func_name.as_str(), "exists" | "all") => self.report(
                code::CONSTRUCT,
                span,
                format!("`{}` inside the test of an element", call.func_name),
                Some("take it out of the brackets".to_owned()),
            ),
            _ => self.outside(tree),
        }
    }
}
