//! Compiles the guarded dialects into sections of a bundle.
//!
//! Input: the [`Document`]s of the guarded dialects, and `gateway.toml`. Output: the sections
//! `DIALECTS`, `ROUTE_NODES`, `ROUTE_EDGES`, `OPERATIONS`, `LOCATIONS`, `STATES` and `STATE_KEYS`,
//! and the fields of `META` that concern dialects. This module does not decide which dialects are
//! guarded; [`policy`](crate::policy) does.
//!
//! 1. Each route of an operation becomes a path of the trie, under the dialect's prefix. If the
//!    operation concerns models, its path without the version (`/chat/completions`) is added too.
//! 2. Operations that end at one node and share a method share one body automaton with the
//!    locations of all of them. The gate cannot know which of two dialects the origin speaks.
//! 3. The automata of all operations are merged and written.

pub(crate) mod automaton;
pub(crate) mod route_trie;

use std::collections::{BTreeMap, BTreeSet};

use self::automaton::{Automaton, Pattern, Start};
use self::route_trie::Trie;
use crate::bundle::layout as l;
use crate::bundle::layout::{NONE, Span, operation as flag, role, section};
use crate::bundle::write::Writer;
use crate::dialect::document::{
    Carrier, Document, Include, Location, Operation, Segment, Shape, is_version,
};
use crate::dialect::error::{DialectError, Mistake};
use crate::dialect::pointer::{Pointer, Step, fold};
use crate::policy::model::GuardedDialect;
use crate::{dialect, limits};

/// The fields of `META` that concern dialects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrittenDialects {
    /// Headers that name models in every operation; a span of `LOCATIONS`.
    pub(crate) headers: Span,
    /// Start state for the body of an unknown operation.
    pub(crate) unknown_state: u32,
}

/// One operation at one node.
struct Entry<'a> {
    document: &'a Document,
    dialect: u16,
    operation: &'a Operation,
    methods: u16,
    flags: u32,
    roles: u16,
    opaque: u16,
    flat: usize,
}

/// The locations of an operation, with all its shapes expanded.
#[derive(Default)]
struct Flat {
    body: Vec<Pattern>,
    message: Vec<Pattern>,
    response: Vec<Pattern>,
    query: BTreeMap<String, (u8, Vec<Pattern>)>,
    captures: Vec<(String, u8)>,
}

/// Writes the dialects, each under its prefix (`/openai`; empty: none).
pub(crate) fn write(
    writer: &mut Writer,
    gateway: &Document,
    dialects: &[(Document, String)],
) -> Result<WrittenDialects, DialectError> {
    let mut automaton = Automaton::default();
    let mut trie = Trie::default();
    let mut flats: Vec<Flat> = Vec::new();
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let mut pairs: BTreeMap<(usize, usize), usize> = BTreeMap::new();

    for ((document, prefix), number) in dialects.iter().zip(0u16..) {
        for operation in &document.operations {
            let fail = |mistake| error(document, Some(&operation.id), mistake);
            let flat = flatten(gateway, document, operation).map_err(fail)?;
            for (name, _) in &flat.captures {
                if !operation
                    .routes
                    .iter()
                    .any(|route| captures(&route.segments).any(|known| known == name))
                {
                    return Err(fail(Mistake::UnknownCapture { name: name.clone() }));
                }
            }
            let bears = operation.flags
                & (flag::RUNS
                    | flag::REVEALS
                    | flag::LISTS
                    | flag::LATE_BOUND
                    | flag::LATE_BOUND_UNNAMED)
                != 0
                || !flat.body.is_empty()
                || !flat.captures.is_empty();
            flats.push(flat);
            let (flat, flat_number) = match flats.last() {
                Some(flat) => (flat, flats.len() - 1),
                None => continue,
            };
            for route in &operation.routes {
                let mut roles = 0;
                let mut opaque = 0;
                for (index, name) in captures(&route.segments).enumerate() {
                    if let Some(&(_, location)) =
                        flat.captures.iter().find(|(known, _)| known == name)
                    {
                        roles |= 1u16 << index.min(15);
                        opaque |= u16::from(role::is_opaque(location)) << index.min(15);
                    }
                }
                let mut flags = operation.flags | if route.socket { flag::WEBSOCKET } else { 0 };
                if !document.always.is_empty() {
                    flags &= !flag::QUIET;
                }
                if let Some(Segment::Tail { name }) = route.segments.last()
                    && flat.body.is_empty()
                    && !flat.captures.iter().any(|(known, _)| known == name)
                {
                    flags |= flag::LOOSE;
                }
                let copy = bears && operation.unversioned;
                for (path, extra) in spellings(&route.segments, copy) {
                    let mounted: Vec<Segment> = mount(prefix).chain(path.iter().cloned()).collect();
                    let node = trie.insert(&mounted);
                    // A WebSocket and a plain request of one operation have different flags, so
                    // they are two entries.
                    let key = (node, flat_number * 2 + usize::from(route.socket));
                    if let Some(known) = pairs.get(&key).and_then(|&entry| entries.get_mut(entry)) {
                        known.methods |= route.methods;
                        continue;
                    }
                    pairs.insert(key, entries.len());
                    trie.push(node, entries.len());
                    entries.push(Entry {
                        document,
                        dialect: number,
                        operation,
                        methods: route.methods,
                        flags: flags | extra,
                        roles,
                        opaque,
                        flat: flat_number,
                    });
                }
            }
        }
    }

    // Build the start states of all bodies, messages and responses, node by node.
    let mut bodies: Vec<(Option<Start>, Option<Start>, Option<Start>)> =
        vec![(None, None, None); entries.len()];
    for here in trie.entries() {
        for &number in here {
            let Some(entry) = entries.get(number) else { continue };
            let together = overlapping(&entries, here, entry.methods);
            let gather = |of: fn(&Flat) -> &Vec<Pattern>| -> Vec<Pattern> {
                together
                    .iter()
                    .filter_map(|flat| flats.get(*flat))
                    .flat_map(|flat| of(flat).iter().cloned())
                    .collect()
            };
            let fail = |mistake| error(entry.document, Some(&entry.operation.id), mistake);
            let body = automaton.start(gather(|flat| &flat.body)).map_err(fail)?;
            let message = if entry.flags & flag::WEBSOCKET == 0 {
                None
            } else {
                Some(gather(|flat| &flat.message))
            };
            let message =
                message.map_or(Ok(None), |patterns| automaton.start(patterns)).map_err(fail)?;
            let response = automaton.start(gather(|flat| &flat.response)).map_err(fail)?;
            if let Some(location) = bodies.get_mut(number) {
                *location = (body, message, response);
            }
        }
    }
    let unknown = {
        let mut flat = Flat::default();
        let mut open = Vec::new();
        let fail = |mistake| error(gateway, Some("unknown"), mistake);
        add_shape(gateway, gateway, &gateway.unknown, &Base::default(), &mut open, &mut flat)
            .map_err(fail)?;
        automaton.start(flat.body).map_err(fail)?
    };
    let mut nested: Vec<Option<Start>> = Vec::new();
    for flat in &flats {
        for (_, patterns) in flat.query.values() {
            nested.push(
                automaton
                    .start(patterns.clone())
                    .map_err(|mistake| error(gateway, None, mistake))?,
            );
        }
    }

    let mut headers: BTreeMap<String, (u8, Option<Start>)> = BTreeMap::new();
    for (role, name, _) in &gateway.headers {
        let name = header(name);
        // All pointers into the JSON of one header share one automaton.
        let inside = gateway.headers.iter().filter(|(_, other, _)| header(other) == name);
        let patterns = inside.filter_map(|(role, _, pointer)| {
            Some(Pattern { pointer: pointer.clone()?, role: *role, prefix: String::new() })
        });
        let wanted = automaton
            .start(patterns.collect())
            .map_err(|mistake| error(gateway, Some("headers"), mistake))?;
        headers.insert(name, (if wanted.is_some() { role::NESTED_JSON } else { *role }, wanted));
    }

    let order: Vec<Option<Start>> = trie
        .entries()
        .flatten()
        .filter_map(|&entry| bodies.get(entry))
        .flat_map(|&(body, message, response)| [body, message, response])
        .chain([unknown])
        .chain(nested)
        .chain(headers.values().map(|&(_, start)| start))
        .collect();
    let starts = automaton.write(writer, &order);
    let start = |wanted: Option<Start>| {
        wanted
            .and_then(|_| order.iter().position(|&start| start == wanted))
            .and_then(|at| starts.get(at))
            .copied()
            .unwrap_or(NONE)
    };

    let mut locations = Locations::default();
    let mut queries: Vec<Span> = Vec::new();
    for flat in &flats {
        let mut query = Vec::new();
        for (name, (role, patterns)) in &flat.query {
            let state = start(automaton.start(patterns.clone()).unwrap_or_default());
            query.push(l::Location {
                name: writer.text(name),
                role: *role,
                state,
                ..l::Location::default()
            });
        }
        queries.push(locations.span(writer, query));
    }

    for (document, prefix) in dialects {
        let hints: BTreeSet<String> = document.hints.iter().map(|name| header(name)).collect();
        let hints = hints.iter().map(|name| (role::HINT, name.clone()));
        let hints = named(writer, hints);
        let credentials = named(writer, document.credentials.iter().cloned());
        let record = l::Dialect {
            id: writer.text(&document.id),
            prefix: writer.text(prefix),
            hints: locations.span(writer, hints),
            credentials: locations.span(writer, credentials),
            error_format: document.error_format,
            ..l::Dialect::default()
        };
        writer.push(section::DIALECTS, &record);
    }

    let mut operations = Vec::new();
    for here in trie.entries() {
        let at = writer.extend::<l::Operation>(section::OPERATIONS, &[]).at;
        for &number in here {
            let (Some(entry), Some(&(body, message, response))) =
                (entries.get(number), bodies.get(number))
            else {
                continue;
            };
            let record = l::Operation {
                id: writer.text(&entry.operation.id),
                dialect: entry.dialect,
                methods: entry.methods,
                flags: entry.flags,
                path_roles: entry.roles,
                path_opaque: entry.opaque,
                body_state: start(body),
                message_state: start(message),
                response_state: start(response),
                query: queries.get(entry.flat).copied().unwrap_or_default(),
                class: entry.operation.class,
                error_format: entry.operation.error_format.unwrap_or(entry.document.error_format),
                ..l::Operation::default()
            };
            writer.push(section::OPERATIONS, &record);
        }
        operations.push(Span { at, len: u32::try_from(here.len()).unwrap_or_default() });
    }
    trie.write(writer, &operations);

    let mut named = Vec::new();
    for (name, (role, wanted)) in headers {
        named.push(l::Location {
            name: writer.text(&name),
            role,
            state: start(wanted),
            ..l::Location::default()
        });
    }
    Ok(WrittenDialects { headers: locations.span(writer, named), unknown_state: start(unknown) })
}

fn error(document: &Document, operation: Option<&str>, mistake: Mistake) -> DialectError {
    DialectError { file: document.file.clone(), operation: operation.map(str::to_owned), mistake }
}

/// Returns the names of the captures of a path from the left, including the tail.
fn captures(segments: &[Segment]) -> impl Iterator<Item = &String> {
    segments.iter().filter_map(|segment| match segment {
        Segment::Literal(_) => None,
        Segment::Capture { name, .. } | Segment::Tail { name } => Some(name),
    })
}

/// Returns the path unchanged, and without the version at its beginning.
fn spellings(path: &[Segment], copy: bool) -> impl Iterator<Item = (&[Segment], u32)> {
    let short = match path {
        // A path that then began with a capture would match any path.
        [Segment::Literal(first), rest @ ..]
            if copy && is_version(first) && matches!(rest, [Segment::Literal(_), ..]) =>
        {
            Some((rest, flag::UNVERSIONED))
        }
        _ => None,
    };
    [(path, 0)].into_iter().chain(short)
}

fn mount(prefix: &str) -> impl Iterator<Item = Segment> {
    prefix
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| Segment::Literal(part.to_ascii_lowercase()))
}

/// Returns the operations at a node that a request with one of `methods` can mean, and all
/// operations whose methods overlap with theirs.
fn overlapping(entries: &[Entry<'_>], here: &[usize], methods: u16) -> Vec<usize> {
    let mut methods = methods;
    loop {
        let meant: Vec<&Entry<'_>> = here
            .iter()
            .filter_map(|&number| entries.get(number))
            .filter(|entry| entry.methods & methods != 0)
            .collect();
        let wider = meant.iter().fold(methods, |all, entry| all | entry.methods);
        if wider == methods {
            return meant.iter().map(|entry| entry.flat).collect();
        }
        methods = wider;
    }
}

/// The position at which a shape is inserted.
#[derive(Clone, Default)]
struct Base {
    message: bool,
    at: Pointer,
}

fn flatten(
    gateway: &Document,
    document: &Document,
    operation: &Operation,
) -> Result<Flat, Mistake> {
    let mut flat = Flat::default();
    let mut open = Vec::new();
    add_shape(gateway, document, &operation.shape, &Base::default(), &mut open, &mut flat)?;
    for (pointer, role) in operation.response.locations() {
        flat.response.push(Pattern { pointer, role, prefix: String::new() });
    }
    if operation.flags & flag::RUNS != 0 {
        add_includes(gateway, document, &document.running, &Base::default(), &mut open, &mut flat)?;
        if operation.routes.iter().any(|route| route.socket) {
            // Message locations follow the rules for bodies.
            let base = Base { message: true, at: Pointer::default() };
            add_includes(gateway, document, &document.running, &base, &mut open, &mut flat)?;
        }
    }
    // A text of the body may hold a document, which is read as the body is, or the lines of a batch
    // file, which are requests that run models. The operation itself lists the documented locations
    // of such lines; the guesses at undocumented ones are added here.
    let mut texts: Vec<Pointer> =
        flat.body.iter().filter_map(|pattern| pattern.pointer.text()).collect();
    texts.sort();
    texts.dedup();
    for at in texts {
        let lines = at.steps.last() == Some(&Step::Lines);
        if operation.flags & if lines { flag::BATCH_FILE } else { flag::RUNS } == 0 {
            continue;
        }
        let mut running = Flat::default();
        add_includes(
            gateway,
            document,
            &document.running,
            &Base { message: false, at },
            &mut open,
            &mut running,
        )?;
        flat.body.extend(
            running.body.into_iter().filter(|pattern| !lines || pattern.pointer.is_guess()),
        );
    }
    add_includes(gateway, document, &document.always, &Base::default(), &mut open, &mut flat)?;
    if operation.flags & flag::LISTS != 0 {
        // A list request with the parameter `model` is a search.
        flat.query.entry("model".to_owned()).or_insert((role::NOTHING, Vec::new()));
    }
    Ok(flat)
}

fn add_shape(
    gateway: &Document,
    document: &Document,
    shape: &Shape,
    base: &Base,
    open: &mut Vec<String>,
    flat: &mut Flat,
) -> Result<(), Mistake> {
    for location in &shape.locations {
        add_location(location, base, flat)?;
    }
    add_includes(gateway, document, &shape.includes, base, open, flat)
}

fn add_includes(
    gateway: &Document,
    document: &Document,
    includes: &[Include],
    base: &Base,
    open: &mut Vec<String>,
    flat: &mut Flat,
) -> Result<(), Mistake> {
    for include in includes {
        let name = &include.shape;
        let Some(shape) = document.shapes.get(name).or_else(|| gateway.shapes.get(name)) else {
            return Err(Mistake::UnknownShape { name: name.clone() });
        };
        if open.contains(name) {
            return Err(Mistake::ShapeLoop { name: name.clone() });
        }
        open.push(name.clone());
        let base =
            Base { message: base.message || include.message, at: include.at.below(&base.at) };
        add_shape(gateway, document, shape, &base, open, flat)?;
        open.pop();
    }
    Ok(())
}

fn add_location(location: &Location, base: &Base, flat: &mut Flat) -> Result<(), Mistake> {
    let below = |pointer: &Pointer| Pattern {
        pointer: pointer.below(&base.at),
        role: location.role,
        prefix: location.prefix.clone(),
    };
    match &location.carrier {
        Carrier::Body(pointer) if base.message => flat.message.push(below(pointer)),
        Carrier::Body(pointer) => flat.body.push(below(pointer)),
        Carrier::Message(pointer) => flat.message.push(below(pointer)),
        // A shape that is included below a pointer contributes its body locations only.
        Carrier::Query(..) | Carrier::Path(_) if base.message || !base.at.steps.is_empty() => {}
        Carrier::Query(name, nested) => {
            let (known, patterns) =
                flat.query.entry(fold(name)).or_insert((role::NOTHING, Vec::new()));
            match nested {
                Some(pointer) => {
                    *known = role::NESTED_JSON;
                    patterns.push(Pattern {
                        pointer: pointer.clone(),
                        role: location.role,
                        prefix: location.prefix.clone(),
                    });
                }
                None if *known == role::NOTHING || location.role == role::PRIMARY => {
                    *known = location.role
                }
                None => {}
            }
        }
        Carrier::Path(name) => flat.captures.push((name.clone(), location.role)),
    }
    Ok(())
}

/// Returns a header name in the form in which it is compared. CGI writes `_` for `-`.
fn header(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

fn named(writer: &mut Writer, names: impl IntoIterator<Item = (u8, String)>) -> Vec<l::Location> {
    names
        .into_iter()
        .map(|(role, name)| l::Location {
            name: writer.text(&name),
            role,
            state: NONE,
            ..l::Location::default()
        })
        .collect()
}

/// Spans of locations. Equal ones are written once.
#[derive(Default)]
struct Locations {
    known: BTreeMap<Vec<(u32, u32, u8, u32)>, Span>,
}

impl Locations {
    fn span(&mut self, writer: &mut Writer, locations: Vec<l::Location>) -> Span {
        if locations.is_empty() {
            return Span { at: 0, len: 0 };
        }
        let key = locations
            .iter()
            .map(|location| (location.name.at, location.name.len, location.role, location.state))
            .collect();
        *self.known.entry(key).or_insert_with(|| writer.extend(section::LOCATIONS, &locations))
    }
}

/// Writes the guarded dialects into a bundle.
///
/// # Errors
///
/// Fails if an id is unknown, if there are more than [`limits::DIALECTS`] dialects, or if a file is
/// malformed (which the tests rule out for the shipped files).
pub(crate) fn write_guarded(
    writer: &mut Writer,
    guarded: &[GuardedDialect],
) -> Result<WrittenDialects, DialectError> {
    if guarded.len() > limits::DIALECTS {
        return Err(DialectError {
            file: "policy".to_owned(),
            operation: None,
            mistake: Mistake::TooManyDialects { found: guarded.len() },
        });
    }
    let chosen: Vec<(&str, &str)> = guarded
        .iter()
        .map(|dialect| (dialect.id.as_str(), dialect.prefix.as_deref().unwrap_or_default()))
        .collect();
    write_chosen(writer, &chosen)
}

/// Writes the dialects with these ids and path prefixes.
pub(crate) fn write_chosen(
    writer: &mut Writer,
    chosen: &[(&str, &str)],
) -> Result<WrittenDialects, DialectError> {
    let gateway = Document::read(dialect::GATEWAY.file, dialect::GATEWAY.text)?;
    let mut documents = Vec::new();
    for &(id, prefix) in chosen {
        documents.push((dialect::read(id)?, prefix.to_owned()));
    }
    write(writer, &gateway, &documents)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATEWAY: &str = "id = \"gateway\"\n[unknown]\nmention = [\"/model\"]\n";

    fn written(text: &str) -> Result<Writer, DialectError> {
        let gateway = Document::read("gateway.toml", GATEWAY).unwrap();
        let document = Document::read("some.toml", &format!("id = \"some\"\n{text}"))?;
        let mut writer = Writer::default();
        write(&mut writer, &gateway, &[(document, String::new())])?;
        Ok(writer)
    }

    #[test]
    fn a_mistake_names_file_and_operation() {
        let operation = |rest: &str| {
            format!("[operation.x]\nat = \"POST /v1/x\"\nclass = \"inference\"\n{rest}")
        };
        let many: Vec<String> = (0..65).map(|n| format!("\"/k{n}\"")).collect();
        for (text, code, operation) in [
            ("[[".to_owned(), "dialect_toml", None),
            ("titel = \"\"".to_owned(), "dialect_unknown_key", None),
            ("refusal = \"rude\"".to_owned(), "dialect_unknown_word", None),
            ("[operation.x]\nclass = \"inference\"".to_owned(), "dialect_missing", Some("x")),
            ("[operation.x]\nat = \"POST /x\"".to_owned(), "dialect_missing", Some("x")),
            ("[operation.x]\nat = 1".to_owned(), "dialect_type", Some("x")),
            ("[operation.x]\nat = \"BREW /x\"".to_owned(), "dialect_unknown_word", Some("x")),
            ("[operation.x]\nat = \"POST x\"".to_owned(), "dialect_malformed", Some("x")),
            ("[operation.x]\nat = \"POST /{a...}/x\"".to_owned(), "dialect_malformed", Some("x")),
            (operation("primary = [\"model\"]"), "dialect_malformed", Some("x")),
            (operation("primary = [\"/model = a\"]"), "dialect_malformed", Some("x")),
            (operation("mention = [\"{model}\"]"), "dialect_malformed", Some("x")),
            (operation("filter = [\"/model\"]"), "dialect_malformed", Some("x")),
            (operation("primary = [\"{model}\"]"), "dialect_unknown_capture", Some("x")),
            (operation("shapes = [\"y\"]"), "dialect_unknown_shape", Some("x")),
            (
                operation("shapes = [\"y\"]\n[shape.y]\nshapes = [\"y at /z\"]"),
                "dialect_shape_loop",
                Some("x"),
            ),
            (
                operation(&format!("primary = [{}]", many.join(", "))),
                "dialect_too_many_keys",
                Some("x"),
            ),
            (format!("{}\n[quiet]\nx = \"GET /x\"", operation("")), "dialect_duplicate", Some("x")),
        ] {
            let error = written(&text).err().unwrap_or_else(|| unreachable!("{text}"));
            assert_eq!(
                (error.code(), error.operation.as_deref(), error.file.as_str()),
                (code, operation, "some.toml"),
                "{text}"
            );
            assert!(error.to_string().starts_with("some.toml"), "{error}");
        }
    }

    #[test]
    fn equal_states_are_shared_and_the_bytes_are_always_the_same() {
        let one = "[operation.x]\nat = \"POST /v1/x\"\nclass = \"inference\"\nprimary = [\"/model\", \"/a/**/model\"]\n";
        let two = format!(
            "{one}[operation.y]\nat = \"POST /v1/y\"\nclass = \"inference\"\nprimary = [\"/a/**/model\", \"/model\"]\n"
        );
        let states = |text: &str| written(text).unwrap().section(section::STATES).len();
        assert_eq!(states(one), states(&two));
        let bytes = |text: &str| {
            let mut writer = written(text).unwrap();
            [section::STATES, section::STATE_KEYS, section::ROUTE_NODES, section::OPERATIONS]
                .map(|id| writer.section(id).clone())
        };
        assert_eq!(bytes(&two), bytes(&two));
    }
}
