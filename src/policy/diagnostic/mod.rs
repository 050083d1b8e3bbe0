//! Problems of a policy: their codes, their text, and suggestions of what to write instead.

pub(crate) mod code;
pub(crate) mod problem;
pub(crate) mod suggestion;
