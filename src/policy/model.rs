//! A policy that has been read and found sound: every name resolved to an index, every code normalised, every condition typed.
//!
//! Input: the documents that people write, through `load`. Output: what is lowered into a bundle, and what
//! the reference evaluator walks. A value of these types says nothing that the checks have not accepted; texts of other stages'
//! complaints find their place through the [`Span`] that each item keeps.

use crate::facts::place::Place;

/// Where something stands in the sources: a file of the list of sources, and a byte range in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Index of the file.
    pub file: usize,
    /// First byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// All that several files say together.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Name of the policy, `mythos-suspension`.
    pub id: String,
    /// What it is about, in words.
    pub title: String,
    /// Grows with every change that is published.
    pub version: u64,
    /// After this, in milliseconds since the epoch, its bundle counts as stale. `None`: never.
    pub expires: Option<i64>,
    /// What becomes of an id in which no pattern occurs.
    pub unlisted: Unlisted,
    /// What becomes of an operation whose model a stored object binds.
    pub late_bound: LateBound,
    /// The guarded APIs, no id twice.
    pub dialects: Vec<GuardedDialect>,
    /// Grounds that rules refer to by index.
    pub authorities: Vec<Authority>,
    /// Families of models.
    pub families: Vec<Family>,
    /// Declared facts.
    pub facts: Vec<Fact>,
    /// Declared lists.
    pub lists: Vec<List>,
    /// Tables of names that the origin resolves.
    pub deployments: Vec<Deployments>,
    /// What closes models.
    pub restrictions: Vec<Restriction>,
    /// What lifts restrictions.
    pub licences: Vec<Licence>,
    /// The table `[policy]`.
    pub span: Span,
}

/// `unlisted`: what happens, for a caller with a reach, to an id that no family and no rule knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unlisted {
    /// The origin's answer decides.
    #[default]
    Defer,
    /// It goes through.
    Pass,
    /// It is denied.
    Deny,
}

/// `late_bound`: what happens, for a caller with a reach, to an operation whose model only the origin knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LateBound {
    /// The origin's answer decides.
    #[default]
    Defer,
    /// It is denied.
    Deny,
}

/// An API that is guarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardedDialect {
    /// One of the dialects' ids, `openai`.
    pub id: String,
    /// Path prefix in front of the vendor's own paths, `/openai`: begins with a slash, ends with none. `None`: the vendor's own.
    pub prefix: Option<String>,
    /// Where it is listed.
    pub span: Span,
}

/// The text under which a rule stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// Name by which rules refer to it.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// Where it is published; empty if nowhere.
    pub url: String,
    /// Where a caller can object; empty if nowhere.
    pub appeal: String,
    /// How long records of decisions under it are kept, in days.
    pub retain_days: u32,
    /// Its name.
    pub span: Span,
}

/// Models that are restricted and named together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// Name by which rules refer to it.
    pub id: String,
    /// What people call it; the id if the policy does not say.
    pub title: String,
    /// What its models' ids hold; no pattern is in two families.
    pub patterns: Vec<Pattern>,
    /// Exact ids, folded to lower case, that the origin resolves to this family.
    pub aliases: Vec<Alias>,
    /// Its name.
    pub span: Span,
}

/// A name that the origin resolves to a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The whole id, folded to lower case.
    pub id: String,
    /// Where it is written.
    pub span: Span,
}

/// What an id must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The form in which two patterns are the same if and only if their texts are: tokens joined by `-`, or `=` and the exact id.
    pub text: String,
    /// What it matches.
    pub shape: Shape,
    /// Where it is written.
    pub span: Span,
}

/// How a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A run of tokens, never empty, not all of them `*`.
    Tokens(Vec<Token>),
    /// `=id`: the whole id, folded to lower case.
    Exact(String),
}

/// One token of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Token {
    /// This token.
    Word(String),
    /// A token that begins so (`mytho*`), any at all if empty (`*`).
    Prefix(String),
}

/// Which models a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Models {
    /// What is listed; never empty.
    pub items: Vec<ModelRef>,
    /// The list.
    pub span: Span,
}

/// An entry of a rule's `models`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelRef {
    /// `"*"`: every model, those that no family knows too.
    Everything,
    /// A family, by index.
    Family(usize),
    /// A pattern of its own, in a family or in none.
    Pattern(Pattern),
}

/// Something that may be known of a caller from its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Name by which conditions refer to it.
    pub name: String,
    /// What its values are.
    pub kind: FactKind,
    /// RFC 6901 pointer into the account record, `/export/us_person_ear`.
    pub claim: String,
    /// Whom it describes.
    pub about: About,
    /// Its name.
    pub span: Span,
}

/// Type of a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactKind {
    /// Yes or no.
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

/// Whom a fact describes. A fact about a person is unknown for a key that an entity's people share, unless all of them are attested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum About {
    /// The human at the other end.
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
    /// Its entries: normalised, sorted, none twice.
    pub entries: Entries,
    /// Whether the names in it must not be guessable from the bundle. Only lists of texts are.
    pub secret: bool,
    /// On which day it was right, in milliseconds since the epoch.
    pub as_of: Option<i64>,
    /// By when somebody must look at it again.
    pub review_by: Option<i64>,
    /// Its name.
    pub span: Span,
}

/// Entries of a list, by its kind.
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

/// Addresses of one CIDR entry, first and last.
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
    /// Its name.
    pub name: String,
    /// In requests of which guarded dialects the names stand, by id; `None`: of all.
    pub dialects: Option<Vec<String>>,
    /// On which hosts, folded to lower case; none: on all.
    pub hosts: Vec<String>,
    /// Sorted by name, none twice.
    pub entries: Vec<Deployment>,
    /// Its name.
    pub span: Span,
}

/// A name that the origin resolves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// The whole name, folded to lower case.
    pub name: String,
    /// Ids, folded to lower case, any of which may run: of models, or names of the same table. Never empty.
    pub targets: Vec<String>,
    /// Where it is written.
    pub span: Span,
}

/// `state` of a rule as the policy ships it; a switch may change it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
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
    /// Its name.
    pub id: String,
    /// What it closes.
    pub models: Models,
    /// Under which text; `None` only if the policy declares no authority.
    pub authority: Option<usize>,
    /// `None`: true.
    pub when: Option<Clause>,
    /// `None`: false.
    pub unless: Option<Clause>,
    /// In force from this instant on, in milliseconds since the epoch.
    pub from: Option<i64>,
    /// In force up to, not including, this instant.
    pub until: Option<i64>,
    /// What the caller is told; empty if the policy does not say.
    pub message: String,
    /// `doubt = "pass"`: applies only if it certainly does.
    pub doubt_pass: bool,
    /// As shipped.
    pub state: State,
    /// 403 or 451.
    pub status: u16,
    /// Its `id`.
    pub span: Span,
}

/// Lifts restrictions for some callers.
#[derive(Clone, Debug, PartialEq)]
pub struct Licence {
    /// Its name.
    pub id: String,
    /// What kind of permission it is.
    pub kind: LicenceKind,
    /// Where in the authority it stands, `Annex A`; empty if the policy does not say.
    pub reference: String,
    /// Under which text; `None` only if the policy declares no authority.
    pub authority: Option<usize>,
    /// The restrictions it lifts, by index; never empty, none twice.
    pub lifts: Vec<usize>,
    /// For which models; `None`: for all that the restriction closes.
    pub models: Option<Models>,
    /// `None`: true.
    pub when: Option<Clause>,
    /// In force from this instant on, in milliseconds since the epoch.
    pub from: Option<i64>,
    /// In force up to, not including, this instant.
    pub until: Option<i64>,
    /// As shipped; never [`State::Shadow`].
    pub state: State,
    /// Its `id`.
    pub span: Span,
}

/// Kind of a licence. It is recorded, and changes no decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LicenceKind {
    /// Granted on application.
    #[default]
    Licence,
    /// Granted by the text itself to whoever fits it.
    Exception,
    /// What the text never covered.
    Exclusion,
}

/// A condition as it is written and as it is understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    /// The CEL text, after TOML's or JSON's escapes are undone.
    pub text: String,
    /// What it says.
    pub condition: Condition,
    /// The text in the file, inside its quotes.
    pub span: Span,
}

/// A condition in the logic of Kleene: each atom is true, false or unknown. As written: nothing is simplified.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// `true`.
    True,
    /// `false`.
    False,
    /// A test of one fact.
    Atom(Atom),
    /// True where the other is false.
    Not(Box<Condition>),
    /// All of these; two or more.
    And(Vec<Condition>),
    /// Any of these; two or more.
    Or(Vec<Condition>),
}

/// A test of one fact.
#[derive(Clone, Debug, PartialEq)]
pub struct Atom {
    /// Of which fact.
    pub fact: FactRef,
    /// What is asked of it; always one that fits the fact's type.
    pub test: Test,
    /// Where it is written.
    pub span: Span,
}

/// A fact that a condition names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactRef {
    /// One of the policy's own, by index.
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
    /// The caller's address.
    Ip,
    /// Id of the operation.
    Operation,
    /// Id of the dialect.
    Dialect,
    /// The instant of the decision.
    Now,
}

/// What is asked of a fact. There is no "not equal": it is [`Condition::Not`] around "equal", which is the same in Kleene's logic.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Bool facts: it is true.
    IsTrue,
    /// It is one of these; `==` is a list of one. Enum and text facts, operation, dialect: [`Literal::Text`]; place, country, region and place facts:
    /// [`Literal::Place`] (a place is "one of" a country if it lies in it); numbers and asn: [`Literal::Number`]. Time facts are compared.
    In(Vec<Literal>),
    /// It is in the list of this index: text facts in texts, place and place facts in places, numbers and asn in numbers, ip in ranges.
    InList(usize),
    /// Text facts, operation, dialect: it begins so. The text is not empty.
    StartsWith(String),
    /// `"tor" in network`: the bit number of the kind.
    Has(u32),
    /// Numbers, asn, time facts and now: how it lies to a literal ([`Literal::Number`] or [`Literal::Time`]).
    Order(Comparison, Literal),
    /// Time facts: how it lies to `now`.
    VersusNow(Comparison),
    /// List facts: some element passes. Of an empty list it is unknown.
    Exists(ElementTest),
    /// List facts: each element passes. Of an empty list it is unknown.
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
    /// `"UA-43"`; its country is known.
    Place(Place),
}

/// How the fact, on the left, lies to what stands on the right.
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

/// What is asked of one element, a text, of a list fact.
#[derive(Clone, Debug, PartialEq)]
pub enum ElementTest {
    /// `true`.
    True,
    /// `false`.
    False,
    /// It is this text.
    Equals(String),
    /// It begins so. The text is not empty.
    StartsWith(String),
    /// It is in the list of this index: one of texts, or one of places, as which it is then read (no code: unknown).
    InList(usize),
    /// True where the other is false.
    Not(Box<ElementTest>),
    /// All of these; two or more.
    And(Vec<ElementTest>),
    /// Any of these; two or more.
    Or(Vec<ElementTest>),
}

/// The built-in facts, by the names they have in conditions.
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
