//! Reads bodies in every format that the gate knows. The readers of forms and multipart messages
//! are here; those of JSON and JSON Lines are in [`mention`](crate::mention).

use self::form::Form;
use self::multipart::Multipart;
use crate::bundle::view::Bundle;
use crate::mention::findings::Findings;
use crate::mention::json::Json;
use crate::mention::json_lines::JsonLines;
use crate::reason::Reason;

pub(crate) mod field;
pub(crate) mod form;
pub(crate) mod multipart;
pub(crate) mod part;

/// A reader of a body, by format.
pub(crate) enum Body {
    Json(Json),
    Lines(JsonLines),
    Form(Form),
    Multipart(Multipart),
}

impl Body {
    pub(crate) fn feed(
        &mut self,
        bundle: Bundle<'_>,
        bytes: &[u8],
        findings: &mut Findings,
    ) -> Result<(), Reason> {
        match self {
            Self::Json(json) => json.feed(bundle, bytes, findings),
            Self::Lines(lines) => lines.feed(bundle, bytes, findings),
            Self::Form(form) => form.feed(bundle, bytes, findings),
            Self::Multipart(multipart) => multipart.feed(bundle, bytes, findings),
        }
    }

    pub(crate) fn finish(
        &mut self,
        bundle: Bundle<'_>,
        findings: &mut Findings,
    ) -> Result<(), Reason> {
        match self {
            Self::Json(json) => json.finish(bundle, findings),
            Self::Lines(lines) => lines.finish(bundle, findings),
            Self::Form(form) => form.finish(bundle, findings),
            Self::Multipart(multipart) => multipart.finish(bundle, findings),
        }
    }
}
