//! What is known of one model id, before anybody asks for it.

use alloc::string::String;
use alloc::vec::Vec;

use super::Gate;
use crate::compact::json;
use crate::denied::DeniedSet;
use crate::http::head::Head;
use crate::reason::Reason;
use crate::request::reader::RequestReader;
use crate::request::route;
use crate::verdict::VerdictKind;

/// The patterns that occur in a model id. Any number of denied sets of the same bundle can be
/// asked about it, without reading the id again.
///
/// ```text
/// gate.model(method, url, id) -> Model      once
/// model.may(denied set)       -> yes or no  for each caller
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// Numbers of the patterns, ascending. 0: a part of the id holds no pattern.
    pub patterns: Vec<u32>,
    /// A caller to whom none of the patterns is denied may certainly use the model. False for an
    /// unlisted id, unless the policy lets unlisted models pass.
    pub is_open: bool,
}

impl Model {
    /// Returns whether a caller with this denied set may certainly use the model.
    #[must_use]
    pub fn may(&self, denied_set: &DeniedSet) -> bool {
        denied_set.is_empty()
            || self.is_open && !self.patterns.iter().any(|pattern| denied_set.denies(*pattern))
    }
}

impl Gate {
    /// Reads a model id as a request of this method and URL would name it: as the member `model`
    /// of a JSON body.
    ///
    /// # Errors
    /// The reason for which a request with this id is refused: [`Reason::IdNotAscii`] and the like.
    pub fn model(&self, method: &str, url: &str, id: &str) -> Result<Model, Reason> {
        let bundle = self.bundle();
        let route = route::route(bundle, method, url);
        let head = Head { method, url, headers: &[("content-type", "application/json")] };
        let mut body = String::from("{");
        json::member(&mut body, "model");
        json::string(&mut body, id);
        body.push('}');
        // The search must not end before everything in the id was found, so the denied set has one
        // bit beyond all patterns.
        let mut nothing = DeniedSet::default();
        let words = bundle.meta().map_or(1, |meta| meta.mask_words as usize);
        nothing.denied.resize(words, 0);
        nothing.denied.push(1);
        let mut reader =
            RequestReader::new(bundle, &route, &head, &nothing, crate::request::batch::open);
        reader.model(bundle, body.as_bytes(), id).map(|(patterns, kind, reason)| Model {
            patterns,
            // The operation is usually unknown here, which is no reason against the model.
            is_open: kind == VerdictKind::Pass || reason == Reason::UnknownOperation,
        })
    }
}
