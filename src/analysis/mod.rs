//! Ways to look at a policy: the reference evaluator, requests as lines, explanations.
//!
//! Input: policies, bundles and requests as people and logs write them. Output: verdicts and what they rest on. The edge needs none of this.

mod answer;
mod decide;
mod explain;
mod line;
mod reference;

pub use answer::Answered;
pub use decide::Decider;
pub use explain::{Explanation, explain, strange_switch};
pub use line::{AccountFacts, Frame, LineError, RequestLine};
pub use reference::{Held, Known, PatternKey, ReadAs, Reference, ReferenceReach, Setting, Subject, Truth, patterns};
