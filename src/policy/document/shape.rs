//! Checks that a tree has the shape of a policy, and reports every deviation at its location.
//!
//! Walks the tree and the JSON Schema side by side, for those keywords that the schema uses. A part
//! that does not fit is reported and removed: a list loses an entry, a table a key. The rest
//! deserializes without errors, so that the checks of meaning can continue with it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value as Schema;

use super::tree::{Node, Value};
use super::types::SCHEMA;
use crate::policy::diagnostic::code;
use crate::policy::diagnostic::problem::{Edit, Problem};
use crate::policy::diagnostic::suggestion;
use crate::policy::diagnostic::suggestion::Suggestion;
use crate::policy::model::Span;

/// Keys that were present and have been removed, each with the span of its table. Their values are
/// unknown, but they do not count as missing.
#[derive(Default)]
pub(crate) struct Broken(BTreeSet<(Span, String)>);

impl Broken {
    /// Returns whether a broken value of this key was removed from the table with this span.
    pub(crate) fn had(&self, table: Span, key: &str) -> bool {
        self.0.contains(&(table, key.to_owned()))
    }
}

/// Reports and removes everything that does not fit. Returns false if the whole tree does not fit.
pub(crate) fn check(node: &mut Node, broken: &mut Broken, problems: &mut Vec<Problem>) -> bool {
    walk(node, &SCHEMA, "the file", broken, problems)
}

fn walk(
    node: &mut Node,
    schema: &Schema,
    name: &str,
    broken: &mut Broken,
    problems: &mut Vec<Problem>,
) -> bool {
    if matches!(node.value, Value::Broken) {
        return false;
    }
    let Some(schema) = resolve(schema, node) else {
        let lists = schema
            .get("anyOf")
            .and_then(|kinds| kinds.pointer("/1/type"))
            .is_some_and(|kind| kind == "array");
        let kinds = if lists { "a text or a list" } else { "a text or a table" };
        problems.push(Problem::new(
            code::WRONG_TYPE,
            node.span,
            format!("{name} is {}, but must be {kinds}", node.kind()),
        ));
        return false;
    };
    if let Some(words) = words(schema) {
        return word(node, &words, name, problems);
    }
    if !fits_type(node, schema) {
        problems.push(wrong_type(node, schema, name));
        return false;
    }
    if !in_range(node, schema, name, problems) {
        return false;
    }
    match &mut node.value {
        Value::Table(_) => {
            table(node, schema, name, broken, problems);
            true
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                let name = format!("an entry of {name}");
                items.retain_mut(|item| walk(item, schema, &name, broken, problems));
            }
            true
        }
        _ => true,
    }
}

fn table(
    node: &mut Node,
    schema: &Schema,
    name: &str,
    broken: &mut Broken,
    problems: &mut Vec<Problem>,
) {
    let span = node.span;
    let Value::Table(entries) = &mut node.value else { return };
    let properties = schema.get("properties").and_then(Schema::as_object);
    let others = schema.get("additionalProperties");
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Schema::as_array)
        .into_iter()
        .flatten()
        .filter_map(Schema::as_str)
        .collect();
    for needed in &required {
        if !entries.iter().any(|(key, _)| key.name == *needed) {
            problems.push(
                Problem::new(code::MISSING_KEY, span, format!("{name} has no `{needed}`")).help_if(
                    description(properties.and_then(|properties| properties.get(*needed)), needed),
                ),
            );
        }
    }
    let present: BTreeSet<String> = entries.iter().map(|(key, _)| key.name.clone()).collect();
    entries.retain_mut(|(key, value)| {
        let known = properties.and_then(|properties| properties.get(&key.name));
        let Some(schema) = known.or_else(|| others.filter(|others| others.is_object())) else {
            let names =
                properties.into_iter().flat_map(|properties| properties.keys()).map(String::as_str);
            let mut suggestion = suggestion::help(&key.name, names);
            // Suggesting a key that the table already has would produce a duplicate.
            suggestion.word = suggestion.word.filter(|word| !present.contains(word));
            problems.push(
                Problem::new(
                    code::UNKNOWN_KEY,
                    key.span,
                    format!("{name} has no key `{}`", key.name),
                )
                .suggest(suggestion),
            );
            return false;
        };
        let fits = walk(value, schema, &format!("`{}`", key.name), broken, problems);
        if !fits {
            broken.0.insert((span, key.name.clone()));
        }
        fits
    });
}

/// Follows references, and chooses the alternative that fits the node's type.
fn resolve<'a>(schema: &'a Schema, node: &Node) -> Option<&'a Schema> {
    let mut schema = schema;
    // A generated schema has no circular references. The bound makes termination certain.
    for _ in 0..8 {
        if let Some(reference) = schema.get("$ref").and_then(Schema::as_str) {
            schema = SCHEMA.pointer(reference.trim_start_matches('#'))?;
        } else if let Some(alternatives) = schema.get("anyOf").and_then(Schema::as_array) {
            schema = alternatives.iter().find(|schema| {
                resolve(schema, node).is_some_and(|schema| fits_type(node, schema))
            })?;
        } else {
            return Some(schema);
        }
    }
    None
}

/// Returns the allowed words of an enumeration, in either of the schema's notations.
fn words(schema: &Schema) -> Option<Vec<&Schema>> {
    if let Some(words) = schema.get("enum").and_then(Schema::as_array) {
        return Some(words.iter().collect());
    }
    let alternatives = schema.get("oneOf").and_then(Schema::as_array)?;
    let mut all = Vec::new();
    for alternative in alternatives {
        match alternative.get("const") {
            Some(word) => all.push(word),
            None => all.extend(alternative.get("enum").and_then(Schema::as_array)?),
        }
    }
    Some(all)
}

fn word(node: &Node, words: &[&Schema], name: &str, problems: &mut Vec<Problem>) -> bool {
    let same = |word: &&&Schema| match &node.value {
        Value::Text(text) => word.as_str() == Some(text),
        Value::Integer(number) => word.as_i64() == Some(*number),
        _ => false,
    };
    if words.iter().any(|word| same(&word)) {
        return true;
    }
    let shown = words
        .iter()
        .map(|word| format!("`{}`", word.as_str().map_or_else(|| word.to_string(), str::to_owned)));
    let shown = list(&shown.collect::<Vec<_>>());
    let problem = match (&node.value, words.first()) {
        (Value::Text(text), Some(Schema::String(_))) => {
            let near = suggestion::nearest(text, words.iter().filter_map(|word| word.as_str()));
            Problem::new(
                code::NOT_A_CHOICE,
                node.span,
                format!("{name} is `{text}`, but must be {shown}"),
            )
            .suggest(Suggestion::near(near))
        }
        (Value::Integer(number), Some(Schema::Number(_))) => Problem::new(
            code::NOT_A_CHOICE,
            node.span,
            format!("{name} is `{number}`, but must be {shown}"),
        ),
        _ => Problem::new(
            code::WRONG_TYPE,
            node.span,
            format!("{name} is {}, but must be {shown}", node.kind()),
        ),
    };
    problems.push(problem);
    false
}

fn fits_type(node: &Node, schema: &Schema) -> bool {
    let one = |kind: &str| match (&node.value, kind) {
        (Value::Bool(_), "boolean")
        | (Value::Integer(_), "integer" | "number")
        | (Value::Text(_), "string")
        | (Value::Array(_), "array")
        | (Value::Table(_), "object") => true,
        (Value::Float(number), "number") => number.is_finite(),
        (Value::Time(_), "string") => schema.get("format").is_some(),
        _ => false,
    };
    match schema.get("type") {
        Some(Schema::String(kind)) => one(kind),
        Some(Schema::Array(kinds)) => kinds.iter().filter_map(Schema::as_str).any(one),
        _ => true,
    }
}

fn wrong_type(node: &Node, schema: &Schema, name: &str) -> Problem {
    let format = schema.get("format").and_then(Schema::as_str);
    let one = |kind: &str| match (kind, format) {
        ("string", Some("date-time")) => "an instant",
        ("string", Some("date")) => "a day",
        ("string", _) => "a text",
        ("integer", _) => "a whole number",
        ("number", _) => "a number",
        ("boolean", _) => "`true` or `false`",
        ("array", _) => "a list",
        _ => "a table",
    };
    let kinds: Vec<&str> = match schema.get("type") {
        Some(Schema::Array(kinds)) => kinds.iter().filter_map(Schema::as_str).collect(),
        Some(Schema::String(kind)) => vec![kind],
        _ => Vec::new(),
    };
    if matches!(&node.value, Value::Float(number) if !number.is_finite()) {
        return Problem::new(code::WRONG_TYPE, node.span, format!("{name} is not finite"));
    }
    let expected = list(&kinds.iter().map(|kind| one(kind).to_owned()).collect::<Vec<_>>());
    let texts = || {
        schema
            .get("items")
            .and_then(|items| resolve(items, node))
            .is_some_and(|items| fits_type(node, items))
    };
    let (help, edit) = match (&node.value, kinds.first().copied(), format) {
        (Value::Text(_), Some("array"), _) if texts() => {
            ("put it in brackets: `[\"...\"]`", Some(Edit::Between("[", "]")))
        }
        (Value::Text(text), Some("boolean"), _) if matches!(text.as_str(), "true" | "false") => {
            ("leave out the quotes", Some(Edit::Text(text.clone())))
        }
        (Value::Text(text), Some("integer"), _) if is_number(text) && !text.contains('.') => {
            ("leave out the quotes", Some(Edit::Text(text.clone())))
        }
        (Value::Text(text), Some("number"), _) if is_number(text) => {
            ("leave out the quotes", Some(Edit::Text(text.clone())))
        }
        (_, Some("string"), Some("date-time")) => {
            ("instants are written as `2026-06-12T21:21:00Z` is", None)
        }
        (_, Some("string"), Some("date")) => ("days are written as `2026-07-08` is", None),
        (
            Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Time(_),
            Some("string"),
            None,
        ) => ("put it in quotes", Some(Edit::Between("\"", "\""))),
        _ => ("", None),
    };
    let problem = Problem::new(
        code::WRONG_TYPE,
        node.span,
        format!("{name} is {}, but must be {expected}", node.kind()),
    );
    let problem = problem.help_if(Some(help.to_owned()).filter(|help| !help.is_empty()));
    match edit {
        Some(edit) => problem.edit(edit),
        None => problem,
    }
}

/// Returns whether the text is a number that TOML and JSON both accept, without an exponent and
/// with at most 15 digits on each side of the point.
pub(crate) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let all = |text: &str| {
        !text.is_empty() && text.len() <= 15 && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    all(whole) && all(part) && (whole == "0" || !whole.starts_with('0'))
}

fn in_range(node: &Node, schema: &Schema, name: &str, problems: &mut Vec<Problem>) -> bool {
    let bound = |key: &str| schema.get(key).and_then(Schema::as_f64);
    let (size, least, most, what) = match &node.value {
        #[expect(clippy::cast_precision_loss, reason = "compared with small bounds")]
        Value::Integer(number) => (*number as f64, bound("minimum"), bound("maximum"), ""),
        Value::Float(number) => (*number, bound("minimum"), bound("maximum"), ""),
        #[expect(clippy::cast_precision_loss, reason = "compared with small bounds")]
        Value::Array(items) => {
            (items.len() as f64, bound("minItems"), bound("maxItems"), " entries")
        }
        #[expect(clippy::cast_precision_loss, reason = "compared with small bounds")]
        Value::Text(text) => {
            (text.len() as f64, bound("minLength"), bound("maxLength"), " letters")
        }
        _ => return true,
    };
    let said: Cow<'_, str> =
        match (least.filter(|least| size < *least), most.filter(|most| size > *most)) {
            (Some(1.0), _) if !what.is_empty() => format!("{name} is empty").into(),
            (Some(least), _) => {
                format!("{name} is {size}{what}, but must be {least} at least").into()
            }
            (_, Some(most)) => format!("{name} is {size}{what}, but must be {most} at most").into(),
            (None, None) => return true,
        };
    problems.push(Problem::new(code::OUT_OF_RANGE, node.span, said));
    false
}

/// Returns the schema's description of a key: "`models`: names of families, ...".
fn description(schema: Option<&Schema>, key: &str) -> Option<String> {
    let description = schema?.get("description")?.as_str()?;
    Some(format!("`{key}`: {}", description.trim_end_matches('.')))
}

/// Joins words: `a`, `a or b`, `a, b or c`.
pub(crate) fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}
