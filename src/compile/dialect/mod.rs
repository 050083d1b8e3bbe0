//! Lowers the guarded dialects into a bundle's sections.
//!
//! Input: the [`Document`]s of the guarded dialects, with `gateway.toml` beside them. Output: the sections `DIALECTS`,
//! `ROUTE_NODES`, `ROUTE_EDGES`, `OPERATIONS`, `PLACES`, `STATES` and `STATE_KEYS`, and what `META` says of them. It does not
//! judge what is guarded: [`policy`](crate::policy) does.
//!
//! 1. Each route of an operation becomes a path of the trie, under the dialect's prefix; where the operation bears on models, so
//!    does its spelling without the version (`/chat/completions`).
//! 2. Operations that end at one node and share a method are read by one body automaton, that of all their places together: which
//!    of two dialects the origin speaks is not the gate's to guess.
//! 3. The automata of all operations are merged and written.

pub(crate) mod automaton;
pub(crate) mod route_trie;

use std::collections::{BTreeMap, BTreeSet};

use self::automaton::{Automaton, Pattern, Start};
use self::route_trie::Trie;
use crate::bundle::layout as l;
use crate::bundle::layout::{NONE, Span, operation as flag, role, section};
use crate::bundle::write::Writer;
use crate::dialect::document::{Carrier, Document, Include, Operation, Place, Segment, Shape, is_version};
use crate::dialect::error::{DialectError, Mistake};
use crate::dialect::pointer::{Pointer, Step, fold};
use crate::policy::model::GuardedDialect;
use crate::{dialect, limits};

/// What `META` says of the dialects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lowered {
    /// Headers that name models, whatever the operation; in `PLACES`.
    pub(crate) headers: Span,
    /// Start state of the body of an operation that nobody knows.
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

/// An operation's places with its shapes' put in.
#[derive(Default)]
struct Flat {
    body: Vec<Pattern>,
    message: Vec<Pattern>,
    answer: Vec<Pattern>,
    query: BTreeMap<String, (u8, Vec<Pattern>)>,
    captures: Vec<(String, u8)>,
}

/// Writes the dialects, each under its prefix (`/openai`; empty: the vendor's own paths).
pub(crate) fn write(writer: &mut Writer, gateway: &Document, dialects: &[(Document, String)]) -> Result<Lowered, DialectError> {
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
                if !operation.routes.iter().any(|route| captures(&route.segments).any(|known| known == name)) {
                    return Err(fail(Mistake::UnknownCapture { name: name.clone() }));
                }
            }
            let bears =
                operation.flags & (flag::RUNS | flag::REVEALS | flag::LISTS | flag::LATE_BOUND | flag::LATE_BOUND_UNNAMED) != 0
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
                    if let Some(&(_, place)) = flat.captures.iter().find(|(known, _)| known == name) {
                        roles |= 1u16 << index.min(15);
                        opaque |= u16::from(role::is_opaque(place)) << index.min(15);
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
                    // A socket and a plain request of one operation differ in flags: they are two entries.
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

    // The starts of all bodies and messages, node by node.
    let mut bodies: Vec<(Option<Start>, Option<Start>, Option<Start>)> = vec![(None, None, None); entries.len()];
    for here in trie.entries() {
        for &number in here {
            let Some(entry) = entries.get(number) else { continue };
            let together = overlapping(&entries, here, entry.methods);
            let gather = |of: fn(&Flat) -> &Vec<Pattern>| -> Vec<Pattern> {
                together.iter().filter_map(|flat| flats.get(*flat)).flat_map(|flat| of(flat).iter().cloned()).collect()
            };
            let fail = |mistake| error(entry.document, Some(&entry.operation.id), mistake);
            let body = automaton.start(gather(|flat| &flat.body)).map_err(fail)?;
            let message = if entry.flags & flag::WEBSOCKET == 0 { None } else { Some(gather(|flat| &flat.message)) };
            let message = message.map_or(Ok(None), |patterns| automaton.start(patterns)).map_err(fail)?;
            let answer = automaton.start(gather(|flat| &flat.answer)).map_err(fail)?;
            if let Some(place) = bodies.get_mut(number) {
                *place = (body, message, answer);
            }
        }
    }
    let unknown = {
        let mut flat = Flat::default();
        let mut open = Vec::new();
        let fail = |mistake| error(gateway, Some("unknown"), mistake);
        add_shape(gateway, gateway, &gateway.unknown, &Base::default(), &mut open, &mut flat).map_err(fail)?;
        automaton.start(flat.body).map_err(fail)?
    };
    let mut nested: Vec<Option<Start>> = Vec::new();
    for flat in &flats {
        for (_, patterns) in flat.query.values() {
            nested.push(automaton.start(patterns.clone()).map_err(|mistake| error(gateway, None, mistake))?);
        }
    }

    let mut headers: BTreeMap<String, (u8, Option<Start>)> = BTreeMap::new();
    for (role, name, _) in &gateway.headers {
        let name = header(name);
        // Several pointers into one header's JSON are one automaton.
        let inside = gateway.headers.iter().filter(|(_, other, _)| header(other) == name);
        let patterns = inside
            .filter_map(|(role, _, pointer)| Some(Pattern { pointer: pointer.clone()?, role: *role, prefix: String::new() }));
        let wanted = automaton.start(patterns.collect()).map_err(|mistake| error(gateway, Some("headers"), mistake))?;
        headers.insert(name, (if wanted.is_some() { role::NESTED_JSON } else { *role }, wanted));
    }

    let order: Vec<Option<Start>> = trie
        .entries()
        .flatten()
        .filter_map(|&entry| bodies.get(entry))
        .flat_map(|&(body, message, answer)| [body, message, answer])
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

    let mut places = Places::default();
    let mut queries: Vec<Span> = Vec::new();
    for flat in &flats {
        let mut query = Vec::new();
        for (name, (role, patterns)) in &flat.query {
            let state = start(automaton.start(patterns.clone()).unwrap_or_default());
            query.push(l::Place { name: writer.text(name), role: *role, state, ..l::Place::default() });
        }
        queries.push(places.span(writer, query));
    }

    for (document, prefix) in dialects {
        let hints: BTreeSet<String> = document.hints.iter().map(|name| header(name)).collect();
        let hints = hints.iter().map(|name| (role::HINT, name.clone()));
        let hints = named(writer, hints);
        let credentials = named(writer, document.credentials.iter().cloned());
        let record = l::Dialect {
            id: writer.text(&document.id),
            prefix: writer.text(prefix),
            hints: places.span(writer, hints),
            credentials: places.span(writer, credentials),
            flavour: document.flavour,
            ..l::Dialect::default()
        };
        writer.push(section::DIALECTS, &record);
    }

    let mut operations = Vec::new();
    for here in trie.entries() {
        let at = writer.extend::<l::Operation>(section::OPERATIONS, &[]).at;
        for &number in here {
            let (Some(entry), Some(&(body, message, answer))) = (entries.get(number), bodies.get(number)) else { continue };
            let record = l::Operation {
                id: writer.text(&entry.operation.id),
                dialect: entry.dialect,
                methods: entry.methods,
                flags: entry.flags,
                path_roles: entry.roles,
                path_opaque: entry.opaque,
                body_state: start(body),
                message_state: start(message),
                answer_state: start(answer),
                query: queries.get(entry.flat).copied().unwrap_or_default(),
                class: entry.operation.class,
                flavour: entry.operation.flavour.unwrap_or(entry.document.flavour),
                ..l::Operation::default()
            };
            writer.push(section::OPERATIONS, &record);
        }
        operations.push(Span { at, len: u32::try_from(here.len()).unwrap_or_default() });
    }
    trie.write(writer, &operations);

    let mut named = Vec::new();
    for (name, (role, wanted)) in headers {
        named.push(l::Place { name: writer.text(&name), role, state: start(wanted), ..l::Place::default() });
    }
    Ok(Lowered { headers: places.span(writer, named), unknown_state: start(unknown) })
}

fn error(document: &Document, operation: Option<&str>, mistake: Mistake) -> DialectError {
    DialectError { file: document.file.clone(), operation: operation.map(str::to_owned), mistake }
}

/// Names of the captures of a path, tail included, from the left.
fn captures(segments: &[Segment]) -> impl Iterator<Item = &String> {
    segments.iter().filter_map(|segment| match segment {
        Segment::Literal(_) => None,
        Segment::Capture { name, .. } | Segment::Tail { name } => Some(name),
    })
}

/// The path as it stands, and without the version that it begins with.
fn spellings(path: &[Segment], copy: bool) -> impl Iterator<Item = (&[Segment], u32)> {
    let short = match path {
        // What would then begin with a capture would fit any path.
        [Segment::Literal(first), rest @ ..] if copy && is_version(first) && matches!(rest, [Segment::Literal(_), ..]) => {
            Some((rest, flag::UNVERSIONED))
        }
        _ => None,
    };
    [(path, 0)].into_iter().chain(short)
}

fn mount(prefix: &str) -> impl Iterator<Item = Segment> {
    prefix.split('/').filter(|part| !part.is_empty()).map(|part| Segment::Literal(part.to_ascii_lowercase()))
}

/// The operations at a node that a request with one of `methods` can mean, and all that overlap with those.
fn overlapping(entries: &[Entry<'_>], here: &[usize], methods: u16) -> Vec<usize> {
    let mut methods = methods;
    loop {
        let meant: Vec<&Entry<'_>> =
            here.iter().filter_map(|&number| entries.get(number)).filter(|entry| entry.methods & methods != 0).collect();
        let wider = meant.iter().fold(methods, |all, entry| all | entry.methods);
        if wider == methods {
            return meant.iter().map(|entry| entry.flat).collect();
        }
        methods = wider;
    }
}

/// Where a shape is put.
#[derive(Clone, Default)]
struct Base {
    message: bool,
    at: Pointer,
}

fn flatten(gateway: &Document, document: &Document, operation: &Operation) -> Result<Flat, Mistake> {
    let mut flat = Flat::default();
    let mut open = Vec::new();
    add_shape(gateway, document, &operation.shape, &Base::default(), &mut open, &mut flat)?;
    for (pointer, role) in operation.answer.places() {
        flat.answer.push(Pattern { pointer, role, prefix: String::new() });
    }
    if operation.flags & flag::RUNS != 0 {
        add_includes(gateway, document, &document.running, &Base::default(), &mut open, &mut flat)?;
        if operation.routes.iter().any(|route| route.socket) {
            // A message is read by the rules of a body.
            let base = Base { message: true, at: Pointer::default() };
            add_includes(gateway, document, &document.running, &base, &mut open, &mut flat)?;
        }
    }
    // A text of the body may hold a document, which is read as the body itself is, or the lines of a batch's file, which are requests that run
    // models: what is documented of these the operation says itself, and names are guessed at as in any other.
    let mut texts: Vec<Pointer> = flat.body.iter().filter_map(|pattern| pattern.pointer.text()).collect();
    texts.sort();
    texts.dedup();
    for at in texts {
        let lines = at.steps.last() == Some(&Step::Lines);
        if operation.flags & if lines { flag::BATCH_FILE } else { flag::RUNS } == 0 {
            continue;
        }
        let mut running = Flat::default();
        add_includes(gateway, document, &document.running, &Base { message: false, at }, &mut open, &mut running)?;
        flat.body.extend(running.body.into_iter().filter(|pattern| !lines || pattern.pointer.is_guess()));
    }
    add_includes(gateway, document, &document.always, &Base::default(), &mut open, &mut flat)?;
    if operation.flags & flag::LISTS != 0 {
        // A list that is asked for by the name of a model is a search.
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
    for place in &shape.places {
        add_place(place, base, flat)?;
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
        let base = Base { message: base.message || include.message, at: include.at.below(&base.at) };
        add_shape(gateway, document, shape, &base, open, flat)?;
        open.pop();
    }
    Ok(())
}

fn add_place(place: &Place, base: &Base, flat: &mut Flat) -> Result<(), Mistake> {
    let below = |pointer: &Pointer| Pattern { pointer: pointer.below(&base.at), role: place.role, prefix: place.prefix.clone() };
    match &place.carrier {
        Carrier::Body(pointer) if base.message => flat.message.push(below(pointer)),
        Carrier::Body(pointer) => flat.body.push(below(pointer)),
        Carrier::Message(pointer) => flat.message.push(below(pointer)),
        // A shape that is put below a pointer brings its body places only.
        Carrier::Query(..) | Carrier::Path(_) if base.message || !base.at.steps.is_empty() => {}
        Carrier::Query(name, nested) => {
            let (known, patterns) = flat.query.entry(fold(name)).or_insert((role::NOTHING, Vec::new()));
            match nested {
                Some(pointer) => {
                    *known = role::NESTED_JSON;
                    patterns.push(Pattern { pointer: pointer.clone(), role: place.role, prefix: place.prefix.clone() });
                }
                None if *known == role::NOTHING || place.role == role::PRIMARY => *known = place.role,
                None => {}
            }
        }
        Carrier::Path(name) => flat.captures.push((name.clone(), place.role)),
    }
    Ok(())
}

/// A header's name as it is compared: `_` is how CGI spells `-`.
fn header(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

fn named(writer: &mut Writer, names: impl IntoIterator<Item = (u8, String)>) -> Vec<l::Place> {
    names
        .into_iter()
        .map(|(role, name)| l::Place { name: writer.text(&name), role, state: NONE, ..l::Place::default() })
        .collect()
}

/// Spans of places; equal ones share one.
#[derive(Default)]
struct Places {
    known: BTreeMap<Vec<(u32, u32, u8, u32)>, Span>,
}

impl Places {
    fn span(&mut self, writer: &mut Writer, places: Vec<l::Place>) -> Span {
        if places.is_empty() {
            return Span { at: 0, len: 0 };
        }
        let key = places.iter().map(|place| (place.name.at, place.name.len, place.role, place.state)).collect();
        *self.known.entry(key).or_insert_with(|| writer.extend(section::PLACES, &places))
    }
}

/// Writes the guarded dialects into a bundle.
///
/// # Errors
///
/// If no dialect has one of the ids, or a file is malformed (which the tests rule out for the shipped ones).
pub(crate) fn lower(writer: &mut Writer, guarded: &[GuardedDialect]) -> Result<Lowered, DialectError> {
    if guarded.len() > limits::DIALECTS {
        return Err(DialectError {
            file: "policy".to_owned(),
            operation: None,
            mistake: Mistake::TooManyDialects { found: guarded.len() },
        });
    }
    let chosen: Vec<(&str, &str)> =
        guarded.iter().map(|dialect| (dialect.id.as_str(), dialect.prefix.as_deref().unwrap_or_default())).collect();
    lower_chosen(writer, &chosen)
}

/// Writes the dialects with these ids and path prefixes.
pub(crate) fn lower_chosen(writer: &mut Writer, chosen: &[(&str, &str)]) -> Result<Lowered, DialectError> {
    let gateway = Document::read(dialect::GATEWAY.file, dialect::GATEWAY.text)?;
    let mut documents = Vec::new();
    for &(id, prefix) in chosen {
        documents.push((dialect::read(id)?, prefix.to_owned()));
    }
    write(writer, &gateway, &documents)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    const GATEWAY: &str = "id = \"gateway\"\n[unknown]\nmention = [\"/model\"]\n";

    fn lowered(text: &str) -> Result<Writer, DialectError> {
        let gateway = Document::read("gateway.toml", GATEWAY).unwrap();
        let document = Document::read("some.toml", &format!("id = \"some\"\n{text}"))?;
        let mut writer = Writer::default();
        write(&mut writer, &gateway, &[(document, String::new())])?;
        Ok(writer)
    }

    #[test]
    fn a_mistake_names_file_and_operation() {
        let operation = |rest: &str| format!("[operation.x]\nat = \"POST /v1/x\"\nclass = \"inference\"\n{rest}");
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
            (operation("shapes = [\"y\"]\n[shape.y]\nshapes = [\"y at /z\"]"), "dialect_shape_loop", Some("x")),
            (operation(&format!("primary = [{}]", many.join(", "))), "dialect_too_many_keys", Some("x")),
            (format!("{}\n[quiet]\nx = \"GET /x\"", operation("")), "dialect_duplicate", Some("x")),
        ] {
            let error = lowered(&text).err().unwrap_or_else(|| unreachable!("{text}"));
            assert_eq!((error.code(), error.operation.as_deref(), error.file.as_str()), (code, operation, "some.toml"), "{text}");
            assert!(error.to_string().starts_with("some.toml"), "{error}");
        }
    }

    #[test]
    fn equal_states_are_shared_and_the_bytes_are_always_the_same() {
        let one = "[operation.x]\nat = \"POST /v1/x\"\nclass = \"inference\"\nprimary = [\"/model\", \"/a/**/model\"]\n";
        let two =
            format!("{one}[operation.y]\nat = \"POST /v1/y\"\nclass = \"inference\"\nprimary = [\"/a/**/model\", \"/model\"]\n");
        let states = |text: &str| lowered(text).unwrap().section(section::STATES).len();
        assert_eq!(states(one), states(&two));
        let bytes = |text: &str| {
            let mut writer = lowered(text).unwrap();
            [section::STATES, section::STATE_KEYS, section::ROUTE_NODES, section::OPERATIONS].map(|id| writer.section(id).clone())
        };
        assert_eq!(bytes(&two), bytes(&two));
    }
}
