//! A head that was read once and is judged with one body after the other.
//!
//! Most requests of a deployment differ in their bodies alone. The head of such a request is kept
//! as it was read, and each body begins where the head ended. What the caller may use is not kept:
//! each body comes with its denied set.
//!
//! ```text
//! new     reads nothing; refuses heads whose bodies are not plain JSON
//! begin   goes back to the end of the head, under a denied set
//! feed    as of RequestReader
//! decide  the decision in numbers, without an allocation
//! outcome what the decision rests on, for whoever asks
//! ```

use super::{BodyStage, RequestReader};
use crate::bundle::layout::operation;
use crate::bundle::view::Bundle;
use crate::denied::DeniedSet;
use crate::http::content_type::BodyKind;
use crate::mention::findings::Findings;
use crate::verdict::{Decision, Outcome, RequestState};

/// See the head of this module.
pub struct KeptHead {
    reader: RequestReader,
    /// What the head left behind.
    findings: Findings,
    state: RequestState,
    ignores_non_json: bool,
}

impl KeptHead {
    /// Keeps a head that was read. `None`: its bodies are not plain JSON or need not be read, or the
    /// head itself settles the verdict. Such requests are read one by one.
    pub(crate) fn new(mut reader: RequestReader) -> Option<Self> {
        let RequestReader { state, content, .. } = &reader;
        let is_plain = content.kind == BodyKind::Json
            && content.codings.is_empty()
            && content.trouble.is_none()
            && state.trouble.is_none()
            && state.guarded
            && !state.upgrade
            && !state.preflight
            && !state.deletes
            && !state.has(operation::QUIET);
        if !is_plain {
            return None;
        }
        reader.findings.remember_ids();
        Some(Self {
            findings: reader.findings.clone(),
            state: reader.state,
            ignores_non_json: reader.ignores_non_json,
            reader,
        })
    }

    /// Goes back to the end of the head, for a body of a caller with this denied set, which is not
    /// empty.
    pub(crate) fn begin(&mut self, bundle: Bundle<'_>, denied_set: &DeniedSet) {
        let Self { reader, findings, state, ignores_non_json } = self;
        reader.findings.rewind(findings, &denied_set.denied);
        reader.state = *state;
        reader.state.everything = denied_set.is_everything(bundle);
        reader.denied.clone_from(&denied_set.denied);
        reader.ignores_non_json = *ignores_non_json;
        reader.renew_reader();
        reader.merged = 0;
        reader.left = usize::MAX;
        reader.decoded = false;
        reader.stage = BodyStage::Awaited;
    }

    /// Reads a piece of the body. Returns whether the verdict is settled.
    pub(crate) fn feed(&mut self, bundle: Bundle<'_>, bytes: &[u8]) -> bool {
        self.reader.feed(bundle, bytes);
        self.reader.settled()
    }

    /// Ends the body and decides.
    pub(crate) fn decide(&mut self, bundle: Bundle<'_>, denied_set: &DeniedSet) -> Decision {
        self.reader.decide(bundle, denied_set)
    }

    /// Returns what the last decision rests on.
    pub(crate) fn outcome(
        &self,
        bundle: Bundle<'_>,
        denied_set: &DeniedSet,
        decision: Decision,
    ) -> Outcome {
        self.reader.outcome(bundle, denied_set, decision)
    }

    /// Returns the number of the only mention's id, which stands for the same text as long as this
    /// head is kept. `None`: there is another number of mentions, or the id is not remembered.
    #[must_use]
    pub fn sole_mention(&self) -> Option<u32> {
        self.reader.findings.sole_number()
    }
}
