//! The body readers alone, for fuzzing and benchmarks. Compiled only with `--cfg fuzzing`.

pub use sketched::bundle;

use crate::bundle::view::Bundle;
use crate::mention::findings::Findings;
use crate::mention::json::Json;
use crate::mention::json_lines::JsonLines;
use crate::reason::Reason;
use crate::request::body::form::Form;
use crate::request::body::multipart::Multipart;

/// The reader to use.
#[derive(Clone, Copy, Debug)]
pub enum ProbeKind {
    /// One JSON document.
    Json,
    /// JSON documents, one a line.
    JsonLines,
    /// A URL-encoded form.
    Form,
    /// A multipart form with the boundary `B`.
    Multipart,
}

/// A body reader with its findings.
pub struct Probe {
    body: Body,
    findings: Findings,
}

enum Body {
    Json(Json),
    JsonLines(JsonLines),
    Form(Form),
    Multipart(Multipart),
}

impl Probe {
    /// Makes a reader that starts at this state of the bundle's automaton.
    ///
    /// # Errors
    ///
    /// None, since the boundary is valid.
    pub fn new(bundle: Bundle<'_>, kind: ProbeKind, state: u32) -> Result<Self, Reason> {
        let body = match kind {
            ProbeKind::Json => Body::Json(Json::new(state)),
            ProbeKind::JsonLines => Body::JsonLines(JsonLines::new(state)),
            ProbeKind::Form => Body::Form(Form::new(state)),
            ProbeKind::Multipart => {
                Body::Multipart(Multipart::new(state, "multipart/form-data; boundary=B", None)?)
            }
        };
        Ok(Self { body, findings: Findings::new(bundle) })
    }

    /// Reads the next bytes.
    ///
    /// # Errors
    ///
    /// The errors of the reader.
    pub fn feed(&mut self, bundle: Bundle<'_>, bytes: &[u8]) -> Result<(), Reason> {
        match &mut self.body {
            Body::Json(json) => json.feed(bundle, bytes, &mut self.findings),
            Body::JsonLines(lines) => lines.feed(bundle, bytes, &mut self.findings),
            Body::Form(form) => form.feed(bundle, bytes, &mut self.findings),
            Body::Multipart(form) => form.feed(bundle, bytes, &mut self.findings),
        }
    }

    /// Ends the body.
    ///
    /// # Errors
    ///
    /// The errors of the reader.
    pub fn finish(&mut self, bundle: Bundle<'_>) -> Result<(), Reason> {
        match &mut self.body {
            Body::Json(json) => json.finish(bundle, &mut self.findings),
            Body::JsonLines(lines) => lines.finish(bundle, &mut self.findings),
            Body::Form(form) => form.finish(bundle, &mut self.findings),
            Body::Multipart(form) => form.finish(bundle, &mut self.findings),
        }
    }

    /// Returns the findings, in a form that can be compared.
    #[must_use]
    pub fn found(&self) -> (Vec<&str>, [bool; 4]) {
        let mentions = self.findings.kept().iter().map(|mention| mention.text.as_str()).collect();
        (
            mentions,
            [
                self.findings.names_a_model(),
                self.findings.binds(),
                self.findings.suspect(),
                self.findings.mentioned(),
            ],
        )
    }
}

mod sketched {
    use crate::bundle::view::OwnedBundle;
    use crate::testing::automaton;

    /// Returns the bundle of the readers' unit tests. Its start state is 0.
    #[must_use]
    pub fn bundle() -> OwnedBundle {
        automaton::bundle(&automaton::chat())
    }
}
