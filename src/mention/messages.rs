//! What the origin says on a WebSocket: does it name the model that runs?
//!
//! Input: the origin's messages, each in pieces, and the start states of the answers of the operations that the connection may be. Output: what
//! they name, for the findings of the connection. It holds none of their bytes: whoever relays them holds those that may not go yet.
//!
//! A message that is no JSON names nothing. What parsers read differently is read in full, and each name counts.

use alloc::vec::Vec;

use super::findings::Findings;
use super::json::Json;
use crate::bundle::view::Bundle;

/// The reader of the origin's messages.
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

    /// Reads on in a message.
    pub(crate) fn feed(&mut self, bundle: Bundle<'_>, bytes: &[u8]) {
        for reader in &mut self.readers {
            // One that has failed fails again: what follows in the message names nothing.
            let _ = reader.feed(bundle, bytes, &mut self.findings);
        }
    }

    /// The message ends; gives what it named.
    pub(crate) fn end(&mut self, bundle: Bundle<'_>) -> Findings {
        for (reader, state) in self.readers.iter_mut().zip(&self.states) {
            reader.restart(*state);
        }
        core::mem::replace(&mut self.findings, Findings::new(bundle))
    }
}
