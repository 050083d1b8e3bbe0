//! Looks up in compiled dialects which operations a path routes to, and what a location means.
//!
//! Input: ids of dialects. Output: results for tests, for documentation and for explanations. This
//! module walks the same tables that a bundle contains, so its results are the gate's. It reads no
//! requests.

use crate::bundle::layout as l;
use crate::bundle::layout::{Record, Span, Str, operation as flag, role, section};
use crate::bundle::write::Writer;
use crate::compile::dialect::write_chosen;
use crate::dialect::error::DialectError;
use crate::dialect::pointer::{LIKE, Pointer, Step, fold};
use crate::mention::key::is_model_like;

/// The meaning of a location for the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Meaning {
    /// The model that responds.
    Primary,
    /// Another model that the request runs or builds on.
    Mention,
    /// A name that the origin resolves.
    Opaque,
    /// A reference to a stored object that decides which model runs.
    Binds,
    /// Such a reference that counts only if the request names no model.
    BindsUnlessNamed,
    /// Any other location that is read.
    Other,
}

/// An operation that a path routes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurfaceMatch {
    /// Id of the dialect.
    pub dialect: String,
    /// Id of the operation.
    pub operation: String,
    /// The captures that are mentions: index from the left, and meaning.
    pub captures: Vec<(usize, Meaning)>,
    /// It runs a model.
    pub runs: bool,
    /// It reveals a model.
    pub reveals: bool,
    /// Its response is a list of models.
    pub lists: bool,
    /// A stored object in its path decides which model runs: always, or unless the request names
    /// one.
    pub late_bound: bool,
    /// Nothing in it is read.
    pub quiet: bool,
    /// Its client messages are read.
    pub socket: bool,
    body: u32,
    message: u32,
    query: Vec<(String, Option<Meaning>)>,
}

/// The tables of some dialects.
pub struct Surface {
    strings: Vec<u8>,
    nodes: Vec<l::RouteNode>,
    edges: Vec<l::RouteEdge>,
    operations: Vec<l::Operation>,
    dialects: Vec<l::Dialect>,
    locations: Vec<l::Location>,
    states: Vec<l::State>,
    keys: Vec<l::StateKey>,
    headers: Span,
    unknown: u32,
    /// For each section its name, and its size in a bundle in bytes.
    pub sizes: Vec<(&'static str, usize)>,
}

impl Surface {
    /// Compiles the dialects with these ids and path prefixes. The empty prefix means the vendor's
    /// own paths.
    ///
    /// # Errors
    ///
    /// Fails where a policy that guards these dialects would fail to compile.
    pub fn of(chosen: &[(&str, &str)]) -> Result<Self, DialectError> {
        let mut writer = Writer::default();
        let written = write_chosen(&mut writer, chosen)?;
        let sizes = [
            ("strings", section::STRINGS),
            ("dialects", section::DIALECTS),
            ("route nodes", section::ROUTE_NODES),
            ("route edges", section::ROUTE_EDGES),
            ("operations", section::OPERATIONS),
            ("locations", section::LOCATIONS),
            ("states", section::STATES),
            ("state keys", section::STATE_KEYS),
        ]
        .map(|(name, id)| {
            (
                name,
                if id == section::STRINGS {
                    writer.strings().len()
                } else {
                    writer.section(id).len()
                },
            )
        });
        Ok(Self {
            strings: writer.strings().as_bytes().to_vec(),
            nodes: records(&mut writer, section::ROUTE_NODES),
            edges: records(&mut writer, section::ROUTE_EDGES),
            operations: records(&mut writer, section::OPERATIONS),
            dialects: records(&mut writer, section::DIALECTS),
            locations: records(&mut writer, section::LOCATIONS),
            states: records(&mut writer, section::STATES),
            keys: records(&mut writer, section::STATE_KEYS),
            headers: written.headers,
            unknown: written.unknown_state,
            sizes: sizes.to_vec(),
        })
    }

    /// Returns the operations of each dialect that a path and a method of the layout (`GET`,
    /// `POST`, ...) route to. Segments are compared unchanged: nothing is decoded, and no path
    /// suffixes are tried.
    #[must_use]
    pub fn route(&self, method: &str, path: &str) -> Vec<SurfaceMatch> {
        let bit =
            flag::METHODS.iter().position(|known| *known == method).map_or(0, |bit| 1u16 << bit);
        let segments: Vec<String> = path.split('/').skip(1).map(str::to_ascii_lowercase).collect();
        let mut found: Vec<&l::Operation> = Vec::new();
        for dialect in (0u16..).take(self.dialects.len()) {
            if let Some(node) =
                self.walk(0, &segments, dialect).and_then(|node| at(&self.nodes, node))
            {
                found.extend(
                    span(&self.operations, node.operations)
                        .filter(|operation| operation.dialect == dialect),
                );
            }
        }
        found
            .into_iter()
            .filter(|operation| operation.methods & bit != 0)
            .map(|operation| self.found(operation))
            .collect()
    }

    /// Returns the meaning of a pointer into the body. `*` and `{}` are steps to any element and
    /// any key.
    #[must_use]
    pub fn body(&self, found: &SurfaceMatch, pointer: &str) -> Option<Meaning> {
        self.pointed(found.body, pointer)
    }

    /// Returns the meaning of a pointer into a client message on a WebSocket.
    #[must_use]
    pub fn message(&self, found: &SurfaceMatch, pointer: &str) -> Option<Meaning> {
        self.pointed(found.message, pointer)
    }

    /// Returns the meaning of a pointer into the body of an unknown operation.
    #[must_use]
    pub fn unknown(&self, pointer: &str) -> Option<Meaning> {
        self.pointed(self.unknown, pointer)
    }

    /// Returns the meaning of a query parameter.
    #[must_use]
    pub fn query(&self, found: &SurfaceMatch, name: &str) -> Option<Meaning> {
        let name = fold(name);
        found.query.iter().find(|(known, _)| *known == name).and_then(|&(_, meaning)| meaning)
    }

    /// Returns whether a query parameter is declared as a filter of a list.
    #[must_use]
    pub fn is_filter(&self, found: &SurfaceMatch, name: &str) -> bool {
        let name = fold(name);
        found.query.iter().any(|(known, meaning)| *known == name && meaning.is_none())
    }

    /// Returns the meaning of a header, in every operation.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<Meaning> {
        let name = name.to_ascii_lowercase();
        let location = span(&self.locations, self.headers)
            .find(|location| self.text(location.name) == name)?;
        meaning(location.role)
    }

    /// Returns the node that the router chooses for a dialect: literal segments before captures,
    /// captures before a tail.
    fn walk(&self, number: u32, segments: &[String], dialect: u16) -> Option<u32> {
        let node = at(&self.nodes, number)?;
        let serves = |node: &l::RouteNode| {
            span(&self.operations, node.operations).any(|operation| operation.dialect == dialect)
        };
        let [first, rest @ ..] = segments else { return serves(node).then_some(number) };
        let literal = span(&self.edges, node.edges).find(|edge| self.text(edge.text) == *first);
        let captures =
            span(&self.edges, node.params).filter(|edge| first.ends_with(self.text(edge.text)));
        literal
            .into_iter()
            .chain(captures)
            .find_map(|edge| self.walk(edge.target, rest, dialect))
            .or_else(|| {
                let tail = at(&self.nodes, node.tail)?;
                serves(tail).then_some(node.tail)
            })
    }

    fn found(&self, operation: &l::Operation) -> SurfaceMatch {
        let has = |bits: u32| operation.flags & bits != 0;
        let bit = |bits: u16, capture: usize| bits >> capture & 1 == 1;
        let capture = |capture: usize| {
            let meaning = if bit(operation.path_opaque, capture) {
                Meaning::Opaque
            } else {
                Meaning::Primary
            };
            bit(operation.path_roles, capture).then_some((capture, meaning))
        };
        let query = span(&self.locations, operation.query);
        let dialect = self.dialects.get(usize::from(operation.dialect));
        SurfaceMatch {
            dialect: dialect.map(|dialect| self.text(dialect.id).to_owned()).unwrap_or_default(),
            operation: self.text(operation.id).to_owned(),
            captures: (0..16).filter_map(capture).collect(),
            runs: has(flag::RUNS),
            reveals: has(flag::REVEALS),
            lists: has(flag::LISTS),
            late_bound: has(flag::LATE_BOUND | flag::LATE_BOUND_UNNAMED),
            quiet: has(flag::QUIET),
            socket: has(flag::WEBSOCKET),
            body: operation.body_state,
            message: operation.message_state,
            query: query
                .map(|location| (self.text(location.name).to_owned(), meaning(location.role)))
                .collect(),
        }
    }

    /// Walks the automaton in the same way as the scanner.
    fn pointed(&self, start: u32, pointer: &str) -> Option<Meaning> {
        let pointer = Pointer::read(pointer).ok()?;
        let mut state = *at(&self.states, start)?;
        for step in &pointer.steps {
            let next = match step {
                Step::Key(names) => {
                    let name = fold(names.first()?);
                    let key =
                        span(&self.keys, state.keys).find(|key| self.text(key.folded) == name);
                    let like = || {
                        span(&self.keys, state.keys).find(|key| {
                            self.text(key.folded) == LIKE
                                && names.first().is_some_and(|name| is_model_like(name.as_bytes()))
                        })
                    };
                    key.or_else(like).map_or(state.other, |key| key.target)
                }
                Step::Each | Step::Lines | Step::Nested | Step::Base64 => state.element,
                Step::Any | Step::Deep | Step::Like => state.other,
            };
            state = *at(&self.states, next)?;
        }
        meaning(state.role)
    }

    fn text(&self, text: Str) -> &str {
        let bytes = self.strings.get(text.at as usize..(text.at + text.len) as usize);
        bytes.and_then(|bytes| core::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

fn meaning(of: u8) -> Option<Meaning> {
    Some(match of {
        role::NOTHING => return None,
        role::PRIMARY => Meaning::Primary,
        role::MENTION => Meaning::Mention,
        role::OPAQUE | role::DEPLOYMENT => Meaning::Opaque,
        role::BINDS | role::DELEGATES => Meaning::Binds,
        role::BINDS_IF_UNNAMED => Meaning::BindsUnlessNamed,
        _ => Meaning::Other,
    })
}

fn records<R: Record>(writer: &mut Writer, id: u16) -> Vec<R> {
    writer.section(id).chunks_exact(R::SIZE).filter_map(R::read).collect()
}

fn at<R>(records: &[R], index: u32) -> Option<&R> {
    records.get(usize::try_from(index).ok()?)
}

fn span<R>(records: &[R], span: Span) -> impl Iterator<Item = &R> {
    records.iter().skip(span.at as usize).take(span.len as usize)
}
