//! Why a policy has no public bundle.

use std::fmt;

use crate::policy::diagnostic::code;
use crate::policy::diagnostic::problem::Problem;
use crate::policy::model::{Policy, Span};

/// A reason why a policy has no public bundle that is at least as strict.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicError {
    /// A pattern cannot be left out: a restriction that stays closes it, and without it some id
    /// would count as a model that the restriction does not close.
    Pattern {
        /// Text of the pattern.
        pattern: String,
        /// Id of the restriction that stays.
        restriction: String,
        /// Id of a dropped rule that names the pattern.
        rule: String,
        /// Span of the restriction that stays.
        span: Span,
    },
    /// A table of deployments cannot be left out: without it, a name would count as a model with
    /// more access than what it runs.
    Deployment {
        /// Name of the table.
        table: String,
        /// The name.
        name: String,
        /// Span of its entry.
        span: Span,
    },
    /// The whole policy cannot become a bundle, so that its names cannot be compared.
    NotCompiled,
}

impl PublicError {
    /// Returns what to do.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Pattern { rule, .. } => Some(format!("keep the rule: `--keep rule:{rule}`")),
            Self::Deployment { table, .. } => Some(format!(
                "keep the table: `--keep deployments:{table}`, or rename the deployment"
            )),
            Self::NotCompiled => None,
        }
    }
}

impl PublicError {
    /// Returns the error as a problem at its span, or else at the table `[policy]`.
    #[must_use]
    pub fn problem(&self, policy: &Policy) -> Problem {
        let span = match self {
            Self::Pattern { span, .. } | Self::Deployment { span, .. } => *span,
            Self::NotCompiled => policy.span,
        };
        Problem::new(code::NOT_COMPILED, span, self.to_string()).help_if(self.help())
    }
}

impl fmt::Display for PublicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern { pattern, restriction, rule, .. } => write!(
                f,
                "the pattern `{pattern}` of `{rule}` cannot be left out: `{restriction}` closes it, and without it some of its ids would be open"
            ),
            Self::Deployment { table, name, .. } => write!(
                f,
                "the deployments `{table}` cannot be left out: `{name}` looks like another model than the one that it runs"
            ),
            Self::NotCompiled => write!(f, "the policy cannot be compiled"),
        }
    }
}

impl std::error::Error for PublicError {}
