//! Finds the models that the query mentions.
//!
//! Input: the query as it was sent, and the operations that the request may be. Output: texts into
//! [`Findings`]. It does not choose between several parameters of one name: all of them count.
//!
//! ```text
//! separators   `&`; a pair that contains `;` is read whole and also divided there
//! names        `+` and escapes are decoded, and each round counts; folded as a JSON key is;
//!              `model[]`, `model[0]`, `svg[model]`, `svg.model`
//! values       `+` as a blank and as itself; escapes are decoded once here, and further rounds are
//!              left to the reader of model ids
//! ```
//!
//! Roles come from the operation's query locations. A name in `GENERIC` counts for every operation,
//! unless each operation declares the name as something else (a search filter). Where a model may
//! run, every name that suggests a model is a hint. A value that is a JSON document is scanned for
//! keys whose names suggest a model.

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

/// Names that mention a model in every operation, folded.
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
/// Those of a mention, as [`Findings::text`] returns them, and more than [`limits::PARAMETERS`]
/// pairs.
pub(crate) fn read(
    bundle: Bundle<'_>,
    query: &[u8],
    route: &Route,
    findings: &mut Findings,
) -> Result<(), Reason> {
    let mut reader = QueryReader {
        bundle,
        route,
        findings,
        name: Vec::new(),
        value: Vec::new(),
        spare: Vec::new(),
    };
    let mut result = Ok(());
    let mut count = 0;
    pairs(query, &mut |pair| {
        count += 1;
        let read = if count > limits::PARAMETERS {
            Err(Reason::TooManyParameters)
        } else {
            reader.pair(pair)
        };
        result = result.and(read);
        count <= limits::PARAMETERS
    });
    result
}

struct QueryReader<'r, 'b> {
    bundle: Bundle<'b>,
    route: &'r Route,
    findings: &'r mut Findings,
    name: Vec<u8>,
    value: Vec<u8>,
    spare: Vec<u8>,
}

impl QueryReader<'_, '_> {
    fn pair(&mut self, pair: &[u8]) -> Result<(), Reason> {
        let (name, value) = name_and_value(pair);
        let mut result = self.json(value);
        blank(name, true, &mut self.name);
        for _ in 0..=limits::PERCENT_ROUNDS {
            let name = core::mem::take(&mut self.name);
            self.findings.record_secret(b'=', &name, value);
            let read = self.named(&name, value);
            result = result.and(read);
            if decode(&name, &mut self.name) {
                // Some servers also decode other escapes (`%u006d`), and some drop malformed ones.
                return result.and(self.text(role::HINT, value));
            }
            if name == self.name {
                break;
            }
        }
        result
    }

    /// Reads the value under one decoding of the name.
    fn named(&mut self, name: &[u8], value: &[u8]) -> Result<(), Reason> {
        let mut parts =
            name.split(|b| matches!(b, b'[' | b']' | b'.')).filter(|part| !part.is_empty());
        let mut key = Key::EMPTY;
        key.push(trim(parts.next().unwrap_or_default()));
        let mut declared = 0;
        let mut known = 0;
        let mut result = Ok(());
        for operation in self.route.operations(self.bundle) {
            known += 1;
            let locations: Table<'_, l::Location> = self.bundle.table(section::LOCATIONS);
            let location = locations
                .span(operation.query)
                .iter()
                .find(|location| Some(self.bundle.text(location.name).as_bytes()) == key.folded());
            if let Some(location) = location.filter(|location| !is_credential(location.role)) {
                declared += 1;
                let read = self.declared(&location, value);
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
        // `qs` divides a pair at the first `]=`, wherever it is.
        let mut like = runs && (key.is_like() || value.contains(&b'='));
        for part in parts {
            key.clear();
            key.push(trim(part));
            like |= generic(&key).is_some() || runs && key.is_like();
        }
        if like { result.and(self.text(role::HINT, value)) } else { result }
    }

    fn declared(&mut self, location: &l::Location, value: &[u8]) -> Result<(), Reason> {
        match location.role {
            role::NOTHING => Ok(()),
            role::NESTED_JSON => {
                self.decoded(value, true);
                let mut json = Json::new(location.state);
                json.feed(self.bundle, &self.value, self.findings)?;
                json.finish(self.bundle, self.findings)
            }
            role => self.text(role, value),
        }
    }

    /// Reads a value that may name a model.
    fn text(&mut self, role: u8, value: &[u8]) -> Result<(), Reason> {
        self.decoded(value, true);
        let result = self.findings.text(self.bundle, role, &self.value, Carrier::Query);
        if value.contains(&b'+') {
            self.decoded(value, false);
            return result.and(self.findings.add_decoding(self.bundle, role, &self.value));
        }
        result
    }

    /// Scans a value that is a JSON document for keys whose names suggest a model.
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
                    // It is not JSON, or not to every parser, so its content is unknown.
                    self.findings.record_present(role::SUSPECT);
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

    /// Decodes the value into `self.value`: `+` as asked, then one round of escapes.
    fn decoded(&mut self, value: &[u8], plus_is_blank: bool) {
        blank(value, plus_is_blank, &mut self.spare);
        decode(&self.spare, &mut self.value);
    }
}

/// Copies a text, with `+` read as a blank or as itself.
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
