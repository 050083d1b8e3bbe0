//! Reads the head of one HTTP request: target, method, headers, content type and coding. It knows
//! no policy.

pub(crate) mod content_type;
pub(crate) mod head;
pub(crate) mod method;
pub(crate) mod target;
