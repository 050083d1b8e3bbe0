//! What a policy file may hold: the single source of what is read, of the JSON Schema, and of what editors complete.
//!
//! The doc comments here are the schema's descriptions. What a type cannot say (that a name is declared, that a condition is
//! sound) is the business of [`validate`](crate::policy::check). What is required is an `Option` all the same: where it is missing or broken, that has been
//! reported, and the rest is still worth a look.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};

use super::spanned::{Named, Spanned};

/// A policy, or a part of one: several files compile into one bundle, and ids are unique across them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Portcullis policy")]
pub(crate) struct Document {
    /// Where editors find this schema (JSON only). Not read.
    #[serde(rename = "$schema")]
    #[expect(dead_code, reason = "named so that the key is known")]
    pub(crate) schema: Option<String>,
    /// Version of the policy language: 1. Needed in the file that holds `[policy]`.
    #[schemars(range(min = 1, max = 1))]
    pub(crate) format: Option<Spanned<u64>>,
    /// What the policy is. One of the files has it.
    pub(crate) policy: Option<Spanned<Header>>,
    /// The texts under which restrictions and licences stand, by name.
    #[serde(default)]
    pub(crate) authorities: Named<Authority>,
    /// Families of models, by name.
    #[serde(default)]
    pub(crate) models: Named<Spanned<Family>>,
    /// What the gate may know of a caller, and where it stands in the account record, by name.
    #[serde(default)]
    pub(crate) facts: Named<Spanned<Fact>>,
    /// Lists that conditions refer to, by name.
    #[serde(default)]
    pub(crate) lists: Named<Spanned<List>>,
    /// What names of the origin's own stand for, by the name of the table.
    #[serde(default)]
    pub(crate) deployments: Named<Spanned<Deployments>>,
    /// What closes models to some callers. Their order never matters.
    #[serde(default)]
    pub(crate) restrictions: Vec<Spanned<Restriction>>,
    /// What lifts named restrictions for some callers.
    #[serde(default)]
    pub(crate) licences: Vec<Spanned<Licence>>,
    /// Warnings that somebody has looked at and that may stand.
    #[serde(default)]
    pub(crate) allow: Vec<Spanned<Allow>>,
}

/// What the policy is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    /// Name of the policy: letters, digits, `-`, `_` and `.`.
    #[schemars(required)]
    pub(crate) id: Option<Spanned<String>>,
    /// What it is about, in words.
    pub(crate) title: Option<String>,
    /// Grows with every published change, so that everybody can tell which text decided.
    #[schemars(range(min = 1))]
    #[schemars(required)]
    pub(crate) version: Option<Spanned<u64>>,
    /// After this the bundle is stale: nothing opens any more, and what rests on proof closes.
    pub(crate) expires: Option<Spanned<Instant>>,
    /// Which APIs are guarded: a name (`"openai"`), or a table `{ id = "openai", prefix = "/openai" }` where it is served under a path prefix. All
    /// that are known, under the vendors' own paths, if left out.
    #[schemars(length(min = 1))]
    pub(crate) dialects: Option<Vec<Spanned<Dialect>>>,
    /// What happens, for a caller who may not use every model, to an id in which no pattern occurs. Default: `defer`.
    pub(crate) unlisted: Option<Unlisted>,
    /// What happens, for such a caller, to an operation whose model is bound by an object stored at the origin. Default: `defer`.
    pub(crate) late_bound: Option<LateBound>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unlisted {
    /// The origin's answer decides.
    Defer,
    /// It goes through.
    Pass,
    /// It is denied.
    Deny,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LateBound {
    /// The origin's answer decides.
    Defer,
    /// It is denied.
    Deny,
}

/// An API, and where it is served.
#[derive(Clone, Debug)]
pub(crate) struct Dialect {
    pub(crate) id: Option<Spanned<String>>,
    pub(crate) prefix: Option<Spanned<String>>,
}

/// An API, and where it is served.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DialectTable {
    /// Name of the dialect.
    #[schemars(required)]
    id: Option<Spanned<String>>,
    /// Path in front of the vendor's own, `/openai`.
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
                // The entry itself says where it stands.
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

/// The text under which a rule stands.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Authority {
    /// What it is called.
    pub(crate) title: Option<String>,
    /// Where it is published. With `status = 451` it becomes `Link: <...>; rel="blocked-by"`.
    pub(crate) url: Option<Spanned<String>>,
    /// Where a caller can object.
    pub(crate) appeal: Option<Spanned<String>>,
    /// How long records of decisions under it are kept: `90d`, `18m`, `10y`. Default: `10y`.
    pub(crate) retain: Option<Spanned<String>>,
}

/// Models that are restricted and named together.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Family {
    /// What people call it. Default: its name.
    pub(crate) title: Option<String>,
    /// Patterns: runs of tokens (`mythos-5`), with `*` for the rest of a token, or `=` and an exact id.
    #[serde(default)]
    pub(crate) ids: Vec<Spanned<String>>,
    /// Exact names that the origin resolves to this family.
    #[serde(default)]
    pub(crate) aliases: Vec<Spanned<String>>,
}

/// Something that may be known of a caller.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fact {
    /// What its values are.
    #[serde(rename = "type")]
    #[schemars(required)]
    pub(crate) kind: Option<Spanned<FactKind>>,
    /// The values of an enumeration.
    #[schemars(length(min = 1))]
    pub(crate) values: Option<Spanned<Vec<Spanned<String>>>>,
    /// RFC 6901 pointer into the account record: `/export/us_person_ear`.
    #[schemars(required)]
    pub(crate) claim: Option<Spanned<String>>,
    /// Whom it describes: a fact about a person is unknown for a key that an entity's people share, unless all of them are attested. Default: `person`.
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
    /// The human at the other end.
    Person,
    /// The account: the organisation, the contract.
    Account,
}

/// A list that conditions refer to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    /// What its entries are.
    #[schemars(required)]
    pub(crate) kind: Option<Spanned<ListKind>>,
    /// Its entries.
    pub(crate) values: Option<Spanned<Vec<Spanned<Entry>>>>,
    /// A file with one entry a line, beside this one; blank lines and what follows `#` are passed over.
    pub(crate) file: Option<Spanned<String>>,
    /// The bundle holds digests of text entries, keyed by a secret that does not travel with it, since names can be guessed. Default: true for a
    /// list of texts from a file, else false.
    pub(crate) secret: Option<Spanned<bool>>,
    /// On which day it was right.
    pub(crate) as_of: Option<Spanned<Day>>,
    /// By when somebody must look at it again.
    pub(crate) review_by: Option<Spanned<Day>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ListKind {
    /// ISO 3166 codes: `US`, `UA-43`.
    Place,
    /// Any texts.
    Text,
    /// Ranges of IPv4 and IPv6 addresses.
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

/// Names that the origin resolves: deployments, routers, application profiles, tuned models, stored prompts and agents.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deployments {
    /// In requests of which dialects they stand. Left out: of all.
    #[schemars(length(min = 1))]
    pub(crate) dialects: Option<Vec<Spanned<String>>>,
    /// On which hosts of the gate they stand, where the host chooses the resource that has them: `acme.openai.azure.com`. Left out: on all.
    #[schemars(length(min = 1))]
    pub(crate) hosts: Option<Vec<Spanned<String>>>,
    /// What each name resolves to: a model's id, or several where any of them may run.
    pub(crate) names: Option<Spanned<Named<Spanned<Targets>>>>,
    /// A file with one name a line, beside this one: the name, then the model or models, with commas, tabs or blanks between; blank lines and what follows `#`
    /// are passed over.
    pub(crate) file: Option<Spanned<String>>,
}

/// What a name resolves to.
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

/// Closes models to some callers: to those for whom `when && !unless` is true or unknown.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Restriction {
    /// Its name.
    #[schemars(required)]
    pub(crate) id: Option<Spanned<String>>,
    /// Names of families, patterns, or `"*"` for every model.
    #[schemars(length(min = 1))]
    #[schemars(required)]
    pub(crate) models: Option<Spanned<Vec<Spanned<String>>>>,
    /// Under which text it stands.
    pub(crate) authority: Option<Spanned<String>>,
    /// Condition (CEL). Left out: true.
    pub(crate) when: Option<Spanned<String>>,
    /// Condition (CEL) under which it does not apply. Left out: false.
    pub(crate) unless: Option<Spanned<String>>,
    /// In force from this instant on.
    pub(crate) from: Option<Spanned<Instant>>,
    /// In force up to this instant, not including it.
    pub(crate) until: Option<Spanned<Instant>>,
    /// What the caller is told.
    pub(crate) message: Option<String>,
    /// What becomes of a caller of whom it is unknown whether it applies. Default: `deny`.
    pub(crate) doubt: Option<Spanned<Doubt>>,
    /// Whether it is in force; a switch may change it later. Default: `on`.
    pub(crate) state: Option<RestrictionState>,
    /// Status of the refusal: 403 (default), or 451 where the legal ground must show.
    #[schemars(extend("enum" = [403, 451]))]
    pub(crate) status: Option<Spanned<u16>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Doubt {
    /// It applies unless it certainly does not.
    Deny,
    /// It applies only if it certainly does.
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
    /// Its name.
    #[schemars(required)]
    pub(crate) id: Option<Spanned<String>>,
    /// What kind of permission it is. It is recorded and changes no decision. Default: `licence`.
    pub(crate) kind: Option<LicenceKind>,
    /// Under which text it stands.
    pub(crate) authority: Option<Spanned<String>>,
    /// Where in that text: `Annex A`.
    #[serde(rename = "ref")]
    pub(crate) reference: Option<String>,
    /// Ids of the restrictions that it lifts.
    #[schemars(length(min = 1))]
    #[schemars(required)]
    pub(crate) lifts: Option<Vec<Spanned<String>>>,
    /// For which models, as in a restriction. Left out: for all that the restriction closes.
    #[schemars(length(min = 1))]
    pub(crate) models: Option<Spanned<Vec<Spanned<String>>>>,
    /// Condition (CEL). Left out: true.
    pub(crate) when: Option<Spanned<String>>,
    /// In force from this instant on.
    pub(crate) from: Option<Spanned<Instant>>,
    /// In force up to this instant, not including it.
    pub(crate) until: Option<Spanned<Instant>>,
    /// Whether it is in force; a switch may change it later. Default: `on`.
    pub(crate) state: Option<LicenceState>,
}

/// A warning that may stand: `check` no longer tells it, and `--deny-warnings` no longer counts it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Allow {
    /// Its code, `W0606`.
    #[schemars(required)]
    pub(crate) code: Option<Spanned<String>>,
    /// What it is told of: the id of a rule, or the name of a list, a table of deployments, a family, a fact, an authority or the policy itself.
    #[schemars(required)]
    pub(crate) at: Option<Spanned<String>>,
    /// Why it may stand.
    #[schemars(required, length(min = 1))]
    pub(crate) reason: Option<Spanned<String>>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LicenceKind {
    /// Granted on application.
    Licence,
    /// Granted by the text itself to whoever fits it.
    Exception,
    /// What the text never covered.
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

/// An instant, as RFC 3339 has it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Instant(pub(crate) String);

/// A day, `2026-07-08`: its first instant in UTC.
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

/// The JSON Schema of a policy file: what `portcullis schema` prints, and what [`structure`](crate::policy::document::shape) checks against.
pub(crate) static SCHEMA: LazyLock<serde_json::Value> = LazyLock::new(|| {
    let mut schema = schemars::schema_for!(Document).to_value();
    tidy(&mut schema);
    schema
});

/// What the generator says of Rust types and nobody else needs goes: "or null" (TOML has none, and what may be left out is what is not
/// `required`), defaults that are empty, widths of integers, line ends of doc comments.
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
