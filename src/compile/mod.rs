//! Compiles a policy into a bundle: conditions to rows, rows to bit vectors, models to bits of the
//! denied set.
//!
//! Input: a [`Policy`] that the checks have accepted. Output: the bytes of a bundle. The same
//! policy and list key give the same bytes on every platform. This module makes no decisions, and
//! it does not judge whether a policy is sensible; the checks do that.
//!
//! ```text
//! condition --dnf-----> rows of literals         when | unless | licence, a region each
//! atoms ----column----> columns, classes, pieces every atom belongs to one column
//! rules ---assign-----> position of each row     rules with the same models are adjacent
//! rows -----vector----> which rows survive each class of each column
//! ```
//!
//! `unless` is never negated, because the negation of a disjunction multiplies out. Its rows have a
//! region of their own and cancel the restriction. In strong Kleene logic `when && !unless` is "not
//! certainly false" exactly if `when` is not certainly false and `unless` is not certainly true. It
//! is "certainly true" exactly if `when` is certainly true and `unless` is certainly false.

mod column;
mod deployment;
pub(crate) mod dialect;
mod dnf;
mod list;
mod model;
pub(crate) mod public;
mod vector;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use self::column::Columns;
use self::dialect::WrittenDialects;
use self::dnf::Row;
use self::model::Universe;
use self::vector::{PositionedRow, Regions, Survives};
use crate::bundle::error::BundleError;
use crate::bundle::layout as l;
use crate::bundle::layout::{NONE, NONE16, Record as _, column as kind, fact, flags, section};
use crate::bundle::view::{Bundle, Sections};
use crate::bundle::write::{Header, Writer};
use crate::limits;
use crate::policy::diagnostic::code;
use crate::policy::diagnostic::problem::Problem;
use crate::policy::model::{
    Clause, ElementTest, Entries, Fact, FactKind, LateBound, LicenceKind, Models, Policy,
    RuleState, Span, Test, Unlisted,
};
use crate::reason::Reason;

/// Returns the reasons why a sound policy cannot become a bundle, as problems. [`compile`] returns
/// the same reasons as errors. Assumes that there is a list key.
#[must_use]
pub fn problems(policy: &Policy) -> Vec<Problem> {
    match compile(policy, Some(b"any")) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(|error| error.problem(policy)).collect(),
    }
}

/// A reason why a policy without mistakes cannot become a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompileError {
    /// The disjunctive form of a condition is too long.
    TooManyConjunctions {
        /// Id of the rule.
        rule: String,
        /// [`limits::CONJUNCTIONS`].
        limit: usize,
        /// Span of the condition.
        span: Span,
    },
    /// A condition looks values up in a secret list, and there is no list key.
    ListKeyMissing {
        /// Name of the list.
        list: String,
        /// Span of its declaration.
        span: Span,
    },
    /// A test of the elements of a list fact nests too deeply.
    TooDeep {
        /// Maximum depth.
        limit: u32,
        /// Its depth.
        found: u32,
    },
    /// There are more restrictions, licences or facts than a bundle can number.
    TooManyRules {
        /// Maximum number.
        limit: usize,
        /// Their number.
        found: usize,
    },
    /// The bundle is larger than a reader accepts.
    TooLarge {
        /// [`limits::BUNDLE_BYTES`].
        limit: usize,
        /// Its size in bytes.
        found: usize,
    },
    /// The bundle exceeds a bound of its reader.
    Unreadable {
        /// The reader's error.
        error: BundleError,
    },
    /// A guarded dialect cannot be compiled.
    Dialect {
        /// The reason.
        why: String,
    },
}

impl CompileError {
    /// Returns the stable code: `too_many_conjunctions`, ...
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooManyConjunctions { .. } => "too_many_conjunctions",
            Self::ListKeyMissing { .. } => "list_key_missing",
            Self::TooDeep { .. } => "too_deep",
            Self::TooManyRules { .. } => "too_many_rules",
            Self::TooLarge { .. } => "bundle_too_large",
            Self::Unreadable { error } => error.code(),
            Self::Dialect { .. } => "dialect",
        }
    }

    /// Returns the location in the sources, if there is a single one.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        match self {
            Self::TooManyConjunctions { span, .. } | Self::ListKeyMissing { span, .. } => {
                Some(*span)
            }
            _ => None,
        }
    }

    /// Returns advice, if there is a single remedy.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::TooManyConjunctions { .. } => Some(
                "use `in` with a list instead of many `||`, or split the rule: several restrictions close what any of them closes",
            ),
            Self::ListKeyMissing { .. } => Some(
                "give `--list-key FILE` with the deployment's list key, or write `secret = false` if the names may be guessed from the bundle",
            ),
            Self::TooDeep { .. } => Some("declare a list, and test with `in`"),
            Self::TooManyRules { .. } | Self::TooLarge { .. } => {
                Some("move what the rules enumerate into lists")
            }
            Self::Unreadable { .. } | Self::Dialect { .. } => None,
        }
    }
}

impl CompileError {
    /// Returns the error as a problem at its span, or else at the table `[policy]`.
    #[must_use]
    pub fn problem(&self, policy: &Policy) -> Problem {
        let span = self.span().unwrap_or(policy.span);
        Problem::new(code::NOT_COMPILED, span, self.to_string())
            .help_if(self.help().map(str::to_owned))
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyConjunctions { rule, limit, .. } => {
                write!(
                    f,
                    "the condition of `{rule}` has more than {limit} alternatives when it is multiplied out"
                )
            }
            Self::ListKeyMissing { list, .. } => {
                write!(
                    f,
                    "the list `{list}` is secret, and there is no list key to hide its names with"
                )
            }
            Self::TooDeep { limit, found } => {
                write!(f, "a test of list elements nests {found} deep, at most {limit} is possible")
            }
            Self::TooManyRules { limit, found } => {
                write!(f, "there are {found} rules of one kind, at most {limit} are possible")
            }
            Self::TooLarge { limit, found } => {
                write!(f, "the bundle would take {found} bytes, at most {limit} are possible")
            }
            Self::Unreadable { error } => write!(f, "the bundle could not be read: {error}"),
            Self::Dialect { why } => write!(f, "{why}"),
        }
    }
}

impl std::error::Error for CompileError {}

/// Compiles a policy and returns the bytes of its bundle, unsigned. The same policy and key give
/// the same bytes on every platform.
///
/// `list_key` is the key of the digests of secret lists. It is never part of the bundle.
///
/// # Errors
///
/// Returns every reason why this policy cannot become a bundle. They concern size, secret lists and
/// dialects: see [`CompileError`].
pub fn compile(policy: &Policy, list_key: Option<&[u8]>) -> Result<Vec<u8>, Vec<CompileError>> {
    write_bundle(policy, list_key, &mut |writer| {
        dialect::write_guarded(writer, &policy.dialects)
            .map_err(|error| CompileError::Dialect { why: error.to_string() })
    })
}

/// A function that writes the sections of the guarded dialects.
type WriteDialects<'a> = &'a mut dyn FnMut(&mut Writer) -> Result<WrittenDialects, CompileError>;

/// Compiles a policy. The callback `write_dialects` writes the sections of its dialects.
pub(crate) fn write_bundle(
    policy: &Policy,
    list_key: Option<&[u8]>,
    write_dialects: WriteDialects<'_>,
) -> Result<Vec<u8>, Vec<CompileError>> {
    let mut errors = Vec::new();
    for found in [policy.restrictions.len(), policy.licences.len(), policy.facts.len()] {
        let limit = usize::from(fact::BUILT_IN) - 1;
        if found > limit {
            return Err(vec![CompileError::TooManyRules { limit, found }]);
        }
    }
    let mut writer = Writer::default();
    let dialects = write_dialects(&mut writer).map_err(|error| errors.push(error)).ok();
    let mut columns = Columns::new(policy);
    let mut rules = Rules::read(policy, &mut columns, &mut errors);

    let universe = Universe::new(policy);
    universe.write(&mut writer, policy);
    rules.write_masks(&mut writer, policy, &universe);

    let programs = list::write_programs(&mut writer, columns.programs())
        .map_err(|error| errors.push(error))
        .unwrap_or_default();
    list::write(&mut writer, policy, &looked_up(policy, &columns), list_key, &mut errors);
    let Some(dialects) = dialects.filter(|_| errors.is_empty()) else { return Err(errors) };

    let settled = columns.settle();
    // Sort the rows by their class in the column with the most classes, so that rows with
    // neighbouring values are adjacent. Then the vectors of two neighbouring classes differ in few
    // words.
    let sort_key = |row: &Row| -> SortKey {
        let of_literal = |literal: &u32| {
            let column = columns.column_of(dnf::atom_of(*literal));
            (Reverse(settled.key_count(column)), column, settled.first_true(*literal))
        };
        let mut sort_key: SortKey = row.iter().map(of_literal).collect();
        sort_key.sort_unstable();
        sort_key
    };
    let (regions, positioned) = rules.assign_rows(&sort_key);
    vector::write(
        &mut writer,
        regions,
        &positioned,
        &settled,
        |atom| columns.column_of(atom),
        |key| {
            if key.kind == kind::PROGRAM {
                programs.get(key.aux as usize).copied().unwrap_or(NONE)
            } else {
                key.aux
            }
        },
    );
    rules.write(&mut writer, policy);
    let mut meta = write_names(&mut writer, policy, regions, &universe, dialects);

    let unlisted = match policy.unlisted {
        Unlisted::Defer => flags::UNLISTED_DEFER,
        Unlisted::Pass => flags::UNLISTED_PASS,
        Unlisted::Deny => flags::UNLISTED_DENY,
    };
    let late_bound = if policy.late_bound == LateBound::Deny { flags::LATE_BOUND_DENY } else { 0 };
    let header = Header {
        policy_id: &policy.id,
        version: policy.version,
        expires: policy.expires.unwrap_or(i64::MAX),
        flags: unlisted | late_bound,
    };
    // The deployment tables and the description are computed from a draft of the bundle, by the
    // code that the gate uses.
    let mut draft = writer.clone();
    draft.push(section::META, &meta);
    let draft = draft.finish(&header);
    let mut sections = Sections::default();
    let draft = Bundle::read(&draft, &mut sections).map_err(unreadable)?;
    deployment::write(&mut writer, policy, draft);
    meta.info = writer.text(&draft.describe(crate::policy::platform::needs(policy)));
    writer.push(section::META, &meta);
    let bundle = writer.finish(&header);
    // Refuse a bundle that the reader would reject: the reader has further bounds, for example on
    // the length of a text.
    Bundle::read(&bundle, &mut Sections::default()).map_err(unreadable)?;
    Ok(bundle)
}

fn unreadable(error: BundleError) -> Vec<CompileError> {
    vec![match error {
        BundleError::TooLarge { limit, found } => CompileError::TooLarge { limit, found },
        error => CompileError::Unreadable { error },
    }]
}

/// Returns for each list whether its entries are needed, that is whether a column or a program
/// looks values up in it.
fn looked_up(policy: &Policy, columns: &Columns<'_>) -> Vec<bool> {
    let mut used = vec![false; policy.lists.len()];
    let mut mark = |index: usize| {
        if let Some(slot) = used.get_mut(index) {
            *slot = true;
        }
    };
    columns
        .programs()
        .iter()
        .for_each(|(_, test): &(bool, ElementTest)| list::lists_of(test, &mut mark));
    for test in columns.tests() {
        if let Test::InList(index) = test
            && !matches!(
                policy.lists.get(*index).map(|list| &list.entries),
                Some(Entries::Places(_))
            )
        {
            mark(*index);
        }
    }
    used
}

/// Sort key of a row. For each literal: the number of keys of its column (most first), the column,
/// and the first class in which the literal is true.
type SortKey = Vec<(Reverse<usize>, usize, u32)>;

/// Intermediate data of a rule.
struct Rule {
    when: Vec<Row>,
    unless: Vec<Row>,
    doubt_pass: bool,
    mask: u32,
    when_span: l::Span,
    unless_span: l::Span,
    /// Licences only.
    lifts: l::Span,
}

struct Rules {
    restrictions: Vec<Rule>,
    licences: Vec<Rule>,
    owners: Vec<u32>,
    licence_owners: Vec<u32>,
}

impl Rules {
    fn read(policy: &Policy, columns: &mut Columns<'_>, errors: &mut Vec<CompileError>) -> Self {
        let mut rows = |rule: &str, clause: Option<&Clause>, absent: bool| -> Vec<Row> {
            let Some(clause) = clause else {
                return if absent { vec![Row::new()] } else { Vec::new() };
            };
            dnf::rows(&clause.condition, &mut |atom| columns.resolve(atom)).unwrap_or_else(
                |dnf::TooManyConjunctions| {
                    let (rule, limit) = (rule.to_owned(), limits::CONJUNCTIONS);
                    errors.push(CompileError::TooManyConjunctions {
                        rule,
                        limit,
                        span: clause.span,
                    });
                    Vec::new()
                },
            )
        };
        let nowhere = l::Span { at: 0, len: 0 };
        let mut rule = |id: &str, when, unless, doubt_pass| Rule {
            when: rows(id, when, true),
            unless: rows(id, unless, false),
            doubt_pass,
            mask: NONE,
            when_span: nowhere,
            unless_span: nowhere,
            lifts: nowhere,
        };
        Self {
            restrictions: policy
                .restrictions
                .iter()
                .map(|r| rule(&r.id, r.when.as_ref(), r.unless.as_ref(), r.doubt_pass))
                .collect(),
            licences: policy
                .licences
                .iter()
                .map(|r| rule(&r.id, r.when.as_ref(), None, true))
                .collect(),
            owners: Vec::new(),
            licence_owners: Vec::new(),
        }
    }

    fn write_masks(&mut self, writer: &mut Writer, policy: &Policy, universe: &Universe) {
        let mut known: HashMap<Vec<u64>, u32> = HashMap::new();
        let mut number = |mask: Vec<u64>| {
            let next = u32::try_from(known.len()).unwrap_or(NONE);
            *known.entry(mask).or_insert_with_key(|mask| {
                writer.extend(section::MASKS, mask);
                next
            })
        };
        // The same lists of models are frequent, and a mask is costly to compute.
        let mut masks_of: HashMap<String, u32> = HashMap::new();
        let name = |models: &Models| {
            let mut name = String::new();
            models.items.iter().for_each(|item| name.push_str(&format!("{item:?} ")));
            name
        };
        for (rule, from) in self.restrictions.iter_mut().zip(&policy.restrictions) {
            rule.mask = *masks_of
                .entry(name(&from.models))
                .or_insert_with(|| number(universe.closed(&from.models)));
        }
        for (rule, from) in self.licences.iter_mut().zip(&policy.licences) {
            rule.mask = from.models.as_ref().map_or(NONE, |models| number(universe.lifted(models)));
        }
        let mut lists: HashMap<Vec<u32>, l::Span> = HashMap::new();
        for (rule, from) in self.licences.iter_mut().zip(&policy.licences) {
            let mut lifts: Vec<u32> =
                from.lifts.iter().filter_map(|index| u32::try_from(*index).ok()).collect();
            lifts.sort_unstable();
            rule.lifts = *lists
                .entry(lifts)
                .or_insert_with_key(|lifts| writer.extend(section::INDICES, lifts));
        }
    }

    /// Numbers the restrictions by the set of columns that their `when` reads.
    ///
    /// Rows of the same columns usually fail together, so whole words of them are skipped. But the
    /// gate also skips runs of rules that close the same models. So a set of columns gets a number
    /// only if it has at least half a word of rows for each mask. All other rules have number 0.
    fn column_sets(&self, sort_key: &dyn Fn(&Row) -> SortKey) -> Vec<usize> {
        const ROWS_PER_MASK: usize = 32;
        let mut found: BTreeMap<Vec<usize>, (usize, BTreeSet<u32>)> = BTreeMap::new();
        let mut sets = Vec::new();
        for rule in &self.restrictions {
            let mut columns: Vec<usize> =
                rule.when.iter().flat_map(sort_key).map(|(_, column, _)| column).collect();
            columns.sort_unstable();
            columns.dedup();
            let (rows, masks) = found.entry(columns.clone()).or_default();
            *rows += rule.when.len();
            masks.insert(rule.mask);
            sets.push(columns);
        }
        let long = found
            .iter()
            .zip(1..)
            .filter(|((_, (rows, masks)), _)| *rows >= ROWS_PER_MASK * masks.len());
        let numbers: BTreeMap<&Vec<usize>, usize> =
            long.map(|((columns, _), number)| (columns, number)).collect();
        sets.iter().map(|columns| numbers.get(columns).copied().unwrap_or(0)).collect()
    }

    /// Assigns a position to every row as the layout requires: first rules that fit within one
    /// word, then those that do not.
    fn assign_rows(&mut self, sort_key: &dyn Fn(&Row) -> SortKey) -> (Regions, Vec<PositionedRow>) {
        let column_sets = self.column_sets(sort_key);
        let mut order: Vec<usize> = (0..self.restrictions.len()).collect();
        order.sort_by_cached_key(|index| {
            let rule = self.restrictions.get(*index);
            let first = rule
                .and_then(|rule| rule.when.iter().chain(&rule.unless).find(|row| !row.is_empty()));
            // Rules with `unless` come first, so that its region extends no further than they do.
            let column_set = column_sets.get(*index).copied();
            (
                rule.map(|rule| (rule.is_wide(), rule.unless.is_empty(), column_set, rule.mask)),
                first.map(sort_key),
                *index,
            )
        });
        let (mut when, mut unless) = (0u32, 0u32);
        for index in &order {
            let Some(rule) = self.restrictions.get_mut(*index) else { continue };
            let (whens, unlesses) = (count(&rule.when), count(&rule.unless));
            if rule.is_wide() {
                when = when.next_multiple_of(64);
                unless = unless.next_multiple_of(64);
                rule.when_span = l::Span { at: when, len: whens };
                rule.unless_span = l::Span { at: unless, len: unlesses };
                when += whens;
                unless += unlesses;
            } else {
                let slot = whens.max(unlesses).max(1);
                if when % 64 + slot > 64 {
                    when = when.next_multiple_of(64);
                }
                rule.when_span = l::Span { at: when, len: whens };
                rule.unless_span = if unlesses == 0 {
                    l::Span { at: 0, len: 0 }
                } else {
                    l::Span { at: when, len: unlesses }
                };
                when += slot;
                if unlesses > 0 {
                    unless = when;
                }
            }
        }
        let mut licence = 0u32;
        let mut licence_order: Vec<usize> = (0..self.licences.len()).collect();
        licence_order.sort_by_cached_key(|index| {
            let rule = self.licences.get(*index);
            let first = rule.and_then(|rule| rule.when.iter().find(|row| !row.is_empty()));
            (
                rule.map(|rule| (rule.lifts.at, rule.lifts.len, rule.mask)),
                first.map(sort_key),
                *index,
            )
        });
        for index in licence_order {
            let Some(rule) = self.licences.get_mut(index) else { continue };
            rule.when_span = l::Span { at: licence, len: count(&rule.when) };
            licence += count(&rule.when);
        }

        let regions = Regions([when.div_ceil(64), unless.div_ceil(64), licence.div_ceil(64)]);
        let [when_words, unless_words, licence_words] = regions.0;
        self.owners = vec![NONE; 64 * when_words as usize];
        self.licence_owners = vec![NONE; 64 * licence_words as usize];
        let mut positioned = Vec::new();
        for (owner, rule) in (0..).zip(&self.restrictions) {
            let record = l::Restriction {
                when: rule.when_span,
                unless: rule.unless_span,
                ..Default::default()
            };
            assign_owner(&mut self.owners, crate::bundle::view::slot_of(&record), owner);
            let (when, unless) = if rule.doubt_pass {
                (Survives::IfTrue, Survives::UnlessFalse)
            } else {
                (Survives::UnlessFalse, Survives::IfTrue)
            };
            position_rows(&mut positioned, &rule.when, rule.when_span.at, when);
            position_rows(
                &mut positioned,
                &rule.unless,
                64 * when_words + rule.unless_span.at,
                unless,
            );
        }
        for (owner, rule) in (0..).zip(&self.licences) {
            assign_owner(&mut self.licence_owners, rule.when_span, owner);
            position_rows(
                &mut positioned,
                &rule.when,
                64 * (when_words + unless_words) + rule.when_span.at,
                Survives::IfTrue,
            );
        }
        (regions, positioned)
    }

    fn write(&self, writer: &mut Writer, policy: &Policy) {
        for (rule, from) in self.restrictions.iter().zip(&policy.restrictions) {
            let record = l::Restriction {
                id: writer.text(&from.id),
                message: writer.text(&from.message),
                from: from.from.unwrap_or(i64::MIN),
                until: from.until.unwrap_or(i64::MAX),
                when: rule.when_span,
                unless: rule.unless_span,
                mask: rule.mask,
                authority: index16(from.authority),
                status: from.status,
                state: state(from.state),
                doubt_pass: u8::from(from.doubt_pass),
                reserved: 0,
                reserved2: 0,
            };
            writer.push(section::RESTRICTIONS, &record);
        }
        for (rule, from) in self.licences.iter().zip(&policy.licences) {
            let record = l::Licence {
                id: writer.text(&from.id),
                reference: writer.text(&from.reference),
                from: from.from.unwrap_or(i64::MIN),
                until: from.until.unwrap_or(i64::MAX),
                rows: rule.when_span,
                lifts: rule.lifts,
                mask: rule.mask,
                authority: index16(from.authority),
                kind: match from.kind {
                    LicenceKind::Licence => 0,
                    LicenceKind::Exception => 1,
                    LicenceKind::Exclusion => 2,
                },
                state: state(from.state),
            };
            writer.push(section::LICENCES, &record);
        }
        for owner in self.owners.iter().chain(&self.licence_owners) {
            writer.push(section::ROW_OWNERS, owner);
        }
    }
}

impl Rule {
    fn is_wide(&self) -> bool {
        self.when.len() > 64 || self.unless.len() > 64
    }
}

fn count(rows: &[Row]) -> u32 {
    u32::try_from(rows.len()).unwrap_or(u32::MAX)
}

fn assign_owner(owners: &mut [u32], span: l::Span, owner: u32) {
    owners.iter_mut().skip(span.at as usize).take(span.len as usize).for_each(|slot| *slot = owner);
}

fn position_rows(positioned: &mut Vec<PositionedRow>, rows: &[Row], at: u32, survives: Survives) {
    positioned.extend((at..).zip(rows).map(|(at, row)| PositionedRow {
        at,
        literals: row.clone(),
        survives,
    }));
}

fn index16(index: Option<usize>) -> u16 {
    index.and_then(|index| u16::try_from(index).ok()).unwrap_or(NONE16)
}

fn state(state: RuleState) -> u8 {
    match state {
        RuleState::Off => l::state::OFF,
        RuleState::On => l::state::ON,
        RuleState::Shadow => l::state::SHADOW,
    }
}

/// Writes the sentences that people read. They are part of the bundle so that the edge module need
/// not contain them.
pub(crate) fn write_sentences(writer: &mut Writer) {
    for reason in Reason::ALL {
        let record =
            l::Sentence { code: writer.text(reason.code()), text: writer.text(reason.message()) };
        writer.push(section::SENTENCES, &record);
    }
}

fn write_names(
    writer: &mut Writer,
    policy: &Policy,
    regions: Regions,
    universe: &Universe,
    dialects: WrittenDialects,
) -> l::Meta {
    for from in &policy.authorities {
        let record = l::Authority {
            id: writer.text(&from.id),
            title: writer.text(&from.title),
            url: writer.text(&from.url),
            appeal: writer.text(&from.appeal),
            retain_days: from.retain_days,
            reserved: 0,
        };
        writer.push(section::AUTHORITIES, &record);
    }
    for from in &policy.facts {
        write_fact(writer, from);
    }
    write_sentences(writer);
    let [when_words, unless_words, licence_words] = regions.0;
    l::Meta {
        title: writer.text(&policy.title),
        when_words,
        unless_words,
        licence_words,
        mask_words: u32::try_from(universe.words()).unwrap_or(u32::MAX),
        unknown_state: dialects.unknown_state,
        headers: dialects.headers,
        ..l::Meta::default()
    }
}

fn write_fact(writer: &mut Writer, from: &Fact) {
    let mut values = l::Span { at: 0, len: 0 };
    let kind = match &from.kind {
        FactKind::Bool => fact::BOOL,
        FactKind::Text => fact::TEXT,
        FactKind::Place => fact::PLACE,
        FactKind::Time => fact::TIME,
        FactKind::List => fact::LIST,
        FactKind::Number => fact::NUMBER,
        FactKind::Enum(texts) => {
            values.at = u32::try_from(writer.section(section::KEYS).len()).unwrap_or(u32::MAX);
            values.len = u32::try_from(texts.len()).unwrap_or(u32::MAX);
            for text in texts {
                let text = writer.text(text);
                text.write(writer.section(section::KEYS));
            }
            fact::ENUM
        }
    };
    let about = u8::from(from.about == crate::policy::model::About::Account);
    let record = l::Fact {
        name: writer.text(&from.name),
        claim: writer.text(&from.claim),
        values,
        kind,
        about,
        reserved2: 0,
        reserved3: 0,
    };
    writer.push(section::FACTS, &record);
}

#[cfg(test)]
mod tests;
