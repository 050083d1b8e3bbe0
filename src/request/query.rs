//! Which models does the query mention?
//!
//! Input: the query as it was sent, and the operations that the request may be. Output: texts into [`Findings`]. It does not say
//! which of several parameters a server would take: all of them count.
//!
//! ```text
//! separators   `&`; a pair that holds `;` is read whole and cut there
//! names        `+` and escapes undone, each round counts; folded as a JSON key is; `model[]`, `model[0]`, `svg[model]`, `svg.model`
//! values       `+` as a blank and as itself; escapes undone once here, further rounds are the id's own
//! ```
//!
//! Roles come from the operation's query places. Names that look like a model's count whatever the operation, unless each operation
//! declares the name as something else (a search filter). Where a model may run, every name that is called like one is a hint. A value that is a
//! JSON document is scanned for model-like keys.

use alloc::vec::Vec;

use super::route::Route;
use crate::bundle::layout as l;
use crate::bundle::layout::{NONE, operation, role, section};
use crate::bundle::view::{Bundle, Table};
use crate::http::target::{decode, name_and_value, pairs};
use crate::limits;
use crate::mention::findings::{Carrier, Findings};
use crate::mention::json::Json;
use crate::mention::key::Key;
use crate::reason::Reason;

/// Names that mention a model whatever the operation, folded.
const GENERIC: [(&[u8], u8); 6] = [
    (b"model", role::PRIMARY),
    (b"modelid", role::PRIMARY),
    (b"models", role::MENTION),
    (b"engine", role::MENTION),
    (b"deployment", role::DEPLOYMENT),
    (b"deploymentid", role::DEPLOYMENT),
];

/// Reads the query.
///
/// # Errors
///
/// Of a mention, as [`Findings::text`]; more than [`limits::PARAMETERS`] pairs.
pub(crate) fn read(bundle: Bundle<'_>, query: &[u8], route: &Route, findings: &mut Findings) -> Result<(), Reason> {
    let mut reading = Reading { bundle, route, findings, name: Vec::new(), value: Vec::new(), spare: Vec::new() };
    let mut result = Ok(());
    let mut count = 0;
    pairs(query, &mut |pair| {
        count += 1;
        let read = if count > limits::PARAMETERS { Err(Reason::TooManyParameters) } else { reading.pair(pair) };
        result = result.and(read);
        count <= limits::PARAMETERS
    });
    result
}

struct Reading<'r, 'b> {
    bundle: Bundle<'b>,
    route: &'r Route,
    findings: &'r mut Findings,
    name: Vec<u8>,
    value: Vec<u8>,
    spare: Vec<u8>,
}

impl Reading<'_, '_> {
    fn pair(&mut self, pair: &[u8]) -> Result<(), Reason> {
        let (name, value) = name_and_value(pair);
        let mut result = self.json(value);
        blank(name, true, &mut self.name);
        for _ in 0..=limits::PERCENT_ROUNDS {
            let name = core::mem::take(&mut self.name);
            self.findings.secret(b'=', &name, value);
            let read = self.named(&name, value);
            result = result.and(read);
            if decode(&name, &mut self.name) {
                // Some servers know escapes of other kinds (`%u006d`), some drop what is none.
                return result.and(self.text(role::HINT, value));
            }
            if name == self.name {
                break;
            }
        }
        result
    }

    /// One reading of the name.
    fn named(&mut self, name: &[u8], value: &[u8]) -> Result<(), Reason> {
        let mut parts = name.split(|b| matches!(b, b'[' | b']' | b'.')).filter(|part| !part.is_empty());
        let mut key = Key::EMPTY;
        key.push(trim(parts.next().unwrap_or_default()));
        let mut declared = 0;
        let mut known = 0;
        let mut result = Ok(());
        for operation in self.route.operations(self.bundle) {
            known += 1;
            let places: Table<'_, l::Place> = self.bundle.table(section::PLACES);
            let place =
                places.span(operation.query).iter().find(|place| Some(self.bundle.text(place.name).as_bytes()) == key.folded());
            if let Some(place) = place.filter(|place| !is_credential(place.role)) {
                declared += 1;
                let read = self.declared(&place, value);
                result = result.and(read);
            }
        }
        if known > 0 && declared == known {
            return result;
        }
        if let Some(role) = generic(&key) {
            return result.and(self.text(role, value));
        }
        let runs = self.route.unsure || self.route.flags & operation::RUNS != 0;
        // `qs` cuts a pair at the first `]=`, wherever it is.
        let mut like = runs && (key.is_like() || value.contains(&b'='));
        for part in parts {
            key.clear();
            key.push(trim(part));
            like |= generic(&key).is_some() || runs && key.is_like();
        }
        if like { result.and(self.text(role::HINT, value)) } else { result }
    }

    fn declared(&mut self, place: &l::Place, value: &[u8]) -> Result<(), Reason> {
        match place.role {
            role::NOTHING => Ok(()),
            role::NESTED_JSON => {
                self.decoded(value, true);
                let mut json = Json::new(place.state);
                json.feed(self.bundle, &self.value, self.findings)?;
                json.finish(self.bundle, self.findings)
            }
            role => self.text(role, value),
        }
    }

    /// A value that may name a model.
    fn text(&mut self, role: u8, value: &[u8]) -> Result<(), Reason> {
        self.decoded(value, true);
        let result = self.findings.text(self.bundle, role, &self.value, Carrier::Query);
        if value.contains(&b'+') {
            self.decoded(value, false);
            return result.and(self.findings.also(self.bundle, role, &self.value));
        }
        result
    }

    /// A value that is a document is searched for keys that look like a model's.
    fn json(&mut self, value: &[u8]) -> Result<(), Reason> {
        let start = self.bundle.meta().map_or(NONE, |meta| meta.unknown_state);
        self.decoded(value, true);
        for _ in 0..limits::PERCENT_ROUNDS {
            if matches!(trim(&self.value).first(), Some(b'{' | b'[')) {
                let mut json = Json::new(start);
                let read = json.feed(self.bundle, &self.value, self.findings);
                if read.and_then(|()| json.finish(self.bundle, self.findings)).is_err()
                    && (self.route.unsure || self.route.flags & operation::BEARS != 0)
                {
                    // Not JSON, or not for every parser: what stands in it is not known.
                    self.findings.present(role::SUSPECT);
                }
                return Ok(());
            }
            decode(&self.value, &mut self.spare);
            if self.spare == self.value {
                break;
            }
            core::mem::swap(&mut self.value, &mut self.spare);
        }
        Ok(())
    }

    /// Leaves the value, its carrier's encoding undone, in `self.value`.
    fn decoded(&mut self, value: &[u8], plus_is_blank: bool) {
        blank(value, plus_is_blank, &mut self.spare);
        decode(&self.spare, &mut self.value);
    }
}

/// Copies a text, `+` read as a blank or as itself.
fn blank(text: &[u8], plus_is_blank: bool, to: &mut Vec<u8>) {
    to.clear();
    to.extend_from_slice(text);
    for byte in to {
        if plus_is_blank && *byte == b'+' {
            *byte = b' ';
        }
    }
}

fn generic(key: &Key) -> Option<u8> {
    let folded = key.folded()?;
    GENERIC.iter().find(|(name, _)| *name == folded).map(|(_, role)| *role)
}

fn is_credential(role: u8) -> bool {
    role >= role::HEADER_BEARER
}

fn trim(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}
