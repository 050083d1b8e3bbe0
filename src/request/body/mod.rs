//! Bodies of several fields: forms and multipart messages.

pub(crate) mod field;
pub(crate) mod form;
pub(crate) mod multipart;
