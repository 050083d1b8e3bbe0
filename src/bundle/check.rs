//! Checks the contents of every section: each index, span, text and enumeration once, and the order
//! that lookups rely on.
//!
//! Input: a bundle whose header, section table and digest are sound. Output: nothing, or the first
//! contradiction. After this check lookups cannot fail. They still return `Option`, so a bug here
//! means a refusal, not a panic.
//!
//! ```text
//! fields  one table (`SECTIONS`) says what each field must be; one loop walks it
//! runs    another (`RUNS`) says which spans have ordered records
//! code    checks relations between several fields or records
//! work    linear in the size of the bundle. Where the order within spans is checked, the spans of
//!         a section must be equal or disjoint (`distinct`), so the sum of their lengths is bounded
//!         by the section; only that list of spans is sorted.
//! memory  one list of spans at a time, 8 bytes for each record that has a span
//! ```
//!
//! The checks are tables because tables weigh a quarter of the equivalent code. The meaning of the
//! rows is not checked: the writer's tests prove that it is the policy's, and a signature vouches
//! for the writer.

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::error::BundleError;
use super::layout as l;
use super::layout::{
    Field, NONE, NONE16, Record, Span, Str, column, fact, list, program, role, section as s, state,
};
use super::view::{Bundle, Table};
use super::view::{class_count, is_wide, slot_of};
use crate::compact::sort;
use crate::limits;

type Checked = Result<(), Contradiction>;

/// A section that contradicts itself or another one.
pub(crate) struct Contradiction {
    section: u16,
    /// Byte offset in the section.
    offset: usize,
}

/// Checks all sections.
pub(crate) fn check(bundle: Bundle<'_>) -> Result<(), BundleError> {
    let check = BundleCheck { bundle };
    check.all().map_err(|Contradiction { section, offset }| BundleError::Malformed {
        section,
        at: bundle.offset(section).saturating_add(offset),
    })
}

/// Maximum depth of a program's stack. The evaluator keeps the stack in one machine word, two bits
/// for each value.
pub(crate) const PROGRAM_DEPTH: u32 = 32;

/// What a field must be. Numbers are section ids, except in `Most`.
#[derive(Clone, Copy)]
enum Must {
    /// A text.
    Text,
    /// A text that lookups compare. It is short, so that checking the order of many overlapping
    /// ones stays linear.
    Key,
    /// A text in six bytes: length, then offset.
    Short,
    /// At most this value.
    Most(u16),
    /// The index of a record.
    Index(u16),
    /// The index of a record, or all ones for none.
    Maybe(u16),
    /// A span of records.
    Span(u16),
    /// A role of a location.
    Role,
}

/// A section of a bundle.
struct Section {
    id: u16,
    /// Bytes of a record.
    size: u8,
    /// At most this many records, or [`UNLIMITED`].
    limit: u16,
    fields: &'static [(Field, Must)],
}

const fn section<R: Record>(id: u16, limit: u16, fields: &'static [(Field, Must)]) -> Section {
    Section { id, size: l::short(R::SIZE), limit, fields }
}

const ZERO: Must = Must::Most(0);

/// First and last number of a range that is empty, and of the roles of credentials.
const NO_OTHERS: (u32, u32) = (1, 0);
const CREDENTIAL_ROLES: (u32, u32) = (role::HEADER_BEARER as u32, role::PROTOCOL_CREDENTIAL as u32);

/// The limit of a section whose records have indices of 16 bits. [`NONE16`] means no index.
const INDEXED16: u16 = NONE16 - 1;
/// The size of the bundle alone bounds the section.
const UNLIMITED: u16 = 0;

static SECTIONS: &[Section] = {
    use Must::{Index, Key, Maybe, Most, Role, Short, Text};
    use l::{
        Authority, Cidr4, Cidr6, Class, Column, Deployment, Dialect, Diff, Exact, Fact, Family,
        Licence, List, Location, Meta, Operation, Pattern, Restriction, RouteEdge, RouteNode,
        Scope, Sentence, State, StateKey, TrieEdge, TrieNode,
    };
    const WHOLE: Field = Field::new(0, 4);
    &[
        section::<Meta>(
            s::META,
            1,
            &[
                (Meta::title, Text),
                (Meta::info, Text),
                (Meta::unknown_state, Maybe(s::STATES)),
                (Meta::headers, Must::Span(s::LOCATIONS)),
                (Meta::reserved, ZERO),
            ],
        ),
        section::<Authority>(
            s::AUTHORITIES,
            INDEXED16,
            &[
                (Authority::id, Text),
                (Authority::title, Text),
                (Authority::url, Text),
                (Authority::appeal, Text),
                (Authority::reserved, ZERO),
            ],
        ),
        section::<Family>(s::FAMILIES, INDEXED16, &[(Family::id, Text), (Family::title, Text)]),
        section::<Pattern>(
            s::PATTERNS,
            UNLIMITED,
            &[
                (Pattern::text, Text),
                (Pattern::family, Maybe(s::FAMILIES)),
                (Pattern::exact, Most(1)),
                (Pattern::reserved, ZERO),
            ],
        ),
        section::<TrieNode>(
            s::TRIE_NODES,
            UNLIMITED,
            &[
                (TrieNode::edges, Must::Span(s::TRIE_EDGES)),
                (TrieNode::prefixes, Must::Span(s::TRIE_EDGES)),
                (TrieNode::pattern, Maybe(s::PATTERNS)),
                (TrieNode::reserved, ZERO),
            ],
        ),
        section::<TrieEdge>(
            s::TRIE_EDGES,
            UNLIMITED,
            &[
                (TrieEdge::token, Key),
                (TrieEdge::target, Index(s::TRIE_NODES)),
                (TrieEdge::reserved, ZERO),
            ],
        ),
        section::<Exact>(
            s::EXACT,
            UNLIMITED,
            &[(Exact::text, Key), (Exact::pattern, Index(s::PATTERNS)), (Exact::reserved, ZERO)],
        ),
        section::<Restriction>(
            s::RESTRICTIONS,
            INDEXED16,
            &[
                (Restriction::id, Text),
                (Restriction::message, Text),
                (Restriction::authority, Maybe(s::AUTHORITIES)),
                (Restriction::state, Most(state::SHADOW as u16)),
                (Restriction::doubt_pass, Most(1)),
                (Restriction::reserved, ZERO),
                (Restriction::reserved2, ZERO),
            ],
        ),
        section::<Licence>(
            s::LICENCES,
            INDEXED16,
            &[
                (Licence::id, Text),
                (Licence::reference, Text),
                (Licence::lifts, Must::Span(s::INDICES)),
                (Licence::authority, Maybe(s::AUTHORITIES)),
                (Licence::kind, Most(2)),
                (Licence::state, Most(state::SHADOW as u16)),
            ],
        ),
        section::<u32>(s::INDICES, UNLIMITED, &[(WHOLE, Index(s::RESTRICTIONS))]),
        section::<Fact>(
            s::FACTS,
            fact::BUILT_IN - 1,
            &[
                (Fact::name, Text),
                (Fact::claim, Text),
                (Fact::kind, Most(fact::NUMBER as u16)),
                (Fact::about, Most(1)),
                (Fact::reserved2, ZERO),
                (Fact::reserved3, ZERO),
            ],
        ),
        section::<Column>(
            s::COLUMNS,
            UNLIMITED,
            &[(Column::reserved, ZERO), (Column::classes, Must::Span(s::CLASSES))],
        ),
        section::<Class>(
            s::CLASSES,
            UNLIMITED,
            &[(Class::diffs, Must::Span(s::DIFFS)), (Class::full, Most(0b111))],
        ),
        section::<Diff>(s::DIFFS, UNLIMITED, &[(Diff::reserved, ZERO)]),
        section::<List>(
            s::LISTS,
            UNLIMITED,
            &[
                (List::name, Text),
                (List::kind, Most(list::NUMBER as u16)),
                (List::secret, Most(1)),
                (List::reserved, ZERO),
                (List::reserved2, ZERO),
            ],
        ),
        section::<[u8; 16]>(s::DIGESTS, UNLIMITED, &[]),
        section::<Cidr4>(s::CIDR4, UNLIMITED, &[]),
        section::<Cidr6>(s::CIDR6, UNLIMITED, &[]),
        section::<Scope>(
            s::SCOPES,
            UNLIMITED,
            &[
                (Scope::host, Key),
                (Scope::names, Must::Span(s::DEPLOYMENTS)),
                (Scope::reserved, ZERO),
            ],
        ),
        section::<Deployment>(
            s::DEPLOYMENTS,
            UNLIMITED,
            &[(Deployment::name, Key), (Deployment::targets, Must::Span(s::TARGETS))],
        ),
        section::<u32>(s::TARGETS, UNLIMITED, &[(WHOLE, Index(s::PATTERNS))]),
        section::<Dialect>(
            s::DIALECTS,
            l::short(limits::DIALECTS) as u16,
            &[
                (Dialect::id, Text),
                (Dialect::prefix, Text),
                (Dialect::hints, Must::Span(s::LOCATIONS)),
                (Dialect::credentials, Must::Span(s::LOCATIONS)),
                (Dialect::reserved, ZERO),
                (Dialect::reserved2, ZERO),
                (Dialect::reserved3, ZERO),
            ],
        ),
        section::<RouteNode>(
            s::ROUTE_NODES,
            UNLIMITED,
            &[
                (RouteNode::edges, Must::Span(s::ROUTE_EDGES)),
                (RouteNode::params, Must::Span(s::ROUTE_EDGES)),
                (RouteNode::operations, Must::Span(s::OPERATIONS)),
                (RouteNode::tail, Maybe(s::ROUTE_NODES)),
                (RouteNode::reserved, ZERO),
            ],
        ),
        section::<RouteEdge>(
            s::ROUTE_EDGES,
            UNLIMITED,
            &[
                (RouteEdge::text, Key),
                (RouteEdge::target, Index(s::ROUTE_NODES)),
                (RouteEdge::reserved, ZERO),
            ],
        ),
        section::<Operation>(
            s::OPERATIONS,
            UNLIMITED,
            &[
                (Operation::id, Text),
                (Operation::dialect, Index(s::DIALECTS)),
                (Operation::methods, Most((1 << l::operation::METHODS.len()) - 1)),
                (Operation::body_state, Maybe(s::STATES)),
                (Operation::message_state, Maybe(s::STATES)),
                (Operation::query, Must::Span(s::LOCATIONS)),
                (Operation::error_format, Most(l::error_format::CLOUDFLARE_RUN as u16)),
                (Operation::reserved2, ZERO),
                (Operation::response_state, Maybe(s::STATES)),
            ],
        ),
        section::<Location>(
            s::LOCATIONS,
            UNLIMITED,
            &[
                (Location::name, Key),
                (Location::role, Role),
                (Location::state, Maybe(s::STATES)),
                (Location::reserved, ZERO),
                (Location::reserved2, ZERO),
            ],
        ),
        section::<State>(
            s::STATES,
            UNLIMITED,
            &[
                (State::keys, Must::Span(s::STATE_KEYS)),
                (
                    Field::new(State::keys.at as usize + 4, 4),
                    Most(l::short(limits::KEYS_PER_OBJECT) as u16),
                ),
                (State::other, Maybe(s::STATES)),
                (State::element, Maybe(s::STATES)),
                (State::role, Most(role::LAST as u16)),
                (State::prefix_len, Short),
                (State::reserved, ZERO),
            ],
        ),
        section::<StateKey>(
            s::STATE_KEYS,
            UNLIMITED,
            &[
                (StateKey::name, Key),
                (StateKey::folded, Key),
                (StateKey::target, Index(s::STATES)),
                (StateKey::reserved, ZERO),
            ],
        ),
        section::<Sentence>(
            s::SENTENCES,
            UNLIMITED,
            &[(Sentence::code, Text), (Sentence::text, Text)],
        ),
    ]
};

/// The order of the records of a run. Each record is compared with the one before it, or checked by
/// itself.
#[derive(Clone, Copy)]
enum Order {
    /// No order. The runs must be disjoint.
    Apart,
    /// `Str`s in any order.
    Texts,
    /// Ascending by the text at this byte. `true`: equal texts may be adjacent.
    Text(u8, bool),
    /// [`l::TextKey`]s, ascending by text and then by `prefix`. A parent precedes its keys and is a
    /// prefix.
    TextKeys,
    /// Ascending by this many first bytes.
    Bytes(u8),
    /// [`l::PlaceKey`]s, ascending by their five bytes of text. The other three bytes are 0.
    Places,
    /// Ascending `i64`s.
    Numbers,
    /// [`l::Diff`]s, ascending by the index of their word.
    Words,
    /// [`l::Cidr4`]s, ascending and disjoint.
    Cidr4,
    /// [`l::Cidr6`]s, ascending and disjoint.
    Cidr6,
}

/// Runs of records: the spans that name them, the bytes of a record, and their order.
struct Run {
    owner: u16,
    span: Field,
    /// Only spans of owners that have this value in this field.
    kind: Option<(Field, u8)>,
    of: u16,
    size: u8,
    order: Order,
}

const fn run<R: Record>(owner: u16, span: Field, of: u16, order: Order) -> Run {
    Run { owner, span, kind: None, of, size: l::short(R::SIZE), order }
}

const fn column<R: Record>(kind: u8, order: Order) -> Run {
    Run {
        kind: Some((l::Column::kind, kind)),
        ..run::<R>(s::COLUMNS, l::Column::keys, s::KEYS, order)
    }
}

const fn list<R: Record>(kind: u8, items: Field, of: u16, order: Order) -> Run {
    Run { kind: Some((l::List::kind, kind)), ..run::<R>(s::LISTS, items, of, order) }
}

static RUNS: &[Run] = &[
    run::<l::TrieEdge>(s::TRIE_NODES, l::TrieNode::edges, s::TRIE_EDGES, Order::Text(0, false)),
    run::<u32>(s::LICENCES, l::Licence::lifts, s::INDICES, Order::Apart),
    run::<Str>(s::FACTS, l::Fact::values, s::KEYS, Order::Texts),
    column::<l::TextKey>(column::TEXT, Order::TextKeys),
    column::<l::PlaceKey>(column::PLACE, Order::Places),
    column::<i64>(column::ORDER, Order::Numbers),
    run::<l::Diff>(s::CLASSES, l::Class::diffs, s::DIFFS, Order::Words),
    list::<l::PlaceKey>(list::PLACE, l::List::items, s::KEYS, Order::Places),
    list::<[u8; 16]>(list::TEXT, l::List::items, s::DIGESTS, Order::Bytes(16)),
    list::<l::Cidr4>(list::CIDR, l::List::items, s::CIDR4, Order::Cidr4),
    list::<l::Cidr6>(list::CIDR, l::List::items6, s::CIDR6, Order::Cidr6),
    list::<i64>(list::NUMBER, l::List::items, s::KEYS, Order::Numbers),
    run::<l::Deployment>(s::SCOPES, l::Scope::names, s::DEPLOYMENTS, Order::Text(0, false)),
    run::<l::RouteEdge>(s::ROUTE_NODES, l::RouteNode::edges, s::ROUTE_EDGES, Order::Text(0, false)),
    run::<l::Location>(s::META, l::Meta::headers, s::LOCATIONS, Order::Text(0, true)),
    run::<l::Location>(s::OPERATIONS, l::Operation::query, s::LOCATIONS, Order::Text(0, true)),
    run::<l::StateKey>(
        s::STATES,
        l::State::keys,
        s::STATE_KEYS,
        Order::Text(l::StateKey::folded.at, true),
    ),
];

struct BundleCheck<'a> {
    bundle: Bundle<'a>,
}

/// Spans, as pairs of start and length.
type Spans = Vec<(u32, u32)>;

/// Checks that spans are equal or disjoint, and leaves each once. `unit` is how many units of `at`
/// one unit of `len` takes.
fn distinct(spans: &mut Spans, section: u16, unit: u32) -> Checked {
    // Most writers put them in order.
    if ascending(spans, unit).is_some() {
        sort::sort(spans);
        spans.dedup();
        if let Some(at) = ascending(spans, unit) {
            return Err(Contradiction { section, offset: at as usize });
        }
    }
    Ok(())
}

/// Returns the start of the first span that begins before the end of the one before it.
fn ascending(spans: &Spans, unit: u32) -> Option<u32> {
    let mut free_from = 0u64;
    for &(at, len) in spans {
        if u64::from(at) < free_from {
            return Some(at);
        }
        free_from = u64::from(at) + u64::from(len) * u64::from(unit);
    }
    None
}

/// Reads a field of one or two bytes, or the first four bytes of a longer one.
#[inline]
fn number(record: &[u8], field: Field) -> u32 {
    let bytes = record.get(usize::from(field.at)..).unwrap_or_default();
    match field.width {
        1 => u8::read(bytes).map(u32::from),
        2 => u16::read(bytes).map(u32::from),
        _ => u32::read(bytes),
    }
    .unwrap_or(0)
}

/// Returns the index of the first record that is not sound.
#[inline]
fn unsound<'r>(
    mut records: &'r [u8],
    size: usize,
    mut is_sound: impl FnMut(&'r [u8]) -> bool,
) -> Option<usize> {
    let mut index = 0;
    while let Some((record, rest)) = records.split_at_checked(size) {
        if !is_sound(record) {
            return Some(index);
        }
        records = rest;
        index += 1;
    }
    None
}

/// Reads two adjacent numbers: a text or a span.
fn pair(record: &[u8], at: u8) -> (u32, u32) {
    (number(record, Field { at, width: 4 }), number(record, Field { at: at + 4, width: 4 }))
}

fn ensure(sound: bool, section: u16, at: usize) -> Checked {
    if sound { Ok(()) } else { Err(Contradiction { section, offset: at }) }
}

impl<'a> BundleCheck<'a> {
    fn all(&self) -> Checked {
        for section in SECTIONS {
            self.section(section)?;
        }
        for run in RUNS {
            self.runs(run)?;
        }
        let meta = self.bundle.meta().ok_or(Contradiction { section: s::META, offset: 0 })?;
        self.trie()?;
        self.rules(&meta)?;
        self.columns()?;
        self.vectors(&meta)
    }

    fn table<R: Record + 'a>(&self, section: u16) -> Table<'a, R> {
        self.bundle.table(section)
    }

    /// Returns the number of records in a section.
    fn count(&self, id: u16) -> u32 {
        let size = SECTIONS
            .iter()
            .find(|section| section.id == id)
            .map_or(1, |section| usize::from(section.size.max(1)));
        u32::try_from(self.bundle.section(id).len() / size).unwrap_or(0)
    }

    fn text(&self, (at, len): (u32, u32)) -> Option<&'a str> {
        self.bundle.checked_text(Str { at, len })
    }

    fn key(&self, text: (u32, u32)) -> Option<&'a str> {
        self.text(text).filter(|text| text.len() <= limits::MODEL_ID_BYTES)
    }

    /// Checks that a section has only whole records, and each field of each record.
    fn section(&self, section: &Section) -> Checked {
        let size = usize::from(section.size.max(1));
        let bytes = self.bundle.section(section.id);
        let whole = bytes.len() - bytes.len() % size;
        ensure(whole == bytes.len(), section.id, whole)?;
        ensure(
            section.limit == UNLIMITED || whole / size <= usize::from(section.limit),
            section.id,
            0,
        )?;
        for (field, must) in section.fields {
            // What a field is compared with is looked up once, not for each record.
            let (below, others) = match must {
                Must::Most(most) => (u32::from(*most) + 1, NO_OTHERS),
                Must::Index(of) | Must::Span(of) => (self.count(*of), NO_OTHERS),
                Must::Maybe(of) => {
                    let none = if field.width == 2 { u32::from(NONE16) } else { NONE };
                    (self.count(*of), (none, none))
                }
                Must::Role => (u32::from(role::LAST) + 1, CREDENTIAL_ROLES),
                Must::Key => (u32::try_from(limits::MODEL_ID_BYTES).unwrap_or(0) + 1, NO_OTHERS),
                Must::Text | Must::Short => (u32::MAX, NO_OTHERS),
            };
            let second = Field { at: field.at + 4, width: 4 };
            let wrong = match must {
                Must::Text | Must::Key => self.unsound_text(bytes, size, *field, second, below),
                Must::Short => {
                    let at = Field { at: field.at + 2, width: 4 };
                    self.unsound_text(bytes, size, at, *field, below)
                }
                Must::Span(_) => unsound(bytes, size, |record| {
                    let (at, len) = pair(record, field.at);
                    within(Span { at, len }, below)
                }),
                Must::Most(_) | Must::Index(_) | Must::Maybe(_) | Must::Role => {
                    unsound(bytes, size, |record| {
                        let value = number(record, *field);
                        value < below || others.0 <= value && value <= others.1
                    })
                }
            };
            if let Some(index) = wrong {
                return Err(Contradiction { section: section.id, offset: index * size });
            }
        }
        Ok(())
    }

    /// Returns the index of the first record whose text is none or has not fewer bytes than `below`.
    fn unsound_text(
        &self,
        bytes: &[u8],
        size: usize,
        at: Field,
        len: Field,
        below: u32,
    ) -> Option<usize> {
        let strings = self.bundle.strings;
        unsound(bytes, size, |record| {
            let (from, len) = (number(record, at) as usize, number(record, len));
            len < below
                && strings.is_char_boundary(from)
                && from.checked_add(len as usize).is_some_and(|to| strings.is_char_boundary(to))
        })
    }

    /// Checks the order of the records of each run.
    fn runs(&self, run: &Run) -> Checked {
        let owners = self.bundle.section(run.owner);
        let size = SECTIONS
            .iter()
            .find(|section| section.id == run.owner)
            .map_or(1, |section| usize::from(section.size.max(1)));
        let mut spans = Spans::new();
        for owner in owners.chunks_exact(size) {
            let (at, len) = pair(owner, run.span.at);
            // Neighbours often share a span.
            if len > 0
                && spans.last() != Some(&(at, len))
                && run.kind.is_none_or(|(field, kind)| number(owner, field) == u32::from(kind))
            {
                spans.push((at, len));
            }
        }
        // In `KEYS` a span starts at a byte offset; in other sections it starts at the index of a
        // record.
        let size = u32::from(run.size);
        let (unit, step) = if run.of == s::KEYS { (size, 1) } else { (1, size as usize) };
        distinct(&mut spans, run.of, unit)?;
        for (at, len) in spans {
            let from = (at as usize).saturating_mul(step);
            let to = from.saturating_add((len as usize).saturating_mul(size as usize));
            let records = self
                .bundle
                .section(run.of)
                .get(from..to)
                .ok_or(Contradiction { section: run.of, offset: from })?;
            self.ordered(records, run.of, from, run.size, run.order)?;
        }
        Ok(())
    }

    fn ordered(
        &self,
        records: &[u8],
        section: u16,
        from: usize,
        size: u8,
        order: Order,
    ) -> Checked {
        let size = usize::from(size.max(1));
        let wrong = if let Order::Text(at, equal) = order {
            self.unsorted_text(records, size, at, equal)
        } else {
            let (mut index, mut last) = (0, None);
            unsound(records, size, |record| {
                let sound = self.follows(order, records, index, last, record) == Some(true);
                (index, last) = (index + 1, Some(record));
                sound
            })
        };
        wrong.map_or(Ok(()), |index| Err(Contradiction { section, offset: from + index * size }))
    }

    /// Returns the index of the first record whose text does not follow the one before it.
    fn unsorted_text(&self, records: &[u8], size: usize, at: u8, equal: bool) -> Option<usize> {
        let mut last = None;
        unsound(records, size, |record| {
            let Some(text) = self.text(pair(record, at)) else { return false };
            let sound = last.is_none_or(|last: &str| match last.cmp(text) {
                Ordering::Less => true,
                Ordering::Equal => equal,
                Ordering::Greater => false,
            });
            last = Some(text);
            sound
        })
    }

    /// Returns whether a record is sound and may follow the one before it.
    fn follows(
        &self,
        order: Order,
        run: &[u8],
        index: usize,
        last: Option<&[u8]>,
        this: &[u8],
    ) -> Option<bool> {
        Some(match order {
            // `unsorted_text` checks the order of texts.
            Order::Apart | Order::Text(..) => true,
            Order::Texts => self.text(pair(this, 0)).is_some(),
            Order::TextKeys => {
                let key = l::TextKey::read(this)?;
                let text = self.key(pair(this, 0))?;
                // INVARIANT: a parent comes before its key, so that walking up ends.
                let parent_precedes = key.parent.checked_sub(2).is_none_or(|parent| {
                    (parent as usize) < index
                        && Table::<l::TextKey>::new(run)
                            .get(parent)
                            .is_some_and(|key| key.prefix == 1)
                });
                let ascends = match last.and_then(l::TextKey::read) {
                    Some(last) => (self.bundle.text(last.text), last.prefix) < (text, key.prefix),
                    None => true,
                };
                parent_precedes && ascends && key.prefix <= 1 && key.parent != 0
            }
            Order::Bytes(count) => {
                let count = usize::from(count);
                last.is_none_or(|last| last.get(..count) < this.get(..count))
            }
            Order::Places => {
                this.get(5..) == Some(&[0; 3])
                    && self.follows(Order::Bytes(5), run, index, last, this)?
            }
            Order::Numbers => last
                .and_then(i64::read)
                .is_none_or(|last| i64::read(this).is_some_and(|this| last < this)),
            Order::Words => {
                last.is_none_or(|last| number(last, l::Diff::word) < number(this, l::Diff::word))
            }
            Order::Cidr4 => {
                let this = l::Cidr4::read(this)?;
                this.first <= this.last
                    && last.and_then(l::Cidr4::read).is_none_or(|last| last.last < this.first)
            }
            Order::Cidr6 => {
                let this = l::Cidr6::read(this)?;
                this.first <= this.last
                    && last.and_then(l::Cidr6::read).is_none_or(|last| last.last < this.first)
            }
        })
    }

    fn trie(&self) -> Checked {
        ensure(self.count(s::PATTERNS) > 0, s::PATTERNS, 0)?;
        // INVARIANT: nodes are in breadth-first order, so edge `i` leads to node `i + 1`, spans
        // follow each other, and the graph is a tree. A walk visits a node at most once for each
        // token it starts from.
        let mut free_from = 0u32;
        for (here, node) in (0u32..).zip(self.table::<l::TrieNode>(s::TRIE_NODES).iter()) {
            for span in [node.edges, node.prefixes] {
                let fits = span.len == 0 || span.at == free_from && here <= span.at;
                ensure(fits, s::TRIE_NODES, here as usize * l::TrieNode::SIZE)?;
                free_from = free_from.saturating_add(span.len);
            }
        }
        ensure(free_from == self.count(s::TRIE_EDGES), s::TRIE_EDGES, 0)?;
        for (index, edge) in (0u32..).zip(self.table::<l::TrieEdge>(s::TRIE_EDGES).iter()) {
            ensure(edge.target == index + 1, s::TRIE_EDGES, index as usize * l::TrieEdge::SIZE)?;
        }
        for (section, size) in [(s::EXACT, l::Exact::SIZE), (s::SCOPES, l::Scope::SIZE)] {
            self.ordered(
                self.bundle.section(section),
                section,
                0,
                l::short(size),
                Order::Text(0, true),
            )?;
        }
        Ok(())
    }

    fn rules(&self, meta: &l::Meta) -> Checked {
        let rows = u64::from(meta.when_words)
            + u64::from(meta.unless_words)
            + u64::from(meta.licence_words);
        ensure(
            rows * 64 < u64::from(NONE) && meta.mask_words == self.count(s::PATTERNS).div_ceil(64),
            s::META,
            0,
        )?;
        let masks = self.bundle.section(s::MASKS).len();
        let mask = 8 * meta.mask_words.max(1) as usize;
        ensure(masks.is_multiple_of(mask), s::MASKS, masks)?;
        let masks = u32::try_from(masks / mask).unwrap_or(0);
        let (when_rows, unless_rows, licence_rows) =
            (meta.when_words * 64, meta.unless_words * 64, meta.licence_words * 64);

        // INVARIANT: every row has one owner, so slots share no row. The number of rows claimed
        // must equal the number of rows owned.
        let owners = self.table::<u32>(s::ROW_OWNERS);
        ensure(
            owners.bytes().len() == 4 * (when_rows as usize + licence_rows as usize),
            s::ROW_OWNERS,
            0,
        )?;
        let owned = |rows: Span, index: u32| owners.span(rows).iter().all(|owner| owner == index);
        let mut claimed = 0usize;
        for (index, rule) in (0u32..).zip(self.table::<l::Restriction>(s::RESTRICTIONS).iter()) {
            let slot = slot_of(&rule);
            claimed += slot.len as usize;
            let sound = within(rule.when, when_rows)
                && within(rule.unless, unless_rows)
                && within(slot, when_rows)
                && shaped(&rule)
                && owned(slot, index)
                && rule.mask < masks
                && matches!(rule.status, 403 | 451);
            ensure(sound, s::RESTRICTIONS, index as usize * l::Restriction::SIZE)?;
        }
        for (index, rule) in (0u32..).zip(self.table::<l::Licence>(s::LICENCES).iter()) {
            claimed += rule.rows.len as usize;
            let sound = within(rule.rows, licence_rows)
                && owned(Span { at: rule.rows.at + when_rows, len: rule.rows.len }, index)
                && (rule.mask == NONE || rule.mask < masks);
            ensure(sound, s::LICENCES, index as usize * l::Licence::SIZE)?;
        }
        ensure(owners.iter().filter(|owner| *owner != NONE).count() == claimed, s::ROW_OWNERS, 0)
    }

    fn columns(&self) -> Checked {
        let (facts, lists) = (self.count(s::FACTS), self.count(s::LISTS));
        let mut programs = Spans::new();
        for (index, c) in self.table::<l::Column>(s::COLUMNS).iter().enumerate() {
            let aux = match c.kind {
                column::LISTED => c.aux < lists,
                column::NETWORK => (c.aux as usize) < l::NETWORK_KINDS.len(),
                column::PROGRAM => {
                    programs.push((c.aux, 0));
                    true
                }
                _ => c.aux == 0,
            };
            let sound = aux
                && (u32::from(c.fact) < facts || (fact::BUILT_IN..=fact::B_NOW).contains(&c.fact))
                && class_count(c.kind, c.keys.len) == Some(c.classes.len);
            ensure(sound, s::COLUMNS, index * l::Column::SIZE)?;
        }
        sort::sort(&mut programs);
        programs.dedup();
        let mut free_from = 0;
        for (at, _) in programs {
            ensure(at >= free_from, s::PROGRAMS, at as usize)?;
            free_from = self
                .program(at, lists)
                .ok_or(Contradiction { section: s::PROGRAMS, offset: at as usize })?;
        }
        Ok(())
    }

    /// Checks a program and returns where it ends.
    fn program(&self, at: u32, lists: u32) -> Option<u32> {
        let code = self.bundle.section(s::PROGRAMS).get(at as usize..)?;
        let (&quantifier, mut rest) = code.split_first()?;
        if !matches!(quantifier, program::EXISTS | program::ALL) {
            return None;
        }
        let mut depth = 0u32;
        loop {
            let (&operator, after) = rest.split_first()?;
            rest = after;
            let operand = match operator {
                program::END => break,
                program::EQUALS | program::STARTS_WITH => {
                    self.bundle.checked_text(Str::read(rest)?)?;
                    Str::SIZE
                }
                program::LISTED => {
                    let list = u32::read(rest).filter(|list| *list < lists)?;
                    let list = self.table::<l::List>(s::LISTS).get(list)?;
                    matches!(list.kind, list::PLACE | list::TEXT).then_some(4)?
                }
                program::CONSTANT => rest.first().filter(|value| **value <= 1).map(|_| 1)?,
                program::NOT | program::AND | program::OR => 0,
                _ => return None,
            };
            rest = rest.get(operand..)?;
            depth = match operator {
                program::NOT => (depth >= 1).then_some(depth)?,
                program::AND | program::OR => (depth >= 2).then_some(depth - 1)?,
                _ => depth + 1,
            };
            if depth > PROGRAM_DEPTH {
                return None;
            }
        }
        let length = u32::try_from(code.len() - rest.len()).ok()?;
        (depth == 1).then_some(at + length)
    }

    fn vectors(&self, meta: &l::Meta) -> Checked {
        let regions = [meta.when_words, meta.unless_words, meta.licence_words];
        // INVARIANT: there are fewer rows than `NONE`, so these sums fit.
        let (mut words, mut summary) = (0, 0);
        for region in regions {
            words += region;
            summary += 2 * region.div_ceil(64);
        }
        let (vectors, summaries) = (self.table::<u64>(s::VECTORS), self.table::<u64>(s::SUMMARIES));
        let bases = u32::try_from(vectors.len()).unwrap_or(0).checked_div(words).unwrap_or(0);
        let whole = |bytes: &[u8], words: u32| bytes.len() == bases as usize * words as usize * 8;
        ensure(
            whole(vectors.bytes(), words) && whole(summaries.bytes(), summary),
            s::VECTORS,
            vectors.bytes().len(),
        )?;
        let mut pair = 0;
        for base in 0..bases {
            let mut from = 0;
            for region in regions {
                let end = from + region;
                while from < end {
                    let to = end.min(from + 64);
                    let (mut some, mut cares) = (0u64, 0u64);
                    for at in from..to {
                        let word = vectors.get(base * words + at);
                        some |= u64::from(word != Some(0)) << (at - from);
                        cares |= u64::from(word != vectors.get(at)) << (at - from);
                    }
                    ensure(
                        (summaries.get(pair), summaries.get(pair + 1)) == (Some(some), Some(cares)),
                        s::SUMMARIES,
                        0,
                    )?;
                    pair += 2;
                    from = to;
                }
            }
        }
        for (index, class) in self.table::<l::Class>(s::CLASSES).iter().enumerate() {
            ensure(class.base < bases || words == 0, s::CLASSES, index * l::Class::SIZE)?;
        }
        for (index, diff) in self.table::<l::Diff>(s::DIFFS).iter().enumerate() {
            ensure(diff.word < words, s::DIFFS, index * l::Diff::SIZE)?;
        }
        Ok(())
    }
}

fn within(span: Span, len: u32) -> bool {
    span.at.checked_add(span.len).is_some_and(|end| end <= len)
}

/// Returns whether the rows of a restriction have the shape that the layout requires.
fn shaped(rule: &l::Restriction) -> bool {
    if is_wide(rule) {
        return rule.when.at.is_multiple_of(64) && rule.unless.at.is_multiple_of(64);
    }
    let slot = slot_of(rule);
    slot.at % 64 + slot.len <= 64 && (rule.unless.len == 0 || rule.unless.at == rule.when.at)
}
