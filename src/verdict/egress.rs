//! How the response to a request must be checked.

/// How a response must be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ResponseCheck {
    /// Not at all.
    Nothing,
    /// It is a list of models. Denied ones are left out.
    Filter,
    /// The request names a model that may be used, but the name may lead to another one. The
    /// response is cut off if it names a denied model.
    Lenient,
    /// The origin decides which model runs. The response is released once it names a model that may
    /// be used.
    Strict,
    /// As `Strict`, but the response names no model. The request may be sent only to an origin that
    /// acknowledges the access header.
    Acknowledged,
}

impl ResponseCheck {
    /// All checks, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::Nothing, Self::Filter, Self::Lenient, Self::Strict, Self::Acknowledged];
}
