//! Finds the models that a text names.

pub(crate) mod alias;
pub(crate) mod findings;
pub(crate) mod header;
pub(crate) mod json;
pub(crate) mod json_lines;
pub(crate) mod key;
pub(crate) mod memory;
pub(crate) mod messages;
pub(crate) mod model_id;
