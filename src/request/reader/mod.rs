//! Reads one request until its verdict is settled: first the head, then the body in chunks. After a
//! WebSocket upgrade it reads the client messages one after the other.
//!
//! ```text
//! new      reads path, query, headers             -> findings
//! feed     first byte: chooses the body readers   -> readers, or the reason for a refusal
//!          each chunk: goes to every reader       -> findings
//! finish   ends the readers, applies the policy   -> Outcome
//! message  begins the next client message under the current denied set; feed and finish follow
//! ```
//!
//! Input: the [`Route`], the head, the denied set, and chunks of any size. Output: an [`Outcome`].
//! The reader holds only what the body readers hold, which is bounded. It never holds the body.
//!
//! The first denied mention settles the verdict, and so does the first thing that cannot be read.
//! Nothing is read after that. The outcome is independent of how the body is split into chunks: if
//! a body has several readers, each has findings of its own, and these are merged at fixed offsets
//! of the body.
//!
//! A message is read as JSON if an operation of the route names models in its messages. On any
//! other WebSocket it is read as JSON if it begins like JSON, by the rules for unknown bodies; a
//! binary message that then proves not to be JSON is ignored, since it may be audio or an image. A
//! mention counts until the connection ends.

pub(crate) mod kept_head;

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
use crate::verdict::{Decision, Outcome};

/// Reads one request.
pub struct RequestReader {
    findings: Findings,
    state: verdict::RequestState,
    /// The denied set at the time of the request, or of the client message being read.
    denied: Vec<u64>,
    /// Start states of the body readers.
    body_states: Vec<u32>,
    /// Flags and response start state of each operation of the route.
    response_states: Vec<(u32, u32)>,
    /// An operation of the route names models in its body.
    body_names_models: bool,
    /// At least one candidate operation is unknown, so the body format is too.
    unknown_body: bool,
    content: Content,
    /// A digest or a signature covers the body, so it is forwarded unchanged.
    signed: bool,
    /// The bytes that are fed have been decoded already.
    decoded: bool,
    /// One reader for each way in which the body may be read. The findings of all of them count.
    slots: Vec<Slot>,
    /// Bytes of the body read since the last offset at which findings may be merged.
    merged: usize,
    stage: BodyStage,
    /// Start states of a client message.
    message_states: Vec<u32>,
    /// A body or message that proves not to be JSON is ignored instead of refused. True of a binary
    /// message on a WebSocket for which no message format is known, of a body that may be media,
    /// and of a body that begins like JSON where the operation is unknown.
    ignores_non_json: bool,
    /// Bytes that the message may still have.
    left: usize,
    /// The client has sent a message before this one.
    asked_before: bool,
    /// A message before this one left it to the origin which model runs.
    late_before: bool,
    /// The reader of the origin's messages.
    origin_messages: Option<OriginMessages>,
    /// The origin has named a model that may be used.
    proven: bool,
    /// `Some` while a client message is read: whether an unlisted id was mentioned before it.
    unlisted_before: Option<bool>,
    open_part: Option<OpenPart>,
    /// The one slot has a new reader of JSON, which was left by an earlier body of the same head.
    has_reader: bool,
}

/// How far the body has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyStage {
    /// Nothing of the body has arrived.
    Awaited,
    /// Only white space has arrived. The next byte decides which readers are chosen.
    Sniffing,
    /// The readers read the body. If there are none, its content cannot affect the verdict.
    Reading,
}

/// What encloses the request that is read.
enum Enclosing<'a> {
    /// Nothing. The function begins to read a part of the body that is a request.
    Nothing(OpenPart),
    /// A batch with these findings. Batches do not nest, so no such function is needed.
    Batch(&'a Findings),
}

/// A reader of the body, with the reason why it stopped.
struct Slot {
    body: Body,
    failed: Option<Reason>,
    /// The reader's own findings until they are merged. `None` for the first reader, which writes
    /// to the request's findings directly.
    findings: Option<Findings>,
}

impl RequestReader {
    /// Reads path, query and headers. A reason for refusal is kept for the verdict.
    #[must_use]
    pub(crate) fn new(
        bundle: Bundle<'_>,
        route: &Route,
        head: &Head<'_>,
        denied_set: &DeniedSet,
        open_part: OpenPart,
    ) -> Self {
        Self::build(bundle, route, head, denied_set, Enclosing::Nothing(open_part))
    }

    /// Reads the head of a request inside a batch. `batch` holds the findings of the batch.
    pub(crate) fn new_in_batch(
        bundle: Bundle<'_>,
        route: &Route,
        head: &Head<'_>,
        denied_set: &DeniedSet,
        batch: &Findings,
    ) -> Self {
        Self::build(bundle, route, head, denied_set, Enclosing::Batch(batch))
    }

    fn build(
        bundle: Bundle<'_>,
        route: &Route,
        head: &Head<'_>,
        denied_set: &DeniedSet,
        enclosing: Enclosing<'_>,
    ) -> Self {
        if route.lacks_method(head.headers) {
            let mut overridden = Route::default();
            overridden.read(bundle, head);
            return Self::read(bundle, &overridden, head, denied_set, enclosing);
        }
        Self::read(bundle, route, head, denied_set, enclosing)
    }

    /// Returns whether the body, if there is one, must be read. If not, the verdict is settled.
    #[must_use]
    pub fn wants_body(&self) -> bool {
        !self.settled() && (!self.state.has(operation::QUIET) || self.state.preflight)
    }

    /// Begins the next client message on the WebSocket that the request opened. `denied_set` is the
    /// current one. The request must have passed. To check an open connection against a new denied
    /// set, call `finish` without `feed`.
    pub fn message(&mut self, bundle: Bundle<'_>, denied_set: &DeniedSet, binary: bool) {
        if !self.state.message {
            self.state.message = true;
            self.state.upgrade = true;
            self.state.preflight = false;
            self.state.body = false;
            self.state.flags &= !operation::QUIET;
            self.content = Content::NONE;
            self.body_names_models = self.message_states.iter().all(|state| *state != NONE);
            self.body_states = known(bundle, &self.message_states);
        }
        self.asked_before |= self.state.body;
        self.late_before |= self.open_ended();
        self.state.everything = denied_set.is_everything(bundle);
        self.state.body = false;
        self.state.trouble = None;
        self.denied.clone_from(&denied_set.denied);
        self.state.named_before |= self.findings.next(&denied_set.denied);
        self.unlisted_before =
            Some(self.findings.replace_unlisted(false) || self.unlisted_before == Some(true));
        self.ignores_non_json = binary && !self.body_names_models;
        self.left = limits::MESSAGE_BYTES;
        self.slots.clear();
        self.merged = 0;
        self.stage = BodyStage::Sniffing;
    }

    /// Records that the connection cannot continue, for this reason. A denial takes precedence.
    pub fn stop(&mut self, reason: Reason) {
        self.state.trouble = Some(reason);
    }

    /// Reads a chunk of a message from the origin.
    pub fn feed_origin(&mut self, bundle: Bundle<'_>, bytes: &[u8]) {
        if self.origin_messages.is_none() {
            self.origin_messages =
                Some(OriginMessages::new(bundle, self.response_states(operation::RESPONSE_NAMES)));
        }
        if let Some(origin_messages) = &mut self.origin_messages {
            origin_messages.feed(bundle, bytes);
        }
    }

    /// Ends the origin's message, if there is one. Returns whether the origin's messages may go to
    /// the client, provided that the connection is not [settled](Self::settled) now.
    ///
    /// They may go once the origin has named an allowed model. They may also go if nothing leaves
    /// it to the origin which model runs, and either the client has asked for nothing yet, or it
    /// has named an allowed model and no unlisted one.
    pub fn may_release(&mut self, bundle: Bundle<'_>) -> bool {
        let may_unlisted = bundle.flags() & flags::UNLISTED == flags::UNLISTED_PASS;
        let known = |findings: &Findings| findings.known() || may_unlisted && findings.unlisted();
        if let Some(origin_messages) = &mut self.origin_messages {
            let said = origin_messages.end(bundle);
            if said.mentioned() {
                self.proven |= known(&said);
                self.findings.absorb(&said);
            }
        }
        let asked = self.asked_before || self.state.body;
        let late = self.late_before || self.open_ended() || self.state.has(operation::LATE_BOUND);
        self.proven
            || !late
                && (!asked || known(&self.findings) && (may_unlisted || !self.findings.unlisted()))
    }

    /// Returns whether the message read so far leaves it to the origin which model runs, even if it
    /// names one.
    fn open_ended(&self) -> bool {
        self.findings.binds() || self.findings.suspect()
    }

    /// Reads a chunk of the body or of the client message. An empty chunk does not count as a body.
    pub fn feed(&mut self, bundle: Bundle<'_>, bytes: &[u8]) {
        if bytes.is_empty() || self.settled() && !self.state.preflight {
            return;
        }
        self.state.body = true;
        self.state.preflight = false;
        if self.settled() || self.state.has(operation::QUIET) {
            return;
        }
        let fits = bytes.len().min(self.left);
        self.left -= fits;
        self.chunk(bundle, bytes.get(..fits).unwrap_or_default());
        if fits < bytes.len() && !self.settled() {
            self.state.trouble = Some(Reason::BodyTooLarge);
        }
    }

    /// Returns the content codings of the body, separated by commas, or the empty string if there
    /// are none. A coded body is refused unless it has been decoded first.
    #[must_use]
    pub fn codings(&self) -> &str {
        &self.content.codings
    }

    /// Returns whether the content type declares a multipart body.
    pub(crate) fn is_multipart(&self) -> bool {
        self.content.kind == BodyKind::Multipart
    }

    /// Returns whether headers or query hold a digest or a signature of the body, so that it must
    /// be forwarded unchanged.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.signed
    }

    /// Declares that the body has been decoded: the chunks that follow are free of content codings.
    pub fn decoded(&mut self) {
        self.decoded = true;
    }

    /// Records that a body arrived which cannot be read further.
    pub fn unreadable(&mut self, reason: Reason) {
        self.state.body = true;
        self.state.preflight = false;
        if !self.settled() {
            self.state.trouble = Some(reason);
        }
    }

    /// Returns whether the verdict is settled: no later byte can change it to the caller's
    /// advantage.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.state.settled(&self.findings, &self.denied)
    }

    /// Returns the outcome. Call it when the body has ended or the verdict is settled.
    pub fn finish(&mut self, bundle: Bundle<'_>, denied_set: &DeniedSet) -> Outcome {
        let decision = self.decide(bundle, denied_set);
        self.outcome(bundle, denied_set, decision)
    }

    /// Ends the reading and decides.
    fn decide(&mut self, bundle: Bundle<'_>, denied_set: &DeniedSet) -> Decision {
        self.end_readers(bundle);
        if let Some(before) = self.unlisted_before.take() {
            // The message may ask for another run. A name from the origin is no proof of that one.
            self.proven &= !self.findings.reopens();
            let unlisted = before || self.findings.unlisted();
            self.findings.replace_unlisted(unlisted);
        }
        verdict::decide(bundle, &self.state, &self.findings, denied_set)
    }

    /// Returns a decision together with what it rests on.
    fn outcome(&self, bundle: Bundle<'_>, denied_set: &DeniedSet, decision: Decision) -> Outcome {
        verdict::outcome(bundle, &self.state, &self.findings, denied_set, decision)
    }

    /// As `finish`, for a request inside a batch: returns the verdict alone and adds the findings
    /// to those of the batch.
    pub(crate) fn end(
        &mut self,
        bundle: Bundle<'_>,
        denied_set: &DeniedSet,
        batch: &mut Findings,
    ) -> (verdict::VerdictKind, Reason) {
        self.end_readers(bundle);
        batch.absorb(&self.findings);
        verdict::judge(bundle, &self.state, &self.findings, denied_set)
    }

    /// Reads a body that names one model. Returns the numbers of the patterns that occurred, and
    /// the verdict for a caller to whom none of them is denied. An id that is no mention as it
    /// stands is unlisted. The denied set of this reader must not be empty, and must hold none of
    /// the bundle's patterns.
    ///
    /// # Errors
    /// The reason for a refusal.
    pub(crate) fn model(
        &mut self,
        bundle: Bundle<'_>,
        body: &[u8],
        id: &str,
    ) -> Result<(Vec<u32>, verdict::VerdictKind, Reason), Reason> {
        self.state.everything = false;
        if self.wants_body() {
            self.feed(bundle, body);
        }
        self.end_readers(bundle);
        let (mut kind, mut reason) = verdict::judge_open(bundle, &self.state, &self.findings);
        if kind == verdict::VerdictKind::Refuse {
            return Err(reason);
        }
        let mut patterns = self.findings.patterns();
        if self.state.names_no_model(&self.findings) && patterns.first() != Some(&0) {
            patterns.insert(0, 0);
        }
        if !self.findings.kept().iter().any(|mention| !mention.hint && mention.text == id) {
            (kind, reason) = (verdict::VerdictKind::Defer, Reason::Unlisted);
        }
        Ok((patterns, kind, reason))
    }

    fn end_readers(&mut self, bundle: Bundle<'_>) {
        if !self.settled() {
            // A reader that was left and never opened has read no body.
            let opened = if self.has_reader { &mut [] } else { self.slots.as_mut_slice() };
            for Slot { body, failed, findings } in opened {
                if failed.is_none() {
                    *failed =
                        body.finish(bundle, findings.as_mut().unwrap_or(&mut self.findings)).err();
                }
            }
            self.state.trouble = self.trouble();
        }
        self.merge();
        self.findings.end();
    }

    /// Merges the findings of all readers into those of the request, in the order of the readers.
    /// Nothing is added after a denied mention.
    fn merge(&mut self) {
        for slot in &self.slots {
            if let Some(findings) = &slot.findings {
                self.findings.absorb(findings);
            }
        }
    }

    /// Returns the start states of the response, each once, of the operations that have this flag.
    pub(crate) fn response_states(&self, flag: u32) -> Vec<u32> {
        let mut states = Vec::new();
        for &(flags, state) in &self.response_states {
            if flags & flag != 0 && state != NONE && !states.contains(&state) {
                states.push(state);
            }
        }
        states
    }

    /// Returns the first mentions, with the part of the request that carried each.
    #[cfg(feature = "author")]
    pub(crate) fn mentions(&self) -> &[crate::mention::findings::Mention] {
        self.findings.kept()
    }

    /// Returns empty findings that resolve names as those of this request do.
    pub(crate) fn fresh_findings(&self, bundle: Bundle<'_>) -> Findings {
        self.findings.fresh_for_part(bundle)
    }

    /// Returns whether one of these patterns occurs in a mention, or in what the mention resolves
    /// to.
    #[cfg(feature = "author")]
    pub(crate) fn holds(&self, bundle: Bundle<'_>, mention: &str, patterns: &[u64]) -> bool {
        self.findings.holds(bundle, mention, patterns)
    }

    fn read(
        bundle: Bundle<'_>,
        route: &Route,
        head: &Head<'_>,
        denied_set: &DeniedSet,
        enclosing: Enclosing<'_>,
    ) -> Self {
        let mut state = verdict::RequestState {
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
            named_before: false,
            deletes: head.method.eq_ignore_ascii_case("delete"),
        };
        let (batch, open_part) = match enclosing {
            Enclosing::Nothing(open_part) => (None, Some(open_part)),
            Enclosing::Batch(batch) => (Some(batch), None),
        };
        let mut findings = Findings::new(bundle)
            .in_scope(Scope::of(bundle, &route.operation_matches, head), batch);
        if route.guarded && !denied_set.is_empty() {
            let mut note =
                |result: Result<(), Reason>| state.trouble = state.trouble.or(result.err());
            for (role, text) in route.mentions() {
                note(findings.text(bundle, role, text, crate::mention::findings::Carrier::Path));
            }
            note(query::read(bundle, Target::of(head.url).query, route, &mut findings));
            note(query::read(bundle, &route.hidden_query, route, &mut findings));
            note(header::read(bundle, head.headers, &mut findings));
            findings.watch(&denied_set.denied);
        }
        let mut response_states = Vec::new();
        let mut ignores_non_json = !route.unsure;
        for known in route.operations(bundle) {
            response_states.push((known.flags, known.response_state));
            ignores_non_json &= known.flags & operation::MEDIA != 0;
        }
        let mut message_states = route.messages.clone();
        if message_states.is_empty() {
            message_states.push(NONE);
        }
        Self {
            findings,
            state,
            denied: denied_set.denied.clone(),
            body_states: known(bundle, &route.bodies),
            response_states,
            body_names_models: route.bodies.iter().any(|state| *state != NONE),
            unknown_body: route.bodies.contains(&NONE),
            content: Content::of(head.headers),
            signed: content_type::is_signed(head.headers, Target::of(head.url).query),
            decoded: false,
            slots: Vec::new(),
            merged: 0,
            stage: BodyStage::Awaited,
            message_states,
            ignores_non_json,
            left: usize::MAX,
            asked_before: false,
            late_before: false,
            origin_messages: None,
            proven: false,
            unlisted_before: None,
            open_part,
            has_reader: false,
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
            // INVARIANT: the findings of several readers are merged at fixed offsets of the body,
            // never at the end of a chunk. A single reader needs no merge.
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
        // INVARIANT: a reader that stops does not stop the others, because the order in which they
        // stop depends on the chunks.
        if !self.slots.is_empty() && self.slots.iter().all(|slot| slot.failed.is_some()) {
            self.state.trouble = self.trouble();
        }
    }

    /// Returns the reason why a reader stopped, unless it may be ignored because the content is
    /// media.
    fn trouble(&self) -> Option<Reason> {
        let may_be_media = if self.state.message { is_no_json } else { Reason::is_no_text };
        self.slots
            .iter()
            .filter_map(|slot| slot.failed)
            .find(|reason| !self.ignores_non_json || !may_be_media(*reason))
    }

    /// Chooses the readers by the headers.
    fn begin(&mut self, bundle: Bundle<'_>) {
        self.stage = BodyStage::Reading;
        // A signed body is forwarded in its coding. A server that does not decode it cannot take
        // the coded bytes for JSON, but it might take them for a form or a multipart body.
        let coded = !self.content.codings.is_empty();
        if coded && (!self.decoded || self.signed && self.content.kind != BodyKind::Json) {
            self.state.trouble = Some(Reason::ContentCoding);
            return;
        }
        if self.content.trouble.is_some() {
            self.state.trouble = self.content.trouble;
            return;
        }
        match self.content.kind {
            BodyKind::Json | BodyKind::Lines | BodyKind::Multipart => {
                self.ignores_non_json = false;
                self.open(bundle, self.content.kind);
            }
            BodyKind::Form | BodyKind::Sdp | BodyKind::Other => self.stage = BodyStage::Sniffing,
        }
    }

    /// Chooses the readers by the first byte that is not white space.
    fn sniff(&mut self, bundle: Bundle<'_>, first: Option<u8>) {
        self.stage = BodyStage::Reading;
        let is_document = matches!(first, Some(b'{' | b'['));
        if is_document && !self.state.message {
            // Where every candidate operation is unknown, the request is deferred in any case. So
            // only a body that is declared as JSON must be JSON.
            self.ignores_non_json = self.state.unsure && !self.body_names_models;
        } else if self.ignores_non_json && !self.state.message {
            // Detects JSON behind a byte order mark, which some servers skip.
            self.open(bundle, BodyKind::Json);
        }
        let is_text = first.is_some_and(|byte| byte.is_ascii_graphic());
        if self.content.kind == BodyKind::Form && !is_text && !self.ignores_non_json {
            // No form begins with a byte order mark or a control character. Such a body may be JSON
            // to a server that skips the byte.
            self.state.trouble = Some(Reason::FormSyntax);
            return;
        }
        if is_document || self.state.message && self.body_names_models {
            self.open(bundle, BodyKind::Json);
        }
        match self.content.kind {
            // curl declares any body as a form by default. Most servers read such a body as JSON,
            // others as a form, so both readers read it.
            BodyKind::Form if is_text => self.open(bundle, BodyKind::Form),
            _ if !self.slots.is_empty() => {}
            BodyKind::Sdp => self.findings.record_present(role::BINDS),
            // The operation may also be an unknown one, which may take another format than the
            // known one.
            _ if self.body_names_models && self.unknown_body => {
                self.findings.record_present(role::SUSPECT)
            }
            _ if self.body_names_models => self.state.trouble = Some(Reason::ContentType),
            _ => {}
        }
    }

    /// Prepares for another body of the same head. A single reader of JSON stays and becomes a new
    /// one.
    fn renew_reader(&mut self) {
        self.has_reader = false;
        if let ([state], [slot]) = (self.body_states.as_slice(), self.slots.as_mut_slice())
            && let Body::Json(json) = &mut slot.body
        {
            json.renew(*state);
            json.set_single_byte(self.content.single_byte);
            slot.failed = None;
            self.has_reader = true;
        } else {
            self.slots.clear();
        }
    }

    /// Adds a reader of this kind for each start state.
    fn open(&mut self, bundle: Bundle<'_>, kind: BodyKind) {
        if core::mem::take(&mut self.has_reader) {
            return;
        }
        for &state in &self.body_states {
            let body = match kind {
                BodyKind::Lines => Body::Lines(JsonLines::new(state)),
                BodyKind::Form => Body::Form(Form::new(state)),
                BodyKind::Multipart => {
                    match Multipart::new(state, &self.content.line, self.open_part) {
                        Ok(multipart) => Body::Multipart(multipart),
                        Err(reason) => {
                            self.state.trouble = Some(reason);
                            return;
                        }
                    }
                }
                BodyKind::Json | BodyKind::Sdp | BodyKind::Other => Body::Json(Json::new(state)),
            };
            let findings = (!self.slots.is_empty()).then(|| self.findings.fresh_for_reader(bundle));
            self.slots.push(Slot { body, failed: None, findings });
            match self.slots.last_mut().map(|slot| &mut slot.body) {
                Some(Body::Json(json)) => json.set_single_byte(self.content.single_byte),
                Some(Body::Lines(lines)) => lines.set_single_byte(self.content.single_byte),
                _ => {}
            }
        }
    }
}

/// Returns the states without duplicates. `NONE` is replaced by the state of unknown bodies.
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

/// Returns whether the reason shows that the bytes are not JSON at all, as opposed to JSON that
/// parsers read differently.
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

/// Returns whether the request asks for a connection whose messages are still to come: `GET` with
/// `websocket` alone in a single `Upgrade` line, which is the form for which runtimes open a
/// WebSocket, or `CONNECT`. With any other `Upgrade` it is an ordinary request, and the forwarding
/// code removes that header.
///
/// INVARIANT: this is the only rule for it. Code that relays WebSockets calls this function too.
/// Otherwise a request could be a WebSocket on one side only.
pub(crate) fn is_upgrade(head: &Head<'_>) -> bool {
    let mut lines = head::lines(head.headers, "upgrade");
    let named = lines.next().is_some_and(|line| line.eq_ignore_ascii_case("websocket"))
        && lines.next().is_none();
    named && head.method.eq_ignore_ascii_case("get") || head.method.eq_ignore_ascii_case("connect")
}

/// Returns whether the request is a CORS preflight: `OPTIONS` with `Origin` and
/// `Access-Control-Request-Method`, and no override that asks for another method. That it has no
/// body is checked later.
fn is_preflight(route: &Route, head: &Head<'_>) -> bool {
    let has = |name: &'static str| head::lines(head.headers, name).next().is_some();
    head.method.eq_ignore_ascii_case("options")
        && route.has_unknown_method()
        && has("origin")
        && has("access-control-request-method")
}

/// Returns the error format of a refusal. It is the operation's. Of several operations the first
/// counts whose dialect has a header of the request among its hints, else the first of all.
fn error_format(bundle: Bundle<'_>, route: &Route, head: &Head<'_>) -> u8 {
    let dialects = bundle.table::<l::Dialect>(section::DIALECTS);
    let operations = bundle.table::<l::Operation>(section::OPERATIONS);
    let locations = bundle.table::<l::Location>(section::LOCATIONS);
    let mut first = None;
    for operation_match in &route.operation_matches {
        let Some(dialect) = dialects.get(u32::from(operation_match.dialect)) else { continue };
        let error_format = operations
            .get(operation_match.operation)
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
