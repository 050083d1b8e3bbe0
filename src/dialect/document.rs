//! Reads one dialect file: from TOML to routes and locations, with nothing resolved yet.
//!
//! Input: the text of a file in this folder; [`dialect`](super) describes the format. Output: a
//! [`Document`]. This module checks words and pointers.
//! [`compile::dialect`](crate::compile::dialect) checks that shapes and captures exist.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::error::{DialectError, Mistake};
use super::pointer::{Pointer, Step};
use crate::bundle::layout::{error_format, operation as flag, role};

/// A parsed dialect file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    pub(crate) file: String,
    pub(crate) id: String,
    pub(crate) title: String,
    /// Format of its error responses.
    pub(crate) error_format: u8,
    /// Shapes that every operation that runs a model has in addition to its own.
    pub(crate) running: Vec<Include>,
    /// Shapes that every operation has. If there are any, no operation is quiet.
    pub(crate) always: Vec<Include>,
    pub(crate) hints: Vec<String>,
    /// Role and name of each credential.
    pub(crate) credentials: Vec<(u8, String)>,
    /// Headers that name models in every operation: role, name, and a pointer if the header
    /// contains JSON.
    pub(crate) headers: Vec<(u8, String, Option<Pointer>)>,
    /// Locations in the body of an unknown operation.
    pub(crate) unknown: Shape,
    pub(crate) shapes: BTreeMap<String, Shape>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) mounts: Vec<Mount>,
}

/// Operations of another dialect, served under a path of this one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mount {
    pub(crate) dialect: String,
    pub(crate) under: Vec<Vec<Segment>>,
    /// Names in these operations are deployments: the origin resolves them.
    pub(crate) opaque: bool,
    /// Also served without the version in the path.
    pub(crate) versionless: bool,
    /// Ids of the operations. Empty: all.
    pub(crate) only: Vec<String>,
    /// Adds only the shapes: an import.
    pub(crate) shapes_only: bool,
}

/// Locations that several operations share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    pub(crate) locations: Vec<Location>,
    pub(crate) includes: Vec<Include>,
}

/// A shape that is included below a pointer.
#[derive(Clone, Debug)]
pub(crate) struct Include {
    pub(crate) shape: String,
    pub(crate) message: bool,
    pub(crate) at: Pointer,
}

/// The part of a request that contains a location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// The body: JSON document, form fields or multipart parts.
    Body(Pointer),
    /// Each client message on a WebSocket.
    Message(Pointer),
    /// A query parameter. With a pointer, its value contains JSON.
    Query(String, Option<Pointer>),
    /// A capture of the path.
    Path(String),
}

/// A location and its role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) carrier: Carrier,
    /// A role of the layout, or [`DATA`].
    pub(crate) role: u8,
    /// The role applies only to texts with this prefix.
    pub(crate) prefix: String,
}

/// The role of user data. Nothing at or below it is read, not even by `**` and `{}`.
pub(crate) const DATA: u8 = u8::MAX;

/// One or more methods and a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// Bits of `METHODS`.
    pub(crate) methods: u16,
    pub(crate) socket: bool,
    pub(crate) segments: Vec<Segment>,
}

/// One part of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// A literal text, folded.
    Literal(String),
    /// A capture that ends with the suffix. The suffix is folded.
    Capture { name: String, suffix: String },
    /// All remaining segments.
    Tail { name: String },
}

/// An operation as the file describes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) routes: Vec<Route>,
    /// Bits of the layout, without those that depend on the route.
    pub(crate) flags: u32,
    /// Index of its class in [`CLASSES`].
    pub(crate) class: u8,
    pub(crate) unversioned: bool,
    /// Format of its error responses. `None`: as the dialect.
    pub(crate) error_format: Option<u8>,
    /// It was added by a mount.
    pub(crate) mounted: bool,
    pub(crate) shape: Shape,
    /// Locations in its responses: the model that ran, or the entries of a list.
    pub(crate) response: ResponseRules,
}

/// The wanted locations of a response.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResponseRules {
    /// Names of the model that ran, in a document or in each event of a stream.
    names: Vec<Pointer>,
    /// The entries of a list.
    rows: Vec<Pointer>,
    /// Names of models, relative to an entry.
    row_names: Vec<Pointer>,
    /// Ids of entries from which paging continues.
    cursors: Vec<Pointer>,
}

impl ResponseRules {
    /// Returns pointers and roles.
    pub(crate) fn locations(&self) -> Vec<(Pointer, u8)> {
        let mut locations = Vec::new();
        for row in &self.rows {
            locations.push((row.clone(), role::ROW));
            locations.extend(self.row_names.iter().map(|name| (name.below(row), role::MENTION)));
        }
        locations.extend(self.cursors.iter().map(|cursor| (cursor.clone(), role::CURSOR)));
        if !self.names.is_empty() {
            // A stream may also be one array, in which each element has the content of an event.
            let element = Pointer { steps: vec![Step::Each], loops: Vec::new() };
            locations.extend(self.names.iter().map(|name| (name.clone(), role::MENTION)));
            locations.extend(self.names.iter().map(|name| (name.below(&element), role::MENTION)));
            locations.push((element, role::ROW));
        }
        locations
    }
}

/// Classes of operations and their flags. Where the vendors have names for such groups, these are
/// used.
pub(crate) const CLASSES: [(&str, u32); 16] = [
    ("quiet", flag::QUIET),
    ("inference", flag::RUNS),
    ("async_inference", flag::RUNS),
    ("late_bound_inference", flag::RUNS | flag::LATE_BOUND),
    ("batch", flag::RUNS),
    ("realtime_ws", flag::RUNS),
    ("token_count", flag::RUNS),
    ("create_stored", 0),
    // The origin rejects a job without a base model, and most graders run no model.
    ("training", 0),
    ("list_models", flag::LISTS),
    ("model_metadata", flag::REVEALS),
    ("upload", 0),
    ("management", 0),
    ("admin", 0),
    ("control", 0),
    ("read", 0),
];

/// Keys that contain locations, and their roles.
const ROLES: [(&str, u8); 15] = [
    ("filter", role::NOTHING),
    ("primary", role::PRIMARY),
    ("mention", role::MENTION),
    ("opaque", role::OPAQUE),
    ("deployment", role::DEPLOYMENT),
    ("binds", role::BINDS),
    ("binds-unless-named", role::BINDS_IF_UNNAMED),
    ("delegates", role::DELEGATES),
    ("selector", role::SELECTOR),
    ("hint", role::HINT),
    ("suspect", role::SUSPECT),
    ("request", role::REQUEST),
    ("must-name", role::MUST_NAME),
    ("must-name-type", role::MUST_NAME_TYPE),
    ("data", DATA),
];

const CREDENTIALS: [(&str, u8); 4] = [
    ("bearer", role::HEADER_BEARER),
    ("header", role::HEADER_PLAIN),
    ("query", role::QUERY_CREDENTIAL),
    ("protocol", role::PROTOCOL_CREDENTIAL),
];

const ERROR_FORMATS: [(&str, u8); 11] = [
    ("openai", error_format::OPENAI),
    ("anthropic", error_format::ANTHROPIC),
    ("google", error_format::GOOGLE),
    ("bedrock", error_format::BEDROCK),
    ("mistral", error_format::MISTRAL),
    ("cohere", error_format::COHERE),
    ("openrouter", error_format::OPENROUTER),
    ("ollama", error_format::OLLAMA),
    ("cloudflare", error_format::CLOUDFLARE),
    ("cloudflare-run", error_format::CLOUDFLARE_RUN),
    ("watsonx", error_format::WATSONX),
];

impl Document {
    /// Adds the operations of another dialect at a mount. Operations that this dialect defines
    /// itself are kept.
    pub(crate) fn mount(&mut self, mount: &Mount, other: &Self) -> Result<(), DialectError> {
        let foreign = |name: &str| format!("{}:{name}", other.id);
        let rename = |shape: &Shape| {
            let mut shape = shape.clone();
            for include in &mut shape.includes {
                if other.shapes.contains_key(&include.shape) {
                    include.shape = foreign(&include.shape);
                }
            }
            if mount.opaque {
                for location in &mut shape.locations {
                    location.role = match location.role {
                        role::PRIMARY => role::DEPLOYMENT,
                        role::MENTION => role::OPAQUE,
                        other => other,
                    };
                }
            }
            shape
        };
        for (name, shape) in &other.shapes {
            self.shapes.insert(foreign(name), rename(shape));
        }
        if mount.shapes_only {
            return Ok(());
        }
        for id in &mount.only {
            if !other.operations.iter().any(|operation| operation.id == *id) {
                let mistake = Mistake::UnknownWord {
                    kind: "operation of the mounted dialect",
                    found: id.clone(),
                };
                return Err(DialectError {
                    file: self.file.clone(),
                    operation: Some("mount".to_owned()),
                    mistake,
                });
            }
        }
        for operation in &other.operations {
            let wanted = mount.only.is_empty() || mount.only.contains(&operation.id);
            if !wanted || self.operations.iter().any(|own| own.id == operation.id && !own.mounted) {
                continue;
            }
            let error_format = operation.error_format.or(Some(other.error_format));
            let mut operation = Operation {
                shape: rename(&operation.shape),
                mounted: true,
                error_format,
                ..operation.clone()
            };
            let mut routes = Vec::new();
            for route in operation.routes {
                for path in &mount.under {
                    let under = |segments: &[Segment]| Route {
                        segments: path.iter().chain(segments).cloned().collect(),
                        ..route.clone()
                    };
                    routes.push(under(&route.segments));
                    if let [Segment::Literal(first), rest @ ..] = route.segments.as_slice()
                        && mount.versionless
                        && is_version(first)
                    {
                        routes.push(under(rest));
                    }
                }
            }
            operation.routes = routes;
            self.operations.push(operation);
        }
        Ok(())
    }

    /// Parses the text of `file`.
    pub(crate) fn read(file: &str, text: &str) -> Result<Self, DialectError> {
        let fail = |operation: Option<&str>, mistake| DialectError {
            file: file.to_owned(),
            operation: operation.map(str::to_owned),
            mistake,
        };
        let toml =
            DeTable::parse(text).map_err(|error| fail(None, Mistake::Toml(error.to_string())))?;
        let mut document = Self { file: file.to_owned(), ..Self::default() };
        for (key, item) in entries(toml.get_ref()) {
            match key {
                "id" => document.id = string(key, item).map_err(|m| fail(None, m))?,
                "title" => document.title = string(key, item).map_err(|m| fail(None, m))?,
                "refusal" => {
                    document.error_format =
                        read_error_format(key, item).map_err(|m| fail(None, m))?
                }
                "running" => document.running = includes(key, item).map_err(|m| fail(None, m))?,
                "always" => document.always = includes(key, item).map_err(|m| fail(None, m))?,
                "hints" => document.hints = strings(key, item).map_err(|m| fail(None, m))?,
                "credentials" => {
                    let names = named(key, item, &CREDENTIALS).map_err(|m| fail(Some(key), m))?;
                    document.credentials = names
                        .into_iter()
                        .map(|(role, name)| (role, name.to_ascii_lowercase()))
                        .collect();
                }
                "headers" => {
                    for (role, text) in named(key, item, &ROLES).map_err(|m| fail(Some(key), m))? {
                        let (name, pointer) = nested(&text).map_err(|m| fail(Some(key), m))?;
                        document.headers.push((role, name.to_ascii_lowercase(), pointer));
                    }
                }
                "unknown" => {
                    let shape =
                        table(key, item).and_then(read_shape).map_err(|m| fail(Some(key), m))?;
                    document.unknown = shape;
                }
                "shape" => {
                    for (name, item) in entries(table(key, item).map_err(|m| fail(None, m))?) {
                        let shape = table(name, item)
                            .and_then(read_shape)
                            .map_err(|m| fail(Some(name), m))?;
                        document.shapes.insert(name.to_owned(), shape);
                    }
                }
                "quiet" => {
                    for (id, item) in entries(table(key, item).map_err(|m| fail(None, m))?) {
                        let routes = routes(id, item).map_err(|m| fail(Some(id), m))?;
                        document.operations.push(Operation {
                            id: id.to_owned(),
                            routes,
                            flags: flag::QUIET,
                            ..Operation::default()
                        });
                    }
                }
                "imports" => {
                    for dialect in strings(key, item).map_err(|m| fail(None, m))? {
                        document.mounts.push(Mount {
                            dialect,
                            shapes_only: true,
                            ..Mount::default()
                        });
                    }
                }
                "mount" => {
                    let wrong = || {
                        fail(
                            None,
                            Mistake::Type { key: key.to_owned(), expected: "a list of tables" },
                        )
                    };
                    for item in item.as_array().ok_or_else(wrong)?.iter() {
                        let mount = table(key, item.get_ref()).and_then(read_mount);
                        document.mounts.push(mount.map_err(|m| fail(Some(key), m))?);
                    }
                }
                "operation" => {
                    for (id, item) in entries(table(key, item).map_err(|m| fail(None, m))?) {
                        let operation = table(id, item).and_then(|table| read_operation(id, table));
                        document.operations.push(operation.map_err(|m| fail(Some(id), m))?);
                    }
                }
                _ => return Err(fail(None, Mistake::UnknownKey { key: key.to_owned() })),
            }
        }
        if document.id.is_empty() {
            return Err(fail(None, Mistake::Missing { key: "id" }));
        }
        let mut ids: Vec<&str> =
            document.operations.iter().map(|operation| operation.id.as_str()).collect();
        ids.sort_unstable();
        if let Some(pair) = ids.windows(2).find(|pair| pair.first() == pair.last()) {
            let id = pair.concat();
            let id = id.get(..id.len() / 2).unwrap_or_default().to_owned();
            return Err(fail(Some(&id), Mistake::Duplicate { id: id.clone() }));
        }
        Ok(document)
    }
}

fn read_operation(id: &str, table: &DeTable<'_>) -> Result<Operation, Mistake> {
    let mut operation = Operation { id: id.to_owned(), unversioned: true, ..Operation::default() };
    let mut class = None;
    let mut runs = None;
    for (key, item) in entries(table) {
        match key {
            "at" => operation.routes = routes(key, item)?,
            "class" => {
                let word = string(key, item)?;
                let Some(number) = CLASSES.iter().position(|(name, _)| *name == word) else {
                    return Err(Mistake::UnknownWord { kind: "class of operations", found: word });
                };
                class = u8::try_from(number).ok();
            }
            "late-bound" => {
                operation.flags |= match (item.as_bool(), item.as_str()) {
                    (Some(true), _) => flag::LATE_BOUND,
                    (_, Some("unless named")) => flag::LATE_BOUND_UNNAMED,
                    _ => {
                        return Err(Mistake::Type {
                            key: key.to_owned(),
                            expected: "`true` or `\"unless named\"`",
                        });
                    }
                };
            }
            "runs" => runs = Some(boolean(key, item)?),
            "lists" if boolean(key, item)? => operation.flags |= flag::LISTS,
            "container" if boolean(key, item)? => operation.flags |= flag::CONTAINER,
            "media" if boolean(key, item)? => operation.flags |= flag::MEDIA,
            "batch-file" if boolean(key, item)? => operation.flags |= flag::BATCH_FILE,
            "unversioned" => operation.unversioned = boolean(key, item)?,
            "weak" if boolean(key, item)? => operation.flags |= flag::WEAK,
            "refusal" => operation.error_format = Some(read_error_format(key, item)?),
            "answer" => operation.response.names = pointers(key, item)?,
            "rows" => operation.response.rows = pointers(key, item)?,
            "names" => operation.response.row_names = pointers(key, item)?,
            "cursors" => operation.response.cursors = pointers(key, item)?,
            _ => location_key(&mut operation.shape, key, item)?,
        }
    }
    if operation.routes.is_empty() {
        return Err(Mistake::Missing { key: "at" });
    }
    operation.class = class.ok_or(Mistake::Missing { key: "class" })?;
    operation.flags |= CLASSES.get(usize::from(operation.class)).map_or(0, |(_, flags)| *flags);
    match runs {
        Some(true) => operation.flags |= flag::RUNS,
        Some(false) => operation.flags &= !flag::RUNS,
        None => {}
    }
    if !operation.response.names.is_empty() {
        operation.flags |= flag::RESPONSE_NAMES;
    }
    if operation.flags & flag::LISTS != 0 && operation.response.rows.is_empty() {
        return Err(Mistake::Missing { key: "rows" });
    }
    if operation.response.rows.is_empty() != operation.response.row_names.is_empty() {
        return Err(Mistake::Missing {
            key: if operation.response.rows.is_empty() { "rows" } else { "names" },
        });
    }
    Ok(operation)
}

fn read_error_format(key: &str, item: &DeValue<'_>) -> Result<u8, Mistake> {
    let word = string(key, item)?;
    pick(&ERROR_FORMATS, &word)
        .ok_or(Mistake::UnknownWord { kind: "way to word a refusal", found: word })
}

fn read_mount(table: &DeTable<'_>) -> Result<Mount, Mistake> {
    let mut mount = Mount::default();
    for (key, item) in entries(table) {
        match key {
            "dialect" => mount.dialect = string(key, item)?,
            "under" => {
                let paths =
                    if item.is_str() { vec![string(key, item)?] } else { strings(key, item)? };
                for path in paths {
                    mount.under.push(read_path(&path)?);
                }
            }
            "opaque" => mount.opaque = boolean(key, item)?,
            "versionless" => mount.versionless = boolean(key, item)?,
            "only" => mount.only = strings(key, item)?,
            _ => return Err(Mistake::UnknownKey { key: key.to_owned() }),
        }
    }
    if mount.dialect.is_empty() { Err(Mistake::Missing { key: "dialect" }) } else { Ok(mount) }
}

fn read_shape(table: &DeTable<'_>) -> Result<Shape, Mistake> {
    let mut shape = Shape::default();
    for (key, item) in entries(table) {
        location_key(&mut shape, key, item)?;
    }
    Ok(shape)
}

/// Reads `shapes`, or a role with its locations.
fn location_key(shape: &mut Shape, key: &str, item: &DeValue<'_>) -> Result<(), Mistake> {
    if key == "shapes" {
        shape.includes = includes(key, item)?;
        return Ok(());
    }
    let Some(role) = pick(&ROLES, key) else {
        return Err(Mistake::UnknownKey { key: key.to_owned() });
    };
    for text in strings(key, item)? {
        shape.locations.push(read_location(&text, role)?);
    }
    Ok(())
}

fn read_location(text: &str, role: u8) -> Result<Location, Mistake> {
    let malformed = |reason| Mistake::Malformed { text: text.to_owned(), reason };
    let (location, prefix) = text.split_once(" = ").unwrap_or((text, ""));
    let conditional = [role::BINDS, role::BINDS_IF_UNNAMED, role::MUST_NAME_TYPE].contains(&role);
    if !prefix.is_empty() && !conditional {
        return Err(malformed("only what binds, and a type, can depend on the text"));
    }
    let (prefix, but) = prefix.split_once(" but ").unwrap_or((prefix, ""));
    if prefix.contains(' ') || !but.is_empty() && role != role::MUST_NAME_TYPE {
        return Err(malformed(
            "a text is one word, and only a type can leave out some with ` but `",
        ));
    }
    let prefix = format!("{prefix} {but}");
    if role == role::NOTHING && !location.starts_with('?') {
        return Err(malformed(
            "only a query parameter can be a filter: of other locations, what is not listed is not read",
        ));
    }
    let carrier = if let Some(pointer) = location.strip_prefix("message:") {
        Carrier::Message(Pointer::read(pointer)?)
    } else if let Some(query) = location.strip_prefix('?') {
        let (name, pointer) = nested(query)?;
        Carrier::Query(name.to_owned(), pointer)
    } else if let Some(name) = location.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        if role != role::PRIMARY && !role::is_opaque(role) {
            return Err(malformed("a capture is `primary`, `deployment` or `opaque`"));
        }
        Carrier::Path(name.to_owned())
    } else if location.starts_with(['/', '(']) {
        Carrier::Body(Pointer::read(location)?)
    } else {
        return Err(malformed(
            "a location is `/pointer`, `?query`, `{capture}` or `message:/pointer`",
        ));
    };
    Ok(Location { carrier, role, prefix: prefix.trim_end().to_ascii_lowercase() })
}

/// Reads `name`, `name at /pointer` or `name at message:/pointer`.
fn includes(key: &str, item: &DeValue<'_>) -> Result<Vec<Include>, Mistake> {
    let mut found = Vec::new();
    for text in strings(key, item)? {
        let (shape, at) = text.split_once(" at ").unwrap_or((&text, ""));
        let pointer = at.strip_prefix("message:");
        let at = Pointer::read(pointer.unwrap_or(at))?;
        found.push(Include { shape: shape.to_owned(), message: pointer.is_some(), at });
    }
    Ok(found)
}

/// Reads one or more routes `METHOD[,METHOD] /path`. `WS` opens a WebSocket, `ANY` is every method.
fn routes(key: &str, item: &DeValue<'_>) -> Result<Vec<Route>, Mistake> {
    let texts = match item.as_str() {
        Some(one) => vec![one.to_owned()],
        None => strings(key, item)?,
    };
    texts.iter().flat_map(|text| alternatives(text)).map(|text| read_route(&text)).collect()
}

/// Expands `/(a|b)/c` to `/a/c` and `/b/c`.
fn alternatives(text: &str) -> Vec<String> {
    let Some((before, rest)) = text.split_once('(') else { return vec![text.to_owned()] };
    let Some((words, after)) = rest.split_once(')') else { return vec![text.to_owned()] };
    words.split('|').flat_map(|word| alternatives(&format!("{before}{word}{after}"))).collect()
}

fn read_route(text: &str) -> Result<Route, Mistake> {
    let malformed = |reason| Mistake::Malformed { text: text.to_owned(), reason };
    let (words, path) =
        text.split_once(' ').ok_or_else(|| malformed("a route is `METHOD /path`"))?;
    let mut route = Route { methods: 0, socket: false, segments: Vec::new() };
    for word in words.split(',') {
        if word == "ANY" {
            route.methods = (1 << flag::METHODS.len()) - 1;
            continue;
        }
        // A WebSocket is opened with GET.
        route.socket |= word == "WS";
        let word = if word == "WS" { "GET" } else { word };
        let Some(bit) = flag::METHODS.iter().position(|method| *method == word) else {
            return Err(Mistake::UnknownWord { kind: "method", found: word.to_owned() });
        };
        route.methods |= 1 << bit;
        // An operation that responds to GET also responds to HEAD, with headers that tell what
        // exists.
        if word == "GET" && !route.socket {
            route.methods |= 1 << 5;
        }
    }
    route.segments = read_path(path)?;
    Ok(route)
}

fn read_path(text: &str) -> Result<Vec<Segment>, Mistake> {
    let malformed = |reason| Mistake::Malformed { text: text.to_owned(), reason };
    let path = text.strip_prefix('/').ok_or_else(|| malformed("a path begins with `/`"))?;
    let mut segments = Vec::new();
    if path.is_empty() {
        return Ok(segments);
    }
    for segment in path.split('/') {
        if matches!(segments.last(), Some(Segment::Tail { .. })) {
            return Err(malformed("nothing comes after `...}`"));
        }
        segments.push(match segment.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((name, suffix)) => match name.strip_suffix("...") {
                Some(name) if suffix.is_empty() => Segment::Tail { name: name.to_owned() },
                Some(_) => return Err(malformed("a tail has no suffix")),
                None if suffix.contains(['{', '}', '(', ')', '?', '#', '%']) => {
                    return Err(malformed("a capture ends with plain text"));
                }
                None => {
                    Segment::Capture { name: name.to_owned(), suffix: suffix.to_ascii_lowercase() }
                }
            },
            None if segment.is_empty() || segment.contains(['{', '}', '(', ')', '?', '#', '%']) => {
                return Err(malformed("a segment is plain text or one capture"));
            }
            None => Segment::Literal(segment.to_ascii_lowercase()),
        });
    }
    Ok(segments)
}

/// Reads a table of header or query names under the words of `words`.
fn named(
    key: &str,
    item: &DeValue<'_>,
    words: &[(&str, u8)],
) -> Result<Vec<(u8, String)>, Mistake> {
    let mut found = Vec::new();
    for (word, item) in entries(table(key, item)?) {
        let Some(role) = pick(words, word) else {
            return Err(Mistake::UnknownKey { key: word.to_owned() });
        };
        found.extend(strings(word, item)?.into_iter().map(|name| (role, name)));
    }
    Ok(found)
}

/// Splits `name#json/pointer` into the name and the pointer into its JSON. A plain `name` has no
/// pointer.
fn nested(text: &str) -> Result<(&str, Option<Pointer>), Mistake> {
    let Some((name, rest)) = text.split_once('#') else { return Ok((text, None)) };
    match rest.strip_prefix("json") {
        Some(pointer) => Ok((name, Some(Pointer::read(pointer)?))),
        None => Err(Mistake::Malformed {
            text: text.to_owned(),
            reason: "`#` must be followed by `json`",
        }),
    }
}

/// Returns keys and values of a table in the order of the file.
fn entries<'a, 'b>(table: &'a DeTable<'b>) -> impl Iterator<Item = (&'a str, &'a DeValue<'b>)> {
    table.iter().map(|(key, value)| (key.get_ref().as_ref(), value.get_ref()))
}

fn pick(words: &[(&str, u8)], word: &str) -> Option<u8> {
    words.iter().find(|(name, _)| *name == word).map(|&(_, number)| number)
}

fn table<'a, 'b>(key: &str, item: &'a DeValue<'b>) -> Result<&'a DeTable<'b>, Mistake> {
    item.as_table().ok_or_else(|| Mistake::Type { key: key.to_owned(), expected: "a table" })
}

fn string(key: &str, item: &DeValue<'_>) -> Result<String, Mistake> {
    item.as_str()
        .map(str::to_owned)
        .ok_or_else(|| Mistake::Type { key: key.to_owned(), expected: "a text" })
}

fn boolean(key: &str, item: &DeValue<'_>) -> Result<bool, Mistake> {
    item.as_bool()
        .ok_or_else(|| Mistake::Type { key: key.to_owned(), expected: "`true` or `false`" })
}

fn strings(key: &str, item: &DeValue<'_>) -> Result<Vec<String>, Mistake> {
    let wrong = || Mistake::Type { key: key.to_owned(), expected: "a list of texts" };
    item.as_array()
        .ok_or_else(wrong)?
        .iter()
        .map(|value| value.get_ref().as_str().map(str::to_owned).ok_or_else(wrong))
        .collect()
}

fn pointers(key: &str, item: &DeValue<'_>) -> Result<Vec<Pointer>, Mistake> {
    strings(key, item)?.iter().map(|text| Pointer::read(text)).collect()
}

/// Returns whether the segment is a version: `v1`, `v1beta`, `v2`.
pub(crate) fn is_version(segment: &str) -> bool {
    let mut rest = segment.bytes();
    rest.next() == Some(b'v') && rest.next().is_some_and(|byte| byte.is_ascii_digit())
}
