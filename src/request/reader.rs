//! Reads one request, head first, then the body as it comes, until its verdict is settled.
//!
//! ```text
//! new     path, query, headers                 -> findings
//! feed    first byte: which readers            -> trouble, or readers
//!         each chunk: every reader             -> findings
//! finish  readers end, policy and findings meet -> Outcome
//! ```
//!
//! Input: the [`Route`], the head, the reach, chunks of any size. Output: an [`Outcome`]. It holds what the readers hold, which
//! is bounded, and never the body.
//!
//! It is settled by the first denied mention or the first thing that cannot be read, and reads no further. The outcome does
//! not depend on where the chunks end.

use alloc::vec::Vec;

use crate::bundle::Bundle;
use crate::bundle::layout as l;
use crate::bundle::layout::{NONE, NONE16, operation, role, section};
use crate::reach::Reach;
use crate::verdict::{self, Outcome};

use super::content::{Content, Kind};
use super::findings::Findings;
use super::form::Form;
use super::header;
use super::json::Json;
use super::multipart::Multipart;
use super::path::Target;
use super::query;
use super::reason::Reason;
use super::route::{Head, Route};

/// One request being read.
pub struct Reader {
    findings: Findings,
    facts: verdict::Request,
    /// The reach, as it was when the request came.
    denied: Vec<u64>,
    /// Start states of the body.
    states: Vec<u32>,
    /// An operation of the route names models in its body.
    wanted: bool,
    content: Content,
    /// One for each way in which the body may be read; all count.
    slots: Vec<Slot>,
    stage: Stage,
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
}

/// What a body may be read as.
enum Body {
    Json(Json),
    Form(Form),
    Multipart(Multipart),
}

impl Reader {
    /// Reads path, query and headers. What is wrong with them is kept for the verdict.
    #[must_use]
    pub fn new(bundle: Bundle<'_>, route: &Route, head: &Head<'_>, reach: &Reach) -> Self {
        if route.lacks_method(head.headers) {
            let mut overridden = Route::default();
            overridden.read(bundle, head);
            return Self::read(bundle, &overridden, head, reach);
        }
        Self::read(bundle, route, head, reach)
    }

    /// Whether the body, if there is one, must be read. If not, the verdict is settled.
    #[must_use]
    pub fn wants_body(&self) -> bool {
        !self.settled() && (!self.facts.has(operation::QUIET) || self.facts.preflight)
    }

    /// Reads on in the body. Empty chunks are no body.
    pub fn feed(&mut self, bundle: Bundle<'_>, bytes: &[u8]) {
        if bytes.is_empty() || self.settled() && !self.facts.preflight {
            return;
        }
        self.facts.body = true;
        self.facts.preflight = false;
        if self.settled() || self.facts.has(operation::QUIET) {
            return;
        }
        self.chunk(bundle, bytes);
    }

    /// A verdict that no later byte can change for the better.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.facts.settled(&self.findings, &self.denied)
    }

    /// The body has ended, or the verdict is settled.
    pub fn finish(&mut self, bundle: Bundle<'_>, reach: &Reach) -> Outcome {
        if !self.settled() {
            for Slot { body, failed } in &mut self.slots {
                if failed.is_none() {
                    *failed = body.finish(bundle, &mut self.findings).err();
                }
            }
            self.facts.trouble = self.slots.iter().find_map(|slot| slot.failed);
        }
        verdict::decide(bundle, &self.facts, &self.findings, reach)
    }

    fn read(bundle: Bundle<'_>, route: &Route, head: &Head<'_>, reach: &Reach) -> Self {
        let mut facts = verdict::Request {
            guarded: route.guarded,
            everything: reach.is_everything(bundle),
            flags: route.flags,
            unknown: route.unknown,
            unsure: route.unsure,
            upgrade: is_upgrade(head),
            preflight: is_preflight(route, head),
            body: false,
            trouble: route.trouble,
            dialect: dialect(bundle, route, head),
        };
        let mut findings = Findings::new(bundle);
        if route.guarded && !reach.is_empty() {
            let mut note = |result: Result<(), Reason>| facts.trouble = facts.trouble.or(result.err());
            for (role, text) in route.mentions() {
                note(findings.text(bundle, role, text, super::Carrier::Path));
            }
            note(query::read(bundle, Target::of(head.url).query, route, &mut findings));
            note(query::read(bundle, &route.hidden_query, route, &mut findings));
            note(header::read(bundle, head.headers, &mut findings));
            findings.watch(&reach.denied);
        }
        let unknown = bundle.meta().map_or(NONE, |meta| meta.unknown_state);
        let mut states: Vec<u32> = Vec::with_capacity(route.bodies.len());
        for &state in &route.bodies {
            let state = if state == NONE { unknown } else { state };
            if !states.contains(&state) {
                states.push(state);
            }
        }
        Self {
            findings,
            facts,
            denied: reach.denied.clone(),
            states,
            wanted: route.bodies.iter().any(|state| *state != NONE),
            content: Content::of(head.headers),
            slots: Vec::new(),
            stage: Stage::Awaited,
        }
    }

    fn chunk(&mut self, bundle: Bundle<'_>, mut bytes: &[u8]) {
        if self.stage == Stage::Awaited {
            self.begin();
        }
        if self.stage == Stage::Sniffing {
            let Some(at) = bytes.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n')) else { return };
            bytes = bytes.get(at..).unwrap_or_default();
            self.sniff(bytes.first().copied());
        }
        for Slot { body, failed } in &mut self.slots {
            if failed.is_none() {
                *failed = body.feed(bundle, bytes, &mut self.findings).err();
            }
        }
        // INVARIANT: one reader that is stopped does not stop the others, for which of them is first depends on the chunks.
        if !self.slots.is_empty() && self.slots.iter().all(|slot| slot.failed.is_some()) {
            self.facts.trouble = self.slots.iter().find_map(|slot| slot.failed);
        }
    }

    /// Chooses the readers by what the headers claim.
    fn begin(&mut self) {
        self.stage = Stage::Reading;
        if self.content.trouble.is_some() {
            self.facts.trouble = self.content.trouble;
            return;
        }
        match self.content.kind {
            Kind::Json => self.json(),
            Kind::Multipart => {
                for &state in &self.states {
                    match Multipart::new(state, &self.content.line) {
                        Ok(multipart) => self.slots.push(Slot { body: Body::Multipart(multipart), failed: None }),
                        Err(reason) => self.facts.trouble = Some(reason),
                    }
                }
            }
            Kind::Form | Kind::Sdp | Kind::Other => self.stage = Stage::Sniffing,
        }
    }

    /// Chooses the readers by the first byte that is not white space.
    fn sniff(&mut self, first: Option<u8>) {
        self.stage = Stage::Reading;
        if matches!(first, Some(b'{' | b'[')) {
            self.json();
        }
        match self.content.kind {
            // What curl sends as a form without being asked is JSON to most servers and a form to the others: it is read as both.
            Kind::Form => {
                self.slots.extend(self.states.iter().map(|&state| Slot { body: Body::Form(Form::new(state)), failed: None }))
            }
            _ if !self.slots.is_empty() => {}
            Kind::Sdp => self.findings.present(role::BINDS),
            _ if self.wanted => self.facts.trouble = Some(Reason::ContentType),
            _ => {}
        }
    }

    fn json(&mut self) {
        self.slots.extend(self.states.iter().map(|&state| Slot { body: Body::Json(Json::new(state)), failed: None }));
    }
}

impl Body {
    fn feed(&mut self, bundle: Bundle<'_>, bytes: &[u8], findings: &mut Findings) -> Result<(), Reason> {
        match self {
            Self::Json(json) => json.feed(bundle, bytes, findings),
            Self::Form(form) => form.feed(bundle, bytes, findings),
            Self::Multipart(multipart) => multipart.feed(bundle, bytes, findings),
        }
    }

    fn finish(&mut self, bundle: Bundle<'_>, findings: &mut Findings) -> Result<(), Reason> {
        match self {
            Self::Json(json) => json.finish(bundle, findings),
            Self::Form(form) => form.finish(bundle, findings),
            Self::Multipart(multipart) => multipart.finish(bundle, findings),
        }
    }
}

/// It asks for a connection whose messages nobody has seen yet.
fn is_upgrade(head: &Head<'_>) -> bool {
    let says = |name: &'static str| {
        header::lines(head.headers, name)
            .flat_map(|line| line.split(','))
            .any(|item| item.trim().eq_ignore_ascii_case("websocket"))
    };
    says("upgrade") || says(":protocol") || head.method.eq_ignore_ascii_case("connect")
}

/// `OPTIONS` with `Origin` and `Access-Control-Request-Method`, and no other method asked for. That no body comes is seen later.
fn is_preflight(route: &Route, head: &Head<'_>) -> bool {
    let has = |name: &'static str| header::lines(head.headers, name).next().is_some();
    head.method.eq_ignore_ascii_case("options") && route.is_foreign() && has("origin") && has("access-control-request-method")
}

/// In whose words a refusal is given: the dialect of the operation, of several the one that a header speaks for.
fn dialect(bundle: Bundle<'_>, route: &Route, head: &Head<'_>) -> u16 {
    let dialects = bundle.table::<l::Dialect>(section::DIALECTS);
    let places = bundle.table::<l::Place>(section::PLACES);
    let speaks = |dialect: u16| {
        dialects.get(u32::from(dialect)).is_some_and(|dialect| {
            places
                .span(dialect.hints)
                .iter()
                .any(|place| head.headers.iter().any(|(name, _)| header::is(name, bundle.text(place.name))))
        })
    };
    let candidates = || route.readings.iter().map(|reading| reading.dialect);
    candidates().find(|dialect| speaks(*dialect)).or_else(|| candidates().next()).unwrap_or(if dialects.len() > 0 {
        0
    } else {
        NONE16
    })
}
