//! A policy that has been read and found sound: every name resolved to an index, every code
//! normalised, every condition typed.
//!
//! Input: the documents that people write, through [`load`](crate::policy::load). Output: the types
//! that `compile` turns into a bundle and that the reference evaluator walks. Every value of these
//! types has passed the checks. Each item keeps its [`Span`], so that later stages can report
//! problems at the right location.

use crate::facts::place::Place;

/// A location in the sources: a file, and a byte range in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Index of the file.
    pub file: usize,
    /// First byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// A complete policy, merged from all its files.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Name of the policy: `mythos-suspension`.
    pub id: String,
    /// Subject of the policy, in words.
    pub title: String,
    /// Grows with every published change.
    pub version: u64,
    /// Instant, in milliseconds since the epoch, from which on the bundle counts as stale. `None`:
    /// never.
    pub expires: Option<i64>,
    /// What happens to an id in which no pattern occurs.
    pub unlisted: Unlisted,
    /// What happens to an operation whose model a stored object determines.
    pub late_bound: LateBound,
    /// The guarded APIs; ids are unique.
    pub dialects: Vec<GuardedDialect>,
    /// Legal texts that rules refer to by index.
    pub authorities: Vec<Authority>,
    /// Families of models.
    pub families: Vec<Family>,
    /// Declared facts.
    pub facts: Vec<Fact>,
    /// Declared lists.
    pub lists: Vec<List>,
    /// Tables of names that the origin resolves.
    pub deployments: Vec<Deployments>,
    /// Rules that close models.
    pub restrictions: Vec<Restriction>,
    /// Rules that lift restrictions.
    pub licences: Vec<Licence>,
    /// Span of the table `[policy]`.
    pub span: Span,
}

/// `unlisted`: what happens, for a caller with a denied set, to an id in which no pattern occurs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unlisted {
    /// The origin's response decides.
    #[default]
    Defer,
    /// The request passes.
    Pass,
    /// The request is denied.
    Deny,
}

/// `late_bound`: what happens, for a caller with a denied set, to an operation whose model only the
/// origin knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LateBound {
    /// The origin's response decides.
    #[default]
    Defer,
    /// The request is denied.
    Deny,
}

/// A guarded API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardedDialect {
    /// Id of the dialect: `openai`.
    pub id: String,
    /// Path prefix in front of the vendor's own paths: `/openai`. It begins with a slash and does
    /// not end with one. `None`: no prefix.
    pub prefix: Option<String>,
    /// Span of its entry in `dialects`.
    pub span: Span,
}

/// The legal text behind a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// Name by which rules refer to it.
    pub id: String,
    /// Title of the text.
    pub title: String,
    /// URL at which it is published; empty if there is none.
    pub url: String,
    /// URL at which a caller can object; empty if there is none.
    pub appeal: String,
    /// Number of days for which records of decisions under it are kept.
    pub retain_days: u32,
    /// Span of the name.
    pub span: Span,
}

/// Models that are restricted and named together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// Name by which rules refer to it.
    pub id: String,
    /// Title for people; the id if the policy gives none.
    pub title: String,
    /// Patterns that occur in its models' ids. No pattern belongs to two families.
    pub patterns: Vec<Pattern>,
    /// Exact ids, folded to lower case, that the origin resolves to this family.
    pub aliases: Vec<Alias>,
    /// Span of the name.
    pub span: Span,
}

/// An exact name that the origin resolves to a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The whole id, folded to lower case.
    pub id: String,
    /// Span of the entry.
    pub span: Span,
}

/// A pattern that may occur in a model id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Canonical form: tokens joined by `-`, or `=` and the exact id. Two patterns are equal if and
    /// only if these texts are.
    pub text: String,
    /// How it matches.
    pub shape: Shape,
    /// Span of the entry.
    pub span: Span,
}

/// How a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A run of tokens: not empty, and not all of them `*`.
    Tokens(Vec<Token>),
    /// `=id`: matches the whole id, folded to lower case.
    Exact(String),
}

/// One token of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Token {
    /// Exactly this token.
    Word(String),
    /// A token with this prefix (`mytho*`). The empty prefix matches any token (`*`).
    Prefix(String),
}

/// The models that a rule applies to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Models {
    /// The entries; never empty.
    pub items: Vec<ModelRef>,
    /// Span of the list.
    pub span: Span,
}

/// An entry of a rule's `models`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelRef {
    /// `"*"`: every model, including those in which no pattern occurs.
    Everything,
    /// A family, by index.
    Family(usize),
    /// A single pattern, which may or may not belong to a family.
    Pattern(Pattern),
}

/// A fact that the account record of a caller may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Name by which conditions refer to it.
    pub name: String,
    /// Type of its values.
    pub kind: FactKind,
    /// RFC 6901 pointer into the account record: `/export/us_person_ear`.
    pub claim: String,
    /// Whether it describes the person or the account.
    pub about: About,
    /// Span of the name.
    pub span: Span,
}

/// Type of a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactKind {
    /// True or false.
    Bool,
    /// One of these texts.
    Enum(Vec<String>),
    /// Any text.
    Text,
    /// A place code.
    Place,
    /// An instant.
    Time,
    /// Several texts.
    List,
    /// A number.
    Number,
}

/// The subject of a fact. A fact about a person is unknown for a key that several people of an
/// entity share, unless all of them are attested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum About {
    /// The person who sends the request.
    #[default]
    Person,
    /// The account: the organisation, the contract.
    Account,
}

/// A declared list.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    /// Name by which conditions refer to it.
    pub name: String,
    /// Its entries: normalised, sorted, unique.
    pub entries: Entries,
    /// Whether the bundle must not allow anybody to guess the entries. Only lists of texts can be
    /// secret.
    pub secret: bool,
    /// The day on which the list was known to be right, in milliseconds since the epoch.
    pub as_of: Option<i64>,
    /// The day by which the list must be reviewed, in milliseconds since the epoch.
    pub review_by: Option<i64>,
    /// Span of the name.
    pub span: Span,
}

/// Entries of a list, by the kind of the list.
#[derive(Clone, Debug, PartialEq)]
pub enum Entries {
    /// `kind = "place"`.
    Places(Vec<Place>),
    /// `kind = "text"`.
    Texts(Vec<String>),
    /// `kind = "cidr"`.
    Ranges(Vec<Range>),
    /// `kind = "number"`.
    Numbers(Vec<f64>),
}

/// The addresses of one CIDR entry: first and last, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Range {
    /// IPv4.
    V4(u32, u32),
    /// IPv6.
    V6(u128, u128),
}

/// A table of names that the origin resolves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployments {
    /// Name of the table.
    pub name: String,
    /// Ids of the guarded dialects in whose requests the names count. `None`: all.
    pub dialects: Option<Vec<String>>,
    /// Hosts of the gate on which the names count, folded to lower case. Empty: all.
    pub hosts: Vec<String>,
    /// Sorted by name, unique.
    pub entries: Vec<Deployment>,
    /// Span of the table's name.
    pub span: Span,
}

/// A name that the origin resolves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// The whole name, folded to lower case.
    pub name: String,
    /// Ids, folded to lower case, any of which may run. Each is the id of a model or a name of the
    /// same table. Never empty.
    pub targets: Vec<String>,
    /// Span of the entry.
    pub span: Span,
}

/// `state` of a rule as shipped. A switch may change it at run time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RuleState {
    /// In force.
    #[default]
    On,
    /// Shipped, not in force.
    Off,
    /// Decided and recorded, never acted on. Restrictions only.
    Shadow,
}

/// Closes models to some callers.
#[derive(Clone, Debug, PartialEq)]
pub struct Restriction {
    /// Id of the rule.
    pub id: String,
    /// The models that it closes.
    pub models: Models,
    /// Index of its authority. `None` only if the policy declares no authority.
    pub authority: Option<usize>,
    /// Condition under which it applies. `None`: true.
    pub when: Option<Clause>,
    /// Condition under which it does not apply. `None`: false.
    pub unless: Option<Clause>,
    /// In force from this instant on, in milliseconds since the epoch.
    pub from: Option<i64>,
    /// In force up to this instant, exclusive.
    pub until: Option<i64>,
    /// Message to the caller; empty if the policy gives none.
    pub message: String,
    /// `doubt = "pass"`: the restriction applies only if its condition is certainly true.
    pub doubt_pass: bool,
    /// State as shipped.
    pub state: RuleState,
    /// HTTP status of the refusal: 403 or 451.
    pub status: u16,
    /// Span of the `id`.
    pub span: Span,
}

/// Lifts restrictions for some callers.
#[derive(Clone, Debug, PartialEq)]
pub struct Licence {
    /// Id of the rule.
    pub id: String,
    /// Kind of permission.
    pub kind: LicenceKind,
    /// Passage of the authority: `Annex A`. Empty if the policy gives none.
    pub reference: String,
    /// Index of its authority. `None` only if the policy declares no authority.
    pub authority: Option<usize>,
    /// Indexes of the restrictions that it lifts: never empty, unique.
    pub lifts: Vec<usize>,
    /// The models for which it lifts them. `None`: all that the restriction closes.
    pub models: Option<Models>,
    /// Condition under which it lifts. `None`: true.
    pub when: Option<Clause>,
    /// In force from this instant on, in milliseconds since the epoch.
    pub from: Option<i64>,
    /// In force up to this instant, exclusive.
    pub until: Option<i64>,
    /// State as shipped; never [`RuleState::Shadow`].
    pub state: RuleState,
    /// Span of the `id`.
    pub span: Span,
}

/// Kind of a licence. It is recorded and changes no decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LicenceKind {
    /// Granted on application.
    #[default]
    Licence,
    /// Granted by the legal text itself to everybody who meets its terms.
    Exception,
    /// A case that the legal text does not cover.
    Exclusion,
}

/// A condition as text and as a tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    /// The CEL text, with TOML's or JSON's escapes undone.
    pub text: String,
    /// The parsed condition.
    pub condition: Condition,
    /// Span of the text in the file, without its quotes.
    pub span: Span,
}

/// A condition in Kleene's three-valued logic: each atom is true, false or unknown. The tree
/// follows the text; nothing is simplified.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// `true`.
    True,
    /// `false`.
    False,
    /// A test of one fact.
    Atom(Atom),
    /// True if the inner condition is false, false if it is true.
    Not(Box<Condition>),
    /// All of these must hold; two or more.
    And(Vec<Condition>),
    /// At least one of these must hold; two or more.
    Or(Vec<Condition>),
}

/// A test of one fact.
#[derive(Clone, Debug, PartialEq)]
pub struct Atom {
    /// The tested fact.
    pub fact: FactRef,
    /// The test; it always fits the fact's type.
    pub test: Test,
    /// Span of the test.
    pub span: Span,
}

/// A fact that a condition names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactRef {
    /// A fact that the policy declares, by index.
    Declared(usize),
    /// Country and region.
    Place,
    /// Country alone.
    Country,
    /// Region with its country.
    Region,
    /// The set of network kinds.
    Network,
    /// Number of the autonomous system.
    Asn,
    /// The caller's IP address.
    Ip,
    /// Id of the operation.
    Operation,
    /// Id of the dialect.
    Dialect,
    /// The instant of the decision.
    Now,
}

/// A test of a fact. "Not equal" is [`Condition::Not`] around "equal", which is the same in
/// Kleene's logic.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Bool facts: the value is true.
    IsTrue,
    /// The value is one of these; `==` is a list of one. Enum and text facts, operation and dialect
    /// take [`Literal::Text`]. Place, country, region and place facts take [`Literal::Place`]; a
    /// place equals a country if it lies in it. Number facts and asn take [`Literal::Number`]. Time
    /// facts use [`Test::Order`] instead.
    In(Vec<Literal>),
    /// The value is in the list of this index. Text facts take lists of texts, place and place
    /// facts lists of places, number facts and asn lists of numbers, ip lists of ranges.
    InList(usize),
    /// Text facts, operation, dialect: the value begins with this text. The text is not empty.
    StartsWith(String),
    /// `"tor" in network`: the bit number of the kind of network.
    Has(u32),
    /// Number facts, asn, time facts and now: comparison with a literal ([`Literal::Number`] or
    /// [`Literal::Time`]).
    Order(Comparison, Literal),
    /// Time facts: comparison with `now`.
    VersusNow(Comparison),
    /// List facts: at least one element passes. Unknown for an empty list.
    Exists(ElementTest),
    /// List facts: every element passes. Unknown for an empty list.
    All(ElementTest),
}

/// A literal of a condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `"staff"`.
    Text(String),
    /// `13335`; finite.
    Number(f64),
    /// `timestamp("2026-06-12T21:21:00Z")`, in milliseconds since the epoch.
    Time(i64),
    /// `"UA-43"`; its country is always set.
    Place(Place),
}

/// A comparison with the fact on the left side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `==`
    Equal,
    /// `>=`
    AtLeast,
    /// `>`
    Greater,
}

/// A test of one element of a list fact. Elements are texts.
#[derive(Clone, Debug, PartialEq)]
pub enum ElementTest {
    /// `true`.
    True,
    /// `false`.
    False,
    /// The element equals this text.
    Equals(String),
    /// The element begins with this text. The text is not empty.
    StartsWith(String),
    /// The element is in the list of this index. For a list of places the element is read as a
    /// place; the result is unknown if it is not a place code.
    InList(usize),
    /// True if the inner test is false, false if it is true.
    Not(Box<ElementTest>),
    /// All of these must pass; two or more.
    And(Vec<ElementTest>),
    /// At least one of these must pass; two or more.
    Or(Vec<ElementTest>),
}

/// The built-in facts, by their names in conditions.
pub(crate) const BUILT_IN: [(&str, FactRef); 9] = [
    ("place", FactRef::Place),
    ("country", FactRef::Country),
    ("region", FactRef::Region),
    ("network", FactRef::Network),
    ("asn", FactRef::Asn),
    ("ip", FactRef::Ip),
    ("operation", FactRef::Operation),
    ("dialect", FactRef::Dialect),
    ("now", FactRef::Now),
];
