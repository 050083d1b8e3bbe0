//! Decides requests given as lines, for `portcullis decide` and for every test that compares two
//! builds.
//!
//! Input: a bundle and lines. Output: one verdict for each line, in the JSON form of the edge
//! module.

use alloc::string::String;
use alloc::vec::Vec;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde_json::Value as Json;

use super::line::{AccountFacts, LineError, RequestLine, slip};
use crate::bundle::layout as l;
use crate::bundle::layout::section;
use crate::bundle::view::{Bundle, OwnedBundle};
use crate::coding::Decoder;
use crate::coding::memory::Memory;
use crate::denied::SwitchState;
use crate::gate::{Begun, Caller, Gate, GateError, Inspection};
use crate::http::head::Head;
use crate::http::method::all_methods;
use crate::limits;
use crate::mention::header::HeaderBearing;
use crate::policy::diagnostic::suggestion;
use crate::request::reader::kept_head::KeptHead;
use crate::verdict::Verdict;

/// A gate that decides request lines.
pub struct Decider {
    pub(crate) gate: Gate,
    /// Heads of earlier lines, by target and headers.
    heads: HashMap<(String, Vec<(String, String)>), KeptHead>,
}

/// Returns the facts of a line's caller.
fn caller_of(gate: &Gate, line: &RequestLine) -> Caller {
    Caller {
        places: line.places.clone(),
        network: line.network,
        asn: line.asn,
        ip: line.ip,
        accounts: line
            .accounts
            .iter()
            .map(|facts| gate.account(facts.is_shared(), |name, _| facts.value(name)))
            .collect(),
        stale: false,
    }
}

impl Decider {
    /// Takes a checked bundle, and the deployment's list key if the bundle has secret lists.
    ///
    /// # Errors
    /// [`GateError::ListKey`] if the key differs from the one with which the bundle was compiled.
    pub fn new(bundle: OwnedBundle, list_key: Option<&[u8]>) -> Result<Self, GateError> {
        Ok(Self { gate: Gate::new(bundle, list_key)?, heads: HashMap::new() })
    }

    /// Decides one line. `clock` is the time in milliseconds since the epoch, for lines without
    /// `now`.
    ///
    /// # Errors
    /// [`LineError`] if the line is not a request, or switches an unknown rule. The content of a
    /// request leads to a verdict, never to an error.
    pub fn decide(&mut self, line: &str, clock: i64) -> Result<String, LineError> {
        self.decide_read(&RequestLine::read(line)?, clock)
    }

    /// Decides a line that has been parsed.
    ///
    /// # Errors
    /// [`LineError::Switch`] if it switches an unknown rule.
    pub fn decide_read(&mut self, line: &RequestLine, clock: i64) -> Result<String, LineError> {
        self.has_rules(line)?;
        let verdict = self.verdict(line, clock);
        Ok(with_id(&line.id, &verdict.to_json()))
    }

    /// Returns the names in a line's accounts that are not facts of the policy and are therefore
    /// ignored, each with the fact that was probably meant.
    #[must_use]
    pub fn strange_facts(&self, line: &RequestLine) -> Vec<(String, Option<String>)> {
        let bundle = self.gate.bundle();
        let facts: Vec<&str> = bundle
            .table::<l::Fact>(section::FACTS)
            .iter()
            .map(|fact| bundle.text(fact.name))
            .collect();
        let names =
            line.accounts.iter().flat_map(AccountFacts::names).filter(|name| !facts.contains(name));
        names.map(|name| (name.to_owned(), slip(name, &facts).map(str::to_owned))).collect()
    }

    /// Checks that each of a line's switches names a known rule.
    fn has_rules(&mut self, line: &RequestLine) -> Result<(), LineError> {
        if line.switch.is_empty() {
            return Ok(());
        }
        let strange = line
            .switch
            .iter()
            .find(|(rule, state)| !self.gate.switch(rule, *state))
            .map(|(rule, _)| rule.clone());
        self.gate.unswitch();
        let Some(rule) = strange else { return Ok(()) };
        let bundle = self.gate.bundle();
        let restrictions = bundle
            .table::<l::Restriction>(section::RESTRICTIONS)
            .iter()
            .map(|rule| bundle.text(rule.id));
        let licences =
            bundle.table::<l::Licence>(section::LICENCES).iter().map(|rule| bundle.text(rule.id));
        let near = suggestion::nearest(&rule, restrictions.chain(licences)).map(str::to_owned);
        Err(LineError::Switch { rule, near })
    }

    /// Returns the verdict on a request.
    pub fn verdict(&mut self, line: &RequestLine, clock: i64) -> Verdict {
        self.look(line, line.now.unwrap_or(clock)).0
    }

    /// Returns the verdict as the edge module gives it to requests whose head it remembers: under a
    /// head of which only the headers that bear on something were read, with the ids of earlier
    /// bodies at hand. `None` if such requests are read one by one.
    pub fn verdict_from_memory(&mut self, line: &RequestLine, clock: i64) -> Option<Verdict> {
        let now = line.now.unwrap_or(clock);
        for (rule, state) in &line.switch {
            self.gate.switch(rule, *state);
        }
        let verdict = self.judge_kept(line, now);
        self.gate.unswitch();
        verdict
    }

    fn judge_kept(&mut self, line: &RequestLine, now: i64) -> Option<Verdict> {
        let headers: usize =
            line.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if line.method != "POST"
            || !line.frames.is_empty()
            || headers > limits::REMEMBERED_HEADER_CHARACTERS
        {
            return None;
        }
        let Self { gate, heads } = self;
        let caller = caller_of(gate, line);
        let Begun::Inspect(unread) = gate.begin("POST", &line.url, &caller, now) else {
            return None;
        };
        let bearing: Vec<(String, String)> = line
            .headers
            .iter()
            .filter_map(|(name, value)| match gate.bearing(name) {
                HeaderBearing::Reading => Some((name.clone(), value.clone())),
                HeaderBearing::ReadingIfSigned => value
                    .trim_start()
                    .get(..5)
                    .is_some_and(|front| front.eq_ignore_ascii_case("aws4-"))
                    .then(|| (name.clone(), value.clone())),
                HeaderBearing::Presence => Some((name.clone(), String::new())),
                HeaderBearing::Nothing => None,
            })
            .collect();
        let headers: Vec<(&str, &str)> =
            bearing.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let head = Head { method: "POST", url: &line.url, headers: &headers };
        let kept = match heads.entry((line.url.clone(), bearing.clone())) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert(gate.keep(&unread, &head)?),
        };
        let body = line.body.as_deref().unwrap_or_default();
        let decision = gate.judge(kept, unread.denied_set(), body);
        let outcome = kept.outcome(gate.bundle(), unread.denied_set(), decision);
        Some(gate.worded(&unread, &head, decision, outcome.mentions, outcome.denied))
    }

    /// Returns the verdict and the inspected request; `None` if nothing of the request was read.
    pub(crate) fn look(&mut self, line: &RequestLine, now: i64) -> (Verdict, Option<Inspection>) {
        for (rule, state) in &line.switch {
            self.gate.switch(rule, *state);
        }
        let looked = self.judge(line, now);
        if !line.switch.is_empty() {
            self.gate.unswitch();
        }
        looked
    }

    /// Returns those switches of a line that name a known rule.
    pub(crate) fn switched<'l>(&mut self, line: &'l RequestLine) -> Vec<(&'l str, SwitchState)> {
        let switches = line.switch.iter().map(|(rule, state)| (rule.as_str(), *state));
        let switched = switches.filter(|(rule, state)| self.gate.switch(rule, *state)).collect();
        self.gate.unswitch();
        switched
    }

    /// Returns the bundle.
    pub(crate) fn bundle(&self) -> Bundle<'_> {
        self.gate.bundle()
    }

    fn judge(&mut self, line: &RequestLine, now: i64) -> (Verdict, Option<Inspection>) {
        let caller = caller_of(&self.gate, line);
        let headers: Vec<(&str, &str)> =
            line.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let methods = all_methods(&line.method, &headers);
        let unread = match self.gate.begin(&methods, &line.url, &caller, now) {
            Begun::Pass(passed) => return (self.gate.passed(&passed, &caller), None),
            Begun::Inspect(unread) => unread,
        };
        let mut inspection = self
            .gate
            .inspect(unread, &Head { method: &line.method, url: &line.url, headers: &headers });
        if inspection.wants_body() {
            match decoder(&inspection) {
                Some(decoder) => self.feed_decoded(&mut inspection, decoder, line.pieces()),
                None => {
                    for piece in line.pieces() {
                        if self.gate.feed(&mut inspection, piece) {
                            break;
                        }
                    }
                }
            }
        }
        let mut verdict = self.gate.finish(&mut inspection);
        for frame in &line.frames {
            if !verdict.passes() {
                break;
            }
            let Begun::Inspect(unread) = self.gate.begin(&methods, &line.url, &caller, now) else {
                break;
            };
            self.gate.message(&mut inspection, unread, frame.binary);
            for piece in line.split(&frame.bytes) {
                if self.gate.feed(&mut inspection, piece) {
                    break;
                }
            }
            verdict = self.gate.finish(&mut inspection);
        }
        (verdict, Some(inspection))
    }

    fn feed_decoded<'l>(
        &self,
        inspection: &mut Inspection,
        mut decoder: Decoder,
        pieces: impl Iterator<Item = &'l [u8]>,
    ) {
        inspection.decoded();
        let mut pieces = pieces.peekable();
        // An empty body counts as no body, coded or not.
        while let Some(piece) = pieces.next() {
            decoder.feed(piece);
            if pieces.peek().is_none() {
                decoder.end();
            }
            loop {
                match decoder.next() {
                    Ok(Some(decoded)) => {
                        if self.gate.feed(inspection, decoded) {
                            return;
                        }
                    }
                    Ok(None) => break,
                    Err(reason) => return inspection.unreadable(reason),
                }
            }
        }
    }
}

/// Returns the decoder for the codings of the body. `None` if there are none or if one is
/// unsupported.
fn decoder(inspection: &Inspection) -> Option<Decoder> {
    let codings = inspection.codings();
    if codings.is_empty() {
        None
    } else {
        Decoder::new(codings, inspection.is_signed(), &Memory::default()).ok()
    }
}

/// Adds the id in front of a verdict's members.
fn with_id(id: &Json, verdict: &str) -> String {
    let members = verdict.strip_prefix('{').unwrap_or(verdict);
    alloc::format!("{{\"id\":{id},{members}")
}
