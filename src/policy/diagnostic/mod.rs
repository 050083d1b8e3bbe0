//! Problems of a policy, their codes and what to write instead.

pub(crate) mod code;
pub(crate) mod problem;
pub(crate) mod suggestion;
