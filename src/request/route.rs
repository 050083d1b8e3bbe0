//! Finds the operations that a request may be.
//!
//! Input: method and target, as the sender wrote them. Output: a [`Route`], which holds the
//! operations, each as an [`OperationMatch`] for which the denied set is computed, and the models
//! that the path names. It reads no body and decides nothing.
//!
//! ```text
//! for each interpretation of the path (see http/target.rs):
//!   under no guarded prefix      not guarded
//!   prefix + a known path        these operations. Where ids alone make up the end of the path,
//!                                also operations that bear on models and lie within the ids
//!   else a known path at the end these operations, of the longest ending that is known. Each
//!                                segment before the ending is a hint
//!   known by its beginning only  these operations and those of the endings. With a body the
//!                                request counts as unknown
//!   known to weak operations     these operations. They fit whatever a provider serves
//!   else                         unknown. Each segment is a hint. Before that, blanks and a file
//!                                extension are dropped in search of a known path
//! of the operations of a path, in all dialects: those of the method, else all of them
//! ```
//!
//! An id at the end of a path may be a verb of another server (`POST /v1/chat/completions/batch`).
//! If it reads as a word, the body is also read as the body of an unknown operation.
//!
//! The trie holds the paths of each dialect under the dialect's prefix. Each start in the path is
//! one walk from there, for all dialects of the prefix at once, and visits each node at most once.
//! Literal segments come before captures, and captures before a tail, for each dialect by itself:
//! the walk stops looking for a dialect once that dialect has an operation, and the operation of
//! one dialect hides nothing from another. Where a segment equals a literal only after case
//! folding, captures count too.

use alloc::vec::Vec;

use crate::bundle::layout as l;
use crate::bundle::layout::{NONE, NONE16, operation, role, section};
use crate::bundle::operation::OperationMatch;
use crate::bundle::view::{Bundle, Table};
use crate::compact::split::pieces;
use crate::http::head;
use crate::http::head::Head;
use crate::http::method;
use crate::http::target;
use crate::http::target::Target;
use crate::limits;
use crate::reason::Reason;

/// The operations that a request may be, from method and target. [`Route::read`] reuses the
/// buffers.
#[derive(Clone, Debug, Default)]
pub struct Route {
    /// False if no guarded prefix holds the path in any interpretation. The gate then leaves the
    /// request alone.
    pub guarded: bool,
    /// The operations that the request may be. An unknown operation appears once for each dialect
    /// of the bundle.
    pub operation_matches: Vec<OperationMatch>,
    /// What the path mentions: the role, and where the text ends in `texts`.
    mentions: Vec<(u8, usize)>,
    texts: Vec<u8>,
    /// A query that was hidden in the path behind an escaped question mark.
    pub(crate) hidden_query: Vec<u8>,
    /// The union of the operations' flags, except `QUIET`, which all of them must have.
    pub(crate) flags: u32,
    /// Start states of a body, without duplicates.
    pub(crate) bodies: Vec<u32>,
    /// Start states of a client message on a WebSocket, without duplicates. Empty if no operation
    /// opens one.
    pub(crate) messages: Vec<u32>,
    /// Some interpretation fits no known operation, or none of the method.
    pub(crate) unsure: bool,
    /// Why the path cannot be read with certainty.
    pub(crate) trouble: Option<Reason>,
    /// Methods that servers may take the request for, as bits of [`operation::METHODS`].
    methods: u16,
    /// Servers may take the request for a method that no operation has.
    unknown_method: bool,
    quiet: bool,
}

/// Returns the operations that a request may be. `method` is the token that was sent. If a header
/// asks for another method (`X-HTTP-Method-Override`), that one may follow after a comma; both
/// count.
#[must_use]
pub fn route(bundle: Bundle<'_>, method: &str, url: &str) -> Route {
    let mut route = Route::default();
    route.read(bundle, &Head { method, url, headers: &[] });
    route
}

/// Where in a path operations are searched for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// From each prefix on.
    Exact,
    /// From each segment on.
    Ending,
    /// From each segment on, beginning with this one, and only operations that bear on models. An
    /// operation found before takes these segments as ids, which could be anything.
    Within(usize),
    /// From each prefix on, and weak operations only.
    Weak,
}

/// One search: its manner and its results.
struct Search {
    manner: Manner,
    /// Operations count whatever their method.
    all: bool,
    /// Dialects that know the path (`sure`) or only its beginning (`loose`).
    sure: Dialects,
    loose: Dialects,
    /// Methods of the operations taken.
    served: u16,
    /// Index of the first of the trailing segments that the operations taken have as ids, or as one
    /// id that holds slashes. Of several operations the largest index counts, that is the operation
    /// with the fewest such segments.
    free: usize,
    /// The same without ids of models.
    ids: usize,
    /// Index of the segment at which the last ending taken begins.
    ending: usize,
}

impl Search {
    fn new(manner: Manner) -> Self {
        Self { manner, all: false, sure: 0, loose: 0, served: 0, free: 0, ids: 0, ending: 0 }
    }

    fn found(&self) -> Match {
        match (self.sure, self.loose) {
            (0, 0) => Match::None,
            (0, _) => Match::Loose,
            _ => Match::Sure,
        }
    }
}

/// A set of dialects: bit `n` is dialect number `n`.
type Dialects = u32;

/// A capture of one walk: a range of segments, and the bytes of a suffix that is cut off its end.
#[derive(Clone, Copy, Default)]
struct Capture {
    from: usize,
    to: usize,
    cut: usize,
}

/// How well a path is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    None,
    /// Only its beginning is known. The rest could be anything.
    Loose,
    Sure,
}

const POST: u16 = 1 << 1;
const DELETE: u16 = 1 << 4;

/// GET and DELETE, as bits of [`operation::METHODS`].
const BODILESS: u16 = 1 | DELETE;

/// `Operation::path_roles` has one bit for each capture.
const CAPTURES: usize = 16;

/// Segments after which a path may name a model, in any API.
const HINT_SEGMENTS: [&[u8]; 8] = [
    b"models",
    b"model",
    b"deployments",
    b"deployment",
    b"engines",
    b"engine",
    b"endpoints",
    b"serving-endpoints",
];

impl Route {
    /// Returns the route of a request that may be any operation, the unknown ones included; with an
    /// id, of a request that may be any operation of this id. `None` if no operation has the id.
    pub(crate) fn over(bundle: Bundle<'_>, id: &str) -> Option<Self> {
        let mut route = Self { guarded: true, ..Self::default() };
        if id.is_empty() {
            route.unread(bundle);
        }
        for (operation, record) in
            (0..).zip(bundle.table::<l::Operation>(section::OPERATIONS).iter())
        {
            if id.is_empty() || bundle.text(record.id) == id {
                route.operation_matches.push(OperationMatch { operation, dialect: record.dialect });
            }
        }
        (!route.operation_matches.is_empty()).then_some(route)
    }

    /// Reads another head. It allocates nothing once the buffers have the size that usual requests
    /// take.
    pub fn read(&mut self, bundle: Bundle<'_>, head: &Head<'_>) {
        self.guarded = false;
        self.operation_matches.clear();
        self.mentions.clear();
        self.texts.clear();
        self.hidden_query.clear();
        self.bodies.clear();
        self.messages.clear();
        (self.flags, self.unsure, self.trouble) = (0, false, None);
        (self.methods, self.unknown_method, self.quiet) = (0, false, true);

        pieces(head.method, b',').for_each(|method| self.method(method));
        method::methods(head.headers, &mut |method| self.method(method));
        let target = Target::of(head.url);
        method::query_methods(target.query, &mut |method| self.method(method));
        if head.url.len() > limits::TARGET_BYTES {
            // Such a target is refused under every denied set that is not empty, so it only has to
            // count as guarded.
            self.trouble = Some(Reason::TargetTooLong);
            self.guarded = true;
            self.unread(bundle);
            return;
        }
        let walk = Walk::new(bundle);
        let read = target::interpretations(target.path, &mut |segments, tail| {
            self.take(&walk, segments);
            if !self.hidden_query.ends_with(tail) {
                self.hidden_query.push(b'&');
                self.hidden_query.extend_from_slice(tail);
            }
        });
        if let Err(reason) = read {
            self.trouble = Some(reason);
            if self.operation_matches.is_empty() {
                self.guarded = true;
                self.unread(bundle);
            }
        }
        if self.quiet && !self.operation_matches.is_empty() {
            self.flags |= operation::QUIET;
        }
    }

    /// Returns whether a header asks for a method that this route was not read with.
    pub(crate) fn lacks_method(&self, headers: &[(&str, &str)]) -> bool {
        let mut asked = Self::default();
        method::methods(headers, &mut |method| asked.method(method));
        asked.methods & !self.methods != 0 || asked.unknown_method && !self.unknown_method
    }

    /// Returns whether the method is `OPTIONS` or an unknown one, and no override asks for a known
    /// method.
    pub(crate) fn has_unknown_method(&self) -> bool {
        self.unknown_method && self.methods == 0
    }

    /// Returns the operations for which the denied set is computed: those of the route, and for a
    /// container also every operation of the bundle. `room` is the buffer for the latter case.
    pub(crate) fn operation_matches<'a>(
        &'a self,
        bundle: Bundle<'_>,
        room: &'a mut Vec<OperationMatch>,
    ) -> &'a [OperationMatch] {
        if self.flags & operation::CONTAINER == 0 {
            return &self.operation_matches;
        }
        room.extend_from_slice(&self.operation_matches);
        for (index, inner) in (0u32..).zip(bundle.table::<l::Operation>(section::OPERATIONS).iter())
        {
            room.push(OperationMatch { operation: index, dialect: inner.dialect });
        }
        room
    }

    /// Returns the texts that the path mentions, each with its role.
    pub(crate) fn mentions(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let mut start = 0;
        self.mentions.iter().map(move |&(role, end)| {
            let text = self.texts.get(start..end).unwrap_or_default();
            start = end;
            (role, text)
        })
    }

    /// Returns the records of the operations that the request may be, as far as they are known.
    pub(crate) fn operations<'a>(
        &self,
        bundle: Bundle<'a>,
    ) -> impl Iterator<Item = l::Operation> + use<'a, '_> {
        let table: Table<'a, l::Operation> = bundle.table(section::OPERATIONS);
        self.operation_matches.iter().filter_map(move |found| table.get(found.operation))
    }

    fn method(&mut self, method: &str) {
        let bit = operation::METHODS
            .iter()
            .position(|known| known.eq_ignore_ascii_case(method.trim_ascii()));
        match bit {
            // A server answers HEAD as it answers GET, without a body.
            Some(bit) => self.methods |= if bit == 5 { 1 | 1 << 5 } else { 1 << bit },
            None => self.unknown_method = true,
        }
    }

    /// Adds the operations and mentions of one interpretation of the path.
    fn take(&mut self, walk: &Walk<'_>, segments: &[&[u8]]) {
        if !walk.mounts().any(|mount| under(walk.bundle.text(mount.prefix), segments).is_some()) {
            return;
        }
        self.guarded = true;
        let mut known = self.find(walk, segments);
        if known == Match::None {
            // A server may drop blanks, and a file extension that asks for a format:
            // `/models.json`.
            let mut bare = segments.to_vec();
            for segment in &mut bare {
                *segment = trim(segment);
            }
            if let Some(last) = bare.last_mut() {
                *last = self::bare(last);
            }
            let changes =
                bare.iter().zip(segments).any(|(bare, segment)| bare.len() != segment.len());
            if changes && self.find(walk, &bare) != Match::None {
                self.unsure = true;
                return;
            }
            known = self.search(walk, segments, Manner::Weak).found();
        }
        match known {
            Match::Sure => {}
            // A deletion runs no model, whatever it deletes.
            Match::Loose => self.unsure |= self.unknown_method || self.methods != DELETE,
            Match::None => self.unread(walk.bundle),
        }
    }

    /// Adds the operations of this path: from a prefix on or, if none fits, by its ending.
    fn find(&mut self, walk: &Walk<'_>, segments: &[&[u8]]) -> Match {
        let mut search = self.search(walk, segments, Manner::Exact);
        let mut known = search.found();
        let mut end = 0;
        let exact = known == Match::Sure;
        if !exact {
            search = self.search(walk, segments, Manner::Ending);
            known = known.max(search.found());
            end = if search.found() == Match::None { segments.len() } else { search.ending };
        } else if search.free < segments.len() {
            end = self.search(walk, segments, Manner::Within(search.free)).ending;
        }
        // Some servers take the model from a segment before the ending. A model's id that is the
        // whole rest of the path has been read.
        if !exact || end > 0 || search.ids < segments.len() {
            self.hints(segments, end);
        }
        known
    }

    /// Adds the operations of this path: those of the method or, if the method has none, all of
    /// them.
    fn search(&mut self, walk: &Walk<'_>, segments: &[&[u8]], manner: Manner) -> Search {
        let mut search = Search::new(manner);
        self.sweep(walk, segments, &mut search);
        // A HEAD request also has the bit of GET, so the bit of HEAD itself needs no operation.
        let unserved = self.unknown_method || self.methods & 0b1_1111 & !search.served != 0;
        if search.found() != Match::None && unserved && !matches!(manner, Manner::Within(_)) {
            self.unsure = true;
            search = Search { all: true, ..Search::new(manner) };
            self.sweep(walk, segments, &mut search);
        }
        search
    }

    /// Tries every start of the search. Each dialect takes the longest ending that it knows.
    fn sweep(&mut self, walk: &Walk<'_>, segments: &[&[u8]], search: &mut Search) {
        let starts = match search.manner {
            Manner::Ending => 0..segments.len(),
            Manner::Within(from) => from..segments.len(),
            Manner::Exact | Manner::Weak => 0..1,
        };
        for from in starts {
            for mount in walk.mounts() {
                let at = match search.manner {
                    Manner::Ending | Manner::Within(_) => Some(from),
                    Manner::Exact | Manner::Weak => under(walk.bundle.text(mount.prefix), segments),
                };
                let open = mount.dialects & !search.sure;
                if let Some(at) = at.filter(|_| open != 0) {
                    let taken = walk.matches(
                        mount.node,
                        segments,
                        at,
                        open,
                        &mut |operations, captures, open| {
                            self.end(walk, operations, segments, captures, open, search)
                        },
                    );
                    if taken != 0 {
                        search.ending = at;
                    }
                }
            }
        }
    }

    /// Adds the operations that end at a node, of the dialects in `open`. Returns the dialects of
    /// those that were added.
    fn end(
        &mut self,
        walk: &Walk<'_>,
        operations: l::Span,
        segments: &[&[u8]],
        captures: &[Capture],
        open: Dialects,
        search: &mut Search,
    ) -> Dialects {
        let table: Table<'_, l::Operation> = walk.bundle.table(section::OPERATIONS);
        let mut taken = 0;
        for (at, operation) in (operations.at..).zip(table.span(operations).iter()) {
            let dialect = bit(u32::from(operation.dialect));
            let weak = operation.flags & operation::WEAK != 0;
            let within = matches!(search.manner, Manner::Within(_));
            // A weak operation of another method does not say what this request does. Neither does
            // an operation of another method that may lie within ids.
            if open & dialect == 0
                || weak != (search.manner == Manner::Weak)
                || weak && self.unknown_method
                || (weak || within) && operation.methods & self.methods == 0
                || within && operation.flags & operation::BEARS == 0
            {
                continue;
            }
            let loose = operation.flags & operation::LOOSE != 0;
            if loose {
                search.loose |= dialect;
            } else {
                search.sure |= dialect;
            }
            if !search.all && operation.methods & self.methods == 0 {
                continue;
            }
            taken |= dialect;
            search.served |= operation.methods;
            let free = free(&operation, segments.len(), captures);
            // What follows a slash in an id may be the path of another server behind this one.
            let slashed = captures
                .last()
                .filter(|last| last.from + 1 < last.to)
                .map_or(free, |last| free.min(last.from));
            search.free = search.free.max(slashed);
            search.ids = search.ids.max(free);
            self.known(at, &operation, search.manner == Manner::Exact && !loose && !search.all);
            if !loose
                && self.methods & POST != 0
                && segments.get(free..).and_then(<[_]>::last).is_some_and(|last| is_word(last))
            {
                self.unread(walk.bundle);
            }
            for (bit, capture) in captures.iter().enumerate() {
                if operation.path_roles >> bit & 1 != 0 {
                    let opaque = operation.path_opaque >> bit & 1 != 0;
                    self.mention(
                        if opaque { role::DEPLOYMENT } else { role::PRIMARY },
                        segments,
                        *capture,
                    );
                }
            }
        }
        taken
    }

    fn known(&mut self, index: u32, operation: &l::Operation, exact: bool) {
        self.flags |= operation.flags & !operation::QUIET;
        // An operation is quiet only under its own prefix and method. Behind an undeclared prefix a
        // gateway may give the path another meaning. If the method takes no body, or the path does
        // not have the method, the effect of a body is unknown.
        let quiet =
            exact && operation.flags & operation::QUIET != 0 && self.methods & BODILESS == 0;
        self.quiet &= quiet;
        self.add_match(OperationMatch { operation: index, dialect: operation.dialect });
        if !quiet {
            add(&mut self.bodies, operation.body_state);
        }
        if !exact && operation.flags & operation::RUNS == 0 {
            // The operation may run a model there: many gateways have paths that end in `prompts`
            // or `deployments`.
            add(&mut self.bodies, NONE);
        }
        if operation.flags & operation::WEBSOCKET != 0 {
            add(&mut self.messages, operation.message_state);
            if operation.flags & operation::WEAK != 0 {
                // The request may open any other WebSocket as well.
                add(&mut self.messages, NONE);
            }
        }
    }

    /// Adds the unknown operation, once for each dialect.
    fn unread(&mut self, bundle: Bundle<'_>) {
        self.unsure = true;
        self.quiet = false;
        add(&mut self.bodies, NONE);
        add(&mut self.messages, NONE);
        for (dialect, _) in (0..NONE16).zip(bundle.table::<l::Dialect>(section::DIALECTS).iter()) {
            self.add_match(OperationMatch { operation: NONE, dialect });
        }
    }

    fn add_match(&mut self, operation_match: OperationMatch) {
        if !self.operation_matches.contains(&operation_match) {
            self.operation_matches.push(operation_match);
        }
    }

    /// Adds the segments that may name a model: those before `end`, and those after a segment such
    /// as `models`.
    fn hints(&mut self, segments: &[&[u8]], end: usize) {
        let is_hint =
            |segment: &&[u8]| HINT_SEGMENTS.iter().any(|hint| segment.eq_ignore_ascii_case(hint));
        let behind = segments.iter().position(is_hint).map_or(segments.len(), |at| at + 1);
        // Each segment is a hint by itself. Those after `models` are also one hint together,
        // because slashes may divide an id.
        for from in 0..segments.len() {
            if from < end || from >= behind {
                self.mention(role::HINT, segments, Capture { from, to: from + 1, cut: 0 });
            }
        }
        if segments.len() > behind + 1 {
            self.mention(
                role::HINT,
                segments,
                Capture { from: behind, to: segments.len(), cut: 0 },
            );
        }
    }

    fn mention(&mut self, role: u8, segments: &[&[u8]], capture: Capture) {
        let start = self.texts.len();
        for (i, segment) in
            segments.get(capture.from..capture.to).unwrap_or_default().iter().enumerate()
        {
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

/// Returns the index of the first of the trailing segments that the operation takes as ids and that
/// could be anything. Returns `end` for an operation that runs a model: its body is read in any
/// case.
fn free(operation: &l::Operation, end: usize, captures: &[Capture]) -> usize {
    let mut free = end;
    if operation.flags & operation::RUNS == 0 {
        for (bit, capture) in captures.iter().enumerate().rev() {
            if capture.to != free || capture.cut != 0 || operation.path_roles >> bit & 1 != 0 {
                break;
            }
            free = capture.from;
        }
    }
    free
}

/// Returns whether the segment reads as a word (`stream`, `img2img`), alone or after a colon, once
/// the blanks and extensions that servers drop are removed. Ids are recognised by digits, five
/// consonants in a row or, in compounds (`thread_QwEr`), capitals in odd positions. Some servers
/// ignore case, so in a single word a capital says nothing (`sTREaM`).
fn is_word(segment: &[u8]) -> bool {
    let text = bare(segment.rsplit(|&b| b == b':').next().unwrap_or_default());
    let (mut digits, mut capitals, mut consonants, mut run) = (0, 0, 0, 0);
    let (mut odd, mut compound) = (false, false);
    for (seen, byte) in text.iter().enumerate() {
        let sounds = !byte.is_ascii_alphabetic() || b"aeiouy".contains(&byte.to_ascii_lowercase());
        consonants =
            if sounds || byte.is_ascii_uppercase() && run > 0 { 0 } else { consonants + 1 };
        if consonants > 4 {
            return false;
        }
        match byte {
            b'a'..=b'z' => run += 1,
            b'-' | b'_' => (run, compound) = (0, true),
            b'2' => digits += 1,
            // In a compound such as `batchCreate` each word has at least three letters.
            b'A'..=b'Z' => {
                odd |= run != 0 && run <= 2 && capitals != seen;
                capitals += 1;
                run = 1;
            }
            _ => return false,
        }
    }
    odd |= capitals != 0 && run <= 2 && capitals != text.len();
    let inside = digits == 0
        || digits == 1
            && text.len() > 4
            && text.first() != Some(&b'2')
            && text.last() != Some(&b'2');
    text.len() > 2 && inside && !(odd && compound)
}

/// Returns the segment without the blanks and file extensions that a server may drop.
fn bare(mut segment: &[u8]) -> &[u8] {
    loop {
        let shorter = trim(stem(trim(segment)));
        if shorter.len() == segment.len() {
            return segment;
        }
        segment = shorter;
    }
}

/// Returns the segment without blanks at both ends. Control characters and bytes outside ASCII
/// count as blanks.
fn trim(mut segment: &[u8]) -> &[u8] {
    while let [b'\0'..=b' ' | 0x7f.., rest @ ..] | [rest @ .., b'\0'..=b' ' | 0x7f..] = segment {
        segment = rest;
    }
    segment
}

/// Returns the text before its file extension: a dot and ASCII letters.
fn stem(segment: &[u8]) -> &[u8] {
    match segment.iter().rposition(|&b| b == b'.') {
        Some(at)
            if at > 0
                && segment
                    .get(at + 1..)
                    .is_some_and(|rest| rest.iter().all(u8::is_ascii_alphabetic)) =>
        {
            segment.get(..at).unwrap_or_default()
        }
        _ => segment,
    }
}

/// Adds the state unless it is there already.
fn add(states: &mut Vec<u32>, state: u32) {
    if !states.contains(&state) {
        states.push(state);
    }
}

/// Returns the number of segments that the prefix takes, or `None` if the path is not under it.
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

/// Gets the operations of a node, the captures on the way, and the dialects that still look for an
/// operation. Returns the dialects that have found one.
type Visit<'v> = dyn FnMut(l::Span, &[Capture], Dialects) -> Dialects + 'v;

/// The dialects under one prefix, and the node under which their paths lie.
#[derive(Clone, Copy)]
struct Mount {
    prefix: l::Str,
    node: u32,
    dialects: Dialects,
}

const NO_MOUNT: Mount = Mount { prefix: l::Str { at: 0, len: 0 }, node: NONE, dialects: 0 };

struct Walk<'a> {
    nodes: Table<'a, l::RouteNode>,
    edges: Table<'a, l::RouteEdge>,
    bundle: Bundle<'a>,
    mounts: [Mount; limits::DIALECTS],
}

impl<'a> Walk<'a> {
    fn new(bundle: Bundle<'a>) -> Self {
        let (nodes, edges) =
            (bundle.table(section::ROUTE_NODES), bundle.table(section::ROUTE_EDGES));
        let mut walk = Self { nodes, edges, bundle, mounts: [NO_MOUNT; limits::DIALECTS] };
        for (number, dialect) in (0..).zip(bundle.table::<l::Dialect>(section::DIALECTS).iter()) {
            // The bundle stores equal strings once, so equal prefixes have equal positions.
            let known = walk
                .mounts
                .iter_mut()
                .find(|mount| mount.dialects == 0 || mount.prefix == dialect.prefix);
            let Some(mount) = known else { break };
            mount.prefix = dialect.prefix;
            mount.dialects |= bit(number);
        }
        for at in 0..walk.mounts.len() {
            let node = walk
                .mounts
                .get(at)
                .filter(|mount| mount.dialects != 0)
                .and_then(|mount| walk.node(mount.prefix));
            if let Some(mount) = walk.mounts.get_mut(at) {
                mount.node = node.unwrap_or(NONE);
            }
        }
        walk
    }

    fn mounts(&self) -> impl Iterator<Item = &Mount> {
        self.mounts.iter().take_while(|mount| mount.dialects != 0)
    }

    /// Returns the node under which the paths of a prefix lie.
    fn node(&self, prefix: l::Str) -> Option<u32> {
        parts(self.bundle.text(prefix)).try_fold(0, |node, part| {
            let edges = self.edges.span(self.nodes.get(node)?.edges);
            edges
                .search(|edge| folded_order(self.bundle.text(edge.text), part))
                .map(|(_, edge)| edge.target)
        })
    }

    /// Follows all segments from `from` on, for the dialects in `open`. Returns those that found an
    /// operation at the end.
    fn matches(
        &self,
        node: u32,
        segments: &[&[u8]],
        from: usize,
        open: Dialects,
        visit: &mut Visit<'_>,
    ) -> Dialects {
        self.step(node, segments, from, &mut [Capture::default(); CAPTURES], 0, open, visit)
    }

    #[expect(clippy::too_many_arguments, reason = "what a walk holds")]
    fn step(
        &self,
        node: u32,
        segments: &[&[u8]],
        at: usize,
        captures: &mut [Capture; CAPTURES],
        held: usize,
        live: Dialects,
        visit: &mut Visit<'_>,
    ) -> Dialects {
        let Some(node) = self.nodes.get(node) else { return 0 };
        let Some(segment) = segments.get(at) else {
            return if node.operations.len > 0 {
                visit(node.operations, captures.get(..held).unwrap_or_default(), live)
            } else {
                0
            };
        };
        let folding = segment.iter().any(u8::is_ascii_uppercase);
        let mut found = 0;
        if let Some((_, edge)) = self
            .edges
            .span(node.edges)
            .search(|edge| folded_order(self.bundle.text(edge.text), segment))
        {
            found = self.step(edge.target, segments, at + 1, captures, held, live, visit);
        }
        let mut open = if folding { live } else { live & !found };
        for edge in self.edges.span(node.params).iter() {
            if open == 0 {
                break;
            }
            let suffix = self.bundle.text(edge.text).as_bytes();
            let cut = suffix.len();
            let Some(start) = segment.len().checked_sub(cut).filter(|start| *start > 0) else {
                continue;
            };
            if !segment.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(suffix)) {
                continue;
            }
            if let Some(location) = captures.get_mut(held) {
                *location = Capture { from: at, to: at + 1, cut };
            }
            let taken = self.step(
                edge.target,
                segments,
                at + 1,
                captures,
                (held + 1).min(CAPTURES),
                open,
                visit,
            );
            found |= taken;
            if !folding || cut == 0 {
                open &= !taken;
            }
        }
        let open = live & !found;
        if open != 0
            && let Some(tail) = self.nodes.get(node.tail).filter(|tail| tail.operations.len > 0)
        {
            if let Some(location) = captures.get_mut(held) {
                *location = Capture { from: at, to: segments.len(), cut: 0 };
            }
            found |= visit(
                tail.operations,
                captures.get(..(held + 1).min(CAPTURES)).unwrap_or_default(),
                open,
            );
        }
        found
    }
}

/// Returns the set that holds one dialect. A bundle has at most as many dialects as a set has bits.
fn bit(dialect: u32) -> Dialects {
    1u32.checked_shl(dialect).unwrap_or(0)
}

/// Compares a folded text with a segment, case aside.
fn folded_order(text: &str, segment: &[u8]) -> core::cmp::Ordering {
    head::folded_order(text.as_bytes(), segment, b'-')
}

#[cfg(all(test, feature = "author"))]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
