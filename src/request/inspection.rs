//! Reads one request, head first, then the body as it comes, until its verdict is settled; after an upgrade, one client message after the
//! other.
//!
//! ```text
//! new      path, query, headers                 -> findings
//! feed     first byte: which readers            -> trouble, or readers
//!          each chunk: every reader             -> findings
//! finish   readers end, policy and findings meet -> Outcome
//! message  another begins, under the reach as it is by then; feed and finish as above
//! ```
//!
//! Input: the [`Route`], the head, the reach, chunks of any size. Output: an [`Outcome`]. It holds what the readers hold, which
//! is bounded, and never the body.
//!
//! It is settled by the first denied mention or the first thing that cannot be read, and reads no further. The outcome does
//! not depend on where the chunks end: where a body has several readers, each has findings of its own, and they meet at fixed places of the body.
//!
//! A message is JSON where an operation of the route names models in its messages. On any other socket it is read as JSON if it begins like
//! it, by the rules for unknown bodies; a binary one that then turns out to be none is media. What was mentioned on a connection counts to its end.

use alloc::vec::Vec;

use super::body::form::Form;
use super::body::multipart::Multipart;
use super::query;
use super::route::{Head, Route};
use crate::bundle::layout::{self as l, NONE, flags, operation, role, section};
use crate::bundle::view::Bundle;
use crate::denied::Reach;
use crate::http::content_type::{self, Content, Kind};
use crate::http::target::Target;
use crate::limits;
use crate::mention::findings::Findings;
use crate::mention::header;
use crate::mention::json::Json;
use crate::mention::json_lines::Lines;
use crate::mention::messages::Hearing;
use crate::reason::Reason;
use crate::verdict::{self, Outcome};

/// One request being read.
pub struct Reader {
    findings: Findings,
    facts: verdict::Request,
    /// The reach, as it was when the request came.
    denied: Vec<u64>,
    /// Start states of the body.
    states: Vec<u32>,
    /// What each operation of the route says of its answers: its flags, and the start state.
    answers: Vec<(u32, u32)>,
    /// An operation of the route names models in its body.
    wanted: bool,
    /// It may be one of which nobody knows what it takes.
    vague: bool,
    content: Content,
    /// The body must reach the origin as it came.
    signed: bool,
    /// What is fed is what the codings left.
    decoded: bool,
    /// One for each way in which the body may be read; all count.
    slots: Vec<Slot>,
    /// Bytes that they read since they met.
    met: usize,
    stage: Stage,
    /// Start states of a client message.
    messages: Vec<u32>,
    /// A message that need not be JSON, although it may begin like it; or a body that may be media, and then begins like none.
    media: bool,
    /// Bytes that the message may still have.
    left: usize,
    /// The client has sent a message, and what runs was left to something stored.
    asked: bool,
    late: bool,
    /// What the origin says, and whether it has named a model that may be used.
    hearing: Option<Hearing>,
    proven: bool,
    /// A client message is being read; before it an id was mentioned that nobody knows, or none was.
    before: Option<bool>,
}

/// How far the body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing of it came.
    Awaited,
    /// White space came; the next byte tells what it is.
    Sniffing,
    /// The readers read it; without any, nothing in it can tell more.
    Reading,
}

/// A reader of the body, and what stopped it.
struct Slot {
    body: Body,
    failed: Option<Reason>,
    /// What it found, until it meets what others found; the first one's goes to the findings of the request at once.
    findings: Option<Findings>,
}

/// What a body may be read as.
enum Body {
    Json(Json),
    Lines(Lines),
    Form(Form),
    Multipart(Multipart),
}

impl Reader {
    /// Reads path, query and headers. What is wrong with them is kept for the verdict.
    #[must_use]
    pub fn new(bundle: Bundle<'_>, route: &Route, head: &Head<'_>, reach: &Reach) -> Self {
        Self::within(bundle, route, head, reach, None)
    }

    /// The same of a request inside another, of which this is what was found.
    pub(crate) fn inside(bundle: Bundle<'_>, route: &Route, head: &Head<'_>, reach: &Reach, around: &Findings) -> Self {
        Self::within(bundle, route, head, reach, Some(around))
    }

    fn within(bundle: Bundle<'_>, route: &Route, head: &Head<'_>, reach: &Reach, around: Option<&Findings>) -> Self {
        if route.lacks_method(head.headers) {
            let mut overridden = Route::default();
            overridden.read(bundle, head);
            return Self::read(bundle, &overridden, head, reach, around);
        }
        Self::read(bundle, route, head, reach, around)
    }

    /// Whether the body, if there is one, must be read. If not, the verdict is settled.
    #[must_use]
    pub fn wants_body(&self) -> bool {
        !self.settled() && (!self.facts.has(operation::QUIET) || self.facts.preflight)
    }

    /// Begins the next client message on the WebSocket that the request opens; `reach` is what the caller may not use by now. The request must
    /// have passed. Without any `feed`, what was read so far is held against that reach.
    pub fn message(&mut self, bundle: Bundle<'_>, reach: &Reach, binary: bool) {
        if !self.facts.message {
            self.facts.message = true;
            self.facts.upgrade = true;
            self.facts.preflight = false;
            self.facts.body = false;
            self.facts.flags &= !operation::QUIET;
            self.content = Content::NONE;
            self.wanted = self.messages.iter().all(|state| *state != NONE);
            self.states = known(bundle, &self.messages);
        }
        self.asked |= self.facts.body;
        self.late |= self.open_ended();
        self.facts.everything = reach.is_everything(bundle);
        self.facts.body = false;
        self.facts.trouble = None;
        self.denied.clone_from(&reach.denied);
        self.facts.named |= self.findings.next(&reach.denied);
        self.before = Some(self.findings.replace_unlisted(false) || self.before == Some(true));
        self.media = binary && !self.wanted;
        self.left = limits::MESSAGE_BYTES;
        self.slots.clear();
        self.met = 0;
        self.stage = Stage::Sniffing;
    }

    /// The connection cannot go on, for this reason, unless it is denied for another.
    pub fn stop(&mut self, reason: Reason) {
        self.facts.trouble = Some(reason);
    }

    /// Reads on in a message of the origin's.
    pub fn hear(&mut self, bundle: Bundle<'_>, bytes: &[u8]) {
        if self.hearing.is_none() {
            self.hearing = Some(Hearing::new(bundle, self.answers(operation::ANSWER_NAMES)));
        }
        if let Some(hearing) = &mut self.hearing {
            hearing.feed(bundle, bytes);
        }
    }

    /// That message has ended, if there was one: whether what the origin says may go to the client, unless the connection is now
    /// [settled](Self::settled). It may as long as nothing was asked for, and once an allowed model is known to run: the client has named it, and
    /// nothing that leads elsewhere, or the origin has.
    pub fn heard(&mut self, bundle: Bundle<'_>) -> bool {
        let may_unlisted = bundle.flags() & flags::UNLISTED == 1;
        let known = |findings: &Findings| findings.known() || may_unlisted && findings.unlisted();
        if let Some(hearing) = &mut self.hearing {
            let said = hearing.end(bundle);
            if said.mentioned() {
                self.proven |= known(&said);
                self.findings.absorb(&said);
            }
        }
        let asked = self.asked || self.facts.body;
        let late = self.late || self.open_ended() || self.facts.has(operation::LATE_BOUND);
        self.proven || !late && (!asked || known(&self.findings) && (may_unlisted || !self.findings.unlisted()))
    }

    /// What was read of this message leaves it to the origin what runs, whatever model it names.
    fn open_ended(&self) -> bool {
        self.findings.binds() || self.findings.suspect()
    }

    /// Reads on in the body, or in the message. Empty chunks are no body.
    pub fn feed(&mut self, bundle: Bundle<'_>, bytes: &[u8]) {
        if bytes.is_empty() || self.settled() && !self.facts.preflight {
            return;
        }
        self.facts.body = true;
        self.facts.preflight = false;
        if self.settled() || self.facts.has(operation::QUIET) {
            return;
        }
        let fits = bytes.len().min(self.left);
        self.left -= fits;
        self.chunk(bundle, bytes.get(..fits).unwrap_or_default());
        if fits < bytes.len() && !self.settled() {
            self.facts.trouble = Some(Reason::BodyTooLarge);
        }
    }

    /// The codings that lie over the body, with commas between; empty if there are none. A body under codings is refused unless they
    /// are undone before.
    #[must_use]
    pub fn codings(&self) -> &str {
        &self.content.codings
    }

    /// The body says that it has parts.
    pub(crate) fn is_multipart(&self) -> bool {
        self.content.kind == Kind::Multipart
    }

    /// Whether headers or query hold a digest or a signature of the body, so that it must reach the origin as it came.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.signed
    }

    /// The codings are undone: what will be fed is what they leave.
    pub fn decoded(&mut self) {
        self.decoded = true;
    }

    /// A body came, and it cannot be read further.
    pub fn unreadable(&mut self, reason: Reason) {
        self.facts.body = true;
        self.facts.preflight = false;
        if !self.settled() {
            self.facts.trouble = Some(reason);
        }
    }

    /// A verdict that no later byte can change for the better.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.facts.settled(&self.findings, &self.denied)
    }

    /// The body has ended, or the verdict is settled.
    pub fn finish(&mut self, bundle: Bundle<'_>, reach: &Reach) -> Outcome {
        self.close(bundle);
        if let Some(before) = self.before.take() {
            // It may be another request: what the origin has named so far is no proof of that.
            self.proven &= !self.findings.reopens();
            let unlisted = before || self.findings.unlisted();
            self.findings.replace_unlisted(unlisted);
        }
        verdict::decide(bundle, &self.facts, &self.findings, reach)
    }

    /// The same for a request inside another: the verdict alone, and what was found goes to the one around it.
    pub(crate) fn end(&mut self, bundle: Bundle<'_>, reach: &Reach, around: &mut Findings) -> (verdict::Kind, Reason) {
        self.close(bundle);
        around.absorb(&self.findings);
        verdict::judge(bundle, &self.facts, &self.findings, reach)
    }

    fn close(&mut self, bundle: Bundle<'_>) {
        if !self.settled() {
            for Slot { body, failed, findings } in &mut self.slots {
                if failed.is_none() {
                    *failed = body.finish(bundle, findings.as_mut().unwrap_or(&mut self.findings)).err();
                }
            }
            self.facts.trouble = self.trouble();
        }
        self.meet();
        self.findings.close();
    }

    /// What the readers of the body found comes together, in their order, up to the first that found something denied.
    fn meet(&mut self) {
        for slot in &self.slots {
            if let Some(findings) = &slot.findings {
                self.findings.absorb(findings);
            }
        }
    }

    /// Start states of the answer for operations with this flag.
    pub(crate) fn answers(&self, flag: u32) -> Vec<u32> {
        let mut states = Vec::new();
        for &(flags, state) in &self.answers {
            if flags & flag != 0 && state != NONE && !states.contains(&state) {
                states.push(state);
            }
        }
        states
    }

    /// The first mentions, with where they stood.
    #[cfg(feature = "author")]
    pub(crate) fn mentions(&self) -> &[crate::mention::findings::Mention] {
        self.findings.kept()
    }

    /// Empty findings that resolve names as those of this request.
    pub(crate) fn apart(&self, bundle: Bundle<'_>) -> Findings {
        self.findings.apart(bundle)
    }

    /// Whether one of these patterns occurs in a mention, or in what it resolves to.
    #[cfg(feature = "author")]
    pub(crate) fn holds(&self, bundle: Bundle<'_>, mention: &str, patterns: &[u64]) -> bool {
        self.findings.holds(bundle, mention, patterns)
    }

    fn read(bundle: Bundle<'_>, route: &Route, head: &Head<'_>, reach: &Reach, around: Option<&Findings>) -> Self {
        let mut facts = verdict::Request {
            guarded: route.guarded,
            everything: reach.is_everything(bundle),
            flags: route.flags,
            unsure: route.unsure,
            upgrade: is_upgrade(head),
            preflight: is_preflight(route, head),
            body: false,
            trouble: route.trouble,
            flavour: flavour(bundle, route, head),
            message: false,
            named: false,
            deletes: head.method.eq_ignore_ascii_case("delete"),
        };
        let mut findings = Findings::new(bundle).resolving(bundle, route, head, around);
        if route.guarded && !reach.is_empty() {
            let mut note = |result: Result<(), Reason>| facts.trouble = facts.trouble.or(result.err());
            for (role, text) in route.mentions() {
                note(findings.text(bundle, role, text, crate::mention::findings::Carrier::Path));
            }
            note(query::read(bundle, Target::of(head.url).query, route, &mut findings));
            note(query::read(bundle, &route.hidden_query, route, &mut findings));
            note(header::read(bundle, head.headers, &mut findings));
            findings.watch(&reach.denied);
        }
        let mut answers = Vec::new();
        let mut media = !route.unsure;
        for known in route.operations(bundle) {
            answers.push((known.flags, known.answer_state));
            media &= known.flags & operation::MEDIA != 0;
        }
        let mut messages = route.messages.clone();
        if messages.is_empty() {
            messages.push(NONE);
        }
        Self {
            findings,
            facts,
            denied: reach.denied.clone(),
            states: known(bundle, &route.bodies),
            answers,
            wanted: route.bodies.iter().any(|state| *state != NONE),
            vague: route.bodies.contains(&NONE),
            content: Content::of(head.headers),
            signed: content_type::is_signed(head.headers, Target::of(head.url).query),
            decoded: false,
            slots: Vec::new(),
            met: 0,
            stage: Stage::Awaited,
            messages,
            media,
            left: usize::MAX,
            asked: false,
            late: false,
            hearing: None,
            proven: false,
            before: None,
        }
    }

    fn chunk(&mut self, bundle: Bundle<'_>, mut bytes: &[u8]) {
        if self.stage == Stage::Awaited {
            self.begin(bundle);
        }
        if self.stage == Stage::Sniffing {
            let Some(at) = bytes.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n')) else { return };
            bytes = bytes.get(at..).unwrap_or_default();
            self.sniff(bundle, bytes.first().copied());
        }
        while !bytes.is_empty() && !self.settled() {
            // INVARIANT: readers meet where the body says, and not where a chunk ends; one alone has nobody to meet.
            let piece = if self.slots.len() > 1 { limits::MEETING_BYTES - self.met } else { bytes.len() };
            let (piece, rest) = bytes.split_at_checked(piece).unwrap_or((bytes, &[]));
            bytes = rest;
            self.met = (self.met + piece.len()) % limits::MEETING_BYTES;
            self.read_on(bundle, piece);
        }
    }

    fn read_on(&mut self, bundle: Bundle<'_>, bytes: &[u8]) {
        for Slot { body, failed, findings } in &mut self.slots {
            if failed.is_none() {
                *failed = body.feed(bundle, bytes, findings.as_mut().unwrap_or(&mut self.findings)).err();
            }
        }
        if self.met == 0 && self.slots.iter().any(|slot| slot.findings.as_ref().is_some_and(Findings::ended)) {
            self.meet();
        }
        // INVARIANT: one reader that is stopped does not stop the others, for which of them is first depends on the chunks.
        if !self.slots.is_empty() && self.slots.iter().all(|slot| slot.failed.is_some()) {
            self.facts.trouble = self.trouble();
        }
    }

    /// What stopped a reader.
    fn trouble(&self) -> Option<Reason> {
        let passes = if self.facts.message { is_no_json } else { Reason::is_no_text };
        self.slots.iter().filter_map(|slot| slot.failed).find(|reason| !self.media || !passes(*reason))
    }

    /// Chooses the readers by what the headers claim.
    fn begin(&mut self, bundle: Bundle<'_>) {
        self.stage = Stage::Reading;
        // A coded body that goes on as it came is JSON to nobody but who decodes it. As a form or as multipart it could be something else too.
        let coded = !self.content.codings.is_empty();
        if coded && (!self.decoded || self.signed && self.content.kind != Kind::Json) {
            self.facts.trouble = Some(Reason::ContentCoding);
            return;
        }
        if self.content.trouble.is_some() {
            self.facts.trouble = self.content.trouble;
            return;
        }
        match self.content.kind {
            Kind::Json | Kind::Lines | Kind::Multipart => {
                self.media = false;
                self.open(bundle, self.content.kind);
            }
            Kind::Form | Kind::Sdp | Kind::Other => self.stage = Stage::Sniffing,
        }
    }

    /// Chooses the readers by the first byte that is not white space.
    fn sniff(&mut self, bundle: Bundle<'_>, first: Option<u8>) {
        self.stage = Stage::Reading;
        let is_document = matches!(first, Some(b'{' | b'['));
        if is_document && !self.facts.message {
            // Where nobody knows what is taken, only what claims to be JSON must be it: it is left to the origin in any case.
            self.media = self.facts.unsure && !self.wanted;
        } else if self.media && !self.facts.message {
            // So that what is JSON to a server that passes over a byte order mark is seen.
            self.open(bundle, Kind::Json);
        }
        let is_text = first.is_some_and(|byte| byte.is_ascii_graphic());
        if self.content.kind == Kind::Form && !is_text && !self.media {
            // A byte order mark or a control character: no form begins so, and what does may be JSON to a server that passes over it.
            self.facts.trouble = Some(Reason::FormSyntax);
            return;
        }
        if is_document || self.facts.message && self.wanted {
            self.open(bundle, Kind::Json);
        }
        match self.content.kind {
            // What curl sends as a form without being asked is JSON to most servers and a form to the others: it is read as both.
            Kind::Form if is_text => self.open(bundle, Kind::Form),
            _ if !self.slots.is_empty() => {}
            Kind::Sdp => self.findings.present(role::BINDS),
            // Where it may also be something that nobody knows, it need not be what the known one takes.
            _ if self.wanted && self.vague => self.findings.present(role::SUSPECT),
            _ if self.wanted => self.facts.trouble = Some(Reason::ContentType),
            _ => {}
        }
    }

    /// Adds a reader of this kind for each start state.
    fn open(&mut self, bundle: Bundle<'_>, kind: Kind) {
        for &state in &self.states {
            let body = match kind {
                Kind::Lines => Body::Lines(Lines::new(state)),
                Kind::Form => Body::Form(Form::new(state)),
                Kind::Multipart => match Multipart::new(state, &self.content.line) {
                    Ok(multipart) => Body::Multipart(multipart),
                    Err(reason) => {
                        self.facts.trouble = Some(reason);
                        return;
                    }
                },
                Kind::Json | Kind::Sdp | Kind::Other => Body::Json(Json::new(state)),
            };
            let findings = (!self.slots.is_empty()).then(|| self.findings.beside(bundle));
            self.slots.push(Slot { body, failed: None, findings });
            match self.slots.last_mut().map(|slot| &mut slot.body) {
                Some(Body::Json(json)) => json.set_single_byte(self.content.single_byte),
                Some(Body::Lines(lines)) => lines.set_single_byte(self.content.single_byte),
                _ => {}
            }
        }
    }
}

/// The states, each once, with that of unknown bodies where none is known.
fn known(bundle: Bundle<'_>, given: &[u32]) -> Vec<u32> {
    let unknown = bundle.meta().map_or(NONE, |meta| meta.unknown_state);
    let mut states: Vec<u32> = Vec::with_capacity(given.len());
    for &state in given {
        let state = if state == NONE { unknown } else { state };
        if !states.contains(&state) {
            states.push(state);
        }
    }
    states
}

/// What shows that bytes were never meant to be JSON, other than JSON that parsers read differently.
fn is_no_json(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::ContentCoding
            | Reason::BodyTruncated
            | Reason::BodyUtf8
            | Reason::BodyBom
            | Reason::BodyUtf16
            | Reason::JsonSyntax
            | Reason::TrailingBytes
    )
}

impl Body {
    fn feed(&mut self, bundle: Bundle<'_>, bytes: &[u8], findings: &mut Findings) -> Result<(), Reason> {
        match self {
            Self::Json(json) => json.feed(bundle, bytes, findings),
            Self::Lines(lines) => lines.feed(bundle, bytes, findings),
            Self::Form(form) => form.feed(bundle, bytes, findings),
            Self::Multipart(multipart) => multipart.feed(bundle, bytes, findings),
        }
    }

    fn finish(&mut self, bundle: Bundle<'_>, findings: &mut Findings) -> Result<(), Reason> {
        match self {
            Self::Json(json) => json.finish(bundle, findings),
            Self::Lines(lines) => lines.finish(bundle, findings),
            Self::Form(form) => form.finish(bundle, findings),
            Self::Multipart(multipart) => multipart.finish(bundle, findings),
        }
    }
}

/// It asks for a connection whose messages nobody has seen yet: by `GET` with `websocket` alone in `Upgrade`, which is what runtimes open a
/// socket for, or by `CONNECT`. With anything else in that header it is an ordinary request, and whoever sends it on takes the header out.
///
/// INVARIANT: the one rule for this. Whoever relays sockets asks it too, or a request could be a socket on one side alone.
pub(crate) fn is_upgrade(head: &Head<'_>) -> bool {
    let mut lines = header::lines(head.headers, "upgrade");
    let named = lines.next().is_some_and(|line| line.eq_ignore_ascii_case("websocket")) && lines.next().is_none();
    named && head.method.eq_ignore_ascii_case("get") || head.method.eq_ignore_ascii_case("connect")
}

/// `OPTIONS` with `Origin` and `Access-Control-Request-Method`, and no other method asked for. That no body comes is seen later.
fn is_preflight(route: &Route, head: &Head<'_>) -> bool {
    let has = |name: &'static str| header::lines(head.headers, name).next().is_some();
    head.method.eq_ignore_ascii_case("options") && route.is_foreign() && has("origin") && has("access-control-request-method")
}

/// How a refusal is worded: as the operation does; of several, one of the dialect that a header speaks for, else the first.
fn flavour(bundle: Bundle<'_>, route: &Route, head: &Head<'_>) -> u8 {
    let dialects = bundle.table::<l::Dialect>(section::DIALECTS);
    let operations = bundle.table::<l::Operation>(section::OPERATIONS);
    let places = bundle.table::<l::Place>(section::PLACES);
    let mut first = None;
    for reading in &route.readings {
        let Some(dialect) = dialects.get(u32::from(reading.dialect)) else { continue };
        let flavour = operations.get(reading.operation).map_or(dialect.flavour, |operation| operation.flavour);
        first = first.or(Some(flavour));
        for place in places.span(dialect.hints).iter() {
            if head.headers.iter().any(|(name, _)| header::is(name, bundle.text(place.name))) {
                return flavour;
            }
        }
    }
    first.or(dialects.get(0).map(|dialect| dialect.flavour)).unwrap_or_default()
}

#[cfg(all(test, feature = "author"))]
#[expect(clippy::unwrap_used, reason = "tests")]
mod message;

#[cfg(all(test, feature = "author"))]
mod tests {
    use crate::bundle::layout::flavour::{ANTHROPIC, OPENAI};
    use crate::reason::Reason::{self, *};
    use crate::testing::request_bundle::{Asked, Trial, closing, get, post};
    use crate::verdict::Kind::{self, *};

    const MYTHOS: &str = r#"{"model":"mythos-5"}"#;
    const HAIKU: &str = r#"{"model":"haiku-4"}"#;

    /// Decides under a reach that closes `mythos-5`.
    fn decide(asked: Asked<'_>) -> (Kind, Reason) {
        let outcome = asked.decide(&Trial::default().bundle(), &closing(&[1]));
        (outcome.kind, outcome.reason)
    }

    #[track_caller]
    fn all(wanted: (Kind, Reason), asked: &[Asked<'_>]) {
        for asked in asked {
            assert_eq!(
                decide(*asked),
                wanted,
                "{} {} {:?} {}",
                asked.method,
                asked.url,
                asked.headers,
                String::from_utf8_lossy(asked.body)
            );
        }
    }

    const DENIED: (Kind, Reason) = (Deny, ModelRestricted);
    const PASSED: (Kind, Reason) = (Pass, Allowed);

    #[test]
    fn every_place_counts() {
        all(
            DENIED,
            &[
                post("/v1/chat/completions", MYTHOS),
                post("/v1/chat/completions?model=mythos-5", HAIKU),
                post("/v1/chat/completions", r#"{"model":"haiku-4","models":["haiku-4","mythos-5"]}"#),
                post("/v1/chat/completions", HAIKU).with(&[("x-ai-eg-model", "mythos-5")]),
                post("/v1/chat/completions", HAIKU).with(&[("X_Gateway_Model_Name", "mythos-5")]),
                post("/v1/chat/completions", HAIKU).with(&[("x-model", "haiku-4"), ("X-Model", "a, mythos-5")]),
                post("/v1/chat/completions", HAIKU).with(&[("openai-model", "mythos-5")]),
                post("/v1/chat/completions", HAIKU).with(&[("x-config", r#"{"model":"mythos-5"}"#)]),
                get("/v1/models/mythos-5"),
                get("/v1/models/anthropic/mythos-5"),
                get("/v1/models/mythos-5").by("HEAD"),
                get("/health").with(&[("X-Original-URL", "/v1/models/mythos-5")]),
                post("/v1/models/mythos-5:generate", "{}"),
                post("/deployments/mythos-5/chat", HAIKU),
            ],
        );
        all(
            PASSED,
            &[
                post("/v1/chat/completions", HAIKU),
                post("/v1/chat/completions?model=haiku-4", "{}"),
                post("/v1/chat/completions", r#"{"model":"haiku-4","messages":[{"model":"mythos-5"}],"x":"mythos-5"}"#),
                post("/v1/chat/completions", HAIKU).with(&[("x-ai-eg-model", "haiku-4"), ("x-models", "never heard of")]),
                post("/v1/chat/completions", HAIKU).with(&[
                    ("user-agent", "mythos-5"),
                    ("referer", "/?model=mythos-5"),
                    ("cookie", "model=mythos-5"),
                ]),
                get("/v1/models/haiku-4"),
                get("/v1/files/file-mythos-5"),
                get("/v1/files/models-mythos-5?x=mythos-5"),
                get("/v1/chat/completions?model=mythos-5"),
                post("/v1/models/haiku-4:generate", "{}"),
            ],
        );
    }

    #[test]
    fn a_query_is_read_as_any_server_would() {
        for query in [
            "model=mythos-5",
            "model=haiku-4&model=mythos-5",
            "model[]=mythos-5",
            "model%5B0%5D=mythos-5",
            "svg[model]=mythos-5",
            "svg.model=mythos-5",
            "%6dodel=mythos-5",
            "%256dodel=mythos-5",
            "MODEL=mythos-5",
            "mo_del=mythos-5",
            "+model=mythos-5",
            "model=mythos%2D%35",
            "model=mythos%252D5",
            "model=+mythos-5+",
            "model=mythos+5",
            "x=1;model=mythos-5",
            "x=1&model=haiku-4;model=mythos-5",
            "engine=mythos-5",
            "deployment_id=mythos-5",
            "template=%7B%22model%22%3A%22mythos-5%22%7D",
            "template=%257B%2522model%2522%253A%2522mythos-5%2522%257D",
            "model=haiku-4,mythos-5",
        ] {
            all(DENIED, &[post(&format!("/v1/chat/completions?{query}"), HAIKU)]);
        }
        all(
            (Refuse, IdNotAscii),
            &[post("/v1/chat/completions?model=%C3%AF", HAIKU), post("/v1/chat/completions?model=haiku-4%00", HAIKU)],
        );
        all((Refuse, PercentEscape), &[post("/v1/chat/completions?model=haiku%zz", HAIKU)]);
        all(
            (Defer, Unlisted),
            &[post("/v1/chat/completions?model=auto", HAIKU), post("/v1/chat/completions?deployment=haiku-4", HAIKU)],
        );
        all(
            (Defer, UnknownOperation),
            &[post("/v1/chat/completions?x=%7B%22a%22%3A%7B%22model%22%3A%22mythos-5%22%7D%7D", HAIKU)],
        );
        all(
            PASSED,
            &[post("/v1/chat/completions?x=%7Bnope", HAIKU)].map(|asked| Asked { url: "/v1/chat/completions?x=nope", ..asked }),
        );
        let many = format!("/v1/chat/completions?{}", "a&".repeat(2_000));
        all((Refuse, TooManyParameters), &[post(&many, HAIKU)]);
    }

    #[test]
    fn a_path_is_read_as_any_server_would() {
        for path in [
            "/v1//chat/completions",
            "/v1/chat%2Fcompletions",
            "/v1/chat%252Fcompletions",
            "/v1/%63hat/completions",
            "/V1/Chat/COMPLETIONS",
            "/v1/chat;x=1/completions;y",
            "/v1/chat/x/../completions",
            "/v1/chat/x/..;/completions",
            "/v1\\chat\\completions",
            "/v1/chat/completions/",
            "/v1/chat/completions#x",
            "/v1/chat/completions%3Fx",
            "/chat/completions",
            "/team-a/openai/v1/chat/completions",
            "/openai/deployments/haiku-4/chat/completions",
            "https://gate.example/v1/chat/completions",
            "//gate.example/v1/chat/completions",
        ] {
            all(DENIED, &[post(path, MYTHOS)]);
            assert!(matches!(decide(post(path, HAIKU)), PASSED | (Defer, UnknownOperation)), "{path}");
        }
        for path in [
            "/v1//chat/completions",
            "/V1/Chat/COMPLETIONS",
            "/chat/completions",
            "/team-a/v1/chat/completions",
            "/v1/chat/completions/",
        ] {
            all(PASSED, &[post(path, HAIKU)]);
        }
        for path in [
            "/v1/models/%6dythos%2D5",
            "/v1/models/haiku-4%2F..%2Fmythos-5",
            "/v1/models/haiku-4/..%5cmythos-5",
            "/v1/models;x/mythos-5",
            "/v1/models\\mythos-5",
            "/v1/Models/mythos-5",
            "/v1/chat%3Fmodel=mythos-5",
            "/v1/models/%zz-mythos-5/x",
            "/v9/models/mythos-5:what",
            "/publishers/p/models/mythos/5:what",
            "/openai/deployments/mythos-5/what",
            "/openai/deployment/mythos-5/what",
            "/x/engines/mythos-5",
        ] {
            all(DENIED, &[get(path)]);
        }
        all((Refuse, PercentEscape), &[get("/v1/models/%zz"), get("/health/%zz")]);
        all((Refuse, TargetTooLong), &[get(&"/a".repeat(65)), get(&format!("/{}", "a".repeat(17_000)))]);
    }

    #[test]
    fn methods_are_read_as_any_server_would() {
        let url = "/v1/chat/completions";
        for method in ["post", "PUT", "QUERY", "PATCH", "OPTIONS", "GET", "DELETE"] {
            all(DENIED, &[post(url, MYTHOS).by(method)]);
        }
        all(PASSED, &[post(url, HAIKU).by("post"), get(url), get(url).by("HEAD")]);
        all((Defer, UnknownOperation), &[post(url, HAIKU).by("PUT")]);
        all(
            DENIED,
            &[
                get("/v1/chat/completions?_method=POST&model=mythos-5"),
                get("/v1/chat/completions?model=mythos-5").with(&[("x-http-method-override", "post")]),
            ],
        );
        all((Defer, Unlisted), &[get("/v1/chat/completions?_method=POST"), get(url).with(&[("X-HTTP-Method", "POST")])]);
        let preflight: &[_] = &[("origin", "https://a.example"), ("access-control-request-method", "POST")];
        all(
            (Pass, Preflight),
            &[get("/v1/models/mythos-5").by("OPTIONS").with(preflight), get(url).by("OPTIONS").with(preflight)],
        );
        all(
            DENIED,
            &[post(url, MYTHOS).by("OPTIONS").with(preflight), get("/v1/models/mythos-5").by("OPTIONS").with(&[("origin", "x")])],
        );
        let overridden: &[_] = &[("origin", "x"), ("access-control-request-method", "POST"), ("x-method-override", "POST")];
        all(DENIED, &[get("/v1/chat/completions?model=mythos-5").by("OPTIONS").with(overridden)]);
    }

    #[test]
    fn what_runs_is_not_guessed_at() {
        all(
            (Defer, Unlisted),
            &[
                post("/v1/chat/completions", r#"{"model":"auto"}"#),
                post("/v1/chat/completions", "{}"),
                post("/v1/chat/completions", ""),
                post("/deployments/haiku-4/chat", "{}"),
            ],
        );
        all(
            (Defer, LateBound),
            &[
                post("/v1/batches", "{}"),
                post("/v1/batches", ""),
                post("/v1/responses", r#"{"previous":"resp_1"}"#),
                post("/v1/threads/t/run", "{}"),
                get("/v1/responses"),
                get("/v1/realtime?model=haiku-4").with(&[("Upgrade", "WebSocket")]),
                get("/vertex/live").with(&[("upgrade", "websocket")]),
                get("/v1/realtime?model=haiku-4").by("CONNECT"),
                Asked { body: b"v=0", ..post("/v1/calls", "").with(&[("content-type", "application/sdp")]) },
                post("/v1/chat/completions", HAIKU).with(&[("x-config", "saved-config")]),
            ],
        );
        all(
            DENIED,
            &[
                get("/v1/realtime?model=mythos-5").with(&[("upgrade", "websocket")]),
                post("/v1/threads/t/run", MYTHOS),
                post("/v1/calls", MYTHOS),
            ],
        );
        all(PASSED, &[post("/v1/responses", r#"{"previous":"resp_1","model":"haiku-4"}"#), post("/v1/threads/t/run", HAIKU)]);
        all((Pass, Filtered), &[get("/v1/models"), get("/models?limit=9"), get("/v1beta/models")]);
    }

    #[test]
    fn a_socket_is_what_a_runtime_opens_one_for() {
        let socket = (Defer, LateBound);
        for url in ["/mcp", "/v1/realtime?model=haiku-4"] {
            all(
                socket,
                &[get(url).with(&[("upgrade", "websocket")]), get(url).with(&[("Upgrade", "WebSocket")]), get(url).by("CONNECT")],
            );
        }
        for upgrade in
            ["websocket,", "websocket, x", "h2c, websocket", "websocket, websocket", "websocket ", "websocket/13", "h2c", ""]
        {
            let asked: &[_] = &[("upgrade", upgrade)];
            all(PASSED, &[get("/mcp").with(asked), post("/v1/chat/completions", HAIKU).with(asked)]);
            all((Pass, Filtered), &[get("/v1/models").with(asked)]);
            all((Defer, Unlisted), &[post("/v1/chat/completions", "{}").with(asked)]);
        }
        all((Defer, Unlisted), &[post("/v1/chat/completions", "{}").with(&[("upgrade", "websocket")])]);
        all(PASSED, &[get("/mcp").with(&[("upgrade", "websocket"), ("upgrade", "websocket")])]);
    }

    #[test]
    fn an_unknown_operation_with_a_body_is_never_passed() {
        all(PASSED, &[get("/health"), get("/v1/x").by("DELETE"), get("/v1/x?model=haiku-4")]);
        all(DENIED, &[post("/mcp", MYTHOS), post("/mcp?model=mythos-5", "{}"), get("/v1/x?model=mythos-5")]);
        all(
            (Defer, UnknownOperation),
            &[
                post("/mcp", "{}"),
                post("/mcp", r#"{"a":{"model":"mythos-5"}}"#),
                Asked { body: b"\x01", ..post("/mcp", "").with(&[]) },
            ],
        );
        all((Defer, UnknownOperation), &[get("/health").with(&[("x-rewrite-url", "/v1/chat/completions")])]);
        all((Refuse, JsonSyntax), &[post("/mcp", "{")].map(|asked| Asked { body: b"{]", ..asked }));
    }

    #[test]
    fn a_claim_is_not_a_proof() {
        let chat = |content: &'static [(&'static str, &'static str)], body: &'static str| Asked {
            headers: content,
            ..post("/v1/chat/completions", body)
        };
        all(
            DENIED,
            &[
                chat(&[], MYTHOS),
                chat(&[("content-type", "text/plain")], " \n{\"model\":\"mythos-5\"}"),
                chat(&[("content-type", "application/x-www-form-urlencoded")], MYTHOS),
                chat(&[("content-type", "application/x-www-form-urlencoded")], "model=mythos-5"),
                chat(&[("content-type", "application/x-www-form-urlencoded")], r#"{"model":"haiku-4","x":"&model=mythos-5&"}"#),
                chat(&[("content-encoding", "identity")], MYTHOS),
                chat(&[("content-type", "application/x-ndjson")], "{\"model\":\"haiku-4\"}\n{\"model\":\"mythos-5\"}"),
                chat(
                    &[("content-type", "multipart/form-data; boundary=x")],
                    "--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nmythos-5\r\n--x--\r\n",
                ),
            ],
        );
        all(
            PASSED,
            &[
                chat(&[("content-type", "text/plain")], HAIKU),
                chat(&[("content-type", "application/x-www-form-urlencoded")], "model=haiku-4&prompt=mythos-5"),
            ],
        );
        all(
            (Refuse, ContentType),
            &[
                chat(&[("content-type", "application/yaml")], "model: mythos-5"),
                chat(&[("content-type", "text/plain, application/json")], MYTHOS),
                chat(&[("content-type", "application/json; charset=utf-7")], MYTHOS),
                chat(&[("content-type", "application/json"), ("Content-Type", "text/plain")], MYTHOS),
                chat(&[("content-type", "multipart/alternative; boundary=x")], "--x--"),
                chat(&[("content-type", "application/cbor")], "\u{1}emodel"),
            ],
        );
        all(
            (Refuse, ContentCoding),
            &[chat(&[("content-encoding", "gzip")], "x"), chat(&[("Content_Encoding", "identity, br")], "x")],
        );
        // Without a body there is nothing that the claim could be about.
        all((Defer, Unlisted), &[chat(&[("content-encoding", "gzip"), ("content-type", "a,b")], "")]);
    }

    #[test]
    fn a_denied_mention_weighs_more_than_what_cannot_be_read() {
        all(
            DENIED,
            &[
                post("/v1/chat/completions", r#"{"model":"mythos-5","#),
                post("/v1/chat/completions", r#"{"model":"mythos-5","model":"x"}"#),
            ],
        );
        all((Refuse, BodyTruncated), &[post("/v1/chat/completions", r#"{"model":"haiku-4","#)]);
        all((Refuse, DuplicateKey), &[post("/v1/chat/completions", r#"{"model":"haiku-4","model":"haiku-4"}"#)]);
        all((Refuse, ModelType), &[post("/v1/chat/completions", r#"{"model":5}"#)]);
        let headers = "x".repeat(140_000);
        all((Refuse, HeadersTooLarge), &[post("/v1/chat/completions", HAIKU).with(&[("x", headers.as_str())])]);
    }

    #[test]
    fn quiet_operations_are_not_read() {
        all(
            PASSED,
            &[
                post("/v1/threads", r#"{"model":"mythos-5""#),
                Asked { body: b"\0", ..post("/v1/threads", "").with(&[("content-encoding", "br")]) },
            ],
        );
        // Behind a prefix that nobody declared, or by a method that the path does not have, nothing is quiet.
        all(
            DENIED,
            &[
                post("/team/v1/threads", MYTHOS),
                Asked { method: "PUT", ..post("/v1/threads", MYTHOS) },
                post("/v1/threads?model=mythos-5", ""),
                post("/v1/threads", "").with(&[("x-model", "mythos-5")]),
            ],
        );
    }

    #[test]
    fn a_path_known_by_its_beginning_alone_says_little() {
        let known_by_its_end = post("/v1/projects/p/chat/completions", HAIKU);
        all(PASSED, &[get("/v1/projects/p/keys"), get("/v1/projects/p/models/haiku-4"), known_by_its_end]);
        all(
            DENIED,
            &[
                post("/v1/projects/p/chat/completions", MYTHOS),
                post("/v1/projects/p/infer", MYTHOS),
                post("/v1/projects/p/models/mythos-5:predict", "{}"),
                get("/v1/projects/p/models/mythos-5"),
            ],
        );
        all((Defer, UnknownOperation), &[post("/v1/projects/p/endpoints/1:predict", "{}")]);
    }

    #[test]
    fn only_what_lies_under_a_prefix_is_guarded() {
        let bundle = Trial { prefixes: ["/openai", "/a/anthropic"], ..Trial::default() }.bundle();
        let decide = |asked: Asked<'_>| {
            let outcome = asked.decide(&bundle, &closing(&[1]));
            (outcome.kind, outcome.reason, outcome.flavour)
        };
        assert_eq!(decide(post("/v1/chat/completions", MYTHOS)), (Pass, Unguarded, OPENAI));
        assert_eq!(decide(post("/openai/v1/chat/completions", MYTHOS)), (Deny, ModelRestricted, OPENAI));
        assert_eq!(decide(post("/a/anthropic/v1/messages", MYTHOS)), (Deny, ModelRestricted, ANTHROPIC));
        assert_eq!(decide(post("/x/../OpenAI/v1/chat/completions", MYTHOS)), (Deny, ModelRestricted, OPENAI));
        assert_eq!(decide(post("/openai/v1/messages", MYTHOS)), (Deny, ModelRestricted, ANTHROPIC));
        assert_eq!(decide(post("/openai/what", "{}")), (Defer, UnknownOperation, OPENAI));
        assert_eq!(decide(post("/openai/what", "{}").with(&[("anthropic-version", "1")])), (Defer, UnknownOperation, ANTHROPIC));
        assert_eq!(decide(get("/health")), (Pass, Unguarded, OPENAI));
    }

    #[test]
    fn mentions_are_listed_as_they_were_written() {
        let bundle = Trial::default().bundle();
        let mentions = |asked: Asked<'_>| asked.decide(&bundle, &closing(&[1])).mentions;
        assert_eq!(
            mentions(post("/v1/chat/completions?model=haiku%2D4", r#"{"model":"MYTHOS-5","models":["later"]}"#)),
            ["MYTHOS-5", "haiku-4"]
        );
        assert_eq!(mentions(post("/v1/chat/completions", r#"{"model":"a, b","models":["b"]}"#)), ["a", "b"]);
        assert_eq!(mentions(post("/v1/chat/completions?model=+mythos-5+", "")), ["mythos-5"]);
        assert_eq!(mentions(post("/v1/chat/completions", HAIKU).with(&[("x-model", "other")])), ["haiku-4"]);
        assert_eq!(mentions(post("/v1/chat/completions", HAIKU).with(&[("x-model", "mythos-5.tar.gz")])), ["mythos-5.tar.gz"]);
    }
}
