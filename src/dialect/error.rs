//! What can be wrong with a dialect file, or with the choice of dialects.

use std::fmt;

use crate::limits;

/// A mistake in a dialect file, with the file and the operation or shape that it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialectError {
    /// Name of the file, `openai.toml`.
    pub file: String,
    /// The operation or shape, if the mistake is in one.
    pub operation: Option<String>,
    /// What is wrong.
    pub mistake: Mistake,
}

/// What is wrong with a dialect file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mistake {
    /// Not TOML; the parser's words.
    Toml(String),
    /// A key that must be there is not.
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A value of another type than expected.
    Type {
        /// The key.
        key: String,
        /// What stands there in a sound file.
        expected: &'static str,
    },
    /// A key that the format does not know.
    UnknownKey {
        /// The key.
        key: String,
    },
    /// A word that is none of those allowed: a class, a error_format, a method.
    UnknownWord {
        /// What kind of word is asked for.
        kind: &'static str,
        /// The word found.
        found: String,
    },
    /// A shape that neither the file nor `gateway.toml` declares.
    UnknownShape {
        /// The name.
        name: String,
    },
    /// A shape that includes itself.
    ShapeLoop {
        /// The name.
        name: String,
    },
    /// A route or location that cannot be read.
    Malformed {
        /// The text.
        text: String,
        /// Why.
        reason: &'static str,
    },
    /// A location names a capture that the operation's path does not have.
    UnknownCapture {
        /// The capture's name.
        name: String,
    },
    /// Two operations of one id.
    Duplicate {
        /// The id.
        id: String,
    },
    /// One object has more wanted keys than the scanner keeps apart.
    TooManyKeys {
        /// Wanted keys of the object.
        found: usize,
    },
    /// More dialects than a bundle holds.
    TooManyDialects {
        /// Dialects, each under one prefix.
        found: usize,
    },
    /// No dialect has this id.
    UnknownDialect {
        /// The id.
        id: String,
    },
}

impl DialectError {
    /// The stable code: `dialect_toml`, ...
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.mistake {
            Mistake::Toml(_) => "dialect_toml",
            Mistake::Missing { .. } => "dialect_missing",
            Mistake::Type { .. } => "dialect_type",
            Mistake::UnknownKey { .. } => "dialect_unknown_key",
            Mistake::UnknownWord { .. } => "dialect_unknown_word",
            Mistake::UnknownShape { .. } => "dialect_unknown_shape",
            Mistake::ShapeLoop { .. } => "dialect_shape_loop",
            Mistake::Malformed { .. } => "dialect_malformed",
            Mistake::UnknownCapture { .. } => "dialect_unknown_capture",
            Mistake::Duplicate { .. } => "dialect_duplicate",
            Mistake::TooManyKeys { .. } => "dialect_too_many_keys",
            Mistake::TooManyDialects { .. } => "dialect_too_many",
            Mistake::UnknownDialect { .. } => "dialect_unknown",
        }
    }
}

impl fmt::Display for DialectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(operation) = &self.operation {
            write!(f, ", `{operation}`")?;
        }
        f.write_str(": ")?;
        match &self.mistake {
            Mistake::Toml(words) => f.write_str(words.trim_end()),
            Mistake::Missing { key } => write!(f, "`{key}` is missing"),
            Mistake::Type { key, expected } => write!(f, "`{key}` must be {expected}"),
            Mistake::UnknownKey { key } => write!(f, "unknown key `{key}`"),
            Mistake::UnknownWord { kind, found } => write!(f, "`{found}` is no {kind}"),
            Mistake::UnknownShape { name } => write!(f, "no shape is called `{name}`"),
            Mistake::ShapeLoop { name } => write!(f, "the shape `{name}` includes itself"),
            Mistake::Malformed { text, reason } => write!(f, "`{text}`: {reason}"),
            Mistake::UnknownCapture { name } => {
                write!(f, "no path of the operation captures `{{{name}}}`")
            }
            Mistake::Duplicate { id } => write!(f, "a second operation `{id}`"),
            Mistake::TooManyKeys { found } => {
                write!(
                    f,
                    "{found} wanted keys in one object; at most {} are kept apart",
                    limits::KEYS_PER_OBJECT
                )
            }
            Mistake::TooManyDialects { found } => {
                write!(f, "{found} guarded dialects; a bundle holds at most {}", limits::DIALECTS)
            }
            Mistake::UnknownDialect { id } => write!(f, "no dialect is called `{id}`"),
        }
    }
}

impl std::error::Error for DialectError {}
