//! Tools to examine a policy: the reference evaluator, requests as lines, explanations.
//!
//! Input: policies, bundles, and requests in the form that people and logs write. Output: verdicts
//! and the reasons for them. The edge needs none of this.

pub(crate) mod decide;
pub(crate) mod explain;
pub(crate) mod line;
pub(crate) mod reference;
pub(crate) mod response;
pub(crate) mod surface;

pub use self::decide::Decider;
pub use self::explain::words::instant;
pub use self::explain::{Explanation, explain, strange_switch};
pub use self::line::{AccountFacts, Frame, LineError, RequestLine};
pub use self::reference::{
    Held, Known, PatternKey, ReadAs, Reference, ReferenceDeniedSet, Setting, Subject, Truth,
    patterns,
};
pub use self::response::ResponseOutcome;
pub use self::surface::{Meaning, Surface, SurfaceMatch};
