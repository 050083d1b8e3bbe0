//! What the response to a request must be checked for.

/// What an answer must be held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Check {
    /// Nothing.
    Nothing,
    /// It lists models: those that are denied are left out.
    Filter,
    /// What was asked for may be used, but its name may lead elsewhere: an answer that names a denied model is cut.
    Lenient,
    /// What runs was the origin's to decide: an answer goes only once it has named a model that may be used.
    Strict,
    /// The same, and the answer names no model: only an origin that acknowledges the reach may be asked.
    Acknowledged,
}
