//! Parses TOML and JSON into one kind of tree, in which every key and value has its span.
//!
//! Input: the text of a file. Output: the tree. Values that a syntax error touches are marked as
//! broken, so that the rest can still be checked. This module does not know which keys exist;
//! [`shape`](crate::policy::document::shape) does.

use std::ops::Range;

use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, ast, parse_to_ast};
use toml::de::{DeTable, DeValue};

use crate::policy::check::instant;
use crate::policy::check::instant::Side;
use crate::policy::diagnostic::code;
use crate::policy::diagnostic::problem::{Edit, Fix, Problem};
use crate::policy::model::Span;

/// A value and its span. The span of a TOML table in brackets is its header.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    /// A TOML date or time in RFC 3339 form.
    Time(String),
    Array(Vec<Node>),
    Table(Vec<(Key, Node)>),
    /// A value that a syntax error touches. The error has been reported.
    Broken,
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) span: Span,
    pub(crate) name: String,
}

impl Node {
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match &self.value {
            Value::Table(entries) => {
                entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
            }
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the type in plain words.
    pub(crate) const fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Integer(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Text(_) => "a text",
            Value::Time(_) => "a date or time",
            Value::Array(_) => "a list",
            Value::Table(_) => "a table",
            Value::Broken => "unreadable",
        }
    }
}

/// Parses a file. Returns `None` if a syntax error leaves the structure of the rest unclear, so
/// that further checks would blame the wrong lines.
pub(crate) fn read(
    file: usize,
    name: &str,
    text: &str,
    problems: &mut Vec<Problem>,
) -> Option<Node> {
    // A TOML document never begins with a brace.
    let json = name.to_ascii_lowercase().ends_with(".json") || text.trim_start().starts_with('{');
    let reader = TreeReader { file, text };
    if json { reader.json(problems) } else { reader.toml(problems) }
}

struct TreeReader<'a> {
    file: usize,
    text: &'a str,
}

impl TreeReader<'_> {
    /// Moves the range to character boundaries. The parsers count bytes and may stop inside a
    /// character.
    fn span(&self, start: usize, end: usize) -> Span {
        let start = self.text.floor_char_boundary(start.min(self.text.len()));
        Span {
            file: self.file,
            start,
            end: self.text.ceil_char_boundary(end.clamp(start, self.text.len())),
        }
    }

    fn toml(&self, problems: &mut Vec<Problem>) -> Option<Node> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        let mut errors: Vec<_> =
            errors.iter().map(|error| (error.span().unwrap_or(0..0), error.message())).collect();
        errors.sort_by_key(|(range, _)| range.start);
        let broken: Vec<_> = errors.iter().map(|(range, _)| range.clone()).collect();
        // An unclosed bracket or quote swallows the text after it. So errors in that text are not
        // real, and keys that seem to be missing may be there.
        let unclosed = errors.iter().find(|(_, message)| {
            message.contains("unclosed") || message.starts_with("invalid multi-line")
        });
        let opening = unclosed.map(|(range, message)| {
            (self.opening(table.get_ref(), range.end).unwrap_or(range.clone()), *message)
        });
        let mut last = None;
        for (range, message) in errors {
            if opening.as_ref().is_some_and(|(from, _)| range.start >= from.start) {
                break;
            }
            // Report one error a line; the others are consequences.
            let line = self.text.get(..range.start).unwrap_or_default().matches('\n').count();
            if last.replace(line) != Some(line) {
                let problem = syntax(self.span(range.start, range.end), "TOML", message);
                problems.push(self.quoting(range.start, problem));
            }
        }
        if let Some((range, message)) = opening {
            problems.push(syntax(self.span(range.start, range.end), "TOML", message));
            return None;
        }
        Some(self.toml_table(table.get_ref(), self.span(0, self.text.len().min(1)), &broken))
    }

    /// Adds advice to a syntax error in a line whose value contains the kind of quotes that enclose
    /// it, or whose condition has no quotes.
    fn quoting(&self, at: usize, problem: Problem) -> Problem {
        const LONG: &str = "'''";
        let start =
            self.text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |line| line + 1);
        let line = self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let Some((key, value)) = line.split_once('=') else { return problem };
        let (condition, said) = (matches!(key.trim(), "when" | "unless"), value.trim());
        let whole = start + (line.len() - value.trim_start().len());
        let whole = self.span(whole, whole + said.len());
        // The quotes may not be the mistake: propose an edit only if the present value does not
        // parse and the proposed one does.
        let is_read = |value: &str| DeTable::parse(&format!("key = {value}")).is_ok();
        if is_read(said) {
            return problem;
        }
        let instant = match key.trim() {
            "from" => instant::mended(said, Side::Start),
            "until" | "expires" => instant::mended(said, Side::End),
            _ => None,
        };
        if let Some(mended) = instant {
            return problem
                .help(mended.help)
                .fix(Some(Fix { span: whole, edit: Edit::Text(mended.instant) }));
        }
        let quote = said.chars().next().filter(|first| {
            matches!(first, '"' | '\'') && said.len() > 1 && said.ends_with(*first)
        });
        let inner = match quote {
            Some(quote) => said
                .strip_prefix(quote)
                .and_then(|rest| rest.strip_suffix(quote))
                .unwrap_or_default(),
            None if condition && !said.starts_with(['"', '\'']) => said,
            None => return problem,
        };
        // Three quotes begin another kind of text, and a comment after the value is not part of it.
        let quoted = |end: &str| end.starts_with(['"', '\'']);
        if inner.is_empty()
            || quoted(inner) && inner.len() < 3
            || inner.contains(['#', '\\'])
            || inner.contains(LONG)
        {
            return problem;
        }
        let mended = match inner.contains('\'') {
            // CEL accepts both kinds of quotes.
            true if condition && !inner.contains('"') => format!("'{}'", inner.replace('\'', "\"")),
            true if inner.ends_with('\'') => format!("{LONG}{inner} {LONG}"),
            true => format!("{LONG}{inner}{LONG}"),
            false => format!("'{inner}'"),
        };
        if !is_read(&mended) {
            return problem;
        }
        let why = if condition {
            "conditions go into single quotes"
        } else {
            "a text that holds quotes goes into others"
        };
        problem
            .help(format!("{why}: `{} = {mended}`", key.trim()))
            .fix(Some(Fix { span: whole, edit: Edit::Text(mended) }))
    }

    /// Returns the first byte of the outermost value that extends to `end`.
    fn opening(&self, table: &DeTable<'_>, end: usize) -> Option<Range<usize>> {
        table.iter().find_map(|(_, value)| {
            let range = value.span();
            match value.get_ref() {
                DeValue::Table(table) if self.text.get(range.start..)?.starts_with('[') => {
                    self.opening(table, end)
                }
                DeValue::Array(array)
                    if self.text.get(range.start..)?.starts_with("[[") && range.end < end =>
                {
                    array.iter().find_map(|item| self.opening(item.get_ref().as_table()?, end))
                }
                _ if range.end >= end || range.contains(&end) => Some(range.start..range.start + 1),
                _ => None,
            }
        })
    }

    fn toml_table(&self, table: &DeTable<'_>, span: Span, broken: &[Range<usize>]) -> Node {
        let mut entries: Vec<_> = table
            .iter()
            .map(|(key, value)| {
                let key_span = key.span();
                let key = Key {
                    span: self.span(key_span.start, key_span.end),
                    name: key.get_ref().to_string(),
                };
                (key, self.toml_value(value.get_ref(), value.span(), broken))
            })
            .collect();
        entries.sort_by_key(|(key, _)| key.span.start);
        Node { span, value: Value::Table(entries) }
    }

    fn toml_value(
        &self,
        value: &DeValue<'_>,
        range: Range<usize>,
        broken: &[Range<usize>],
    ) -> Node {
        let span = self.span(range.start, range.end);
        let hit = broken.iter().any(|error| error.start <= range.end && range.start <= error.end);
        let value = match value {
            DeValue::Table(table) => return self.toml_table(table, span, broken),
            DeValue::Array(array) => Value::Array(
                array
                    .iter()
                    .map(|item| self.toml_value(item.get_ref(), item.span(), broken))
                    .collect(),
            ),
            _ if hit => Value::Broken,
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => {
                match i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()) {
                    Ok(number) => Value::Integer(number),
                    Err(_) => number.as_str().parse().map_or(Value::Broken, Value::Float),
                }
            }
            DeValue::Float(number) => {
                number.as_str().replace('_', "").parse().map_or(Value::Broken, Value::Float)
            }
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Datetime(time) => Value::Time(time.to_string()),
        };
        Node { span, value }
    }

    fn json(&self, problems: &mut Vec<Problem>) -> Option<Node> {
        let strict = ParseOptions {
            allow_comments: false,
            allow_loose_object_property_names: false,
            allow_trailing_commas: false,
            allow_missing_commas: false,
            allow_single_quoted_strings: false,
            allow_hexadecimal_numbers: false,
            allow_unary_plus_numbers: false,
            allow_bare_decimal_point_numbers: false,
            allow_non_finite_numbers: false,
            allow_extended_string_escapes: false,
        };
        match parse_to_ast(self.text, &CollectOptions::default(), &strict) {
            Ok(document) => match document.value {
                Some(value) => Some(self.json_value(&value, problems)),
                None => {
                    problems.push(syntax(self.span(0, 0), "JSON", "the file is empty"));
                    None
                }
            },
            Err(error) => {
                let range = error.range();
                let mut message = error.kind().to_string();
                if let Some(first) = message.get_mut(..1) {
                    first.make_ascii_lowercase();
                }
                problems.push(syntax(self.span(range.start, range.end), "JSON", &message));
                None
            }
        }
    }

    fn json_value(&self, value: &ast::Value<'_>, problems: &mut Vec<Problem>) -> Node {
        let range = value.range();
        let mut span = self.span(range.start, range.end);
        let value = match value {
            ast::Value::StringLit(node) => Value::Text(node.value.to_string()),
            ast::Value::NumberLit(node) => match node.value.parse() {
                Ok(number) => Value::Integer(number),
                Err(_) => node.value.parse().map_or(Value::Broken, Value::Float),
            },
            ast::Value::BooleanLit(node) => Value::Bool(node.value),
            ast::Value::NullKeyword(_) => Value::Null,
            ast::Value::Array(node) => Value::Array(
                node.elements.iter().map(|item| self.json_value(item, problems)).collect(),
            ),
            ast::Value::Object(node) => {
                let mut entries: Vec<(Key, Node)> = Vec::with_capacity(node.properties.len());
                let mut seen = std::collections::BTreeMap::new();
                for property in &node.properties {
                    let name = property.name.as_str().to_owned();
                    let range = property.name.range();
                    let key = self.span(range.start, range.end);
                    let value = self.json_value(&property.value, problems);
                    match seen.insert(name.clone(), key) {
                        Some(first) => problems.push(
                            syntax(key, "JSON", &format!("duplicate key `{name}`"))
                                .related(first, "first written here"),
                        ),
                        None => entries.push((Key { span: key, name }, value)),
                    }
                }
                // A problem points at the opening brace, not at the whole object.
                span.end = span.end.min(span.start + 1);
                Value::Table(entries)
            }
        };
        Node { span, value }
    }
}

fn syntax(span: Span, language: &str, message: &str) -> Problem {
    let problem =
        Problem::new(code::SYNTAX, span, format!("not well-formed {language}: {message}"));
    if message.contains("must be quoted") {
        return problem.help("put texts in quotes: `\"...\"`");
    }
    if message.contains("unclosed") || message.starts_with("invalid multi-line") {
        return problem.help("it is opened here and never closed; what follows was not read");
    }
    if language == "JSON" && message.contains("unexpected token") {
        return problem.help("inside a text a `\"` is written `\\\"`");
    }
    if message.contains("invalid datetime") || message.contains("date-time") {
        return problem.help("instants are written as `2026-06-12T21:21:00Z` is");
    }
    problem
}
