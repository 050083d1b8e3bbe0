//! Decides requests given as lines: `portcullis decide`, and every test that holds two builds against each other.
//!
//! Input: a bundle and lines. Output: a line of verdict for each, in the same words as the edge module's.

use alloc::string::String;

use serde_json::Value as Json;

use super::line::{LineError, RequestLine};
use crate::bundle::OwnedBundle;
use crate::gate::{Approach, Caller, Gate, GateError};
use crate::request::Head;
use crate::verdict::Verdict;

/// A bundle that decides lines.
pub struct Decider {
    gate: Gate,
}

impl Decider {
    /// Takes a checked bundle, and the deployment's list key if the bundle has secret lists.
    ///
    /// # Errors
    /// [`GateError::ListKey`] if the key is not the one that the bundle was compiled with.
    pub fn new(bundle: OwnedBundle, list_key: Option<&[u8]>) -> Result<Self, GateError> {
        Ok(Self { gate: Gate::new(bundle, list_key)? })
    }

    /// Decides one line. `clock` is the time, in milliseconds since the epoch, of lines that do not say `now`.
    ///
    /// # Errors
    /// [`LineError`] if the line is not a request. Whatever a request holds is no error but a verdict.
    pub fn decide(&mut self, line: &str, clock: i64) -> Result<String, LineError> {
        let line = RequestLine::read(line)?;
        let verdict = self.verdict(&line, clock);
        Ok(with_id(&line.id, &verdict.to_json()))
    }

    /// The verdict on a request.
    pub fn verdict(&mut self, line: &RequestLine, clock: i64) -> Verdict {
        for (rule, state) in &line.switch {
            self.gate.switch(rule, *state);
        }
        let verdict = self.judge(line, line.now.unwrap_or(clock));
        if !line.switch.is_empty() {
            self.gate.unswitch();
        }
        verdict
    }

    fn judge(&mut self, line: &RequestLine, now: i64) -> Verdict {
        let caller = Caller {
            places: line.places.clone(),
            network: line.network,
            asn: line.asn,
            ip: line.ip,
            accounts: line
                .accounts
                .iter()
                .map(|facts| self.gate.account(facts.is_shared(), |name, _| facts.value(name)))
                .collect(),
            stale: false,
        };
        let unread = match self.gate.approach(&line.method, &line.url, &caller, now) {
            Approach::Pass(passed) => return self.gate.passed(&passed, &caller),
            Approach::Read(unread) => unread,
        };
        let headers: alloc::vec::Vec<(&str, &str)> =
            line.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut pending = self.gate.read(unread, &Head { method: &line.method, url: &line.url, headers: &headers });
        if pending.wants_body() {
            for piece in line.pieces() {
                if self.gate.feed(&mut pending, piece) {
                    break;
                }
            }
        }
        self.gate.conclude(&mut pending)
    }
}

/// Puts the id in front of a verdict's members.
fn with_id(id: &Json, verdict: &str) -> String {
    let members = verdict.strip_prefix('{').unwrap_or(verdict);
    alloc::format!("{{\"id\":{id},{members}")
}
