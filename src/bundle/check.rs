//! Checks the inside of every section: each index, span, text and enumeration once, and the order that look-ups rely on.
//!
//! Input: a bundle whose header, section table and digest are sound. Output: nothing, or the first contradiction. After it the deciding
//! code follows any index without a second thought; it still asks politely and gets `None` where this file is wrong.
//!
//! ```text
//! work    linear in the size of the bundle. Where order within spans is checked, the spans of a section must be equal or share
//!         nothing (`Spans`), so the sum of their lengths is bounded by the section; only that list of spans is sorted.
//! memory  one list of spans at a time, 8 bytes a record that has one.
//! ```
//!
//! It does not check meaning: that rows say what the policy says is the writer's burden, proved by tests, and its signer's.

use super::layout::{self as l, NONE, NONE16, Record, Span, Str, column, fact, list, program, role, section as s};
use super::read::{Bundle, BundleError, Table};
use crate::limits;
use crate::order;

type Checked = Result<(), Bad>;

/// Section and record number of a contradiction.
pub(super) struct Bad(u16, usize);

/// Checks all sections.
pub(super) fn check(bundle: Bundle<'_>) -> Result<(), BundleError> {
    let check = Check { bundle };
    check.all().map_err(|Bad(section, at)| BundleError::Malformed { section, at: bundle.offset(section).saturating_add(at) })
}

/// How deep the stack of a program may get; the evaluator keeps it in one machine word of two bits each.
pub(crate) const PROGRAM_DEPTH: u32 = 32;

struct Check<'a> {
    bundle: Bundle<'a>,
}

/// Spans into one section, to be found equal or disjoint.
struct Spans(Vec<(u32, u32)>);

impl Spans {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn add(&mut self, span: Span) {
        if span.len > 0 {
            self.0.push((span.at, span.len));
        }
    }

    /// The different spans. `size` is the length of one unit of `len` in units of `at`.
    fn distinct(mut self, section: u16, size: u32) -> Result<Vec<Span>, Bad> {
        order::sort(&mut self.0);
        self.0.dedup();
        let mut free_from = 0u64;
        for &(at, len) in &self.0 {
            if u64::from(at) < free_from {
                return Err(Bad(section, at as usize));
            }
            free_from = u64::from(at) + u64::from(len) * u64::from(size);
        }
        Ok(self.0.into_iter().map(|(at, len)| Span { at, len }).collect())
    }
}

impl<'a> Check<'a> {
    fn all(&self) -> Checked {
        self.names()?;
        self.patterns()?;
        self.rules()?;
        self.facts()?;
        self.vectors()?;
        self.lists()?;
        self.request()
    }

    fn table<R: Record + 'a>(&self, section: u16) -> Table<'a, R> {
        self.bundle.table(section)
    }

    /// Every record of a section, which must be whole.
    fn each<R: Record + 'a>(&self, section: u16, mut sound: impl FnMut(&R) -> bool) -> Checked {
        let table = self.table::<R>(section);
        if !table.bytes().len().is_multiple_of(R::SIZE) {
            return Err(Bad(section, table.len() * R::SIZE));
        }
        match table.iter().position(|record| !sound(&record)) {
            Some(index) => Err(Bad(section, index * R::SIZE)),
            None => Ok(()),
        }
    }

    fn count<R: Record + 'a>(&self, section: u16) -> u32 {
        u32::try_from(self.table::<R>(section).len()).unwrap_or(0)
    }

    fn text(&self, text: Str) -> bool {
        self.bundle.checked_text(text).is_some()
    }

    /// A text that look-ups compare: short, so that checking the order of many that overlap stays linear.
    fn key(&self, text: Str) -> bool {
        text.len as usize <= limits::MODEL_ID_BYTES && self.text(text)
    }

    /// Whether the records of each span are in order, by a relation of neighbours.
    fn ordered<R: Record + 'a>(&self, section: u16, spans: Spans, in_order: impl Fn(&R, &R) -> bool) -> Checked {
        for span in spans.distinct(section, 1)? {
            self.run(self.table::<R>(section).span(span), &in_order)
                .map_err(|at| Bad(section, (span.at as usize).saturating_add(at).saturating_mul(R::SIZE)))?;
        }
        Ok(())
    }

    fn run<R: Record + 'a>(&self, records: Table<'a, R>, in_order: impl Fn(&R, &R) -> bool) -> Result<(), usize> {
        let mut last: Option<R> = None;
        for (index, record) in records.iter().enumerate() {
            if last.is_some_and(|last| !in_order(&last, &record)) {
                return Err(index);
            }
            last = Some(record);
        }
        Ok(())
    }

    fn names(&self) -> Checked {
        let meta = self.table::<l::Meta>(s::META);
        let (places, states) = (self.count::<l::Place>(s::PLACES), self.count::<l::State>(s::STATES));
        self.each::<l::Meta>(s::META, |m| {
            let rows = u64::from(m.when_words) + u64::from(m.unless_words) + u64::from(m.licence_words);
            self.text(m.title)
                && rows * 64 < u64::from(NONE)
                && m.mask_words == self.count::<l::Pattern>(s::PATTERNS).div_ceil(64)
                && optional(m.unknown_state, states)
                && within(m.headers, places)
                && m.reserved == 0
        })?;
        if meta.len() != 1 {
            return Err(Bad(s::META, 0));
        }
        self.each::<l::Authority>(s::AUTHORITIES, |a| {
            [a.id, a.title, a.url, a.appeal].into_iter().all(|text| self.text(text)) && a.reserved == 0
        })?;
        self.each::<l::Family>(s::FAMILIES, |f| self.text(f.id) && self.text(f.title))?;
        if self.count::<l::Family>(s::FAMILIES) >= u32::from(NONE16)
            || self.count::<l::Authority>(s::AUTHORITIES) >= u32::from(NONE16)
        {
            return Err(Bad(s::FAMILIES, 0));
        }
        Ok(())
    }

    fn patterns(&self) -> Checked {
        let families = self.count::<l::Family>(s::FAMILIES);
        let patterns = self.count::<l::Pattern>(s::PATTERNS);
        let (nodes, edges) = (self.count::<l::TrieNode>(s::TRIE_NODES), self.count::<l::TrieEdge>(s::TRIE_EDGES));
        self.each::<l::Pattern>(s::PATTERNS, |p| {
            self.text(p.text) && optional16(p.family, families) && p.exact <= 1 && p.reserved == 0
        })?;
        if patterns == 0 {
            return Err(Bad(s::PATTERNS, 0));
        }
        // INVARIANT: nodes stand in breadth-first order, so edge `i` leads to node `i + 1`, spans follow each other, and it is a tree:
        // a walk visits a node once at most for each token it starts from.
        let mut free_from = 0;
        let mut node = 0;
        let table = self.table::<l::TrieEdge>(s::TRIE_EDGES);
        let text = |edge: &l::TrieEdge| self.bundle.text(edge.token);
        self.each::<l::TrieNode>(s::TRIE_NODES, |n| {
            let here = node;
            node += 1;
            let mut follows = |span: Span| {
                let fits = span.len == 0 || span.at == free_from && here <= span.at;
                free_from = free_from.saturating_add(span.len);
                fits && within(span, edges)
            };
            follows(n.edges)
                && follows(n.prefixes)
                && self.run(table.span(n.edges), |a, b| text(a) < text(b)).is_ok()
                && optional(n.pattern, patterns)
                && n.reserved == 0
        })?;
        let mut target = 0;
        self.each::<l::TrieEdge>(s::TRIE_EDGES, |e| {
            target += 1;
            self.key(e.token) && e.target == target && e.target < nodes && e.reserved == 0
        })?;
        if free_from != edges {
            return Err(Bad(s::TRIE_EDGES, free_from as usize));
        }
        self.each::<l::Exact>(s::EXACT, |e| self.key(e.text) && e.pattern < patterns && e.reserved == 0)?;
        let exact = self.table::<l::Exact>(s::EXACT);
        self.run(exact, |a, b| self.bundle.text(a.text) <= self.bundle.text(b.text))
            .map_err(|at| Bad(s::EXACT, at * l::Exact::SIZE))
    }

    fn rules(&self) -> Checked {
        let Some(meta) = self.bundle.meta() else { return Err(Bad(s::META, 0)) };
        let authorities = self.count::<l::Authority>(s::AUTHORITIES);
        let indices = self.count::<u32>(s::INDICES);
        let restrictions = self.count::<l::Restriction>(s::RESTRICTIONS);
        let licences = self.count::<l::Licence>(s::LICENCES);
        if restrictions >= u32::from(NONE16) || licences >= u32::from(NONE16) {
            return Err(Bad(s::RESTRICTIONS, 0));
        }
        let masks = self.table::<u64>(s::MASKS);
        if !masks.bytes().len().is_multiple_of(8 * meta.mask_words.max(1) as usize) {
            return Err(Bad(s::MASKS, masks.bytes().len()));
        }
        let masks = u32::try_from(masks.len()).unwrap_or(0) / meta.mask_words.max(1);
        let (when_rows, unless_rows, licence_rows) = (meta.when_words * 64, meta.unless_words * 64, meta.licence_words * 64);

        // INVARIANT: every row has one owner, so slots share no row: the rows claimed are counted and compared with the rows owned.
        let owners = self.table::<u32>(s::ROW_OWNERS);
        if owners.bytes().len() != 4 * (when_rows as usize + licence_rows as usize) {
            return Err(Bad(s::ROW_OWNERS, 0));
        }
        let mut claimed = 0usize;
        let mut index = 0u32;
        self.each::<l::Restriction>(s::RESTRICTIONS, |r| {
            let this = index;
            index += 1;
            let slot = slot_of(r);
            claimed += slot.len as usize;
            self.text(r.id)
                && self.text(r.message)
                && within(r.when, when_rows)
                && within(r.unless, unless_rows)
                && within(slot, when_rows)
                && shaped(r)
                && owners.span(slot).iter().all(|owner| owner == this)
                && r.mask < masks
                && optional16(r.authority, authorities)
                && matches!(r.status, 403 | 451)
                && r.state <= l::state::SHADOW
                && r.doubt_pass <= 1
                && (r.reserved, r.reserved2) == (0, 0)
        })?;
        let mut spans = Spans::new();
        let mut index = 0u32;
        self.each::<l::Licence>(s::LICENCES, |r| {
            let this = index;
            index += 1;
            spans.add(r.lifts);
            claimed += r.rows.len as usize;
            let rows = Span { at: r.rows.at.saturating_add(when_rows), len: r.rows.len };
            self.text(r.id)
                && self.text(r.reference)
                && within(r.rows, licence_rows)
                && owners.span(rows).iter().all(|owner| owner == this)
                && within(r.lifts, indices)
                && optional(r.mask, masks)
                && optional16(r.authority, authorities)
                && r.kind <= 2
                && r.state <= l::state::SHADOW
        })?;
        if owners.iter().filter(|owner| *owner != NONE).count() != claimed {
            return Err(Bad(s::ROW_OWNERS, 0));
        }
        self.each::<u32>(s::INDICES, |index| *index < restrictions)?;
        spans.distinct(s::INDICES, 1).map(drop)
    }

    fn facts(&self) -> Checked {
        let keys = self.bundle.section(s::KEYS);
        let lists = self.count::<l::List>(s::LISTS);
        let mut values = Spans::new();
        self.each::<l::Fact>(s::FACTS, |f| {
            values.add(f.values);
            self.text(f.name)
                && self.text(f.claim)
                && f.kind <= fact::NUMBER
                && f.about <= 1
                && (f.reserved2, f.reserved3) == (0, 0)
        })?;
        if self.count::<l::Fact>(s::FACTS) >= u32::from(fact::BUILT_IN) {
            return Err(Bad(s::FACTS, 0));
        }
        for span in values.distinct(s::KEYS, 8)? {
            let Some(values) = keyed::<Str>(keys, span) else { return Err(Bad(s::KEYS, span.at as usize)) };
            if !values.iter().all(|value| self.text(value)) {
                return Err(Bad(s::KEYS, span.at as usize));
            }
        }
        let classes = self.count::<l::Class>(s::CLASSES);
        let (mut texts, mut places, mut orders) = (Spans::new(), Spans::new(), Spans::new());
        let mut programs = Vec::new();
        self.each::<l::Column>(s::COLUMNS, |c| {
            match c.kind {
                column::TEXT => texts.add(c.keys),
                column::PLACE => places.add(c.keys),
                column::ORDER => orders.add(c.keys),
                column::PROGRAM => programs.push(c.aux),
                _ => {}
            }
            let aux = match c.kind {
                column::LISTED => c.aux < lists,
                column::NETWORK => (c.aux as usize) < crate::Network::KINDS.len(),
                column::PROGRAM => true,
                _ => c.aux == 0,
            };
            aux && c.reserved == 0
                && (self.table::<l::Fact>(s::FACTS).get(u32::from(c.fact)).is_some()
                    || (fact::BUILT_IN..=fact::B_NOW).contains(&c.fact))
                && within(c.classes, classes)
                && class_count(c.kind, c.keys.len) == Some(c.classes.len)
        })?;
        for span in texts.distinct(s::KEYS, 16)? {
            self.text_keys(span).ok_or(Bad(s::KEYS, span.at as usize))?;
        }
        for span in places.distinct(s::KEYS, 8)? {
            self.place_keys(span).ok_or(Bad(s::KEYS, span.at as usize))?;
        }
        for span in orders.distinct(s::KEYS, 8)? {
            self.order_keys(span).ok_or(Bad(s::KEYS, span.at as usize))?;
        }
        order::sort(&mut programs);
        programs.dedup();
        let mut free_from = 0;
        for at in programs {
            if at < free_from {
                return Err(Bad(s::PROGRAMS, at as usize));
            }
            free_from = self.program(at, lists).ok_or(Bad(s::PROGRAMS, at as usize))?;
        }
        Ok(())
    }

    fn text_keys(&self, span: Span) -> Option<()> {
        let keys = keyed::<l::TextKey>(self.bundle.section(s::KEYS), span)?;
        let mut last: Option<(&str, u32)> = None;
        for (index, key) in keys.iter().enumerate() {
            let this = (self.bundle.checked_text(key.text).filter(|_| self.key(key.text))?, key.prefix);
            if last.is_some_and(|last| last >= this) || key.prefix > 1 || key.parent == 0 {
                return None;
            }
            // INVARIANT: a parent stands before its key, so that walking up ends.
            if let Some(parent) = key.parent.checked_sub(2)
                && (parent as usize >= index || keys.get(parent)?.prefix != 1)
            {
                return None;
            }
            last = Some(this);
        }
        Some(())
    }

    fn place_keys(&self, span: Span) -> Option<()> {
        let keys = keyed::<l::PlaceKey>(self.bundle.section(s::KEYS), span)?;
        let sorted = self.run(keys, |a, b| (a.country, a.region) < (b.country, b.region)).is_ok();
        (sorted && keys.iter().all(|key| key.reserved == [0; 3])).then_some(())
    }

    fn order_keys(&self, span: Span) -> Option<()> {
        self.run(keyed::<i64>(self.bundle.section(s::KEYS), span)?, |a, b| a < b).ok()
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

    fn vectors(&self) -> Checked {
        let Some(meta) = self.bundle.meta() else { return Err(Bad(s::META, 0)) };
        let regions = [meta.when_words as usize, meta.unless_words as usize, meta.licence_words as usize];
        let words: usize = regions.iter().sum();
        let summary: usize = regions.iter().map(|words| 2 * words.div_ceil(64)).sum();
        let (vectors, summaries) = (self.bundle.section(s::VECTORS), self.bundle.section(s::SUMMARIES));
        let bases = if words == 0 { 0 } else { vectors.len() / (words * 8) };
        if vectors.len() != bases * words * 8 || summaries.len() != bases * summary * 8 {
            return Err(Bad(s::VECTORS, vectors.len()));
        }
        let mut summaries = self.table::<u64>(s::SUMMARIES).iter();
        let all = vectors.get(..words * 8).unwrap_or_default();
        for vector in vectors.chunks_exact((words * 8).max(1)) {
            let mut pairs = vector.chunks_exact(8).zip(all.chunks_exact(8));
            for region in regions {
                for block in 0..region.div_ceil(64) {
                    let (mut some, mut cares) = (0u64, 0u64);
                    for (bit, (word, all)) in pairs.by_ref().take((region - block * 64).min(64)).enumerate() {
                        some |= u64::from(word.iter().any(|byte| *byte != 0)) << bit;
                        cares |= u64::from(word != all) << bit;
                    }
                    if (summaries.next(), summaries.next()) != (Some(some), Some(cares)) {
                        return Err(Bad(s::SUMMARIES, 0));
                    }
                }
            }
        }
        let diffs = self.count::<l::Diff>(s::DIFFS);
        let mut spans = Spans::new();
        self.each::<l::Class>(s::CLASSES, |c| {
            spans.add(c.diffs);
            ((c.base as usize) < bases || words == 0) && within(c.diffs, diffs) && c.full <= 0b111
        })?;
        self.each::<l::Diff>(s::DIFFS, |d| (d.word as usize) < words && d.reserved == 0)?;
        self.ordered::<l::Diff>(s::DIFFS, spans, |a, b| a.word < b.word)
    }

    fn lists(&self) -> Checked {
        let (digests, cidr4, cidr6) =
            (self.count::<[u8; 16]>(s::DIGESTS), self.count::<l::Cidr4>(s::CIDR4), self.count::<l::Cidr6>(s::CIDR6));
        let (mut texts, mut places, mut numbers) = (Spans::new(), Spans::new(), Spans::new());
        let (mut four, mut six) = (Spans::new(), Spans::new());
        self.each::<l::List>(s::LISTS, |entry| {
            let shaped = match entry.kind {
                list::TEXT => {
                    texts.add(entry.items);
                    within(entry.items, digests)
                }
                list::CIDR => {
                    four.add(entry.items);
                    six.add(entry.items6);
                    within(entry.items, cidr4) && within(entry.items6, cidr6)
                }
                list::PLACE => {
                    places.add(entry.items);
                    true
                }
                list::NUMBER => {
                    numbers.add(entry.items);
                    true
                }
                _ => false,
            };
            shaped && self.text(entry.name) && entry.secret <= 1 && (entry.reserved, entry.reserved2) == (0, 0)
        })?;
        for span in places.distinct(s::KEYS, 8)? {
            self.place_keys(span).ok_or(Bad(s::KEYS, span.at as usize))?;
        }
        for span in numbers.distinct(s::KEYS, 8)? {
            self.order_keys(span).ok_or(Bad(s::KEYS, span.at as usize))?;
        }
        self.each::<[u8; 16]>(s::DIGESTS, |_| true)?;
        self.ordered::<[u8; 16]>(s::DIGESTS, texts, |a, b| a < b)?;
        self.each::<l::Cidr4>(s::CIDR4, |range| range.first <= range.last)?;
        self.ordered::<l::Cidr4>(s::CIDR4, four, |a, b| a.last < b.first)?;
        self.each::<l::Cidr6>(s::CIDR6, |range| range.first <= range.last)?;
        self.ordered::<l::Cidr6>(s::CIDR6, six, |a, b| a.last < b.first)
    }

    /// The sections that the request readers walk. Their walks are bounded by the request's length, so a loop among nodes does no harm.
    fn request(&self) -> Checked {
        let dialects = self.count::<l::Dialect>(s::DIALECTS);
        let (nodes, edges) = (self.count::<l::RouteNode>(s::ROUTE_NODES), self.count::<l::RouteEdge>(s::ROUTE_EDGES));
        let (operations, places) = (self.count::<l::Operation>(s::OPERATIONS), self.count::<l::Place>(s::PLACES));
        let (states, keys) = (self.count::<l::State>(s::STATES), self.count::<l::StateKey>(s::STATE_KEYS));
        self.each::<l::Dialect>(s::DIALECTS, |d| {
            self.text(d.id)
                && self.text(d.prefix)
                && within(d.hints, places)
                && within(d.credentials, places)
                && (d.reserved, d.reserved2, d.reserved3) == (0, 0, 0)
        })?;
        if dialects >= u32::from(NONE16) {
            return Err(Bad(s::DIALECTS, 0));
        }
        let mut spans = Spans::new();
        self.each::<l::RouteNode>(s::ROUTE_NODES, |n| {
            spans.add(n.edges);
            within(n.edges, edges)
                && within(n.params, edges)
                && within(n.operations, operations)
                && optional(n.tail, nodes)
                && n.reserved == 0
        })?;
        self.each::<l::RouteEdge>(s::ROUTE_EDGES, |e| self.key(e.text) && e.target < nodes && e.reserved == 0)?;
        self.ordered::<l::RouteEdge>(s::ROUTE_EDGES, spans, |a, b| self.bundle.text(a.text) < self.bundle.text(b.text))?;
        self.each::<l::Operation>(s::OPERATIONS, |o| {
            self.text(o.id)
                && u32::from(o.dialect) < dialects
                && o.methods < 1 << l::operation::METHODS.len()
                && optional(o.body_state, states)
                && optional(o.message_state, states)
                && within(o.query, places)
                && (o.reserved, o.reserved2, o.reserved3) == (0, 0, 0)
        })?;
        self.each::<l::Place>(s::PLACES, |p| {
            let known = p.role <= role::MUST_NAME_TYPE || (role::HEADER_BEARER..=role::PROTOCOL_CREDENTIAL).contains(&p.role);
            self.key(p.name) && known && optional(p.state, states) && (p.reserved, p.reserved2) == (0, 0)
        })?;
        let mut spans = Spans::new();
        self.bundle.meta().into_iter().for_each(|meta| spans.add(meta.headers));
        self.table::<l::Operation>(s::OPERATIONS).iter().for_each(|operation| spans.add(operation.query));
        self.ordered::<l::Place>(s::PLACES, spans, |a, b| self.bundle.text(a.name) <= self.bundle.text(b.name))?;
        let mut spans = Spans::new();
        self.each::<l::State>(s::STATES, |state| {
            spans.add(state.keys);
            within(state.keys, keys)
                && state.keys.len as usize <= limits::KEYS_PER_OBJECT
                && optional(state.other, states)
                && optional(state.element, states)
                && state.role <= role::MUST_NAME_TYPE
                && self.text(Str { at: state.prefix_at, len: u32::from(state.prefix_len) })
                && state.reserved == 0
        })?;
        self.each::<l::StateKey>(s::STATE_KEYS, |k| {
            self.key(k.name) && self.key(k.folded) && k.target < states && k.reserved == 0
        })?;
        self.ordered::<l::StateKey>(s::STATE_KEYS, spans, |a, b| self.bundle.text(a.folded) <= self.bundle.text(b.folded))
    }
}

fn within(span: Span, len: u32) -> bool {
    span.at.checked_add(span.len).is_some_and(|end| end <= len)
}

fn optional(index: u32, len: u32) -> bool {
    index == NONE || index < len
}

fn optional16(index: u16, len: u32) -> bool {
    index == NONE16 || u32::from(index) < len
}

/// The records at a byte offset of `KEYS`; `len` counts records.
pub(crate) fn keyed<'a, R: Record + 'a>(keys: &'a [u8], span: Span) -> Option<Table<'a, R>> {
    let at = span.at as usize;
    keys.get(at..at.checked_add((span.len as usize).checked_mul(R::SIZE)?)?).map(Table::new)
}

/// Rows of the `when` region that belong to a restriction and to nothing else.
pub(crate) fn slot_of(rule: &l::Restriction) -> Span {
    let len =
        if is_wide(rule) { rule.when.len.div_ceil(64).saturating_mul(64) } else { rule.when.len.max(rule.unless.len).max(1) };
    Span { at: rule.when.at, len }
}

/// Whether a restriction has more rows than a word has bits.
pub(crate) fn is_wide(rule: &l::Restriction) -> bool {
    rule.when.len > 64 || rule.unless.len > 64
}

/// The shape that the layout promises for the rows of a restriction.
fn shaped(rule: &l::Restriction) -> bool {
    if is_wide(rule) {
        return rule.when.at.is_multiple_of(64) && rule.unless.at.is_multiple_of(64);
    }
    let slot = slot_of(rule);
    slot.at % 64 + slot.len <= 64 && (rule.unless.len == 0 || rule.unless.at == rule.when.at)
}

/// Records of `CLASSES` that a column of so many keys has, the don't-care vector among them.
pub(crate) fn class_count(kind: u8, keys: u32) -> Option<u32> {
    Some(
        1 + match kind {
            column::TEXT | column::PLACE => keys.checked_add(2)?,
            column::ORDER => keys.checked_mul(2)?.checked_add(2)?,
            column::VERSUS_NOW => (keys == 0).then_some(4)?,
            column::BOOL | column::LISTED | column::NETWORK | column::PROGRAM => (keys == 0).then_some(3)?,
            _ => return None,
        },
    )
}
