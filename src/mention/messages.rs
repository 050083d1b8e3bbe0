//! Reads the origin's messages on a WebSocket for the model that runs.
//!
//! Input: the origin's messages, each in pieces, and the response start states of the operations
//! that the connection may belong to. Output: the names, for the findings of the connection. It
//! holds no bytes of the messages. The code that relays them holds those that may not go yet.
//!
//! A message that is not JSON names nothing. A message that parsers read differently is read to its
//! end, and each name in it counts.

use alloc::vec::Vec;

use super::findings::Findings;
use super::json::Json;
use crate::bundle::view::Bundle;

/// Reads the origin's messages.
pub(crate) struct OriginMessages {
    states: Vec<u32>,
    readers: Vec<Json>,
    findings: Findings,
}

impl OriginMessages {
    pub(crate) fn new(bundle: Bundle<'_>, states: Vec<u32>) -> Self {
        Self {
            readers: states.iter().map(|state| Json::new(*state)).collect(),
            states,
            findings: Findings::new(bundle),
        }
    }

    /// Reads a piece of a message.
    pub(crate) fn feed(&mut self, bundle: Bundle<'_>, bytes: &[u8]) {
        for reader in &mut self.readers {
            // A reader that has failed fails again: the rest of the message names nothing.
            let _ = reader.feed(bundle, bytes, &mut self.findings);
        }
    }

    /// Ends the message and returns the names in it.
    pub(crate) fn end(&mut self, bundle: Bundle<'_>) -> Findings {
        for (reader, state) in self.readers.iter_mut().zip(&self.states) {
            reader.restart(*state);
        }
        core::mem::replace(&mut self.findings, Findings::new(bundle))
    }
}
