//! Which operations may a request be?
//!
//! Input: method and target, as the sender wrote them. Output: a [`Route`]: the operations, each a [`Reading`] that the reach is computed for, and the
//! models that the path names. It reads no body and judges nothing.
//!
//! ```text
//! for each reading of the path (see `path`):
//!   under no guarded prefix       not guarded
//!   prefix + a known path         these operations
//!   else a known path at the end  these operations, from the longest ending that is one; what comes before may hint at a model
//!   known by its beginning alone  these, and those of the endings; with a body it is as good as unknown
//!   else                          unknown: what follows `models`, `deployments`, ... may hint at a model
//! of a path's operations, of all dialects: those of the method, else all of them
//! ```
//!
//! Paths lie in the trie under their dialect's prefix. It is walked from there for each start in the path, and each of its nodes is met at most once a walk. Literal segments go
//! before captures, captures before a tail; where a segment fits a literal only by folding, the captures count as well.

use alloc::vec::Vec;

use crate::bundle::layout::{self as l, NONE, NONE16, operation, role, section};
use crate::bundle::{Bundle, Table};
use crate::limits;
use crate::reach::Reading;

use super::header;
use super::path::{self, Target};
use super::query;
use super::reason::Reason;

/// The head of a request.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method token as it was sent.
    pub method: &'a str,
    /// Absolute URL, or path with query.
    pub url: &'a str,
    /// Header lines in order; names in any case, several of one name stay several.
    pub headers: &'a [(&'a str, &'a str)],
}

/// What a request may be, from method and target. Its buffers can be used again with [`Route::read`].
#[derive(Clone, Debug, Default)]
pub struct Route {
    /// False: no guarded prefix holds the path in any reading, so that the request is none of the gate's business.
    pub guarded: bool,
    /// The operations that it may be. An unknown one stands once for each dialect whose prefix holds the path.
    pub readings: Vec<Reading>,
    /// What the path mentions: role, and where its text ends in `texts`.
    mentions: Vec<(u8, usize)>,
    texts: Vec<u8>,
    /// A query that was hidden in the path behind an escaped question mark.
    pub(super) hidden_query: Vec<u8>,
    /// The union of the operations' flags, except `QUIET`, which all must have.
    pub(super) flags: u32,
    /// Start states of a body, each once.
    pub(super) bodies: Vec<u32>,
    /// Start states of a client message on a WebSocket, each once; none where nothing opens one.
    pub(super) messages: Vec<u32>,
    /// Some reading fits no known operation, or none of its method.
    pub(super) unsure: bool,
    /// The path cannot be read with certainty.
    pub(super) trouble: Option<Reason>,
    /// Methods that the request may be taken for, as bits of [`operation::METHODS`].
    methods: u16,
    /// It may be taken for a method that no operation has.
    foreign: bool,
    quiet: bool,
    /// Methods of the operations taken at one start.
    served: u16,
}

/// What a request may be, from method and target. `method` is the token that was sent; where a header asks for another
/// (`X-HTTP-Method-Override`), that one may follow after a comma, and both count.
#[must_use]
pub fn route(bundle: Bundle<'_>, method: &str, url: &str) -> Route {
    let mut route = Route::default();
    route.read(bundle, &Head { method, url, headers: &[] });
    route
}

/// Operations at the end of a walk: those of the dialects under one prefix count. `exact`: the walk began behind it; `all`: whatever
/// the method.
struct Ends {
    operations: l::Span,
    prefix: l::Str,
    exact: bool,
    all: bool,
}

/// Captures of one walk: segment range, bytes of a suffix cut off its end, and whether it takes whatever is left.
#[derive(Clone, Copy, Default)]
struct Capture {
    from: usize,
    to: usize,
    cut: usize,
    is_tail: bool,
}

/// How well a path is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    None,
    /// By its beginning alone: what follows could be anything.
    Loose,
    Sure,
}

/// GET and DELETE, as bits of [`operation::METHODS`].
const BODILESS: u16 = 1 | 1 << 4;

/// `Operation::path_roles` has a bit for each.
const CAPTURES: usize = 16;

/// Segments after which a path may name a model, whatever the API.
const HINT_SEGMENTS: [&[u8]; 6] = [b"models", b"model", b"deployments", b"deployment", b"engines", b"engine"];

impl Route {
    /// Reads another head. Nothing is allocated once the buffers have grown to what a usual request takes.
    pub fn read(&mut self, bundle: Bundle<'_>, head: &Head<'_>) {
        self.guarded = false;
        self.readings.clear();
        self.mentions.clear();
        self.texts.clear();
        self.hidden_query.clear();
        self.bodies.clear();
        self.messages.clear();
        (self.flags, self.unsure, self.trouble) = (0, false, None);
        (self.methods, self.foreign, self.quiet) = (0, false, true);

        head.method.split(',').for_each(|method| self.method(method));
        header::methods(head.headers, &mut |method| self.method(method));
        let target = Target::of(head.url);
        query::methods(target.query, &mut |method| self.method(method));
        if head.url.len() > limits::TARGET_BYTES {
            // Such a target is refused wherever there is a reach, so all it must be is guarded.
            self.trouble = Some(Reason::TargetTooLong);
            self.guarded = true;
            self.unread(bundle);
            return;
        }
        let walk = Walk { nodes: bundle.table(section::ROUTE_NODES), edges: bundle.table(section::ROUTE_EDGES), bundle };
        let read = path::readings(target.path, &mut |segments, tail| {
            self.take(&walk, segments);
            if !self.hidden_query.ends_with(tail) {
                self.hidden_query.push(b'&');
                self.hidden_query.extend_from_slice(tail);
            }
        });
        if let Err(reason) = read {
            self.trouble = Some(reason);
            if self.readings.is_empty() {
                self.guarded = true;
                self.unread(bundle);
            }
        }
        if self.quiet && !self.readings.is_empty() {
            self.flags |= operation::QUIET;
        }
    }

    /// The request, read together with its headers, may be taken for a method that the route does not have.
    pub(super) fn lacks_method(&self, headers: &[(&str, &str)]) -> bool {
        let mut asked = Self::default();
        header::methods(headers, &mut |method| asked.method(method));
        asked.methods & !self.methods != 0 || asked.foreign && !self.foreign
    }

    /// It is `OPTIONS`, or a method as unknown, and cannot be taken for any other.
    pub(super) fn is_foreign(&self) -> bool {
        self.foreign && self.methods == 0
    }

    /// What the path mentions, with its role.
    pub(super) fn mentions(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let mut start = 0;
        self.mentions.iter().map(move |&(role, end)| {
            let text = self.texts.get(start..end).unwrap_or_default();
            start = end;
            (role, text)
        })
    }

    /// All operations that it may be, as the bundle holds them.
    pub(super) fn operations<'a>(&self, bundle: Bundle<'a>) -> impl Iterator<Item = l::Operation> + use<'a, '_> {
        let table: Table<'a, l::Operation> = bundle.table(section::OPERATIONS);
        self.readings.iter().filter_map(move |reading| table.get(reading.operation))
    }

    fn method(&mut self, method: &str) {
        let bit = operation::METHODS.iter().position(|known| known.eq_ignore_ascii_case(method.trim()));
        match bit {
            // HEAD is GET without the answer's body.
            Some(bit) => self.methods |= if bit == 5 { 1 | 1 << 5 } else { 1 << bit },
            None => self.foreign = true,
        }
    }

    /// Takes what one reading of the path leads to.
    fn take(&mut self, walk: &Walk<'_>, segments: &[&[u8]]) {
        let dialects = walk.bundle.table::<l::Dialect>(section::DIALECTS);
        if !dialects.iter().any(|dialect| under(walk.bundle.text(dialect.prefix), segments).is_some()) {
            return;
        }
        self.guarded = true;
        let exact = self.start(walk, segments, None);
        if exact == Match::Sure {
            return;
        }
        let mut best = exact;
        for from in 0..segments.len() {
            match self.start(walk, segments, Some(from)) {
                Match::Sure => {
                    best = Match::Sure;
                    break;
                }
                Match::Loose => best = Match::Loose,
                Match::None => {}
            }
        }
        self.hints(segments);
        match best {
            Match::Sure => {}
            Match::Loose => self.unsure = true,
            Match::None => self.unread(walk.bundle),
        }
    }

    /// Takes the operations whose path the segments are from this one on, or from each dialect's prefix on: those of the method or, if it
    /// has none, all.
    fn start(&mut self, walk: &Walk<'_>, segments: &[&[u8]], from: Option<usize>) -> Match {
        self.served = 0;
        let known = self.walk(walk, segments, from, false);
        // HEAD comes with the bit of GET, so its own is not asked for.
        if known != Match::None && (self.foreign || self.methods & 0b1_1111 & !self.served != 0) {
            self.unsure = true;
            return self.walk(walk, segments, from, true);
        }
        known
    }

    fn walk(&mut self, walk: &Walk<'_>, segments: &[&[u8]], from: Option<usize>, all: bool) -> Match {
        let mut known = Match::None;
        let dialects = walk.bundle.table::<l::Dialect>(section::DIALECTS);
        for (index, dialect) in dialects.iter().enumerate() {
            // Equal texts are one text of the bundle: dialects under one prefix share a walk.
            if dialects.iter().take(index).any(|before| before.prefix == dialect.prefix) {
                continue;
            }
            let prefix = walk.bundle.text(dialect.prefix);
            let Some(at) = from.or_else(|| under(prefix, segments)) else { continue };
            let Some(node) = walk.mount(prefix) else { continue };
            walk.matches(node, segments, at, &mut |operations, captures| {
                let ends = Ends { operations, prefix: dialect.prefix, exact: from.is_none(), all };
                self.end(walk, &ends, segments, captures, &mut known)
            });
        }
        known
    }

    /// Takes the operations that end at a node. False if none of them was taken.
    fn end(&mut self, walk: &Walk<'_>, ends: &Ends, segments: &[&[u8]], captures: &[Capture], known: &mut Match) -> bool {
        let table: Table<'_, l::Operation> = walk.bundle.table(section::OPERATIONS);
        let dialects: Table<'_, l::Dialect> = walk.bundle.table(section::DIALECTS);
        let mut taken = false;
        for (at, operation) in (ends.operations.at..).zip(table.span(ends.operations).iter()) {
            if dialects.get(u32::from(operation.dialect)).is_none_or(|dialect| dialect.prefix != ends.prefix) {
                continue;
            }
            // A tail that could be any path says little of what stands there, unless it is the model or the body is known.
            let tail = captures.iter().position(|capture| capture.is_tail);
            let loose = tail.is_some_and(|bit| operation.path_roles >> bit & 1 == 0) && operation.body_state == NONE;
            *known = (*known).max(if loose { Match::Loose } else { Match::Sure });
            if !ends.all && operation.methods & self.methods == 0 {
                continue;
            }
            taken = true;
            self.served |= operation.methods;
            self.known(at, &operation, ends.exact && !loose);
            for (bit, capture) in captures.iter().enumerate() {
                if operation.path_roles >> bit & 1 != 0 {
                    let opaque = operation.path_opaque >> bit & 1 != 0;
                    self.mention(if opaque { role::OPAQUE } else { role::PRIMARY }, segments, *capture);
                }
            }
        }
        taken
    }

    fn known(&mut self, index: u32, operation: &l::Operation, exact: bool) {
        self.flags |= operation.flags & !operation::QUIET;
        // Behind a prefix that nobody declared, what a gateway makes of an operation is its own affair; and where a method takes no
        // body, nobody knows what a server makes of one.
        let quiet = exact && operation.flags & operation::QUIET != 0 && self.methods & BODILESS == 0;
        self.quiet &= quiet;
        self.reading(Reading { operation: index, dialect: operation.dialect });
        if !quiet {
            add(&mut self.bodies, operation.body_state);
        }
        if operation.flags & operation::WEBSOCKET != 0 {
            add(&mut self.messages, operation.message_state);
        }
    }

    /// An operation that nobody knows.
    fn unread(&mut self, bundle: Bundle<'_>) {
        self.unsure = true;
        self.quiet = false;
        add(&mut self.bodies, NONE);
        add(&mut self.messages, NONE);
        for (dialect, _) in (0..NONE16).zip(bundle.table::<l::Dialect>(section::DIALECTS).iter()) {
            self.reading(Reading { operation: NONE, dialect });
        }
    }

    fn reading(&mut self, reading: Reading) {
        if !self.readings.contains(&reading) {
            self.readings.push(reading);
        }
    }

    fn hints(&mut self, segments: &[&[u8]]) {
        let Some(at) = segments.iter().position(|segment| HINT_SEGMENTS.iter().any(|hint| segment.eq_ignore_ascii_case(hint)))
        else {
            return;
        };
        // Each by itself, and all together: an id may be cut by slashes.
        for from in at + 1..segments.len() {
            self.mention(role::HINT, segments, Capture { from, to: from + 1, ..Capture::default() });
        }
        if segments.len() > at + 2 {
            self.mention(role::HINT, segments, Capture { from: at + 1, to: segments.len(), ..Capture::default() });
        }
    }

    fn mention(&mut self, role: u8, segments: &[&[u8]], capture: Capture) {
        let start = self.texts.len();
        for (i, segment) in segments.get(capture.from..capture.to).unwrap_or_default().iter().enumerate() {
            if i > 0 {
                self.texts.push(b'/');
            }
            self.texts.extend_from_slice(segment);
        }
        self.texts.truncate(self.texts.len().saturating_sub(capture.cut).max(start));
        let text = self.texts.get(start..).unwrap_or_default();
        if self.mentions().any(|(known, other)| known == role && other == text) {
            self.texts.truncate(start);
        } else {
            self.mentions.push((role, self.texts.len()));
        }
    }
}

/// Each once.
fn add(states: &mut Vec<u32>, state: u32) {
    if !states.contains(&state) {
        states.push(state);
    }
}

/// How many segments the prefix takes, if the path is under it.
fn under(prefix: &str, segments: &[&[u8]]) -> Option<usize> {
    let mut depth = 0;
    for part in parts(prefix) {
        if !segments.get(depth)?.eq_ignore_ascii_case(part) {
            return None;
        }
        depth += 1;
    }
    Some(depth)
}

fn parts(prefix: &str) -> impl Iterator<Item = &[u8]> {
    prefix.as_bytes().split(|&b| b == b'/').filter(|part| !part.is_empty())
}

/// Called with the operations of a node and the captures on the way; false if it has no use for them.
type Visit<'v> = dyn FnMut(l::Span, &[Capture]) -> bool + 'v;

struct Walk<'a> {
    nodes: Table<'a, l::RouteNode>,
    edges: Table<'a, l::RouteEdge>,
    bundle: Bundle<'a>,
}

impl Walk<'_> {
    /// The node under which the paths of a prefix lie.
    fn mount(&self, prefix: &str) -> Option<u32> {
        parts(prefix).try_fold(0, |node, part| {
            let edges = self.edges.span(self.nodes.get(node)?.edges);
            edges.search(|edge| folded_order(self.bundle.text(edge.text), part)).map(|(_, edge)| edge.target)
        })
    }

    /// Follows all segments from `from` on; true if some node at the end was of use.
    fn matches(&self, node: u32, segments: &[&[u8]], from: usize, visit: &mut Visit<'_>) -> bool {
        self.step(node, segments, from, &mut [Capture::default(); CAPTURES], 0, visit)
    }

    fn step(
        &self,
        node: u32,
        segments: &[&[u8]],
        at: usize,
        captures: &mut [Capture; CAPTURES],
        held: usize,
        visit: &mut Visit<'_>,
    ) -> bool {
        let Some(node) = self.nodes.get(node) else { return false };
        let Some(segment) = segments.get(at) else {
            return node.operations.len > 0 && visit(node.operations, captures.get(..held).unwrap_or_default());
        };
        let folding = segment.iter().any(u8::is_ascii_uppercase);
        let mut found = false;
        if let Some((_, edge)) = self.edges.span(node.edges).search(|edge| folded_order(self.bundle.text(edge.text), segment)) {
            found = self.step(edge.target, segments, at + 1, captures, held, visit);
            if found && !folding {
                return true;
            }
        }
        for edge in self.edges.span(node.params).iter() {
            let suffix = self.bundle.text(edge.text).as_bytes();
            let cut = suffix.len();
            let Some(start) = segment.len().checked_sub(cut).filter(|start| *start > 0) else { continue };
            if !segment.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(suffix)) {
                continue;
            }
            if let Some(place) = captures.get_mut(held) {
                *place = Capture { from: at, to: at + 1, cut, is_tail: false };
            }
            if self.step(edge.target, segments, at + 1, captures, (held + 1).min(CAPTURES), visit) {
                found = true;
                if !folding || cut == 0 {
                    break;
                }
            }
        }
        if !found && let Some(tail) = self.nodes.get(node.tail).filter(|tail| tail.operations.len > 0) {
            if let Some(place) = captures.get_mut(held) {
                *place = Capture { from: at, to: segments.len(), cut: 0, is_tail: true };
            }
            found = visit(tail.operations, captures.get(..(held + 1).min(CAPTURES)).unwrap_or_default());
        }
        found
    }
}

/// The order of a folded text and a segment, once that is folded.
fn folded_order(text: &str, segment: &[u8]) -> core::cmp::Ordering {
    text.bytes().cmp(segment.iter().map(u8::to_ascii_lowercase))
}
