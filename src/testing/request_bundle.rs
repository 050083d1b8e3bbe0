//! A small bundle for the tests of requests and verdicts: two dialects, a few operations of every
//! kind, some patterns.

use std::collections::BTreeMap;

use crate::bundle::layout as l;
use crate::bundle::layout::{NONE, NONE16, Span, error_format, operation, role, section};
use crate::bundle::view::OwnedBundle;
use crate::bundle::write::{Header, Writer};
use crate::denied::DeniedSet;
use crate::http::head::Head;
use crate::request::reader::RequestReader;
use crate::request::route::route;
use crate::verdict::Outcome;

/// The properties of the bundle that a test may vary.
pub(crate) struct RequestBundle<'a> {
    /// Patterns, with bits from 1 on: `mythos-5`, `mytho*`, `=best`. Each is a family of its own.
    pub(crate) patterns: &'a [&'a str],
    /// Path prefixes of the two dialects.
    pub(crate) prefixes: [&'a str; 2],
    /// Flags of the header.
    pub(crate) flags: u32,
}

impl Default for RequestBundle<'_> {
    fn default() -> Self {
        Self { patterns: &["mythos-5", "haiku-4", "=best-available"], prefixes: ["", ""], flags: 0 }
    }
}

/// A node of the token trie.
#[derive(Default)]
struct Tokens {
    edges: BTreeMap<String, Tokens>,
    prefixes: BTreeMap<String, Tokens>,
    pattern: Option<u32>,
}

#[derive(Default)]
struct Routes {
    edges: BTreeMap<String, Routes>,
    params: BTreeMap<String, Routes>,
    tail: Option<Box<Routes>>,
    operations: Vec<l::Operation>,
}

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

impl RequestBundle<'_> {
    /// Returns the bundle. [`closing`] makes denied sets for its patterns.
    pub(crate) fn bundle(&self) -> OwnedBundle {
        let mut writer = Writer::default();
        crate::compile::write_sentences(&mut writer);
        self.patterns(&mut writer);
        self.dialects(&mut writer);
        rules(&mut writer);
        let title = writer.text("trial");
        let headers = locations(
            &mut writer,
            &[("openai-model", role::MENTION), ("x-config", role::NESTED_JSON)],
        );
        let mask_words = u32::try_from(self.patterns.len() / 64 + 1).unwrap();
        writer.push(
            section::META,
            &l::Meta {
                title,
                mask_words,
                unknown_state: UNKNOWN,
                headers,
                when_words: 1,
                ..Default::default()
            },
        );
        let bytes = writer.finish(&Header {
            policy_id: "trial",
            version: 1,
            expires: i64::MAX,
            flags: self.flags,
        });
        OwnedBundle::new(bytes).unwrap()
    }

    fn patterns(&self, writer: &mut Writer) {
        let mut root = Tokens::default();
        let mut exact = Vec::new();
        let empty = writer.text("");
        writer.push(
            section::PATTERNS,
            &l::Pattern { text: empty, family: NONE16, exact: 0, reserved: 0 },
        );
        for (pattern, text) in (1..).zip(self.patterns) {
            let id = writer.text(text);
            let family =
                u16::try_from(writer.push(section::FAMILIES, &l::Family { id, title: id }))
                    .unwrap();
            let is_exact = text.strip_prefix('=');
            writer.push(
                section::PATTERNS,
                &l::Pattern { text: id, family, exact: u16::from(is_exact.is_some()), reserved: 0 },
            );
            if let Some(text) = is_exact {
                exact.push((text.to_owned(), pattern));
                continue;
            }
            let mut node = &mut root;
            for token in text.split('-') {
                node = match token.strip_suffix('*') {
                    Some(prefix) => node.prefixes.entry(prefix.to_owned()).or_default(),
                    None => node.edges.entry(token.to_owned()).or_default(),
                };
            }
            assert_eq!(node.pattern.replace(pattern), None, "{text} is there twice");
        }
        exact.sort();
        for (text, pattern) in exact {
            let text = writer.text(&text);
            writer.push(section::EXACT, &l::Exact { text, pattern, reserved: 0 });
        }
        trie(writer, root);
    }

    fn dialects(&self, writer: &mut Writer) {
        let names = [
            ("openai", error_format::OPENAI, "openai-organization"),
            ("anthropic", error_format::ANTHROPIC, "anthropic-version"),
        ];
        for ((name, error_format, hint), prefix) in names.into_iter().zip(self.prefixes) {
            let hints = locations(writer, &[(hint, role::NOTHING)]);
            let (id, prefix) = (writer.text(name), writer.text(prefix));
            let credentials = Span { at: 0, len: 0 };
            writer.push(
                section::DIALECTS,
                &l::Dialect {
                    id,
                    prefix,
                    hints,
                    credentials,
                    error_format,
                    reserved: 0,
                    reserved2: 0,
                    reserved3: 0,
                },
            );
        }
        states(writer);
        let mut root = Routes::default();
        for (dialect, id, method, path, flags, state, query) in OPERATIONS {
            let query = locations(writer, query);
            let method = METHODS.iter().position(|known| known == method).unwrap();
            let mut add = |path: &str, flags: u32| {
                let path = format!("{}{path}", self.prefixes[usize::from(*dialect)]);
                let (mut path_roles, mut path_opaque, mut capture) = (0, 0, 0);
                let mut node = &mut root;
                for segment in path.split('/').skip(1) {
                    let Some(name) = segment.strip_prefix('{') else {
                        node = node.edges.entry(segment.to_owned()).or_default();
                        continue;
                    };
                    let (name, suffix) = name.split_once('}').unwrap();
                    path_roles |=
                        u16::from(name.starts_with("model") || name == "deployment") << capture;
                    path_opaque |= u16::from(name == "deployment") << capture;
                    capture += 1;
                    node = if name.ends_with('+') {
                        node.tail.get_or_insert_default()
                    } else {
                        node.params.entry(suffix.to_owned()).or_default()
                    };
                }
                node.operations.push(l::Operation {
                    id: writer.text(id),
                    dialect: *dialect,
                    methods: 1 << method,
                    flags,
                    path_roles,
                    path_opaque,
                    body_state: *state,
                    message_state: if flags & operation::WEBSOCKET != 0 { CHAT } else { NONE },
                    response_state: if flags & operation::RESPONSE_NAMES != 0 {
                        CHAT
                    } else {
                        NONE
                    },
                    query,
                    error_format: if *dialect == 0 {
                        error_format::OPENAI
                    } else {
                        error_format::ANTHROPIC
                    },
                    ..Default::default()
                });
            };
            add(path, *flags);
            if let Some(short) = path
                .strip_prefix("/v1")
                .filter(|_| flags & (operation::RUNS | operation::LISTS | operation::REVEALS) != 0)
            {
                add(short, flags | operation::UNVERSIONED);
            }
        }
        routes(writer, root);
    }
}

type Listed =
    (u16, &'static str, &'static str, &'static str, u32, u32, &'static [(&'static str, u8)]);

const OPERATIONS: &[Listed] = {
    use operation::{
        BATCH_FILE, LATE_BOUND, LATE_BOUND_UNNAMED, LISTS, LOOSE, QUIET, RESPONSE_NAMES, REVEALS,
        RUNS, WEBSOCKET,
    };
    &[
        (0, "listChats", "GET", "/v1/chat/completions", 0, NONE, &[("model", role::NOTHING)]),
        (0, "chat", "POST", "/v1/chat/completions", RUNS, CHAT, &[]),
        (0, "listModels", "GET", "/v1/models", LISTS, NONE, &[]),
        (0, "model", "GET", "/v1/models/{model+}", REVEALS, NONE, &[]),
        (0, "deleteModel", "DELETE", "/v1/models/{model+}", REVEALS, NONE, &[]),
        (0, "batch", "POST", "/v1/batches", LATE_BOUND, EMPTY, &[]),
        (0, "respond", "POST", "/v1/responses", RUNS, CHAT, &[]),
        (0, "responses", "GET", "/v1/responses", RUNS | WEBSOCKET | RESPONSE_NAMES, NONE, &[]),
        (0, "realtime", "GET", "/v1/realtime", RUNS | WEBSOCKET, NONE, &[("model", role::PRIMARY)]),
        (0, "thread", "POST", "/v1/threads", QUIET, NONE, &[]),
        (0, "run", "POST", "/v1/threads/{id}/run", RUNS | LATE_BOUND_UNNAMED, CHAT, &[]),
        (0, "file", "POST", "/v1/files", BATCH_FILE, EMPTY, &[]),
        (0, "getFile", "GET", "/v1/files/{id}", 0, NONE, &[]),
        (0, "projects", "POST", "/v1/projects/{rest+}", QUIET | LOOSE, NONE, &[]),
        (0, "getProjects", "GET", "/v1/projects/{rest+}", QUIET | LOOSE, NONE, &[]),
        (0, "deployed", "POST", "/deployments/{deployment}/chat", RUNS, CHAT, &[]),
        (0, "call", "POST", "/v1/calls", LATE_BOUND, CHAT, &[]),
        (1, "message", "POST", "/v1/messages", RUNS, CHAT, &[("template", role::NESTED_JSON)]),
        (1, "listModelsToo", "GET", "/v1/models", LISTS, NONE, &[]),
        (1, "generate", "POST", "/v1/models/{model}:generate", RUNS, EMPTY, &[]),
    ]
};

/// States: the body of an operation, a body in which nothing is wanted, an unknown body.
const CHAT: u32 = 0;
const EMPTY: u32 = 1;
const UNKNOWN: u32 = 2;

fn states(writer: &mut Writer) {
    let none = Span { at: 0, len: 0 };
    let state = |keys, other, role| l::State {
        keys,
        other,
        element: NONE,
        role,
        reserved: 0,
        prefix_len: 0,
        prefix_at: 0,
    };
    let mut key = |name: &str, target| {
        let name = writer.text(name);
        l::StateKey { name, folded: name, target, reserved: 0 }
    };
    let chat = [key("model", 3), key("models", 4), key("previous", 5)];
    let unknown = [key("model", 3)];
    let deep = [key("model", 6)];
    let chat = writer.extend(section::STATE_KEYS, &chat);
    let unknown = writer.extend(section::STATE_KEYS, &unknown);
    let deep = writer.extend(section::STATE_KEYS, &deep);
    for record in [
        state(chat, NONE, role::NOTHING),
        state(none, NONE, role::NOTHING),
        l::State { element: 7, ..state(unknown, 7, role::NOTHING) },
        state(none, NONE, role::PRIMARY),
        l::State { element: 4, ..state(none, NONE, role::MENTION) },
        state(none, NONE, role::BINDS_IF_UNNAMED),
        state(none, NONE, role::SUSPECT),
        l::State { element: 7, ..state(deep, 7, role::NOTHING) },
    ] {
        writer.push(section::STATES, &record);
    }
}

/// Writes two authorities and a restriction under each. The second restriction has no message and a
/// status of 451.
fn rules(writer: &mut Writer) {
    let mut texts = |texts: [&str; 4]| texts.map(|text| writer.text(text));
    let order = texts([
        "order",
        "Order of 12 June",
        "https://example.gov/orders/1",
        "https://example.com/review",
    ]);
    let letter = texts(["letter", "", "https://example.gov/<letter>", ""]);
    for [id, title, url, appeal] in [order, letter] {
        writer.push(
            section::AUTHORITIES,
            &l::Authority { id, title, url, appeal, retain_days: 1, reserved: 0 },
        );
    }
    let mask = writer.push(section::MASKS, &0_u64);
    for (row, id, message, authority, status) in
        [(0, "closed", "Mythos is closed to you", 0, 403), (1, "embargo", "", 1, 451)]
    {
        let (id, message) = (writer.text(id), writer.text(message));
        let (when, unless) = (Span { at: row, len: 1 }, Span { at: 0, len: 0 });
        writer.push(section::ROW_OWNERS, &row);
        let (from, until) = (i64::MIN, i64::MAX);
        let restriction = l::Restriction {
            id,
            message,
            from,
            until,
            when,
            unless,
            mask,
            authority,
            status,
            state: 1,
            ..Default::default()
        };
        writer.push(section::RESTRICTIONS, &restriction);
    }
    for _ in 2..64 {
        writer.push(section::ROW_OWNERS, &NONE);
    }
}

fn locations(writer: &mut Writer, named: &[(&str, u8)]) -> Span {
    let records: Vec<_> = named
        .iter()
        .map(|(name, role)| l::Location {
            name: writer.text(name),
            role: *role,
            reserved: 0,
            reserved2: 0,
            state: if *role == role::NESTED_JSON { UNKNOWN } else { NONE },
        })
        .collect();
    if records.is_empty() {
        Span { at: 0, len: 0 }
    } else {
        writer.extend(section::LOCATIONS, &records)
    }
}

/// Writes the nodes breadth first, so that the edges of each node are adjacent.
fn trie(writer: &mut Writer, root: Tokens) {
    let mut queue = std::collections::VecDeque::from([root]);
    let mut next = 1;
    while let Some(node) = queue.pop_front() {
        let mut edges = |children: BTreeMap<String, Tokens>| {
            let records: Vec<_> = children
                .into_iter()
                .map(|(token, child)| {
                    queue.push_back(child);
                    next += 1;
                    l::TrieEdge { token: writer.text(&token), target: next - 1, reserved: 0 }
                })
                .collect();
            writer.extend(section::TRIE_EDGES, &records)
        };
        let (edges, prefixes) = (edges(node.edges), edges(node.prefixes));
        writer.push(
            section::TRIE_NODES,
            &l::TrieNode { edges, prefixes, pattern: node.pattern.unwrap_or(NONE), reserved: 0 },
        );
    }
}

fn routes(writer: &mut Writer, root: Routes) {
    let mut queue = std::collections::VecDeque::from([root]);
    let mut next = 1;
    while let Some(node) = queue.pop_front() {
        let mut edges = |children: Vec<(String, Routes)>| {
            let records: Vec<_> = children
                .into_iter()
                .map(|(text, child)| {
                    queue.push_back(child);
                    next += 1;
                    l::RouteEdge { text: writer.text(&text), target: next - 1, reserved: 0 }
                })
                .collect();
            if records.is_empty() {
                Span { at: 0, len: 0 }
            } else {
                writer.extend(section::ROUTE_EDGES, &records)
            }
        };
        let literal = edges(node.edges.into_iter().collect());
        let mut params: Vec<_> = node.params.into_iter().collect();
        params.sort_by_key(|(suffix, _)| std::cmp::Reverse(suffix.len()));
        let params = edges(params);
        let tail = match node.tail {
            Some(tail) => {
                queue.push_back(*tail);
                next += 1;
                next - 1
            }
            None => NONE,
        };
        let operations = if node.operations.is_empty() {
            Span { at: 0, len: 0 }
        } else {
            writer.extend(section::OPERATIONS, &node.operations)
        };
        writer.push(
            section::ROUTE_NODES,
            &l::RouteNode { edges: literal, params, operations, tail, reserved: 0 },
        );
    }
}

/// Returns a denied set of these patterns. 0 stands for ids in which none occurs.
pub(crate) fn closing(patterns: &[u32]) -> DeniedSet {
    let mut denied = vec![0; 1];
    for pattern in patterns {
        denied[*pattern as usize / 64] |= 1 << (pattern % 64);
    }
    DeniedSet { denied, shadow: vec![0] }
}

/// A request of a test.
#[derive(Clone, Copy, Default)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

pub(crate) fn get(url: &str) -> Asked<'_> {
    Asked { method: "GET", url, ..Asked::default() }
}

pub(crate) fn post<'a>(url: &'a str, json: &'a str) -> Asked<'a> {
    Asked {
        method: "POST",
        url,
        headers: &[("content-type", "application/json")],
        body: json.as_bytes(),
    }
}

impl<'a> Asked<'a> {
    pub(crate) fn with(self, headers: &'a [(&'a str, &'a str)]) -> Self {
        Self { headers, ..self }
    }

    pub(crate) fn by(self, method: &'a str) -> Self {
        Self { method, ..self }
    }

    /// Decides the request, with the body in pieces of this size.
    fn decide_in(self, bundle: &OwnedBundle, denied_set: &DeniedSet, size: usize) -> Outcome {
        let bundle = bundle.view();
        let route = route(bundle, self.method, self.url);
        let head = Head { method: self.method, url: self.url, headers: self.headers };
        let mut reader =
            RequestReader::new(bundle, &route, &head, denied_set, crate::request::batch::open);
        if reader.wants_body() {
            for piece in self.body.chunks(size) {
                reader.feed(bundle, piece);
                if reader.settled() {
                    break;
                }
            }
        }
        reader.finish(bundle, denied_set)
    }

    /// Decides the request, and asserts that the outcome does not depend on the pieces of the body.
    pub(crate) fn decide(self, bundle: &OwnedBundle, denied_set: &DeniedSet) -> Outcome {
        let whole = self.decide_in(bundle, denied_set, usize::MAX);
        for size in [1, 2, 7] {
            let cut = self.decide_in(bundle, denied_set, size);
            assert_eq!(format!("{cut:?}"), format!("{whole:?}"), "in pieces of {size}");
        }
        whole
    }
}
