//! Reads one request, head first, then the body as it comes, until its verdict is settled; after an upgrade, one client message after the
//! other.
//!
//! ```text
//! new      path, query, headers                 -> findings
//! feed     first byte: which readers            -> trouble, or readers
//!          each chunk: every reader             -> findings
//! finish   readers end, policy and findings meet -> Outcome
//! message  another begins, under the denied set as it is by then; feed and finish as above
//! ```
//!
//! Input: the [`Route`], the head, the denied set, chunks of any size. Output: an [`Outcome`]. It holds what the readers hold, which
//! is bounded, and never the body.
//!
//! It is settled by the first denied mention or the first thing that cannot be read, and reads no further. The outcome does
//! not depend on where the chunks end: where a body has several readers, each has findings of its own, and they meet at fixed places of the body.
//!
//! A message is JSON where an operation of the route names models in its messages. On any other socket it is read as JSON if it begins like
//! it, by the rules for unknown bodies; a binary one that then turns out to be none is media. What was mentioned on a connection counts to its end.

use alloc::vec::Vec;

use super::body::Body;
use super::body::form::Form;
use super::body::multipart::Multipart;
use super::body::part::OpenPart;
use super::query;
use super::route::Route;
use crate::bundle::layout as l;
use crate::bundle::layout::{NONE, flags, operation, role, section};
use crate::bundle::view::Bundle;
use crate::denied::DeniedSet;
use crate::http::content_type;
use crate::http::content_type::{BodyKind, Content};
use crate::http::head;
use crate::http::head::Head;
use crate::http::target::Target;
use crate::limits;
use crate::mention::alias::Scope;
use crate::mention::findings::Findings;
use crate::mention::header;
use crate::mention::json::Json;
use crate::mention::json_lines::JsonLines;
use crate::mention::messages::OriginMessages;
use crate::reason::Reason;
use crate::verdict;
use crate::verdict::Outcome;

/// One request being read.
pub struct RequestReader {
    findings: Findings,
    facts: verdict::Request,
    /// The denied set, as it was when the request came.
    denied: Vec<u64>,
    /// Start states of the body.
    states: Vec<u32>,
    /// What each operation of the route says of its answers: its flags, and the start state.
    answers: Vec<(u32, u32)>,
    /// An operation of the route names models in its body.
    wanted: bool,
    /// It may be one of which nobody knows what it takes.
    unknown_body: bool,
    content: Content,
    /// The body must reach the origin as it came.
    signed: bool,
    /// What is fed is what the codings left.
    decoded: bool,
    /// One for each way in which the body may be read; all count.
    slots: Vec<Slot>,
    /// Bytes that they read since they met.
    merged: usize,
    stage: BodyStage,
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
    origin_messages: Option<OriginMessages>,
    proven: bool,
    /// A client message is being read; before it an id was mentioned that nobody knows, or none was.
    before: Option<bool>,
    open_part: Option<OpenPart>,
}

/// How far the body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyStage {
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

impl RequestReader {
    /// Reads path, query and headers. What is wrong with them is kept for the verdict.
    #[must_use]
    pub(crate) fn new(
        bundle: Bundle<'_>,
        route: &Route,
        head: &Head<'_>,
        denied_set: &DeniedSet,
        open_part: OpenPart,
    ) -> Self {
        Self::within(bundle, route, head, denied_set, Err(open_part))
    }

    /// The same of a request inside another, of which this is what was found.
    pub(crate) fn inside(
        bundle: Bundle<'_>,
        route: &Route,
        head: &Head<'_>,
        denied_set: &DeniedSet,
        around: &Findings,
    ) -> Self {
        Self::within(bundle, route, head, denied_set, Ok(around))
    }

    fn within(
        bundle: Bundle<'_>,
        route: &Route,
        head: &Head<'_>,
        denied_set: &DeniedSet,
        around: Result<&Findings, OpenPart>,
    ) -> Self {
        if route.lacks_method(head.headers) {
            let mut overridden = Route::default();
            overridden.read(bundle, head);
            return Self::read(bundle, &overridden, head, denied_set, around);
        }
        Self::read(bundle, route, head, denied_set, around)
    }

    /// Whether the body, if there is one, must be read. If not, the verdict is settled.
    #[must_use]
    pub fn wants_body(&self) -> bool {
        !self.settled() && (!self.facts.has(operation::QUIET) || self.facts.preflight)
    }

    /// Begins the next client message on the WebSocket that the request opens; `denied_set` is what the caller may not use by now. The request must
    /// have passed. Without any `feed`, what was read so far is held against that denied set.
    pub fn message(&mut self, bundle: Bundle<'_>, denied_set: &DeniedSet, binary: bool) {
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
        self.facts.everything = denied_set.is_everything(bundle);
        self.facts.body = false;
        self.facts.trouble = None;
        self.denied.clone_from(&denied_set.denied);
        self.facts.named |= self.findings.next(&denied_set.denied);
        self.before = Some(self.findings.replace_unlisted(false) || self.before == Some(true));
        self.media = binary && !self.wanted;
        self.left = limits::MESSAGE_BYTES;
        self.slots.clear();
        self.merged = 0;
        self.stage = BodyStage::Sniffing;
    }

    /// The connection cannot go on, for this reason, unless it is denied for another.
    pub fn stop(&mut self, reason: Reason) {
        self.facts.trouble = Some(reason);
    }

    /// Reads on in a message of the origin's.
    pub fn feed_origin(&mut self, bundle: Bundle<'_>, bytes: &[u8]) {
        if self.origin_messages.is_none() {
            self.origin_messages =
                Some(OriginMessages::new(bundle, self.answers(operation::ANSWER_NAMES)));
        }
        if let Some(origin_messages) = &mut self.origin_messages {
            origin_messages.feed(bundle, bytes);
        }
    }

    /// That message has ended, if there was one: whether what the origin says may go to the client, unless the connection is now
    /// [settled](Self::settled). It may as long as nothing was asked for, and once an allowed model is known to run: the client has named it, and
    /// nothing that leads elsewhere, or the origin has.
    pub fn may_release(&mut self, bundle: Bundle<'_>) -> bool {
        let may_unlisted = bundle.flags() & flags::UNLISTED == 1;
        let known = |findings: &Findings| findings.known() || may_unlisted && findings.unlisted();
        if let Some(origin_messages) = &mut self.origin_messages {
            let said = origin_messages.end(bundle);
            if said.mentioned() {
                self.proven |= known(&said);
                self.findings.absorb(&said);
            }
        }
        let asked = self.asked || self.facts.body;
        let late = self.late || self.open_ended() || self.facts.has(operation::LATE_BOUND);
        self.proven
            || !late
                && (!asked || known(&self.findings) && (may_unlisted || !self.findings.unlisted()))
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
        self.content.kind == BodyKind::Multipart
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
    pub fn finish(&mut self, bundle: Bundle<'_>, denied_set: &DeniedSet) -> Outcome {
        self.close(bundle);
        if let Some(before) = self.before.take() {
            // It may be another request: what the origin has named so far is no proof of that.
            self.proven &= !self.findings.reopens();
            let unlisted = before || self.findings.unlisted();
            self.findings.replace_unlisted(unlisted);
        }
        verdict::decide(bundle, &self.facts, &self.findings, denied_set)
    }

    /// The same for a request inside another: the verdict alone, and what was found goes to the one around it.
    pub(crate) fn end(
        &mut self,
        bundle: Bundle<'_>,
        denied_set: &DeniedSet,
        around: &mut Findings,
    ) -> (verdict::VerdictKind, Reason) {
        self.close(bundle);
        around.absorb(&self.findings);
        verdict::judge(bundle, &self.facts, &self.findings, denied_set)
    }

    fn close(&mut self, bundle: Bundle<'_>) {
        if !self.settled() {
            for Slot { body, failed, findings } in &mut self.slots {
                if failed.is_none() {
                    *failed =
                        body.finish(bundle, findings.as_mut().unwrap_or(&mut self.findings)).err();
                }
            }
            self.facts.trouble = self.trouble();
        }
        self.merge();
        self.findings.close();
    }

    /// What the readers of the body found comes together, in their order, up to the first that found something denied.
    fn merge(&mut self) {
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

    fn read(
        bundle: Bundle<'_>,
        route: &Route,
        head: &Head<'_>,
        denied_set: &DeniedSet,
        around: Result<&Findings, OpenPart>,
    ) -> Self {
        let mut facts = verdict::Request {
            guarded: route.guarded,
            everything: denied_set.is_everything(bundle),
            flags: route.flags,
            unsure: route.unsure,
            upgrade: is_upgrade(head),
            preflight: is_preflight(route, head),
            body: false,
            trouble: route.trouble,
            error_format: error_format(bundle, route, head),
            message: false,
            named: false,
            deletes: head.method.eq_ignore_ascii_case("delete"),
        };
        let (around, open_part) = (around.ok(), around.err());
        let mut findings =
            Findings::new(bundle).resolving(Scope::of(bundle, &route.readings, head), around);
        if route.guarded && !denied_set.is_empty() {
            let mut note =
                |result: Result<(), Reason>| facts.trouble = facts.trouble.or(result.err());
            for (role, text) in route.mentions() {
                note(findings.text(bundle, role, text, crate::mention::findings::Carrier::Path));
            }
            note(query::read(bundle, Target::of(head.url).query, route, &mut findings));
            note(query::read(bundle, &route.hidden_query, route, &mut findings));
            note(header::read(bundle, head.headers, &mut findings));
            findings.watch(&denied_set.denied);
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
            denied: denied_set.denied.clone(),
            states: known(bundle, &route.bodies),
            answers,
            wanted: route.bodies.iter().any(|state| *state != NONE),
            unknown_body: route.bodies.contains(&NONE),
            content: Content::of(head.headers),
            signed: content_type::is_signed(head.headers, Target::of(head.url).query),
            decoded: false,
            slots: Vec::new(),
            merged: 0,
            stage: BodyStage::Awaited,
            messages,
            media,
            left: usize::MAX,
            asked: false,
            late: false,
            origin_messages: None,
            proven: false,
            before: None,
            open_part,
        }
    }

    fn chunk(&mut self, bundle: Bundle<'_>, mut bytes: &[u8]) {
        if self.stage == BodyStage::Awaited {
            self.begin(bundle);
        }
        if self.stage == BodyStage::Sniffing {
            let Some(at) = bytes.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n'))
            else {
                return;
            };
            bytes = bytes.get(at..).unwrap_or_default();
            self.sniff(bundle, bytes.first().copied());
        }
        while !bytes.is_empty() && !self.settled() {
            // INVARIANT: readers meet where the body says, and not where a chunk ends; one alone has nobody to meet.
            let piece =
                if self.slots.len() > 1 { limits::MERGE_BYTES - self.merged } else { bytes.len() };
            let (piece, rest) = bytes.split_at_checked(piece).unwrap_or((bytes, &[]));
            bytes = rest;
            self.merged = (self.merged + piece.len()) % limits::MERGE_BYTES;
            self.read_on(bundle, piece);
        }
    }

    fn read_on(&mut self, bundle: Bundle<'_>, bytes: &[u8]) {
        for Slot { body, failed, findings } in &mut self.slots {
            if failed.is_none() {
                *failed =
                    body.feed(bundle, bytes, findings.as_mut().unwrap_or(&mut self.findings)).err();
            }
        }
        if self.merged == 0
            && self.slots.iter().any(|slot| slot.findings.as_ref().is_some_and(Findings::ended))
        {
            self.merge();
        }
        // INVARIANT: one reader that is stopped does not stop the others, for which of them is first depends on the chunks.
        if !self.slots.is_empty() && self.slots.iter().all(|slot| slot.failed.is_some()) {
            self.facts.trouble = self.trouble();
        }
    }

    /// What stopped a reader.
    fn trouble(&self) -> Option<Reason> {
        let passes = if self.facts.message { is_no_json } else { Reason::is_no_text };
        self.slots
            .iter()
            .filter_map(|slot| slot.failed)
            .find(|reason| !self.media || !passes(*reason))
    }

    /// Chooses the readers by what the headers claim.
    fn begin(&mut self, bundle: Bundle<'_>) {
        self.stage = BodyStage::Reading;
        // A coded body that goes on as it came is JSON to nobody but who decodes it. As a form or as multipart it could be something else too.
        let coded = !self.content.codings.is_empty();
        if coded && (!self.decoded || self.signed && self.content.kind != BodyKind::Json) {
            self.facts.trouble = Some(Reason::ContentCoding);
            return;
        }
        if self.content.trouble.is_some() {
            self.facts.trouble = self.content.trouble;
            return;
        }
        match self.content.kind {
            BodyKind::Json | BodyKind::Lines | BodyKind::Multipart => {
                self.media = false;
                self.open(bundle, self.content.kind);
            }
            BodyKind::Form | BodyKind::Sdp | BodyKind::Other => self.stage = BodyStage::Sniffing,
        }
    }

    /// Chooses the readers by the first byte that is not white space.
    fn sniff(&mut self, bundle: Bundle<'_>, first: Option<u8>) {
        self.stage = BodyStage::Reading;
        let is_document = matches!(first, Some(b'{' | b'['));
        if is_document && !self.facts.message {
            // Where nobody knows what is taken, only what claims to be JSON must be it: it is left to the origin in any case.
            self.media = self.facts.unsure && !self.wanted;
        } else if self.media && !self.facts.message {
            // So that what is JSON to a server that passes over a byte order mark is seen.
            self.open(bundle, BodyKind::Json);
        }
        let is_text = first.is_some_and(|byte| byte.is_ascii_graphic());
        if self.content.kind == BodyKind::Form && !is_text && !self.media {
            // A byte order mark or a control character: no form begins so, and what does may be JSON to a server that passes over it.
            self.facts.trouble = Some(Reason::FormSyntax);
            return;
        }
        if is_document || self.facts.message && self.wanted {
            self.open(bundle, BodyKind::Json);
        }
        match self.content.kind {
            // What curl sends as a form without being asked is JSON to most servers and a form to the others: it is read as both.
            BodyKind::Form if is_text => self.open(bundle, BodyKind::Form),
            _ if !self.slots.is_empty() => {}
            BodyKind::Sdp => self.findings.present(role::BINDS),
            // Where it may also be something that nobody knows, it need not be what the known one takes.
            _ if self.wanted && self.unknown_body => self.findings.present(role::SUSPECT),
            _ if self.wanted => self.facts.trouble = Some(Reason::ContentType),
            _ => {}
        }
    }

    /// Adds a reader of this kind for each start state.
    fn open(&mut self, bundle: Bundle<'_>, kind: BodyKind) {
        for &state in &self.states {
            let body = match kind {
                BodyKind::Lines => Body::Lines(JsonLines::new(state)),
                BodyKind::Form => Body::Form(Form::new(state)),
                BodyKind::Multipart => {
                    match Multipart::new(state, &self.content.line, self.open_part) {
                        Ok(multipart) => Body::Multipart(multipart),
                        Err(reason) => {
                            self.facts.trouble = Some(reason);
                            return;
                        }
                    }
                }
                BodyKind::Json | BodyKind::Sdp | BodyKind::Other => Body::Json(Json::new(state)),
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

/// It asks for a connection whose messages nobody has seen yet: by `GET` with `websocket` alone in `Upgrade`, which is what runtimes open a
/// socket for, or by `CONNECT`. With anything else in that header it is an ordinary request, and whoever sends it on takes the header out.
///
/// INVARIANT: the one rule for this. Whoever relays sockets asks it too, or a request could be a socket on one side alone.
pub(crate) fn is_upgrade(head: &Head<'_>) -> bool {
    let mut lines = head::lines(head.headers, "upgrade");
    let named = lines.next().is_some_and(|line| line.eq_ignore_ascii_case("websocket"))
        && lines.next().is_none();
    named && head.method.eq_ignore_ascii_case("get") || head.method.eq_ignore_ascii_case("connect")
}

/// `OPTIONS` with `Origin` and `Access-Control-Request-Method`, and no other method asked for. That no body comes is seen later.
fn is_preflight(route: &Route, head: &Head<'_>) -> bool {
    let has = |name: &'static str| head::lines(head.headers, name).next().is_some();
    head.method.eq_ignore_ascii_case("options")
        && route.is_foreign()
        && has("origin")
        && has("access-control-request-method")
}

/// How a refusal is worded: as the operation does; of several, one of the dialect that a header speaks for, else the first.
fn error_format(bundle: Bundle<'_>, route: &Route, head: &Head<'_>) -> u8 {
    let dialects = bundle.table::<l::Dialect>(section::DIALECTS);
    let operations = bundle.table::<l::Operation>(section::OPERATIONS);
    let locations = bundle.table::<l::Location>(section::LOCATIONS);
    let mut first = None;
    for reading in &route.readings {
        let Some(dialect) = dialects.get(u32::from(reading.dialect)) else { continue };
        let error_format = operations
            .get(reading.operation)
            .map_or(dialect.error_format, |operation| operation.error_format);
        first = first.or(Some(error_format));
        for location in locations.span(dialect.hints).iter() {
            if head.headers.iter().any(|(name, _)| head::is(name, bundle.text(location.name))) {
                return error_format;
            }
        }
    }
    first.or(dialects.get(0).map(|dialect| dialect.error_format)).unwrap_or_default()
}

#[cfg(all(test, feature = "author"))]
mod tests;
