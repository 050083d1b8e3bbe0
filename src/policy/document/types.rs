//! Defines everything that a policy file may hold. This is the only source of the document's types,
//! of the JSON Schema, and of what editors complete.
//!
//! The doc comments of these types become the schema's descriptions, and help texts quote them.
//! [`check`](crate::policy::check) examines what a type cannot express, such as whether a name is
//! declared or a condition is sound. Required fields are `Option` all the same: a missing or broken
//! field has been reported, and the rest can still be checked.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};

use super::spanned::{Named, Spanned};

/// A policy or a part of one. Several files compile into one bundle, and ids are unique across
/// them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Portcullis policy")]
pub(crate) struct Document {
    /// Location of this schema, for editors (JSON only). Not read.
    #[serde(rename = "$schema")]
    #[expect(dead_code, reason = "named so that the key is known")]
    pub(crate) schema: Option<String>,
    /// Version of the policy language: 1. Required in the file that has `[policy]`.
    #[schemars(range(min = 1, max = 1))]
    pub(crate) format: Option<Spanned<u64>>,
    /// General settings of the policy. Exactly one of the files has them.
    pub(crate) policy: Option<Spanned<Header>>,
    /// Legal texts behind restrictions and licences, by name.
    #[serde(default)]
    pub(crate) authorities: Named<Authority>,
    /// Families of models, by name.
    #[serde(default)]
    pub(crate) models: Named<Spanned<Family>>,
    /// Facts of the account record that conditions may test, by name.
    #[serde(default)]
    pub(crate) facts: Named<Spanned<Fact>>,
    /// Lists that conditions refer to, by name.
    #[serde(default)]
    pub(crate) lists: Named<Spanned<List>>,
    /// Tables of names that the origin resolves to models, by name of the table.
    #[serde(default)]
    pub(crate) deployments: Named<Spanned<Deployments>>,
    /// Rules that close models to some callers. Their order does not matter.
    #[serde(default)]
    pub(crate) restrictions: Vec<Spanned<Restriction>>,
    /// Rules that lift named restrictions for some callers.
    #[serde(default)]
    pub(crate) licences: Vec<Spanned<Licence>>,
    /// Warnings that have been reviewed and accepted.
    #[serde(default)]
    pub(crate) allow: Vec<Spanned<Allow>>,
}

/// General settings of the policy.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    /// Name of the policy: letters, digits, `-`, `_` and `.`.
    #[schemars(required)]
    pub(crate) id: Option<Spanned<String>>,
    /// Subject of the policy, in words.
    pub(crate) title: Option<String>,
    /// Increases with every published change, so that a decision can be traced to the text that
    /// made it.
    #[schemars(range(min = 1))]
    #[schemars(required)]
    pub(crate) version: Option<Spanned<u64>>,
    /// Instant from which on the bundle is stale: every caller is then also denied what is denied
    /// to a caller with unknown place and account.
    pub(crate) expires: Option<Spanned<Instant>>,
    /// Guarded APIs: a name (`"openai"`), or a table `{ id = "openai", prefix = "/openai" }` if the
    /// API is served under a path prefix. Default: all known APIs, under the vendors' own paths.
    #[schemars(length(min = 1))]
    pub(crate) dialects: Option<Vec<Spanned<Dialect>>>,
    /// Verdict on an id in which no pattern occurs, for a caller who may not use every model.
    /// Default: `defer`.
    pub(crate) unlisted: Option<Unlisted>,
    /// Verdict on an operation whose model a stored object determines, for such a caller. Default:
    /// `defer`.
    pub(crate) late_bound: Option<LateBound>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unlisted {
    /// The origin's response decides.
    Defer,
    /// The request passes.
    Pass,
    /// The request is denied.
    Deny,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LateBound {
    /// The origin's response decides.
    Defer,
    /// The request is denied.
    Deny,
}

/// An API and its path prefix.
#[derive(Clone, Debug)]
pub(crate) struct Dialect {
    pub(crate) id: Option<Spanned<String>>,
    pub(crate) prefix: Option<Spanned<String>>,
}

/// An API and its path prefix.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DialectTable {
    /// Name of the dialect.
    #[schemars(required)]
    id: Option<Spanned<String>>,
    /// Path prefix in front of the vendor's own paths: `/openai`.
    prefix: Option<Spanned<String>>,
}

impl<'de> Deserialize<'de> for Dialect {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Dialect;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name or a table")
            }
            fn visit_str<E: serde::de::Error>(self, id: &str) -> Result<Dialect, E> {
                // The entry of the list has the span.
                let id =
                    Spanned { value: id.to_owned(), span: crate::policy::model::Span::default() };
                Ok(Dialect { id: Some(id), prefix: None })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Dialect, A::Error> {
                let DialectTable { id, prefix } =
                    DialectTable::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Dialect { id, prefix })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Dialect {
    fn schema_name() -> Cow<'static, str> {
        "Dialect".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<DialectTable>();
        schemars::json_schema!({ "anyOf": [{ "type": "string" }, table] })
    }
}

/// The legal text behind a rule.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Authority {
    /// Title of the text.
    pub(crate) title: Option<String>,
    /// URL of the text. With `status = 451` it becomes `Link: <...>; rel="blocked-by"`.
    pub(crate) url: Option<Spanned<String>>,
    /// URL at which a caller can object.
    pub(crate) appeal: Option<Spanned<String>>,
    /// Time for which records of decisions under it are kept: `90d`, `18m`, `10y`. Default: `10y`.
    pub(crate) retain: Option<Spanned<String>>,
}

/// Models that are restricted and named together.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Family {
    /// Title for people. Default: its name.
    pub(crate) title: Option<String>,
    /// Patterns: runs of tokens (`mythos-5`), with `*` for the rest of a token, or `=` and an exact
    /// id.
    #[serde(default)]
    pub(crate) ids: Vec<Spanned<String>>,
    /// Exact names that the origin resolves to this family.
    #[serde(default)]
    pub(crate) aliases: Vec<Spanned<String>>,
}

/// A fact of the account record.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fact {
    /// Type of its values.
    #[serde(rename = "type")]
    #[schemars(required)]
    pub(crate) kind: Option<Spanned<FactKind>>,
    /// Allowed values of an enumeration.
    #[schemars(length(min = 1))]
    pub(crate) values: Option<Spanned<Vec<Spanned<String>>>>,
    /// RFC 6901 pointer into the account record: `/export/us_person_ear`.
    #[schemars(required)]
    pub(crate) claim: Option<Spanned<String>>,
    /// Its subject, the person or the account. A fact about a person is unknown for a key that
    /// several people of an entity share, unless all of them are attested. Default: `person`.
    pub(crate) about: Option<About>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FactKind {
    /// `true` or `false`.
    Bool,
    /// One of `values`.
    Enum,
    /// Any text.
    Text,
    /// A place code: `US`, `UA-43`.
    Place,
    /// An instant: RFC 3339, or seconds since 1970.
    Time,
    /// Several texts.
    List,
    /// A number.
    Number,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum About {
    /// The person who sends the request.
    Person,
    /// The account: the organisation, the contract.
    Account,
}

/// A list that conditions refer to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    /// Kind of its entries.
    #[schemars(required)]
    pub(crate) kind: Option<Spanned<ListKind>>,
    /// Its entries.
    pub(crate) values: Option<Spanned<Vec<Spanned<Entry>>>>,
    /// Path of a file with one entry a line, relative to this file. Blank lines are skipped, and
    /// `#` begins a comment.
    pub(crate) file: Option<Spanned<String>>,
    /// Whether the bundle holds digests of the entries, made with a secret key that is not part of
    /// the bundle, since plain digests of names can be guessed. Default: true for a list of texts
    /// from a file, otherwise false.
    pub(crate) secret: Option<Spanned<bool>>,
    /// Day on which the list was known to be right.
    pub(crate) as_of: Option<Spanned<Day>>,
    /// Day by which the list must be reviewed.
    pub(crate) review_by: Option<Spanned<Day>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ListKind {
    /// ISO 3166 codes: `US`, `UA-43`.
    Place,
    /// Any texts.
    Text,
    /// Ranges of IPv4 and IPv6 addresses in CIDR notation.
    Cidr,
    /// Numbers.
    Number,
}

/// An entry of a list.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Text(String),
    Number(f64),
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Entry;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a number")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Entry, E> {
                Ok(Entry::Text(text.to_owned()))
            }
            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Entry, E> {
                Ok(Entry::Number(number))
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Entry, E> {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "beyond 2^53 the nearest number that JSON readers agree on"
                )]
                Ok(Entry::Number(number as f64))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Entry {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Entry".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": ["string", "number"] })
    }
}

/// Names that the origin resolves: deployments, routers, application profiles, tuned models, stored
/// prompts and agents.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deployments {
    /// Dialects in whose requests the names count. Default: all.
    #[schemars(length(min = 1))]
    pub(crate) dialects: Option<Vec<Spanned<String>>>,
    /// Hosts of the gate on which the names count, if the host selects the resource that has them:
    /// `acme.openai.azure.com`. Default: all.
    #[schemars(length(min = 1))]
    pub(crate) hosts: Option<Vec<Spanned<String>>>,
    /// The target of each name: a model id, or several if any of them may run.
    pub(crate) names: Option<Spanned<Named<Spanned<Targets>>>>,
    /// Path of a file with one name a line, relative to this file: the name, then the model or
    /// models, separated by commas, tabs or blanks. Blank lines are skipped, and `#` begins a
    /// comment.
    pub(crate) file: Option<Spanned<String>>,
}

/// The models that a name resolves to.
#[derive(Clone, Debug)]
pub(crate) enum Targets {
    One(String),
    Several(Vec<Spanned<String>>),
}

impl<'de> Deserialize<'de> for Targets {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Targets;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Targets, E> {
                Ok(Targets::One(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Targets, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(Targets::Several)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Targets {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Targets".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }] })
    }
}

/// Closes models to the callers for whom `when && !unless` is true or unknown.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Restriction {
    /// Id of the rule.
    #[schemars(required)]
    pub(crate) id: Option<Spanned<String>>,
    /// Names of families, patterns, or `"*"` for every model.
    #[schemars(length(min = 1))]
    #[schemars(required)]
    pub(crate) models: Option<Spanned<Vec<Spanned<String>>>>,
    /// Name of the legal text behind the rule.
    pub(crate) authority: Option<Spanned<String>>,
    /// Condition (CEL). Default: true.
    pub(crate) when: Option<Spanned<String>>,
    /// Condition (CEL) under which the restriction does not apply. Default: false.
    pub(crate) unless: Option<Spanned<String>>,
    /// In force from this instant on.
    pub(crate) from: Option<Spanned<Instant>>,
    /// In force up to this instant, exclusive.
    pub(crate) until: Option<Spanned<Instant>>,
    /// Message to the caller.
    pub(crate) message: Option<String>,
    /// What the restriction does if its condition is unknown: `deny` or `pass`. Default: `deny`.
    pub(crate) doubt: Option<Spanned<Doubt>>,
    /// Whether the rule is in force. A switch may change it later. Default: `on`.
    pub(crate) state: Option<RestrictionState>,
    /// HTTP status of the refusal: 403 (default), or 451 if the legal ground must be visible.
    #[schemars(extend("enum" = [403, 451]))]
    pub(crate) status: Option<Spanned<u16>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Doubt {
    /// Applies unless its condition is certainly false.
    Deny,
    /// Applies only if its condition is certainly true.
    Pass,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RestrictionState {
    /// In force.
    On,
    /// Shipped, not in force.
    Off,
    /// Decided and recorded, never acted on.
    Shadow,
}

/// Lifts restrictions for the callers for whom its condition is certainly true.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Licence {
    /// Id of the rule.
    #[schemars(required)]
    pub(crate) id: Option<Spanned<String>>,
    /// Kind of permission. It is recorded and changes no decision. Default: `licence`.
    pub(crate) kind: Option<LicenceKind>,
    /// Name of the legal text behind the rule.
    pub(crate) authority: Option<Spanned<String>>,
    /// Passage of that text: `Annex A`.
    #[serde(rename = "ref")]
    pub(crate) reference: Option<String>,
    /// Ids of the restrictions that it lifts.
    #[schemars(length(min = 1))]
    #[schemars(required)]
    pub(crate) lifts: Option<Vec<Spanned<String>>>,
    /// Models for which it lifts them, as in a restriction. Default: all that the restriction
    /// closes.
    #[schemars(length(min = 1))]
    pub(crate) models: Option<Spanned<Vec<Spanned<String>>>>,
    /// Condition (CEL). Default: true.
    pub(crate) when: Option<Spanned<String>>,
    /// In force from this instant on.
    pub(crate) from: Option<Spanned<Instant>>,
    /// In force up to this instant, exclusive.
    pub(crate) until: Option<Spanned<Instant>>,
    /// Whether the rule is in force. A switch may change it later. Default: `on`.
    pub(crate) state: Option<LicenceState>,
}

/// Accepts a warning: `check` no longer reports it, and `--deny-warnings` no longer counts it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Allow {
    /// Code of the warning: `W0606`.
    #[schemars(required)]
    pub(crate) code: Option<Spanned<String>>,
    /// Subject of the warning: the id of a rule, or the name of a list, a table of deployments, a
    /// family, a fact, an authority or the policy itself.
    #[schemars(required)]
    pub(crate) at: Option<Spanned<String>>,
    /// Why the warning is acceptable.
    #[schemars(required, length(min = 1))]
    pub(crate) reason: Option<Spanned<String>>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LicenceKind {
    /// Granted on application.
    Licence,
    /// Granted by the legal text itself to everybody who meets its terms.
    Exception,
    /// A case that the legal text does not cover.
    Exclusion,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LicenceState {
    /// In force.
    On,
    /// Shipped, not in force.
    Off,
}

/// An instant in RFC 3339 form.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Instant(pub(crate) String);

/// A day, `2026-07-08`. It means its first instant in UTC.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Day(pub(crate) String);

impl JsonSchema for Instant {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Instant".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

impl JsonSchema for Day {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "format": "date" })
    }
}

/// The JSON Schema of a policy file. `portcullis schema` prints it, and
/// [`shape`](crate::policy::document::shape) checks trees against it.
pub(crate) static SCHEMA: LazyLock<serde_json::Value> = LazyLock::new(|| {
    let mut schema = schemars::schema_for!(Document).to_value();
    tidy(&mut schema);
    schema
});

/// Removes generator output that is of no use here: "or null" (TOML has no null, and optional keys
/// are those that are not `required`), empty defaults, integer widths, and the line breaks of doc
/// comments.
fn tidy(schema: &mut serde_json::Value) {
    use serde_json::Value;
    let null =
        |value: &Value| *value == "null" || value.get("type").is_some_and(|kind| *kind == "null");
    match schema {
        Value::Object(object) => {
            object.shift_remove("default");
            if object
                .get("format")
                .and_then(Value::as_str)
                .is_some_and(|format| format.starts_with("uint"))
            {
                object.shift_remove("format");
            }
            if let Some(Value::String(description)) = object.get_mut("description") {
                *description = description.replace('\n', " ");
            }
            for key in ["type", "anyOf"] {
                let Some(Value::Array(alternatives)) = object.get_mut(key) else { continue };
                alternatives.retain(|alternative| !null(alternative));
                if alternatives.len() != 1 {
                    continue;
                }
                let Some(only) = alternatives.pop() else { continue };
                match only {
                    Value::Object(only) => {
                        object.shift_remove(key);
                        object.extend(only);
                    }
                    only => drop(object.insert(key.to_owned(), only)),
                }
            }
            object.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}
